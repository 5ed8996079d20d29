"""`python -m tests.simulation SEED OPERATIONS` lives through one world again and tells it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.simulation.world import World

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pulsapi-world-") as folder:
        print(World(Path(folder), sys.argv[1], int(sys.argv[2]), told=None).run())  # noqa: T201
