"""Create, see once, prove, or discard: no key without an owner."""

from __future__ import annotations

import json

import pytest

from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from tests.seeded import NOW, hand_off_of
from tests.ui.support import Story, story_of


async def open_reveal(story: Story, name: str = "Deploy bot") -> None:
    """Create a key of that name."""
    await story.press("n")
    await story.type(name)
    await story.press("enter")
    await story.shows("Shown this once")


async def paste(story: Story, text: str) -> None:
    """Paste into the field for pasting back, and submit."""
    await story.press("v")
    await story.paste(text)
    await story.press("enter")


async def test_name_is_judged_as_typed(story: Story) -> None:
    await story.press("n")
    await story.shows("1 to 64 characters.")
    await story.press("enter")
    await story.shows("Give the key a name that says what it is for.")
    await story.type("test")
    await story.shows("A vague name")
    await story.press(*["backspace"] * 4)
    await story.type("Internal Dashboard")
    await story.shows("Another key has this name")
    await story.paste("x" * 60)
    await story.shows("14 characters too long")
    await story.press("enter")
    await story.shows("14 characters too long")
    await story.press("escape")
    assert len(story.names) == 12


async def test_masked_then_shown_then_masked(story: Story) -> None:
    await open_reveal(story)
    secret = story.secret.reveal()
    assert secret not in story.text
    await story.press("m")
    await story.until(lambda: secret in story.text, "the key")
    await story.press("m")
    assert secret not in story.text


async def test_it_is_not_shown_behind_the_way_out(story: Story) -> None:
    await open_reveal(story)
    secret = story.secret.reveal()
    await story.press("escape")
    await story.shows("Nothing has proven yet")
    await story.press("m")
    await story.until(lambda: secret in story.text, "the key, at once")
    await story.press("escape", "m")
    assert secret not in story.text
    assert "Nothing has proven yet" not in story.text


async def test_a_key_that_is_pasted_as_a_name_is_not_said_twice(story: Story) -> None:
    await story.press("n")
    await story.paste(pasted := "local_" + "kK3" * 16)
    await story.shows("This looks like a key")
    assert pasted not in "\n".join(story.labels)


async def test_pasting_it_back_closes(story: Story) -> None:
    await open_reveal(story)
    secret = story.secret.reveal()
    await paste(story, secret[:-1])
    await story.shows("That is not this key")
    assert isinstance(story.app.screen, RevealKeyScreen)
    await story.press("escape")
    await paste(story, secret)
    await story.shows("Verified: what you pasted is the key of “Deploy bot”.")
    assert story.keys_screen.is_active
    await story.until(lambda: story.at_cursor.name == "Deploy bot", "the cursor is on it")
    assert secret not in story.text


async def test_a_paste_without_the_field_is_a_try_to_verify(story: Story) -> None:
    await open_reveal(story)
    await story.paste("local_something_else")
    await story.shows("That is not this key (20 characters, it differs)")
    await story.paste(story.secret.reveal() + "\n")
    await story.shows("Verified")


async def test_copy_says_only_what_is_known(story: Story) -> None:
    await open_reveal(story)
    await story.press("c")
    await story.shows("To make sure, press v and paste it here.")
    assert story.clipboard.copies == 1
    story.clipboard.outcome = Copied(confirmed=True, message="Copied, and read back from here.")
    await story.press("y")
    await story.shows("✓ Copied, and read back")
    assert isinstance(story.app.screen, RevealKeyScreen), "a copy is no proof of a place"


@pytest.mark.parametrize("key", ["escape", "ctrl+q"])
async def test_no_way_out_loses_the_key(story: Story, key: str) -> None:
    await open_reveal(story)
    for _ in range(4):
        await story.press(key)
        await story.pilot.pause()
        assert isinstance(story.app.screen, RevealKeyScreen)
    await story.press("q", "delete", "backspace", "ctrl+c", "x")
    assert isinstance(story.app.screen, RevealKeyScreen)


async def test_quitting_before_the_key_is_drawn_loses_nothing() -> None:
    key = ApiKey(id="key_1", name="Deploy bot", hint="q7Zd", created_at=NOW, last_used_at=None)
    created = CreatedKey(key=key, secret=Secret("an-example-that-is-no-key"))
    async with story_of(None) as story:
        await story.shows("Welcome")
        screen = RevealKeyScreen(created, "http://x", story.clipboard, hand_off_of())
        story.app.push_screen(screen)
        assert not screen.query("#keep")
        await story.app.action_quit()
        await story.shows("Nothing has proven yet")
        assert story.app.is_running


async def test_the_way_out_opens_on_keeping(story: Story) -> None:
    await open_reveal(story)
    await story.press("escape")
    await story.shows("Nothing has proven yet that you have this key.")
    assert story.app.focused is not None
    assert story.app.focused.id == "keep"
    await story.press("enter")
    await story.shows("••••")


async def test_discard_revokes_and_says_so(story: Story) -> None:
    await open_reveal(story)
    await story.discard()
    await story.shows("Discarded and revoked “Deploy bot”.")
    await story.until(lambda: "Deploy bot" not in story.names, "gone")


async def test_the_journal_knows_the_key_until_it_is_proven(story: Story) -> None:
    assert story.keys_screen.session is not None
    journal = story.keys_screen.session.journal
    path = journal._path  # type: ignore[attr-defined]  # noqa: SLF001
    await open_reveal(story)
    [intent] = json.loads(path.read_text())["intents"]
    assert intent["state"] == "created"
    assert intent["name"] == "Deploy bot"
    secret = story.secret.reveal()
    assert secret not in path.read_text()
    await paste(story, secret)
    await story.until(lambda: json.loads(path.read_text())["intents"] == [], "forgotten")


async def test_help_over_the_reveal(story: Story) -> None:
    await open_reveal(story)
    await story.press("f1")
    await story.shows("Paste the key back, which proves that you have it")
    await story.press("escape")
    assert isinstance(story.app.screen, RevealKeyScreen)
