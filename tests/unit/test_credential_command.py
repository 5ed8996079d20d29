"""A key that a command prints: its output alone, one line, in time, and drawn over nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from pulsapi_tui.config.credential_command import CommandStore
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.running import Running
from tests.server.support import wait_until
from tests.unit.support import CANARY
from tests.unit.test_command import is_running, wait_until_ended
from tests.unit.test_credentials import refused

KEY = Secret(CANARY)


class Bench:
    """A command that is a script on a PATH of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bin").mkdir()
        self.environment = {
            "PATH": f"{directory / 'bin'}:/usr/bin:/bin",
            "PULSAPI_API_KEY": CANARY,
            "GPG_TTY": "/dev/pts/9",
            "KEPT": "yes",
        }

    def script(self, text: str) -> None:
        path = self.directory / "bin" / "lookup"
        path.write_text(f"#!/bin/sh\ncd '{self.directory}'\n{text}\n")
        path.chmod(0o755)

    def credentials(self, *, may_prompt: bool = False) -> StoredCredentials:
        return StoredCredentials(
            self.directory / "credentials", self.environment, may_prompt=may_prompt
        )

    def profile(self, *argv: str) -> Profile:
        return Profile(name="prod", source=CredentialSource(Kept.COMMAND, argv or ("lookup", "it")))

    def read(self) -> Secret:
        return self.credentials().read_now(self.profile())

    def refused(self) -> str:
        return refused(self.read)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("ending", ["", "\\n", "\\r\\n"])
def test_the_output_is_the_key(bench: Bench, ending: str) -> None:
    bench.script(f"printf '{CANARY}{ending}'; echo warning >&2")
    assert bench.read() == KEY


def test_what_the_command_gets(bench: Bench) -> None:
    bench.script(
        f"env > env; ps -o sid= -p $$ > session; echo $$ > pid; readlink /proc/self/fd/0 > stdin\n"
        f'echo "$*" > arguments; echo {CANARY}'
    )
    bench.credentials().read_now(bench.profile("lookup", "a b", "$HOME;x"))
    environment = (bench.directory / "env").read_text()
    assert "KEPT=yes" in environment
    assert "PULSAPI_API_KEY" not in environment
    assert "GPG_TTY" not in environment, "pinentry would paint over the screen"
    assert (bench.directory / "arguments").read_text() == "a b $HOME;x\n"
    session, pid = ((bench.directory / name).read_text().strip() for name in ("session", "pid"))
    assert session == pid, "it has no terminal to draw on"
    assert (bench.directory / "stdin").read_text() == "/dev/null\n"


REFUSED = {
    "true": "“lookup it” printed what is empty. It has to print the key alone.",
    "echo": "printed what is empty",
    f"echo {CANARY}; echo url": "printed what has 2 lines, and a key is one",
    f"echo; echo {CANARY}": "printed what has 2 lines",
    f"echo ' {CANARY}'": "From the output of “lookup it”: The API key holds a space",
    "exit 3": "failed with exit code 3. Run it once in a shell first",
    f"echo {CANARY}; exit 1": "failed with exit code 1",
    "kill -TERM $$": "was ended by signal SIGTERM",
    "echo 'gpg: no secret key' >&2; exit 2": "It said: gpg: no secret key",
    "printf 'a\\nlast \\033[2J\\n\\n' >&2; exit 2": "It said: last \N{REPLACEMENT CHARACTER}[2J",
}


@pytest.mark.parametrize("script", REFUSED)
def test_what_is_no_key_is_refused(bench: Bench, script: str) -> None:
    bench.script(script)
    assert REFUSED[script] in bench.refused()


LEAKS = {
    "beside the output": f"echo {CANARY}; echo 'no: {CANARY}' >&2; exit 1",
    "alone": f"echo 'cannot use {CANARY} here' >&2; exit 1",
    "in base64": f"echo {CANARY}; printf {CANARY} | base64 -w0 >&2; exit 1",
    "cut short": f"echo {CANARY}; echo {CANARY[6:20]} >&2; exit 1",
    "among many": f"seq 1000; echo {CANARY}; echo {CANARY} >&2; exit 1",
    "in a long line": f"printf '%0300d {CANARY}\\n' 1 >&2; exit 1",
}


@pytest.mark.parametrize("how", LEAKS)
def test_a_command_that_tells_the_key_is_not_quoted(bench: Bench, how: str) -> None:
    bench.script(LEAKS[how])
    sentence = bench.refused()
    assert "failed with exit code 1" in sentence
    assert len(sentence) < 500


async def test_keeping_is_comparing(bench: Bench) -> None:
    bench.script(f"echo {CANARY}; echo {CANARY} >&2")
    credentials = bench.credentials()
    await credentials.keep(bench.profile(), KEY)
    another = Secret("another-key-than-that")
    sentence = refused(lambda: credentials.keep_now(bench.profile(), another))
    assert "“lookup it” prints another key than the one that was tested" in sentence
    await credentials.forget(bench.profile())
    assert await credentials.read(bench.profile()) == KEY
    bench.script(f"echo {CANARY} >&2; exit 1")
    assert "It said" not in refused(lambda: credentials.keep_now(bench.profile(), KEY))


