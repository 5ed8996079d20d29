"""Lines that drop, keys that are revoked elsewhere, creates that lose their answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import (
    AnswerLostError,
    ConnectError,
    JournalError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account, CreatedKey
from pulsapi_tui.domain.ports import KeyPages, PageSeen, Retrying, RetryNotice, Session
from pulsapi_tui.domain.rotation import KeyRef, Mode, Rotation, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.ui import feed
from pulsapi_tui.ui.screens.help import HelpScreen
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.screens.orphan import OrphanScreen
from pulsapi_tui.ui.screens.profiles import ProfilesScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.widgets.key_line import KeyLine
from pulsapi_tui.wiring.clock import SystemClock
from tests.seeded import DEMO, NOW, NoJournal, NoLastTarget, NoLog, SeededService
from tests.ui.support import Story, connector_of, story_of


class FaultyService(SeededService):
    """The seeded keys, and faults that a test switches on and off."""

    def __init__(self) -> None:
        super().__init__()
        self.listing_fault: PulsapiError | None = None
        self.create_fault: PulsapiError | None = None
        self.revoke_fault: PulsapiError | None = None
        self.makes_the_key_all_the_same = False
        self.revokes_all_the_same = False
        self.creates = 0

    async def account(self) -> Account:
        if self.listing_fault is not None:
            raise self.listing_fault
        return await super().account()

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        if self.listing_fault is not None:
            raise self.listing_fault
        return await super().list_keys(before, page_seen)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        self.creates += 1
        if self.create_fault is None or self.makes_the_key_all_the_same:
            created = await super().create_key(name, request_id, attempt)
            if self.create_fault is None:
                return created
        raise self.create_fault

    async def revoke_key(self, key_id: str) -> None:
        if self.revoke_fault is None or self.revokes_all_the_same:
            await super().revoke_key(key_id)
        if self.revoke_fault is not None:
            raise self.revoke_fault


class SlowService(FaultyService):
    """Answers a create when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        await self.go_on.wait()
        return await super().create_key(name, request_id, attempt)


class HangingService(SeededService):
    """Answers a listing while it may."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        await self.answers.wait()
        return await super().list_keys(before, page_seen)


class SteppingClock(SystemClock):
    """The real time, and more where a test says so."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


LOST = AnswerLostError("The connection to PulsAPI was cut before its answer was complete.")
DOWN = ConnectError("PulsAPI can't be reached: no connection could be made.")


async def takes_answers(story: Story) -> None:
    """Wait until a dialog that opened by itself takes answers; it stands on the harmless one."""
    await story.until(
        lambda: story.app.focused is not None and story.app.focused.id == "later", "answers"
    )


async def create(story: Story, name: str = "Deploy bot") -> None:
    """Ask for a key of that name."""
    await story.press("n")
    await story.paste(name)
    await story.press("enter")


def losing() -> FaultyService:
    """A server that makes a key, and whose answer is lost."""
    service = FaultyService()
    service.create_fault, service.makes_the_key_all_the_same = LOST, True
    return service


async def lose_a_key(story: Story) -> None:
    """Create one whose answer is lost, up to the question about it."""
    await story.shows("● live")
    await create(story)
    await story.shows("A key without an owner")
    await takes_answers(story)


async def create_and_see(story: Story) -> None:
    """Create a key, and have it shown."""
    await story.shows("● live")
    await create(story)
    await story.shows("Shown this once")


async def test_rows_stay_while_the_server_is_away() -> None:
    service = FaultyService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        service.listing_fault = DOWN
        await story.press("r")
        await story.shows("⚡ unreachable · list")
        await story.shows("next try in")
        await story.shows("CI/CD Pipeline")
        service.listing_fault = None
        await story.press("r")
        await story.shows("● live")


async def test_a_server_that_hangs_is_not_called_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SLOW_AFTER_S", 0.01)
    service = HangingService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        service.answers.clear()
        await story.press("r")
        await story.shows("reading for 0 s")
        assert "● live" not in story.text
        await story.shows("reading for 1 s")
        await story.shows("CI/CD Pipeline")
        service.answers.set()
        await story.shows("● live")
        assert "reading for" not in story.text


