"""The normal run is for a person who waits; `pytest --thorough`, as in CI, runs everything."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def thorough(cases: Iterable[object]) -> list[object]:
    """Cases of a parametrize that the normal run leaves out; a tuple where it has several names."""
    return [
        pytest.param(*(each if isinstance(each, tuple) else (each,)), marks=pytest.mark.thorough)
        for each in cases
    ]
