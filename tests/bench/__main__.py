"""`python -m tests.bench [ROW …]` measures ours against a peer, in turns, and prints ratios."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.ratio import Ratio

Measure = Callable[[int, Path], Iterator[Ratio]]
"""Given how many turns, and a folder of its own."""


class Row(NamedTuple):
    """What can be measured."""

    shows: str
    turns: int
    """What suits it, where nothing is said."""
    module: str
    """Of `tests.bench`; imported when it runs."""
    function: str = "ratios"

    def measure(self) -> Measure:
        """Its function."""
        module = importlib.import_module(f"tests.bench.{self.module}")
        found: Measure = getattr(module, self.function)
        return found


ROWS: dict[str, Row] = {
    "first-frame": Row("start to first frame", 15, "start", "first_frame"),
    "demo": Row("demo to the first frame with keys", 15, "start", "first_keys"),
    "options": Row("--version and --help", 30, "start", "without_screens"),
    "settled": Row("bytes from the start until settled", 3, "start", "bytes_until_settled"),
    "idle": Row("processor and bytes where nothing happens", 5, "start", "idle"),
    "table": Row("the table with 10 and with 100,000 keys: time and bytes", 5, "table"),
    "listing": Row("listing 100,000 keys", 5, "listing"),
    "revoke": Row("revoking 1,000 keys at 20 ms latency", 3, "revoke"),
    "server": Row("the local server's key check", 5, "server"),
}
PEERS = Row("other programs' first frame, installed for it", 5, "installed", "first_frames")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or list; returns the exit code, which no figure changes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="what to measure (all)")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--turns", type=int, help="how often each is run; see --list")
    parser.add_argument("--peers", action="store_true", help=PEERS.shows)
    options = parser.parse_args(arguments)
    if options.list:
        for name, row in ROWS.items():
            print(f"{name} (--turns {row.turns}): {row.shows}")  # noqa: T201
        return 0
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown or (options.turns is not None and options.turns < 1):
        parser.error(f"no such row: {', '.join(unknown)}" if unknown else "--turns: 1 or more")
    only_peers = options.peers and not options.rows
    wanted = [] if only_peers else [ROWS[name] for name in options.rows or ROWS]
    for row in [*wanted, *([PEERS] if options.peers else [])]:
        _print(row, row.turns if options.turns is None else options.turns)
    return 0


def _print(row: Row, turns: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pulsapi-bench-") as folder:
        try:
            for ratio in row.measure()(turns, Path(folder)):
                print(ratio.line(), flush=True)  # noqa: T201
        except ModuleNotFoundError as error:
            if error.name != f"tests.bench.{row.module}":
                raise
            print(f"{row.shows}: is not there yet", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
