"""What can't be done is one clear line and a non-zero exit, before anything is asked or sent."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.terminal.conftest import Machine
from tests.terminal.processes import PATIENCE_S
from tests.terminal.terminal import PROGRAM
from tests.thorough import thorough

KEY = "local_0123456789abcdefghijklmnopqrstuvwxyz"


def refusal(machine: Machine, arguments: Sequence[str], **environment: str) -> tuple[int, str]:
    """Run on a terminal, with a pipe for nothing but stdout; returns the status and stderr."""
    return run(machine, arguments, stdin_is_tty=True, stderr_is_tty=True, **environment)


def run(
    machine: Machine,
    arguments: Sequence[str],
    *,
    stdin_is_tty: bool,
    stderr_is_tty: bool,
    **environment: str,
) -> tuple[int, str]:
    """Run with each stream a terminal or not; returns the status and stderr."""
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=slave if stdin_is_tty else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave if stderr_is_tty else subprocess.PIPE,
            env=machine.environment(**environment),
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()
        if stderr_is_tty:
            os.set_blocking(master, False)
            stderr = os.read(master, 65536)
        assert stdout == b""
        return process.returncode, stderr.decode()
    finally:
        os.close(master)
        os.close(slave)


def assert_one_line(status: int, stderr: str, *texts: str, expected: int = 2) -> None:
    """One line that names what is wrong."""
    assert status == expected, stderr
    assert len(stderr.splitlines()) == 1, stderr
    assert stderr.startswith("pulsapi-tui"), stderr
    assert "Traceback" not in stderr
    assert "\x1b" not in stderr
    for text in texts:
        assert text in stderr


@pytest.mark.parametrize(("stdin", "stderr"), [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize("arguments", [["demo"], []])
def test_no_terminal(machine: Machine, stdin: bool, stderr: bool, arguments: list[str]) -> None:
    """Refused before anything is drawn into a file or a pipe, and before a server is started."""
    status, said = run(
        machine, arguments, stdin_is_tty=stdin, stderr_is_tty=stderr, PULSAPI_API_KEY=KEY
    )
    assert_one_line(status, said, "needs a terminal")
    assert not machine.demo_folders


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"TEXTUAL_LOG": "/tmp/log"}, "TEXTUAL_LOG"),  # noqa: S108  # nothing is written there
        ({"TEXTUAL_SCREENSHOT": "1"}, "TEXTUAL_SCREENSHOT"),
        ({"TEXTUAL": "devtools"}, "devtools"),
    ],
)
def test_recorders(machine: Machine, environment: dict[str, str], text: str) -> None:
    """What would write a secret into a file."""
    assert_one_line(*refusal(machine, ["demo"], **environment), text)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("not a url", "https://"),
        ("ftp://127.0.0.1", "https://"),
        ("http://pulsapi.example", "in the clear"),
        *thorough(
            [
                ("http://127.0.0.1:99999", "not valid"),
                ("http://192.0.2.7:8787", "in the clear"),
                ("http://127.0.0.1.pulsapi.example", "in the clear"),
                ("https://user:word@pulsapi.example", "password"),
                ("https://pulsapi.example/v1", "after the host"),
            ]
        ),
    ],
)
def test_a_bad_address(machine: Machine, url: str, text: str) -> None:
    """By the option, and by the environment."""
    status, said = refusal(machine, ["--base-url", url], PULSAPI_API_KEY=KEY)
    assert_one_line(status, said, text)
    assert KEY not in said
    assert (status, said) == refusal(machine, [], PULSAPI_API_KEY=KEY, PULSAPI_BASE_URL=url)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY} {KEY}", "clé"])
def test_a_key_that_no_header_can_carry(machine: Machine, key: str) -> None:
    """Said without the key."""
    status, said = refusal(machine, [], PULSAPI_API_KEY=key)
    assert_one_line(status, said, "API key", expected=3)
    assert KEY not in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["demo", "--nonsense"], "--nonsense"),
        (["demo", "--keys", "0"], "1 to 1000000"),
        (["demo", "--keys", "many"], "1 to 1000000"),
        (["demo", "--plan", "gold"], "gold"),
        (["demo", "--role", "king"], "king"),
        (["serve", "--port", "99999"], "99999"),
        (["serve", "--port", "0"], "1 to 65535"),
        (["serve", "--port", "http"], "http"),
        (["serve", "--host", "0.0.0.0"], "loopback"),  # noqa: S104  # that it is refused
    ],
)
def test_a_bad_option(machine: Machine, tmp_path: Path, arguments: list[str], text: str) -> None:
    """No usage text in the way."""
    data = ["--data", str(tmp_path / "data")] if arguments[0] == "serve" else []
    assert_one_line(*refusal(machine, [*arguments, *data]), text)


def test_a_port_in_use(machine: Machine, tmp_path: Path) -> None:
    """No second server, and no data made."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        data = tmp_path / "data"
        status, said = refusal(machine, ["serve", "--port", port, "--data", str(data)])
    assert_one_line(status, said, port, "in use", expected=1)
    assert not data.exists()
