"""Copying a key inside a real tmux and a real GNU screen, with a terminal around them."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.conftest import Machine
from tests.terminal.fake_pulsapi import SESSION_KEY, Answers, serving
from tests.terminal.processes import PATIENCE_S, eventually, is_running, who_mentions
from tests.terminal.stream import tokens_of
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_main_story import create, show

pytestmark = pytest.mark.thorough

TMUX = shutil.which("tmux")
XCLIP, XVFB = shutil.which("xclip"), shutil.which("Xvfb")

SCREEN = shutil.which("screen")

needs_tmux = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
needs_screen = pytest.mark.skipif(SCREEN is None, reason="screen is not installed")
needs_x = pytest.mark.skipif(None in {XCLIP, XVFB}, reason="xclip or Xvfb is not installed")

Tmux = Callable[..., str]


@pytest.fixture
def tmux(machine: Machine, tmp_path: Path) -> Iterator[Tmux]:
    """A tmux server of the test's own, with default settings; gives the way to command it."""
    path = str(tmp_path / "tmux")

    def command(*arguments: str) -> str:
        return subprocess.run(
            [str(TMUX), "-S", path, *arguments],
            env=machine.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        ).stdout

    yield command
    command("kill-server")


@pytest.fixture
def inside(machine: Machine, tmux: Tmux, tmp_path: Path) -> Terminal:
    """The demo in a window of that tmux, attached to a terminal."""
    arguments = ["-S", str(tmp_path / "tmux"), "-f", os.devnull, "new-session", PROGRAM, "demo"]
    # The status line of tmux takes a row.
    terminal = machine.run([str(TMUX), *arguments], lines=25)
    terminal.until("CI/CD Pipeline", "● live")
    return terminal


def copied(terminal: Terminal) -> set[str]:
    """What reached the clipboard of the terminal around everything."""
    found = set()
    for token in tokens_of(terminal.raw):
        if match := re.fullmatch(r"\x1b\]52;[a-z]*;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)", token.raw):
            found.add(base64.b64decode(match[1]).decode())
    return found


@needs_tmux
@pytest.mark.parametrize("passthrough", ["off", "on"])
@pytest.mark.parametrize("setting", ["external", "on", "off"])
def test_copy_keeps_no_buffer_and_claims_nothing(
    inside: Terminal, tmux: Tmux, setting: str, passthrough: str
) -> None:
    """It reaches the outer terminal, tmux keeps nothing, and the message says "not confirmed"."""
    tmux("set-option", "-s", "set-clipboard", setting)
    tmux("set-option", "-g", "allow-passthrough", passthrough)
    create(inside, "Release bot")
    secret = show(inside)
    assert not copied(inside)
    inside.press("c")
    inside.until("Sent through tmux", "Not confirmed")
    assert "read back" not in inside.text
    inside.wait_for(lambda: secret in copied(inside), "the outer terminal's clipboard")
    assert copied(inside) == {secret}
    assert tmux("list-buffers") == ""
    assert tmux("show-buffer") == ""
    # The probe can find one.
    tmux("set-buffer", "something")
    assert "something" in tmux("list-buffers")
    assert not who_mentions(secret)
    assert secret not in tmux("show-environment", "-g")


@needs_tmux
@pytest.mark.parametrize("setting", ["external", "on", "off"])
def test_copy_where_tmux_has_no_way_on(
    machine: Machine, tmux: Tmux, tmp_path: Path, setting: str
) -> None:
    """A terminal without a clipboard: nothing is sent, nothing kept, and that is said."""
    arguments = ["-S", str(tmp_path / "tmux"), "-f", os.devnull, "new-session", PROGRAM, "demo"]
    terminal = machine.run([str(TMUX), *arguments], lines=25, TERM="vt100")
    terminal.until("CI/CD Pipeline", "● live")
    tmux("set-option", "-s", "set-clipboard", setting)
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Could not copy", "tmux has no way to this terminal's clipboard")
    show(terminal)
    assert not copied(terminal)
    assert tmux("list-buffers") == ""


