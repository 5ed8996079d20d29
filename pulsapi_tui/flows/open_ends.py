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
from pulsapi_tui.domain.rotation import Rotation, Step, ref
from pulsapi_tui.flows.create import find_own_orphan, remember, review_intents
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

    @property
    def unowned(self) -> frozenset[str]:
        """The ids of keys that nobody is known to have, successors among them."""
        orphans = {key.id for _, key in self.orphans}
        return frozenset(orphans | unstored_keys(self.rotations.here))


def rotating_keys(rotations: Iterable[Rotation]) -> dict[str, str]:
    """The old and the new keys of rotations: which ones they are, by their ids."""
    found = list(rotations)
    keys = {rotation.old.id: OLD_KEY for rotation in found}
    return keys | {each.new.id: SUCCESSOR for each in found if each.new is not None}


def unstored_keys(rotations: Iterable[Rotation]) -> set[str]:
    """The ids of successors that are not known to be stored."""
    return {each.new.id for each in rotations if each.new is not None and not each.stored}


def recognised(rotation: Rotation, keys: KeyList, journal: Journal, clock: Clock) -> Rotation:
    """With the successor that an unanswered create has made, if the list shows it.

    Raises `JournalError`.
    """
    if rotation.new is not None or rotation.begun_at is None or rotation.step is not Step.CREATE:
        return rotation
    intents = journal.open_intents(rotation.origin, rotation.account_id)
    intent = next((each for each in intents if each.rotation_id == rotation.id), None)
    made = None if intent is None else find_own_orphan(intent, keys.keys, journal, clock)
    if intent is None or made is None:
        return rotation
    remember(made, intent, journal)
    return msgspec.structs.replace(rotation, new=ref(made))


def open_ends(
    listed: KeyList, account: Account, origin: str, journal: RotationJournal, clock: Clock
) -> OpenEnds:
    """Hold the journal against a fresh list; what is settled is forgotten. Raises `JournalError`.

    What another instance, still alive, is at is no open end; of its rotations only the keys are
    told.
    """
    found = journal.open_rotations(origin, account.id)
    here = tuple(recognised(each, listed, journal, clock) for each in found.here)
    rotations = OpenRotations(here, found.elsewhere)
    every = (*rotations.here, *rotations.elsewhere)
    intents = review_intents(listed, account, origin, journal, clock, every)
    return OpenEnds(intents.orphans, intents.waiting, rotations)


def is_awaited(intent: Intent) -> bool:
    """Whether a key of this create is to be expected."""
    return intent.key_id is None and not intent.is_dealt_with


def _settle(intent: Intent, keys: Iterable[ApiKey], journal: Journal) -> None:
    # A key that was taken for this create's by its name alone may be another one's: this one's own
    # may still turn up.
    ids = {key.id for key in keys if intent.key_id == key.id or intent.name == key.name}
    if intent.key_id in ids:
        journal.remove(intent.request_id)
    elif intent.key_id is None and not ids <= intent.known_ids:
        known = intent.known_ids | ids
        journal.put(msgspec.structs.replace(intent, known_ids=known, is_dealt_with=True))


def settle_keys(
    keys: Collection[ApiKey], account: Account, origin: str, journal: Journal
) -> JournalError | None:
    """Do not ask again about keys that are dead, or have an owner.

    Returns what went wrong, if it did.
    """
    try:
        for intent in journal.open_intents(origin, account.id):
            _settle(intent, keys, journal)
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
