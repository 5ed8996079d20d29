"""The short form of `python -m tests.long retry-discipline`, and the budget by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pulsapi_tui.api._retry import BUDGET, RetryBudget
from tests.long import retry_discipline
from tests.long.retry_discipline import (
    cells_at_random,
    check_cells,
    check_jitter,
    outage,
    revokes_in_an_outage,
)

SEED = 20261125


def test_nothing_is_sent_against_the_policy(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A share of the cells, each with every action."""
    cells = cells_at_random(1, SEED)
    count = check_cells(tmp_path, cells, SEED)
    record_property("figure", f"{count} cells")
    assert count == len(cells) * len(retry_discipline.ACTIONS)


@pytest.mark.parametrize("kind", retry_discipline.OUTAGES)
def test_an_hour_s_outage_is_not_fed_with_repeats(kind: str) -> None:
    load = outage(kind, 3600.0, SEED)
    assert 1.0 < load.ratio(3600.0) <= retry_discipline.AT_MOST
    assert load.share(60.0) < 1.0


def test_many_revokes_in_an_outage_are_hardly_repeated() -> None:
    count = revokes_in_an_outage(SEED)
    assert count <= retry_discipline.REVOKES + BUDGET


def test_the_waits_are_spread_evenly() -> None:
    assert check_jitter(SEED) < 1.0


def test_a_budget_is_spent_and_no_more() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(BUDGET + 2)] == [True] * BUDGET + [False] * 2


def test_a_repeat_that_helped_costs_nothing() -> None:
    budget = RetryBudget()
    for _ in range(100):
        assert budget.take()
        assert budget.take()
        budget.answered(3)


def test_after_an_outage_ten_answers_earn_one_repeat() -> None:
    budget = RetryBudget()
    budget.exhausted()
    assert not budget.take()
    for _ in range(9):
        budget.answered(1)
    assert not budget.take()
    for _ in range(2):
        budget.answered(1)
    assert budget.take()
    assert not budget.take()


def test_a_budget_never_holds_more_than_it_began_with() -> None:
    budget = RetryBudget()
    for _ in range(1_000):
        budget.answered(1)
    assert sum(budget.take() for _ in range(1_000)) == BUDGET
