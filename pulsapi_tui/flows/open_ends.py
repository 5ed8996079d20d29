"""What earlier runs of this program left open on this machine, and how it is brought to an end."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.health import OLD_KEY, SUCCESSOR
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clock, Journal, KeyService, OpenRotations, RotationJournal
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.flows.create import review_intents
from pulsapi_tui.flows.revoke import RevokeOutcome, revoke_keys


class OpenEnds(msgspec.Struct, frozen=True):
    """Creates and rotations of one account that are not over."""

    orphans: tuple[tuple[Intent, ApiKey], ...] = ()
    """Live keys whose secret was, as far as is known, never stored."""
    waiting: tuple[Intent, ...] = ()
    """Creates that a list may still show."""
    rotations: OpenRotations = OpenRotations((), ())

    @property
    def rotating(self) -> dict[str, str]:
        """The keys that are rotating: which ones they are, by their ids."""
        return rotating_keys([*self.rotations.here, *self.rotations.elsewhere])


def rotating_keys(rotations: Iterable[Rotation]) -> dict[str, str]:
    """The old and the new keys of rotations: which ones they are, by their ids."""
    found = list(rotations)
    keys = {rotation.old.id: OLD_KEY for rotation in found}
    return keys | {each.new.id: SUCCESSOR for each in found if each.new is not None}


def open_ends(
    listed: KeyList, account: Account, origin: str, journal: RotationJournal, clock: Clock
) -> OpenEnds:
    """Hold the journal against a fresh list; what is settled is forgotten. Raises `JournalError`.

    What another instance, still alive, is at is no open end; of its rotations only the keys are
    told.
    """
    rotations = journal.open_rotations(origin, account.id)
    ids = {each.id for each in (*rotations.here, *rotations.elsewhere)}
    intents = review_intents(listed, account, origin, journal, clock, ids)
    return OpenEnds(intents.orphans, intents.waiting, rotations)


def forget_keys(
    key_ids: Collection[str], account: Account, origin: str, journal: Journal
) -> JournalError | None:
    """Of keys that are dead, nothing needs to be remembered. Returns what went wrong, if it did."""
    try:
        for intent in journal.open_intents(origin, account.id):
            if intent.key_id in key_ids:
                journal.remove(intent.request_id)
    except JournalError as error:
        return error
    return None


async def revoke_unowned(
    key: ApiKey, intent: Intent, *, account: Account, service: KeyService, journal: Journal
) -> RevokeOutcome:
    """Revoke a key that nobody has. Its intent is forgotten only where it is known to be dead."""
    [outcome] = await revoke_keys([key], account=account, service=service)
    if outcome.is_dead:
        try:
            journal.remove(intent.request_id)
        except JournalError as error:
            return msgspec.structs.replace(
                outcome, reason=f"{outcome.reason} {error.user_message}".strip()
            )
    return outcome
