"""Revoke: through the dialog, named, and reported as the server confirmed it."""

from __future__ import annotations

from collections.abc import Callable

from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen
from pulsapi_tui.wiring.demo import DemoConnector
from tests.ui.support import Story, story_of


async def test_opens_on_cancel_and_says_what_happens(story: Story) -> None:
    await story.put_cursor_on("Contractor: Q2 SLA review")
    await story.press("X")
    await story.shows("From then on every request with it gets 401 Unauthorized.")
    await story.shows("5 mo ago")
    assert story.app.focused is not None
    assert story.app.focused.id == "cancel"
    await story.press("enter")
    assert story.keys_screen.is_active
    assert len(story.names) == 12


async def test_an_idle_key_goes_with_one_confirmation(story: Story) -> None:
    await story.put_cursor_on("Contractor: Q2 SLA review")
    await story.press("X", "tab", "enter")
    await story.shows("Revoked “Contractor: Q2 SLA review”: it answers 401 from now on.")
    await story.until(lambda: len(story.names) == 11, "gone")


async def test_a_key_in_use_asks_for_its_name(story: Story) -> None:
    await story.put_cursor_on("Internal Dashboard")
    await story.press("X")
    await story.shows("It was used in the last 24 hours")
    await story.type("Internal")
    await story.press("enter")
    await story.shows("That is not it.")
    assert isinstance(story.app.screen, RevokeKeysScreen)
    assert story.app.screen.query_one("#revoke").disabled
    await story.type(" Dashboard")
    await story.press("enter")
    await story.shows("Revoked “Internal Dashboard”")
    await story.until(lambda: "Internal Dashboard" not in story.names, "gone")


async def test_the_key_of_this_session_is_refused(story: Story) -> None:
    await story.put_cursor_on("pulsapi-tui on dana's laptop")
    await story.press("X")
    await story.shows("is the key of this session")
    await story.press("enter")
    assert len(story.names) == 12


async def test_several_at_once_ask_for_the_count(story: Story) -> None:
    names = ["Contractor: Q2 SLA review", "Terraform drift check", "old-jenkins (to be removed)"]
    hints = []
    for name in names:
        await story.put_cursor_on(name)
        hints.append(story.at_cursor.hint)
        await story.press("space")
    await story.shows("3 marked")
    await story.press("X")
    await story.shows("Revoke 3 API keys")
    for name in names:
        assert name in story.text
    await story.type("2")
    await story.press("enter")
    assert isinstance(story.app.screen, RevokeKeysScreen), "the wrong count goes nowhere"
    await story.press("backspace")
    await story.type("3")
    await story.press("enter")
    await story.shows("Revoked 3 of 3")
    for name, hint in zip(names, hints, strict=True):
        assert f"✓ {name}  …{hint}  revoked." in story.text
    await story.press("enter")
    await story.until(lambda: len(story.names) == 9, "gone")
    assert "marked" not in story.text


async def test_all_marked_and_the_session_key_too_is_refused_whole(story: Story) -> None:
    await story.press("ctrl+a")
    await story.shows("11 marked")
    await story.press("g", "space", "X")
    await story.shows("Unmark it to revoke the others.")
    assert len(story.names) == 12


async def test_the_traffic_of_a_revoked_key_gets_401(
    demo: Callable[..., DemoConnector],
) -> None:
    connector = demo()
    async with story_of(connector) as story:
        connector.tell(story.app.news)
        await story.shows("● live")
        await story.put_cursor_on("CI/CD Pipeline")
        await story.press("X")
        await story.paste("CI/CD Pipeline")
        await story.press("enter")
        await story.shows("“CI/CD Pipeline” now gets 401 Unauthorized.")


async def test_marks_count_whatever_the_filter_shows(story: Story) -> None:
    for name in ("Contractor: Q2 SLA review", "Terraform drift check"):
        await story.put_cursor_on(name)
        await story.press("space")
    await story.press("slash", *"pipeline", "enter")
    await story.until(lambda: story.names == ["CI/CD Pipeline"], "filtered")
    await story.shows("1 shown · 2 marked, 2 of them hidden")
    await story.press("X")
    await story.shows("Revoke 2 API keys")
    hidden = "The filter hides 2 of 2: “Terraform drift check”, “Contractor: Q2 SLA review”."
    labels = " ".join(story.labels).replace("\n", " ")
    assert f"! {hidden} “CI/CD Pipeline”, where the cursor is, is not marked." in labels
    assert "Contractor: Q2 SLA review" in story.text
    assert "• CI/CD Pipeline" not in story.text
