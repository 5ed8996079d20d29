"""The palette: every command, and the keys and profiles to go to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple, cast

from textual.app import App
from textual.command import (
    CommandPalette,
    DiscoveryHit,
    Hit,
    Hits,
    Provider,
    ProviderSource,
    SearchIcon,
)
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Input

from pulsapi_tui.domain.key_list import SLICE
from pulsapi_tui.domain.times import ago
from pulsapi_tui.ui.command_table import Place
from pulsapi_tui.ui.commands import of
from pulsapi_tui.ui.literal import MUTED, literal
from pulsapi_tui.ui.screens.keys import KeysScreen

MOST_KEYS = 50
"""So many keys are offered at most; the filter finds the others."""

_BY_TITLE, _BY_WORDS, _BY_NAME = 2.0, 1.0, 0.5
"""Scores: a command comes before a key, and first the one whose title fits, however little of it.
"""


class Palette(CommandPalette):
    """Textual's, with a cursor that sends nothing by itself."""

    GIVES_WAY: ClassVar = True
    """To a dialog that opens meanwhile."""

    def __init__(
        self,
        providers: ProviderSource | None = None,
        placeholder: str = "A command, a key or a profile…",
    ) -> None:
        """With the providers of the app, or with those."""
        super().__init__(providers, placeholder=placeholder, id="--command-palette")

    def on_mount(self) -> None:
        """A blinking cursor is traffic, and not every terminal has the picture of a lens."""
        self.query_one(Input).cursor_blink = False
        self.query_one(SearchIcon).display = False


class Offer(NamedTuple):
    """One command of the palette."""

    title: str
    help: str
    run: Callable[[], None]
    words: str
    """All that it is found by, folded."""


def offers(page: KeysScreen) -> Iterator[Offer]:
    """What can be had now, and with ✗ and its reason what can't.

    Textual's screenshot is not among them: it could hold a key.
    """
    for command in of("keys", "help", "app"):
        if not command.palette:
            continue
        reason = page.why_not(command.action)
        if reason is not None:
            say = partial(page.say, reason, "warning")
            yield Offer(f"✗ {command.label}", reason, say, command.words)
        elif page.check_action(command.action, ()):
            keys = f"  ({command.shown})" if command.keys else ""
            run = _runner(page, command.action, command.place)
            yield Offer(command.label, f"{command.help}{keys}", run, command.words)
    theme = "Change the colours"
    yield Offer("Theme", theme, page.app.action_change_theme, "theme colours colors dark light")


def _runner(page: KeysScreen, action: str, place: Place) -> Callable[[], None]:
    namespace = page.app if place in {"help", "app"} else page
    return partial(_run_later, page.app, action, namespace)


def _run_later(app: App[Any], action: str, namespace: DOMNode) -> None:
    app.call_later(app.run_action, action, namespace)


class _OfPage(Provider):
    @property
    def page(self) -> KeysScreen:
        """The palette opens on it alone."""
        return cast(KeysScreen, self.screen)


class Commands(_OfPage):
    """The commands, in the order of the help."""

    async def discover(self) -> Hits:
        """All of them."""
        for offer in offers(self.page):
            shown = _two_lines(Content(offer.title), offer.help)
            yield DiscoveryHit(shown, offer.run, text=offer.title)

    async def search(self, query: str) -> Hits:
        """Those whose letters come in that order; then those of which the words are said."""
        matcher, words = self.matcher(query), query.casefold().split()
        for offer in offers(self.page):
            if (score := matcher.match(offer.title)) > 0:
                shown = _two_lines(matcher.highlight(offer.title), offer.help)
                yield Hit(_BY_TITLE + score, shown, offer.run, text=offer.title)
            elif words and all(word in offer.words for word in words):
                shown = _two_lines(Content(offer.title), offer.help)
                yield Hit(_BY_WORDS, shown, offer.run, text=offer.title)


class Places(_OfPage):
    """The profiles by their names, and the keys by name, hint and id."""

    async def search(self, query: str) -> Hits:
        """Those that contain what was typed."""
        needle = query.strip().casefold()
        if not needle:
            return
        for name in self.page.other_profiles():
            if needle in name.casefold():
                yield _hit(name, "Open this profile", partial(self.page.open_profile, name))
        found = 0
        keys = self.page.key_list
        for index, key in enumerate(keys.keys):
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            if needle in key.name.casefold() or needle in (key.id.casefold(), key.hint.casefold()):
                created = (
                    f"Go to the key …{key.hint}, created {ago(key.created_at, keys.fetched_at)}"
                )
                yield _hit(key.name, created, partial(self.page.go_to, key.id))
                found += 1
                if found == MOST_KEYS:
                    return


def _hit(name: str, help_text: str, run: Callable[[], None]) -> Hit:
    return Hit(_BY_NAME, _two_lines(literal(name), help_text), run, text=name)


def _two_lines(title: Content, help_text: str) -> Content:
    """All that an offer shows. As a string, or as Textual's `help`, it would be read as markup."""
    return Content("\n").join([title, literal(help_text, f"not bold {MUTED}")])
