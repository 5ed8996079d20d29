"""Revoke keys, and claim only what the server confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from pulsapi_tui.domain.errors import NotFoundError, PulsapiError
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import KeyService

AT_ONCE = 24
"""Requests of one bulk revoke under way together."""


class RevokeState(Enum):
    """What is known of a key after the try to revoke it."""

    REVOKED = "revoked"
    """The server confirmed it."""
    GONE = "already gone"
    """The server no longer lists it: revoked, by this try or before it."""
    NOT_REVOKED = "not revoked"
    """The server said no, or the key is still listed."""
    UNKNOWN = "not known"
    """No certain answer, and the list could not be read."""


class RevokeOutcome(msgspec.Struct, frozen=True):
    """A key and what became of it."""

    key: ApiKey
    state: RevokeState
    reason: str = ""
    """A sentence, where it was not simply confirmed."""

    @property
    def is_dead(self) -> bool:
        """Whether the key is certainly not usable any more."""
        return self.state in {RevokeState.REVOKED, RevokeState.GONE}


Progress = Callable[[RevokeOutcome], None]


def why_not(key: ApiKey, account: Account) -> str | None:
    """The reason why this key can't be revoked here, if there is one."""
    if key.id == account.authenticated_key_id:
        return (
            f"“{key.name}” is the key of this session: revoking it would lock this program out "
            "in the middle. Rotate it instead: this program then goes on with its successor, and "
            "only then revokes this one."
        )
    return None


async def revoke_keys(
    keys: Sequence[ApiKey],
    *,
    account: Account,
    service: KeyService,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> tuple[RevokeOutcome, ...]:
    """Revoke each key; a result for each, in their order. Never raises `PulsapiError`.

    Once `stop` is set, no other one is begun.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def revoke_one(key: ApiKey) -> RevokeOutcome:
        async with places:
            if stop is not None and stop.is_set():
                outcome = RevokeOutcome(key, RevokeState.NOT_REVOKED, "Not begun: you stopped it.")
            else:
                outcome = await _send(key, account, service)
        if progress is not None:
            progress(outcome)
        return outcome

    outcomes = await asyncio.gather(*map(revoke_one, keys))
    if all(outcome.state is not RevokeState.UNKNOWN for outcome in outcomes):
        return tuple(outcomes)
    return await _settle(outcomes, service)


async def _send(key: ApiKey, account: Account, service: KeyService) -> RevokeOutcome:
    refusal = why_not(key, account)
    if refusal is not None:
        return RevokeOutcome(key, RevokeState.NOT_REVOKED, refusal)
    try:
        await service.revoke_key(key.id)
    except PulsapiError as error:
        # A 404 may come from something in front of the server: the list decides.
        uncertain = error.may_have_acted or isinstance(error, NotFoundError)
        state = RevokeState.UNKNOWN if uncertain else RevokeState.NOT_REVOKED
        return RevokeOutcome(key, state, error.user_message)
    return RevokeOutcome(key, RevokeState.REVOKED)


async def _settle(
    outcomes: Sequence[RevokeOutcome], service: KeyService
) -> tuple[RevokeOutcome, ...]:
    """Read the list again before anything is claimed of the uncertain ones."""
    try:
        listed = {key.id for key in (await service.list_keys()).keys}
    except PulsapiError as error:
        return tuple(_with_reason(outcome, error) for outcome in outcomes)
    return tuple(_settled(outcome, listed) for outcome in outcomes)


def _with_reason(outcome: RevokeOutcome, error: PulsapiError) -> RevokeOutcome:
    if outcome.state is not RevokeState.UNKNOWN:
        return outcome
    reason = f"{outcome.reason} Reading the list again failed too: {error.user_message}"
    return RevokeOutcome(outcome.key, RevokeState.UNKNOWN, reason)


def _settled(outcome: RevokeOutcome, listed: set[str]) -> RevokeOutcome:
    if outcome.state is not RevokeState.UNKNOWN:
        return outcome
    if outcome.key.id in listed:
        return RevokeOutcome(
            outcome.key,
            RevokeState.NOT_REVOKED,
            f"{outcome.reason} The key is still listed, so it still works.",
        )
    return RevokeOutcome(
        outcome.key,
        RevokeState.GONE,
        f"{outcome.reason} The list, read again, no longer has it.",
    )
