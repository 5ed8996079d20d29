"""A program that runs: fed by its standard input, heard with a bound, ended in time."""

from __future__ import annotations

import array
import fcntl
import os
import selectors
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO

KEPT_BYTES = 64 * 1024
"""The end of each of the program's two outputs."""

GRACE_S = 0.5
"""After the end of a program, for output that its children are still at."""

_POLL_S = 0.02
_REAP_S = 5.0


@contextmanager
def started(
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    payload: memoryview | None = None,
    *,
    at_terminal: bool = False,
) -> Iterator[Running]:
    """A program that runs, and that is ended at the latest when this is left; see `Running`.

    An interrupt that comes while it is being started waits until it can be ended again.
    """
    interrupt = _HeldBack()
    try:
        running = Running(argv, environment, payload, at_terminal=at_terminal)
    except BaseException:
        interrupt.let_through()
        raise
    try:
        interrupt.let_through()
        yield running
    finally:
        running.close()


class _HeldBack:
    """SIGINT, where Python would make an exception of it, which it does in the main thread."""

    def __init__(self) -> None:
        self._came = False
        self._before: Callable[[int, FrameType | None], object] | None = None
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            self._before = handler
            # The program that is started gets the usual behaviour, as from any handler.
            signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True

    def let_through(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._came:
                self._before(signal.SIGINT, None)


class Running:
    """A program in a session of its own, the pipes to it, and the end of what it said.

    Without a payload there is nothing on its standard input. `at_terminal` leaves it in this
    session, with this program's own standard input and error output, for what it may have to ask a
    person; only its output is heard then.

    Whoever makes one must close it; that ends what still runs. Raises OSError or ValueError where
    the program can't be started.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        payload: memoryview | None = None,
        *,
        at_terminal: bool = False,
    ) -> None:
        self._to_write = payload or memoryview(b"")
        self._at_terminal = at_terminal
        # The reading end is ours as well: it tells whether the key was read, and no write fails.
        self._stdin_read: int | None = None
        self._stdin_write: int | None = None
        if payload is not None:
            self._stdin_read, self._stdin_write = os.pipe()
        stdin = subprocess.DEVNULL if self._stdin_read is None else self._stdin_read
        try:
            self._process = subprocess.Popen(
                argv,
                bufsize=0,
                stdin=None if at_terminal else stdin,
                stdout=subprocess.PIPE,
                stderr=None if at_terminal else subprocess.PIPE,
                env=dict(environment),
                start_new_session=not at_terminal,
            )
        except BaseException:
            for end in (self._stdin_read, self._stdin_write):
                if end is not None:
                    os.close(end)
            raise
        self._selector = selectors.DefaultSelector()
        self._heard: dict[int, bytearray] = {}
        if self._stdin_write is not None:
            os.set_blocking(self._stdin_write, False)
            self._selector.register(self._stdin_write, selectors.EVENT_WRITE)
        for pipe in self._outputs():
            os.set_blocking(pipe.fileno(), False)
            self._heard[pipe.fileno()] = bytearray()
            self._selector.register(pipe.fileno(), selectors.EVENT_READ)

    def until(self, deadline: float, give_up: Callable[[], bool] | None = None) -> int | None:
        """Feed and hear the program until it ends; its status, or None where it had to be ended.

        `give_up` is asked now and then whether to end it before the deadline.
        """
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            if give_up is not None and give_up():
                break
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

    def output(self) -> bytes:
        """The end of its output alone."""
        return bytes(next(iter(self._heard.values()))[-KEPT_BYTES:])

    def output_size(self) -> int:
        """How much of its output is kept; of more than `KEPT_BYTES`, at least so much."""
        return len(next(iter(self._heard.values())))

    def error_output(self) -> bytes:
        """The end of its error output alone; nothing where that is the terminal."""
        return b"".join(bytes(kept[-KEPT_BYTES:]) for kept in list(self._heard.values())[1:])

    def unread(self) -> bool:
        """Say whether some of the key was not taken out of the pipe, or did not fit in."""
        if self._stdin_read is None:
            return False
        count = array.array("i", [0])
        fcntl.ioctl(self._stdin_read, termios.FIONREAD, count)
        return bool(self._to_write) or count[0] > 0

    def close(self) -> None:
        """End what still runs, and let go of the pipes; who holds them is not waited for."""
        if self._process.returncode is None:
            self._kill()
        self._close_stdin()
        self._selector.close()
        if self._stdin_read is not None:
            os.close(self._stdin_read)
        for pipe in self._outputs():
            pipe.close()

    def _outputs(self) -> tuple[IO[bytes], ...]:
        """The pipe of its output, then that of its error output."""
        pipes = (self._process.stdout, self._process.stderr)
        return tuple(pipe for pipe in pipes if pipe is not None)

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
            if self._at_terminal:
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_S)
