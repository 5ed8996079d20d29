"""Stories through Textual's Pilot, against the real server where one can be had.

Toasts and tooltips are always on: without them a Pilot hides their crashes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.widgets import Button, Static
from textual.widgets._toast import Toast

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import (
    Accounts,
    ActionLog,
    Clock,
    Connector,
    Copied,
    HandOff,
    KeyService,
    LastTarget,
    Retrying,
    RotationJournal,
    Session,
)
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.widgets.keys_table import KeysTable
from pulsapi_tui.wiring.clock import SystemClock
from tests.seeded import DEMO, NoJournal, NoLastTarget, NoLog, SeededAccounts, hand_off_of

QUIET_ROUNDS = 5
"""So often in a row nothing is left, before it counts: one message makes another."""

PATIENCE_S = 30.0
"""How long a condition may take to come true before a story fails."""


class FakeClipboard:
    """Keeps nothing but the count; a real terminal is the business of the pty stories."""

    def __init__(self) -> None:
        self.copies = 0
        self.outcome = Copied(confirmed=False, message="Sent to your terminal's clipboard.")

    async def copy(self, secret: Secret) -> Copied:
        assert secret.reveal()
        self.copies += 1
        return self.outcome


class Story:
    """An app that runs, and what a user sees of it."""

    def __init__(self, app: PulsapiApp, pilot: Pilot[None], clipboard: FakeClipboard) -> None:
        self.app = app
        self.pilot = pilot
        self.clipboard = clipboard

    @property
    def text(self) -> str:
        """The screen as text, a line a row; a modal is drawn over what is under it."""
        return "\n".join(
            strip.text.rstrip()
            for strip in self.app.screen._compositor.render_strips()  # noqa: SLF001
        )

    @property
    def last_row(self) -> str:
        """The text of the last row, with what is under dialogs."""
        visible_screen_stack.set(self.app._background_screens)  # noqa: SLF001
        return self.app.screen._compositor.render_strips()[-1].text  # noqa: SLF001

    @property
    def labels(self) -> list[str]:
        """The texts of the labels of the screen on top, as they are before they are wrapped."""
        return [
            str(label.render()) for label in self.app.screen.query(Static) if label.is_on_screen
        ]

    @property
    def toasts(self) -> list[str]:
        """What the toasts say."""
        return [str(toast.render()) for toast in self.app.screen.query(Toast)]

    @property
    def keys_screen(self) -> KeysScreen:
        """The page."""
        screen = self.app.screen_stack[0]
        assert isinstance(screen, KeysScreen)
        return screen

    @property
    def table(self) -> KeysTable:
        """The table of the page."""
        return self.keys_screen.query_one(KeysTable)

    @property
    def names(self) -> list[str]:
        """The names in the table, in their order."""
        return [key.name for key in self.table.keys]

    @property
    def at_cursor(self) -> ApiKey:
        """The key under the cursor."""
        key = self.table.key_at_cursor
        assert key is not None
        return key

    @property
    def secret(self) -> Secret:
        """The secret of the reveal that is open."""
        assert isinstance(self.app.screen, RevealKeyScreen)
        return self.app.screen._created.secret  # noqa: SLF001

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other; what each sets off at once has happened then."""
        for key in keys:
            self.app.simulate_key(key)
            await self.settled()

    async def discard(self) -> None:
        """Discard and revoke the key that is shown."""
        await self.press("escape")
        await self.focuses("keep")
        await self.press("tab")
        await self.focuses("discard")
        button = self.app.screen.query_one("#discard", Button)
        await self.until(lambda: not button.has_class("-active"), "the press before is over")
        await self.press("enter")

    async def focuses(self, widget_id: str) -> None:
        """Wait until a widget has the focus."""
        await self.until(
            lambda: self.app.focused is not None and self.app.focused.id == widget_id,
            f"the focus on {widget_id}",
        )

    async def settled(self) -> None:
        """Wait until no message is left; unlike `Pilot.press`, whatever else the machine does."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            await self.pilot._wait_for_screen()  # noqa: SLF001
            await asyncio.sleep(0)
            screens = self.app.screen_stack if self.app.is_running else ()
            nodes = [node for screen in screens for node in screen.walk_children(with_self=True)]
            busy = any(
                node.message_queue_size or node._next_callbacks  # noqa: SLF001
                for node in (self.app, *nodes)
            )
            quiet = 0 if busy else quiet + 1
        if self.app.is_running:
            self.app.screen._on_timer_update()  # noqa: SLF001

    async def type(self, text: str) -> None:
        """Type text."""
        await self.press(*text)

    async def paste(self, text: str) -> None:
        """Paste, as a terminal with bracketed paste does."""
        self.app.post_message(events.Paste(text))
        await self.settled()

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.app.is_running, f"the app ended while waiting for: {what}"
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}\n{self.text}")
            await self.pilot.pause(0.02)

    async def shows(self, text: str) -> None:
        """Wait until the screen, or a toast, shows a text."""
        await self.until(
            lambda: any(text in shown for shown in (self.text, *self.labels, *self.toasts)), text
        )

    async def put_cursor_on(self, name: str) -> None:
        """Move the cursor to the first key of that name, once it is there."""
        await self.until(lambda: name in self.names, f"{name} is listed")
        self.table.move_cursor(row=self.names.index(name))
        await self.pilot.pause()

    def static(self, selector: str) -> str:
        """The text of a label of the screen on top."""
        return str(self.app.screen.query_one(selector, Static).render())


@asynccontextmanager
async def story_of(
    connect: Connector | None,
    size: tuple[int, int] = (100, 30),
    clock: Clock | None = None,
    hand_off: HandOff | None = None,
    limits: HealthLimits | None = None,
    accounts: Accounts | None = None,
) -> AsyncIterator[Story]:
    """Run the app against a connector."""
    clipboard = FakeClipboard()
    app = PulsapiApp(
        connect,
        accounts or SeededAccounts(),
        clock or SystemClock(),
        lambda _: clipboard,
        hand_off or hand_off_of(),
        limits,
    )
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        yield Story(app, pilot, clipboard)


def connector_of(
    service: KeyService,
    journal: RotationJournal | None = None,
    last_target: LastTarget | None = None,
    log: ActionLog | None = None,
    profile: Profile = DEMO,
) -> Connector:
    """A connector whose every session is that service."""

    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        return Session(
            service,
            journal or NoJournal(),
            profile,
            "the demo itself",
            last_target or NoLastTarget(),
            log or NoLog(),
        )

    return connect
