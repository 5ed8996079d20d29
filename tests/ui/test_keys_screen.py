"""The page: list, sort, filter, marks, refresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from textual.widgets import Input, Static
from textual.widgets._toast import Toast

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.screens.help import HelpScreen
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.key_line import KeyLine
from pulsapi_tui.wiring.demo import DemoConnector
from tests.seeded import SeededService
from tests.thorough import thorough
from tests.ui.support import Story, connector_of, story_of


async def test_shows_account_and_keys(story: Story) -> None:
    assert "Settings › API Keys" in story.text
    assert "Pro · owner · dana@northwind.example" in story.text
    assert "12 keys" in story.text
    assert len(story.names) == 12
    assert "this session" in story.text
    assert "idle" in story.text
    assert "never used" in story.text


async def test_newest_first_then_every_column_both_ways(story: Story) -> None:
    def created(key: ApiKey) -> datetime:
        return key.created_at

    def used(key: ApiKey) -> str:
        return "" if key.last_used_at is None else key.last_used_at.isoformat()

    keys = story.table.keys
    assert list(keys) == sorted(keys, key=created, reverse=True)
    assert "Created ▼" in story.text
    await story.press("S")
    assert list(story.table.keys) == sorted(keys, key=created)
    assert "Created ▲" in story.text
    await story.press("N")
    assert story.names == sorted(story.names, key=str.casefold)
    await story.press("N")
    assert story.names == sorted(story.names, key=str.casefold, reverse=True)
    await story.press("U")
    assert [used(key) for key in story.table.keys] == sorted(
        (used(key) for key in story.table.keys), reverse=True
    )
    assert story.table.keys[-1].last_used_at is None, "never is longer ago than any use"
    await story.press("U")
    assert story.table.keys[0].last_used_at is None
    await story.press("C")
    assert list(story.table.keys) == sorted(keys, key=created, reverse=True)


async def test_s_goes_through_the_columns(story: Story) -> None:
    for arrow in ("Last Used ▼", "Name ▲", "Created ▼"):
        await story.press("s")
        await story.shows(arrow)


async def test_a_click_on_a_header_sorts(story: Story) -> None:
    await story.pilot.click("#keys", offset=(4, 0))
    await story.shows("Name ▲")
    await story.pilot.click("#keys", offset=(4, 0))
    await story.shows("Name ▼")


async def test_a_click_puts_the_cursor_on_a_row_and_a_second_opens_it(story: Story) -> None:
    third = story.table.keys[2]
    await story.pilot.click("#keys", offset=(5, 3))
    assert story.at_cursor == third
    await story.pilot.click("#keys", offset=(5, 3))
    await story.shows("API key")
    await story.shows(third.id)


async def test_the_cursor_stays_on_its_key(story: Story) -> None:
    await story.put_cursor_on("Nightly backup report")
    for key in ("N", "U", "S", "r"):
        await story.press(key)
        await story.until(lambda: story.at_cursor.name == "Nightly backup report", key)
    await story.press("slash", *"report")
    await story.until(lambda: story.names == ["Nightly backup report"], "filtered")
    await story.press("escape")
    await story.until(lambda: len(story.names) == 12, "all again")
    assert story.at_cursor.name == "Nightly backup report"


async def test_moving(story: Story) -> None:
    await story.press("G")
    assert story.table.cursor_row == 11
    await story.press("g")
    assert story.table.cursor_row == 0
    await story.press("j", "j", "k", "down", "up")
    assert story.table.cursor_row == 1
    await story.press("pagedown")
    assert story.table.cursor_row == 11
    await story.press("pageup")
    assert story.table.cursor_row == 0


async def test_filter_takes_every_printable_key(story: Story) -> None:
    await story.press("slash")
    await story.type("XqnsRj")
    assert story.keys_screen.is_active, "no command ran"
    await story.shows("No key matches the filter")
    await story.shows("Enter keeps · Esc closes")
    await story.press(*["backspace"] * 6)
    await story.type("GRAF")
    await story.until(lambda: story.names == ["Grafana exporter"] * 2, "any case")
    await story.shows("2 shown")
    await story.press("enter")
    assert story.table.has_focus
    await story.press("j", "space")
    await story.shows("1 marked")
    await story.press("escape")
    assert len(story.names) == 12
    await story.shows("1 marked")
    await story.press("escape")
    await story.until(lambda: "marked" not in story.text, "marks cleared")


async def test_details_name_id_and_times(story: Story) -> None:
    await story.put_cursor_on("Grafana exporter")
    await story.shows("Another key has the same name.")
    await story.press("enter")
    key = story.at_cursor
    await story.shows(key.id)
    await story.shows(key.hint)
    await story.shows("CE")
    await story.press("escape")
    assert story.keys_screen.is_active


async def test_last_used_moves_by_itself(story: Story) -> None:
    def used() -> datetime | None:
        return next(k.last_used_at for k in story.table.keys if k.name == "CI/CD Pipeline")

    before = used()
    await story.until(lambda: used() != before, "the pipeline's last use moved")


async def test_a_refresh_leaves_alone_what_is_looked_at(
    demo: Callable[..., DemoConnector],
) -> None:
    async with story_of(demo("--keys", "300"), size=(80, 24)) as story:
        await story.shows("300 keys")
        for _ in range(8):
            await story.press("pagedown")
        key, scroll = story.at_cursor, story.table.scroll_offset
        list_before = story.table.keys
        await story.press("r")
        await story.until(lambda: story.table.keys is not list_before, "a fresh list")
        assert story.at_cursor.id == key.id
        assert story.table.scroll_offset == scroll


async def test_empty_account(demo: Callable[..., DemoConnector]) -> None:
    async with story_of(demo("--empty")) as story:
        await story.shows("No API keys yet")
        await story.shows("press n")
        await story.press("enter")
        await story.shows("What is the key for?")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--plan", "free"), ["API keys are a Pro plan feature", "upgrading", "Free"]),
        (("--role", "member"), ["Your role can't manage API keys", "owner or an admin"]),
        (("--role", "viewer"), ["Your role is viewer.", "Ask one of"]),
    ],
)
async def test_plan_and_role_say_what_to_do(
    demo: Callable[..., DemoConnector], arguments: tuple[str, ...], expected: list[str]
) -> None:
    async with story_of(demo(*arguments)) as story:
        for text in expected:
            await story.shows(text)
        await story.press("n", "X", "slash")
        assert story.keys_screen.is_active, "nothing to create or revoke here"


@pytest.mark.parametrize("role", ["admin", "owner"])
async def test_roles_that_may(demo: Callable[..., DemoConnector], role: str) -> None:
    async with story_of(demo("--role", role, "--plan", "enterprise")) as story:
        await story.shows(f"Enterprise · {role}")
        await story.shows("● live")
        await story.press("n")
        await story.shows("What is the key for?")


@pytest.mark.parametrize("size", [(60, 16), *thorough([((80, 24),), ((40, 12),), ((120, 40),)])])
async def test_fits(demo: Callable[..., DemoConnector], size: tuple[int, int]) -> None:
    async with story_of(demo(), size=size) as story:
        await story.shows("● live")
        # The rows come in the turn after that.
        await story.shows("Last Used")
        for column in ("Name", "Last Used", *(("Created", "Health") if size[0] >= 60 else ())):
            assert column in story.text
        assert "pulsapi" in story.text
        assert all(len(line) <= size[0] for line in story.text.splitlines())
        await story.press("n", "x", "enter")
        await story.shows("Shown this once")
        await story.press("m")
        for button in ("Mask", "Copy", "Verify", "Close"):
            assert button in story.text, f"{button} at {size}\n{story.text}"
        assert story.secret.reveal() in story.text.replace("\n", "").replace(" ", "").replace(
            "│", ""
        )


async def test_too_small_hides_everything(story: Story) -> None:
    await story.pilot.resize_terminal(39, 20)
    await story.shows("Too small.")
    assert "CI/CD" not in story.text
    await story.pilot.resize_terminal(80, 11)
    await story.shows("Too small.")
    await story.pilot.resize_terminal(80, 24)
    await story.shows("CI/CD Pipeline")


async def test_help_and_palette(story: Story) -> None:
    await story.press("question_mark")
    await story.shows("Read the list again now")
    await story.press("pagedown", "pagedown", "pagedown")
    await story.shows("Good practice")
    await story.press("escape")
    await story.press("ctrl+p")
    await story.type("revoke")
    await story.shows("Revoke the key, or the marked keys")
    await story.press("escape")
    await story.press("ctrl+p")
    await story.type("screenshot")
    await story.pilot.pause(0.3)
    assert "SVG" not in story.text, "a screenshot could hold a secret"


@pytest.mark.parametrize(
    ("keys", "title", "said"),
    [
        (("n",), "Create API key", "says what the key is for, and press Enter"),
        (("j", "X"), "Revoke API key", "can't be had again. Where something used the key"),
        (("j", "R"), "Rotate API key", "A successor is created, delivered and proven"),
        (("j", "enter"), "In a dialog", "Back: nothing is done"),
    ],
)
async def test_f1_helps_in_every_dialog(
    story: Story, keys: tuple[str, ...], title: str, said: str
) -> None:
    await story.press(*keys)
    await story.press("f1")
    await story.until(lambda: isinstance(story.app.screen, HelpScreen), "the help")
    lines = story.app.screen.query_one("#help-lines", Static)
    await story.until(lambda: said in " ".join(str(lines.render()).split()), "what it is")
    assert str(lines.render()).startswith(title)
    await story.press("f1")
    await story.until(lambda: not isinstance(story.app.screen, HelpScreen), "closed")
    assert isinstance(story.app.screen, Dialog), "the dialog is still there"


async def test_the_last_line_says_what_works_now(story: Story) -> None:
    def shown() -> list[str]:
        line = story.keys_screen.query_one(KeyLine)
        return [f"{hint.display} {hint.label}" for hint in line.hints]

    await story.until(lambda: shown()[0] == "n Create", "the page's keys")
    await story.press("slash")
    await story.until(lambda: shown() == ["F1 Help"], "? and q are typed")
    await story.press("escape", "n")
    await story.until(lambda: shown() == ["Esc Back", "F1 Help"], "those of the dialog")
    await story.type("x")
    await story.press("enter")
    of_reveal = ["m Show/mask", "c Copy", "d Deliver", "v Verify", "t Try", "Esc Close", "? Help"]
    await story.until(lambda: shown() == of_reveal, "those of the key that is shown")
    await story.discard()
    await story.shows("Discarded and revoked")
    await story.until(lambda: shown()[0] == "n Create", "the page's keys")
    await story.press("n")
    await story.until(lambda: shown() == ["Esc Back", "F1 Help"], "those of the dialog")
    await story.press("escape")
    await story.until(lambda: shown()[0] == "n Create", "the page's keys")


async def test_help_is_found_by_a_question_in_one_s_own_words(story: Story) -> None:
    async def found(text: str) -> str:
        await story.press("question_mark", "slash")
        await story.type(text)
        await story.until(
            lambda: story.app.screen.query_one("#help-search", Input).value == text, "typed"
        )
        lines = str(story.app.screen.query_one("#help-lines", Static).render())
        await story.press("escape", "escape")
        await story.until(lambda: story.keys_screen.is_active, "closed")
        return lines

    assert "Revoke the key, or the marked keys" in await found("how do i delete a key?")
    assert "there is no undo" in await found("undo")
    assert "Open another account" in await found("switch account")
    assert "Back: nothing is done" in await found("cancel")
    assert "look in the palette (Ctrl+P)" in await found("zebra")


async def test_a_filter_that_finds_nothing_loses_no_cursor(story: Story) -> None:
    await story.put_cursor_on("Nightly backup report")
    await story.press("slash", *"zzzzzz")
    await story.shows("No key matches the filter")
    await story.press("escape")
    await story.until(lambda: len(story.names) == 12, "all again")
    assert story.at_cursor.name == "Nightly backup report"


async def test_an_open_filter_moves_nothing_aside(story: Story) -> None:
    before = story.table.size.width
    await story.press("slash", "p")
    assert story.table.size.width == before


async def test_a_pasted_key_is_no_name(story: Story) -> None:
    await story.press("n")
    await story.paste("local_4bIsl3YUqxfcHhxCIwq8lh6mQgxyylnWYfcvqPHCeBe1rDGex")
    await story.shows("This looks like a key, not like a name")
    await story.press("enter")
    assert not story.keys_screen.is_active


async def test_a_filter_that_was_only_opened_holds_no_cursor_back(story: Story) -> None:
    await story.press("slash", "escape", "j", "j")
    assert story.table.cursor_row == 2
    before = story.table.keys
    await story.press("r")
    await story.until(lambda: story.table.keys is not before, "a fresh list")
    assert story.table.cursor_row == 2


async def test_a_demo_that_does_not_start_is_said(demo: Callable[..., DemoConnector]) -> None:
    async with story_of(demo("--no-such-option")) as story:
        await story.shows("Could not start")
        await story.shows("The demo's server could not be started.")
        await story.press("n", "r", "enter")
        assert story.keys_screen.is_active


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (60, 16), (44, 16)])
async def test_no_toast_is_cut(size: tuple[int, int]) -> None:
    text = "Every key has an owner, as far as this program knows. That is all there is to say."
    async with story_of(connector_of(SeededService()), size=size) as story:
        await story.shows("● live")
        story.keys_screen.say(text)

        def drawn() -> str:
            rows = story.text.splitlines()
            return " ".join(
                row[toast.region.x + 1 : toast.region.right].strip()
                for toast in story.app.screen.query(Toast)
                for row in rows[toast.region.y : toast.region.bottom]
            )

        await story.until(lambda: text in drawn(), "all of it")
        await story.press("n")
        await story.shows("Create API key")
        story.keys_screen.say("Over a dialog.")
        await story.shows("Over a dialog.")
        rows = story.text.splitlines()
        toast = next(row for row, line in enumerate(rows) if "Over a dialog." in line)
        assert toast < len(rows) // 2, "not over its buttons"
