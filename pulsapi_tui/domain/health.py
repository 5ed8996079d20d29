"""A word on each key's state, what else is to be said of it, and the reasons.

A key has one condition, and any number of flags: an idle key may have a vague name, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.names import VAGUE_REASON, is_vague
from pulsapi_tui.domain.times import DAY_S, ago, span

RECENTLY_USED = timedelta(hours=24)
"""Revoking a key used within this time asks for its name (interface.md, Revoke)."""

OLD_KEY, SUCCESSOR = "old key", "successor"
"""The two keys of a rotation."""

YOUNG = timedelta(hours=1)
"""So long after its creation, a key without a use says nothing yet: it is on its way somewhere."""


class HealthLimits(NamedTuple):
    """From when on a key is worth a word; the user's settings may say otherwise."""

    idle_after: timedelta = timedelta(days=30)
    """Unused for longer: the page says to revoke keys that are not in use."""
    due_after: timedelta = timedelta(days=90)
    """Older: the page says to rotate keys periodically."""


class Condition(StrEnum):
    """What is to be said of a key first."""

    ROTATING = "rotating"
    SESSION = "this session"
    IN_USE = "in use"
    IDLE = "idle"
    NEVER_USED = "never used"


class Flag(StrEnum):
    """What is to be said of a key besides, whatever its condition."""

    DUE = "due"
    DUPLICATE = "duplicate"
    VAGUE = "vague"


class Flagged(NamedTuple):
    """A flag, and why."""

    flag: Flag
    reason: str


class Health(NamedTuple):
    """A condition, its words in the table, why, and the flags."""

    condition: Condition
    word: str
    reason: str
    flags: tuple[Flagged, ...] = ()


class Judge:
    """Judges keys as of one moment.

    What a filter asks of 100,000 keys is one comparison each; the words are made only for the keys
    that are drawn.
    """

    def __init__(
        self,
        now: datetime,
        session_key_id: str,
        duplicates: Collection[str] = (),
        limits: HealthLimits | None = None,
        rotating: Mapping[str, str] | None = None,
    ) -> None:
        """`rotating` says of the keys of rotations under way, by their ids, which ones they are."""
        self._now = now
        self._rotating = rotating or {}
        self._session_key_id = session_key_id
        self._duplicates = duplicates
        self._limits = limits or HealthLimits()
        self._idle_since = now - self._limits.idle_after
        self._due_since = now - self._limits.due_after

    def condition(self, key: ApiKey) -> Condition:
        """The one that comes first."""
        if key.id in self._rotating:
            return Condition.ROTATING
        if key.id == self._session_key_id:
            return Condition.SESSION
        if key.last_used_at is None:
            return Condition.NEVER_USED
        return Condition.IDLE if self.is_idle(key) else Condition.IN_USE

    def is_idle(self, key: ApiKey) -> bool:
        """Whether nothing seems to need it any more."""
        used_at = key.last_used_at
        return used_at is not None and used_at <= self._idle_since and not self._is_special(key)

    def is_unused(self, key: ApiKey) -> bool:
        """Whether no request was made with it, be it old or young."""
        return key.last_used_at is None and not self._is_special(key)

    def _is_special(self, key: ApiKey) -> bool:
        return key.id == self._session_key_id or key.id in self._rotating

    def is_due(self, key: ApiKey) -> bool:
        """Whether it is old enough to be rotated."""
        return key.created_at <= self._due_since

    def is_duplicate(self, key: ApiKey) -> bool:
        """Whether another key has its name. The two of a rotation are meant to have one."""
        return key.name in self._duplicates and key.id not in self._rotating

    def is_vague(self, key: ApiKey) -> bool:
        """Whether its name says nothing."""
        return is_vague(key.name)

    def health(self, key: ApiKey) -> Health:
        """All that is to be said of a key."""
        condition, flags = self.condition(key), self._flags(key)
        word, reason = self._in_words(key, condition)
        if condition is Condition.IN_USE and flags and flags[0].flag is Flag.DUE:
            word = f"{word} · {Flag.DUE}"
        return Health(condition, word, reason, flags)

    def _in_words(self, key: ApiKey, condition: Condition) -> tuple[str, str]:
        if condition is Condition.ROTATING:
            which = self._rotating[key.id]
            word = "rotating in" if which == SUCCESSOR else "rotating out"
            return word, f"It is the {which} of a rotation under way: rotate it to go on."
        if condition is Condition.SESSION:
            return (
                "this session",
                "This program signs in with it: rotate it to replace it.",
            )
        if key.last_used_at is None:
            if self._now - key.created_at < YOUNG:
                return "never used", f"It is new: created {ago(key.created_at, self._now)}."
            age = ago(key.created_at, self._now)
            return "never used", f"No request was made with it since it was created, {age}."
        if condition is Condition.IDLE:
            idle_s = (self._now - key.last_used_at).total_seconds()
            reason = f"No request for {span(idle_s)}: if nothing needs it, revoke it."
            return f"idle {int(idle_s // DAY_S)} d", reason
        return "in use", f"Last request {ago(key.last_used_at, self._now)}."

    def _flags(self, key: ApiKey) -> tuple[Flagged, ...]:
        flags: list[Flagged] = []
        if self.is_due(key):
            days, limit = (self._now - key.created_at).days, self._limits.due_after.days
            reason = f"Due for rotation: {days} d old, and keys are to be rotated after {limit} d."
            flags.append(Flagged(Flag.DUE, reason))
        if self.is_duplicate(key):
            flags.append(Flagged(Flag.DUPLICATE, "Another key has the same name."))
        if self.is_vague(key):
            flags.append(Flagged(Flag.VAGUE, VAGUE_REASON))
        return tuple(flags)


def used_recently(key: ApiKey, now: datetime) -> bool:
    """Whether something would probably break at once if this key were revoked."""
    return key.last_used_at is not None and now - key.last_used_at < RECENTLY_USED
