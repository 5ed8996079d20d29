"""The uses of keys as far as they were seen: what a rotation knows of a key before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from pulsapi_tui.domain.models import ApiKey

MAX_KEYS = 2_000
"""In a longer list nothing is remembered: it would cost more than a key press may."""

KEPT_USES = 20
"""Of each key, the newest."""


class Seen(NamedTuple):
    """What was seen of a key's uses."""

    uses: tuple[datetime, ...]
    """Different `last_used_at`, oldest first."""
    seen_from: datetime
    """When it was first looked at."""
    forgotten_pause_s: float = 0.0
    """The longest pause known when uses were dropped; 0 where none were (`verdict.Watch`)."""


def _with(seen: Seen, use: datetime) -> Seen:
    uses = (*seen.uses, use)
    if len(uses) <= KEPT_USES:
        return seen._replace(uses=uses)
    # Else the time before the oldest use that is kept would look like a pause.
    first_s = seen.forgotten_pause_s or abs((seen.seen_from - uses[0]).total_seconds())
    gaps_s = ((later - earlier).total_seconds() for earlier, later in pairwise(uses))
    return Seen(uses[-KEPT_USES:], seen.seen_from, max(first_s, *gaps_s))


class UsesSeen:
    """Remembers how each key's `last_used_at` moved, list by list."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def note(self, keys: Sequence[ApiKey], at: datetime) -> None:
        """Look at a list that was read at that time."""
        if len(keys) > MAX_KEYS:
            self._seen.clear()
            return
        for key in keys:
            seen = self._seen.get(key.id) or Seen((), at)
            if key.last_used_at is not None and key.last_used_at not in seen.uses[-1:]:
                seen = _with(seen, key.last_used_at)
            self._seen[key.id] = seen

    def of(self, key: ApiKey, now: datetime) -> Seen:
        """What was seen of a key; of one that was never looked at, its last use alone."""
        only = () if key.last_used_at is None else (key.last_used_at,)
        return self._seen.get(key.id) or Seen(only, now)
