"""The tour of the demo in a real tmux: from start to end, and stopped in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulsapi_tui.server.traffic import read_env_file
from tests.terminal.conftest import Machine
from tests.terminal.processes import call, eventually, files_with, listening_port, who_mentions
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_rotation import server_in

TMUX = shutil.which("tmux")
WHOLE_TOUR_S = 240.0
"""It waits for a key to be quiet, in real time."""


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """A tmux with a server of its own, as the beginning of a command."""
    command = [str(TMUX), "-S", str(tmp_path / "tmux"), "-f", os.devnull]
    yield command
    subprocess.run([*command, "kill-server"], capture_output=True, check=False, timeout=20)


def at_last(terminal: Terminal, condition: Callable[[], bool], what: str) -> None:
    """Wait as long as a whole tour may take, as long as it goes on."""
    deadline = time.monotonic() + WHOLE_TOUR_S
    while not condition():
        assert "The tour stopped" not in terminal.text, terminal.text
        assert time.monotonic() < deadline, f"never: {what}\n{terminal.text}"
        terminal.wait_for(lambda: True, "a whole frame")
        time.sleep(0.1)


@pytest.mark.thorough
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_from_start_to_end_in_tmux(machine: Machine, tmux: list[str]) -> None:
    """All four chapters, by real keys on a real server; no secret is ever drawn."""
    command = [*tmux, "new-session", PROGRAM, "demo", "--tour", "--pace", "0.2"]
    terminal = machine.run(command, lines=25)
    terminal.until("Tour 1/4", "any key stops it")
    [folder] = machine.demo_folders
    rotated, delivered = (folder / "integrations" / name for name in ("ci.env", "deploy.env"))
    old = read_env_file(rotated)
    assert old is not None
    port = listening_port(server_in(tmux))
    at_last(terminal, lambda: terminal.shows("The tour is over."), "the tour is over")
    new, created = read_env_file(rotated), read_env_file(delivered)
    assert new is not None
    assert created is not None
    assert [call(port, "GET", "/v1/services", key)[0] for key in (old, new, created)] == [
        401,
        200,
        200,
    ]
    for secret in (old, new, created):
        assert secret.encode() not in terminal.raw
        assert not who_mentions(secret)
    assert files_with(created, machine.home, machine.scratch) == [delivered]
    assert files_with(new, machine.home, machine.scratch) == [rotated]
    lines = (folder / "actions.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == [
        "create",
        "deliver",
        "prove",
        *(f"rotate.{step}" for step in ("create", "deliver", "prove", "revoke", "confirm")),
        "revoke",
    ]
    terminal.gone("any key stops it")
    terminal.press("n")
    terminal.until("Create API key")
    terminal.press("escape")
    terminal.gone("Create API key")
    terminal.press("q")
    eventually(lambda: not machine.demo_folders, "the demo's folder is gone")


def test_a_key_in_the_middle_stops_it(machine: Machine) -> None:
    """The key does nothing else, one line says so, and the demo goes on by hand."""
    terminal = machine.start("demo", "--tour", "--pace", "1.5", columns=60, lines=16)
    terminal.until("Tour 1/4", "Deploy bot", "press  Enter")
    terminal.press("q")
    terminal.until("The tour stopped")
    terminal.gone("any key stops it")
    terminal.until("Create API key", "Deploy bot")
    terminal.press("escape")
    terminal.gone("Create API key")
    terminal.until("12 keys", "● live")
    terminal.press("q")
    assert terminal.status() == 0
    assert machine.demo_folders == []


def test_ctrl_q_quits_in_the_middle(machine: Machine) -> None:
    """As ever."""
    terminal = machine.start("demo", "--tour", "--pace", "slow")
    terminal.until("Tour 1/4")
    terminal.press("ctrl+q")
    assert terminal.status() == 0
    assert machine.demo_folders == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["demo", "--tour", "--empty"], "--tour shows the demo as it is: leave out --empty."),
        (
            ["--read-only", "demo", "--tour", "--plan", "free"],
            "--tour shows the demo as it is: leave out --plan, --read-only.",
        ),
        (["demo", "--pace", "fast"], "--pace is that of the tour: give --tour, too."),
        (["demo", "--tour", "--pace", "-1"], "'-1' is no pace: slow, normal, fast, or seconds"),
        (["demo", "--tour", "--pace", "soon"], "'soon' is no pace: slow, normal, fast, or seconds"),
    ],
)
def test_what_it_can_not_show_is_refused(machine: Machine, options: list[str], why: str) -> None:
    terminal = machine.start(*options, columns=120)
    assert terminal.status() == 2
    assert why in terminal.raw.decode()
    assert machine.demo_folders == []
