"""Each state says what to do next, and goes away by itself where it can."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.conftest import Machine
from tests.terminal.processes import PATIENCE_S, call, eventually
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_main_story import create, show
from tests.thorough import thorough


class Served:
    """`pulsapi-tui serve` on one port, which can be stopped and started again."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine = machine
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None
        self.said = ""

    @property
    def key(self) -> str:
        """The owner's key, from the file that the server wrote."""
        return (self._folder / "owner.key").read_text().strip()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(self.port), "--data", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=self._machine.environment(),
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline() + self._process.stdout.readline()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE_S)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@pytest.fixture
def served(machine: Machine, tmp_path: Path) -> Iterator[Served]:
    """A server in the foreground of another window."""
    server = Served(machine, tmp_path / "data")
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def connect(machine: Machine, served: Served) -> Callable[[str], Terminal]:
    """Run the program against that server."""

    def start(key: str) -> Terminal:
        return machine.start(PULSAPI_BASE_URL=served.url, PULSAPI_API_KEY=key)

    return start


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (
            ["--plan", "free"],
            ["API keys are a Pro plan feature", "Upgrade", "https://", "Look again", "Free"],
        ),
        (
            ["--role", "viewer"],
            ["Your role can't manage API keys", "role is viewer", "owner or an admin", "Look"],
        ),
        (
            ["--role", "member"],
            ["Your role can't manage API keys", "role is member", "owner or an admin", "Look"],
        ),
        (["--empty"], ["No API keys yet", "press n", "Create API key"]),
    ],
)
@pytest.mark.parametrize(("columns", "lines"), [(60, 16), *thorough([(80, 24)])])
def test_what_to_do_next(
    machine: Machine, arguments: list[str], texts: list[str], columns: int, lines: int
) -> None:
    """A state is a screen of its own, and whole at both sizes."""
    terminal = machine.start("demo", *arguments, columns=columns, lines=lines)
    # Free: the header has no room for the plan at 60 columns.
    terminal.until(*[text for text in texts if text != "Free" or columns >= 80])
    assert not terminal.names


def test_nothing_is_created_without_the_plan(machine: Machine) -> None:
    """The keys that change something are dead there; help still opens."""
    terminal = machine.start("demo", "--plan", "free")
    terminal.until("API keys are a Pro plan feature")
    terminal.press("n", "X", "?")
    terminal.until("─ Help")
    terminal.press("escape")
    terminal.gone("─ Help")
    terminal.until("API keys are a Pro plan feature")


def test_the_first_key_of_an_empty_account(machine: Machine) -> None:
    """The state is left by doing what it says."""
    terminal = machine.start("demo", "--empty")
    terminal.until("No API keys yet")
    create(terminal, "The first one")
    secret = show(terminal)
    terminal.paste(secret)
    terminal.until("Verified")
    terminal.wait_for(lambda: terminal.names == ["The first one"], "its row")
    terminal.press("X")
    terminal.until("Revoke API key", "never used")
    terminal.press("tab", "enter")
    terminal.until("No API keys yet")


def test_a_server_that_goes_away_and_comes_back(
    served: Served, connect: Callable[[str], Terminal]
) -> None:
    """The rows stay, with their age and the time to the next try; then it goes on by itself."""
    terminal = connect(served.key)
    terminal.until("Owner's key", "● live")
    served.stop()
    terminal.until("unreachable", "next try in")
    terminal.wait_for(lambda: "old" in terminal.lines[1], "the age of the list")
    assert terminal.names == ["Owner's key"]
    served.start()
    terminal.until("● live")
    terminal.gone("unreachable")
    assert terminal.names == ["Owner's key"]
    create(terminal, "After the storm")


def test_a_server_that_is_not_there_at_first(
    served: Served, connect: Callable[[str], Terminal]
) -> None:
    """No rows to keep: a state that says so, and that ends when the server comes."""
    key = served.key
    served.stop()
    terminal = connect(key)
    terminal.until("PulsAPI can't be reached", served.url, "next try in", "Try now")
    served.start()
    terminal.until("Owner's key", "● live")
    terminal.gone("can't be reached")


def test_the_key_of_this_session_is_revoked_by_somebody_else(
    served: Served, connect: Callable[[str], Terminal]
) -> None:
    """Signed out, said so, and back in with another key."""
    owner = served.key
    status, mine = call(served.port, "POST", "/v1/api-keys", owner, {"name": "This terminal"})
    assert status == 201
    terminal = connect(mine["key"])
    terminal.until("This terminal", "● live")
    assert call(served.port, "DELETE", f"/v1/api-keys/{mine['id']}", owner)[0] == 204
    terminal.until("Signed out", "was revoked", "Enter another key")
    assert not terminal.names
    terminal.press("enter")
    terminal.until("Enter another API key")
    terminal.paste(owner)
    terminal.press("enter")
    terminal.until("Owner's key", "● live")
    assert owner not in terminal.raw.decode()


def test_serve_says_where_the_key_is_and_not_the_key(served: Served) -> None:
    """A file that nobody else may read."""
    key_file = Path(served.said.split()[-1])
    assert key_file.name == "owner.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert served.key not in served.said
    eventually(lambda: call(served.port, "GET", "/v1/account", served.key)[0] == 200, "it answers")


def test_a_window_that_is_too_small(machine: Machine) -> None:
    """It says so, and shows the keys once there is room."""
    terminal = machine.start("demo", columns=30, lines=8)
    terminal.until("Too small", "40 x 12")
    assert not terminal.names
    terminal.resize(80, 24)
    terminal.until("CI/CD Pipeline", "Settings › API Keys")
    terminal.gone("Too small")


def test_a_window_that_shrinks_under_a_key(demo: Terminal) -> None:
    """A cut key is worse than none: it is covered, not lost."""
    create(demo, "Release bot")
    secret = show(demo)
    demo.resize(30, 8)
    demo.until("Too small")
    demo.gone(secret[:8])
    demo.resize(80, 24)
    demo.until(secret)
    demo.gone("Too small")
