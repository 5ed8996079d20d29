"""Safe to revoke? The words, what always holds, and simulated histories of many kinds of key.

The simulation is virtual: a history is a list of the times of uses, and of the polls only those
are made that can see something new or change the verdict.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from statistics import mean
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.verdict import (
    KEPT_USES,
    Verdict,
    VerdictKind,
    Watch,
    judge,
    observed,
    resolution_s,
    usual_gap_s,
)
from tests.unit.support import NOW, make_key

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
LEVEL = {VerdictKind.PROBABLY: 1, VerdictKind.SAFE: 2}


def level(said: Verdict) -> int:
    """0: not yet; 1: probably; 2: safe."""
    return LEVEL.get(said.kind, 0)


def watch_of(
    *old_uses_ago: timedelta,
    new_uses_ago: Sequence[timedelta] = (SECOND,),
    since_ago: timedelta = HOUR,
    tried_ago: timedelta | None = 50 * MINUTE,
    seen_ago: timedelta = HOUR,
) -> Watch:
    """A watch, by the time from each of its moments until now."""
    return Watch(
        since=NOW - since_ago,
        tried_at=None if tried_ago is None else NOW - tried_ago,
        old_uses=tuple(NOW - ago for ago in old_uses_ago),
        new_uses=tuple(NOW - ago for ago in new_uses_ago),
        seen_from=NOW - seen_ago,
    )


def judged(
    watch: Watch, now: datetime = NOW, grain_s: float = 1.0, *, new_listed: bool = True
) -> Verdict:
    """The verdict where the list shows what the watch knows."""
    old = make_key("old", used_ago=NOW - watch.old_uses[-1] if watch.old_uses else None)
    new = make_key("new", used_ago=NOW - watch.new_uses[-1] if watch.new_uses else None)
    return judge(watch, old, new if new_listed else None, now, grain_s)


def every(step: timedelta, times: int, until_ago: timedelta) -> tuple[timedelta, ...]:
    """Uses a step apart, the newest `until_ago`."""
    return tuple(until_ago + step * n for n in reversed(range(times)))


STEADY = every(5 * MINUTE, 5, 42 * MINUTE)
"""Every 5 min, quiet for 42."""

CASES = {
    "nobody uses it": (
        watch_of(20 * SECOND, new_uses_ago=(), tried_ago=None),
        1.0,
        VerdictKind.NOT_PICKED_UP,
        "Not safe yet: the new key is not picked up",
        "No use of the new key was seen. The old one was last used 20 s ago.",
        None,
    ),
    "only we used it": (
        watch_of(20 * SECOND, new_uses_ago=(50 * MINUTE - SECOND,)),
        1.0,
        VerdictKind.NOT_PICKED_UP,
        "Not safe yet: the new key is not picked up",
        "No use of the new key was seen but our own try. The old one was last used 20 s ago.",
        None,
    ),
    "by the minute, our own try may read a minute late": (
        watch_of(new_uses_ago=(49 * MINUTE,)),
        60.0,
        VerdictKind.NOT_PICKED_UP,
        "Not safe yet: the new key is not picked up",
        "No use of the new key was seen but our own try. PulsAPI's data is by the minute.",
        None,
    ),
    "used after the new one was stored, rhythm known": (
        watch_of(*every(MINUTE, 4, 20 * SECOND)),
        1.0,
        VerdictKind.STILL_IN_USE,
        "Not safe yet: still in use 20 s ago",
        "New key in use; the old one was used 20 s ago, after the new one was stored; its usual "
        "gap is 56 min. Wait until it was quiet for three times as long, up to 3 h more.",
        3 * (56 * 60 + 40) + 2 - 20,
    ),
    "used after the new one was stored, rhythm unknown": (
        watch_of(70 * MINUTE, 20 * SECOND),
        1.0,
        VerdictKind.STILL_IN_USE,
        "Not safe yet: still in use 20 s ago",
        "New key in use; the old one was used 20 s ago, after the new one was stored; its usual "
        "gap is not known. Only 2 uses seen, with pauses of up to 1 h: wait until it was quiet for "
        "three times as long, and for 36 h at least, up to 36 h more.",
        36 * HOUR_S + 2 - 20,
    ),
    "the old key was the last one used": (
        watch_of(*STEADY, new_uses_ago=(45 * MINUTE,), seen_ago=62 * MINUTE),
        1.0,
        VerdictKind.STILL_IN_USE,
        "Not safe yet: still in use 42 min ago",
        "New key last used 45 min ago; the old one was used 42 min ago, after the new one was "
        "stored; its usual gap is 5 min. No use of the new key was seen since: wait for one.",
        None,
    ),
    "too early": (
        watch_of(*every(5 * MINUTE, 5, 12 * MINUTE), since_ago=11 * MINUTE, seen_ago=32 * MINUTE),
        1.0,
        VerdictKind.TOO_EARLY,
        "Too early: quiet for 12 min",
        "New key in use; the old one quiet for 12 min, its usual gap is 5 min. Wait until it was "
        "quiet for three times as long, up to 4 min more.",
        3 * MINUTE_S + 2,
    ),
    "probably": (
        watch_of(*STEADY, seen_ago=62 * MINUTE),
        1.0,
        VerdictKind.PROBABLY,
        "Probably safe: quiet for 42 min",
        "New key in use; the old one quiet for 42 min, its usual gap is 5 min. Watched for 1 h: a "
        "job that runs more seldom would not have shown.",
        36 * HOUR_S + 2 - 42 * MINUTE_S,
    ),
    "probably, by the minute": (
        watch_of(*STEADY, seen_ago=62 * MINUTE),
        60.0,
        VerdictKind.PROBABLY,
        "Probably safe: quiet for 42 min",
        "New key in use; the old one quiet for 42 min, its usual gap is 5 min. Watched for 1 h: a "
        "job that runs more seldom would not have shown. PulsAPI's data is by the minute.",
        36 * HOUR_S + 120 - 42 * MINUTE_S,
    ),
    "probably, watched for a minute only": (
        watch_of(
            *every(2 * SECOND, 20, 20 * SECOND),
            seen_ago=MINUTE,
            since_ago=2 * MINUTE,
            tried_ago=MINUTE,
        ),
        1.0,
        VerdictKind.PROBABLY,
        "Probably safe: quiet for 20 s",
        "New key in use; the old one quiet for 20 s, its usual gap is 2 s. Watched for 1 min: a "
        "job that runs more seldom would not have shown.",
        36 * HOUR_S + 2 - 20,
    ),
    "safe": (
        watch_of(*every(5 * MINUTE, 5, 50 * HOUR), seen_ago=50 * HOUR + 20 * MINUTE),
        1.0,
        VerdictKind.SAFE,
        "Safe to revoke: quiet for 2 d",
        "New key in use; the old one quiet for 2 d, its usual gap is 5 min. Watched for 2 d: a job "
        "that runs more seldom would not have shown.",
        None,
    ),
    "safe, rhythm unknown": (
        watch_of(40 * HOUR, seen_ago=39 * HOUR),
        1.0,
        VerdictKind.SAFE,
        "Safe to revoke: quiet for 1 d",
        "New key in use; the old one quiet for 1 d, its usual gap is not known. Watched for 1 d: a "
        "job that runs more seldom would not have shown.",
        None,
    ),
    "one use, from before we looked": (
        watch_of(10 * HOUR),
        1.0,
        VerdictKind.UNKNOWN_RHYTHM,
        "Not sure yet: quiet for 10 h",
        "New key in use; the old one quiet for 10 h, its usual gap is not known. Last used 9 h "
        "before we looked: wait until it was quiet for three times as long, and for 36 h at least, "
        "up to 27 h more.",
        26 * HOUR_S + 2,
    ),
    "long idle when we looked": (
        watch_of(20 * DAY),
        1.0,
        VerdictKind.UNKNOWN_RHYTHM,
        "Not sure yet: quiet for 20 d",
        "New key in use; the old one quiet for 20 d, its usual gap is not known. Last used 19 d "
        "before we looked: wait until it was quiet for three times as long, and for 36 h at least, "
        "up to 40 d more.",
        3 * (20 * DAY_S - HOUR_S) + 2 - 20 * DAY_S,
    ),
    "one use, after we looked": (
        watch_of(30 * MINUTE, since_ago=10 * MINUTE, tried_ago=None, new_uses_ago=(8 * MINUTE,)),
        1.0,
        VerdictKind.UNKNOWN_RHYTHM,
        "Not sure yet: quiet for 30 min",
        "New key in use; the old one quiet for 30 min, its usual gap is not known. Only 1 use "
        "seen, with pauses of up to 30 min: wait until it was quiet for three times as long, and "
        "for 36 h at least, up to 36 h more.",
        35.5 * HOUR_S + 2,
    ),
    "no use on record": (
        watch_of(seen_ago=3 * HOUR),
        1.0,
        VerdictKind.UNKNOWN_RHYTHM,
        "Not sure yet: no use seen for 3 h",
        "New key in use; no use of the old one is on record, and none was seen since we looked. "
        "Watched for 3 h: a job that runs more seldom would not have shown. Wait for 36 h in all, "
        "up to 34 h more.",
        33 * HOUR_S + 2,
    ),
    "no use on record, by the day": (
        watch_of(seen_ago=85 * HOUR, tried_ago=None),
        DAY_S,
        VerdictKind.SAFE,
        "Safe to revoke: no use seen for 3 d",
        "New key in use; no use of the old one is on record, and none was seen since we looked. "
        "Watched for 3 d: a job that runs more seldom would not have shown. PulsAPI's data is by "
        "the day.",
        None,
    ),
    "a use ahead of our clock": (
        watch_of(*every(5 * MINUTE, 5, -8 * SECOND), new_uses_ago=(-9 * SECOND,), seen_ago=HOUR),
        1.0,
        VerdictKind.STILL_IN_USE,
        "Not safe yet: still in use just now",
        "New key in use; the old one was used just now, after the new one was stored; its usual "
        "gap is 40 min. Wait until it was quiet for three times as long, up to 3 h more.",
        3 * (40 * MINUTE_S + 8) + 2 + 8,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_words(case: str) -> None:
    watch, grain_s, kind, headline, reason, ready_in_s = CASES[case]
    assert judged(watch, grain_s=grain_s) == (kind, headline, reason, ready_in_s)


def test_a_successor_that_is_not_listed_cannot_take_over() -> None:
    said = judged(watch_of(*STEADY, seen_ago=62 * MINUTE), new_listed=False)
    assert said.kind is VerdictKind.NOT_PICKED_UP
    assert said.reason == (
        "The new key is not in the list: nothing can use it. The old one was last used 42 min ago."
    )


def test_a_grain_without_a_name_is_said_in_steps() -> None:
    assert judged(watch_of(), grain_s=300).reason.endswith("PulsAPI's data is in steps of 5 min.")


def test_safe_begins_at_36_hours_and_a_little() -> None:
    watch = watch_of(timedelta(0), since_ago=-SECOND, new_uses_ago=(-MINUTE,), seen_ago=-MINUTE)
    ready = NOW + 36 * HOUR + 2 * SECOND
    assert judged(watch, ready - SECOND).kind is VerdictKind.UNKNOWN_RHYTHM
    assert judged(watch, ready).kind is VerdictKind.SAFE


def test_probably_begins_at_ten_seconds_however_quick_the_rhythm() -> None:
    watch = watch_of(*every(SECOND, 5, 9 * SECOND), seen_ago=13 * SECOND, tried_ago=None)
    assert (judged(watch).kind, judged(watch).ready_in_s) == (VerdictKind.STILL_IN_USE, 1)
    assert judged(watch, NOW + SECOND).kind is VerdictKind.PROBABLY


def test_a_use_from_before_the_new_key_was_stored_is_not_held_against_it() -> None:
    assert judged(watch_of(HOUR, since_ago=HOUR)).kind is VerdictKind.UNKNOWN_RHYTHM
    assert judged(watch_of(HOUR - SECOND, since_ago=HOUR)).kind is VerdictKind.STILL_IN_USE


# What was observed.


def test_observing_keeps_what_is_new_and_only_that() -> None:
    watch = watch_of(HOUR, new_uses_ago=())
    assert observed(watch, make_key(used_ago=HOUR), None) is watch
    assert observed(watch, make_key(used_ago=None), make_key()) is watch
    stale = make_key(used_ago=2 * HOUR)
    assert observed(watch, stale, None) is watch
    seen = observed(watch, make_key(used_ago=MINUTE), make_key(used_ago=SECOND))
    assert seen.old_uses == (NOW - HOUR, NOW - MINUTE)
    assert seen.new_uses == (NOW - SECOND,)
    assert (seen.since, seen.seen_from) == (watch.since, watch.seen_from)


def test_a_verdict_knows_what_the_list_shows_now() -> None:
    watch = watch_of(*STEADY, seen_ago=62 * MINUTE)
    fresh = make_key(used_ago=3 * SECOND)
    assert judge(watch, fresh, make_key(used_ago=SECOND), NOW, 1).kind is VerdictKind.STILL_IN_USE


def test_uses_are_bounded_but_the_longest_pause_is_not_forgotten() -> None:
    watch = watch_of(30 * HOUR, new_uses_ago=(), seen_ago=21 * HOUR)
    for n in range(3 * KEPT_USES):
        use = make_key(used_ago=20 * HOUR - n * MINUTE)
        watch = observed(watch, use, use)
    assert len(watch.old_uses) == len(watch.new_uses) == KEPT_USES
    assert watch.forgotten_pause_s == 10 * HOUR_S
    assert usual_gap_s(watch.old_uses) == 60
    last_use = watch.old_uses[-1]
    new = make_key(used_ago=SECOND)
    before = last_use + 30 * HOUR
    assert level(judge(watch, make_key(), new, before, 1)) == 0
    assert level(judge(watch, make_key(), new, before + 2 * SECOND, 1)) == 1


def test_a_watch_can_be_stored() -> None:
    watch = observed(watch_of(), make_key(used_ago=SECOND), None)
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch


@pytest.mark.parametrize(
    ("uses_ago", "grain_s"),
    [
        ((), 1),
        ((MINUTE, 2 * MINUTE), 1),
        ((MINUTE, MINUTE, 2 * MINUTE), 1),
        ((MINUTE, 2 * MINUTE, 3 * MINUTE), 60),
        ((MINUTE, 2 * MINUTE, 3 * MINUTE + SECOND), 1),
        ((MINUTE, 2 * MINUTE, 3 * MINUTE - timedelta(microseconds=1)), 1),
        ((HOUR, 2 * HOUR, 50 * HOUR), 3600),
        ((HOUR, 2 * HOUR, 50 * MINUTE), 60),
        ((12 * HOUR, 36 * HOUR, 12 * HOUR + 3 * DAY), 86400),
        ((12 * HOUR, 36 * HOUR, 13 * HOUR), 3600),
    ],
)
def test_the_grain_of_the_data(uses_ago: Sequence[timedelta], grain_s: float) -> None:
    keys = [make_key(used_ago=ago) for ago in uses_ago]
    assert resolution_s([*keys, make_key(used_ago=None)]) == grain_s


@pytest.mark.parametrize(
    ("uses_ago", "gap_s"),
    [((), None), ((3, 2, 1), None), ((4, 3, 2, 1), 1), ((100, 9, 8, 7, 6), 91)],
)
def test_the_usual_gap_is_the_longest_of_three(uses_ago: Sequence[int], gap_s: int | None) -> None:
    assert usual_gap_s([NOW - ago * SECOND for ago in uses_ago]) == gap_s


# What always holds.

AGES = st.floats(0, 1e7) | st.integers(0, 300).map(float) | st.floats(-60, 60)
GRAINS = st.sampled_from([1.0, 60.0, HOUR_S, DAY_S])


@st.composite
def watches(draw: st.DrawFn, min_old: int = 0, min_new: int = 0) -> Watch:
    """Any watch: old and young, sparse and full, with clocks that disagree a little."""

    def moments(at_least: int) -> tuple[datetime, ...]:
        ages = draw(st.lists(AGES, min_size=at_least, max_size=8, unique=True))
        return tuple(sorted({NOW - age * SECOND for age in ages}))

    return Watch(
        since=NOW - draw(AGES) * SECOND,
        tried_at=draw(st.none() | AGES.map(lambda age: NOW - age * SECOND)),
        old_uses=moments(min_old),
        new_uses=moments(min_new),
        seen_from=NOW - draw(AGES) * SECOND,
        forgotten_pause_s=draw(st.just(0.0) | st.floats(0, 1e7)),
    )


@settings(deadline=None)
@given(watches(), GRAINS, st.booleans())
def test_there_is_always_something_printable_to_say(
    watch: Watch, grain_s: float, listed: bool
) -> None:
    said = judged(watch, grain_s=grain_s, new_listed=listed)
    assert said.headline.isprintable()
    assert said.reason.isprintable()
    assert said.reason.endswith(".")
    assert "never" not in said.headline + said.reason
    assert "-" not in said.headline + said.reason
    assert said.ready_in_s is None or said.ready_in_s > 0
    assert ("data is" in said.reason) is (grain_s > 1)


@settings(deadline=None)
@given(
    st.lists(st.datetimes(), min_size=5, max_size=5),
    st.datetimes(),
    st.floats(0, 1e9),
)
def test_no_time_is_too_strange(times: list[datetime], now: datetime, grain_s: float) -> None:
    since, tried_at, seen_from, old_use, new_use = (at.replace(tzinfo=NOW.tzinfo) for at in times)
    watch = Watch(since=since, tried_at=tried_at, old_uses=(), new_uses=(), seen_from=seen_from)
    old, new = _used("old", old_use), _used("new", new_use)
    said = judge(watch, old, new, now.replace(tzinfo=NOW.tzinfo), grain_s)
    assert (said.headline + said.reason).isprintable()
    assert resolution_s([old, new]) == 1


@settings(deadline=None)
@given(watches(), GRAINS, st.floats(0, 1e7))
def test_more_quiet_is_never_less_safe(watch: Watch, grain_s: float, more_s: float) -> None:
    later = NOW + more_s * SECOND
    assert level(judged(watch, later, grain_s)) >= level(judged(watch, NOW, grain_s))


@settings(deadline=None)
@given(watches(), GRAINS)
def test_what_was_promised_comes_and_not_before(watch: Watch, grain_s: float) -> None:
    said = judged(watch, grain_s=grain_s)
    if said.ready_in_s is not None:
        ready = NOW + said.ready_in_s * SECOND
        assert level(judged(watch, ready + SECOND, grain_s)) > level(said)
        assert level(judged(watch, max(NOW, ready - SECOND), grain_s)) == level(said)


@settings(deadline=None)
@given(watches(), GRAINS, st.floats(-60, 9.9))
def test_a_fresh_use_is_never_safe(watch: Watch, grain_s: float, ago_s: float) -> None:
    fresh = _used("old", max(NOW - ago_s * SECOND, *watch.old_uses, NOW - 9 * SECOND))
    assert level(judge(watch, fresh, _used("new", NOW), NOW, grain_s)) == 0


@settings(deadline=None)
@given(watches(min_old=1), GRAINS, st.floats(0, 1e7))
def test_one_more_use_is_never_safer(watch: Watch, grain_s: float, after_s: float) -> None:
    """But the one that makes a rhythm known (or a first one from before we looked)."""
    used = observed(watch, _used("old", watch.old_uses[-1] + after_s * SECOND), None)
    if usual_gap_s(used.old_uses) is None or usual_gap_s(watch.old_uses) is not None:
        for now in (NOW, NOW + DAY, NOW + 40 * DAY):
            assert level(judged(used, now, grain_s)) <= level(judged(watch, now, grain_s))


@settings(deadline=None)
@given(watches(min_new=1), GRAINS, st.floats(0, 1e7))
def test_a_first_use_is_not_safer_than_none(watch: Watch, grain_s: float, after_s: float) -> None:
    without = msgspec.structs.replace(watch, old_uses=(), forgotten_pause_s=0.0)
    used = observed(without, _used("old", watch.seen_from + after_s * SECOND), None)
    assert level(judged(used, NOW, grain_s)) <= level(judged(without, NOW, grain_s))


def _used(key_id: str, at: datetime) -> ApiKey:
    return ApiKey(id=key_id, name=key_id, hint="wxyz", created_at=NOW, last_used_at=at)


# The simulation.


class History(NamedTuple):
    """When a key was used, in seconds from the start; after the last use it is not used again."""

    uses_s: list[float]
    usual_gap_s: float
    """Between uses of that kind; longer ones, if any, are a known limit."""
    look_from_s: float
    """The watch begins between this and `look_until_s`, at random."""
    look_until_s: float


def _history(gaps_s: Sequence[float], usual_gap_s: float | None = None) -> History:
    uses_s = list(accumulate(gaps_s, initial=0.0))
    return History(uses_s, usual_gap_s or max(gaps_s), uses_s[0], uses_s[-2])


def steady(random: Random) -> History:
    """Every 2 s to every 5 min, up to a fifth sooner or later."""
    step_s = random.choice([2, 5, 10, 30, 45, 60, 90, 300])
    uses = max(30, 1200 // step_s)
    history = _history([step_s * random.uniform(0.8, 1.2) for _ in range(uses)])
    # Long enough before the end for three gaps to be seen, at any grain and polling.
    return history._replace(look_until_s=history.uses_s[-1] - 6 * (1.2 * step_s + 120))


def bursty(random: Random) -> History:
    """Calls some seconds apart, then hours of nothing, and weekends of up to 30 h."""
    gaps_s: list[float] = []
    for burst in range(random.randint(6, 10)):
        gaps_s += [random.uniform(1, 10) for _ in range(random.randint(3, 12))]
        weekend = burst % 5 == 4
        gaps_s.append(random.uniform(20, 30) * HOUR_S if weekend else random.expovariate(1 / 7200))
    return _history(gaps_s[:-1], 30 * HOUR_S)


def nightly(random: Random) -> History:
    """24 h, up to 40 min sooner or later each night."""
    late_s = [n * DAY_S + random.uniform(-2400, 2400) for n in range(10)]
    return _history([later - earlier for earlier, later in pairwise(late_s)], 24 * HOUR_S + 4800)


def dying(random: Random) -> History:
    """Each gap up to 2.8 times the one before, watched from before they are longer than 12 h."""
    growth = random.uniform(1.2, 2.8)
    gaps_s = list(accumulate(range(80), lambda gap, _: gap * growth, initial=random.uniform(5, 60)))
    gaps_s = [gap for gap in gaps_s if gap < 60 * DAY_S]
    long = next(n for n, gap in enumerate(gaps_s) if gap > 12 * HOUR_S)
    history = _history(gaps_s)
    return history._replace(look_until_s=history.uses_s[long])


def seldom(random: Random) -> History:
    """Weekly or monthly; looked at when more than a third of a pause is over (a known limit)."""
    step_s = random.choice([7 * DAY_S, 30 * DAY_S])
    history = _history([step_s] * 3)
    look_s = random.choice(history.uses_s[:-1]) + step_s * random.uniform(0.34, 0.99)
    return history._replace(look_from_s=look_s, look_until_s=look_s)


def office(random: Random) -> History:
    """Minutes apart from 9 to 17 h, Monday to Friday: 16 h each night, 64 h each weekend."""
    times_s: list[float] = []
    for day in range(11):
        at_s = day * DAY_S + 9 * HOUR_S + random.uniform(0, 900)
        while day % 7 < 5 and at_s < day * DAY_S + 17 * HOUR_S:
            times_s.append(at_s)
            at_s += random.uniform(300, 3600)
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    return _history(gaps_s, 17 * HOUR_S)


def never(random: Random) -> History:
    """No use at all."""
    return History([], 0, 0, DAY_S)


KINDS: dict[str, tuple[Callable[[Random], History], int]] = {
    "steady": (steady, 60),
    "bursty": (bursty, 60),
    "nightly": (nightly, 50),
    "dying": (dying, 40),
    "seldom": (seldom, 60),
    "office": (office, 8),
    "never": (never, 20),
}
"""The kinds and how many histories of each."""


class Moment(NamedTuple):
    """What was said at a poll."""

    at_s: float
    used_s: float | None
    """The last use until then."""
    again_s: float | None
    """The next one."""
    said: Verdict


def polls_s(history: History, start_s: float, poll_s: float) -> Iterator[float]:
    """The polls that matter: the first after each use, the last before the next, some between."""
    edges_s = [use for use in history.uses_s if use > start_s]
    end_s = edges_s[-1] if edges_s else start_s
    end_s += max(40 * HOUR_S, 4 * history.usual_gap_s)
    ticks = {0}
    for after_s, before_s in pairwise([start_s, *edges_s, end_s]):
        first = int((after_s - start_s) // poll_s) + 1
        last = max(first, int((before_s - start_s) // poll_s))
        ticks |= {first, last} | {first + (last - first) * n // 8 for n in range(1, 8)}
        step = 1
        while first + step < last:
            ticks.add(first + step)
            step *= 2
    return (start_s + tick * poll_s for tick in sorted(ticks))


def watched(history: History, start_s: float, poll_s: float, grain_s: float) -> Iterator[Moment]:
    """Watch a history from `start_s` on. The new key is in use all the time: the hardest case."""
    origin = NOW - timedelta(hours=12)  # a midnight, so that grains are whole

    def stamp(at_s: float) -> datetime:
        return origin + timedelta(seconds=at_s // grain_s * grain_s)

    start = origin + start_s * SECOND
    watch = Watch(since=start, tried_at=None, old_uses=(), new_uses=(), seen_from=start)
    uses_s = history.uses_s
    for at_s in polls_s(history, start_s, poll_s):
        known = bisect_right(uses_s, at_s)
        used_s = uses_s[known - 1] if known else None
        old = ApiKey(
            id="old",
            name="old",
            hint="wxyz",
            created_at=origin,
            last_used_at=None if used_s is None else stamp(used_s),
        )
        now = origin + at_s * SECOND
        new = _used("new", now)
        watch = observed(watch, old, new)
        again_s = uses_s[known] if known < len(uses_s) else None
        yield Moment(at_s, used_s, again_s, judge(watch, old, new, now, grain_s))


class Tally:
    """What came out of a kind's histories."""

    def __init__(self) -> None:
        self.checks = 0
        self.wrong: list[str] = []
        self.safe_beyond_usual = 0
        self.safe_rightly = 0
        self.probably: Counter[bool] = Counter()
        self.waited: list[float] = []

    def take(self, moments: Sequence[Moment], usual_gap_s: float, scale_s: float) -> None:
        """Count a history's moments; `scale_s` is what the wait for PROBABLY is measured by."""
        self.checks += len(moments)
        probable: set[float] = set()
        for at_s, used_s, again_s, said in moments:
            if used_s is not None and level(said) >= 1 and used_s not in probable:
                probable.add(used_s)
                self.probably[again_s is not None] += 1
            if level(said) == 2 and again_s is not None:
                self.safe_beyond_usual += 1
                if used_s is None or at_s - used_s <= usual_gap_s:
                    self.wrong.append(f"at {at_s}, last used {used_s}, again {again_s}: {said}")
        at_s, used_s, _, said = next(moment for moment in moments if moment.again_s is None)
        if used_s is not None:
            self.waited.append((at_s - used_s + (said.ready_in_s or 0)) / scale_s)
        self.safe_rightly += level(moments[-1].said) == 2

    @property
    def followed_by_a_use(self) -> float:
        """Of the times that PROBABLY (or better) was said of a pause, those that ended."""
        return self.probably[True] / max(1, self.probably.total())


