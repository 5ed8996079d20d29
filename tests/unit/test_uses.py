"""The uses of keys as far as they were seen, list by list."""

from __future__ import annotations

from datetime import datetime, timedelta

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.uses import KEPT_USES, MAX_KEYS, Seen, UsesSeen
from tests.unit.support import NOW, make_key


def used(minutes_ago: int | None, key_id: str = "k1") -> ApiKey:
    ago = None if minutes_ago is None else timedelta(minutes=minutes_ago)
    return make_key(key_id, used_ago=ago)


def at(minutes_ago: int) -> datetime:
    return NOW - timedelta(minutes=minutes_ago)


def test_each_new_use_is_kept_once_oldest_first() -> None:
    seen = UsesSeen()
    for minutes_ago in (9, 9, 5, 5, 1):
        seen.note([used(minutes_ago)], at(minutes_ago))
    assert seen.of(used(1), NOW) == Seen((at(9), at(5), at(1)), at(9))


def test_a_key_that_was_not_used_is_looked_at_all_the_same() -> None:
    seen = UsesSeen()
    seen.note([used(None)], at(9))
    seen.note([used(2)], at(1))
    assert seen.of(used(2), NOW) == Seen((at(2),), at(9))


def test_keys_are_kept_apart() -> None:
    seen = UsesSeen()
    seen.note([used(3, "a"), used(2, "b")], NOW)
    assert seen.of(used(3, "a"), NOW).uses == (at(3),)
    assert seen.of(used(2, "b"), NOW).uses == (at(2),)


def test_of_a_key_that_was_never_looked_at_its_last_use_is_known() -> None:
    seen = UsesSeen()
    assert seen.of(used(4), NOW) == Seen((at(4),), NOW)
    assert seen.of(used(None), NOW) == Seen((), NOW)


def test_the_newest_uses_are_kept() -> None:
    seen = UsesSeen()
    for minutes_ago in range(KEPT_USES + 5, 0, -1):
        seen.note([used(minutes_ago)], at(minutes_ago))
    kept = seen.of(used(1), NOW)
    assert kept.uses == tuple(at(each) for each in range(KEPT_USES, 0, -1))
    assert kept.seen_from == at(KEPT_USES + 5)


def test_of_a_list_that_is_too_long_nothing_is_remembered() -> None:
    seen = UsesSeen()
    seen.note([used(9)], at(9))
    seen.note([used(5, f"k{number}") for number in range(MAX_KEYS + 1)], at(5))
    assert seen.of(used(5), NOW) == Seen((at(5),), NOW)
    seen.note([used(1, f"k{number}") for number in range(MAX_KEYS)], at(1))
    assert seen.of(used(1), NOW) == Seen((at(1),), at(1))


def test_what_was_dropped_does_not_look_like_a_pause() -> None:
    """A key used every minute, watched for hours: its longest pause stays a minute."""
    seen = UsesSeen()
    for minutes_ago in range(300, -1, -1):
        seen.note([used(minutes_ago)], at(minutes_ago))
    known = seen.of(used(0), NOW)
    assert len(known.uses) == KEPT_USES
    assert known.seen_from == at(300)
    assert known.forgotten_pause_s == 60
