"""What a key press costs with 10 keys and with 100,000: `python -m tests.bench`.

Prints, never asserts: absolute times are noisy, the ratios of one run are what counts. Work is the
processor time of the whole program from the key press until it is idle again; the longest step is
the longest time that the event loop was not free for another key.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from textual.pilot import Pilot

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.widgets.keys_table import KeysTable
from tests.seeded import NOW, NoClipboard, SeededAccounts, SeededService, StandingClock, hand_off_of
from tests.server.support import read_line, start_demo
from tests.ui.support import connector_of

SIZE = (120, 40)
COUNTS = (10, 100_000)
ROUNDS = 15

Step = Callable[[Pilot[None]], Awaitable[None]]


class ManyKeys(SeededService):
    """So many keys, newest first."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._keys = [
            ApiKey(
                id=f"key_{number:06}",
                name=f"{('payments', 'search', 'billing')[number % 3]}-worker-{number}",
                hint="a1B2",
                created_at=NOW - timedelta(minutes=number),
                last_used_at=None if number % 5 == 0 else NOW - timedelta(minutes=number % 9000),
            )
            for number in range(count)
        ]


class LoopWatch:
    """The longest step of the event loop since `reset`, in processor time."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        run = asyncio.Handle._run  # noqa: SLF001

        def timed(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            run(handle)
            self.longest_s = max(self.longest_s, time.thread_time() - started)

        setattr(asyncio.Handle, "_run", timed)  # noqa: B010

    def reset(self) -> None:
        self.longest_s = 0.0


async def _settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    while any(worker.group == "arrange" and not worker.is_finished for worker in pilot.app.workers):
        await pilot.pause(0.001)
    await pilot.pause()


async def _measure(pilot: Pilot[None], watch: LoopWatch, *keys: str) -> tuple[float, float]:
    """Median work and worst step of pressing these keys in turn, in milliseconds."""
    work: list[float] = []
    steps: list[float] = []
    for number in range(ROUNDS):
        watch.reset()
        started = time.process_time()
        await pilot.press(keys[number % len(keys)])
        await _settled(pilot)
        work.append((time.process_time() - started) * 1000)
        steps.append(watch.longest_s * 1000)
    return statistics.median(work), max(steps)


async def _bench(count: int, watch: LoopWatch) -> dict[str, tuple[float, float]]:
    app = PulsapiApp(
        connector_of(ManyKeys(count)),
        SeededAccounts(),
        StandingClock(),
        lambda _: NoClipboard(),
        hand_off_of(),
    )
    app.animation_level = "none"
    found: dict[str, tuple[float, float]] = {}
    async with app.run_test(size=SIZE, notifications=True, tooltips=True) as pilot:
        screen = app.screen
        assert isinstance(screen, KeysScreen)
        table = screen.query_one(KeysTable)
        started = time.perf_counter()
        while table.row_count != count:
            await pilot.pause(0.001)
        await _settled(pilot)
        found["data to full frame"] = ((time.perf_counter() - started) * 1000, 0.0)
        found["cursor move"] = await _measure(pilot, watch, "j", "k")
        found["page down, up"] = await _measure(pilot, watch, "pagedown", "pageup")
        found["end, home"] = await _measure(pilot, watch, "G", "g")
        found["sort"] = await _measure(pilot, watch, "S")
        await pilot.press("slash")
        found["filter keystroke"] = await _measure(pilot, watch, *"worker-9", *["backspace"] * 8)
    return found


def _demo_ready_ms(count: int) -> float:
    """Median time from the start of the demo's server to its first line."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        process = start_demo("--keys", str(count))
        read_line(process)
        times.append((time.perf_counter() - started) * 1000)
        process.communicate()
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    watch = LoopWatch()
    few, many = (
        asyncio.run(_bench(count, watch)) | {"demo's server ready": (_demo_ready_ms(count), 0.0)}
        for count in COUNTS
    )
    print(f"{'':22}{COUNTS[0]:>9,} keys {COUNTS[1]:>9,} keys   ratio   longest step of each")  # noqa: T201
    for name, (work, step) in few.items():
        more, longer = many[name]
        print(  # noqa: T201
            f"{name:22}{work:10.1f} ms {more:11.1f} ms {more / work:8.2f}"
            f"{step:11.1f} ms {longer:8.1f} ms"
        )


if __name__ == "__main__":
    main()