def simulate(kind: str, most: int = 1000) -> Tally:
    """Watch the kind's histories, each at two grains, from two phases each, by any polling."""
    make, histories = KINDS[kind]
    tally = Tally()
    for seed in range(min(histories, most)):
        random = Random(f"{kind} {seed}")  # noqa: S311
        history = make(random)
        for grain_s in (1.0, 60.0):
            for _ in range(2):
                poll_s = random.choice([4, 7, 15, 30, 60])
                start_s = random.uniform(history.look_from_s, history.look_until_s)
                moments = list(watched(history, start_s, poll_s, grain_s))
                scale_s = history.usual_gap_s + poll_s + grain_s
                tally.take(moments, history.usual_gap_s, scale_s)
    return tally


@pytest.mark.parametrize("kind", KINDS)
def test_safe_is_not_said_of_a_key_that_is_only_pausing(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    tally = simulate(kind)
    record_property("checks", tally.checks)
    record_property("probably", tally.probably.total())
    record_property("probably_followed_by_a_use", round(tally.followed_by_a_use, 3))
    record_property("safe_beyond_the_usual_gap", tally.safe_beyond_usual)
    print(  # noqa: T201
        f"{kind}: {tally.checks} checks, PROBABLY of {tally.probably.total()} pauses, "
        f"{tally.followed_by_a_use:.1%} of them ended by a use; "
        f"SAFE beyond the usual gap, then a use: {tally.safe_beyond_usual}; "
        f"SAFE at the end: {tally.safe_rightly}"
    )
    assert tally.checks > 1000
    assert tally.wrong == []
    if kind != "office":  # its weekends are the known limit
        assert tally.safe_beyond_usual == 0
    if kind in {"steady", "nightly", "dying"}:
        assert tally.probably[True] == 0
    if kind == "steady":
        assert tally.probably[False] == len(tally.waited) == 4 * KINDS[kind][1]
        assert max(tally.waited) < 6
        assert mean(tally.waited) < 4


def _first_look_s(watch: Watch) -> float:
    return watch.forgotten_pause_s or abs((watch.seen_from - watch.old_uses[0]).total_seconds())


def _gaps_s(watch: Watch) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(watch.old_uses)]


BUGS: dict[str, tuple[str, Callable[[Watch], float]]] = {
    "no age floor": ("seldom", lambda watch: max([*_gaps_s(watch), 0.0])),
    "the mean gap": (
        "dying",
        lambda watch: max(_first_look_s(watch), mean([*_gaps_s(watch)] or [0.0])),
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_the_simulation_catches_a_planted_bug(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, longest_pause_s = BUGS[bug]
    monkeypatch.setattr("pulsapi_tui.domain.verdict._longest_pause_s", longest_pause_s)
    assert simulate(kind, most=10).wrong