def test_a_command_that_has_the_key_in_it_is_not_kept(bench: Bench) -> None:
    profile = bench.profile("echo", CANARY)
    with pytest.raises(CredentialError, match="The key itself stands in the command") as caught:
        bench.credentials().keep_now(profile, KEY)
    assert KEY.is_safe_beside(caught.value.user_message)


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("./lookup", "“./lookup” depends on the directory that you are in. Give its whole path."),
        ("bin/lookup", "depends on the directory"),
        ("nowhere", "“nowhere” is not found. Install it, or give its whole path."),
        ("/nowhere", "is not found"),
        ("", "is not found"),
    ],
)
def test_a_program_that_is_not_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, program: str, sentence: str
) -> None:
    bench.script(f"echo {CANARY}")
    monkeypatch.chdir(bench.directory / "bin")
    bench.environment["PATH"] = ":.:bin"
    profile = bench.profile(program)
    assert sentence in refused(lambda: bench.credentials().read_now(profile))
    bench.environment["PATH"] = ":.:"
    refused(lambda: bench.credentials().read_now(bench.profile("lookup")))


def test_a_whole_path_needs_no_search(bench: Bench) -> None:
    bench.script(f"echo {CANARY}")
    bench.environment["PATH"] = ""
    path = str(bench.directory / "bin" / "lookup")
    assert bench.credentials().read_now(bench.profile(path)) == KEY


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CommandStore, "TIMEOUT_S", 0.5)
    bench.script(f"echo {CANARY}; sleep 600 & echo $! > child; wait")
    assert "did not end within 0.5 s and was ended. Run it once in a shell" in bench.refused()
    wait_until_ended(int((bench.directory / "child").read_text()))


def test_a_flood_is_ended_before_its_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real, were_early = Running.until, []

    def until(self: Running, deadline: float, give_up: Callable[[], bool] | None = None) -> object:
        status = real(self, deadline, give_up)
        were_early.append(time.monotonic() < deadline)
        return status

    monkeypatch.setattr(CommandStore, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(Running, "until", until)
    for script in ("exec yes local_key", "yes | head -c 9000; exec sleep 600"):
        bench.script(script)
        assert "printed what is longer than 8 KiB" in bench.refused()
    assert were_early == [True, True]


async def test_who_gives_up_ends_the_command(bench: Bench) -> None:
    bench.script("echo $$ > pid.new; mv pid.new pid; exec sleep 600")
    reading = asyncio.create_task(bench.credentials().read(bench.profile()))
    await asyncio.to_thread(wait_until, (bench.directory / "pid").exists)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.to_thread(wait_until_ended, int((bench.directory / "pid").read_text()))


# --- with the terminal --------------------------------------------------------------------------

_ASK = """
import os, sys
from pathlib import Path
from pulsapi_tui.config.credential_command import CommandStore
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
CommandStore.PROMPT_TIMEOUT_S = float(sys.argv[2])
environment = {**os.environ, "PULSAPI_API_KEY": "x", "GPG_TTY": "here"}
credentials = StoredCredentials(Path("nowhere"), environment, may_prompt=True)
profile = Profile(name="p", source=CredentialSource(Kept.COMMAND, (sys.argv[1],)))
try:
    print("length", len(credentials.read_now(profile).reveal()))
except CredentialError as error:
    print(error.user_message)
"""


def _in_terminal(bench: Bench, timeout_s: float) -> pexpect.spawn[str]:
    return pexpect.spawn(
        sys.executable,
        ["-c", _ASK, str(bench.directory / "bin" / "lookup"), str(timeout_s)],
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 200),
    )


def test_before_the_screens_it_may_ask_at_the_terminal(bench: Bench) -> None:
    bench.script(
        f"printf 'Passphrase: ' >&2; read -r word; test \"$GPG_TTY$PULSAPI_API_KEY\" = here "
        f'&& test "$word" = open && echo {CANARY}'
    )
    terminal = _in_terminal(bench, 30)
    terminal.expect("Passphrase: ")
    terminal.sendline("open")
    terminal.expect(f"length {len(CANARY)}")
    terminal.expect(pexpect.EOF)
    assert CANARY not in (terminal.before or "")


def test_at_the_terminal_too_it_ends_in_time(bench: Bench) -> None:
    bench.script("echo $$ > pid; exec sleep 600")
    terminal = _in_terminal(bench, 0.5)
    terminal.expect("did not end within 0.5 s and was ended. Try it in a shell.")
    terminal.expect(pexpect.EOF)
    assert not is_running(int((bench.directory / "pid").read_text()))


def test_a_process_that_is_interrupted_leaves_no_command(bench: Bench) -> None:
    bench.script("echo $$ > pid.new; mv pid.new pid; exec sleep 600")
    code = _ASK.replace("may_prompt=True", "may_prompt=False")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(bench.directory / "bin" / "lookup"), "30"],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
    )
    wait_until((bench.directory / "pid").exists)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    wait_until_ended(int((bench.directory / "pid").read_text()))
