"""What is done on the page is written down, and nothing else changes where it can't be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.errors import AnswerLostError, DeliveryError
from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.demo import DemoConnector
from tests.seeded import NoLog, SeededDelivery, SeededService, hand_off_of
from tests.ui.support import Story, connector_of, story_of

SECRET = "an-example-that-is-no-key"
"""What the seeded service gives out."""


class FullLog(NoLog):
    """It can't be written."""

    def append(self, action: Action) -> bool:
        super().append(action)
        return False


class NoPlace(SeededDelivery):
    """Nothing gets there."""

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        raise DeliveryError(f"It is full, and says {secret.reveal()}.")


class LosingService(SeededService):
    """The key is made, and the answer with its secret is lost."""

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        await super().create_key(name, request_id, attempt)
        raise AnswerLostError("PulsAPI did not answer within 10 s.")


def lines(log: NoLog) -> list[tuple[str, str, str]]:
    """Action, name and outcome of each."""
    return [(action.action, action.key_name, action.outcome) for action in log.actions]


async def create(story: Story) -> None:
    """Create a key, which is shown then."""
    await story.shows("● live")
    await story.press("n")
    await story.paste("Deploy bot")
    await story.press("enter")


async def test_create_try_and_deliver() -> None:
    log = NoLog()
    async with story_of(connector_of(SeededService(), log=log)) as story:
        await create(story)
        await story.shows("Shown this once")
        await story.press("t")
        await story.shows("It works")
        await story.press("d", "enter", "enter", "enter")
        await story.shows("and read back.")
    assert lines(log) == [
        ("create", "Deploy bot", "created"),
        ("prove", "Deploy bot", "works"),
        ("deliver", "Deploy bot", "delivered"),
    ]
    created, _, delivered = log.actions
    assert (created.key_id, created.hint) == ("key_13", "q7Zd")
    assert created.who == "dana@northwind.example (acc_northwind)"
    assert (created.profile, created.origin) == ("demo", SeededService.origin)
    assert delivered.detail == "To PULSAPI_API_KEY in ~/app/.env."
    assert SECRET not in repr(log.actions)


async def test_a_failed_delivery_a_discard_and_never_the_secret() -> None:
    log = NoLog()
    connect = connector_of(SeededService(), log=log)
    async with story_of(connect, hand_off=hand_off_of(NoPlace())) as story:
        await create(story)
        await story.shows("Shown this once")
        await story.press("d", "enter", "enter", "enter")
        await story.until(lambda: len(log.actions) == 2, "the delivery failed")
        await story.until(lambda: story.app.screen.query("#discard"), "back in the reveal")
        await story.discard()
        await story.shows("Discarded and revoked")
    assert lines(log) == [
        ("create", "Deploy bot", "created"),
        ("deliver", "Deploy bot", "failed"),
        ("revoke", "Deploy bot", "revoked"),
    ]
    assert log.actions[2].detail == "Discarded before it was stored."
    assert SECRET not in repr(log.actions)


async def test_what_was_pasted_back() -> None:
    log = NoLog()
    async with story_of(connector_of(SeededService(), log=log)) as story:
        await create(story)
        await story.shows("Shown this once")
        await story.press("v")
        await story.paste(SECRET)
        await story.press("enter")
        await story.shows("Verified")
    assert lines(log)[1:] == [("prove", "Deploy bot", "pasted back")]
    assert SECRET not in repr(log.actions)


async def test_a_lost_create_and_the_end_of_its_orphan() -> None:
    log = NoLog()
    async with story_of(connector_of(LosingService(), log=log)) as story:
        await create(story)
        await story.shows("The key was made all the same")
        # It opened by itself, and takes no answer for a moment.
        await story.until(
            lambda: story.app.focused is not None and story.app.focused.id == "later", "answers"
        )
        await story.press("tab", "tab", "enter")
        await story.shows("Revoked “Deploy bot”.")
    assert lines(log) == [("create", "Deploy bot", "lost"), ("revoke", "Deploy bot", "revoked")]
    assert log.actions[0].key_id == log.actions[1].key_id == "key_13"


async def test_each_key_of_a_bulk_revoke_as_the_server_confirmed_it() -> None:
    log = NoLog()
    async with story_of(connector_of(SeededService(), log=log)) as story:
        await story.shows("● live")
        names = ["Slack /status bot", "Terraform drift check"]
        for name in names:
            await story.put_cursor_on(name)
            await story.press("space")
        await story.press("X", "2", "enter")
        await story.shows("Revoked 1 of 2")
    assert sorted(lines(log)) == [
        ("revoke", "Slack /status bot", "not revoked"),
        ("revoke", "Terraform drift check", "revoked"),
    ]
    [failed] = [action for action in log.actions if action.outcome == "not revoked"]
    assert "still listed" in failed.detail


async def test_a_revoke_that_was_cancelled_is_not_written() -> None:
    log = NoLog()
    async with story_of(connector_of(SeededService(), log=log)) as story:
        await story.shows("● live")
        await story.press("G", "X", "enter")
        assert story.keys_screen.is_active
    assert log.actions == []


async def test_a_log_that_can_t_be_written_is_said_once_and_changes_nothing() -> None:
    log = FullLog()
    said: list[Any] = []
    async with story_of(connector_of(SeededService(), log=log)) as story:
        notify = story.keys_screen.notify

        def watched(message: str, **options: Any) -> None:
            said.append(message)
            notify(message, **options)

        story.keys_screen.notify = watched  # type: ignore[method-assign]
        await create(story)
        await story.shows("Shown this once")
        await story.press("v")
        await story.paste(SECRET)
        await story.press("enter")
        await story.shows("Verified")
        await story.until(lambda: len(story.names) == 13, "listed")
    assert len(log.actions) == 2
    assert len([text for text in said if "log of actions can't be written" in text]) == 1


async def test_the_demos_log_lies_in_the_demos_directory(
    demo: Callable[..., DemoConnector],
) -> None:
    connector = demo()
    async with story_of(connector) as story:
        await story.shows("● live")
        await story.put_cursor_on("Contractor: Q2 SLA review")
        await story.press("X", "tab", "enter")
        await story.shows("Revoked “Contractor: Q2 SLA review”")
        session = await connector(None, lambda _: None)
        [action] = session.log.read()
        assert (action.action, action.outcome) == ("revoke", "revoked")
        assert action.key_name == "Contractor: Q2 SLA review"
        await session.service.aclose()
