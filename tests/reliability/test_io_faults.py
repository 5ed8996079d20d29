"""The short form of `python -m tests.long io-faults`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.long import io_clock, io_faults
from tests.long.io_signals import SIGNALS

SEED = 20261125
SHARE = 6
"""Percent of all faults of disks."""

Record = Callable[[str, object], None]


@pytest.mark.parametrize(
    ("part", "times"),
    [
        (io_faults.files, SHARE),
        (io_faults.database, SHARE),
        (io_faults.commands, len(SIGNALS)),
        (io_faults.instances, SHARE),
        (io_faults.clock, len(io_clock.JUMPS)),
    ],
    ids=["files", "database", "commands", "instances", "clock"],
)
def test_nothing_is_lost_and_nothing_is_called_safe(
    part: Callable[[Path, int, int], str], times: int, tmp_path: Path, record_property: Record
) -> None:
    record_property("figure", part(tmp_path, times, SEED))


def test_no_room(tmp_path: Path, record_property: Record) -> None:
    record_property("figure", io_faults.full_disk(tmp_path))
