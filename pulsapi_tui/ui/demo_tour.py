"""The tour of the demo: create a key, deliver it, rotate one that is in use, revoke an old one.

No secret is ever asked to be shown. A key is delivered only to where the demo said that keys of its
name go, which is in its throw-away folder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from textual.screen import Screen
from textual.widgets import Input

from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.domain.verdict import MIN_GAPS
from pulsapi_tui.flows.rotation_verdict import READY
from pulsapi_tui.ui.asks import RotationView
from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.screens.deliver_key import DeliverKeyScreen
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen
from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
from pulsapi_tui.ui.screens.rotate_plan import RotatePlanScreen
from pulsapi_tui.ui.tour import NotSeenError, Tour
from pulsapi_tui.ui.widgets.keys_table import KeysTable

NEW_KEY = "Deploy bot"
"""The key that the tour creates."""

BUSY_KEY = "CI/CD Pipeline"
"""The key that it rotates: an integration of the demo reads it from an env file."""

OLD_KEY = "old-jenkins (to be removed)"
"""The key that it revokes: the oldest of the list."""

SEEN_WITHIN_S = 60
QUIET_WITHIN_S = 180

CREATE, DELIVER, ROTATE, REVOKE = "Create", "Deliver", "Rotate", "Revoke"


class DemoTour(Tour):
    """Four chapters, by the keys of the keymap."""

    NEW_KEY: ClassVar = NEW_KEY
    CHAPTERS: ClassVar = (CREATE, DELIVER, ROTATE, REVOKE)
    NEEDS: ClassVar = (
        "keys.create",
        "reveal.deliver",
        "reveal.try",
        "reveal.leave",
        "keys.filter",
        "keys.refresh",
        "keys.rotate",
        "rotate.revoke_old",
        "rotate.close",
        "keys.back",
        "table.bottom",
        "keys.revoke",
    )

    async def walk(self) -> None:
        """From the list to the list."""
        await self.until(lambda: self.page.query(KeysTable), "the page did not open")
        await self.until(lambda: self._listed(BUSY_KEY), "the demo's keys did not come")
        session = self.page.session
        if session is None or not session.is_demo:
            raise NotSeenError("it is for the demo only")
        self.chapter = CREATE
        await self._create()
        self.chapter = DELIVER
        await self._deliver()
        self.chapter = ROTATE
        await self._find_busy_key()
        await self._rotate()
        await self._revoke_the_rotated()
        self.chapter = REVOKE
        await self._revoke()

    async def _create(self) -> None:
        await self.do(
            "A key begins with a name that says what it is for.",
            "keys.create",
            self._on(CreateKeyScreen),
            "the dialog did not open",
        )
        await self._type_into("#name", NEW_KEY)
        await self.do(
            "The name is checked while it is typed.",
            "enter",
            self._on(RevealKeyScreen),
            "the key was not created",
        )
        await self.say("The key, this once; it is masked until it is asked for.")
        await self.do(
            "The way out does not lose it: it says what is open.",
            "reveal.leave",
            self._on(RevealKeyScreen, "-leaving"),
            "the way out did not open",
        )
        await self.do(
            "Nothing proves yet that it is stored: back to it.",
            "reveal.leave",
            self._on(RevealKeyScreen, "!-leaving"),
            "the way out did not close",
        )

    async def _deliver(self) -> None:
        await self.do(
            "It goes where it belongs without being shown.",
            "reveal.deliver",
            self._asks_where(NEW_KEY),
            "the demo has no place for this key",
        )
        await self.do(
            "Here: into an env file in the demo's own folder.",
            "enter",
            self._says("#known", "✓"),
            "the key was not delivered",
        )
        delivered = self.text("#known")
        await self.do(
            "Written, read back, compared. Now a real call with it.",
            "reveal.try",
            lambda: self.text("#known") != delivered and self._says("#known", "✓")(),
            "the new key did not work",
        )
        await self.do(
            "It works and is stored: now it closes.",
            "reveal.leave",
            lambda: self._on(KeysScreen)() and self._listed(NEW_KEY),
            "the key did not close",
        )

    async def _find_busy_key(self) -> None:
        await self.do(
            "Now a key that is in use. First, find it.",
            "keys.filter",
            lambda: self.page.is_typing_filter,
            "the filter did not open",
        )
        await self.type(BUSY_KEY)
        await self.until(lambda: self._at_cursor == BUSY_KEY, "the key was not found")
        await self.press("enter")
        await self.until(lambda: not self.page.is_typing_filter, "the filter did not let go")
        await self.say("How often is it used? Reading the list tells.", "keys.refresh")
        await self.watch(
            lambda: len(self._uses()) > MIN_GAPS,
            "the key is not in use",
            SEEN_WITHIN_S,
            meanwhile="keys.refresh",
        )

    async def _rotate(self) -> None:
        await self.do(
            "A successor comes first, and the old key goes last.",
            "keys.rotate",
            self._on(RotatePlanScreen),
            "the plan did not open",
        )
        await self.do(
            "Both keys work until the old one is quiet.",
            "enter",
            self._asks_where(BUSY_KEY),
            "the demo has no place for this key",
        )
        await self.do(
            "Into the env file that this integration reads.",
            "enter",
            lambda: self._step is Step.WATCH,
            "the successor was not delivered",
        )
        await self.say("Created, delivered, tried. Is the old key quiet now?")
        await self.watch(self._is_ready, "the old key did not go quiet", QUIET_WITHIN_S)

    async def _revoke_the_rotated(self) -> None:
        await self.do(
            "Quiet for long enough: now it may go.",
            "rotate.revoke_old",
            self._on(RevokeKeysScreen),
            "the dialog did not open",
        )
        await self.say("It was used today, so its name has to be typed.")
        await self._type_into("#word", BUSY_KEY)
        await self.do(
            "Revoked, and then proven dead.",
            "enter",
            self._is_rotated,
            "the old key was not revoked",
        )
        await self.do(
            "The old key gets 401, and nothing broke.",
            "rotate.close",
            self._on(KeysScreen),
            "the rotation did not close",
        )
        await self.press("keys.back")
        await self.until(lambda: self._listed(OLD_KEY), "the filter did not close")

    async def _revoke(self) -> None:
        await self.do(
            "Last, a key that nobody has used for a year.",
            "table.bottom",
            lambda: self._at_cursor == OLD_KEY,
            "the key was not found",
        )
        await self.do(
            "Revoking can't be undone, so it asks.",
            "keys.revoke",
            self._on(RevokeKeysScreen),
            "the dialog did not open",
        )
        await self.do(
            "It opens on Cancel: Enter alone changes nothing.",
            "right",
            self._focus_is_on("revoke"),
            "the button was not reached",
        )
        await self.do(
            "It is called revoked once PulsAPI confirmed it.",
            "enter",
            lambda: self._on(KeysScreen)() and not self._listed(OLD_KEY),
            "the key was not revoked",
        )
        await self.say("That is all: create, deliver, rotate, revoke.")

    # What can be seen

    def _on(self, kind: type[Screen[Any]], state: str = "") -> Callable[[], bool]:
        """Whether a screen of that kind is on top, with a class or (with `!`) without it."""

        def is_seen() -> bool:
            has_state = not state or self.screen.has_class(state.lstrip("!"))
            return isinstance(self.screen, kind) and has_state != state.startswith("!")

        return is_seen

    def _says(self, selector: str, beginning: str) -> Callable[[], bool]:
        return lambda: self.text(selector).startswith(beginning)

    def _asks_where(self, key_name: str) -> Callable[[], bool]:
        """Whether it is asked where a key goes, and the demo's own place is what is chosen."""
        session = self.page.session
        place = session.last_target.last(key_name) if session is not None else None
        path = place.values.get("path") if place is not None else None

        def is_seen() -> bool:
            return (
                path is not None and self._on(DeliverKeyScreen)() and self._holds("#field-0", path)
            )

        return is_seen

    async def _type_into(self, selector: str, text: str) -> None:
        await self.type(text)
        await self.until(lambda: self._holds(selector, text), "what was typed did not arrive")

    def _holds(self, selector: str, text: str) -> bool:
        return any(field.value == text for field in self.screen.query(selector).results(Input))

    def _focus_is_on(self, button_id: str) -> Callable[[], bool]:
        return lambda: self.screen.focused is not None and self.screen.focused.id == button_id

    def _listed(self, name: str) -> bool:
        return any(key.name == name for key in self.page.query_one(KeysTable).keys)

    @property
    def _at_cursor(self) -> str:
        key = self.page.query_one(KeysTable).key_at_cursor
        return key.name if key is not None else ""

    def _uses(self) -> tuple[datetime, ...]:
        key = self.page.query_one(KeysTable).key_at_cursor
        return self.page.seen(key).uses if key is not None else ()

    @property
    def _view(self) -> RotationView | None:
        return self.screen.view if isinstance(self.screen, RotateKeyScreen) else None

    @property
    def _step(self) -> Step | None:
        return self._view.rotation.step if self._view is not None else None

    def _is_ready(self) -> bool:
        verdict = self._view.verdict if self._view is not None else None
        return verdict is not None and verdict.kind in READY

    def _is_rotated(self) -> bool:
        return self._view is not None and self._view.rotation.is_over
