"""From the start of the program to what is seen of it, on a real pty."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pulsapi_tui.flows.refresh import EVERY_S
from pulsapi_tui.ui.themes import DARK
from tests.bench import peers
from tests.bench.line import PYTHON, has_frame, on_a_line, shows
from tests.bench.quick_server import serving
from tests.bench.ratio import Ratio
from tests.server.support import read_line, start_demo
from tests.terminal.terminal import PROGRAM

MINIMAL = "a minimal Textual app"
NEWEST_KEY = "dana's"
"""A word of the first row, and of nothing else; one word, since spaces may not be sent anew."""
NEWEST_QUIET_KEY = "payments-worker-0"
NO_KEY = "local_" + "0" * 49
"""The quick server takes any."""
KEYS = 12
MANY_KEYS = 10_000
IDLE_S = 6.0

_PEERS = Path(peers.__file__).parent
MINIMAL_APP = (PYTHON, str(_PEERS / "minimal.py"))


@contextmanager
def _account(keys: int = KEYS) -> Iterator[dict[str, str]]:
    """A server that runs, and the environment that opens its account."""
    server = start_demo("--keys", str(keys))
    try:
        hello = read_line(server)
        yield {"PULSAPI_API_KEY": hello["key"], "PULSAPI_BASE_URL": hello["base_url"]}
    finally:
        server.communicate()


def _first_frame_ms(argv: Sequence[str], folder: Path, **more: str) -> float:
    with on_a_line(argv, folder, **more) as line:
        return line.until(has_frame) * 1000


def first_frame(turns: int, folder: Path) -> Iterator[Ratio]:
    """Start to first frame."""
    ours, peer = [], []
    with _account() as environment:
        for _ in range(turns):
            ours.append(_first_frame_ms([PROGRAM], folder, **environment))
            peer.append(_first_frame_ms(MINIMAL_APP, folder))
    yield Ratio("start to first frame", ours, MINIMAL, peer, "ms", 1.2)


def first_keys(turns: int, folder: Path) -> Iterator[Ratio]:
    """The demo's start to the first frame with keys."""
    ours, peer = [], []
    for _ in range(turns):
        with on_a_line([PROGRAM, "demo"], folder) as line:
            ours.append(line.until(shows(NEWEST_KEY)) * 1000)
        peer.append(_first_frame_ms(MINIMAL_APP, folder))
    yield Ratio("demo to the first frame with keys", ours, MINIMAL, peer, "ms", 2.0)


def without_screens(turns: int, folder: Path) -> Iterator[Ratio]:
    """`--version` and `--help`."""
    for option in ("--version", "--help"):
        ours, peer = [], []
        for _ in range(turns):
            ours.append(_run_ms([PROGRAM, option], folder))
            peer.append(_run_ms([PYTHON, "-c", "pass"], folder))
        yield Ratio(option, ours, "python -c pass", peer, "ms", 4.0)


def _run_ms(argv: Sequence[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


def bytes_until_settled(turns: int, folder: Path) -> Iterator[Ratio]:
    """What is sent from the start until nothing more comes."""
    rows = folder / "rows.json"
    health = ("● in use", "○ never used", "! idle 94 d")
    cells = [
        [f"billing-worker-{n}", f"{n + 2} h ago", f"{n + 1} min ago", health[n % 3]]
        for n in range(MANY_KEYS)
    ]
    rows.write_text(json.dumps({"theme": asdict(DARK), "rows": cells}))
    ours: list[float] = []
    peer: list[float] = []
    with _account(MANY_KEYS) as environment:
        for _ in range(turns):
            with on_a_line([PROGRAM], folder, **environment) as line:
                line.until(shows(NEWEST_KEY))
                ours.append(line.settle())
            with on_a_line([PYTHON, str(_PEERS / "data_table.py"), str(rows)], folder) as line:
                line.until(has_frame)
                peer.append(line.settle())
    yield Ratio("bytes from the start until settled", ours, "a DataTable", peer, "B", 0.25)


def idle(turns: int, folder: Path) -> Iterator[Ratio]:
    """Nothing is pressed and nothing changes; the list is read every few seconds all the same.

    No key of this account is in use: where some are, the list changes, and its rows are drawn.
    """
    ours_ms, peer_ms, sent = [], [], []
    with serving(KEYS, 0) as port:
        environment = {"PULSAPI_API_KEY": NO_KEY, "PULSAPI_BASE_URL": f"http://127.0.0.1:{port}"}
        for _ in range(turns):
            with on_a_line([PROGRAM], folder, **environment) as line:
                line.until(shows(NEWEST_QUIET_KEY))
                line.settle()
                spent, count = line.idle(IDLE_S)
                ours_ms.append(spent)
                sent.append(count)
            with on_a_line(MINIMAL_APP, folder) as line:
                line.until(has_frame)
                line.settle()
                peer_ms.append(line.idle(IDLE_S)[0])
    label = f"idle for {IDLE_S:g} s, the list read every {EVERY_S:g} s"
    yield Ratio(f"{label}: processor", ours_ms, MINIMAL, peer_ms, "ms", 1.0)
    yield Ratio(f"{label}: bytes", sent, "one byte", [1] * turns, "B", 0.0)
