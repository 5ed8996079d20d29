"""The real clock, set by what the server says the time is."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar

_YEARS = range(2020, 2200)
"""A year outside of them is no time that a server can mean."""

_CLOSE = timedelta(seconds=2)
"""A Date has whole seconds and has been on its way: within this, what is known stays."""


class SystemClock:
    """The real `Clock`.

    Whether a key is idle, an old one is quiet, or a create is settled is told by comparing the
    server's times with now. By the clock of this machine, which may be wrong or jump, a busy key
    would look quiet. So once an answer has said the time, now is that, and what has passed since by
    a clock that does not jump. It is one for the process, however many of these are made.
    """

    _heard: ClassVar[tuple[datetime, float] | None] = None

    def now(self) -> datetime:
        """The time in UTC."""
        if SystemClock._heard is None:
            return datetime.now(UTC)
        then, at = SystemClock._heard
        return then + timedelta(seconds=_uptime_s() - at)

    def hear(self, date: str) -> None:
        """Take over the `Date` of an answer; one that is none is left out."""
        from email.utils import parsedate_to_datetime

        try:
            said = parsedate_to_datetime(date).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        if said.year not in _YEARS:
            return
        # The middle of the second that it names.
        said += timedelta(seconds=0.5)
        if abs(said - self.now()) > _CLOSE or SystemClock._heard is None:
            SystemClock._heard = said, _uptime_s()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def _uptime_s() -> float:
    """Seconds that never jump, those in which the machine slept among them where that is told."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
