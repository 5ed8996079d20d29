"""Rotation on the screen: from R to the proof that the old key is dead, against a real server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.widgets import Button

from pulsapi_tui.config.settings import Settings
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.server.traffic import read_env_file
from pulsapi_tui.ui.screens.deliver_key import DeliverKeyScreen
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.orphan import OrphanScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen
from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
from pulsapi_tui.ui.screens.rotate_many import RotateManyScreen
from pulsapi_tui.ui.screens.rotate_plan import RotatePlanScreen
from pulsapi_tui.ui.widgets.key_line import KeyLine
from pulsapi_tui.wiring.demo import DemoConnector
from pulsapi_tui.wiring.hand_off import hand_off
from tests.thorough import thorough
from tests.ui.support import Story, story_of

NAME = "CI/CD Pipeline"


@pytest.fixture
async def rotating(
    demo: Callable[..., DemoConnector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Story]:
    """The demo, with real delivery into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    async with story_of(demo(), hand_off=hand_off(Settings())) as story:
        await story.shows("● live")
        yield story


def env_file_of(story: Story) -> Path:
    """The env file that the demo's integration reads."""
    assert story.keys_screen.session is not None
    target = story.keys_screen.session.last_target.last(NAME)
    assert target is not None
    return Path(target.values["path"])


async def open_plan(story: Story, name: str = NAME) -> None:
    """Up to the plan."""
    await story.put_cursor_on(name)
    await story.press("R")
    await story.until(lambda: isinstance(story.app.screen, RotatePlanScreen), "the plan")


async def deliver_into_demo(story: Story) -> None:
    """From the plan: the mode as it stands, into the integration's env file."""
    await story.press("enter")
    await story.shows("As before: Env file")
    await story.press("enter")


def is_focused(story: Story, selector: str) -> bool:
    """Whether a button has the focus."""
    return story.app.focused is not None and story.app.focused.id == selector


async def rotate_up_to_the_watch(story: Story) -> None:
    """Create, deliver, prove."""
    await open_plan(story)
    await deliver_into_demo(story)
    await story.shows("✓ Prove it")
    await story.shows("▸ Watch the old key")


async def works(story: Story, secret: str) -> bool:
    """Whether the server accepts a key."""
    assert story.keys_screen.session is not None
    service = story.keys_screen.session.service
    from pulsapi_tui.flows.deliver import try_key

    return (await try_key(Secret(secret), service)).works


async def test_from_the_plan_to_the_dead_key(rotating: Story) -> None:
    path = env_file_of(rotating)
    before = path.read_text()
    old = read_env_file(path)
    await rotate_up_to_the_watch(rotating)
    new = read_env_file(path)
    assert old is not None
    assert new is not None
    assert new != old
    # Nothing but the key changed in the file, and none of the two was on the screen.
    assert path.read_text().replace(new, old) == before
    assert old not in rotating.text
    assert new not in rotating.text
    assert await works(rotating, old)
    assert await works(rotating, new)
    await rotating.shows("Not safe yet")
    await rotating.press("X")
    await rotating.until(lambda: isinstance(rotating.app.screen, RevokeKeysScreen), "the dialog")
    await rotating.shows("! Not safe yet")
    assert is_focused(rotating, "cancel")
    await rotating.press("enter")
    await rotating.until(lambda: isinstance(rotating.app.screen, RotateKeyScreen), "back")
    assert await works(rotating, old), "Cancel revokes nothing"
    await rotating.press("X")
    await rotating.until(lambda: isinstance(rotating.app.screen, RevokeKeysScreen), "the dialog")
    await rotating.type(NAME)
    await rotating.press("enter")
    await rotating.shows("The rotation is over. The old key is dead.")
    await rotating.shows("It gets 401 Unauthorized.")
    assert not await works(rotating, old)
    assert await works(rotating, new)
    await rotating.press("escape")
    await rotating.until(lambda: isinstance(rotating.app.screen, KeysScreen), "the list")
    assert rotating.names.count(NAME) == 1
    assert "under way" not in rotating.text


