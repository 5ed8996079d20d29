"""The palette goes to commands, keys and profiles; and the help is looked through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from textual.widgets import Input, OptionList

from pulsapi_tui.ui.command_table import COMMANDS
from pulsapi_tui.ui.palette import MOST_KEYS
from tests.seeded import PROFILES, SeededService, connector_to
from tests.ui.support import Story, story_of

STAGING = PROFILES.profiles[1]
HOSTILE_NAMES = ("[/x]", "[@click=app.quit]x[/]", "[red]x[/red]", "prod [v2]", "\\[/x]")


class Named(SeededService):
    """Has keys of these names."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._keys = [
            msgspec.structs.replace(self._keys[0], id=f"key_{number}", name=name)
            for number, name in enumerate(names)
        ]


@pytest.fixture
async def story() -> AsyncIterator[Story]:
    async with opened() as story:
        yield story


@asynccontextmanager
async def opened(service: SeededService | None = None) -> AsyncIterator[Story]:
    async with story_of(connector_to(service or SeededService()), size=(100, 40)) as story:
        await story.until(lambda: story.names, "the keys")
        yield story


def offered(story: Story) -> list[str]:
    """What the palette offers, each with what it says of it."""
    found = story.app.screen.query_one(OptionList)
    return [str(option.prompt) for option in found.options]


async def look_for(story: Story, text: str, first: str) -> None:
    await story.press("ctrl+p")
    await story.paste(text)
    await story.until(lambda: offered(story)[:1] and first in offered(story)[0], first)


async def test_a_key_is_gone_to_by_its_name(story: Story) -> None:
    await look_for(story, "nightly", "Nightly backup report\nGo to the key …")
    await story.press("enter")
    await story.until(lambda: story.at_cursor.name == "Nightly backup report", "the cursor")
    assert story.keys_screen.is_active


async def test_a_key_is_gone_to_by_hint_and_id_past_a_filter(story: Story) -> None:
    key = next(key for key in story.table.keys if key.name == "On-call phone shortcut")
    await story.press("slash")
    await story.type("grafana")
    await story.press("enter")
    await story.until(lambda: len(story.names) == 2, "the filter")
    for text in (key.hint, key.id):
        await look_for(story, text.upper(), "On-call phone shortcut")
        await story.press("enter")
        await story.until(lambda: story.at_cursor.id == key.id, "the cursor")
    assert len(story.names) == 12, "the filter hid it"
    assert story.table.has_focus


async def test_a_key_that_the_filter_shows_leaves_the_filter(story: Story) -> None:
    await story.press("slash")
    await story.type("grafana")
    await story.press("enter")
    await story.until(lambda: len(story.names) == 2, "the filter")
    second = story.table.keys[1]
    await look_for(story, second.hint, "Grafana exporter")
    await story.press("enter")
    await story.until(lambda: story.at_cursor.id == second.id, "the cursor")
    assert len(story.names) == 2


async def test_a_profile_is_opened_by_its_name(story: Story) -> None:
    await look_for(story, "stag", f"{STAGING.name}\nOpen this profile")
    await story.press("enter")
    await story.shows("staging · blue")
    await story.press("ctrl+p")
    await story.paste("stag")
    await story.pilot.pause(0.3)
    assert not any("Open this profile" in each for each in offered(story)), "it is open"


async def test_commands_come_first_and_in_the_order_of_the_help(story: Story) -> None:
    await story.press("ctrl+p")
    await story.until(lambda: len(offered(story)) > 5, "the commands")
    labels = [each.partition("\n")[0] for each in offered(story)]
    registered = [command.label for command in COMMANDS if command.label in labels]
    assert labels == [*dict.fromkeys(registered), "Theme"]
    await story.paste("clean")
    await story.until(lambda: offered(story)[:1] and "Clean up" in offered(story)[0], "Clean up")


async def test_a_cursor_that_sends_nothing(story: Story) -> None:
    await story.press("ctrl+p")
    assert not story.app.screen.query_one(Input).cursor_blink


async def test_names_are_drawn_as_they_are() -> None:
    async with opened(Named(*HOSTILE_NAMES)) as story:
        for name in HOSTILE_NAMES:
            await look_for(story, name, name)
            assert name in story.text
            await story.press("escape")


async def test_of_very_many_keys_the_first_are_offered() -> None:
    names = (f"Grafana {number}" for number in range(MOST_KEYS * 3))
    async with opened(Named(*names)) as story:
        await look_for(story, "grafana", "Grafana 0")
        await story.until(lambda: len(offered(story)) == MOST_KEYS, "no more than that")


async def test_the_help_of_all_screens_is_looked_through(story: Story) -> None:
    await story.press("question_mark")
    await story.shows("looks for something")
    assert "Paste the key back" not in story.static("#help-lines")
    await story.press("slash")
    await story.type("paste key")
    await story.until(lambda: "Paste the key back" in story.static("#help-lines"), "the reveal's")
    shown = story.static("#help-lines")
    assert shown.startswith("The key that is shown once\nv")
    assert "Create a key" not in shown
    await story.type("zzz")
    await story.shows("Nothing in the help says that.")
    await story.press("escape")
    await story.until(lambda: "Create a key" in story.static("#help-lines"), "all of it again")
    assert not story.keys_screen.is_active
    await story.press("escape")
    assert story.keys_screen.is_active


async def test_a_folded_line_of_the_help_goes_on_under_its_own_beginning() -> None:
    async with story_of(connector_to(SeededService()), size=(60, 30)) as story:
        await story.press("question_mark")
        await story.until(lambda: "Rotate the key" in story.static("#help-lines"), "the help")
        lines = story.static("#help-lines").splitlines()
        first = next(index for index, line in enumerate(lines) if line.startswith("R "))
        begins = lines[first].index("Rotate")
        assert lines[first + 1][:begins].strip() == ""
        assert lines[first + 1][begins] != " "


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("delete", "Revoke"),
        ("orphan", "Keys without an owner"),
        ("decide", "Keys without an owner"),
        ("switch account", "Profiles"),
        ("dark", "Theme"),
        ("exit", "Quit"),
    ],
)
async def test_a_command_is_found_by_other_words(story: Story, typed: str, first: str) -> None:
    await look_for(story, typed, f"{first}\n")
