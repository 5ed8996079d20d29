"""A revoke claims what the server confirmed, and nothing else."""

from __future__ import annotations

import pytest

from pulsapi_tui.domain import errors
from pulsapi_tui.flows.revoke import AT_ONCE, RevokeOutcome, RevokeState, revoke_keys, why_not
from tests.unit.support import ScriptedService, make_account, make_key, pages_of

ACCOUNT = make_account(session_key_id="mine")
LOST = errors.AnswerLostError("No answer.")


async def test_a_confirmed_revoke(service: ScriptedService) -> None:
    key = make_key("a")
    [outcome] = await revoke_keys([key], account=ACCOUNT, service=service)
    assert outcome == RevokeOutcome(key, RevokeState.REVOKED)
    assert outcome.is_dead
    assert service.listed_since == []


async def test_nothing_to_revoke(service: ScriptedService) -> None:
    assert await revoke_keys([], account=ACCOUNT, service=service) == ()


async def test_the_key_of_this_session_is_never_sent(service: ScriptedService) -> None:
    key = make_key("mine", "CI")
    [outcome] = await revoke_keys([key], account=ACCOUNT, service=service)
    assert service.revoked == []
    assert outcome.state is RevokeState.NOT_REVOKED
    assert outcome.reason == why_not(key, ACCOUNT)
    assert "“CI” is the key of this session" in outcome.reason
    assert not outcome.is_dead


def test_other_keys_can_be_revoked() -> None:
    assert why_not(make_key("a"), ACCOUNT) is None


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectError("No connection."),
        errors.UnauthorizedError("No.", status=401),
        errors.ForbiddenRoleError("No.", status=403),
        errors.RateLimitedError("No.", status=429, code="", retry_after_s=None),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_certain_no_needs_no_second_look(
    service: ScriptedService, error: errors.PulsapiError
) -> None:
    service.revokes["a"] = error
    [outcome] = await revoke_keys([make_key("a")], account=ACCOUNT, service=service)
    assert outcome.state is RevokeState.NOT_REVOKED
    assert outcome.reason == error.user_message
    assert service.listed_since == []


UNCERTAIN: list[errors.PulsapiError] = [
    LOST,
    errors.BadAnswerError("Bad."),
    errors.RedirectError("Elsewhere."),
    errors.UnavailableError("Down.", status=503),
    errors.NotFoundError("Not known.", status=404, code="not_found"),
]


@pytest.mark.parametrize("error", UNCERTAIN, ids=lambda error: type(error).__name__)
async def test_an_uncertain_revoke_is_settled_by_the_list(
    service: ScriptedService, error: errors.PulsapiError
) -> None:
    alive, gone = make_key("alive"), make_key("gone")
    service.revokes = {"alive": error, "gone": error}
    service.listings = [pages_of(alive)]
    of_alive, of_gone = await revoke_keys([alive, gone], account=ACCOUNT, service=service)
    assert of_alive.state is RevokeState.NOT_REVOKED
    assert of_alive.reason == f"{error.user_message} The key is still listed, so it still works."
    assert not of_alive.is_dead
    assert of_gone.state is RevokeState.GONE
    assert of_gone.reason == f"{error.user_message} The list, read again, no longer has it."
    assert of_gone.is_dead
    assert len(service.listed_since) == 1


@pytest.mark.parametrize("error", UNCERTAIN, ids=lambda error: type(error).__name__)
async def test_without_a_list_nothing_is_claimed(
    service: ScriptedService, error: errors.PulsapiError
) -> None:
    service.revokes["a"] = error
    service.listings = [errors.ConnectError("Down.")]
    [outcome] = await revoke_keys([make_key("a")], account=ACCOUNT, service=service)
    assert outcome.state is RevokeState.UNKNOWN
    assert not outcome.is_dead
    assert outcome.reason == (f"{error.user_message} Reading the list again failed too: Down.")


@pytest.mark.parametrize("list_works", [True, False])
async def test_results_come_in_the_order_of_the_keys_and_the_certain_ones_stay(
    service: ScriptedService, list_works: bool
) -> None:
    keys = [make_key(name) for name in ("ok", "mine", "lost", "no", "ok2")]
    service.revokes = {"lost": LOST, "no": errors.ForbiddenRoleError("No.", status=403)}
    if not list_works:
        service.listings = [errors.ConnectError("Down.")]
    outcomes = await revoke_keys(keys, account=ACCOUNT, service=service)
    assert [outcome.key for outcome in outcomes] == keys
    assert [outcome.state for outcome in outcomes] == [
        RevokeState.REVOKED,
        RevokeState.NOT_REVOKED,
        RevokeState.GONE if list_works else RevokeState.UNKNOWN,
        RevokeState.NOT_REVOKED,
        RevokeState.REVOKED,
    ]


async def test_many_go_out_together_but_not_all_at_once(service: ScriptedService) -> None:
    keys = [make_key(f"k{n}") for n in range(50)]
    seen: list[RevokeOutcome] = []
    outcomes = await revoke_keys(keys, account=ACCOUNT, service=service, progress=seen.append)
    assert all(outcome.is_dead for outcome in outcomes)
    assert sorted(service.revoked) == sorted(key.id for key in keys)
    assert service.busiest == AT_ONCE
    assert len(seen) == 50
