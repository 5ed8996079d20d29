"""A word on each key's state, and the reason for it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import DAY_S, ago, span

IDLE_AFTER = timedelta(days=30)
"""A key unused for longer is called idle: the page says to revoke keys that are not in use."""

RECENTLY_USED = timedelta(hours=24)
"""Revoking a key used within this time asks for its name (interface.md, Revoke)."""


class Condition(StrEnum):
    """What is to be said of a key."""

    SESSION = "this session"
    IN_USE = "in use"
    IDLE = "idle"
    NEVER_USED = "never used"


class Health(NamedTuple):
    """A condition, its words in the table, and why."""

    condition: Condition
    word: str
    reason: str


def judge(
    key: ApiKey, now: datetime, session_key_id: str, duplicates: Collection[str] = ()
) -> Health:
    """Judge a key. `duplicates` are the names that more than one key of the account has."""
    again = " Another key has the same name." if key.name in duplicates else ""
    if key.id == session_key_id:
        return Health(
            Condition.SESSION,
            "this session",
            "This program is signed in with it: revoke it elsewhere." + again,
        )
    if key.last_used_at is None:
        age = ago(key.created_at, now)
        return Health(
            Condition.NEVER_USED,
            "never used",
            f"No request was made with it since it was created, {age}." + again,
        )
    idle_for = now - key.last_used_at
    if idle_for >= IDLE_AFTER:
        days = int(idle_for.total_seconds() // DAY_S)
        return Health(
            Condition.IDLE,
            f"idle {days} d",
            f"No request for {span(idle_for.total_seconds())}: if nothing needs it, revoke it."
            + again,
        )
    return Health(Condition.IN_USE, "in use", f"Last request {ago(key.last_used_at, now)}." + again)


def used_recently(key: ApiKey, now: datetime) -> bool:
    """Whether something would probably break at once if this key were revoked."""
    return key.last_used_at is not None and now - key.last_used_at < RECENTLY_USED
