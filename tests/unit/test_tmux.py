"""What a tmux says of itself and its terminal; a real one where it can be had."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pulsapi_tui.delivery.tmux import Options, Ran, Tmux, run
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY

PATIENCE_S = 20.0
TMUX = shutil.which("tmux")


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class RealTmux:
    """A tmux server of the test's own, and terminals that are attached to it."""

    def __init__(self, directory: Path) -> None:
        self._socket = directory / "tmux.sock"
        self._clients: list[tuple[subprocess.Popen[bytes], int, int]] = []
        self._closing = threading.Event()
        self._readers: list[threading.Thread] = []
        self("new-session", "-d", "-s", "main", "exec cat")

    def __call__(self, *arguments: str) -> str:
        return subprocess.run(
            [str(TMUX), "-f", os.devnull, "-S", str(self._socket), *arguments],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        ).stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        """That of a program in its pane."""
        place = self("display-message", "-p", "-t", "main", "#{socket_path},#{pid},0|#{pane_id}")
        socket, _, pane = place.partition("|")
        return {"PATH": os.environ["PATH"], "TMUX": socket, "TMUX_PANE": pane}

    def attach(self, term: str) -> int:
        """Attach a terminal; returns the process of its client."""
        master, slave = pty.openpty()
        before = self("list-clients").count("\n") + bool(self("list-clients"))
        client = subprocess.Popen(
            [str(TMUX), "-S", str(self._socket), "attach", "-t", "main"],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": term},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self._clients.append((client, master, slave))
        reader = threading.Thread(target=self._read, args=(master,), daemon=True)
        reader.start()
        self._readers.append(reader)
        until(lambda: len(self("list-clients").splitlines()) > before)
        return client.pid

    def _read(self, master: int) -> None:
        while not self._closing.is_set():
            if select.select([master], [], [], 0.05)[0]:
                with suppress(OSError):
                    os.read(master, 65536)

    def close(self) -> None:
        """End the server, and with it the terminals."""
        self("kill-server")
        for client, _, _ in self._clients:
            client.wait(PATIENCE_S)
        self._closing.set()
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for _, master, slave in self._clients:
            os.close(master)
            os.close(slave)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealTmux]:
    if TMUX is None:
        pytest.skip("tmux is not installed")
    it = RealTmux(tmp_path)
    yield it
    it.close()


def test_its_settings(real: RealTmux) -> None:
    tmux = Tmux(real.environment)
    assert real("-V") == f"tmux {tmux.version()}"
    assert tmux.options() == Options("external", allow_passthrough=False)
    assert not tmux.pane_pipe()
    real("set-option", "-s", "set-clipboard", "on")
    real("set-option", "-p", "-t", "main", "allow-passthrough", "on")
    real("pipe-pane", "-t", "main", "cat > /dev/null")
    assert tmux.options() == Options("external", allow_passthrough=False), "asked once"
    tmux = Tmux(real.environment)
    assert tmux.options() == Options("on", allow_passthrough=True)
    assert tmux.pane_pipe()


def test_the_names_in_its_environment(real: RealTmux) -> None:
    real("set-environment", "-t", "main", "SSH_TTY", "/dev/pts/9")
    real("set-environment", "-t", "main", "-r", "SSH_CLIENT")
    names = Tmux(real.environment).environment_names()
    assert names is not None
    assert "SSH_TTY" in names
    assert "SSH_CLIENT" not in names


@pytest.mark.parametrize(("term", "has"), [("xterm-256color", True), ("vt100", False)])
def test_the_clipboard_of_its_terminal(real: RealTmux, term: str, has: bool) -> None:
    assert Tmux(real.environment).client_has_clipboard() is False, "no terminal, no clipboard"
    pid = real.attach(term)
    assert Tmux(real.environment).client_has_clipboard() is has
    assert Tmux(real.environment).client_pids() == (pid,)


def test_the_terminal_that_was_used_last_counts(real: RealTmux) -> None:
    first = real.attach("vt100")
    # Its resolution of activity is a second: the first one must be of an earlier one.
    activity = real("list-clients", "-F", "#{client_activity}")
    until(lambda: int(time.time()) > int(activity))
    second = real.attach("xterm-256color")
    tmux = Tmux(real.environment)
    assert tmux.client_has_clipboard() is True
    assert set(tmux.client_pids()) == {first, second}
    real("new-session", "-d", "-s", "other", "exec cat")
    real("switch-client", "-c", real("display-message", "-p", "#{client_tty}"), "-t", "other")
    assert Tmux(real.environment).client_has_clipboard() is False
    assert Tmux(real.environment).client_pids() == (first,)


