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

from pulsapi_tui.delivery import clipboard
from pulsapi_tui.delivery.clipboard import (
    TerminalClipboard,
    osc52,
    screen_wrapped,
    tmux_wrapped,
)
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY

ENCODED = base64.b64encode(CANARY.encode()).decode()
PLAIN = f"\x1b]52;c;{ENCODED}\x07"
NOT_CONFIRMED = "Not confirmed."
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

    def tool(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\ncd '{self.directory}'\n{script}\n")
        path.chmod(0o755)

    def file(self, name: str) -> str:
        return (self.directory / name).read_text()

    async def copy(self, **environment: str) -> Copied:
        path = f"{self.bin}:/usr/bin:/bin"
        terminal = TerminalClipboard(
            self.written.append, environment={"PATH": path, **environment}, platform="linux"
        )
        return await terminal.copy(Secret(CANARY))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_plain_terminal(bench: Bench) -> None:
    copied = await bench.copy()
    assert bench.written == [PLAIN]
    assert copied == Copied(
        confirmed=False, message=f"Sent to your terminal's clipboard. {NOT_CONFIRMED}"
    )


async def test_the_environment_of_the_process_is_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STY", "1.pts")
    written: list[str] = []
    await TerminalClipboard(written.append, platform="linux").copy(Secret(CANARY))
    assert written == [PLAIN, screen_wrapped(PLAIN)]


async def test_screen(bench: Bench) -> None:
    copied = await bench.copy(STY="1.pts")
    assert bench.written == [PLAIN, f"\x1bP{PLAIN}\x1b\\"]
    assert copied.message == f"Sent through screen to your terminal's clipboard. {NOT_CONFIRMED}"


TMUX_SCRIPT = """
echo "$*" >> calls
[ "$1" != load-buffer ] || cat > loaded
"""


async def test_tmux_gets_it_by_a_buffer_that_is_deleted_and_by_passthrough(bench: Bench) -> None:
    bench.tool("tmux", TMUX_SCRIPT)
    copied = await bench.copy(TMUX="/none,1,0")
    asked, loaded, deleted = bench.file("calls").splitlines()
    assert asked == "show-environment"
    command, flag, name_flag, buffer, source = loaded.split()
    assert (command, flag, name_flag, source) == ("load-buffer", "-w", "-b", "-")
    assert deleted == f"delete-buffer -b {buffer}"
    assert bench.file("loaded") == CANARY
    assert bench.written == [PLAIN, f"\x1bPtmux;\x1b{PLAIN}\x1b\\"]
    assert copied.message == f"Sent through tmux to your terminal's clipboard. {NOT_CONFIRMED}"
    assert not copied.confirmed


async def test_every_copy_has_a_buffer_of_its_own(bench: Bench) -> None:
    bench.tool("tmux", TMUX_SCRIPT)
    await bench.copy(TMUX="/none,1,0")
    await bench.copy(TMUX="/none,1,0")
    loads = [line for line in bench.file("calls").splitlines() if line.startswith("load")]
    assert len(set(loads)) == 2


@pytest.mark.parametrize("tool", [None, "cat > /dev/null; exit 1", "exit 1"])
async def test_where_tmux_fails_the_words_do_not_name_it(bench: Bench, tool: str | None) -> None:
    bench.tool("tmux", tool or "")
    if tool is None:
        (bench.bin / "tmux").unlink()
    terminal = TerminalClipboard(
        bench.written.append,
        environment={"PATH": str(bench.bin), "TMUX": "/none,1,0"},
        platform="linux",
    )
    copied = await terminal.copy(Secret(CANARY))
    assert copied.message == f"Sent to your terminal's clipboard. {NOT_CONFIRMED}"
    assert len(bench.written) == 2


XCLIP = 'case "$*" in *-o*) cat kept;; *) cat > kept;; esac'


@LINUX_ONLY
async def test_a_local_clipboard_that_gives_it_back_is_proof(bench: Bench) -> None:
    bench.tool("xclip", XCLIP)
    copied = await bench.copy(DISPLAY=":99")
    assert copied == Copied(
        confirmed=True, message="Copied, and read back from this computer's clipboard."
    )
    assert bench.file("kept") == CANARY
    assert bench.written == [PLAIN]


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
    assert copied.message == (
        f"Sent to your terminal's clipboard. {NOT_CONFIRMED} "
        "(This computer's clipboard did not give the key back.)"
    )
    # What a tool complains of does not reach the screen.
    assert capfd.readouterr() == ("", "")


@LINUX_ONLY
async def test_no_tool_at_all_is_said(bench: Bench) -> None:
    for name in ("true", "uname"):
        os.symlink(f"/bin/{name}", bench.bin / name)
    terminal = TerminalClipboard(
        bench.written.append,
        environment={"PATH": str(bench.bin), "DISPLAY": ":99"},
        platform="linux",
    )
    copied = await terminal.copy(Secret(CANARY))
    assert copied.message.endswith("(This computer's clipboard could not be set.)")
    assert not copied.confirmed


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
    bench.tool("tmux", spy + TMUX_SCRIPT)
    copied = await bench.copy(DISPLAY=":99", TMUX="/none,1,0")
    assert copied.confirmed
    seen = bench.file("seen")
    assert "load-buffer" in seen
    assert "pyperclip" in seen
    assert CANARY not in seen
    assert ENCODED not in seen


def test_a_program_that_can_t_be_started_is_a_failed_route(bench: Bench) -> None:
    bench.tool("tmux", "")
    (bench.bin / "tmux").write_text("#!/no/such/interpreter\n")
    assert clipboard._run([str(bench.bin / "tmux")], {}) is None  # noqa: SLF001


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
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


async def test_a_real_tmux_takes_it_and_keeps_no_buffer(
    bench: Bench, tmux: Callable[..., str], tmp_path: Path
) -> None:
    tmux("set-buffer", "-b", "mine", "untouched")
    copied = await bench.copy(TMUX=f"{tmp_path / 'tmux.sock'},1,0", TERM="xterm-256color")
    assert copied.message.startswith("Sent through tmux")
    assert tmux("list-buffers", "-F", "#{buffer_name}").split() == ["mine"]
    assert tmux("show-buffer", "-b", "mine") == "untouched"


async def test_a_real_tmux_says_that_it_came_over_ssh(
    bench: Bench, tmux: Callable[..., str], tmp_path: Path
) -> None:
    bench.tool("xclip", XCLIP)
    place = {"TMUX": f"{tmp_path / 'tmux.sock'},1,0", "DISPLAY": ":99"}
    assert (await bench.copy(**place)).confirmed
    tmux("set-environment", "SSH_CONNECTION", "1 2 3 4")
    assert not (await bench.copy(**place)).confirmed
    tmux("set-environment", "-r", "SSH_CONNECTION")
    assert (await bench.copy(**place)).confirmed
