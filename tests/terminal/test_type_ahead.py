"""Keys that come faster than the screen stay in order and reach what they were meant for."""

from __future__ import annotations

from tests.terminal.conftest import Machine
from tests.terminal.processes import call
from tests.terminal.terminal import Terminal
from tests.terminal.test_main_story import create, show


def test_a_whole_create_in_one_write(machine: Machine) -> None:
    """The key that opens the dialog, the name and Enter."""
    # High enough for the new row to be seen above the dialog.
    demo = machine.demo(lines=36)
    demo.press("nname of a machine", "enter")
    demo.until("API key created", "name of a machine", "•••••")
    demo.wait_for(lambda: demo.row("name of a machine"), "its row")


def test_the_filter_in_one_write(demo: Terminal) -> None:
    """No letter of the word runs a command, and none is lost."""
    demo.press("/grafana")
    demo.until("12 keys · 2 shown")
    assert demo.names == ["Grafana exporter", "Grafana exporter"]
    demo.press("escape")
    demo.wait_for(lambda: len(demo.names) == 12, "all keys again")


def test_a_move_and_a_revoke_in_one_write(demo: Terminal) -> None:
    """The dialog is about the key that the cursor was moved to."""
    demo.press("jX")
    demo.until("Revoke API key", "Terraform drift check  …")
    demo.press("escape")
    demo.gone("Revoke API key")
    demo.press("down", "jX")
    demo.until("Revoke API key", "To go on, type Status page widget")
    demo.press("escape")
    demo.gone("Revoke API key")
    assert len(demo.names) == 12


def test_a_whole_revoke_in_one_write(demo: Terminal, port: int) -> None:
    """Cursor, dialog, the typed name and Enter."""
    create(demo, "bot")
    secret = show(demo)
    assert call(port, "GET", "/v1/services", secret)[0] == 200
    demo.paste(secret)
    demo.until("Verified")
    # Last Used is known to the list, so the dialog asks for the name.
    demo.wait_for(lambda: "in use" in demo.row("bot"), "Last Used moves")
    demo.press("Xbot", "enter")
    demo.until("Revoked “bot”")
    demo.wait_for(lambda: "bot" not in demo.names and len(demo.names) == 12, "the row is gone")
    assert call(port, "GET", "/v1/services", secret)[0] == 401


def test_a_correction_in_one_write(demo: Terminal) -> None:
    """Backspace takes away what was typed before it, not what comes after it."""
    demo.press("nbox", "\x7f", "\x7f", "ot", "\x15", "depl", "\x7f", "\x7f", "ploy bot")
    demo.until("Create API key", "deploy bot", "10/64")
