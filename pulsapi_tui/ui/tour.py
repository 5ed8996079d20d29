"""How a tour goes: captions, keys as a person presses them, and waiting for what they are for.

A key goes the way of a person's, as an event through the app, and is that of the keymap in use.
After each the tour waits until its effect can be seen, and stops where that does not come. Any key,
click or paste of the person's stops it at once, and does nothing else.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import App
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker

from pulsapi_tui.ui.command_table import COMMANDS
from pulsapi_tui.ui.commands import key_of, names_of
from pulsapi_tui.ui.key_names import is_printable, key_name, shown_key
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.widgets.tour_bar import TOURED, Caption, TourBar

PATIENCE_S = 30.0
"""How long what a key is for may take to be seen."""

LOOKS_EVERY_S = 0.02

TYPING_SHARE = 0.03
"""Of the time that a caption stays: from one typed letter to the next."""

MOST_TYPING_S = 0.12

_THE_PERSONS = frozenset({"ctrl+c", "ctrl+q", "ctrl+z"})
"""Keys that stop the tour and do what they always do."""

_YOURS = "The demo is yours now."

_COMMANDS = {command.id for command in COMMANDS}

Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds go by."""


class NotSeenError(Exception):
    """What a key was for did not come; the message is the end of a sentence."""


class Tour(ABC):
    """One tour of one app. What is on the way is up to `walk`."""

    CHAPTERS: ClassVar[Sequence[str]]
    NEEDS: ClassVar[Sequence[str]]
    """The commands whose keys are pressed on the way."""

    def __init__(self, pace_s: float, pause: Pause = asyncio.sleep) -> None:
        """A caption stays for `pace_s`."""
        self._pace_s = pace_s
        self._pause = pause
        self.chapter = self.CHAPTERS[0]
        self._caption = Caption("Tour", self.chapter, "")
        self._on_its_way: events.Key | None = None
        self._worker: Worker[None] | None = None
        self.is_over = False
        """It came to its end, or was stopped."""

    @abstractmethod
    async def walk(self) -> None:
        """Go through the chapters."""

    def begin(self, app: App[Any], page: KeysScreen) -> None:
        """Start. From now on, the app shows every event to `takes` first."""
        self._app, self.page = app, page
        app.screen_change_signal.subscribe(app, self._screen_changed, immediate=True)
        self._worker = app.run_worker(self._run(), name="tour", group="tour")

    async def _run(self) -> None:
        without_key = [command_id for command_id in self.NEEDS if not key_of(command_id)]
        if without_key:
            self._end(f"The tour needs a key for “{without_key[0]}”: your keymap has none.")
            return
        try:
            await self.walk()
        except NotSeenError as error:
            self._end(f"The tour stopped at {self.chapter}: {error}. {_YOURS}")
        else:
            self._end(f"The tour is over. {_YOURS}")

    # Stopping

    def takes(self, event: events.Event) -> bool:
        """Whether an event that came to the app ends here."""
        if not isinstance(event, events.Key | events.MouseDown | events.Paste):
            return False
        if event is self._on_its_way:
            self._on_its_way = None
            return self.is_over
        if self.is_over or event.is_forwarded:
            return False
        self._end(f"The tour stopped at {self.chapter}. {_YOURS}")
        return not (isinstance(event, events.Key) and event.key in _THE_PERSONS)

    def _end(self, why: str) -> None:
        self.is_over = True
        self.page.say(why)
        for screen in self._app.screen_stack:
            screen.query(TourBar).remove()
            screen.remove_class(TOURED)
        if self._worker is not None:
            # Also where the worker itself says it: then there is nothing after it.
            self._worker.cancel()

    # Captions

    async def say(self, text: str, key: str = "") -> None:
        """Show a caption, with the key that comes next, and leave the time to read it."""
        place = f"Tour {self.CHAPTERS.index(self.chapter) + 1}/{len(self.CHAPTERS)}"
        self._caption = Caption(place, self.chapter, text, _shown(key))
        self._put_bar(self.screen)
        for screen in self._app.screen_stack:
            for bar in screen.query(TourBar):
                bar.say(self._caption)
        await self._pause(self._pace_s)

    async def do(self, text: str, key: str, is_seen: Callable[[], object], otherwise: str) -> None:
        """Show a caption, press a key, and wait until what it is for can be seen."""
        await self.say(text, key)
        await self.press(key)
        await self.until(is_seen, otherwise)

    def _screen_changed(self, screen: Screen[Any]) -> None:
        if not self.is_over:
            # At once, so that its first layout is right; the bar follows once it can.
            screen.add_class(TOURED)
            screen.call_next(self._put_bar, screen)

    def _put_bar(self, screen: Screen[Any]) -> None:
        if not self.is_over and screen.is_attached and not screen.query(TourBar):
            screen.add_class(TOURED)
            screen.mount(TourBar(self._caption), before=0)

    # Keys

    async def press(self, key: str) -> None:
        """Press the key of a command, or one that is the same in all keymaps, by its name."""
        name = _name(key)
        character = None
        if is_printable(name):
            character = " " if name == "space" else shown_key(name)
        event = events.Key(name, character)
        self._on_its_way = event
        self._app.post_message(event)
        await self.until(lambda: self._on_its_way is None, "the key was not taken")

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        for character in text:
            await self.press("space" if character == " " else key_name(character))
            await self._pause(min(MOST_TYPING_S, TYPING_SHARE * self._pace_s))

    # Seeing

    async def until(self, is_seen: Callable[[], object], otherwise: str) -> None:
        """Wait until something can be seen; raises `NotSeenError`."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not is_seen():  # noqa: ASYNC110  # nothing tells; what is seen is
                    await asyncio.sleep(LOOKS_EVERY_S)
        except TimeoutError:
            raise NotSeenError(otherwise) from None

    async def watch(
        self, is_seen: Callable[[], object], otherwise: str, within_s: int, meanwhile: str = ""
    ) -> None:
        """Let time go by until something can be seen, pressing a key each second if one is given.

        Raises `NotSeenError`.
        """
        for _ in range(within_s):
            if is_seen():
                return
            if meanwhile:
                await self.press(meanwhile)
            await self._pause(1.0)
        raise NotSeenError(otherwise)

    def text(self, selector: str) -> str:
        """What a label of the screen on top says; nothing where there is none."""
        try:
            return str(self._app.screen.query_one(selector, Static).content)
        except NoMatches:
            return ""

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""
        return self._app.screen


def _name(key: str) -> str:
    return names_of(key)[0] if key in _COMMANDS else key


def _shown(key: str) -> str:
    if not key:
        return ""
    return key_of(key) if key in _COMMANDS else shown_key(key)
