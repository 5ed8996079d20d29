"""The program in a terminal of its own, with a home of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.terminal.processes import listening_port
from tests.terminal.terminal import PROGRAM, Terminal, scrubbed_environment

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]


class Machine:
    """A user's machine, as far as the program sees it: a home, a scratch folder, terminals."""

    def __init__(self, home: Path, scratch: Path) -> None:
        self.home = home
        self.scratch = scratch
        self._terminals: list[Terminal] = []

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of what runs here."""
        return scrubbed_environment(self.home, self.scratch, **more)

    def run(
        self, argv: Sequence[str], *, columns: int = 80, lines: int = 24, **environment: str
    ) -> Terminal:
        """Run anything in a new terminal."""
        terminal = Terminal(argv, self.environment(**environment), columns, lines)
        self._terminals.append(terminal)
        return terminal

    def start(self, *arguments: str, columns: int = 80, lines: int = 24, **env: str) -> Terminal:
        """Run the program in a new terminal."""
        return self.run([PROGRAM, *arguments], columns=columns, lines=lines, **env)

    def demo(self, *arguments: str, columns: int = 80, lines: int = 24) -> Terminal:
        """Run the demo, and wait for its keys."""
        terminal = self.start("demo", *arguments, columns=columns, lines=lines)
        terminal.until("CI/CD Pipeline", "● live")
        return terminal

    @property
    def demo_folders(self) -> list[Path]:
        """The throw-away folders of demos."""
        return list(self.scratch.glob("pulsapi-demo-*"))

    def close(self) -> None:
        """End what runs here."""
        for terminal in self._terminals:
            terminal.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine without anything on it."""
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    scratch.mkdir()
    it = Machine(home, scratch)
    yield it
    it.close()


@pytest.fixture
def demo(machine: Machine) -> Terminal:
    """The demo, with its keys on the screen."""
    return machine.demo()


@pytest.fixture
def port(demo: Terminal) -> int:
    """The port of the demo's server."""
    return listening_port(demo.server())
