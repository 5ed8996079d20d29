"""A slow line: `python -m tests.terminal.slow_line LATENCY_MS BYTES_PER_S PROGRAM ARGUMENT...`.

It runs a program in a terminal of its own, and stands between that and the terminal outside. Each
way takes the latency; towards the outside, no more bytes are taken from the program than the line
carries, so that the program has to wait as it does on a real one.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import sys
import termios
import time
import tty
from collections import deque

_CHUNK = 64
_IN, _OUT = 0, 1


class _Way:
    """Bytes on their way, each with the time at which it arrives."""

    def __init__(self, source: int, target: int, latency_s: float, bytes_per_s: float) -> None:
        self.source = source
        self._target = target
        self._latency_s = latency_s
        self._s_per_byte = 1 / bytes_per_s if bytes_per_s else 0.0
        self._free_at = 0.0
        self._under_way: deque[tuple[float, bytes]] = deque()

    def due_s(self, now: float) -> float | None:
        """Seconds until something happens by itself."""
        times = [at for at, _ in list(self._under_way)[:1]]
        times += [self._free_at] if self._free_at > now else []
        return max(0.0, min(times) - now) if times else None

    def is_free(self, now: float) -> bool:
        """Whether the line can take more."""
        return now >= self._free_at

    def take(self, now: float) -> bool:
        """Take some bytes; False at the end of them."""
        data = os.read(self.source, _CHUNK)
        self._free_at = now + len(data) * self._s_per_byte
        self._under_way.append((self._free_at + self._latency_s, data))
        return bool(data)

    def deliver(self, now: float) -> None:
        """Write what has arrived."""
        while self._under_way and self._under_way[0][0] <= now:
            data = self._under_way.popleft()[1]
            while data:
                data = data[os.write(self._target, data) :]


def _relay(inner: int, latency_s: float, bytes_per_s: float) -> None:
    ways = (_Way(_IN, inner, latency_s, 0.0), _Way(inner, _OUT, latency_s, bytes_per_s))
    while True:
        now = time.monotonic()
        for way in ways:
            way.deliver(now)
        sources = {way.source: way for way in ways if way.is_free(now)}
        dues = [due_s for way in ways if (due_s := way.due_s(now)) is not None]
        readable, _, _ = select.select(list(sources), [], [], min(dues, default=None))
        for source in readable:
            if not sources[source].take(time.monotonic()):
                return


def main() -> None:
    """Run the program at the other end."""
    latency_ms, bytes_per_s, *argv = sys.argv[1:]
    pid, inner = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)  # noqa: S606  # a program of the test's own
    tty.setraw(_IN)
    size = fcntl.ioctl(_OUT, termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
    try:
        _relay(inner, float(latency_ms) / 1000, float(bytes_per_s))
    except OSError:
        # The program ended, or the terminal outside is gone.
        os.close(inner)


if __name__ == "__main__":
    main()
