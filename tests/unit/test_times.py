"""Times in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.domain.times import DAY_S, HOUR_S, MINUTE_S, absolute, ago, span, zone
from tests.unit.support import NOW


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (MINUTE_S, "1 min"),
        (HOUR_S - 1, "59 min"),
        (HOUR_S, "1 h"),
        (DAY_S - 1, "23 h"),
        (DAY_S, "1 d"),
        (60 * DAY_S - 1, "59 d"),
        (60 * DAY_S, "2 mo"),
        (730 * DAY_S - 1, "24 mo"),
        (730 * DAY_S, "2 y"),
        (3650 * DAY_S, "10 y"),
    ],
)
def test_a_span_in_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


@given(st.floats(0, 1e11), st.floats(0, 1e11))
def test_a_longer_span_never_reads_shorter(one: float, other: float) -> None:
    worth_s = {"s": 1, "min": 60, "h": 3600, "d": 86400, "mo": 30 * 86400, "y": 365 * 86400}

    def read(seconds: float) -> int:
        count, unit = span(seconds).split()
        return int(count) * worth_s[unit]

    shorter, longer = sorted((one, other))
    assert read(shorter) <= read(longer)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3600, "just now"), (0, "just now"), (4.9, "just now"), (5, "5 s ago"), (7200, "2 h ago")],
)
def test_ago(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a\x00b"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone(name) is UTC


def test_a_zone_that_is_a_directory_is_utc() -> None:
    assert zone("America") is UTC


def test_absolute_times_name_their_zone() -> None:
    then = datetime(2026, 11, 24, 13, 5, 9, tzinfo=UTC)
    assert absolute(then, zone("Europe/Berlin")) == "2026-11-24 14:05:09 CET"
    assert absolute(then, UTC) == "2026-11-24 13:05:09 UTC"
