"""The short form of `python -m tests.long teeth`: each bug can still be planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.long.planted import PLANTS, Plant
from tests.long.teeth import planted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.id for plant in PLANTS])
def test_what_it_changes_is_there_once_and_its_tests_are_there(plant: Plant) -> None:
    whole = (ROOT / plant.file).read_text(encoding="utf-8")
    changed = planted(whole, plant)
    assert changed != whole
    compile(changed, plant.file, "exec")
    for test in plant.tests:
        path, _, name = test.partition("[")[0].partition("::")
        assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")


def test_each_has_a_name_of_its_own() -> None:
    assert len({plant.id for plant in PLANTS}) == len(PLANTS) >= 30