async def test_no_server_from_the_start_then_one() -> None:
    service = FaultyService()
    service.listing_fault = DOWN
    async with story_of(connector_of(service)) as story:
        await story.shows("PulsAPI can't be reached")
        await story.shows("next try in")
        service.listing_fault = None
        await story.shows("CI/CD Pipeline")
        await story.until(lambda: story.app.focused is story.table, "the keys are the list's")
        await story.press("j")
        assert story.table.cursor_row == 1


async def test_a_retry_is_said() -> None:
    service = FaultyService()

    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        retrying(RetryNotice("PulsAPI says that there were too many requests.", 30, 2))
        service.listing_fault = DOWN
        return Session(service, NoJournal(), DEMO, "the demo itself", NoLastTarget(), NoLog())

    async with story_of(connect, size=(120, 30)) as story:
        await story.until(lambda: story.keys_screen.is_mounted, "mounted")
        story.keys_screen._feed._retrying(RetryNotice("Too many requests.", 30, 2))  # noqa: SLF001
        await story.shows("try 2 in 30 s: Too many requests.")


async def test_signed_out_then_in_with_another_key() -> None:
    refusing, good = FaultyService(), FaultyService()
    refusing.listing_fault = UnauthorizedError("", status=401, code="unauthorized")
    given: list[Secret | None] = []

    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        given.append(credential)
        return Session(
            refusing if credential is None else good,
            NoJournal(),
            DEMO,
            "the demo itself",
            NoLastTarget(),
            NoLog(),
        )

    async with story_of(connect) as story:
        await story.shows("Signed out")
        line = story.app.screen.query_one(KeyLine)
        await story.until(
            lambda: [hint.label for hint in line.hints] == ["Profiles", "Help", "Quit"], "no more"
        )
        await story.press("n")
        await story.shows("There is no list of keys to do that with: Signed out.")
        await story.press("enter")
        await story.shows("is kept in memory and not stored")
        await story.paste("another-key")
        assert "another-key" not in story.text
        await story.press("enter")
        await story.shows("CI/CD Pipeline")
        assert given[-1] == Secret("another-key")


async def test_signed_out_and_in_again_with_what_is_there_by_now() -> None:
    """As where a script rotated the key of the profile."""
    services = [FaultyService(), FaultyService()]
    services[0].listing_fault = UnauthorizedError("", status=401, code="unauthorized")

    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        assert credential is None
        service = services.pop(0)
        return Session(service, NoJournal(), DEMO, "the demo itself", NoLastTarget(), NoLog())

    async with story_of(connect) as story:
        await story.shows("Signed out")
        await story.press("tab", "enter")
        await story.shows("CI/CD Pipeline")
    assert not services


async def test_a_lost_answer_names_the_orphan_and_offers_to_revoke_it(tmp_path: Path) -> None:
    service = losing()
    journal = JournalFile(tmp_path / "journal.json")
    async with story_of(connector_of(service, journal)) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("A key without an owner")
        await story.shows("Deploy bot  …q7Zd  key_13")
        await takes_answers(story)
        assert service.creates == 1, "sent once: the server does not name idempotent-create"
        [intent] = journal.open_intents(service.origin, "acc_northwind")
        assert intent.key_id == "key_13"
        service.create_fault = None
        await story.press("tab", "tab", "enter")
        await story.shows("Revoked “Deploy bot”.")
        await story.shows("What is the key for?")
        assert journal.open_intents(service.origin, "acc_northwind") == ()
        await story.press("enter")
        await story.shows("Shown this once")


