"""A key that goes to where it belongs without being shown, and what happens when it can't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from textual import events
from textual.widgets import Button, Input, OptionList

from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.errors import DeliveryError, PulsapiError
from pulsapi_tui.domain.models import Service
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.screens.confirm import ConfirmScreen, ReportScreen
from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.screens.deliver_key import DeliverKeyScreen
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.widgets.secret_field import SecretField
from tests.seeded import SeededDelivery, SeededService, hand_off_of
from tests.ui.support import Story, connector_of, story_of
from tests.ui.test_create_and_reveal import open_reveal

SECRET = "an-example-that-is-no-key"
"""What the seeded service gives out."""

ENV_PREVIEW = "Writes PULSAPI_API_KEY into ~/app/.env (0600), and reads it back."


class Place(SeededDelivery):
    """Takes keys, or fails as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Target]] = []
        self.fault: DeliveryError | None = None
        self.objection: DeliveryError | None = None
        self.speaks_against: tuple[str, ...] = ()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def concerns(self, target: Target) -> tuple[str, ...]:
        if self.objection is not None:
            raise self.objection
        return self.speaks_against

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        self.got.append((secret.reveal(), target))
        return Delivered(where="there", message="Written, and read back.", output="a remark")


class Memory:
    """What was delivered to last."""

    def __init__(self) -> None:
        self.target: Target | None = None

    def last(self, key_name: str) -> Target | None:
        return self.target

    def remember(self, target: Target, key_name: str) -> None:
        self.target = target


class Watchers:
    """Who writes down what the terminal shows."""

    def __init__(self) -> None:
        self.found: tuple[str, ...] = ()

    async def active(self) -> tuple[str, ...]:
        return self.found


class Trying(SeededService):
    """Says what a call with the new key gets."""

    refusing: PulsapiError | None = None

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[str] = []

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        if credential is not None:
            self.tried.append(credential.reveal())
        if self.refusing is not None:
            raise self.refusing
        return await super().services(credential)


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def watchers() -> Watchers:
    return Watchers()


@pytest.fixture
def service() -> Trying:
    return Trying()


@pytest.fixture
async def told(
    place: Place, memory: Memory, watchers: Watchers, service: Trying
) -> AsyncIterator[Story]:
    hand_off = hand_off_of(place, watchers, mask_after_s=3600)
    connector = connector_of(service, last_target=memory)
    async with story_of(connector, hand_off=hand_off) as story:
        await story.shows("● live")
        yield story


async def create_unseen(story: Story, name: str = "Deploy bot") -> None:
    """Up to the menu of ways, from Create."""
    await story.press("n")
    await story.paste(name)
    await story.press("tab", "tab", "enter")
    await story.until(lambda: isinstance(story.app.screen, DeliverKeyScreen), "the ways")


# From Create


async def test_what_was_typed_ahead_does_not_close_the_result(
    told: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReportScreen, "STANDS_STILL_S", 3600.0)
    await create_unseen(told)
    await told.press("enter", "enter", "enter")
    await told.shows("✓ Written, and read back.")
    await told.press("enter", "escape", "space")
    assert isinstance(told.app.screen, ReportScreen)


async def test_a_key_is_delivered_without_ever_being_on_the_screen(
    told: Story, place: Place, memory: Memory
) -> None:
    await create_unseen(told)
    await told.shows("Where does the key Deploy bot go? It is not shown on the way.")
    await told.press("enter", "enter", "enter")
    await told.shows("✓ Written, and read back.")
    await told.shows("a remark")
    assert isinstance(told.app.screen, ReportScreen)
    [(text, target)] = place.got
    assert text == SECRET
    assert target == memory.target
    assert target.values == {"path": "~/app/.env", "variable": "PULSAPI_API_KEY"}
    await told.until(lambda: told.app.focused is not None, "it takes an answer")
    await told.press("enter")
    assert isinstance(told.app.screen, KeysScreen)
    await told.until(lambda: told.at_cursor.name == "Deploy bot", "the cursor is on it")
    assert told.keys_screen.in_hand is None


async def test_no_key_is_made_before_the_place_is_chosen(told: Story) -> None:
    await create_unseen(told)
    assert "Deploy bot" not in told.names
    await told.press("escape")
    assert isinstance(told.app.screen, CreateKeyScreen)
    assert told.app.screen.query_one("#name", Input).value == "Deploy bot"
    await told.press("escape")
    await told.press("r")
    assert "Deploy bot" not in told.names


async def test_where_it_fails_the_key_is_shown(told: Story, place: Place) -> None:
    place.fault = DeliveryError("The disk is full.", output="no space left")
    await create_unseen(told)
    await told.press("enter", "enter", "enter")
    await told.shows("✗ The disk is full.")
    await told.shows("no space left")
    assert isinstance(told.app.screen, RevealKeyScreen)
    assert told.keys_screen.in_hand == "“Deploy bot” (…q7Zd)"
    assert SECRET not in told.text
    await told.press("m")
    assert SECRET in told.text


