"""However it ends: no server stays, no folder, no secret, and the terminal is as it was."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path

import pytest

from tests.terminal.conftest import Machine
from tests.terminal.processes import child_running, end, eventually, is_running
from tests.terminal.screen import (
    ALTERNATE_SCREEN,
    BRACKETED_PASTE,
    CURSOR,
    FOCUS_EVENTS,
    MOUSE,
    lines_of,
)
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_main_story import create, show
from tests.thorough import thorough

TELLING = 6
"""So many characters of a secret in a row tell something. (Its last 4 are its hint.)"""


def assert_no_server(machine: Machine, server: int) -> None:
    """The child and its folder are gone."""
    eventually(lambda: not is_running(server), "the server ends")
    eventually(lambda: not machine.demo_folders, "its folder is removed")


def assert_restored(terminal: Terminal) -> None:
    """The shell that comes after finds its terminal as it left it."""
    modes = terminal.screens.modes
    assert not terminal.screens.on_alternate
    assert CURSOR in modes
    assert not modes & (MOUSE | {ALTERNATE_SCREEN, BRACKETED_PASTE, FOCUS_EVENTS})
    assert not terminal.screens.keyboard_pushed


def assert_no_part_of(secret: str, terminal: Terminal) -> None:
    """No part of a secret stands on either screen."""
    for screen in (terminal.screens.normal, terminal.screens.alternate):
        text = "\n".join(lines_of(screen))
        for start in range(len(secret) - TELLING + 1):
            assert secret[start : start + TELLING] not in text, text


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGKILL, -9),
        (signal.SIGTERM, 143),
        *thorough([(signal.SIGHUP, 129), (signal.SIGINT, 130)]),
    ],
)
def test_a_signal(machine: Machine, demo: Terminal, number: signal.Signals, status: int) -> None:
    """The server goes with the app, also where the app had no say in it."""
    server = demo.server()
    assert is_running(server)
    assert machine.demo_folders
    demo.signal(number)
    assert demo.status() == status
    assert_no_server(machine, server)
    if number is not signal.SIGKILL:
        assert_restored(demo)


def test_ctrl_z_goes_back_to_the_shell_and_fg_goes_on(machine: Machine) -> None:
    """The shell has its terminal meanwhile; what was on the screen is there again."""
    shell = machine.run(["bash", "--norc", "--noprofile", "-i"], PS1="shell> ")
    shell.until("shell>")
    shell.press(f"{PROGRAM} demo", "enter")
    shell.until("CI/CD Pipeline", "● live")
    shell.press("j", "ctrl+z")
    shell.until("Stopped", "shell>")
    assert not shell.screens.on_alternate
    assert not shell.screens.modes & MOUSE
    shell.press("fg", "enter")
    shell.until("CI/CD Pipeline", "● live", "q Quit")
    shell.press("q")
    shell.wait_for(lambda: shell.text.rstrip().endswith("shell>"), "the shell again")
    shell.press("exit", "enter")
    assert shell.status() == 0


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
def test_quitting(machine: Machine, demo: Terminal, key: str) -> None:
    """Quietly, where nothing is open."""
    server = demo.server()
    demo.press(key)
    assert demo.status() == 0
    assert_no_server(machine, server)
    assert_restored(demo)
    assert not demo.text.strip(), "something was left on the shell's screen"


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGHUP, 129), *thorough([(signal.SIGTERM, 143), (signal.SIGINT, 130)])],
)
def test_a_signal_while_a_key_is_shown(
    machine: Machine, demo: Terminal, number: signal.Signals, status: int
) -> None:
    """Blanked first, so that neither screen keeps a part of it."""
    server = demo.server()
    create(demo, "Release bot")
    secret = show(demo)
    with pytest.raises(AssertionError):
        assert_no_part_of(secret, demo)
    demo.signal(number)
    assert demo.status() == status
    assert_no_part_of(secret, demo)
    assert_restored(demo)
    assert_no_server(machine, server)
    assert b"Traceback" not in demo.raw


def test_a_closed_terminal(machine: Machine, demo: Terminal) -> None:
    """The kernel tells the app by SIGHUP."""
    server = demo.server()
    demo.hang_up()
    assert demo.status() == 129
    assert_no_server(machine, server)


def test_a_closed_terminal_where_nobody_is_told(machine: Machine, tmp_path: Path) -> None:
    """A shell takes SIGHUP and ignores it, as under nohup: no orphan is left running."""
    report = tmp_path / "status"
    script = f"trap '' HUP; {shlex.quote(PROGRAM)} demo; echo $? > {shlex.quote(str(report))}; :"
    shell = machine.run(["/bin/sh", "-c", script])
    shell.until("CI/CD Pipeline", "● live")
    app = child_running(shell.pid, PROGRAM)
    server = shell.server()
    try:
        shell.hang_up()
        eventually(lambda: not is_running(app), "the app ends")
        assert_no_server(machine, server)
        assert shell.status() == 0
        assert report.read_text().strip() == "129"
    finally:
        if is_running(app):
            end(app)


def test_no_key_closes_a_reveal_silently(demo: Terminal) -> None:
    """Each way out asks; the same key again is the way back."""
    create(demo, "Release bot")
    secret = show(demo)
    for key in ("escape", "ctrl+q", "q"):
        demo.press(key)
        demo.until("API key created", "Nothing has proven yet", "Discard and revoke")
        demo.press(key)
        demo.gone("Nothing has proven yet")
        demo.until("API key created", secret)
    demo.press("m")
    demo.gone(secret)
    demo.until("API key created", "•••••")
    # Enter on the way out lands on the harmless button.
    demo.press("ctrl+q")
    demo.until("Nothing has proven yet")
    demo.press("enter")
    demo.until("API key created", "•••••")
    assert is_running(demo.pid)


def test_quitting_with_the_verify_field_open(demo: Terminal) -> None:
    """A q belongs to the field; Escape closes the field and nothing else."""
    create(demo, "Release bot")
    secret = show(demo)
    demo.press("v")
    demo.until("Paste the key here")
    demo.press("q")
    demo.gone("Paste the key here")
    demo.press("escape")
    demo.until("API key created", secret, "c Copy")
    demo.press("escape")
    demo.until("Nothing has proven yet")
