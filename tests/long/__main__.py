"""`python -m tests.long NAME --times N --seed S` runs a long check and prints its figure."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.long import by_pytest, reveal_kills


class Check(NamedTuple):
    """A long check."""

    shows: str
    run: Callable[[Path, int, int], str]
    """Given a folder of its own, how many times, and the seed; gives the figure, or raises."""


CHECKS: dict[str, Check] = {
    "reveal-kills": Check(
        "No key is left that nobody names: the program is killed at random moments of a create "
        "and of what follows it, and the next start must name each key that the server has.",
        reveal_kills.figure,
    ),
    "rotation-cuts": Check(
        "No rotation loses a key: killed before and after every call, its connection cut at every "
        "request by FIN, RST and a stall, its disk failing at every write. (All of them; --times "
        "and --seed have no meaning.)",
        by_pytest.rotation_cuts,
    ),
    "bulk-rotation": Check(
        "So many keys (--times) are rotated by one plan on a server that fails one call in ten: "
        "all end in a known state, the load is bounded and the event loop is free.",
        by_pytest.bulk_rotation,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or list; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(CHECKS), help="what to check")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--times", type=int, default=100, help="how many times (100)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    options = parser.parse_args(arguments)
    if options.name is None:
        if not options.list:
            parser.error("which check? See --list")
        for name, check in CHECKS.items():
            print(f"{name}: {check.shows}")  # noqa: T201
        return 0
    with tempfile.TemporaryDirectory(prefix="pulsapi-long-") as folder:
        print(CHECKS[options.name].run(Path(folder), options.times, options.seed))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
