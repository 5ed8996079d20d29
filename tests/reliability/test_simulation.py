"""The short form of `python -m tests.long simulation`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.long.simulation import simulate
from tests.simulation.ledger import INVARIANTS
from tests.simulation.network import Fate

SEED = 20261125
OPERATIONS = 1_000


def test_no_fault_and_no_crash_breaks_a_promise(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Every kind of fault and every invariant had its turn; the first world was replayed."""
    totals = simulate(tmp_path, OPERATIONS, SEED)
    record_property("figure", str(totals))
    assert totals.operations >= OPERATIONS
    assert totals.kills > OPERATIONS // 40
    assert {fate.value for fate in Fate} - {Fate.FINE.value} <= totals.faults.keys()
    assert {"late arrivals", "restarts of the server"} <= totals.faults.keys()
    assert totals.checked.keys() == INVARIANTS.keys()
