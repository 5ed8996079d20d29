"""What `check` looks for among the keys: those that a person should look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pulsapi_tui.domain.health import YOUNG, HealthLimits
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import span


class Found(StrEnum):
    """What was found of a key."""

    UNOWNED = "unowned"
    IDLE = "idle"
    OLDER = "older"
    UNUSED = "unused"


_UNOWNED = "Not known to be stored anywhere."


class Wanted(NamedTuple):
    """What is looked for; None: not for that."""

    idle_after: timedelta | None = None
    """No request for so long, after there were some."""
    older_than: timedelta | None = None
    """Created so long ago."""
    unused_after: timedelta | None = None
    """No request at all, and created so long ago."""


class Finding(NamedTuple):
    """A key, what was found of it, and a sentence for each."""

    key: ApiKey
    found: tuple[Found, ...]
    reasons: tuple[str, ...]


def wanted(
    limits: HealthLimits,
    *,
    idle: timedelta | None = None,
    older: timedelta | None = None,
    unused: bool = False,
) -> Wanted:
    """What is asked for, or, where nothing is, what the user's limits mean."""
    if idle is None and older is None and not unused:
        return Wanted(limits.idle_after, limits.due_after, limits.idle_after)
    return Wanted(idle, older, YOUNG if unused else None)


def findings(
    keys: Iterable[ApiKey],
    asked: Wanted,
    now: datetime,
    *,
    session_key_id: str,
    rotating: Mapping[str, str],
    unowned: Collection[str] = (),
) -> tuple[Finding, ...]:
    """The keys of which something was found, in their order.

    Of those in `unowned`, by their ids, nobody is known to have the secret: that is always found.
    The key of the session is in use by that, and a key that is rotating is being looked after:
    neither is called idle or unused.
    """
    found = []
    for key in keys:
        is_special = key.id == session_key_id or key.id in rotating
        reasons = {Found.UNOWNED: _UNOWNED} if key.id in unowned else {}
        reasons |= _reasons(key, asked, now, is_special=is_special)
        if reasons:
            found.append(Finding(key, tuple(reasons), tuple(reasons.values())))
    return tuple(found)


def _reasons(key: ApiKey, asked: Wanted, now: datetime, *, is_special: bool) -> dict[Found, str]:
    reasons: dict[Found, str] = {}
    age, used_at = now - key.created_at, key.last_used_at
    if not is_special:
        if used_at is not None and _is_over(now - used_at, asked.idle_after):
            reasons[Found.IDLE] = f"No request for {span((now - used_at).total_seconds())}."
        if used_at is None and _is_over(age, asked.unused_after):
            reasons[Found.UNUSED] = (
                f"No request since it was created, {span(age.total_seconds())} ago."
            )
    if _is_over(age, asked.older_than):
        reasons[Found.OLDER] = f"Created {span(age.total_seconds())} ago."
    return reasons


def _is_over(time: timedelta, limit: timedelta | None) -> bool:
    return limit is not None and time >= limit
