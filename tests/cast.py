"""The tour as an asciicast: `python -m tests.cast` writes it, a test compares.

What is recorded are whole frames at the moments at which the tour pauses, in the order and at the
times of its pace, not the bytes of a run: those depend on how a machine happens to group what it
draws. So the file is the same on every machine. Time, ids, hints and secrets are those of
`tests.toured`; the one key that is on the screen is masked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from pulsapi_tui.cli.parser import PACES_S
from pulsapi_tui.flows import refresh
from pulsapi_tui.ui import rotate_one
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.demo_tour import DemoTour
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
from tests.seeded import NOW, NoClipboard, SeededAccounts, hand_off_of
from tests.toured import TouredWorld

PATH = Path(__file__).parent.parent / "screenshots" / "tour.cast"
SIZE = (80, 24)
TOAST_S = 5.0
PATIENCE_S = 10.0
LAST_S = 3.0
LOOKS_ALIKE = 3
LOOKS_EVERY_S = 0.03


class Recorder:
    """The pauses of a tour: each is a frame, and time that goes by in the world alone."""

    def __init__(self, world: TouredWorld) -> None:
        self._world = world
        self._shown: list[str] = []
        self._told_at: float | None = None
        self._follows = asyncio.Event()
        self._console = Console(color_system="truecolor", force_terminal=True)
        self.at_s = 0.0
        self.events: list[tuple[float, str, str]] = []

    def follow(self, app: PulsapiApp, pilot: Pilot[None]) -> None:
        """What to record."""
        self._app, self._pilot = app, pilot
        self._follows.set()

    async def pause(self, seconds: float) -> None:
        """Record a frame, and let the world have moved on."""
        await self._follows.wait()
        await self.record()
        self.at_s += seconds
        self._world.clock.move(seconds)
        if seconds >= 1:
            await self._read_again()
        if self._told_at is not None and self.at_s - self._told_at >= TOAST_S:
            self._app.clear_notifications()
            self._told_at = None

    async def _read_again(self) -> None:
        """Let the page, and an open rotation, show what time it is now."""
        page, now = self._app.screen_stack[0], self._world.clock.now()
        assert isinstance(page, KeysScreen)
        page.look_again()
        await self._until(lambda: page.key_list.fetched_at == now)
        screen = self._app.screen
        if isinstance(screen, RotateKeyScreen):
            # It looks at the list again and again; what it shows now may be from before that.
            before = screen.view
            await self._until(lambda: screen.view is not before)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.005)

    async def record(self) -> None:
        """Write down what is on the screen, as far as it changed."""
        rows = await self._settled()
        if self._told_at is None and len(self._app._notifications):  # noqa: SLF001
            self._told_at = self.at_s
        before = self._shown or [""] * len(rows)
        changed = [
            f"\x1b[{number};1H{row}"
            for number, (row, old) in enumerate(zip(rows, before, strict=True), 1)
            if row != old
        ]
        self._shown = rows
        if changed:
            self.events.append((self.at_s, "o", "".join(changed)))

    async def _settled(self) -> list[str]:
        """The rows, once they stay: a layout, or the footer under a dialog, may come late."""
        rows, alike = self._rows(), 0
        while alike < LOOKS_ALIKE:
            await self._pilot.pause(LOOKS_EVERY_S)
            before, rows = rows, self._rows()
            alike = alike + 1 if rows == before else 0
        return rows

    def _rows(self) -> list[str]:
        # Under a dialog is what is under it.
        visible_screen_stack.set(self._app._background_screens)  # noqa: SLF001
        strips = self._app.screen._compositor.render_strips()  # noqa: SLF001
        return [strip.simplify().render(self._console) for strip in strips]


@contextmanager
def _no_other_time() -> Iterator[None]:
    """Nothing is read, said again or taken away because real time went by."""
    with (
        patch.object(refresh, "EVERY_S", 3600.0),
        patch.object(rotate_one, "TICK_S", 0.01),
        patch.object(PulsapiApp, "NOTIFICATION_TIMEOUT", 3600.0),
    ):
        yield


async def record(pace_s: float = PACES_S["normal"], size: tuple[int, int] = SIZE) -> str:
    """The cast, as the text of its file."""
    world = TouredWorld()
    recorder = Recorder(world)
    tour = DemoTour(pace_s, recorder.pause)
    app = PulsapiApp(
        world.connect,
        SeededAccounts(),
        world.clock,
        lambda _: NoClipboard(),
        hand_off_of(world.delivery),
        tour=tour,
    )
    app.animation_level = "none"
    with _no_other_time():
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            recorder.follow(app, pilot)
            while app.is_running and not tour.is_over:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
            await recorder.record()
    events = [*recorder.events, (recorder.at_s + LAST_S, "o", "\x1b[?25h")]
    header = {
        "version": 2,
        "width": size[0],
        "height": size[1],
        "timestamp": int(NOW.timestamp()),
        "title": "pulsapi-tui demo --tour",
        "env": {"TERM": "xterm-256color", "SHELL": "/bin/sh"},
    }
    lines = [
        json.dumps(header),
        json.dumps([0.0, "o", "\x1b[?25l\x1b[2J"]),
        *(json.dumps([round(at, 3), kind, data], ensure_ascii=False) for at, kind, data in events),
    ]
    return "\n".join(lines) + "\n"


async def write() -> None:
    """Write it beside the pictures."""
    PATH.write_text(await record(), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write())
