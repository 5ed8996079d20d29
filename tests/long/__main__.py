"""`python -m tests.long NAME --times N --seed S` runs a long check and prints its figure."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Check(NamedTuple):
    """A long check."""

    shows: str
    times: int
    """What suits it, where nothing is said."""
    module: str
    """Of `tests.long`; imported when it runs."""
    figure: str = "figure"
    """Its function: given a folder of its own, how many times, and the seed; gives the figure."""


CHECKS: dict[str, Check] = {
    "reveal-kills": Check(
        "No key is left that nobody names: the program is killed at random moments of a create "
        "and of what follows it, and the next start must name each key that the server has.",
        100,
        "reveal_kills",
    ),
    "rotation-cuts": Check(
        "No rotation loses a key: killed before and after every call, its connection cut at every "
        "request by FIN, RST and a stall, its disk failing at every write. (All of them; --times "
        "and --seed have no meaning.)",
        1,
        "by_pytest",
        "rotation_cuts",
    ),
    "bulk-rotation": Check(
        "So many keys (--times) are rotated by one plan on a server that fails one call in ten: "
        "all end in a known state, the load is bounded and the event loop is free.",
        200,
        "by_pytest",
        "bulk_rotation",
    ),
    "simulation": Check(
        "Whatever the line, the server and the program do, no live key is unknown, nothing "
        "acknowledged is lost and nothing revoked acts: the real client and server in virtual "
        "time, against a model. (--times operations)",
        20_000,
        "simulation",
    ),
    "power-cuts": Check(
        "What the server acknowledged is there after a power cut at any write of its database: no "
        "create lost, no revoke undone, never corrupt. (--times images)",
        20_000,
        "power_cuts",
    ),
    "server-kills": Check(
        "The server is killed by SIGKILL while it creates and revokes: nothing that it answered "
        "is lost.",
        200,
        "server_kills",
    ),
    "revoke-now": Check(
        "No call begun after the 204 gets in with a revoked key, and nothing that it did is "
        "committed later. (--times keys)",
        500,
        "revoke_now",
    ),
    "isolation": Check(
        "Route x method x caller x id from openapi.yaml: no account reads or changes another, and "
        "refusals of a kind are the same bytes. (--times random cells after the whole matrix)",
        5_000,
        "isolation",
    ),
    "loopback": Check(
        "Nothing that a web page or a program on this computer sends enters a handler, and nobody "
        "who holds connections locks a good client out. (--times requests)",
        10_000,
        "loopback",
    ),
    "hostile-server": Check(
        "Whatever a server answers, every call ends by a value or an error of ours, in bounded "
        "memory, with no raw text; a change that may have been made is never said not to have "
        "been. (--times answers)",
        1_000,
        "hostile_server",
    ),
    "terminal-injection": Check(
        "No text of a server, a user, a file or the environment sends a sequence or a hidden "
        "character that a harmless run does not, fires an action or crashes. (--times texts)",
        50,
        "terminal_injection",
    ),
    "io-faults": Check(
        "Whatever fails on the disk, whichever signal comes, however many instances run and "
        "however the clock jumps: old or new, never acknowledged and lost, never called safe. "
        "(--times is the percentage of all faults)",
        100,
        "io_faults",
    ),
    "teeth": Check(
        "Each planted bug is caught by the tests that are named for it. (--times rows)",
        100,
        "teeth",
    ),
    "byte-cuts": Check(
        "Create, revoke and list are cut at every byte of request and answer, by FIN, RST, a "
        "stall and a garbage tail: no live key is unknown, none is made twice, no revoke is "
        "claimed that is none. (--times is the percentage of all cuts)",
        100,
        "byte_cuts",
    ),
    "cancel-churn": Check(
        "Calls are cancelled and run out of time at random moments: fresh ones still work, and no "
        "socket, task or place is lost. (--times calls)",
        100_000,
        "cancel_churn",
    ),
    "retry-discipline": Check(
        "Never sooner than Retry-After, no create sent again, and in an outage at most 1.1 times "
        "the load.",
        1_000,
        "retry_discipline",
    ),
    "random-order": Check(
        "No test depends on another, or on luck: the normal run, in another order each time.",
        20,
        "random_order",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or list; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(CHECKS), help="what to check")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--times", type=int, help="how many; see --list")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    options = parser.parse_args(arguments)
    if options.name is None:
        if not options.list:
            parser.error("which check? See --list")
        for name, check in CHECKS.items():
            print(f"{name} (--times {check.times}): {check.shows}")  # noqa: T201
        return 0
    check = CHECKS[options.name]
    figure = getattr(importlib.import_module(f"tests.long.{check.module}"), check.figure)
    with tempfile.TemporaryDirectory(prefix="pulsapi-long-") as folder:
        times = check.times if options.times is None else options.times
        print(figure(Path(folder), times, options.seed))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