def test_what_it_is_given_is_in_no_buffer(real: RealTmux) -> None:
    real("set-buffer", "-b", "mine", "untouched")
    assert Tmux(real.environment).load(Secret(CANARY))
    assert real("list-buffers", "-F", "#{buffer_name}") == "mine"
    real("set-option", "-s", "set-clipboard", "on")
    real.attach("xterm-256color")
    assert Tmux(real.environment).load(Secret(CANARY))
    assert real("list-buffers", "-F", "#{buffer_name}") == "mine"


def test_a_server_that_is_gone_knows_nothing(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TMUX": f"{tmp_path}/none,1,0"}
    assert_knows_nothing(Tmux(environment))


def assert_knows_nothing(tmux: Tmux) -> None:
    assert tmux.environment_names() is None
    assert tmux.options() is None
    assert tmux.client_has_clipboard() is None
    assert tmux.client_pids() == ()
    assert tmux.version() == ""
    assert not tmux.pane_pipe()
    assert not tmux.load(Secret(CANARY))


def scripted(directory: Path, script: str) -> dict[str, str]:
    """An environment whose tmux is a script."""
    tool = directory / "tmux"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin", "TMUX": "/none,1,0"}


@pytest.mark.parametrize("script", ["exit 1", "echo; exit 1", "printf '\\377|\\n'; exit 3"])
def test_a_failure_is_no_answer(tmp_path: Path, script: str) -> None:
    assert_knows_nothing(Tmux(scripted(tmp_path, script)))


def test_no_tmux_at_all_is_no_answer(tmp_path: Path) -> None:
    assert_knows_nothing(Tmux({"PATH": str(tmp_path), "TMUX": "/none,1,0"}))


def test_what_hangs_is_asked_once(tmp_path: Path) -> None:
    environment = scripted(tmp_path, f"echo x >> {tmp_path}/calls; exec sleep 600")
    assert_knows_nothing(Tmux(environment, timeout_s=2))
    assert (tmp_path / "calls").read_text() == "x\n"


@pytest.mark.parametrize(
    ("version", "passthrough", "passes"),
    [
        ("2.9", "", True),
        ("3.2a", "", True),
        ("3.3a", "0", False),
        ("3.4", "off", False),
        ("next-3.8", "all", True),
        ("openbsd-7.4", "on", True),
        ("master", "", False),
    ],
)
def test_what_was_not_a_setting_yet_was_on(
    tmp_path: Path, version: str, passthrough: str, passes: bool
) -> None:
    environment = scripted(tmp_path, f"echo '/dev/pts/1|$0|{version}|0|external|{passthrough}'")
    assert Tmux(environment).options() == Options("external", passes)


@pytest.mark.parametrize(
    ("told", "has"),
    [
        ("Terminal 0: a for /dev/pts/9, flags=0:\n 1: Ms: (string) x\n", None),
        ("Terminal 0: a for /dev/pts/1, flags=0:\n 1: Ms: (string) x\n", True),
        ("Terminal 0: a for /dev/pts/1, flags=0:\n 1: Ms: [missing]\n", False),
        ("Terminal 0: a for /dev/pts/1, flags=0:\n 1: Cs: (string) Ms: (string)\n", None),
        (
            "Terminal 0: a for /dev/pts/9, flags=0:\n 1: Ms: (string) x\n"
            "Terminal 1: b for /dev/pts/1, flags=0:\n 1: Ms: [missing]\n",
            False,
        ),
        ("", None),
    ],
)
def test_only_the_terminal_in_question_counts(tmp_path: Path, told: str, has: bool | None) -> None:
    (tmp_path / "told").write_text(told)
    script = (
        f'[ "$1" != show-messages ] || exec cat {tmp_path}/told\n'
        "echo '/dev/pts/1|$0|3.3a|0|external|0'"
    )
    assert Tmux(scripted(tmp_path, script)).client_has_clipboard() is has


def test_a_program_that_can_t_be_started(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/no/such/interpreter\n")
    tool.chmod(0o755)
    assert run([str(tool)], {}, 5) == Ran(None)
    assert run(["/bin/cat", "a\0b"], {}, 5) == Ran(None)


def test_output_is_taken_only_where_it_is_asked_for() -> None:
    echo = ["/bin/sh", "-c", "cat; echo $PULSAPI_API_KEY$OTHER; exit 3"]
    environment = {"PULSAPI_API_KEY": "x", "OTHER": "y"}
    assert run(echo, environment, 20) == Ran(3)
    assert run(echo, environment, 20, secret=Secret("s-"), capture=True) == Ran(3, "s-y\n")
