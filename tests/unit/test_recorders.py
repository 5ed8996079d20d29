"""Who writes down what the terminal shows: a real tmux, a real `script`, and a /proc of our own."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsapi_tui.delivery import recorders
from pulsapi_tui.delivery.recorders import ASCIINEMA, PIPE, TerminalRecorders
from tests.unit.test_tmux import PATIENCE_S, TMUX, RealTmux, scripted, until

SCRIPT = shutil.which("script")
ABOVE = "“{}” above this program writes down what the terminal shows."
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")

ASK = """
import asyncio, os, sys
from pathlib import Path
from pulsapi_tui.delivery import recorders
recorders.BOUND_S = 30
found = asyncio.run(recorders.TerminalRecorders().active())
Path(sys.argv[1]).with_suffix(".new").write_text("\\n".join(found))
os.replace(Path(sys.argv[1]).with_suffix(".new"), sys.argv[1])
"""


def asking(answer: Path) -> str:
    """The command line of a program that writes down what is recording it."""
    return shlex.join([sys.executable, "-c", ASK, str(answer)])


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests finds what it finds, only later."""
    monkeypatch.setattr(recorders, "BOUND_S", PATIENCE_S)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealTmux]:
    if TMUX is None:
        pytest.skip("tmux is not installed")
    it = RealTmux(tmp_path)
    yield it
    it.close()


def fake_proc(directory: Path, *ancestors: str) -> Path:
    """A /proc in which these command lines are above this process, the nearest one first."""
    proc = directory / "proc"
    pid = os.getpid()
    for parent, line in enumerate(ancestors, start=1_000_000):
        (proc / str(pid)).mkdir(parents=True, exist_ok=True)
        (proc / str(pid) / "stat").write_text(f"{pid} (a ) name) S {parent} 1 1")
        (proc / str(parent)).mkdir()
        (proc / str(parent) / "cmdline").write_text("\0".join(shlex.split(line)) + "\0")
        pid = parent
    return proc


LINES: dict[str, str | None] = {
    "script": "script",
    "/usr/bin/script -q log": "script",
    "ttyrec x": "ttyrec",
    "/usr/local/bin/t-rec": "t-rec",
    "tlog-rec-session": "tlog-rec-session",
    "/usr/bin/python3 /usr/bin/termtosvg": "termtosvg",
    "node /usr/lib/terminalizer rec a": "terminalizer",
    "vhs demo.tape": "vhs",
    "-bash": None,
    "python3 /home/me/script": None,
    "/bin/bash ./script": None,
    "vim script": None,
    "manuscript": None,
    "": None,
}


@pytest.mark.parametrize("line", LINES)
async def test_an_ancestor_is_known_by_its_command_line(line: str, tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, "-bash", line, "/usr/sbin/sshd")
    name = LINES[line]
    expected = (ABOVE.format(name),) if name else ()
    assert await TerminalRecorders({}, "linux", proc=proc).active() == expected
    assert await TerminalRecorders({}, "darwin", proc=proc).active() == ()


async def test_each_is_said_once(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, "script", "bash", "script", "asciinema rec", "python3 -m asciinema")
    environment = {"ASCIINEMA_REC": "1"}
    assert await TerminalRecorders(environment, "linux", proc=proc).active() == (
        ASCIINEMA,
        ABOVE.format("script"),
    )


@pytest.mark.parametrize("name", ["ASCIINEMA_REC", "ASCIINEMA_SESSION"])
@pytest.mark.parametrize("platform", ["linux", "darwin"])
async def test_asciinema_says_it_itself(name: str, platform: str, tmp_path: Path) -> None:
    assert await TerminalRecorders({name: "1"}, platform, proc=tmp_path).active() == (ASCIINEMA,)
    assert await TerminalRecorders({name: ""}, platform, proc=tmp_path).active() == ()


async def test_ancestors_in_a_ring_come_to_an_end(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, "bash")
    (proc / "1000000" / "stat").write_text(f"1 (x) S {os.getpid()} 1")
    (proc / str(os.getpid()) / "cmdline").write_text("script\0")
    assert await TerminalRecorders({}, "linux", proc=proc).active() == (ABOVE.format("script"),)


async def test_a_tmux_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "BOUND_S", 4)
    environment = scripted(tmp_path, "exec sleep 600")
    proc = fake_proc(tmp_path, "script")
    found = await TerminalRecorders(environment, "linux", proc=proc).active()
    assert found == (ABOVE.format("script"),)


async def test_what_takes_too_long_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = fake_proc(tmp_path, "script") / "1000000" / "cmdline"
    fifo.unlink()
    os.mkfifo(fifo)
    monkeypatch.setattr(recorders, "BOUND_S", 0.2)
    assert await TerminalRecorders({}, "linux", proc=tmp_path / "proc").active() == ()
    # Lets the thread go that waits for it.
    await asyncio.to_thread(fifo.write_bytes, b"")


def ask_in_pane(tmux: RealTmux, answer: Path) -> list[str]:
    """What a program in a new pane of this tmux finds."""
    # A pane whose program has ended takes no further command.
    tmux("respawn-pane", "-k", "-t", "main", f"{asking(answer)}; exec sleep 600")
    until(answer.exists)
    return answer.read_text().splitlines()


def test_a_pane_that_tmux_writes_down(real: RealTmux, tmp_path: Path) -> None:
    real("set-option", "-g", "remain-on-exit", "on")
    real("pipe-pane", "-t", "main", f"cat > {tmp_path}/log")
    assert PIPE in ask_in_pane(real, tmp_path / "piped")
    real("pipe-pane", "-t", "main")
    assert PIPE not in ask_in_pane(real, tmp_path / "not-piped")


@LINUX_ONLY
@pytest.mark.skipif(SCRIPT is None, reason="script is not installed")
def test_a_real_script(tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    subprocess.run(
        [str(SCRIPT), "-q", "-c", asking(answer), str(tmp_path / "typescript")],
        env={name: value for name, value in os.environ.items() if name != "TMUX"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=True,
    )
    assert ABOVE.format("script") in answer.read_text().splitlines()


@LINUX_ONLY
@pytest.mark.skipif(SCRIPT is None, reason="script is not installed")
def test_a_script_around_the_terminal_of_tmux(real: RealTmux, tmp_path: Path) -> None:
    """It is above the client, and not above the pane."""
    real("set-option", "-g", "remain-on-exit", "on")
    real("set-environment", "-g", "ASCIINEMA_REC", "1")
    before = ask_in_pane(real, tmp_path / "before")
    assert ABOVE.format("script") not in before
    socket = real.environment["TMUX"].split(",")[0]
    attach = shlex.join([str(TMUX), "-S", socket, "attach", "-t", "main"])
    process = subprocess.Popen(
        [str(SCRIPT), "-q", "-c", attach, str(tmp_path / "typescript")],
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    with process:
        until(lambda: real("list-clients"))
        found = ask_in_pane(real, tmp_path / "after")
        real("detach-client", "-a")
        real("detach-client", "-s", "main")
        process.wait(PATIENCE_S)
    assert ABOVE.format("script") in found
    assert ASCIINEMA not in found, "a variable of long ago"
