"""When a key was used, as far as this program saw it."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from textual.content import Content

from pulsapi_tui.domain.times import absolute, clock, span
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.ui.literal import MUTED, fit, sentence

COLUMNS = 40
_HEIGHTS = "·▂▄▆█"
"""For none, one, two, three and more uses in a column."""

_MEANINGFUL = timedelta(minutes=1)
"""Watched for less, there is nothing to draw yet."""


def plot(seen: Seen, now: datetime, timezone: tzinfo) -> Content:
    """A column for each part of the time that was watched, and what the drawing leaves out.

    Each reading of the list tells a key's last use only: uses between two readings are one.
    """
    title = ("Seen in use", "bold")
    since = _watched_from(seen)
    if now - since < _MEANINGFUL:
        return sentence(
            title, ("\nEach use is drawn here from now on, as long as this runs.", MUTED)
        )
    counts = _counts(seen, since, now)
    drawn = "".join(_HEIGHTS[min(count, len(_HEIGHTS) - 1)] for count in counts)
    uses = sum(counts)
    times = f"at least {uses} time{'s' * (uses != 1)}" if uses else "not once"
    begin = clock(since, timezone)
    return sentence(
        title,
        (f"  {times} in {span((now - since).total_seconds())}\n", MUTED),
        (drawn, "$primary"),
        (f"\n{fit(begin, COLUMNS - 3)}now", MUTED),
        *_before(seen, since, timezone),
    )


def _watched_from(seen: Seen) -> datetime:
    """What was seen before is not known any more once uses were dropped."""
    return max(seen.seen_from, seen.uses[0]) if seen.forgotten_pause_s else seen.seen_from


def _counts(seen: Seen, since: datetime, now: datetime) -> list[int]:
    """The uses in each column; those before the time that was watched are in none."""
    counts = [0] * COLUMNS
    for use in seen.uses:
        if since <= use <= now:
            counts[min(int((use - since) / (now - since) * COLUMNS), COLUMNS - 1)] += 1
    return counts


def _before(seen: Seen, since: datetime, timezone: tzinfo) -> list[tuple[str, str]]:
    """The last use before the program looked for the first time."""
    earlier = [use for use in seen.uses if use < since]
    return [(f"\nBefore that: {absolute(earlier[-1], timezone)}", MUTED)] if earlier else []
