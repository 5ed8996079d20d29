"""What is written of each outcome, in which words, and never the secret."""

from __future__ import annotations

from typing import cast

import pytest

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.errors import AnswerLostError, ConnectError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.ports import KeyService, Session
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.create import Created, CreateOutcome, NotCreated, Orphaned, Unresolved
from pulsapi_tui.flows.deliver import Tried
from pulsapi_tui.flows.record import LEFT_OUT, Recorder, Subject
from pulsapi_tui.flows.revoke import RevokeOutcome, RevokeState
from tests.seeded import DEMO, NoJournal, NoLastTarget, NoLog
from tests.unit.support import (
    CANARY,
    NOW,
    ORIGIN,
    FakeClock,
    ScriptedService,
    made,
    make_account,
    make_key,
)

INTENT = Intent(request_id="r1", origin=ORIGIN, account_id="acct", name="CI", requested_at=NOW)
LOST = AnswerLostError("No answer came.")


class FullLog(NoLog):
    """It can't be written."""

    def append(self, action: Action) -> bool:
        super().append(action)
        return False


@pytest.fixture
def log() -> NoLog:
    return NoLog()


def _recorder(service: ScriptedService, log: NoLog, said: list[str]) -> Recorder:
    session = Session(
        cast(KeyService, service), NoJournal(), DEMO, "the demo itself", NoLastTarget(), log
    )
    return Recorder(session, FakeClock(), make_account, lambda: said.append("once"))


@pytest.fixture
def recorder(service: ScriptedService, log: NoLog) -> Recorder:
    return _recorder(service, log, [])


def test_a_line_says_who_where_and_when(recorder: Recorder, log: NoLog) -> None:
    recorder.created("CI", Created(made(make_key("k9", "CI")), INTENT))
    assert log.actions == [
        Action(
            at=NOW,
            who="o@example.com (acct)",
            profile="demo",
            origin=ORIGIN,
            action="create",
            key_id="k9",
            key_name="CI",
            hint="wxyz",
            outcome="created",
        )
    ]


@pytest.mark.parametrize(
    ("outcome", "word", "key_id", "detail"),
    [
        (NotCreated(ConnectError("No connection.")), "not created", "", "No connection."),
        (Orphaned(LOST, make_key("k9"), INTENT), "lost", "k9", "No answer came."),
        (Unresolved(LOST, INTENT), "not known", "", "No answer came."),
    ],
)
def test_every_end_of_a_create(
    recorder: Recorder, log: NoLog, outcome: CreateOutcome, word: str, key_id: str, detail: str
) -> None:
    recorder.created("CI", outcome)
    [action] = log.actions
    assert (action.outcome, action.key_id, action.detail) == (word, key_id, detail)


@pytest.mark.parametrize("state", RevokeState)
def test_every_end_of_a_revoke(recorder: Recorder, log: NoLog, state: RevokeState) -> None:
    recorder.revoked(RevokeOutcome(make_key(), state, "Because."), "Discarded.")
    [action] = log.actions
    assert (action.action, action.outcome) == ("revoke", state.value)
    assert action.detail == "Discarded. Because."


@pytest.mark.parametrize(("works", "word"), [(True, "works"), (False, "failed")])
def test_a_try(recorder: Recorder, log: NoLog, works: bool, word: str) -> None:
    recorder.tried(make_key(), Tried(works, "GET /v1/services answered."), Secret(CANARY))
    assert (log.actions[0].action, log.actions[0].outcome) == ("prove", word)


def test_a_detail_that_holds_the_secret_is_left_out(recorder: Recorder, log: NoLog) -> None:
    recorder.note("deliver", Subject("CI"), "failed", f"Into ~/{CANARY}.", Secret(CANARY))
    assert log.actions[0].detail == LEFT_OUT


def test_what_is_not_ours_is_cleaned(recorder: Recorder, log: NoLog) -> None:
    recorder.note("revoke", Subject("a\x1b[31mb", "k\u202e"), "revoked", "x\x07y")
    [action] = log.actions
    for text in (action.key_name, action.key_id, action.detail):
        assert "\N{REPLACEMENT CHARACTER}" in text
        assert text.isprintable()


def test_a_log_that_can_t_be_written_is_said_once(service: ScriptedService) -> None:
    said: list[str] = []
    log = FullLog()
    recorder = _recorder(service, log, said)
    for _ in range(3):
        recorder.note("revoke", Subject("CI"), "revoked")
    assert said == ["once"]
    assert len(log.actions) == 3, "it is tried again each time"
