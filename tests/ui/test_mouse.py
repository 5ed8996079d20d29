"""What a mouse does on the page: the same as the keys, and never more."""

from __future__ import annotations

from textual import events
from textual.geometry import Offset
from textual.selection import Selection
from textual.widgets import Static

from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.screens.keys import KeysScreen
from tests.pictures import UPGRADE_URL, opened
from tests.seeded import SeededService, StandingClock, connector_to
from tests.ui.support import Story, story_of


def place_of(story: Story, text: str) -> Offset:
    """Where a text stands on the screen."""
    lines = story.text.splitlines()
    y = next(y for y, line in enumerate(lines) if text in line)
    return Offset(lines[y].index(text), y)


async def click(story: Story, text: str) -> None:
    """Click on the first letter of a text."""
    await story.shows(text)
    await story.pilot.click(offset=place_of(story, text))
    await story.pilot.pause()


async def test_a_click_on_a_header_sorts_and_another_one_turns_the_order() -> None:
    async with story_of(connector_to(SeededService()), clock=StandingClock()) as story:
        await story.shows("CI/CD Pipeline")
        await click(story, "Last Used")
        await story.shows("Last Used ▼")
        newest_first = story.names
        await click(story, "Last Used")
        await story.shows("Last Used ▲")
        assert story.names[0] == newest_first[-1]
        await click(story, "Name")
        await story.shows("Name ▲")
        assert story.names == sorted(story.names, key=str.casefold)


async def test_a_click_on_a_row_puts_the_cursor_there_and_changes_nothing() -> None:
    async with story_of(connector_to(SeededService()), clock=StandingClock()) as story:
        await story.shows("CI/CD Pipeline")
        await click(story, "Status page widget")
        await story.until(lambda: story.at_cursor.name == "Status page widget", "the row")
        assert not story.keys_screen._listing.marked  # noqa: SLF001


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    service = SeededService()
    async with story_of(connector_to(service), (80, 16), StandingClock()) as story:
        await story.shows("pulsapi-tui on")
        at = place_of(story, "pulsapi-tui on")
        await story.pilot._post_mouse_events(  # noqa: SLF001
            [events.MouseScrollDown], offset=at, button=0
        )
        await story.until(lambda: story.table.scroll_offset.y > 0, "scrolled")
        assert story.table.cursor_row == 0


async def test_buttons_and_the_keys_of_the_footer_are_pressed_by_a_click() -> None:
    async with story_of(connector_to(SeededService()), clock=StandingClock()) as story:
        await story.shows("CI/CD Pipeline")
        await click(story, "n Create")
        await story.until(lambda: isinstance(story.app.screen, CreateKeyScreen), "the dialog")
        await click(story, "Cancel")
        await story.until(lambda: isinstance(story.app.screen, KeysScreen), "closed")


async def test_the_id_can_be_selected_and_copied() -> None:
    async with story_of(connector_to(SeededService()), clock=StandingClock()) as story:
        await story.shows("CI/CD Pipeline")
        await story.shows("key_01")
        at = place_of(story, "key_01")
        end = at + Offset(len("key_01") - 1, 0)
        await story.pilot.mouse_down(offset=at)
        await story.pilot.hover(offset=end)
        await story.pilot.mouse_up(offset=end)
        assert story.app.screen.get_selected_text() == "key_01"
        await story.press("ctrl+c")
        await story.until(lambda: story.clipboard.copies == 1, "copied")


async def test_the_address_for_an_upgrade_can_be_selected() -> None:
    async with opened("free-plan") as (app, _):
        body = app.screen.query_one("#state-body", Static)
        app.screen.selections = {body: Selection(None, None)}
        assert UPGRADE_URL in str(app.screen.get_selected_text())
