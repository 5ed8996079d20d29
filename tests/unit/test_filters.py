"""What is typed into the filter, and what it finds among few keys and among many."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.domain.filters import (
    MEANINGS,
    KeyFilter,
    Token,
    hint_for,
    parse_filter,
    passing_slices,
    predicates_of,
)
from pulsapi_tui.domain.health import Judge
from pulsapi_tui.domain.key_list import SLICE, KeyList
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.arrangement import Arrangement
from pulsapi_tui.ui.listing import Listing
from tests.unit.support import NOW, FakeClock, ids, make_key

DAY = timedelta(days=1)
IDLE, DUE, UNUSED = Token.IDLE, Token.DUE, Token.UNUSED

KEYS = (
    make_key("idle", "Grafana", created_ago=50 * DAY, used_ago=40 * DAY),
    make_key("idle-due", "old jenkins", created_ago=400 * DAY, used_ago=300 * DAY),
    make_key("due", "Grafana", created_ago=100 * DAY, used_ago=DAY),
    make_key("unused", "test", created_ago=3 * DAY),
    make_key("unused-due", "key 2", created_ago=95 * DAY),
    make_key("new", "Deploy bot", created_ago=timedelta(minutes=5)),
    make_key("session", "this laptop", created_ago=100 * DAY, used_ago=60 * DAY),
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", KeyFilter()),
        ("  CI  Pipeline ", KeyFilter("CI  Pipeline")),
        ("is:idle", KeyFilter("", frozenset({IDLE}))),
        ("IS:Idle", KeyFilter("", frozenset({IDLE}))),
        ("is:idle is:due  is:idle", KeyFilter("", frozenset({IDLE, DUE}))),
        ("graf is:due", KeyFilter("graf", frozenset({DUE}))),
        ("is:due graf exp ", KeyFilter("graf exp", frozenset({DUE}))),
        ("graf  is:due exp is:idle", KeyFilter("graf exp", frozenset({DUE, IDLE}))),
        ("this:idle", KeyFilter("this:idle")),
        ("is: graf", KeyFilter("graf", unknown="")),
        ("is:idel is:due", KeyFilter("", frozenset({DUE}), "idel")),
        ("is:due,graf", KeyFilter("", unknown="due,graf")),
    ],
)
def test_reading_a_filter(typed: str, meant: KeyFilter) -> None:
    assert parse_filter(typed) == meant


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    meant = parse_filter(text)
    assert meant.needle == meant.needle.strip()
    if not meant.tokens and meant.unknown is None:
        assert meant.needle == text.strip()


@pytest.mark.parametrize(
    ("unknown", "hint"),
    [
        ("idel", "is:idel is no filter; did you mean is:idle?"),
        ("unsed", "is:unsed is no filter; did you mean is:unused?"),
        ("u", "is:u is no filter; did you mean is:unused?"),
        ("du", "is:du is no filter; did you mean is:due or is:duplicate?"),
        ("", "is: is no filter; there are is:idle is:due is:unused is:duplicate is:vague"),
        ("xyz", "is:xyz is no filter; there are is:idle is:due is:unused is:duplicate is:vague"),
        (
            "\x1b]52;c;eA==",
            "is:\N{REPLACEMENT CHARACTER}]52;c;eA== is no filter; there are "
            "is:idle is:due is:unused is:duplicate is:vague",
        ),
        (
            "idle" + "e" * 90,
            "is:idleeeeeeeeeeee… is no filter; there are "
            "is:idle is:due is:unused is:duplicate is:vague",
        ),
    ],
)
def test_a_word_that_is_no_token_gets_the_nearest(unknown: str, hint: str) -> None:
    assert hint_for(unknown) == hint


def test_every_token_has_a_meaning_for_the_help() -> None:
    assert set(MEANINGS) == set(Token)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("is:idle", ["idle", "idle-due"]),
        ("is:due", ["idle-due", "due", "unused-due", "session"]),
        ("is:unused", ["unused", "unused-due", "new"]),
        ("is:duplicate", ["idle", "due"]),
        ("is:vague", ["unused", "unused-due"]),
        ("is:idle is:due", ["idle-due"]),
        ("is:unused is:idle", []),
        ("is:duplicate is:due GRAF", ["due"]),
        ("graf", ["idle", "due"]),
        ("is:idel", []),
        ("is:idel graf", []),
        ("is:", []),
    ],
)
async def test_what_a_filter_finds(clock: FakeClock, typed: str, found: list[str]) -> None:
    listing = Listing(clock)
    listing.session_key_id = "session"
    listing.take(KeyList(KEYS, NOW))
    listing.arrangement.look_for(typed)
    assert sorted(ids(await listing.arrange())) == sorted(found)


async def test_time_that_passes_is_seen_by_the_next_look(clock: FakeClock) -> None:
    """The list is the same object, and what the text had found was kept: health is asked anew."""
    listing = Listing(clock)
    listing.take(KeyList([make_key("k", created_ago=DAY, used_ago=29 * DAY)], NOW))
    for typed in ("is:idle", "pipe is:idle"):
        listing.arrangement.look_for(typed)
        assert ids(await listing.arrange()) == []
    clock.advance(2 * DAY.total_seconds())
    assert ids(await listing.arrange()) == ["k"]
    assert ids(listing.idle_keys()) == ["k"]


async def test_a_key_in_rotation_is_not_cleaned_up(clock: FakeClock) -> None:
    listing = Listing(clock)
    listing.take(KeyList(KEYS, NOW))
    listing.session_key_id = "session"
    assert ids(listing.idle_keys()) == ["idle", "idle-due"]
    listing.rotating = {"idle": "old key"}
    assert ids(listing.idle_keys()) == ["idle-due"]


async def test_a_hint_takes_the_place_of_the_counts(clock: FakeClock) -> None:
    listing = Listing(clock)
    listing.take(KeyList(KEYS, NOW))
    listing.arrangement.look_for("is:idel")
    # What it may have been stands in the middle of the page.
    assert listing.counts(()) == "? no such filter"
    listing.arrangement.look_for("is:idle")
    assert listing.counts(KEYS[:2]) == "7 keys · 2 shown"
    listing.arrangement.look_for(" ")
    assert listing.counts(KEYS) == "7 keys"


async def test_marks_that_the_filter_hides_are_counted(clock: FakeClock) -> None:
    listing = Listing(clock)
    listing.take(KeyList(KEYS, NOW))
    listing.marked = {KEYS[0].id, KEYS[1].id, KEYS[2].id}
    assert listing.counts(KEYS) == "7 keys · 3 marked"
    listing.arrangement.look_for("is:idle")
    assert listing.counts(KEYS[:3]) == "7 keys · 3 shown · 3 marked"
    assert listing.counts(KEYS[2:4]) == "7 keys · 2 shown · 3 marked, 2 of them hidden"


def _many(count: int) -> tuple[ApiKey, ...]:
    return tuple(
        make_key(
            f"k{number}",
            f"worker-{number % 7}",
            created_ago=timedelta(hours=number % 4000),
            used_ago=None if number % 5 == 0 else timedelta(hours=number % 1500),
        )
        for number in range(count)
    )


def test_no_slice_looks_at_more_keys_than_a_slice_has() -> None:
    keys = _many(100_000)
    asked = 0

    def counted(key: ApiKey) -> bool:
        nonlocal asked
        asked += 1
        return key.last_used_at is None

    found: list[int] = []
    for part in passing_slices(keys, range(len(keys)), [counted]):
        assert asked <= SLICE
        asked = 0
        found += part
    assert found == [at for at, key in enumerate(keys) if key.last_used_at is None]


async def test_among_100_000_keys_others_have_their_turn_and_nothing_is_missed() -> None:
    keys = _many(100_000)
    judge = Judge(NOW, "k1", {"worker-3"})
    arrangement = Arrangement()
    await arrangement.fold(keys)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    watching = asyncio.create_task(other())
    try:
        for typed in ("is:idle", "is:idle is:due", "is:idle is:due worker-3", "is:duplicate wor"):
            arrangement.look_for(typed)
            turns = 0
            shown = await arrangement.arrange(keys, judge)
            wanted = parse_filter(typed)
            predicates = predicates_of(wanted.tokens, judge)
            expected = {
                key.id
                for key in keys
                if wanted.needle in key.name and all(holds(key) for holds in predicates)
            }
            assert set(ids(shown)) == expected
            assert expected
            assert turns >= 100_000 // SLICE, typed
    finally:
        watching.cancel()


async def test_a_longer_text_asks_health_only_of_what_it_found() -> None:
    keys = _many(30)
    asked: list[str] = []

    class Watched(Judge):
        def is_idle(self, key: ApiKey) -> bool:
            asked.append(key.name)
            return super().is_idle(key)

    arrangement = Arrangement()
    for typed in ("worker is:idle", "worker-3 is:idle"):
        arrangement.look_for(typed)
        asked.clear()
        await arrangement.arrange(keys, Watched(NOW, ""))
    assert set(asked) == {"worker-3"}
