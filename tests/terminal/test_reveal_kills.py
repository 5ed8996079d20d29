"""The short form of `python -m tests.long reveal-kills`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.long.reveal_kills import SIGNALS, kill_often

SEED = 20261124


def test_a_killed_program_leaves_no_key_without_a_name(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """A kill by each signal, and two in a thorough run, at random moments from the create on."""
    times = 2 if pytestconfig.getoption("--thorough") else 1
    figures = kill_often(tmp_path, SIGNALS * times, SEED)
    record_property("figure", str(figures))
    assert figures.kills == {number.name: times for number in SIGNALS}
    assert not figures.unnamed, str(figures)
    assert figures.never_made + figures.named + figures.stored == 3 * times, str(figures)