@needs_screen
def test_copy_in_screen(machine: Machine, tmp_path: Path) -> None:
    """GNU screen drops the plain sequence, and passes the wrapped one on."""
    sessions = tmp_path / "screens"
    sessions.mkdir(mode=0o700)
    command = [str(SCREEN), "-c", os.devnull, "-S", "it"]
    terminal = machine.run([*command, PROGRAM, "demo"], SCREENDIR=str(sessions))
    try:
        terminal.until("CI/CD Pipeline", "● live")
        create(terminal, "Release bot")
        secret = show(terminal)
        assert not copied(terminal)
        terminal.press("c")
        terminal.until("Sent through screen", "Not confirmed")
        terminal.wait_for(lambda: secret in copied(terminal), "the outer terminal's clipboard")
        assert copied(terminal) == {secret}
        assert not who_mentions(secret)
    finally:
        subprocess.run(
            [str(SCREEN), "-S", "it", "-X", "quit"],
            env=machine.environment(SCREENDIR=str(sessions)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE_S,
        )


@needs_tmux
def test_nothing_stays_in_tmux_after_a_signal(inside: Terminal, tmux: Tmux) -> None:
    """Neither in the history nor on the screen that the shell comes back to."""
    tmux("set-option", "-g", "remain-on-exit", "on")
    create(inside, "Release bot")
    secret = show(inside)
    assert secret in tmux("capture-pane", "-p", "-J")
    pid = int(tmux("display-message", "-p", "#{pane_pid}"))
    os.kill(pid, 15)
    # Not its status: tmux 3.3 sometimes leaves what ended in its pane unreaped.
    eventually(lambda: not is_running(pid), "it ends")
    eventually(lambda: tmux("display-message", "-p", "#{pane_dead}").strip() == "1", "it is seen")
    for screen in (["-S", "-"], ["-a", "-q"]):
        assert secret[:8] not in tmux("capture-pane", "-p", "-J", *screen)


def test_copy_in_a_plain_terminal(demo: Terminal) -> None:
    """The sequence goes out on a key press, and once; what became of it is not known."""
    create(demo, "Release bot")
    secret = show(demo)
    assert not copied(demo)
    demo.press("c")
    demo.until("Sent to your terminal's clipboard", "Not confirmed")
    assert copied(demo) == {secret}
    demo.press("c", "m")
    demo.until("•••••")


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """An X server without a screen."""
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            [str(XVFB), "-displayfd", str(write), "-nolisten", "tcp"],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        yield f":{number}"
    finally:
        process.kill()
        process.wait()


@needs_x
def test_copy_with_a_display_is_read_back(machine: Machine, display: str) -> None:
    """Only what was read back is claimed."""
    terminal = machine.start("demo", DISPLAY=display)
    terminal.until("CI/CD Pipeline", "● live")
    create(terminal, "Release bot")
    secret = show(terminal)
    terminal.press("c")
    terminal.until("Copied, and read back")
    pasted = subprocess.run(
        [str(XCLIP), "-selection", "clipboard", "-o"],
        env=machine.environment(DISPLAY=display),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert pasted.stdout == secret
    assert not who_mentions(secret)


def test_copy_with_a_dead_display_claims_nothing(machine: Machine) -> None:
    """A DISPLAY of yesterday."""
    terminal = machine.start("demo", DISPLAY=":987")
    terminal.until("CI/CD Pipeline", "● live")
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Not confirmed")
    assert "read back from" not in terminal.text


def test_the_key_of_the_session_is_not_in_a_tools_environment(
    machine: Machine, tmp_path: Path
) -> None:
    """A tool that is run for the clipboard inherits what the program was started with, less it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    seen = tmp_path / "seen"
    tool = tools / "tmux"
    tool.write_text(f"#!/bin/sh\nexport -p >> {seen}; cat > /dev/null; echo done >> {seen}\n")
    tool.chmod(0o755)
    with serving(Answers(["Release bot"])) as url:
        terminal = machine.start(
            PULSAPI_BASE_URL=url,
            PULSAPI_API_KEY=SESSION_KEY,
            TMUX="/nowhere,1,0",
            PATH=f"{tools}:/usr/bin:/bin",
        )
        terminal.until("● live")
        terminal.press("y")
        terminal.until("Not confirmed")
        eventually(lambda: seen.exists() and "done" in seen.read_text(), "the tool ran")
    assert "PULSAPI_BASE_URL" in seen.read_text()
    assert SESSION_KEY not in seen.read_text()