async def test_it_stays_in_flight_and_is_opened_again_from_either_key(rotating: Story) -> None:
    await rotate_up_to_the_watch(rotating)
    await rotating.press("escape")
    await rotating.shows("1 rotation under way")
    await rotating.until(lambda: rotating.names.count(NAME) == 2, "both keys")
    rows = [index for index, name in enumerate(rotating.names) if name == NAME]
    assert "↻ rotating out" in rotating.text
    assert "↻ rotating in" in rotating.text
    for row in rows:
        rotating.table.move_cursor(row=row)
        await rotating.press("R")
        await rotating.until(lambda: isinstance(rotating.app.screen, RotateKeyScreen), "opened")
        await rotating.shows("▸ Watch the old key")
        await rotating.press("escape")
        await rotating.until(lambda: isinstance(rotating.app.screen, KeysScreen), "closed")


@pytest.mark.parametrize("keep_both", [True, *thorough([False])])
async def test_abandoning_is_a_choice(rotating: Story, keep_both: bool) -> None:
    path = env_file_of(rotating)
    old = read_env_file(path)
    await rotate_up_to_the_watch(rotating)
    new = read_env_file(path)
    assert old is not None
    assert new is not None
    await rotating.press("a")
    await rotating.shows("Abandon the rotation?")
    await rotating.shows("The old key stood there: nobody may have it any more.")
    assert is_focused(rotating, "back")
    await rotating.press("tab", *(() if keep_both else ("tab",)), "enter")
    await rotating.shows("Both keys are kept" if keep_both else "is revoked.")
    assert await works(rotating, old)
    assert await works(rotating, new) is keep_both
    await rotating.press("escape")
    await rotating.shows("A key without an owner")
    await rotating.shows("It stood where its successor went")
    assert isinstance(rotating.app.screen, OrphanScreen)
    await rotating.until(lambda: is_focused(rotating, "later"), "it takes an answer")
    await rotating.press("enter")
    await rotating.shows("! 1 without an owner (o)")
    assert "under way" not in rotating.text


async def test_the_last_line_has_what_can_be_done_now(rotating: Story) -> None:
    line = rotating.keys_screen.query_one(KeyLine)
    await rotate_up_to_the_watch(rotating)
    await rotating.until(
        lambda: (
            [hint.label for hint in line.hints]
            == ["Revoke the old key", "Abandon", "Close", "Help"]
        ),
        "no delivery any more",
    )


async def test_a_successor_can_be_shown_instead(rotating: Story) -> None:
    await open_plan(rotating, "Status page widget")
    rotating.app.screen.query_one("#show", Button).press()
    await rotating.until(lambda: isinstance(rotating.app.screen, RevealKeyScreen), "the key")
    secret = rotating.secret.reveal()
    await rotating.press("ctrl+q")
    await rotating.shows("Nothing has proven yet")
    await rotating.press("escape", "v")
    await rotating.paste(secret)
    await rotating.press("enter")
    await rotating.shows("▸ Watch the old key")
    await rotating.shows("Shown, and pasted back.")
    assert await works(rotating, secret)


async def test_what_is_discarded_leaves_the_old_key(rotating: Story) -> None:
    await open_plan(rotating, "Status page widget")
    rotating.app.screen.query_one("#show", Button).press()
    await rotating.until(lambda: isinstance(rotating.app.screen, RevealKeyScreen), "the key")
    await rotating.discard()
    await rotating.shows("Discarded and revoked. The old key “Status page widget”")
    await rotating.shows("▸ Create the successor")
    await rotating.press("a", "tab", "enter")
    await rotating.press("escape")
    await rotating.until(lambda: isinstance(rotating.app.screen, KeysScreen), "the list")
    assert rotating.names.count("Status page widget") == 1


async def test_after_a_leak_at_once(rotating: Story) -> None:
    path = env_file_of(rotating)
    old = read_env_file(path)
    assert old is not None
    await open_plan(rotating)
    await rotating.press("down")
    await rotating.shows("What has not picked the new key up by then breaks.")
    await deliver_into_demo(rotating)
    await rotating.until(lambda: isinstance(rotating.app.screen, RevokeKeysScreen), "the dialog")
    await rotating.type(NAME)
    await rotating.press("enter")
    await rotating.shows("The rotation is over. The old key is dead.")
    assert not await works(rotating, old)


