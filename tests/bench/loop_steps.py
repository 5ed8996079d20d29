"""How long the event loop is not free for another key, without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from textual.pilot import Pilot

from pulsapi_tui.ui.widgets.keys_table import KeysTable
from tests.bench.many_keys import app_with
from tests.bench.pane import COLUMNS, LINES

_TYPED = "worker-9"


class LoopWatch:
    """The longest step of the event loop since `reset`, in processor time."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    def reset(self) -> None:
        """Begin anew."""
        self.longest_s = 0.0


@contextmanager
def _watching() -> Iterator[LoopWatch]:
    watch, run = LoopWatch(), asyncio.Handle._run  # noqa: SLF001

    def timed(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        watch.longest_s = max(watch.longest_s, time.thread_time() - started)

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010
    try:
        yield watch
    finally:
        setattr(asyncio.Handle, "_run", run)  # noqa: B010


@asynccontextmanager
async def _shown(count: int) -> AsyncIterator[tuple[Pilot[None], float]]:
    """The program with its keys on the screen, and how long that took from the first frame."""
    app = app_with(count)
    async with app.run_test(size=(COLUMNS, LINES), notifications=True, tooltips=True) as pilot:
        started = time.perf_counter()
        table = app.screen.query_one(KeysTable)
        while table.row_count != count:
            await pilot.pause(0.001)
        await _settled(pilot)
        yield pilot, time.perf_counter() - started


async def _settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    while any(worker.group == "arrange" and not worker.is_finished for worker in pilot.app.workers):
        await pilot.pause(0.001)
    await pilot.pause()


def frame_s(count: int) -> float:
    """From the data to the full frame."""

    async def run() -> float:
        async with _shown(count) as (_, took_s):
            return took_s

    return asyncio.run(run())


class Steps(NamedTuple):
    """The longest steps in milliseconds: one for each key press."""

    sorting: list[float]
    opening: float
    """Opening the filter."""
    filtering: list[float]


def longest_steps_ms(count: int, sorts: int) -> Steps:
    """Sort by each column in turn, and type and delete a filter."""

    async def run(watch: LoopWatch) -> Steps:
        async with _shown(count) as (pilot, _):

            async def press(key: str) -> float:
                watch.reset()
                await pilot.press(key)
                await _settled(pilot)
                return watch.longest_s * 1000

            sorting = [await press("sS"[number % 2]) for number in range(sorts)]
            opening = await press("slash")
            typed = [await press(key) for key in (*_TYPED, *["backspace"] * len(_TYPED))]
            return Steps(sorting, opening, typed)

    with _watching() as watch:
        return asyncio.run(run(watch))