async def test_what_can_t_work_is_said_before_a_key_is_made(told: Story, place: Place) -> None:
    place.objection = DeliveryError("It is a link. Name the file itself.")
    await create_unseen(told)
    await told.press("enter", "enter", "enter")
    await told.shows("It is a link. Name the file itself.")
    assert "Deploy bot" not in told.names
    place.objection = None
    await told.press("enter")
    await told.until(lambda: isinstance(told.app.screen, DeliverKeyScreen), "asked again")
    await told.press("escape", "escape")
    assert not place.got


async def test_what_speaks_against_it_is_asked_about_and_opens_on_cancel(
    told: Story, place: Place
) -> None:
    place.speaks_against = ("It lies inside a git work tree.",)
    await create_unseen(told)
    await told.press("enter", "enter", "enter")
    await told.shows("! It lies inside a git work tree.")
    assert isinstance(told.app.screen, ConfirmScreen)
    assert told.app.focused is not None
    assert told.app.focused.id == "cancel"
    await told.press("enter")
    await told.until(lambda: isinstance(told.app.screen, DeliverKeyScreen), "asked again")
    assert not place.got
    # What was to be is offered again, first.
    await told.shows("Chosen just now: Env file")
    await told.press("enter", "enter")
    await told.shows("! It lies inside a git work tree.")
    await told.press("tab", "enter")
    await told.shows("✓ Written, and read back.")


async def test_nobody_quits_while_it_is_on_its_way(told: Story, place: Place) -> None:
    place.go_on.clear()
    await create_unseen(told)
    await told.press("enter", "enter", "enter")
    await told.until(lambda: told.keys_screen.in_hand is not None, "in hand")
    for key in ("q", "ctrl+q"):
        await told.press(key)
        await told.shows("The key “Deploy bot” (…q7Zd) is not stored yet.")
        assert told.app.is_running
        assert isinstance(told.app.screen, KeysScreen)
    place.go_on.set()
    await told.shows("✓ Written, and read back.")


# The menu


async def test_the_fields_follow_the_way(told: Story) -> None:
    await create_unseen(told)
    await told.shows(ENV_PREVIEW)
    await told.shows("Variable")
    await told.press("down")
    await told.shows("Runs: pass insert -m pulsapi/deploy-bot")
    await told.shows("An entry of that name is overwritten.")
    assert "Variable" not in told.text
    await told.press("enter")
    await told.press(*["backspace"] * 30)
    await told.shows("✗ Say which file.")
    assert told.app.screen.query_one("#go", Button).disabled
    await told.press("enter")
    assert isinstance(told.app.screen, DeliverKeyScreen)
    await told.type("other")
    await told.shows("Runs: pass insert -m other")
    # Each way keeps what was typed for it.
    await told.press("shift+tab", "up")
    await told.shows(ENV_PREVIEW)
    await told.press("down")
    await told.shows("Runs: pass insert -m other")
    await told.press("escape", "escape")


async def test_the_last_one_is_two_keys_away(told: Story, place: Place, memory: Memory) -> None:
    memory.target = Target(way_id="command:pass", values={"path": "team/pulsapi"})
    await open_reveal(told)
    await told.press("d")
    await told.shows("As before: pass")
    assert told.app.screen.query_one("#ways", OptionList).highlighted == 0
    await told.shows("Runs: pass insert -m team/pulsapi")
    await told.press("enter")
    await told.shows("✓ Written, and read back.")
    assert [target for _, target in place.got] == [memory.target]


async def test_a_way_that_is_gone_is_not_offered(told: Story, memory: Memory) -> None:
    memory.target = Target(way_id="command:gone", values={"path": "x"})
    await open_reveal(told)
    await told.press("d")
    await told.shows("Env file")
    assert "As before" not in told.text
    await told.press("escape")
    assert isinstance(told.app.screen, RevealKeyScreen)


# From Reveal


async def test_after_a_delivery_it_closes_without_a_question(told: Story, place: Place) -> None:
    await open_reveal(told)
    assert told.keys_screen.in_hand is not None
    await told.press("d", "enter", "enter", "enter")
    await told.shows("✓ Written, and read back.")
    await told.shows("Delivered. Take it to more places, or close this with Esc.")
    assert told.keys_screen.in_hand is None
    assert isinstance(told.app.screen, RevealKeyScreen)
    await told.press("d", "enter")
    await told.until(lambda: len(place.got) == 2, "a second place")
    await told.shows("✓ Written, and read back.")
    await told.press("escape")
    assert isinstance(told.app.screen, KeysScreen)


