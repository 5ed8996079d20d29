"""A program that runs: fed by its standard input, heard with a bound, ended in time."""

from __future__ import annotations

import array
import fcntl
import os
import selectors
import signal
import subprocess
import termios
import time
from collections.abc import Mapping
from contextlib import suppress

KEPT_BYTES = 64 * 1024
"""The end of each of the program's two outputs."""

GRACE_S = 0.5
"""After the end of a program, for output that its children are still at."""

_POLL_S = 0.02
_REAP_S = 5.0


class Running:
    """A program in a session of its own, the pipes to it, and the end of what it said.

    Whoever makes one must close it; that ends what still runs. Raises OSError or ValueError where
    the program can't be started.
    """

    def __init__(
        self, argv: tuple[str, ...], environment: Mapping[str, str], payload: memoryview
    ) -> None:
        self._to_write = payload
        # The reading end is ours as well: it tells whether the key was read, and no write fails.
        self._stdin_read, stdin_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                argv,
                bufsize=0,
                stdin=self._stdin_read,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._stdin_read)
            os.close(stdin_write)
            raise
        self._stdin_write: int | None = stdin_write
        self._selector = selectors.DefaultSelector()
        self._heard: dict[int, bytearray] = {}
        os.set_blocking(stdin_write, False)
        self._selector.register(stdin_write, selectors.EVENT_WRITE)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None  # noqa: S101  # asked for above
            os.set_blocking(pipe.fileno(), False)
            self._heard[pipe.fileno()] = bytearray()
            self._selector.register(pipe.fileno(), selectors.EVENT_READ)

    def until(self, deadline: float) -> int | None:
        """Feed and hear the program until it ends; its status, or None where it had to be ended."""
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            if self._selector.get_map():
                self._serve(min(left, _POLL_S))
            else:
                time.sleep(min(left, _POLL_S))
        status = self._process.returncode
        if status is None:
            self._kill()
        self._close_stdin()
        over = time.monotonic() + GRACE_S
        while self._selector.get_map() and (left := over - time.monotonic()) > 0:
            self._serve(left)
        return status

    def heard(self) -> bytes:
        """The end of its output, then the end of its error output."""
        ends = (bytes(kept[-KEPT_BYTES:]) for kept in self._heard.values())
        return b"\n".join(filter(None, ends))

    def unread(self) -> bool:
        """Say whether some of the key was not taken out of the pipe, or did not fit in."""
        count = array.array("i", [0])
        fcntl.ioctl(self._stdin_read, termios.FIONREAD, count)
        return bool(self._to_write) or count[0] > 0

    def close(self) -> None:
        """End what still runs, and let go of the pipes; who holds them is not waited for."""
        if self._process.returncode is None:
            self._kill()
        self._close_stdin()
        self._selector.close()
        os.close(self._stdin_read)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None  # noqa: S101
            pipe.close()

    def _serve(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            if key.fd in self._heard:
                self._hear(key.fd)
            else:
                self._feed(key.fd)

    def _hear(self, descriptor: int) -> None:
        kept = self._heard[descriptor]
        try:
            chunk = os.read(descriptor, KEPT_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(descriptor)
        kept += chunk
        if len(kept) > 2 * KEPT_BYTES:
            del kept[:-KEPT_BYTES]

    def _feed(self, descriptor: int) -> None:
        with suppress(BlockingIOError):
            self._to_write = self._to_write[os.write(descriptor, self._to_write) :]
        if not self._to_write:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin_write is None:
            return
        self._selector.unregister(self._stdin_write)
        os.close(self._stdin_write)
        self._stdin_write = None

    def _kill(self) -> None:
        # Not yet waited for, so the id is still its own.
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_S)
