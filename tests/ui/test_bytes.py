"""How much is sent to the terminal for what is done: over a slow line, all of it is felt."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pyte
import pytest
from textual.drivers.headless_driver import HeadlessDriver

from pulsapi_tui.domain.ports import KeyPages, PageSeen
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.painted_app import PaintedApp
from tests.bench.many_keys import ManyKeys
from tests.seeded import StandingClock
from tests.ui.support import Story, connector_of, story_of

KEYS = 200
COLUMNS, LINES = 120, 40

MOVE, SCROLL = 400, 2200
"""Bytes; Textual's DataTable sends 1,236 and 15,267 for the same."""


class Counted(ManyKeys):
    """Counts how often its list is asked for."""

    def __init__(self) -> None:
        super().__init__(KEYS)
        self.listings = 0

    async def list_keys(
        self, before: KeyPages | None = None, seen: PageSeen | None = None
    ) -> KeyPages:
        pages = await super().list_keys(before, seen)
        self.listings += 1
        return pages


class Line:
    """A page of keys, and all that it sends to its terminal."""

    def __init__(self, story: Story, service: Counted, written: list[str]) -> None:
        self.story = story
        self.service = service
        self._written = written

    async def pressed(self, *keys: str) -> str:
        """What these keys send."""
        await self.story.settled()
        self._written.clear()
        await self.story.press(*keys)
        return "".join(self._written)


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    written: list[str] = []
    # The bytes of a colour depend on how many there are; these bounds are for 16.
    monkeypatch.setenv("TERM", "xterm")
    for name in ("COLORTERM", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(PaintedApp, "is_headless", False)
    # The tests' own standard input may have ended long ago.
    monkeypatch.setattr(PulsapiApp, "_wait_for_hangup", lambda *_: None)
    monkeypatch.setattr(HeadlessDriver, "write", lambda _, data: written.append(data))
    service = Counted()
    async with story_of(connector_of(service), (COLUMNS, LINES), StandingClock()) as story:
        await story.shows("● live")
        await story.until(lambda: len(story.table.keys) == KEYS)
        yield Line(story, service, written)


def shown_by(sent: str) -> str:
    """What an empty terminal shows after that."""
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(sent)
    return "\n".join(row.rstrip() for row in screen.display)


async def test_a_cursor_move(line: Line) -> None:
    for key in "jjjkk":
        assert 0 < len((await line.pressed(key)).encode()) <= MOVE


async def test_a_scroll_by_a_row(line: Line) -> None:
    await line.pressed(*"j" * LINES)
    for key in "jjj":
        assert 0 < len((await line.pressed(key)).encode()) <= SCROLL
    assert line.story.table.scroll_offset.y > 0


async def test_a_refresh_that_changes_nothing(line: Line) -> None:
    listings = line.service.listings
    sent = await line.pressed("r")
    await line.story.until(lambda: line.service.listings > listings, "a fresh list")
    await line.story.settled()
    assert line.service.listings == listings + 1
    assert sent + await line.pressed() == ""


async def test_the_screen_is_drawn_anew_in_its_latest_state(line: Line) -> None:
    await line.pressed("j", "space", "j")
    assert shown_by(await line.pressed("ctrl+l")) == line.story.text
    await line.pressed("n")
    await line.story.shows("Create API key")
    dialog = shown_by(await line.pressed("ctrl+l"))
    assert "Create API key" in dialog
    assert dialog == line.story.text
