"""A delivery: noted first, forgotten when it is known to be stored; and a real call with a key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.delivery import Delivered, Preview, Target, Way
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Service
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.deliver import deliver_key, try_key, what_is_replaced
from tests.terminal.processes import files_with
from tests.unit.support import CANARY, NOW, ORIGIN, ScriptedService, make_key

TARGET = Target(way_id="env_file", values={"path": "~/app/.env"})
DONE = Delivered(where="~/app/.env", message="Written, and read back.")
INTENT = Intent(
    request_id="r1",
    origin=ORIGIN,
    account_id="acct",
    name="CI",
    requested_at=NOW,
    state="created",
    key_id="k1",
    hint="wxyz",
)


@pytest.mark.parametrize(
    ("hints", "own_id", "expected"),
    [
        (("aaaa", "bbbb"), "", "Something else stands there already, which is no key of this"),
        (("aaaa", "wxyz"), "", "“key 1” (…wxyz) stands there already."),
        (("aaaa", "wxyz"), "k1", "“key 1” (…wxyz), which this program signs in with, is there."),
        (("wxyz", "wxyz"), "k1", "A key of this account stands there already, one that ends in"),
    ],
)
def test_it_is_said_what_would_be_replaced(
    hints: tuple[str, ...], own_id: str, expected: str
) -> None:
    keys = [make_key(f"k{at}", name=f"key {at}", hint=hint) for at, hint in enumerate(hints)]
    said = what_is_replaced(Secret(f"{CANARY}wxyz"), keys, own_id)
    assert said.startswith(expected)
    assert said.endswith("It would be replaced, and a key that is replaced can't be had again.")
    assert CANARY not in said


class Place:
    """A `Delivery` that calls back while it delivers."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self._during = during
        self.got: list[tuple[Secret, Target]] = []

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        return ()

    def preview(self, target: Target) -> Preview:
        return Preview("Writes it into ~/app/.env.")

    async def concerns(self, target: Target) -> tuple[str, ...]:
        return ()

    async def held(self, target: Target) -> Secret | None:
        return None

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        self._during()
        self.got.append((secret, target))
        return DONE


def open_intents(journal: JournalFile) -> tuple[Intent, ...]:
    return journal.open_intents(ORIGIN, "acct")


@pytest.fixture
def noted(journal: JournalFile) -> JournalFile:
    journal.put(INTENT)
    return journal


async def test_the_journal_has_the_target_before_and_nothing_after(noted: JournalFile) -> None:
    during: list[Intent] = []
    place = Place(lambda: during.extend(open_intents(noted)))
    secret = Secret(CANARY)
    delivered = await deliver_key(secret, INTENT, TARGET, delivery=place, journal=noted)
    assert delivered == DONE
    assert place.got == [(secret, TARGET)]
    assert during == [msgspec.structs.replace(INTENT, target="Writes it into ~/app/.env.")]
    assert open_intents(noted) == ()


async def test_after_a_failure_the_key_is_still_known(noted: JournalFile, tmp_path: Path) -> None:
    def fail() -> None:
        raise errors.DeliveryError("The disk is full.")

    with pytest.raises(errors.DeliveryError, match="disk is full"):
        await deliver_key(Secret(CANARY), INTENT, TARGET, delivery=Place(fail), journal=noted)
    [intent] = open_intents(noted)
    assert intent.key_id == "k1"
    assert intent.target == "Writes it into ~/app/.env."
    assert not files_with(CANARY, tmp_path)


class BrokenJournal:
    """A disk that fails at one of the calls."""

    def __init__(self, failing: str) -> None:
        self._failing = failing

    def put(self, intent: Intent) -> None:
        self._fail("put")

    def remove(self, request_id: str) -> None:
        self._fail("remove")

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        return ()

    def close(self) -> None:
        pass

    def _fail(self, call: str) -> None:
        if call == self._failing:
            raise errors.JournalError("The journal can't be written.")


async def test_a_journal_that_can_t_note_it_does_not_hold_the_key_back() -> None:
    place = Place()
    delivered = await deliver_key(
        Secret(CANARY), INTENT, TARGET, delivery=place, journal=BrokenJournal("put")
    )
    assert delivered == DONE
    assert place.got


async def test_a_journal_that_can_t_forget_it_is_said() -> None:
    delivered = await deliver_key(
        Secret(CANARY), INTENT, TARGET, delivery=Place(), journal=BrokenJournal("remove")
    )
    assert delivered.message.startswith("Written, and read back. But it could not be struck off")
    assert "The journal can't be written." in delivered.message


@pytest.mark.parametrize("text", [CANARY, f"~/{CANARY}", f"  {CANARY}\n"])
async def test_the_key_itself_is_no_path(noted: JournalFile, text: str) -> None:
    place = Place()
    target = Target(way_id="file", values={"path": text})
    with pytest.raises(errors.DeliveryError) as caught:
        await deliver_key(Secret(CANARY), INTENT, target, delivery=place, journal=noted)
    assert CANARY not in caught.value.user_message
    assert not place.got
    assert open_intents(noted) == (INTENT,)


SERVICES = tuple(
    Service(
        id=f"s{number}",
        name="Stripe",
        status="operational",
        group=None,
        updated_at=NOW - timedelta(hours=1),
    )
    for number in range(2)
)


class Tried(ScriptedService):
    """Answers a call with another key by its script."""

    def __init__(self, answer: tuple[Service, ...] | errors.PulsapiError) -> None:
        super().__init__()
        self._answer = answer
        self.credentials: list[Secret | None] = []

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        self.credentials.append(credential)
        if isinstance(self._answer, errors.PulsapiError):
            raise self._answer
        return self._answer


async def test_a_key_that_works() -> None:
    service = Tried(SERVICES)
    secret = Secret(CANARY)
    tried = await try_key(secret, service)
    assert tried.works
    assert tried.message == "It works: GET /v1/services answered 200 with this key, 2 services."
    assert service.credentials == [secret]
    assert "1 service." in (await try_key(secret, Tried(SERVICES[:1]))).message


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.UnauthorizedError("of the session", status=401, code="unauthorized"), "401"),
        (errors.ConnectError("PulsAPI can't be reached."), "PulsAPI can't be reached."),
        (errors.AnswerLostError("No answer."), "No answer."),
    ],
)
async def test_a_key_that_does_not(error: errors.PulsapiError, says: str) -> None:
    tried = await try_key(Secret(CANARY), Tried(error))
    assert not tried.works
    assert says in tried.message
    assert "of the session" not in tried.message
