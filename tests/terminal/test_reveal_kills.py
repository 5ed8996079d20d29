"""The short form of `python -m tests.long reveal-kills`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.long.reveal_kills import SIGNALS, kill_often

SEED = 20261124


def test_a_killed_program_leaves_no_key_without_a_name(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Two kills by each signal, at random moments from the create on."""
    figures = kill_often(tmp_path, SIGNALS * 2, SEED)
    record_property("figure", str(figures))
    assert figures.kills == {number.name: 2 for number in SIGNALS}
    assert not figures.unnamed, str(figures)
    assert figures.never_made + figures.named + figures.stored == 6, str(figures)
