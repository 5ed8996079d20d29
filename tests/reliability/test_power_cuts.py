"""The short form of `python -m tests.long power-cuts`, and that it catches what it is for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pulsapi_tui.server.serve import make_data_directory
from pulsapi_tui.server.store import Store
from tests.long.power_cuts import LostError, cut_often

SEED = 20261125


class HastyStore(Store):
    """A commit does not wait for the disk."""

    setting = "NORMAL"

    def _prepare(self) -> None:
        super()._prepare()
        self._db.execute(f"PRAGMA synchronous={self.setting}")


class CarelessStore(HastyStore):
    """A checkpoint does not, either."""

    setting = "OFF"


def test_a_power_cut_loses_nothing_that_was_acknowledged(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    figures = cut_often(tmp_path, 300, SEED)
    record_property("figure", str(figures))
    assert figures.images >= 300
    assert figures.under_way
    assert figures.again


def test_a_seed_cuts_the_same_way_again(tmp_path: Path) -> None:
    prints = {cut_often(tmp_path, 50, SEED).fingerprint for _ in range(2)}
    assert len(prints) == 1
    assert cut_often(tmp_path, 50, SEED + 1).fingerprint not in prints


@pytest.mark.parametrize("store_type", [HastyStore, CarelessStore])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_store_that_does_not_wait_for_the_disk_is_caught(
    tmp_path: Path, store_type: type[Store], seed: int
) -> None:
    """WAL with NORMAL brings revoked keys back to life, which no kill can show."""
    with pytest.raises(LostError, match="acknowledged"):
        cut_often(tmp_path, 300, seed, store_type)


def test_the_data_directory_itself_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of a disk is one directory's; this is about its own name, and its parents'."""
    synced: list[Path] = []

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    make_data_directory(tmp_path / "new" / "data")
    assert synced == [tmp_path / "new", tmp_path]
    make_data_directory(tmp_path / "new" / "data")
    assert len(synced) == 2
