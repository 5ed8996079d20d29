"""The short form of `python -m tests.long byte-cuts`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.long.byte_cuts import OPERATIONS, cut_everywhere

SEED = 20261125
CUTS = 20


def test_a_cut_at_any_byte_loses_no_key(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Some cuts of each operation, chosen by the seed."""
    figures = cut_everywhere(tmp_path, CUTS, SEED)
    record_property("figure", str(figures))
    # The exchange that is not cut, and is measured, is none of them.
    assert {name: ends.total() for name, ends in figures.ends.items()} == dict.fromkeys(
        OPERATIONS, CUTS
    )
    assert 0 < figures.lost_by_a_plain_client < figures.sent_once