async def test_an_orphan_is_named_again_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = losing()
    path = tmp_path / "journal.json"
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await story.shows("● live")
        monkeypatch.setattr(OrphanScreen, "STANDS_STILL_S", 3600.0)
        await create(story)
        await story.shows("A key without an owner")
        await story.press("tab", "tab", "enter", "escape")
        assert isinstance(story.app.screen, OrphanScreen), "keys for the list do not answer it"
        await story.press("tab")
        assert isinstance(story.app.screen, OrphanScreen)
    monkeypatch.undo()
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await story.shows("A key without an owner")
        await takes_answers(story)
        await story.press("enter")
        await story.until(lambda: story.keys_screen.is_active, "decided later")
        await story.shows("! 1 without an owner (o)")
        await story.until(lambda: story.at_cursor.name == "Deploy bot", "the cursor")
        await story.shows("! no owner  Nobody is known to have its secret: press o to decide")
        await story.press("r")
        await story.pilot.pause(0.2)
        assert story.keys_screen.is_active, "not asked twice in one session"
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await story.shows("A key without an owner")
        await takes_answers(story)
        await story.press("tab", "enter")
        await story.until(lambda: story.keys_screen.is_active, "kept")
        await story.shows("“Deploy bot” has an owner, as you say: not asked about again.")
        assert JournalFile(path).open_intents(service.origin, "acc_northwind") == ()
        assert "Deploy bot" in story.names


async def test_a_reveal_that_was_cut_is_named_at_the_next_start(tmp_path: Path) -> None:
    service = FaultyService()
    path = tmp_path / "journal.json"
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await create_and_see(story)
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await story.shows("A key without an owner")
        await story.shows("ended before anything")
        await story.shows("Deploy bot")


async def test_nothing_known_stays_written_down_and_turns_up(tmp_path: Path) -> None:
    service = FaultyService()
    service.create_fault = LOST
    journal = JournalFile(tmp_path / "journal.json")
    async with story_of(connector_of(service, journal)) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("it is not known whether")
        assert len(journal.open_intents(service.origin, "acc_northwind")) == 1
        await story.press("enter")
        service.create_fault = None
        await SeededService.create_key(service, "Deploy bot", "", 1)  # the late arrival
        await story.press("r")
        await story.until(lambda: isinstance(story.app.screen, OrphanScreen), "named")


async def test_old_intents_without_a_key_are_forgotten(tmp_path: Path) -> None:
    service = FaultyService()
    journal = JournalFile(tmp_path / "journal.json")
    journal.put(
        Intent(
            request_id="r" * 20,
            origin=service.origin,
            account_id="acc_northwind",
            name="never made",
            requested_at=datetime.now(UTC) - timedelta(hours=1),
        )
    )
    async with story_of(connector_of(service, journal)) as story:
        await story.shows("● live")
        await story.until(
            lambda: not journal.open_intents(service.origin, "acc_northwind"), "forgotten"
        )
        assert story.keys_screen.is_active


async def test_not_created_keeps_what_was_typed() -> None:
    service = FaultyService()
    service.create_fault = DOWN
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("No key was made.")
        service.create_fault = None
        await story.press("enter")
        await story.shows("What is the key for?")
        await story.shows("Deploy bot")
        await story.press("enter")
        await story.shows("Shown this once")


async def test_without_a_journal_nothing_is_sent() -> None:
    class FullDisk(NoJournal):
        def put(self, intent: Intent) -> None:
            raise JournalError("The journal can't be written (No space left on device).")

    service = FaultyService()
    async with story_of(connector_of(service, FullDisk())) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("No space left on device")
        assert service.creates == 0


@pytest.mark.parametrize(
    ("gone", "expected"),
    [(True, "already gone"), (False, "The key is still listed, so it still works.")],
)
async def test_an_uncertain_revoke_is_settled_by_reading_again(gone: bool, expected: str) -> None:
    service = FaultyService()
    service.revoke_fault, service.revokes_all_the_same = LOST, gone
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await story.put_cursor_on("Contractor: Q2 SLA review")
        await story.press("X", "tab", "enter")
        await story.shows(f"Revoked {int(gone)} of 1")
        await story.shows(expected[:40])
        assert ("Contractor: Q2 SLA review" in story.names) is not gone


async def test_an_uncertain_revoke_that_cant_be_settled_claims_nothing() -> None:
    service = FaultyService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await story.put_cursor_on("Contractor: Q2 SLA review")
        await story.press("X")
        service.revoke_fault = service.listing_fault = LOST
        await story.press("tab", "enter")
        await story.shows("Revoked 0 of 1")
        await story.shows("not known.")
        assert "Contractor: Q2 SLA review" in story.names


