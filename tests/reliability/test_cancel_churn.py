"""The short form of `python -m tests.long cancel-churn`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.long.cancel_churn import churn

SEED = 20261125
CALLS = 600


def test_calls_that_are_given_up_use_nothing_up(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Some hundreds, and then fresh ones."""
    done = churn(tmp_path, CALLS, SEED)
    record_property("figure", str(done.ends))
    assert done.ends.total() == CALLS
    assert done.ends["CancelledError"] > CALLS // 4
    assert done.haste.deadlines > CALLS // 10
