"""A pty that draws nothing: what a program sent, when it was quiet, and what it worked for it."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pexpect

from tests.terminal.processes import end
from tests.terminal.terminal import scrubbed_environment

COLUMNS, LINES = 120, 40
_QUIET_S = 0.08
_PATIENCE_S = 60.0
_ASKS_FOR_SYNCHRONIZED = b"\x1b[?2026$p"
_HAS_SYNCHRONIZED = b"\x1b[?2026;2$y"


class Seen(NamedTuple):
    """What came of something."""

    data: bytes
    took_s: float
    """From the key press to the last byte."""
    worked_s: float
    """Processor time of the program, all of its threads."""


class Pane:
    """A program in a terminal of 120 by 40."""

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            dimensions=(LINES, COLUMNS),
            env=scrubbed_environment(folder, folder),
            timeout=None,
        )
        self._child.delaybeforesend = None

    @property
    def pid(self) -> int:
        """The program."""
        assert self._child.pid is not None
        return self._child.pid

    def until(self, text: str) -> Seen:
        """Read until this was sent, and then until it is quiet."""
        return self._read(time.perf_counter(), self.worked_s, text.encode())

    def press(self, keys: str) -> Seen:
        """Send keys, and read until it is quiet."""
        started, worked_s = time.perf_counter(), self.worked_s
        self.send(keys)
        return self._read(started, worked_s, b"\x1b")

    def send(self, keys: str) -> None:
        """Send keys, and read nothing."""
        os.write(self._child.child_fd, keys.encode())

    def wait(self, seconds: float) -> bytes:
        """What comes within that time, without a key."""
        end, data = time.perf_counter() + seconds, b""
        while (left_s := end - time.perf_counter()) > 0:
            data += self._chunk(left_s)
        return data

    def close(self) -> None:
        """Kill it, and wait until it is gone: on a busy machine that takes a while."""
        if self._child.isalive():
            end(self.pid)
        with suppress(OSError):
            self._child.close(force=True)

    def _read(self, started: float, worked_s: float, wanted: bytes) -> Seen:
        data, last = b"", started
        while time.perf_counter() - started < _PATIENCE_S:
            if chunk := self._chunk(_QUIET_S):
                data, last = data + chunk, time.perf_counter()
            elif wanted in data:
                return Seen(data, last - started, self.worked_s - worked_s)
        raise AssertionError(f"never sent: {wanted!r}")

    def _chunk(self, patience_s: float) -> bytes:
        handle = self._child.child_fd
        if not select.select([handle], [], [], patience_s)[0]:
            return b""
        chunk = os.read(handle, 65536)
        if _ASKS_FOR_SYNCHRONIZED in chunk:
            os.write(handle, _HAS_SYNCHRONIZED)
        return chunk

    @property
    def worked_s(self) -> float:
        """Processor time so far."""
        total_ns = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(OSError):
                total_ns += int((task / "schedstat").read_text().split()[0])
        return total_ns / 1e9

    @property
    def memory_mb(self) -> float:
        """What the program has in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@contextmanager
def pane(folder: Path, *arguments: str) -> Iterator[Pane]:
    """A Python module, or a script, in a terminal."""
    running = Pane([sys.executable, *arguments], folder)
    try:
        yield running
    finally:
        running.close()
