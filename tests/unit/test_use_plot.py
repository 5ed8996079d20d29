"""The drawing of when a key was used says what was seen, and no more."""

from __future__ import annotations

from datetime import UTC, timedelta

from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.ui.widgets.use_plot import COLUMNS, plot
from tests.seeded import NOW

SINCE = NOW - timedelta(minutes=COLUMNS)
"""A column is a minute."""


def drawn(*after: float, forgotten_pause_s: float = 0.0) -> list[str]:
    uses = tuple(SINCE + timedelta(minutes=each) for each in after)
    return str(plot(Seen(uses, SINCE, forgotten_pause_s), NOW, UTC)).splitlines()


def test_each_use_stands_in_the_column_of_its_time() -> None:
    title, line, axis = drawn(0, 1.5, 1.7, COLUMNS)
    assert title == "Seen in use  at least 4 times in 40 min"
    assert line == "▂▄" + "·" * (COLUMNS - 3) + "▂"
    assert axis == "08:50:00" + " " * (COLUMNS - 11) + "now"


def test_more_uses_than_there_are_heights_fill_the_column() -> None:
    assert drawn(*(5 + each / 10 for each in range(6)))[1][5] == "█"


def test_what_was_before_the_first_look_is_told_and_not_drawn() -> None:
    title, line, _, before = drawn(-30)
    assert title == "Seen in use  not once in 40 min"
    assert line == "·" * COLUMNS
    assert before == "Before that: 2026-11-24 08:20:00 UTC"


def test_where_uses_were_dropped_the_drawing_begins_with_those_that_are_kept() -> None:
    title, line, axis = drawn(20, 30, forgotten_pause_s=60)
    assert title == "Seen in use  at least 2 times in 20 min"
    assert line[0] == "▂"
    assert axis.startswith("09:10:00")


def test_in_the_first_minute_there_is_nothing_to_draw() -> None:
    seen = Seen((), NOW - timedelta(seconds=59))
    assert "from now on" in str(plot(seen, NOW, UTC))


def test_a_clock_that_went_back_draws_nothing() -> None:
    seen = Seen((NOW,), NOW + timedelta(hours=1))
    assert "from now on" in str(plot(seen, NOW, UTC))
