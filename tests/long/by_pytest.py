"""Long checks that are tests with more of everything: pytest runs them, their figures are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(test: str, **environment: str) -> str:
    """Run a test file with this environment; what it printed. Raises where a test failed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", test],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-4000:])
    return done.stdout


def rotation_cuts(folder: Path, times: int, seed: int) -> str:
    """The whole cut matrix."""
    printed = run("tests/contract/test_rotation_cuts.py", PULSAPI_TUI_ALL_CUTS="1")
    counts = [int(count) for count in re.findall(r": (\d+) cuts", printed)]
    return f"{sum(counts)} cuts in {len(counts)} runs of the matrix, no key lost"


def bulk_rotation(folder: Path, times: int, seed: int) -> str:
    """Many keys by one plan."""
    keys = str(max(times, 2))
    printed = run("tests/contract/test_bulk_rotation.py", PULSAPI_TUI_BULK_KEYS=keys)
    return next(line for line in printed.splitlines() if " watched, " in line)
