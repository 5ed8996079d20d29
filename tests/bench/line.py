"""A program on a pty, and when it drew what: the reader does nothing but look for it."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.terminal.processes import descendants_of, end
from tests.terminal.terminal import on_a_pty, scrubbed_environment

COLUMNS, LINES = 120, 40
PATIENCE_S = 60.0
SETTLED_S = 1.5
"""So long without a byte, and it has settled."""
SOME_TEXT = 16
"""Characters; fewer are no frame."""

_ASKS_FOR_SYNCHRONIZED = b"\x1b[?2026$p"
_HAS_SYNCHRONIZED = b"\x1b[?2026;2$y"
_ALTERNATE_SCREEN = b"\x1b[?1049h"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]P])")

PYTHON = sys.executable


class NothingDrawnError(Exception):
    """What was waited for never came."""


class Line:
    """A program on a pty. It is not drawn: that would take the processor from the program."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._started = time.perf_counter()
        self._child = on_a_pty(argv, environment, COLUMNS, LINES)
        self._answered = 0
        self.raw = b""

    def until(self, is_there: Callable[[bytes], bool]) -> float:
        """Read until that is true of all that was sent; seconds since the start."""
        while not is_there(self.raw):
            spent = time.perf_counter() - self._started
            if spent > PATIENCE_S or not self._read(PATIENCE_S - spent):
                raise NothingDrawnError(f"never drawn; the last bytes: {self.raw[-400:]!r}")
        return time.perf_counter() - self._started

    def settle(self) -> int:
        """Read until nothing came for a while; the bytes that came since the start."""
        while self._read(SETTLED_S):
            pass
        return len(self.raw)

    def idle(self, seconds: float) -> tuple[float, int]:
        """The processor's milliseconds and the bytes of so long without a key."""
        before, sent = self._processor_ms(), len(self.raw)
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)
        return self._processor_ms() - before, len(self.raw) - sent

    def press(self, key: str) -> None:
        """Send a key."""
        self._child.send(key)

    def close(self) -> None:
        """Kill it, and what it started."""
        pid = self._child.pid
        assert pid is not None
        if self._child.isalive():
            for each in (pid, *descendants_of(pid)):
                end(each)
        self._child.close(force=True)

    def _read(self, wait_s: float) -> bool:
        handle = self._child.child_fd
        if not select.select([handle], [], [], wait_s)[0]:
            return False
        try:
            data = os.read(handle, 65536)
        except OSError:
            return False
        self.raw += data
        if self.raw.count(_ASKS_FOR_SYNCHRONIZED) > self._answered:
            self._answered += 1
            os.write(handle, _HAS_SYNCHRONIZED)
        return bool(data)

    def _processor_ms(self) -> float:
        """Of all threads, from the scheduler's own count, which is finer than a clock's tick."""
        threads = Path(f"/proc/{self._child.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e6


@contextmanager
def on_a_line(argv: Sequence[str], folder: Path, **more: str) -> Iterator[Line]:
    """A program on a pty, with a home of its own; killed at the end."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    line = Line(argv, scrubbed_environment(home, folder, **more))
    try:
        yield line
    finally:
        line.close()


def has_frame(raw: bytes) -> bool:
    """Whether some text was drawn on the alternate screen."""
    _, there, drawn = raw.partition(_ALTERNATE_SCREEN)
    text = _SEQUENCE.sub(b"", drawn) if there else b""
    return sum(33 <= byte < 127 for byte in text) >= SOME_TEXT


def shows(text: str) -> Callable[[bytes], bool]:
    """Whether a text was drawn, in one piece."""
    sought = text.encode()
    return lambda raw: sought in raw
