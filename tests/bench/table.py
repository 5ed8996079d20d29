"""The table of keys: what a key press costs at 100,000 keys, and what it sends to the terminal.

Alone: `python -m tests.bench.table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.alone import run_alone
from tests.bench.loop_steps import frame_s, longest_steps_ms
from tests.bench.pane import Pane, pane
from tests.bench.ratio import Ratio

MANY = 100_000
FEW = 10
SCROLLING = 100
"""The fewest that are scrolled by a row, by a page and to the end as the many are."""
FRAME_MS = 16.0
ALLOWED_MB = 40.0
PRESSES = 20
_OWN, _PEER = "tests.bench.many_keys", "tests.bench.plain_table"
_PAGES, _ENDS = ("\x1b[6~", "\x1b[5~"), ("G", "g")


def ratios(turns: int, folder: Path) -> Iterator[Ratio]:
    """All rows of the table."""
    yield _from_data_to_frame(turns)
    yield from _key_presses(turns, folder)
    yield from _steps(turns)
    yield from _bytes(turns, folder)
    yield _memory(turns, folder)


def _from_data_to_frame(turns: int) -> Ratio:
    few, many = [], []
    for _ in range(turns):
        few.append(frame_s(FEW) * 1000)
        many.append(frame_s(MANY) * 1000)
    return Ratio("100,000 keys: from data to full frame", many, "10 keys", few, "ms", 2.0)


def _opened(stack: ExitStack, folder: Path, module: str, count: int) -> Pane:
    opened = stack.enter_context(pane(folder, "-m", module, str(count)))
    opened.until("worker")
    return opened


def _key_presses(turns: int, folder: Path) -> Iterator[Ratio]:
    for what, keys, few_keys in (
        ("move", "jk", FEW),
        ("scroll by a row", "j", SCROLLING),
        ("page", _PAGES, SCROLLING),
        ("end", _ENDS, SCROLLING),
    ):
        with ExitStack() as stack:
            few = _opened(stack, folder, _OWN, few_keys)
            many = _opened(stack, folder, _OWN, MANY)
            if what.startswith("scroll"):
                few.press("j" * 45)
                many.press("j" * 45)
            few_ms, many_ms, paint_ms = [], [], []
            for turn in range(turns):
                fews, manys = [], []
                for number in range(PRESSES):
                    key = keys[number % len(keys)]
                    if what.startswith("scroll") and turn and number == 0:
                        few.press("g" + "j" * 45)
                        many.press("g" + "j" * 45)
                    fews.append(few.press(key))
                    manys.append(many.press(key))
                few_ms.append(median(seen.worked_s for seen in fews) * 1000)
                many_ms.append(median(seen.worked_s for seen in manys) * 1000)
                paint_ms.append(median(seen.took_s for seen in manys) * 1000)
        label = f"key press to paint at 100,000 keys: {what}"
        yield Ratio(f"{label}, work", many_ms, f"{few_keys} keys", few_ms, "ms", 1.2)
        frame = [FRAME_MS] * turns
        yield Ratio(f"{label}, work of a frame", many_ms, "a frame", frame, "ms", 1.0)


def _steps(turns: int) -> Iterator[Ratio]:
    found = [longest_steps_ms(MANY, 6) for _ in range(turns)]
    frame = [FRAME_MS] * turns
    for what, longest in (
        ("sort", [max(steps.sorting) for steps in found]),
        ("opening the filter", [steps.opening for steps in found]),
        ("filter keystroke", [max(steps.filtering) for steps in found]),
    ):
        measure = f"{what} at 100,000 keys, longest block"
        yield Ratio(measure, longest, "a frame", frame, "ms", 1.0)


def _bytes(turns: int, folder: Path) -> Iterator[Ratio]:
    with ExitStack() as stack:
        own = _opened(stack, folder, _OWN, 1000)
        peer = _opened(stack, folder, _PEER, 1000)
        down = "\x1b[B"
        moves, peer_moves = (
            [float(len(it.press(down).data)) for _ in range(10)] for it in (own, peer)
        )
        for it in (own, peer):
            it.press(down * 45)
        scrolls, peer_scrolls = (
            [float(len(it.press(down).data)) for _ in range(10)] for it in (own, peer)
        )
        yield Ratio("bytes of a cursor move", moves, "a DataTable", peer_moves, "bytes", 0.4)
        yield Ratio("bytes of a scrolled row", scrolls, "a DataTable", peer_scrolls, "bytes", 0.5)
        own.send("r")
        idle = float(len(own.wait(6.0)))
        yield Ratio("bytes of a refresh without news", [idle], "one byte", [1.0], "bytes", 0.0)


def _memory(turns: int, folder: Path) -> Ratio:
    more = []
    for _ in range(turns):
        with ExitStack() as stack:
            few = _opened(stack, folder, _OWN, FEW)
            many = _opened(stack, folder, _OWN, MANY)
            more.append(many.memory_mb - few.memory_mb)
    allowed = [ALLOWED_MB] * turns
    return Ratio("memory of 100,000 keys above 10", more, "the limit", allowed, "MB", 1.0)


if __name__ == "__main__":
    run_alone(ratios)
