"""Times as people read them, from a given now and timezone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S

_STEPS = (
    (MINUTE_S, 1, "s"),
    (HOUR_S, MINUTE_S, "min"),
    (DAY_S, HOUR_S, "h"),
    (60 * DAY_S, DAY_S, "d"),
    (730 * DAY_S, 30 * DAY_S, "mo"),
)


def span(seconds: float) -> str:
    """A duration in its largest fitting unit: `42 s`, `5 min`, `3 h`, `12 d`, `4 mo`, `2 y`.

    One below zero comes of two clocks that differ, and reads `0 s`.
    """
    seconds = max(seconds, 0.0)
    for limit, unit_s, unit in _STEPS:
        if seconds < limit:
            return f"{int(seconds // unit_s)} {unit}"
    return f"{int(seconds // (365 * DAY_S))} y"


def ago(then: datetime, now: datetime) -> str:
    """How long before `now` something was. A time ahead of the clock reads `just now`."""
    seconds = (now - then).total_seconds()
    return "just now" if seconds < 5 else f"{span(seconds)} ago"


def last_use(then: datetime | None, now: datetime) -> str:
    """When something was last used, within a sentence; None is never, as far as is known."""
    return "never used" if then is None else f"last used {ago(then, now)}"


def zone(name: str) -> tzinfo:
    """The timezone of that IANA name, or UTC where the machine doesn't know it."""
    # Half as slow to import as all of asyncio, and not needed before an account is known.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def absolute(then: datetime, timezone: tzinfo) -> str:
    """Date, time and zone: `2026-11-24 14:05:09 CET`."""
    return then.astimezone(timezone).strftime("%Y-%m-%d %H:%M:%S %Z")


def clock(then: datetime, timezone: tzinfo) -> str:
    """The time of day: `14:05:09`."""
    return then.astimezone(timezone).strftime("%H:%M:%S")
