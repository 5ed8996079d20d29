"""The word on each key, the flags, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest

from pulsapi_tui.domain.health import (
    RECENTLY_USED,
    YOUNG,
    Condition,
    Flag,
    Health,
    HealthLimits,
    Judge,
    used_recently,
)
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.literal import fit
from pulsapi_tui.ui.widgets.key_details import GLYPHS
from tests.unit.support import NOW, make_key

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
HEALTH_CELLS = 14
"""The column of the table."""


def judge(
    key: ApiKey,
    session_key_id: str = "other",
    duplicates: Collection[str] = (),
    limits: HealthLimits | None = None,
) -> Health:
    return Judge(NOW, session_key_id, duplicates, limits).health(key)


def flags_of(health: Health) -> list[Flag]:
    return [flagged.flag for flagged in health.flags]


def test_the_key_of_this_session_comes_before_all_else() -> None:
    for used_ago in (None, timedelta(0), 300 * DAY):
        verdict = judge(make_key("k1", used_ago=used_ago), "k1")
        assert verdict.condition is Condition.SESSION
        assert "signs in with it" in verdict.reason


def test_a_key_never_used_says_how_old_it_is() -> None:
    verdict = judge(make_key(created_ago=3 * DAY))
    assert (verdict.condition, verdict.word) == (Condition.NEVER_USED, "never used")
    assert verdict.reason == "No request was made with it since it was created, 3 d ago."


@pytest.mark.parametrize(
    ("created_ago", "word", "reason"),
    [
        (-SECOND, "never used", "It is new: created just now."),
        (YOUNG - SECOND, "never used", "It is new: created 59 min ago."),
        (YOUNG, "never used", "No request was made with it since it was created, 1 h ago."),
    ],
)
def test_a_young_key_is_not_called_never_used(
    created_ago: timedelta, word: str, reason: str
) -> None:
    verdict = judge(make_key(created_ago=created_ago))
    assert (verdict.condition, verdict.word) == (Condition.NEVER_USED, word)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("used_ago", "condition", "word"),
    [
        (timedelta(0), Condition.IN_USE, "in use"),
        (30 * DAY - SECOND, Condition.IN_USE, "in use"),
        (30 * DAY, Condition.IDLE, "idle 30 d"),
        (200 * DAY, Condition.IDLE, "idle 200 d"),
        (-timedelta(hours=1), Condition.IN_USE, "in use"),
    ],
)
def test_use_and_idleness(used_ago: timedelta, condition: Condition, word: str) -> None:
    key = make_key(created_ago=DAY, used_ago=used_ago)
    verdict = judge(key)
    assert (verdict.condition, verdict.word) == (condition, word)
    assert Judge(NOW, "other").is_idle(key) is (condition is Condition.IDLE)
    assert not Judge(NOW, key.id).is_idle(key), "the key of this session is never called idle"


@pytest.mark.parametrize(
    ("which", "word"), [("old key", "rotating out"), ("successor", "rotating in")]
)
def test_the_two_keys_of_a_rotation_are_told_apart(which: str, word: str) -> None:
    health = Judge(NOW, "", rotating={"k1": which}).health(make_key("k1"))
    assert health.condition is Condition.ROTATING
    assert health.word == word
    assert which in health.reason


def test_the_two_keys_of_a_rotation_are_no_duplicates_of_each_other() -> None:
    name = make_key("k1").name
    judge = Judge(NOW, "", [name], rotating={"k1": "old key", "k2": "successor"})
    told = {key_id: judge.health(make_key(key_id)).flags for key_id in ("k1", "k2", "k3")}
    duplicates = [k for k, flags in told.items() if any(f.flag is Flag.DUPLICATE for f in flags)]
    assert duplicates == ["k3"], "a third one is"


def test_an_idle_key_says_for_how_long() -> None:
    verdict = judge(make_key(used_ago=200 * DAY))
    assert verdict.reason == "No request for 6 mo: if nothing needs it, revoke it."


def test_a_key_in_use_says_when() -> None:
    assert judge(make_key(used_ago=timedelta(minutes=5))).reason == "Last request 5 min ago."


@pytest.mark.parametrize(
    ("created_ago", "flags"), [(90 * DAY - SECOND, []), (90 * DAY, [Flag.DUE]), (-DAY, [])]
)
def test_an_old_key_is_due_for_rotation(created_ago: timedelta, flags: list[Flag]) -> None:
    verdict = judge(make_key(created_ago=created_ago, used_ago=timedelta(0)))
    assert flags_of(verdict) == flags
    assert verdict.word == ("in use · due" if flags else "in use")


def test_what_is_due_says_how_old_it_is_and_the_limit() -> None:
    [due] = judge(make_key(created_ago=148 * DAY)).flags
    assert due.reason == ("Due for rotation: 148 d old, and keys are to be rotated after 90 d.")


@pytest.mark.parametrize("used_ago", [None, timedelta(hours=1), 90 * DAY])
@pytest.mark.parametrize("session_key_id", ["k1", "other"])
def test_flags_go_with_every_condition(used_ago: timedelta | None, session_key_id: str) -> None:
    key = make_key(name="test", created_ago=100 * DAY, used_ago=used_ago)
    verdict = judge(key, session_key_id, {"test"})
    assert flags_of(verdict) == [Flag.DUE, Flag.DUPLICATE, Flag.VAGUE]
    assert [flagged.reason for flagged in verdict.flags[1:]] == [
        "Another key has the same name.",
        "A vague name: in a year, nobody will know what to revoke.",
    ]
    assert flags_of(judge(make_key(created_ago=DAY, used_ago=used_ago), session_key_id)) == []


def test_the_limits_are_those_of_the_user() -> None:
    limits = HealthLimits(idle_after=2 * DAY, due_after=5 * DAY)
    verdict = judge(make_key(created_ago=5 * DAY, used_ago=2 * DAY), limits=limits)
    assert verdict.word == "idle 2 d"
    assert verdict.flags[0].reason.endswith("5 d old, and keys are to be rotated after 5 d.")
    assert judge(make_key(created_ago=4 * DAY, used_ago=DAY), limits=limits).flags == ()


@pytest.mark.parametrize("used_ago", [None, timedelta(0), 40 * DAY, 999 * DAY])
@pytest.mark.parametrize("created_ago", [timedelta(0), 1000 * DAY])
@pytest.mark.parametrize("session_key_id", ["k1", "other"])
def test_every_word_fits_its_column(
    used_ago: timedelta | None, created_ago: timedelta, session_key_id: str
) -> None:
    verdict = judge(make_key(created_ago=created_ago, used_ago=used_ago), session_key_id)
    shown = f"{GLYPHS[verdict.condition]} {verdict.word}"
    assert fit(shown, HEALTH_CELLS).rstrip() == shown


@pytest.mark.parametrize("used_ago", [None, timedelta(0), 40 * DAY])
@pytest.mark.parametrize("session_key_id", ["k1", "other"])
@pytest.mark.parametrize("rotating", [{}, {"k1": "old key"}])
def test_what_a_filter_asks_is_what_the_word_says(
    used_ago: timedelta | None, session_key_id: str, rotating: dict[str, str]
) -> None:
    key = make_key("k1", used_ago=used_ago)
    judge = Judge(NOW, session_key_id, rotating=rotating)
    assert judge.is_idle(key) is (judge.condition(key) is Condition.IDLE)
    assert judge.is_unused(key) is (judge.condition(key) is Condition.NEVER_USED)


@pytest.mark.parametrize(
    ("used_ago", "recently"),
    [
        (None, False),
        (timedelta(0), True),
        (RECENTLY_USED - SECOND, True),
        (RECENTLY_USED, False),
    ],
)
def test_used_recently(used_ago: timedelta | None, recently: bool) -> None:
    assert used_recently(make_key(used_ago=used_ago), NOW) is recently
