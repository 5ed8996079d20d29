"""The word on each key, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulsapi_tui.domain.health import IDLE_AFTER, RECENTLY_USED, Condition, judge, used_recently
from tests.unit.support import NOW, make_key

SECOND = timedelta(seconds=1)


def test_the_key_of_this_session_comes_before_all_else() -> None:
    verdict = judge(make_key("k1"), NOW, "k1")
    assert verdict.condition is Condition.SESSION
    assert "revoke it elsewhere" in verdict.reason


def test_a_key_never_used_says_how_old_it_is() -> None:
    verdict = judge(make_key(created_ago=timedelta(days=3)), NOW, "other")
    assert (verdict.condition, verdict.word) == (Condition.NEVER_USED, "never used")
    assert verdict.reason == "No request was made with it since it was created, 3 d ago."


@pytest.mark.parametrize(
    ("used_ago", "condition", "word"),
    [
        (timedelta(0), Condition.IN_USE, "in use"),
        (IDLE_AFTER - SECOND, Condition.IN_USE, "in use"),
        (IDLE_AFTER, Condition.IDLE, "idle 30 d"),
        (timedelta(days=200), Condition.IDLE, "idle 200 d"),
        (-timedelta(hours=1), Condition.IN_USE, "in use"),
    ],
)
def test_use_and_idleness(used_ago: timedelta, condition: Condition, word: str) -> None:
    verdict = judge(make_key(used_ago=used_ago), NOW, "other")
    assert (verdict.condition, verdict.word) == (condition, word)


def test_an_idle_key_says_for_how_long() -> None:
    verdict = judge(make_key(used_ago=timedelta(days=200)), NOW, "other")
    assert verdict.reason == "No request for 6 mo: if nothing needs it, revoke it."


def test_a_key_in_use_says_when() -> None:
    assert judge(make_key(used_ago=timedelta(minutes=5)), NOW, "other").reason == (
        "Last request 5 min ago."
    )


@pytest.mark.parametrize("used_ago", [None, timedelta(hours=1), timedelta(days=90)])
@pytest.mark.parametrize("session_key_id", ["k1", "other"])
def test_a_duplicate_name_is_said_of_every_condition(
    used_ago: timedelta | None, session_key_id: str
) -> None:
    key = make_key(name="twin", used_ago=used_ago)
    assert judge(key, NOW, session_key_id, {"twin"}).reason.endswith(
        " Another key has the same name."
    )
    assert "same name" not in judge(key, NOW, session_key_id, {"other"}).reason


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
