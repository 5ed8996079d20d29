"""Run the rows of one module alone, and print them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.ratio import Ratio


def run_alone(ratios: Callable[[int, Path], Iterator[Ratio]]) -> None:
    """The number of turns may be the only argument."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        for ratio in ratios(turns, Path(folder)):
            print(ratio.line(), flush=True)  # noqa: T201
