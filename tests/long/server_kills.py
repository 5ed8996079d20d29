"""The server is killed by SIGKILL while it creates and revokes: nothing that it answered is lost.

The short form is in tests/server/test_durability.py. A kill loses nothing that was written, synced
or not; for that, see power_cuts.py.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.server.support import finish, read_url, start_serve
from tests.server.test_durability import Ledger, check, client_of, work

KILLS = 50
"""Of one server's data: the list that is compared after each grows."""


def kill_often(folder: Path, kills: int, chance: random.Random) -> Ledger:
    """Kill a server on these data so often; what it had answered."""
    ledger = Ledger()
    for turn in range(kills + 1):
        process = start_serve(folder / "data")
        try:
            with client_of(read_url(process), folder) as client:
                check(client, ledger)
                if turn < kills:
                    # From "in the first request" to "after a few dozen".
                    killer = threading.Timer(chance.uniform(0.005, 0.25), process.kill)
                    killer.start()
                    with suppress(httpx.TransportError):
                        work(client, ledger, chance)
                    killer.join()
        finally:
            process.send_signal(signal.SIGTERM)
            finish(process)
    return ledger


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises AssertionError where something was lost."""
    began = time.monotonic()
    live = revoked = 0
    for first in range(0, times, KILLS):
        data = folder / str(first)
        data.mkdir()
        chance = random.Random(f"{seed} {first}")  # noqa: S311 - moments and choices
        ledger = kill_often(data, min(KILLS, times - first), chance)
        live += len(ledger.live)
        revoked += len(ledger.revoked)
    return (
        f"{times} kills -9 of the server: {live} acknowledged creates there, {revoked} revokes "
        f"held, 0 lost (seed {seed}, {time.monotonic() - began:.0f} s; the moments are the "
        f"machine's, too)"
    )
