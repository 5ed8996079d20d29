"""Ask the terminal what it is (DA1), before anything else reads from it.

Ask before the program has threads: signals are held back for the calling thread alone.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

TERMINAL = "/dev/tty"
BOUND_S = 0.5
CLIPBOARD = 52
"""The attribute of a terminal that lets programs set its clipboard."""

_QUESTION = b"\x1b[c"
_ANSWER = re.compile(rb"\x1b\[\?([0-9;]{1,200})c")
_MAX_BYTES = 4096
_HELD_BACK = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP}


class Asked(NamedTuple):
    """What came of the question."""

    attributes: frozenset[int] | None = None
    """None where no answer came."""
    not_asked: str = ""
    """Why it was not asked, as a sentence; empty where it was."""


def ask(path: str = TERMINAL, *, bound_s: float = BOUND_S) -> Asked:
    """Ask, and wait for the answer, for `bound_s` seconds at most. What is typed meanwhile is lost.

    The terminal's modes are put back whatever happens; a signal that would end the program waits
    for that.
    """
    try:
        # O_NONBLOCK: a terminal that was stopped (ctrl+s) would otherwise be waited for.
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Asked(not_asked="There is no terminal to ask.")
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return Asked(not_asked="The program runs in the background.")
        with _unbuffered(terminal):
            os.write(terminal, _QUESTION)
            return Asked(_answer(terminal, time.monotonic() + bound_s))
    except (OSError, termios.error):
        return Asked(not_asked="The terminal could not be asked.")
    finally:
        os.close(terminal)


def drop_late_answer(path: str = TERMINAL) -> None:
    """Drop what came in meanwhile: an answer after `BOUND_S` would be typed into the shell."""
    try:
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        termios.tcflush(terminal, termios.TCIFLUSH)
    except termios.error:
        pass
    finally:
        os.close(terminal)


@contextmanager
def _unbuffered(terminal: int) -> Iterator[None]:
    """Without echo and line by line; what is not read by the end is dropped."""
    held_before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        modes = termios.tcgetattr(terminal)
        try:
            # TCSANOW: the others wait until all output has gone out.
            tty.setcbreak(terminal, termios.TCSANOW)
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
            termios.tcflush(terminal, termios.TCIFLUSH)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_before)


def _answer(terminal: int, deadline: float) -> frozenset[int] | None:
    received = b""
    while (left_s := deadline - time.monotonic()) > 0 and len(received) < _MAX_BYTES:
        readable, _, _ = select.select([terminal], [], [], left_s)
        data = os.read(terminal, 1024) if readable else b""
        if not data:
            return None
        received += data
        if found := _ANSWER.search(received):
            return frozenset(int(number) for number in found[1].split(b";") if number)
    return None
