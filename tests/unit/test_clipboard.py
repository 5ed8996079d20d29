"""A copy by every route, and words that claim only what is known."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulsapi_tui.delivery import clipboard, tmux
from pulsapi_tui.delivery.clipboard import (
    TerminalClipboard,
    osc52,
    screen_wrapped,
    tmux_wrapped,
)
from pulsapi_tui.delivery.routes import ANY, ClipboardPolicy, Route
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY

ENCODED = base64.b64encode(CANARY.encode()).decode()
PLAIN = f"\x1b]52;c;{ENCODED}\x07"
SENT = "Sent to your terminal's clipboard. Not confirmed."
SENT_THROUGH_TMUX = "Sent through tmux to your terminal's clipboard. Not confirmed."
READ_BACK = "Copied, and read back from this computer's clipboard."
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="xclip is for X11")


def test_the_sequences_are_those_of_the_terminals() -> None:
    assert osc52("é") == "\x1b]52;c;w6k=\x07"
    assert tmux_wrapped("\x1b]52;c;AA\x07") == "\x1bPtmux;\x1b\x1b]52;c;AA\x07\x1b\\"
    assert screen_wrapped("\x1b]52;c;AA\x07") == "\x1bP\x1b]52;c;AA\x07\x1b\\"


class Bench:
    """A clipboard with its terminal's bytes, and tools that are scripts on a PATH of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.written: list[str] = []
        self.policy = ANY

    def tool(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\ncd '{self.directory}'\n{script}\n")
        path.chmod(0o755)

    def file(self, name: str) -> str:
        return (self.directory / name).read_text()

    async def copy(self, **environment: str) -> Copied:
        """Copy in an xterm on Linux, with these tools before those of the system."""
        base = {"PATH": f"{self.bin}:/usr/bin:/bin", "TERM": "xterm-256color"}
        terminal = TerminalClipboard(
            self.written.append,
            policy=self.policy,
            environment={**base, **environment},
            platform="linux",
        )
        return await terminal.copy(Secret(CANARY))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_plain_terminal(bench: Bench) -> None:
    copied = await bench.copy()
    assert bench.written == [PLAIN]
    assert copied == Copied(confirmed=False, message=SENT, sent=True)


async def test_the_environment_of_the_process_is_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STY", "1.pts")
    written: list[str] = []
    await TerminalClipboard(written.append, platform="linux").copy(Secret(CANARY))
    assert written == [screen_wrapped(PLAIN)]


async def test_screen(bench: Bench) -> None:
    copied = await bench.copy(STY="1.pts")
    assert bench.written == [f"\x1bP{PLAIN}\x1b\\"]
    assert copied.message == "Sent through screen to your terminal's clipboard. Not confirmed."
    assert copied.sent


@pytest.mark.parametrize(
    ("term", "why"),
    [("linux", "TERM is linux, which has no clipboard"), ("", "TERM is not set")],
)
async def test_without_any_route_nothing_is_sent(bench: Bench, term: str, why: str) -> None:
    copied = await bench.copy(TERM=term)
    assert bench.written == []
    assert copied == Copied(confirmed=False, message=f"Could not copy: {why}.", sent=False)


async def test_a_forbidden_route_is_not_taken(bench: Bench) -> None:
    bench.policy = ClipboardPolicy(forbid=frozenset(Route))
    copied = await bench.copy(DISPLAY=":99")
    assert bench.written == []
    message = "Could not copy: every route is forbidden by the settings."
    assert copied == Copied(confirmed=False, message=message, sent=False)


async def test_forced_routes_are_taken_in_their_order(bench: Bench) -> None:
    bench.policy = ClipboardPolicy(force=(Route.SCREEN_WRAPPED, Route.TMUX_WRAPPED))
    copied = await bench.copy(TERM="linux")
    assert bench.written == [screen_wrapped(PLAIN), tmux_wrapped(PLAIN)]
    assert copied.message == SENT_THROUGH_TMUX


def tmux_script(options: str = "external|0", clipboard: str = "(string) x") -> str:
    """A tmux with an xterm around it, which writes down what it is told."""
    return f"""
echo "$*" >> calls
case "$1" in
display-message) echo '/dev/pts/1|$0|3.3a|0|{options}';;
show-messages) printf 'Terminal 0: xterm for /dev/pts/1, flags=0x20:\n 192: Ms: {clipboard}\n';;
load-buffer) cat > loaded;;
esac
"""


IN_TMUX = {"TMUX": "/none,1,0"}


async def test_tmux_gets_it_by_a_buffer_that_it_deletes_at_once(bench: Bench) -> None:
    bench.tool("tmux", tmux_script())
    copied = await bench.copy(**IN_TMUX)
    loaded = bench.file("calls").splitlines()[-1].split()
    buffer = loaded[3]
    assert loaded == ["load-buffer", "-w", "-b", buffer, "-", ";", "delete-buffer", "-b", buffer]
    assert bench.file("loaded") == CANARY
    assert bench.written == []
    assert copied == Copied(confirmed=False, message=SENT_THROUGH_TMUX)


async def test_tmux_gets_the_wrapped_sequence_last_where_it_passes_it_on(bench: Bench) -> None:
    bench.tool("tmux", tmux_script("on|1"))
    copied = await bench.copy(**IN_TMUX)
    assert bench.file("loaded") == CANARY
    assert bench.written == [f"\x1bPtmux;\x1b{PLAIN}\x1b\\"]
    assert copied.message == SENT_THROUGH_TMUX


async def test_every_copy_has_a_buffer_of_its_own(bench: Bench) -> None:
    bench.tool("tmux", tmux_script())
    await bench.copy(**IN_TMUX)
    await bench.copy(**IN_TMUX)
    loads = [line for line in bench.file("calls").splitlines() if line.startswith("load")]
    assert len(set(loads)) == 2


async def test_a_tmux_without_a_way_to_its_terminal_is_not_given_it(bench: Bench) -> None:
    bench.tool("tmux", tmux_script(clipboard="[missing]"))
    copied = await bench.copy(**IN_TMUX)
    assert "load-buffer" not in bench.file("calls")
    assert bench.written == []
    message = "Could not copy: tmux has no way to this terminal's clipboard."
    assert copied == Copied(confirmed=False, message=message, sent=False)


@pytest.mark.parametrize("how", ["exit 1", "cat > /dev/null; exit 1", "cat > loaded; sleep 600"])
async def test_a_tmux_that_fails_is_told_to_delete_the_buffer(
    bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmux, "LOAD_TIMEOUT_S", 2.0)
    bench.tool("tmux", tmux_script().replace("cat > loaded", how))
    copied = await bench.copy(**IN_TMUX)
    load, delete = bench.file("calls").splitlines()[-2:]
    assert delete == f"delete-buffer -b {load.split()[3]}"
    message = "Could not copy: tmux did not take it."
    assert copied == Copied(confirmed=False, message=message, sent=False)


@pytest.mark.parametrize("tool", [None, "cat > /dev/null; exit 1", "exit 1"])
async def test_where_tmux_does_not_answer_the_words_do_not_name_it(
    bench: Bench, tool: str | None
) -> None:
    bench.tool("tmux", tool or "")
    if tool is None:
        (bench.bin / "tmux").unlink()
    copied = await bench.copy(PATH=str(bench.bin), **IN_TMUX)
    assert copied == Copied(confirmed=False, message=SENT)
    assert bench.written == [PLAIN, tmux_wrapped(PLAIN)]


XCLIP = 'case "$*" in *-o*) cat kept;; *) cat > kept;; esac'


@LINUX_ONLY
async def test_a_local_clipboard_that_gives_it_back_is_proof(bench: Bench) -> None:
    bench.tool("xclip", XCLIP)
    copied = await bench.copy(DISPLAY=":99")
    assert copied == Copied(confirmed=True, message=READ_BACK)
    assert bench.file("kept") == CANARY
    assert bench.written == [], "nothing else is sent"


NO_PROOF = {
    "keeps something else": 'case "$*" in *-o*) echo other;; *) cat > /dev/null;; esac',
    "gives nothing back": "cat > /dev/null",
    "adds a line break": 'case "$*" in *-o*) cat kept; echo;; *) cat > kept;; esac',
    "cuts it": 'case "$*" in *-o*) head -c 10 kept;; *) cat > kept;; esac',
    "fails at both": "echo Error: cannot open display >&2; exit 1",
}


@LINUX_ONLY
@pytest.mark.parametrize("how", NO_PROOF)
async def test_without_the_same_text_back_nothing_is_claimed(
    bench: Bench, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.tool("xclip", NO_PROOF[how])
    copied = await bench.copy(DISPLAY=":99")
    assert not copied.confirmed
    assert copied.message == f"{SENT} (This computer's clipboard did not give the key back.)"
    assert bench.written == [PLAIN]
    # What a tool complains of does not reach the screen.
    assert capfd.readouterr() == ("", "")


@LINUX_ONLY
async def test_no_tool_at_all_is_said(bench: Bench) -> None:
    for name in ("true", "uname"):
        os.symlink(f"/bin/{name}", bench.bin / name)
    copied = await bench.copy(PATH=str(bench.bin), DISPLAY=":99")
    assert copied.message == f"{SENT} (This computer's clipboard could not be set.)"
    assert not copied.confirmed


FAILURES: dict[str, tuple[ClipboardPolicy, str, str]] = {
    "a console": (ANY, "linux", ", and TERM is linux, which has no clipboard"),
    "forced": (ClipboardPolicy(force=(Route.NATIVE,)), "xterm", ""),
    "alone": (
        ClipboardPolicy(forbid=frozenset({Route.OSC52})),
        "xterm",
        ", and every other route is forbidden by the settings",
    ),
}


@LINUX_ONLY
@pytest.mark.parametrize("how", FAILURES)
async def test_where_nothing_is_left_all_of_it_is_said(bench: Bench, how: str) -> None:
    bench.policy, term, more = FAILURES[how]
    bench.tool("xclip", "cat > /dev/null")
    copied = await bench.copy(DISPLAY=":99", TERM=term)
    assert bench.written == []
    message = f"Could not copy: this computer's clipboard did not give the key back{more}."
    assert copied == Copied(confirmed=False, message=message, sent=False)


@pytest.fixture
def pids(bench: Bench) -> Iterator[Callable[[], list[int]]]:
    """The processes that wrote their id into `pids`; ended here, should one be left."""

    def read() -> list[int]:
        path = bench.directory / "pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    yield read
    for pid in read():
        if _is_running(pid):
            os.kill(pid, 9)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


HANGING = {
    "never reads": "echo $$ >> pids; exec sleep 600",
    "never gives back": 'case "$*" in *-o*) echo $$ >> pids; exec sleep 600;; esac; cat > kept',
}


@LINUX_ONLY
@pytest.mark.parametrize("how", HANGING)
async def test_a_tool_that_hangs_is_not_waited_for_and_is_ended(
    bench: Bench, how: str, pids: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipboard, "TOOL_TIMEOUT_S", 1.0)
    bench.tool("xclip", HANGING[how])
    copied = await bench.copy(DISPLAY=":99")
    assert not copied.confirmed
    assert "This computer's clipboard" in copied.message
    [pid] = pids()
    async with asyncio.timeout(20):
        while _is_running(pid):  # noqa: ASYNC110  # a process of another's tells nobody of its end
            await asyncio.sleep(0.01)


@LINUX_ONLY
async def test_a_daemon_that_stays_to_serve_the_clipboard_is_not_waited_for(
    bench: Bench, pids: Callable[[], list[int]]
) -> None:
    bench.tool(
        "xclip",
        'case "$*" in *-o*) cat kept;; *) cat > kept; sleep 600 & echo $! >> pids;; esac',
    )
    copied = await bench.copy(DISPLAY=":99")
    assert copied.confirmed
    [pid] = pids()
    assert _is_running(pid)


@LINUX_ONLY
async def test_the_secret_is_in_no_argument_and_no_environment(bench: Bench) -> None:
    spy = 'echo "$*" >> seen; env >> seen; tr "\\0" " " < /proc/$PPID/cmdline >> seen\n'
    bench.tool("xclip", spy + XCLIP)
    bench.tool("tmux", spy + tmux_script())
    bench.policy = ClipboardPolicy(force=(Route.TMUX, Route.NATIVE))
    place = {"DISPLAY": ":99", "PULSAPI_API_KEY": "the-sessions", "PULSAPI_BASE_URL": "seen"}
    copied = await bench.copy(**place)
    assert copied.confirmed
    seen = bench.file("seen")
    assert "load-buffer" in seen
    assert "pyperclip" in seen
    assert "PULSAPI_BASE_URL" in seen
    for secret in (CANARY, ENCODED, "the-sessions"):
        assert secret not in seen


@pytest.fixture
def real_tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A real tmux with a server of its own."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    socket = tmp_path / "tmux.sock"

    def run(*arguments: str) -> str:
        command = [program, "-f", "/dev/null", "-S", str(socket), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout

    run("new-session", "-d", "-s", "main", "sleep 600")
    yield run
    run("kill-server")


async def test_a_real_tmux_that_nobody_looks_at_is_not_given_it(
    bench: Bench, real_tmux: Callable[..., str], tmp_path: Path
) -> None:
    real_tmux("set-buffer", "-b", "mine", "untouched")
    copied = await bench.copy(TMUX=f"{tmp_path / 'tmux.sock'},1,0")
    assert copied.message == "Could not copy: tmux has no way to this terminal's clipboard."
    assert real_tmux("list-buffers", "-F", "#{buffer_name}").split() == ["mine"]
    assert real_tmux("show-buffer", "-b", "mine") == "untouched"


async def test_a_real_tmux_says_that_it_came_over_ssh(
    bench: Bench, real_tmux: Callable[..., str], tmp_path: Path
) -> None:
    bench.tool("xclip", XCLIP)
    place = {"TMUX": f"{tmp_path / 'tmux.sock'},1,0", "DISPLAY": ":99"}
    assert (await bench.copy(**place)).confirmed
    real_tmux("set-environment", "SSH_CONNECTION", "1 2 3 4")
    assert not (await bench.copy(**place)).confirmed
    real_tmux("set-environment", "-r", "SSH_CONNECTION")
    assert (await bench.copy(**place)).confirmed
