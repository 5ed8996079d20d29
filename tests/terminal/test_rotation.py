"""A rotation by keys alone: in a real tmux, over kill -9, and beside a second window."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsapi_tui.server.traffic import read_env_file
from tests.server.support import finish, read_url, start_serve
from tests.terminal.conftest import Machine
from tests.terminal.deliver_dialog import clear_field, press_deliver
from tests.terminal.processes import (
    call,
    child_running,
    eventually,
    files_with,
    is_running,
    listening_port,
    who_mentions,
)
from tests.terminal.terminal import DEMO_SERVER, PROGRAM, Terminal

TMUX = shutil.which("tmux")
NAME = "CI/CD Pipeline"


def open_plan(terminal: Terminal, name: str) -> None:
    """Put the cursor on a key by the filter, and press R."""
    terminal.press("/")
    terminal.until("Enter keeps")
    terminal.press(name)
    terminal.until("1 shown")
    terminal.press("enter")
    terminal.press("R")
    terminal.until("Rotate API key", "With overlap")


def deliver(terminal: Terminal, path: Path | None = None) -> None:
    """From the plan into an env file: that of the demo, or another one."""
    terminal.press("enter")
    terminal.until("Where does", "Env file")
    if path is None:
        terminal.until("As before")
        terminal.press("enter")
    else:
        clear_field(terminal, "Path ")
        terminal.press(str(path))
        terminal.until(path.name)
        press_deliver(terminal)


def revoke_old(terminal: Terminal, name: str) -> None:
    """From the watch to the proof."""
    terminal.press("X")
    terminal.until("Revoke API key", f"To go on, type {name}")
    terminal.press(name)
    terminal.press("enter")
    terminal.until("The rotation is over. The old key is dead.")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """A tmux with a server of its own, as the beginning of a command."""
    command = [str(TMUX), "-S", str(tmp_path / "tmux"), "-f", os.devnull]
    yield command
    subprocess.run([*command, "kill-server"], capture_output=True, check=False, timeout=20)


@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_the_demos_rotation_in_tmux(machine: Machine, tmux: list[str]) -> None:
    """From R to the proof that the old key is dead, at 80x24; neither key is ever shown."""
    terminal = machine.run([*tmux, "new-session", PROGRAM, "demo"], lines=25)
    terminal.until(NAME, "● live")
    eventually(lambda: machine.demo_folders, "the demo's folder")
    [folder] = machine.demo_folders
    path = folder / "integrations" / "ci.env"
    old = read_env_file(path)
    assert old is not None
    port = listening_port(server_in(tmux))
    open_plan(terminal, NAME)
    deliver(terminal)
    terminal.until("✓ Create the successor", "✓ Deliver it", "✓ Prove it", "▸ Watch the old key")
    terminal.until("Not safe yet")
    new = read_env_file(path)
    assert new is not None
    assert call(port, "GET", "/v1/services", old)[0] == 200
    assert call(port, "GET", "/v1/services", new)[0] == 200
    revoke_old(terminal, NAME)
    terminal.until("It gets 401 Unauthorized.")
    assert call(port, "GET", "/v1/services", old)[0] == 401
    assert call(port, "GET", "/v1/services", new)[0] == 200
    for secret in (old, new):
        assert secret.encode() not in terminal.raw
        assert not who_mentions(secret)
    assert files_with(new, machine.home, machine.scratch) == [path]
    assert not files_with(old, machine.home, machine.scratch)
    lines = (folder / "actions.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == [
        f"rotate.{step}" for step in ("create", "deliver", "prove", "revoke", "confirm")
    ]


def server_in(tmux: list[str]) -> int:
    """The demo's server, a descendant of the tmux server."""
    answer = subprocess.run(
        [*tmux, "display-message", "-p", "#{pane_pid}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return child_running(int(answer.stdout), DEMO_SERVER)


class Served:
    """`pulsapi-tui serve`, and programs that talk to it from one home."""

    def __init__(self, machine: Machine, url: str, key: str) -> None:
        self._machine = machine
        self.port = int(url.rpartition(":")[2])
        self.key = key
        self._url = url

    def start(self) -> Terminal:
        """Another window of the program."""
        terminal = self._machine.start(PULSAPI_BASE_URL=self._url, PULSAPI_API_KEY=self.key)
        terminal.until("● live")
        return terminal

    def create(self, name: str) -> str:
        """Make a key over HTTP; its secret."""
        status, created = call(self.port, "POST", "/v1/api-keys", self.key, {"name": name})
        assert status == 201
        return str(created["key"])

    def alive(self, name: str) -> int:
        """How many keys of that name there are."""
        _, page = call(self.port, "GET", "/v1/api-keys?limit=100", self.key)
        return [key["name"] for key in page["data"]].count(name)


@pytest.fixture
def served(machine: Machine, tmp_path: Path) -> Iterator[Served]:
    process = start_serve(tmp_path / "server")
    try:
        url = read_url(process)
        key = (tmp_path / "server" / "owner.key").read_text().strip()
        yield Served(machine, url, key)
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)


def test_it_goes_on_after_kill_9(served: Served, tmp_path: Path) -> None:
    """The next start names it, and R opens it at its step; the old key is proven dead."""
    old = served.create("Nightly report")
    path = tmp_path / "app.env"
    path.write_text(f"# ours\nPULSAPI_API_KEY={old}\n")
    path.chmod(0o600)
    terminal = served.start()
    open_plan(terminal, "Nightly report")
    deliver(terminal, path)
    terminal.until("✓ Prove it", "▸ Watch the old key")
    new = read_env_file(path)
    assert new is not None
    assert new != old
    terminal.signal(signal.SIGKILL)
    eventually(lambda: not is_running(terminal.pid), "it is killed")

    terminal = served.start()
    terminal.until("1 rotation under way")
    terminal.press("/")
    terminal.press("Nightly")
    terminal.until("2 shown", "↻ rotating")
    terminal.press("enter", "R")
    terminal.until("✓ Prove it", "▸ Watch the old key")
    terminal.press("X")
    terminal.until("Revoke API key", "type")
    terminal.press("Nightly report")
    terminal.press("enter")
    terminal.until("The rotation is over. The old key is dead.")
    assert call(served.port, "GET", "/v1/services", old)[0] == 401
    assert call(served.port, "GET", "/v1/services", new)[0] == 200
    assert served.alive("Nightly report") == 1
    terminal.press("escape")
    terminal.gone("under way")


@pytest.mark.thorough
def test_a_second_window_is_told_and_doubles_nothing(served: Served, tmp_path: Path) -> None:
    """Two windows on one account: one of them rotates."""
    old = served.create("Nightly report")
    first, second = served.start(), served.start()
    open_plan(first, "Nightly report")
    deliver(first, tmp_path / "first.env")
    first.until("▸ Watch the old key")
    second.until("1 rotation under way")
    second.press("/")
    second.press("Nightly")
    second.until("2 shown")
    second.press("enter", "G", "R")
    second.until("Rotate API key")
    deliver(second, tmp_path / "second.env")
    second.until("Not rotated", "Another window of this program is at it.")
    assert served.alive("Nightly report") == 2
    assert not (tmp_path / "second.env").exists()
    assert call(served.port, "GET", "/v1/services", old)[0] == 200
