"""The main job: create, see once, use, prove, revoke; and where the secret is not."""

from __future__ import annotations

import json
import re

from tests.terminal.conftest import Machine
from tests.terminal.processes import (
    call,
    environment,
    files_with,
    listening_port,
    who_mentions,
)
from tests.terminal.terminal import Terminal

KEY = re.compile(r"local_[0-9A-Za-z]{20,}")
WHOLE_KEY = re.compile(r"local_[0-9A-Za-z]{49}")
"""43 characters and 6 of a check sum (contract.md): a terminal may be seen in the middle of one."""


def create(terminal: Terminal, name: str) -> None:
    """Create a key, up to the masked reveal."""
    terminal.press("n")
    terminal.until("What is the key for?")
    terminal.press(name)
    terminal.until("Good.")
    terminal.press("enter")
    terminal.until("API key created", "•••••")


def show(terminal: Terminal) -> str:
    """Show the key of the open reveal; returns it."""
    terminal.press("m")
    terminal.wait_for(lambda: WHOLE_KEY.search(terminal.text), "the key")
    found = WHOLE_KEY.search(terminal.text)
    assert found is not None
    return found[0]


def test_a_key_from_its_creation_to_its_end(machine: Machine) -> None:
    """Create, see, use, prove, revoke, on a real server."""
    # High enough for the new row to be seen above the dialog.
    demo = machine.demo(lines=36)
    port = listening_port(demo.server())
    create(demo, "Release bot")
    assert not KEY.search(demo.raw.decode()), "the key was sent before it was asked for"

    secret = show(demo)
    demo.wait_for(lambda: "never" in demo.row("Release bot"), "the new row")
    assert call(port, "GET", "/v1/services", secret)[0] == 200
    demo.wait_for(lambda: "never" not in demo.row("Release bot"), "Last Used moves")
    assert "in use" in demo.row("Release bot")

    demo.press("v")
    demo.until("Paste the key here")
    demo.paste(secret)
    demo.gone("Paste the key here")
    demo.press("enter")
    demo.gone("API key created")
    demo.until("Verified: what you pasted is the key")

    demo.press("X")
    demo.until("Revoke API key", "To go on, type Release bot", "what uses it will break")
    demo.press("Release bot")
    demo.press("enter")
    demo.until("Revoked “Release bot”")
    assert demo.names
    assert "Release bot" not in demo.names
    status, problem = call(port, "GET", "/v1/services", secret)
    assert (status, problem["code"]) == (401, "unauthorized")


def test_what_is_not_the_key_proves_nothing(demo: Terminal) -> None:
    """A paste of anything else leaves the key where it is."""
    create(demo, "Release bot")
    secret = show(demo)
    demo.press("v")
    demo.until("Paste the key here")
    demo.paste(secret[:-1])
    demo.gone("Paste the key here")
    demo.press("enter")
    demo.until("That is not this key", secret)


def test_discarding_revokes(demo: Terminal, port: int) -> None:
    """The way out without proof leaves no key behind."""
    create(demo, "Release bot")
    secret = show(demo)
    demo.press("escape")
    demo.until("Nothing has proven yet", "Keep it open")
    demo.gone(secret)
    demo.press("tab", "enter")
    demo.until("Discarded and revoked")
    assert call(port, "GET", "/v1/services", secret)[0] == 401
    assert "Release bot" not in demo.names


def test_the_secret_is_nowhere_but_on_the_screen(machine: Machine, demo: Terminal) -> None:
    """Not in an argument, an environment, a file or the journal, while it is shown and after."""
    create(demo, "Release bot")
    secret = show(demo)
    demo.press("c")
    demo.until("Not confirmed")
    demo.press("v")
    demo.until("Paste the key here")
    demo.paste(secret)
    demo.gone("Paste the key here")

    # Each probe can find something.
    assert who_mentions("pulsapi_tui.server.demo")
    assert str(machine.home) in environment(demo.server())
    [journal] = files_with("Release bot", machine.scratch, machine.home)[-1:]
    assert any(path.suffix == ".sqlite" for path in machine.scratch.rglob("*"))

    def assert_nowhere() -> None:
        assert not who_mentions(secret)
        assert not files_with(secret, machine.home, machine.scratch)
        assert not files_with(secret[:24], machine.home, machine.scratch)

    assert_nowhere()
    [folder] = machine.demo_folders
    intents = json.loads((folder / "journal.json").read_text())["intents"]
    assert [intent["name"] for intent in intents] == ["Release bot"], journal
    demo.press("enter")
    demo.until("Verified")
    assert_nowhere()
    assert json.loads((folder / "journal.json").read_text())["intents"] == []


def test_first_frame_names_the_way(demo: Terminal) -> None:
    """Who and where one is, and the keys that do something."""
    for text in ("Settings › API Keys", "dana@northwind.example", "Pro · owner", "12 keys"):
        assert text in demo.text
    for text in ("n Create", "X Revoke", "/ Filter", "? Help", "q Quit"):
        assert text in demo.lines[-1]
    assert len(demo.names) == 12


def test_it_works_at_60_by_16(machine: Machine) -> None:
    """The key fits on one line of the smallest terminal that it is made for."""
    terminal = machine.demo(columns=60, lines=16)
    create(terminal, "Release bot")
    secret = show(terminal)
    terminal.press("v")
    terminal.until("Paste the key here")
    terminal.paste(secret)
    terminal.gone("Paste the key here")
    terminal.press("enter")
    terminal.until("Verified")