async def test_after_a_leak_revoke_first(rotating: Story) -> None:
    path = env_file_of(rotating)
    old = read_env_file(path)
    assert old is not None
    await open_plan(rotating)
    await rotating.press("down", "down")
    await rotating.shows("breaks at once")
    await deliver_into_demo(rotating)
    await rotating.until(lambda: isinstance(rotating.app.screen, RevokeKeysScreen), "the dialog")
    assert await works(rotating, old)
    await rotating.type(NAME)
    await rotating.press("enter")
    await rotating.shows("The rotation is over:")
    new = read_env_file(path)
    assert new is not None
    assert not await works(rotating, old)
    assert await works(rotating, new)


async def test_the_key_of_this_session_goes_on_with_its_successor(
    rotating: Story, tmp_path: Path
) -> None:
    own = "pulsapi-tui on dana's laptop"
    await open_plan(rotating, own)
    await rotating.shows("goes on with its successor")
    assert "revoke first" not in rotating.text
    await rotating.press("enter")
    await rotating.until(lambda: isinstance(rotating.app.screen, DeliverKeyScreen), "the ways")
    await rotating.press("enter", "enter", "enter")
    await rotating.shows("▸ Watch the old key")
    new = read_env_file(tmp_path / ".env")
    assert new is not None
    account = rotating.keys_screen.account
    await rotating.until(
        lambda: rotating.keys_screen.account.authenticated_key_id != "key_00000000000de300",
        f"signed in with the successor, not {account.authenticated_key_id}",
    )
    await rotating.press("X")
    await rotating.until(lambda: isinstance(rotating.app.screen, RevokeKeysScreen), "the dialog")
    await rotating.type(own)
    await rotating.press("enter")
    await rotating.shows("The rotation is over. The old key is dead.")
    await rotating.press("escape", "r")
    await rotating.shows("● live")
    assert await works(rotating, new)


async def test_revoking_it_is_refused_and_sent_to_rotate(rotating: Story) -> None:
    await rotating.put_cursor_on("pulsapi-tui on dana's laptop")
    await rotating.press("X")
    await rotating.shows("Rotate it instead")


# Several


async def mark(story: Story, *names: str) -> None:
    """Mark keys."""
    for name in names:
        await story.put_cursor_on(name)
        await story.press("space")


async def test_several_by_one_plan_and_their_end(rotating: Story, tmp_path: Path) -> None:
    names = ("Status page widget", "Internal Dashboard", "Terraform drift check")
    await mark(rotating, *names)
    await rotating.press("R")
    await rotating.until(lambda: isinstance(rotating.app.screen, DeliverKeyScreen), "the ways")
    await rotating.shows("each of the 3 successors")
    await rotating.shows("{variable}")
    await rotating.shows("What is in {braces} becomes each key's own name.")
    await rotating.press("enter", "enter", "enter")
    await rotating.until(lambda: isinstance(rotating.app.screen, RotateManyScreen), "the plan")
    await rotating.until(lambda: is_focused(rotating, "cancel"), "it opens on Cancel")
    await rotating.until(lambda: all(name in rotating.text for name in names), "all names")
    await rotating.shows("Writes PULSAPI_STATUS_PAGE_WIDGET into")
    await rotating.press("tab", "enter")
    await rotating.shows("3 of 3 have a successor")
    text = (tmp_path / ".env").read_text()
    assert len(re.findall(r"(?m)^PULSAPI_[A-Z_]+=local_\w+$", text)) == 3
    await rotating.until(lambda: rotating.app.focused is not None, "it takes an answer")
    await rotating.press("enter")
    await rotating.shows("3 rotations under way")
    assert "marked" not in rotating.text
    await rotating.press("ctrl+p")
    await rotating.type("Finish rotations")
    await rotating.press("enter")
    await rotating.shows("none of the old keys is")


async def test_a_plan_that_is_not_wanted_does_nothing(rotating: Story, tmp_path: Path) -> None:
    await mark(rotating, "Status page widget", "Internal Dashboard")
    await rotating.press("R")
    await rotating.until(lambda: isinstance(rotating.app.screen, DeliverKeyScreen), "the ways")
    await rotating.press("enter", "enter", "enter")
    await rotating.until(lambda: isinstance(rotating.app.screen, RotateManyScreen), "the plan")
    await rotating.press("enter")
    await rotating.until(lambda: isinstance(rotating.app.screen, DeliverKeyScreen), "asked again")
    await rotating.press("escape")
    assert rotating.names.count("Status page widget") == 1
    assert not (tmp_path / ".env").exists()
    assert "2 marked" in rotating.text
