"""A create: journalled first, repeated only where that is safe, never lost silently."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.flows.create import (
    ATTEMPTS,
    PAUSE_S,
    Created,
    CreateOutcome,
    NotCreated,
    Orphaned,
    Unresolved,
    create_key,
    find_orphan,
    review_intents,
)
from tests.unit.support import (
    CANARY,
    NOW,
    ORIGIN,
    FakeClock,
    ScriptedService,
    made,
    make_account,
    make_key,
    pages_of,
)

LOST = errors.AnswerLostError("lost")
STALE = errors.StaleAttemptError("stale", status=409, code="idempotency_stale")
REFUSED = errors.InvalidNameError("refused", status=422, code="invalid_name")
REPEATABLE = make_account(repeatable=True)
SENT_ONCE = make_account(repeatable=False)
NEW = make_key("new", "CI", created_ago=timedelta(0))


class FailingJournal:
    """The real journal, which fails at chosen calls, as a full disk does."""

    def __init__(self, journal: JournalFile, *failing: str) -> None:
        self._journal = journal
        self._failing = set(failing)

    def put(self, intent: Intent) -> None:
        self._fail_at(f"put {intent.state}")
        self._journal.put(intent)

    def remove(self, request_id: str) -> None:
        self._fail_at("remove")
        self._journal.remove(request_id)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        return self._journal.open_intents(origin, account_id)

    def _fail_at(self, call: str) -> None:
        if call in self._failing:
            raise errors.JournalError("disk full")

    def close(self) -> None:
        self._journal.close()


class Bench:
    """One create under test, with what it left behind."""

    def __init__(self, service: ScriptedService, journal: JournalFile, clock: FakeClock) -> None:
        self.service = service
        self.journal = journal
        self.clock = clock

    async def create(
        self, account: Account, *listed: ApiKey, failing: tuple[str, ...] = ()
    ) -> CreateOutcome:
        return await create_key(
            "CI",
            account=account,
            listed=KeyList(listed, NOW),
            service=self.service,
            journal=FailingJournal(self.journal, *failing),
            clock=self.clock,
        )

    @property
    def left(self) -> tuple[Intent, ...]:
        return self.journal.open_intents(ORIGIN, "acct")


@pytest.fixture
def bench(service: ScriptedService, journal: JournalFile, clock: FakeClock) -> Bench:
    return Bench(service, journal, clock)


async def test_the_intent_is_on_disk_before_the_request_leaves(bench: Bench) -> None:
    seen: list[tuple[Intent, ...]] = []
    bench.service.creates = [made(NEW)]
    bench.service.on_create = lambda: seen.append(bench.left)
    outcome = await bench.create(SENT_ONCE, make_key("old", "CI"), make_key("other", "else"))
    [[intent]] = seen
    assert bench.service.sent == [("CI", intent.request_id, 1)]
    assert intent.state == "requested"
    assert (intent.origin, intent.account_id, intent.name) == (ORIGIN, "acct", "CI")
    assert intent.requested_at == NOW
    assert intent.known_ids == {"old"}
    assert isinstance(outcome, Created)
    assert outcome.created.secret.reveal() == CANARY
    assert outcome.intent.request_id == intent.request_id
    assert (outcome.intent.state, outcome.intent.key_id, outcome.intent.hint) == (
        "created",
        "new",
        "wxyz",
    )
    assert bench.left == (outcome.intent,)


async def test_the_journal_holds_no_secret(bench: Bench) -> None:
    bench.service.creates = [made(NEW)]
    outcome = await bench.create(SENT_ONCE)
    assert isinstance(outcome, Created)
    assert CANARY not in repr(bench.left)
    assert CANARY not in repr(outcome)


async def test_every_create_has_a_request_id_of_its_own(bench: Bench) -> None:
    bench.service.creates = [made(NEW)]
    for _ in range(20):
        await bench.create(SENT_ONCE)
    request_ids = {request_id for _, request_id, _ in bench.service.sent}
    assert len(request_ids) == 20
    assert all(len(request_id) >= 32 for request_id in request_ids)


async def test_without_a_journal_nothing_is_sent(bench: Bench) -> None:
    outcome = await bench.create(REPEATABLE, failing=("put requested",))
    assert isinstance(outcome, NotCreated)
    assert isinstance(outcome.error, errors.JournalError)
    assert bench.service.sent == []


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectError("x"),
        REFUSED,
        errors.UnauthorizedError("x", status=401),
        errors.PlanRequiredError("x", status=402, code="", upgrade_url=""),
        errors.RateLimitedError("x", status=429, code="", retry_after_s=None),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("account", [REPEATABLE, SENT_ONCE], ids=["repeatable", "sent once"])
async def test_a_certain_no_ends_it_and_leaves_nothing(
    bench: Bench, account: Account, error: errors.PulsapiError
) -> None:
    bench.service.creates = [error]
    outcome = await bench.create(account)
    assert outcome == NotCreated(error)
    assert len(bench.service.sent) == 1
    assert bench.service.listed_since == []
    assert bench.left == ()


async def test_a_no_is_told_also_where_the_journal_can_t_be_cleared(bench: Bench) -> None:
    bench.service.creates = [REFUSED]
    outcome = await bench.create(SENT_ONCE, failing=("remove",))
    assert outcome == NotCreated(REFUSED)
    assert len(bench.left) == 1


DOUBTS: list[errors.PulsapiError] = [
    LOST,
    errors.BadAnswerError("bad"),
    errors.RedirectError("elsewhere"),
    errors.UnavailableError("down", status=503),
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda error: type(error).__name__)
async def test_without_the_capability_a_create_is_sent_once(
    bench: Bench, doubt: errors.PulsapiError
) -> None:
    bench.service.creates = [doubt, made(NEW)]
    outcome = await bench.create(SENT_ONCE)
    assert len(bench.service.sent) == 1
    assert isinstance(outcome, Unresolved)
    assert outcome.error is doubt
    assert bench.left == (outcome.intent,)
    assert bench.clock.slept_s == []


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda error: type(error).__name__)
async def test_with_the_capability_a_doubt_is_met_with_a_repeat(
    bench: Bench, doubt: errors.PulsapiError
) -> None:
    bench.service.creates = [doubt, doubt, made(NEW)]
    outcome = await bench.create(REPEATABLE)
    assert isinstance(outcome, Created)
    assert len({request_id for _, request_id, _ in bench.service.sent}) == 1
    assert [attempt for *_, attempt in bench.service.sent] == [1, 2, 3]
    assert bench.clock.slept_s == [PAUSE_S, PAUSE_S]
    assert bench.service.listed_since == []


@pytest.mark.parametrize("account", [REPEATABLE, SENT_ONCE], ids=["repeatable", "sent once"])
async def test_a_lost_answer_whose_key_is_listed_is_an_orphan(
    bench: Bench, account: Account
) -> None:
    old = make_key("old", "CI")
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(make_key("x", "else"), NEW, old)]
    outcome = await bench.create(account, old)
    assert isinstance(outcome, Orphaned)
    assert outcome.orphan == NEW
    assert outcome.error is LOST
    assert (outcome.intent.state, outcome.intent.key_id) == ("created", "new")
    assert bench.left == (outcome.intent,)
    assert len(bench.service.sent) == (ATTEMPTS if account is REPEATABLE else 1)


async def test_a_lost_answer_and_no_list_is_unresolved(bench: Bench) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [errors.ConnectError("down")]
    outcome = await bench.create(SENT_ONCE)
    assert isinstance(outcome, Unresolved)
    assert outcome.error is LOST
    assert bench.left == (outcome.intent,)


async def test_a_key_of_that_name_that_was_listed_before_is_no_orphan(bench: Bench) -> None:
    old = make_key("old", "CI")
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(old)]
    assert isinstance(await bench.create(SENT_ONCE, old), Unresolved)


@pytest.mark.parametrize(
    "second",
    [
        STALE,
        REFUSED,
        errors.ConnectError("x"),
        errors.UnauthorizedError("x", status=401),
        errors.RateLimitedError("x", status=429, code="", retry_after_s=None),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_no_to_the_repeat_says_nothing_of_the_first_sending(
    bench: Bench, second: errors.PulsapiError
) -> None:
    bench.service.creates = [LOST, second]
    bench.service.listings = [pages_of(NEW)]
    outcome = await bench.create(REPEATABLE)
    assert isinstance(outcome, Orphaned)
    assert outcome.error is (STALE if second is STALE else LOST)
    assert len(bench.left) == 1


async def test_stale_speaks_of_another_sending_even_where_there_was_one(bench: Bench) -> None:
    """What lies between may have sent it twice, and the second one came first."""
    bench.service.creates = [STALE]
    bench.service.listings = [pages_of(NEW)]
    outcome = await bench.create(SENT_ONCE)
    assert isinstance(outcome, Orphaned)
    assert outcome.error is STALE


async def test_two_lost_creates_of_one_name_are_named_by_a_key_each(
    journal: JournalFile, clock: FakeClock
) -> None:
    """The newer one knew the older one's key, and can't have made it."""
    older = make_key("older", "CI", created_ago=timedelta(minutes=2))
    journal.put(_with("r1", age=timedelta(minutes=3)))
    second = msgspec.structs.replace(_with("r2"), known_ids=frozenset({"older"}))
    journal.put(second)
    found = review_intents(KeyList([NEW, older], NOW), SENT_ONCE, ORIGIN, journal, clock)
    assert [(each.request_id, key.id) for each, key in found.orphans] == [
        ("r1", "older"),
        ("r2", "new"),
    ]


async def test_a_create_does_not_settle_while_another_one_may_have_its_key(
    journal: JournalFile, clock: FakeClock
) -> None:
    journal.put(_with("r1", age=SETTLED_AFTER))
    journal.put(_with("r2", age=timedelta(minutes=9)))
    found = review_intents(KeyList([NEW], NOW), SENT_ONCE, ORIGIN, journal, clock)
    assert [(each.request_id, key.id) for each, key in found.orphans] == [("r2", "new")]
    assert [each.request_id for each in found.waiting] == ["r1"]


async def test_a_stored_key_is_not_the_next_create_s_orphan_though_the_list_is_older(
    bench: Bench,
) -> None:
    bench.service.creates = [made(NEW), LOST]
    bench.service.listings = [pages_of(NEW)]
    first = await bench.create(SENT_ONCE)
    assert isinstance(first, Created)
    bench.journal.remove(first.intent.request_id)
    second = await bench.create(SENT_ONCE)
    assert isinstance(second, Unresolved)


async def test_a_secret_in_hand_is_given_even_if_the_journal_fails_then(bench: Bench) -> None:
    bench.service.creates = [made(NEW)]
    outcome = await bench.create(SENT_ONCE, failing=("put created",))
    assert isinstance(outcome, Created)
    assert outcome.intent.state == "requested"
    assert bench.left == (outcome.intent,)


async def test_an_orphan_is_named_even_if_the_journal_fails_then(bench: Bench) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(NEW)]
    outcome = await bench.create(SENT_ONCE, failing=("put created",))
    assert isinstance(outcome, Orphaned)
    assert outcome.intent.state == "requested"


async def test_a_cancelled_create_leaves_its_intent(bench: Bench) -> None:
    def cancel() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    bench.service.on_create = cancel
    bench.service.creates = [LOST]
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(_create_again(bench))
    assert [intent.state for intent in bench.left] == ["requested"]


async def _create_again(bench: Bench) -> None:
    await bench.create(REPEATABLE)


INTENT = Intent(
    request_id="r1",
    origin=ORIGIN,
    account_id="acct",
    name="CI",
    requested_at=NOW,
    known_ids=frozenset({"old"}),
)


def test_the_newest_new_key_of_that_name_is_the_orphan() -> None:
    older = make_key("a", "CI", created_ago=timedelta(minutes=2))
    newer = make_key("b", "CI", created_ago=timedelta(minutes=1))
    old = make_key("old", "CI", created_ago=timedelta(0))
    other = make_key("c", "else", created_ago=timedelta(0))
    assert find_orphan(INTENT, (older, newer, old, other)) == newer
    assert find_orphan(INTENT, (newer, older)) == newer
    assert find_orphan(INTENT, (old, other)) is None
    assert find_orphan(INTENT, ()) is None


def test_an_intent_that_knows_its_key_looks_for_no_other() -> None:
    known = _with(key_id="mine", state="created")
    namesake = make_key("b", "CI")
    mine = make_key("mine", "renamed")
    assert find_orphan(known, (namesake, mine)) == mine
    assert find_orphan(known, (namesake,)) is None


def _with(
    request_id: str = "r1",
    *,
    key_id: str | None = None,
    state: str = "requested",
    age: timedelta = timedelta(0),
    origin: str = ORIGIN,
) -> Intent:
    return Intent(
        request_id=request_id,
        origin=origin,
        account_id="acct",
        name="CI",
        requested_at=NOW - age,
        state="created" if state == "created" else "requested",
        key_id=key_id,
    )


def test_a_review_names_orphans_and_keeps_their_intents(
    journal: JournalFile, clock: FakeClock
) -> None:
    intents = [_with("r1", key_id="new", state="created"), _with("r2", age=2 * SETTLED_AFTER)]
    for intent in intents:
        journal.put(intent)
    other = make_key("other", "CI")
    found = review_intents(KeyList([NEW, other], NOW), SENT_ONCE, ORIGIN, journal, clock)
    assert [(each.request_id, key.id) for each, key in found.orphans] == [
        ("r1", "new"),
        ("r2", "other"),
    ]
    assert found.waiting == ()
    assert [each.request_id for each in journal.open_intents(ORIGIN, "acct")] == ["r1", "r2"]


@pytest.mark.parametrize("state", ["requested", "created"])
@pytest.mark.parametrize(
    ("age", "waits"),
    [
        (timedelta(0), True),
        (SETTLED_AFTER - timedelta(seconds=1), True),
        (SETTLED_AFTER, False),
        (timedelta(days=30), False),
    ],
)
def test_an_intent_whose_key_is_not_listed_settles_by_its_age(
    journal: JournalFile, clock: FakeClock, age: timedelta, waits: bool, state: str
) -> None:
    intent = _with(age=age, state=state, key_id="gone" if state == "created" else None)
    journal.put(intent)
    found = review_intents(KeyList([], NOW), SENT_ONCE, ORIGIN, journal, clock)
    assert found.orphans == ()
    assert found.waiting == ((intent,) if waits else ())
    assert journal.open_intents(ORIGIN, "acct") == found.waiting


@pytest.mark.parametrize("state", ["requested", "created"])
def test_a_list_older_than_the_key_settles_nothing(
    journal: JournalFile, clock: FakeClock, state: str
) -> None:
    intent = _with(state=state, key_id="new" if state == "created" else None)
    journal.put(intent)
    stale = KeyList([], NOW - timedelta(seconds=1))
    clock.advance(3600)
    assert review_intents(stale, SENT_ONCE, ORIGIN, journal, clock).waiting == (intent,)


def test_a_review_leaves_other_accounts_alone(journal: JournalFile, clock: FakeClock) -> None:
    foreign = _with(origin="https://elsewhere", age=timedelta(days=30))
    journal.put(foreign)
    found = review_intents(KeyList([NEW], NOW), SENT_ONCE, ORIGIN, journal, clock)
    assert (found.orphans, found.waiting) == ((), ())
    assert journal.open_intents("https://elsewhere", "acct") == (foreign,)
