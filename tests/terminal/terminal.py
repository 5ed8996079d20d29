"""A terminal with the program in it: a real pty, keys in, bytes and screens out."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect

from tests.terminal.processes import PATIENCE_S, child_running, descendants_of, end, eventually
from tests.terminal.screen import TwoScreens, lines_of

PROGRAM = str(Path(sys.executable).parent / "pulsapi-tui")
DEMO_SERVER = "pulsapi_tui.server.demo"

_KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "ctrl+u": "\x15",
    "space": " ",
    "down": "\x1b[B",
    "ctrl+c": "\x03",
    "ctrl+p": "\x10",
    "ctrl+q": "\x11",
    "ctrl+z": "\x1a",
}


def scrubbed_environment(home: Path, scratch: Path, **more: str) -> dict[str, str]:
    """An environment that says nothing about the machine that the tests run on."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TEXTUAL_ANIMATIONS": "none",
        **more,
    }


def on_a_pty(
    argv: Sequence[str], environment: Mapping[str, str], columns: int, lines: int
) -> pexpect.spawn[bytes]:
    """Start a program on a pty of its own."""
    child: pexpect.spawn[bytes] = pexpect.spawn(
        argv[0],
        list(argv[1:]),
        dimensions=(lines, columns),
        env=dict(environment),
        timeout=None,
    )
    child.delaybeforesend = None
    return child


class Terminal:
    """A program on a pty, and what it drew.

    A thread reads all the time, so that the program never waits for the test.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], columns: int, lines: int
    ) -> None:
        self.screens = TwoScreens(columns, lines)
        self._raw = bytearray()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._at_end = False
        self._child = on_a_pty(argv, environment, columns, lines)
        self._started: set[int] = set()
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        handle = self._child.child_fd
        while not self._closing.is_set():
            readable, _, _ = select.select([handle], [], [], 0.05)
            if not readable:
                continue
            try:
                data = os.read(handle, 65536)
            except OSError:
                data = b""
            with self._changed:
                self._raw += data
                self._at_end = not data
                answer = self.screens.feed(data)
                self._changed.notify_all()
            if not data:
                return
            if answer:
                with suppress(OSError):
                    os.write(handle, answer)

    # What is there

    @property
    def pid(self) -> int:
        """The process on the pty."""
        assert self._child.pid is not None
        return self._child.pid

    @property
    def raw(self) -> bytes:
        """Every byte that the program sent."""
        with self._changed:
            return bytes(self._raw)

    @property
    def lines(self) -> list[str]:
        """The rows that are seen."""
        with self._changed:
            return lines_of(self.screens.shown)

    @property
    def text(self) -> str:
        """What is seen, as text."""
        return "\n".join(self.lines)

    def shows(self, text: str) -> bool:
        """Whether a text is seen, wherever its lines break."""
        seen = self.text
        return text in seen or text in " ".join(seen.split())

    def row(self, name: str) -> str:
        """The table's row of a key, or nothing."""
        return next((line for line in self.lines if line[2:].startswith(f"{name} ")), "")

    @property
    def names(self) -> list[str]:
        """The names in the table, as far as they are seen."""
        lines = self.lines
        header = next((n for n, line in enumerate(lines) if line.startswith("  Name ")), None)
        if header is None:
            return []
        width = lines[header].index("Created")
        rows = lines[header + 1 :]
        ends = next((n for n, line in enumerate(rows) if not line[2:].strip(" ─")), len(rows))
        return [line[2:width].strip() for line in rows[:ends]]

    # Waiting

    def wait_for(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until something is true of a whole frame."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with self._changed:
                if not self.screens.drawing and condition():
                    return
                ended = self._at_end
                self._changed.wait(0.1)
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"never: {what}\n{self.text}")

    def until(self, *texts: str) -> None:
        """Wait until the screen shows all of these."""
        self.wait_for(lambda: all(map(self.shows, texts)), f"shows {texts}")

    def gone(self, *texts: str) -> None:
        """Wait until the screen shows none of these."""
        self.wait_for(lambda: not any(map(self.shows, texts)), f"loses {texts}")

    # Acting

    def press(self, *keys: str) -> None:
        """Send keys, all of them in one write: names of keys, or text as it is typed."""
        self._child.send("".join(_KEYS.get(key, key) for key in keys))

    def paste(self, text: str) -> None:
        """Paste, as a terminal does for a program that asked for brackets around it."""
        self._child.send(f"\x1b[200~{text}\x1b[201~")

    def click(self, column: int, line: int) -> None:
        """Press and release the mouse's left button on a cell, counted from 0."""
        where = f"{column + 1};{line + 1}"
        self._child.send(f"\x1b[<0;{where}M\x1b[<0;{where}m")

    def resize(self, columns: int, lines: int) -> None:
        """Make the window larger or smaller."""
        with self._changed:
            self.screens.resize(columns, lines)
        self._child.setwinsize(lines, columns)

    def hang_up(self) -> None:
        """Close the terminal's window: its end of the pty goes away."""
        self._closing.set()
        self._reader.join(PATIENCE_S)
        # Closes it, and keeps its number from another file, which pexpect would close later.
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), self._child.child_fd)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        os.kill(self.pid, number)

    # Ends

    def server(self) -> int:
        """The process of the demo's server."""
        pid = child_running(self.pid, DEMO_SERVER)
        self._started.add(pid)
        return pid

    def status(self) -> int:
        """Wait for the end: the exit status, or minus the signal that ended it."""
        eventually(lambda: not self._child.isalive(), "the program ends")
        if not self._closing.is_set():
            # Not `wait_for`: what was killed within a frame never ends it.
            eventually(lambda: self._at_end, "the last byte")
        if self._child.signalstatus is not None:
            return -self._child.signalstatus
        return int(self._child.exitstatus or 0)

    def close(self) -> None:
        """Kill what this started, and let go of the pty."""
        started = {*self._started, *descendants_of(self.pid)} if self._child.isalive() else set()
        for pid in (self.pid, *started, *self._started):
            if pid != self.pid or self._child.isalive():
                end(pid)
        eventually(lambda: not self._child.isalive(), "the program is killed")
        self._closing.set()
        self._reader.join(PATIENCE_S)
        with suppress(OSError):
            self._child.close(force=True)
