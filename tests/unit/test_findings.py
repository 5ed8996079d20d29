"""What `check` looks for, at the edges of its limits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulsapi_tui.domain.findings import Found, Wanted, findings, wanted
from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.models import ApiKey
from tests.unit.support import NOW, make_key

LIMITS = HealthLimits(idle_after=timedelta(days=30), due_after=timedelta(days=90))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def found(key: ApiKey, asked: Wanted, rotating: str = "") -> tuple[Found, ...]:
    """What is found of one key."""
    listed = findings([key], asked, NOW, session_key_id="session", rotating={rotating: "old key"})
    return listed[0].found if listed else ()


def test_without_a_question_the_limits_count() -> None:
    assert wanted(LIMITS) == Wanted(30 * DAY, 90 * DAY, 30 * DAY)


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ({"idle": DAY}, Wanted(idle_after=DAY)),
        ({"older": DAY}, Wanted(older_than=DAY)),
        ({"unused": True}, Wanted(unused_after=HOUR)),
        ({"idle": DAY, "older": HOUR}, Wanted(idle_after=DAY, older_than=HOUR)),
    ],
)
def test_with_one_only_that_counts(asked: dict[str, timedelta], means: Wanted) -> None:
    assert wanted(LIMITS, **asked) == means  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("created_ago", "used_ago", "what"),
    [
        (90 * DAY, HOUR, (Found.OLDER,)),
        (90 * DAY - HOUR, HOUR, ()),
        (89 * DAY, 30 * DAY, (Found.IDLE,)),
        (89 * DAY, 30 * DAY - HOUR, ()),
        (30 * DAY, None, (Found.UNUSED,)),
        (30 * DAY - HOUR, None, ()),
        (90 * DAY, None, (Found.UNUSED, Found.OLDER)),
    ],
)
def test_the_limits_belong_to_what_is_found(
    created_ago: timedelta, used_ago: timedelta | None, what: tuple[Found, ...]
) -> None:
    key = make_key(created_ago=created_ago, used_ago=used_ago)
    assert found(key, wanted(LIMITS)) == what


@pytest.mark.parametrize("used_ago", [None, 40 * DAY])
def test_what_is_in_hand_is_old_at_the_most(used_ago: timedelta | None) -> None:
    old = {"created_ago": 100 * DAY, "used_ago": used_ago}
    assert found(make_key("session", **old), wanted(LIMITS)) == (Found.OLDER,)  # type: ignore[arg-type]
    assert found(make_key("k1", **old), wanted(LIMITS), rotating="k1") == (Found.OLDER,)  # type: ignore[arg-type]
    assert len(found(make_key("k1", **old), wanted(LIMITS))) == 2  # type: ignore[arg-type]


def test_a_key_without_an_owner_is_found_whatever_is_asked_for() -> None:
    keys = [make_key("k1", used_ago=HOUR), make_key("k2", used_ago=HOUR)]
    asked = wanted(LIMITS, idle=40 * DAY)
    [finding] = findings(keys, asked, NOW, session_key_id="", rotating={}, unowned={"k2", "gone"})
    assert (finding.key, finding.found) == (keys[1], (Found.UNOWNED,))
    assert finding.reasons == ("Not known to be stored anywhere.",)


def test_each_reason_is_a_sentence_in_the_order_of_what_was_found() -> None:
    key = make_key(created_ago=100 * DAY, used_ago=40 * DAY)
    [finding] = findings([key], wanted(LIMITS), NOW, session_key_id="", rotating={})
    assert finding.found == (Found.IDLE, Found.OLDER)
    assert finding.reasons == ("No request for 40 d.", "Created 3 mo ago.")
