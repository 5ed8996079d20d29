"""The keys in the last line: what a click and the pointer do there."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.widgets.key_line import Hint, KeyLine
from tests.seeded import SeededService
from tests.ui.support import Story, connector_of, story_of


def hint_of(story: Story, label: str) -> Hint:
    """A key of the last line."""
    hints = story.app.screen.query_one(KeyLine).hints
    return next(hint for hint in hints if hint.label == label)


def start_of(story: Story, label: str) -> int:
    """The column in which it begins."""
    starts = story.app.screen.query_one(KeyLine).starts()
    return next(at for at, hint in starts if hint.label == label)


async def test_a_click_presses_the_key_under_it_and_nothing_beside_it() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        start = start_of(story, "Create")
        end = start + hint_of(story, "Create").width
        assert end + 1 == start_of(story, "Rotate")
        await story.pilot.click(KeyLine, offset=(end, 0))
        await story.pilot.pause()
        assert not isinstance(story.app.screen, CreateKeyScreen)
        await story.pilot.click(KeyLine, offset=(end - 1, 0))
        await story.pilot.pause()
        assert isinstance(story.app.screen, CreateKeyScreen)


async def test_what_can_not_be_had_is_dim_and_a_click_on_it_says_why() -> None:
    async with story_of(connector_of(SeededService(role="viewer"))) as story:
        await story.shows("● live")
        create = hint_of(story, "Create")
        line = story.app.screen.query_one(KeyLine)
        assert not create.enabled
        assert "dim" in str(line.render().spans[0].style)
        await story.pilot.click(KeyLine, offset=(start_of(story, "Create"), 0))
        await story.pilot.pause()
        assert not isinstance(story.app.screen, CreateKeyScreen)
        assert "viewer" in story.toasts[-1]


async def test_the_pointer_marks_a_key_and_says_what_it_does() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        line = story.app.screen.query_one(KeyLine)
        await story.pilot.hover(KeyLine, offset=(start_of(story, "Create"), 0))
        assert line.hovered is not None
        assert line.hovered.label == "Create"
        assert line.tooltip == (line.hovered.help or None)
        assert "on $block-hover-background" in str(line.render().spans[0].style)
        await story.pilot.hover("#keys")
        assert line.hovered is None


async def test_keys_change_without_a_widget_more() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        line = story.app.screen.query_one(KeyLine)
        before = line.hints
        await story.pilot.press("slash")
        await story.pilot.pause()
        assert line.hints != before
        assert not line.children


async def test_however_often_the_focus_moves_it_reads_the_keys_once_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, reads = KeyLine._read, 0  # noqa: SLF001

    def counting(line: KeyLine) -> None:
        nonlocal reads
        reads += 1
        read(line)

    monkeypatch.setattr(KeyLine, "_read", counting)
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        for _ in range(5):
            await story.press("n", *["tab"] * 4, "escape")
            await story.until(lambda: story.keys_screen.is_active, "closed")
        reads = 0
        await story.press("n", "tab")
        assert 0 < reads <= 6


@pytest.fixture
def no_garbage_collected() -> Iterator[None]:
    """As the command line starts the app."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collected")
async def test_garbage_is_collected_again_from_the_first_frame_on() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        assert gc.isenabled()
        assert gc.get_freeze_count()


async def test_what_changes_under_two_dialogs_is_drawn() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        line = story.app.screen.query_one(KeyLine)
        await story.pilot.press("n", "f1")
        await story.until(lambda: len(story.app.screen_stack) == 3, "a help over a dialog")
        await story.until(lambda: "Back" in story.last_row, "the keys of the help")
        line.hints = (Hint("a", "a", "Else", "", "else", enabled=True),)
        await story.until(lambda: "a Else" in story.last_row, "other keys")