async def test_discard_that_fails_keeps_the_key() -> None:
    service = FaultyService()
    async with story_of(connector_of(service)) as story:
        await create_and_see(story)
        secret = story.secret
        service.revoke_fault = DOWN
        await story.discard()
        await story.shows("It could not be revoked")
        assert story.secret == secret, "the key is still here"
        service.revoke_fault = None
        await story.until(lambda: "Keep it open" not in story.text, "the way out is closed")
        await story.discard()
        await story.shows("Discarded and revoked")


async def test_quitting_asks_where_something_is_under_way() -> None:
    class Stalling(FaultyService):
        async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
            await asyncio.Event().wait()
            raise AssertionError("never reached")

    async with story_of(connector_of(Stalling())) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("Creating “Deploy bot”…")
        await story.press("n")
        await story.shows("Please wait: still creating “Deploy bot”.")
        await story.press("q")
        await story.shows("Something is under way")
        assert story.app.focused is not None
        assert story.app.focused.id == "cancel"
        await story.press("enter")
        assert story.app.is_running
        await story.press("ctrl+q")
        await story.shows("Something is under way")
        await story.press("tab", "enter")
        await story.until(lambda: story.app._exit, "left")  # noqa: SLF001


async def test_the_quit_dialog_ends_with_its_reason() -> None:
    service = SlowService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await create(story)
        await story.press("q")
        await story.shows("Something is under way")
        service.go_on.set()
        await story.shows("Shown this once")
        # On top of the dialog, or after it: it must not take the reveal with it when it goes.
        await story.pilot.pause(0.5)
        secret = story.secret.reveal()
        await story.paste(secret)
        await story.shows("Verified")
        await story.until(lambda: story.keys_screen.is_active, "nothing is left over")


async def test_a_key_that_was_revoked_meanwhile_is_not_called_fine() -> None:
    service = FaultyService()
    clock = SteppingClock()
    async with story_of(connector_of(service), clock=clock) as story:
        await create_and_see(story)
        secret = story.secret.reveal()
        await service.revoke_key("key_13")
        clock.ahead += timedelta(seconds=10)
        story.keys_screen.look_again()
        await story.until(lambda: "Deploy bot" not in story.names, "the list knows")
        await story.paste(secret)
        await story.shows("it was revoked elsewhere")


async def test_decided_later_and_revoked_by_hand_is_forgotten(tmp_path: Path) -> None:
    service = losing()
    journal = JournalFile(tmp_path / "journal.json")
    async with story_of(connector_of(service, journal)) as story:
        await lose_a_key(story)
        await story.press("enter")
        await story.put_cursor_on("Deploy bot")
        await story.press("X", "tab", "enter")
        await story.shows("Revoked “Deploy bot”")
        assert journal.open_intents(service.origin, "acc_northwind") == ()
        await story.until(lambda: "without an owner" not in story.text, "no trace")


async def test_no_key_cancels_a_create_that_was_sent() -> None:
    service = SlowService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("Creating “Deploy bot”…")
        await story.press("escape", "escape", "n", "X", "r", "enter", "escape", "ctrl+c", "escape")
        service.go_on.set()
        await story.shows("Shown this once")