async def test_a_failed_delivery_leaves_everything(told: Story, place: Place) -> None:
    place.fault = DeliveryError("“pass insert” failed with exit code 3.", output="gpg: no")
    await open_reveal(told)
    await told.press("d", "enter", "enter", "enter")
    await told.shows("✗ “pass insert” failed with exit code 3.")
    await told.shows("gpg: no")
    assert told.keys_screen.in_hand is not None
    await told.press("escape")
    await told.shows("Nothing has proven yet that you have this key.")
    place.fault = None
    await told.press("escape", "d", "enter", "enter", "enter")
    await told.shows("✓ Written, and read back.")


async def test_going_back_from_the_menu_changes_nothing(told: Story, place: Place) -> None:
    await open_reveal(told)
    await told.press("d", "escape")
    assert isinstance(told.app.screen, RevealKeyScreen)
    assert not place.got
    await told.press("ctrl+q")
    await told.shows("Nothing has proven yet")


async def test_quitting_from_the_menu_over_the_key_is_refused(told: Story) -> None:
    await open_reveal(told)
    await told.press("d", "ctrl+q")
    await told.shows("is not stored yet. Go back to it first.")
    assert isinstance(told.app.screen, DeliverKeyScreen)


async def test_the_key_pasted_for_a_path_goes_nowhere(
    told: Story, place: Place, memory: Memory
) -> None:
    await open_reveal(told)
    await told.press("d", "enter")
    field = told.app.screen.query_one("#field-0", Input)
    field.clear()
    await told.paste(SECRET)
    await told.press("enter", "enter")
    await told.shows("The key itself stands where a path or a name belongs.")
    assert not place.got
    assert memory.target is None


# A real call


async def test_trying_it_is_a_real_call_with_that_key(told: Story, service: Trying) -> None:
    await open_reveal(told)
    await told.press("t")
    await told.shows("✓ It works: GET /v1/services answered 200 with this key, 3 services.")
    assert service.tried == [SECRET]
    await told.press("escape")
    await told.shows("Nothing has proven yet that you have this key.")


async def test_it_shows_how_to_use_it_without_the_key(told: Story) -> None:
    await open_reveal(told)
    await told.press("m")
    use = told.static("#use")
    assert 'curl -H "Authorization: Bearer $PULSAPI_API_KEY" http://127.0.0.1:8787' in use
    assert SECRET not in use


# Off the record


def shown(story: Story) -> bool:
    """Whether the key is to be seen."""
    return SECRET in story.text


async def test_it_is_masked_again_after_a_time(place: Place) -> None:
    hand_off = hand_off_of(place, mask_after_s=0.2)
    async with story_of(connector_of(SeededService()), hand_off=hand_off) as story:
        await story.shows("● live")
        await open_reveal(story)
        await story.press("m")
        await story.shows("Masked again after")
        assert not shown(story)


async def test_it_is_masked_when_the_window_loses_the_focus(told: Story) -> None:
    await open_reveal(told)
    await told.press("m")
    assert shown(told)
    told.app.post_message(events.AppBlur())
    await told.shows("Masked: this window lost the focus.")
    assert not shown(told)


async def test_it_is_masked_when_the_program_is_suspended(told: Story) -> None:
    await open_reveal(told)
    await told.press("m")
    told.app.app_suspend_signal.publish(told.app)
    await told.shows("Masked: the program was suspended.")
    assert not shown(told)


async def test_losing_the_focus_says_nothing_where_nothing_was_shown(told: Story) -> None:
    await open_reveal(told)
    told.app.post_message(events.AppBlur())
    await told.pilot.pause()
    assert "Masked" not in told.text


async def test_who_records_the_terminal_is_named_before_it_is_shown(
    told: Story, watchers: Watchers
) -> None:
    watchers.found = ("tmux writes this pane to a file or a command (pipe-pane).",)
    await open_reveal(told)
    await told.press("m")
    await told.shows("! tmux writes this pane to a file or a command (pipe-pane).")
    assert not shown(told)
    await told.press("m")
    assert shown(told)
    await told.press("m")
    # One that came later is news.
    watchers.found = (*watchers.found, "asciinema is recording this terminal.")
    await told.press("m")
    await told.shows("asciinema is recording this terminal.")
    assert not shown(told)


async def test_it_can_be_selected_only_while_it_is_shown(told: Story) -> None:
    await open_reveal(told)
    field = told.app.screen.query_one(SecretField)
    assert not field.allow_select
    await told.press("m")
    assert field.allow_select
    field.text_select_all()
    await told.pilot.pause()
    assert told.app.screen.get_selected_text() == SECRET
    await told.press("ctrl+c")
    await told.until(lambda: told.clipboard.copies == 1, "copied by the routes")
    assert told.app.clipboard == ""
    await told.press("m")
    assert told.app.screen.get_selected_text() in {None, ""}


async def test_a_copy_that_went_nowhere_is_said(told: Story) -> None:
    told.clipboard.outcome = Copied(
        confirmed=False, sent=False, message="Could not copy: TERM is linux."
    )
    await open_reveal(told)
    await told.press("c")
    await told.shows("✗ Could not copy: TERM is linux. The key is still here")
