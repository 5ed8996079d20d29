"""Health on the page: the words, the reasons, the filters, and cleaning up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.key_list import SLICE
from pulsapi_tui.flows import refresh
from pulsapi_tui.ui.listing import Listing
from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen
from pulsapi_tui.ui.widgets.key_details import KeyDetails
from pulsapi_tui.wiring.demo import DemoConnector
from tests.seeded import NOW, SeededService, StandingClock
from tests.ui.support import Story, connector_of, story_of

IDLE = ["Contractor: Q2 SLA review", "old-jenkins (to be removed)"]
NEVER = HealthLimits(idle_after=timedelta(days=3650), due_after=timedelta(days=3650))


def details(story: Story) -> list[str]:
    """The lines of the pane that can be seen."""
    region = story.keys_screen.query_one(KeyDetails).region
    lines = story.text.splitlines()[region.y : region.bottom]
    return [line[region.x : region.right].strip() for line in lines]


async def clean_up(story: Story) -> None:
    """Choose it in the palette."""
    await story.press("ctrl+p")
    await story.type("clean up")
    await story.shows("Mark the idle keys")
    await story.press("enter")


async def test_is_idle_with_text_and_with_others(story: Story) -> None:
    await story.press("slash")
    await story.type("is:idle")
    await story.until(lambda: story.names == IDLE, "the idle keys")
    await story.shows("12 keys · 2 shown")
    await story.type(" is:due JENKINS")
    await story.until(lambda: story.names == IDLE[1:], "all of it must fit")
    await story.press("escape", "slash")
    await story.type("is:unused")
    await story.until(lambda: story.names == ["Terraform drift check"], "never used")
    await story.press("escape", "slash")
    await story.type("is:duplicate")
    await story.until(lambda: story.names == ["Grafana exporter"] * 2, "twins")


async def test_a_word_that_is_no_filter_finds_nothing_and_names_the_nearest(story: Story) -> None:
    await story.press("slash")
    await story.shows("is:idle due unused duplicate vague")
    await story.type("is:idel")
    await story.shows("is:idel is no filter; did you mean is:idle?")
    assert story.names == []
    await story.press("escape")
    await story.until(lambda: len(story.names) == 12, "all again")
    assert "is no filter" not in story.text


async def test_the_help_names_the_filters(story: Story) -> None:
    await story.press("question_mark")
    for token in ("is:idle", "is:due", "is:unused", "is:duplicate", "is:vague"):
        await story.shows(token)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 30)])
async def test_every_flag_is_said_with_its_reason(size: tuple[int, int]) -> None:
    async with story_of(connector_of(SeededService()), size, StandingClock()) as story:
        await story.until(lambda: story.names, "rows")
        await story.pilot.pause()
        rows = story.text.splitlines()
        assert any("Internal Dashboard" in row and "● in use · due" in row for row in rows)
        twin = next(key for key in story.table.keys if key.id == "key_07")
        story.table.move_cursor(row=list(story.table.keys).index(twin))
        await story.pilot.pause()
        shown = " ".join(details(story))
        assert "! Due for rotation: 402 d old, and keys are to be rotated after 90 d." in shown
        assert "! Another key has the same name." in shown
        assert "key_07" in shown, "nothing is pushed out"


async def test_a_vague_name_and_a_young_key(story: Story) -> None:
    await story.press("n")
    await story.paste("test 2")
    await story.press("enter")
    await story.shows("Shown this once")
    secret = story.secret.reveal()
    await story.press("v")
    await story.paste(secret)
    await story.press("enter")
    await story.until(lambda: "test 2" in story.names, "listed")
    await story.put_cursor_on("test 2")
    await story.shows("○ never used")
    await story.shows("It is new: created")
    await story.shows("A vague name: in a year, nobody will know what to revoke.")
    await story.press("slash")
    await story.type("is:vague is:unused")
    await story.until(lambda: story.names == ["test 2"], "vague")


async def test_the_limits_of_the_user_reach_the_page() -> None:
    connect = connector_of(SeededService())
    limits = HealthLimits(timedelta(days=2), timedelta(days=10))
    async with story_of(connect, clock=StandingClock(), limits=limits) as story:
        await story.shows("● live")
        await story.put_cursor_on("On-call phone shortcut")
        await story.shows("◐ idle 2 d")
        await story.shows("88 d old, and keys are to be rotated after 10 d.")


async def test_clean_up_opens_on_cancel_and_leaves_the_marks(story: Story) -> None:
    await story.put_cursor_on("Internal Dashboard")
    await story.press("space")
    await clean_up(story)
    await story.shows("Revoke 2 idle API keys")
    await story.shows("Marked by Clean up. Cancel to keep them, and unmark what you need.")
    for name, used in zip(IDLE, ("5 mo ago", "12 mo ago"), strict=True):
        row = next(row for row in story.text.splitlines() if f"• {name}" in row)
        assert f"last used {used}" in row
    assert story.app.focused is not None
    assert story.app.focused.id == "cancel"
    assert story.app.screen.query_one("#revoke").disabled
    await story.press("enter")
    assert story.keys_screen.is_active
    assert len(story.names) == 12
    await story.shows("2 marked")


async def test_clean_up_asks_for_the_count_and_then_revokes(story: Story) -> None:
    await story.press("slash")
    await story.type("pipeline")
    await story.press("enter")
    await story.until(lambda: story.names == ["CI/CD Pipeline"], "filtered")
    await clean_up(story)
    await story.shows("Revoke 2 idle API keys")
    await story.type("1")
    await story.press("enter")
    assert isinstance(story.app.screen, RevokeKeysScreen), "the wrong count goes nowhere"
    await story.press("backspace", "2", "enter")
    await story.shows("Revoked 2 of 2")
    await story.press("enter", "escape")
    await story.until(lambda: len(story.names) == 10, "gone")
    assert not set(IDLE) & set(story.names)


async def test_a_single_idle_key_is_asked_for_by_its_name() -> None:
    limits = HealthLimits(idle_after=timedelta(days=200))
    connect = connector_of(SeededService())
    async with story_of(connect, clock=StandingClock(), limits=limits) as story:
        await story.shows("● live")
        await clean_up(story)
        await story.shows("Revoke idle API key")
        await story.shows("To go on, type old-jenkins (to be removed):")
        await story.shows("• old-jenkins (to be removed)")
        assert story.app.screen.query_one("#revoke").disabled


async def test_where_no_key_is_idle_it_says_so() -> None:
    connect = connector_of(SeededService())
    async with story_of(connect, clock=StandingClock(), limits=NEVER) as story:
        await story.shows("● live")
        await story.press("space")
        await clean_up(story)
        await story.shows("No key is idle: there is nothing to clean up.")
        assert story.keys_screen.is_active
        assert "1 marked" in story.text, "the user's own marks stay"


async def test_the_key_of_this_session_is_never_cleaned_up() -> None:
    service = SeededService()
    old = NOW - timedelta(days=400)
    service._keys = [  # noqa: SLF001
        type(key)(id=key.id, name=key.name, hint=key.hint, created_at=old, last_used_at=old)
        for key in service._keys  # noqa: SLF001
    ]
    async with story_of(connector_of(service), clock=StandingClock()) as story:
        await story.shows("● live")
        await clean_up(story)
        await story.shows("Revoke 11 idle API keys")
        assert "• pulsapi-tui on dana's laptop" not in story.text


async def test_nothing_to_clean_up_where_there_is_no_list(
    demo: Callable[..., DemoConnector],
) -> None:
    async with story_of(demo("--role", "viewer")) as story:
        await story.shows("Your role is viewer.")
        await story.press("ctrl+p")
        await story.type("clean up")
        await story.shows("✗ Clean up")
        await story.shows("Only an owner or an admin manages keys")


class Many(SeededService):
    """So many keys that they are shown before all is known of them; two have one name."""

    def __init__(self) -> None:
        super().__init__()
        first = self._keys[0]
        names = ["twin", *(f"worker-{number}" for number in range(SLICE)), "twin"]
        self._keys = [
            msgspec.structs.replace(first, id=f"key_{number}", name=name)
            for number, name in enumerate(names)
        ]


async def test_a_long_list_is_shown_before_it_is_known_which_names_are_there_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_count, count = asyncio.Event(), Listing.find_duplicates

    async def count_later(listing: Listing) -> None:
        await may_count.wait()
        await count(listing)

    monkeypatch.setattr(Listing, "find_duplicates", count_later)
    # The next list would mend what is not drawn.
    monkeypatch.setattr(refresh, "EVERY_S", 3600.0)
    async with story_of(connector_of(Many()), clock=StandingClock()) as story:
        await story.until(lambda: story.names[:1] == ["twin"], "the first one, under the cursor")
        await story.until(lambda: details(story)[:1] == ["twin"], "its details")
        assert "Another key has the same name." not in story.text
        may_count.set()
        await story.shows("Another key has the same name.")
        await story.press("slash")
        await story.type("is:duplicate")
        await story.until(lambda: story.names == ["twin", "twin"], "both")