async def test_what_comes_while_the_app_ends_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list arrives when the widgets that would show it are gone."""
    arrived, gone = asyncio.Event(), asyncio.Event()

    class Late(SeededService):
        lists = 0

        async def list_keys(
            self, before: KeyPages | None = None, page_seen: PageSeen | None = None
        ) -> KeyPages:
            self.lists += 1
            if self.lists > 1:
                await gone.wait()
                arrived.set()
            return await super().list_keys(before, page_seen)

    async def let_it_come(screen: KeysScreen) -> None:
        gone.set()
        await arrived.wait()
        for _ in range(20):
            await asyncio.sleep(0)

    service = Late()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await story.press("r")
        await story.until(lambda: service.lists > 1, "the list is on its way")
        monkeypatch.setattr(KeysScreen, "on_unmount", let_it_come, raising=False)
    assert arrived.is_set()


async def test_an_owner_who_says_so_is_written_down(tmp_path: Path) -> None:
    service, log = losing(), NoLog()
    connect = connector_of(service, JournalFile(tmp_path / "journal.json"), log=log)
    async with story_of(connect) as story:
        await lose_a_key(story)
        await story.press("enter")
        await story.shows("without an owner (o)")
        await story.press("o")
        await story.shows("A key without an owner")
        await takes_answers(story)
        await story.press("tab", "enter")
        await story.until(lambda: "without an owner" not in story.text, "it has one")
        assert [(each.action, each.outcome) for each in log.actions][-1] == ("prove", "said so")
        assert "no owner" not in story.text


async def test_a_help_gives_way_to_the_key_that_was_created_meanwhile() -> None:
    service = SlowService()
    async with story_of(connector_of(service)) as story:
        await story.shows("● live")
        await create(story)
        await story.shows("Creating “Deploy bot”…")
        await story.press("f1")
        await story.until(lambda: isinstance(story.app.screen, HelpScreen), "the help")
        service.go_on.set()
        await story.shows("Shown this once")
        stack = [type(screen) for screen in story.app.screen_stack]
        assert stack == [KeysScreen, RevealKeyScreen]
        await story.discard()


async def test_nobody_is_asked_about_an_owner_in_the_middle_of_something_else(
    tmp_path: Path,
) -> None:
    service = FaultyService()
    path = tmp_path / "journal.json"
    async with story_of(connector_of(service, JournalFile(path))) as story:
        await create_and_see(story)
    slow = HangingService()
    slow._keys = service._keys  # noqa: SLF001
    slow.answers.clear()
    async with story_of(connector_of(slow, JournalFile(path))) as story:
        await story.shows("Reading your API keys…")
        await story.press("p")
        await story.shows("Profiles")
        slow.answers.set()
        await story.shows("● live")
        page = story.keys_screen
        await story.until(lambda: page._actions is not None, "the review")  # noqa: SLF001
        await story.settled()
        assert isinstance(story.app.screen, ProfilesScreen)
        await story.press("escape", "r")
        await story.shows("A key without an owner")


# A rotation that was cut


def cut_rotation(service: SeededService, journal: JournalFile) -> None:
    """One whose create was answered to nobody, as a program left it that has ended."""
    intent = Intent(
        request_id="lost",
        origin=service.origin,
        account_id="acc_northwind",
        name="CI/CD Pipeline",
        requested_at=NOW,
        rotation_id="cut",
    )
    journal.put(intent)
    journal.claim_rotation(
        Rotation(
            id="cut",
            origin=service.origin,
            account_id="acc_northwind",
            mode=Mode.OVERLAP,
            old=KeyRef("key_00000000000de30d", "old-jenkins (to be removed)", "1234"),
            new_name="CI/CD Pipeline",
            target=None,
            where="",
            started_at=NOW,
            step=Step.CREATE,
            begun_at=NOW,
            watch=Watch(since=NOW, tried_at=None, old_uses=(), new_uses=(), seen_from=NOW),
        )
    )
    journal.close()


async def test_a_successor_that_nobody_has_is_marked_and_named(tmp_path: Path) -> None:
    service, journal = SeededService(), JournalFile(tmp_path / "journal.json")
    cut_rotation(service, journal)
    async with story_of(connector_of(service, journal)) as story:
        await story.shows("↻ rotating in")
        await story.press("o")
        await story.shows("Nobody is known to have “CI/CD Pipeline” (…")
        await story.put_cursor_on("CI/CD Pipeline")
        await story.press("R")
        await story.shows("It was cut while it was at this step")
        await story.press("a")
        await story.shows("Nobody is known to have the successor's secret")
        await story.press("tab", "enter")
        await story.shows("Both keys are kept")
        assert "▸" not in story.text
        await story.press("escape")
        await story.shows("A key without an owner")


async def test_with_nothing_open_that_is_said() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await story.shows("● live")
        await story.press("o")
        await story.shows("Every key has an owner, as far as this program knows.")
