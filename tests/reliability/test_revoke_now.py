"""The short form of `python -m tests.long revoke-now`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.long.revoke_now import race_often

SEED = 20261125


def test_a_revoke_means_now(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    figures = race_often(tmp_path, 8, SEED)
    record_property("figure", str(figures))
    assert figures.late_probes == 0, str(figures)
    assert figures.late_effects == 0, str(figures)
    # Or there was no race.
    assert figures.statuses["401"] >= 8
    assert figures.effects.keys() == {"create", "repeat", "revoke", "use"}
