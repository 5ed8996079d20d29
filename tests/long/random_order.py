"""The normal test run, again and again, each time in another order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def figure(folder: Path, times: int, seed: int) -> str:
    """So many runs; the order of the first follows from the seed, of the next from the one above.

    Tells each run as it ends, and the end of what a run that failed has printed.
    """
    failed: list[int] = []
    lasted: list[float] = []
    for order in range(seed, seed + times):
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "randomly", f"--randomly-seed={order}"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lasted.append(time.monotonic() - begun)
        told = re.sub("=+", "", done.stdout.rstrip().rpartition("\n")[2]).strip()
        print(f"order {order}: {told}", flush=True)  # noqa: T201
        if done.returncode:
            failed.append(order)
            print(done.stdout[-20_000:], done.stderr[-2_000:], flush=True)  # noqa: T201
    if failed:
        raise SystemExit(f"failed in the orders {failed}")
    return f"{times} runs in {times} orders, none failed; {min(lasted):.0f} to {max(lasted):.0f} s"
