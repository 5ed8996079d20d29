"""Many simulated worlds: the real client and server, a bad line, crashes, and what must hold.

`tests/simulation` has the parts. A seed replays identically: the first world is lived through
twice, and must leave the same trace.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.ledger import INVARIANTS
from tests.simulation.world import Figures, World

IN_A_WORLD = 200
"""Operations; a new world is a new server, and what failed is replayed by its world alone."""

MEMORY = Path("/dev/shm")  # noqa: S108
"""Nothing here depends on the disk, and files in memory take half the time."""


@dataclass
class Totals:
    """What happened in all of them."""

    worlds: int = 0
    operations: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    trace: str = ""
    """The digest of all traces."""

    def add(self, figures: Figures) -> None:
        """Count one world."""
        self.worlds += 1
        self.operations += figures.operations
        self.kills += figures.kills
        self.faults += figures.faults
        self.checked += figures.checked
        self.trace = hashlib.sha256((self.trace + figures.trace).encode()).hexdigest()

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.operations} operations in {self.worlds} worlds: the program killed "
            f"{self.kills} times; {faults}; {len(self.checked)} invariants checked "
            f"{self.checked.total()} times, none broken; trace {self.trace[:16]}"
        )


def simulate(folder: Path, times: int, seed: int) -> Totals:
    """So many operations, in worlds of their own. Raises where an invariant is broken."""
    totals = Totals()
    worlds = max(1, round(times / IN_A_WORLD))
    for number in range(worlds):
        figures = _live(folder, f"{seed}/{number}", min(times, IN_A_WORLD))
        if number == 0:
            again = _live(folder, f"{seed}/{number}", min(times, IN_A_WORLD))
            assert again == figures, "the same seed did not replay the same"
        totals.add(figures)
    return totals


def _live(folder: Path, seed: str, operations: int) -> Figures:
    with _scratch(folder) as place:
        return World(place, seed, operations).run()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    where = MEMORY if os.access(MEMORY, os.W_OK) else folder
    with tempfile.TemporaryDirectory(prefix="pulsapi-world-", dir=where) as place:
        yield Path(place)


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises where an invariant is broken, with its world."""
    began = time.monotonic()
    totals = simulate(folder, times, seed)
    missing = INVARIANTS.keys() - totals.checked.keys()
    assert not missing or times < 10 * IN_A_WORLD, f"never checked: {sorted(missing)}"
    return f"{totals} (seed {seed}, {time.monotonic() - began:.0f} s)"
