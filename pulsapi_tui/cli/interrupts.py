"""Signals while a command runs: it ends at once, but not while a key has no owner."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.output import say

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signals of one command, which is the task that makes this.

    Between asking for a key and knowing where it is, a first signal only stops what would come
    after; a second one ends the command there, too.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        """Set by the first signal: begin nothing more."""
        self._number: int | None = None
        self._holds = 0
        self._is_cut = False
        self._task: asyncio.Task[Any] | None = asyncio.current_task()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals, but those that are ignored on purpose (`nohup`)."""
        loop = asyncio.get_running_loop()
        taken = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        for number in taken:
            loop.add_signal_handler(number, self._seen, number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)
            # One that came right before may be told only now.
            self._task = None

    def _seen(self, number: int) -> None:
        is_first = self._number is None
        self._number = self._number or number
        self.stop.set()
        if is_first and self._holds:
            say("Stopping as soon as it is known what became of the key. Once more: now.")
        elif self._task is not None:
            self._task.cancel()

    @contextmanager
    def held(self, if_cut: str) -> Iterator[None]:
        """Let a first signal wait. `if_cut` is said where a second one ends the command in here."""
        if self._number is not None:
            raise asyncio.CancelledError
        self._holds += 1
        try:
            yield
        except asyncio.CancelledError:
            self._is_cut = True
            say(if_cut)
            raise
        finally:
            self._holds -= 1

    def ended(self, code: int) -> int:
        """The code of a command that came to its end with that one.

        A key without an owner is worse than a signal.
        """
        if self._number is None or code == exits.NOT_KNOWN:
            return code
        return exits.by_signal(self._number)

    def cancelled(self) -> int | None:
        """The code of a command that was cancelled; None where no signal did it."""
        if self._number is None:
            return None
        return exits.NOT_KNOWN if self._is_cut else exits.by_signal(self._number)
