"""An event loop whose waits cost nothing: its time stands still, and jumps to the next timer.

It jumps only where nothing can happen before, which is for the check to say: while a real socket
has something under way, real time is given to it, and none of it passes here. So deadlines and
pauses are kept to the letter, and the same seed sees the same times.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from unittest.mock import patch

from pulsapi_tui.api._http import Answer, Transport

PATIENCE_S = 30.0
"""Of real time, for something that is under way."""

BEGAN_AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self, may_skip: Callable[[], bool]) -> None:
        super().__init__()
        self.now_s = 0.0
        self._may_skip = may_skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None and self._may_skip():
            self.now_s += timeout
            return []
        ready = super().select(PATIENCE_S)
        if not ready:
            raise AssertionError("something is under way for ever")
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """The loop. `may_skip` says whether all that is under way waits for a timer."""

    def __init__(self, may_skip: Callable[[], bool]) -> None:
        self._waits = _Selector(may_skip)
        super().__init__(self._waits)
        # A billion seconds on, the usual nanosecond is lost in rounding, and no timer would be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since it was made, skipped ones alone."""
        return self._waits.now_s


class LoopClock:
    """A `Clock` by the time of the running loop."""

    def now(self) -> datetime:
        """The time in UTC."""
        return BEGAN_AT + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """The loop's own time."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait, as the loop does."""
        await asyncio.sleep(seconds)


class Exchanges:
    """Counts the exchanges of the real client; tells whether they all wait for a timer."""

    def __init__(self) -> None:
        self.begun = 0
        self.under_way = 0
        self.stalled = 0

    @property
    def only_wait(self) -> bool:
        """Whether nothing but a timer can go on."""
        return self.under_way == self.stalled

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count those that are begun in here."""
        real = Transport.exchange

        async def exchange(transport: Transport, *args: Any, **options: Any) -> Answer:
            self.begun += 1
            self.under_way += 1
            try:
                return await real(transport, *args, **options)
            finally:
                self.under_way -= 1

        with patch.object(Transport, "exchange", exchange):
            yield

    @contextmanager
    def stalling(self) -> Iterator[None]:
        """The other side of one of them will do nothing in here."""
        self.stalled += 1
        try:
            yield
        finally:
            self.stalled -= 1


def run_skipping(main: Coroutine[Any, Any, T], may_skip: Callable[[], bool]) -> T:
    """Run it on such a loop of its own."""
    with asyncio.Runner(loop_factory=lambda: SkippingLoop(may_skip)) as runner:
        return runner.run(main)
