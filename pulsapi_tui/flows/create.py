"""Create a key so that no live key is left that nobody has, or at least none that nobody names.

The intent is on disk before the request leaves. A lost answer is met with a repeat where the
server names `idempotent-create` (one record, the earlier secret dead); everywhere else, and where
that fails too, the list is read and a key that appeared without us having its secret is named.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress

import msgspec

from pulsapi_tui.domain.errors import PulsapiError, StaleAttemptError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Clock, Journal, KeyService
from pulsapi_tui.domain.rotation import Rotation

ATTEMPTS = 3
"""Sendings of one create, where the server allows more than one."""

PAUSE_S = 0.5
"""Before a create is sent again."""

LONGEST_PAUSE_S = 60.0
"""Where the server asks to wait longer, the create is not sent again."""


class Created(msgspec.Struct, frozen=True):
    """The key is here, with its secret. The intent is open until the secret is stored."""

    created: CreatedKey
    intent: Intent


class NotCreated(msgspec.Struct, frozen=True):
    """The server made nothing, for sure. Nothing is left to do."""

    error: PulsapiError


class Orphaned(msgspec.Struct, frozen=True):
    """The server has a key whose secret nobody has. It can only be revoked."""

    error: PulsapiError
    orphan: ApiKey
    intent: Intent


class Unresolved(msgspec.Struct, frozen=True):
    """It is not known whether a key was made. The intent stays, and is looked at again."""

    error: PulsapiError
    intent: Intent


CreateOutcome = Created | NotCreated | Orphaned | Unresolved


async def create_key(
    name: str,
    *,
    account: Account,
    listed: KeyList,
    service: KeyService,
    journal: Journal,
    clock: Clock,
    rotation_id: str | None = None,
) -> CreateOutcome:
    """Create a key of that name; `listed` is what the account had when the user decided.

    `rotation_id` is given where it is the successor of another key. Never raises `PulsapiError`:
    what became of the create is in the outcome.
    """
    intent = Intent(
        request_id=secrets.token_urlsafe(24),
        origin=service.origin,
        account_id=account.id,
        name=name,
        requested_at=clock.now(),
        rotation_id=rotation_id,
        known_ids=frozenset(key.id for key in listed.keys if key.name == name),
    )
    try:
        journal.put(intent)
    except PulsapiError as error:
        return NotCreated(error)
    doubt: PulsapiError | None = None
    pause_s = 0.0
    for attempt in range(1, (ATTEMPTS if account.may_repeat_create else 1) + 1):
        if attempt > 1:
            await clock.sleep(pause_s)
        try:
            created = await service.create_key(name, intent.request_id, attempt)
        except PulsapiError as error:
            # A "no" to a repeat says nothing of the sending before it, and "stale" always speaks of
            # one: it may have been repeated on its way.
            if error.may_have_acted or isinstance(error, StaleAttemptError):
                doubt = error
            elif doubt is None:
                # An entry that can't be taken back settles by its age.
                with suppress(PulsapiError):
                    journal.remove(intent.request_id)
                return NotCreated(error)
            pause_s = max(PAUSE_S, error.retry_after_s or 0.0)
            if pause_s > LONGEST_PAUSE_S:
                break
            continue
        return Created(created, remember(created.key, intent, journal))
    if doubt is None:
        raise AssertionError("every sending ended in an answer or a doubt")
    return await _look_for(intent, doubt, service, journal, clock)


async def repeat_create(
    intent: Intent, *, account: Account, service: KeyService, journal: Journal, clock: Clock
) -> CreateOutcome | None:
    """Ask for the secret of an unfinished create again; None where the server has no such thing.

    The server mints another secret for the same record, or makes the record now; an earlier secret
    is dead (contract.md, `Idempotency-Attempt`). So there is one key in the end, and it is here.
    """
    age = clock.now() - intent.requested_at
    if not account.may_repeat_create or age >= SETTLED_AFTER:
        return None
    # Higher than every attempt before, also that of a program that was started meanwhile.
    attempt = ATTEMPTS + 1 + max(0, int(age.total_seconds()))
    try:
        created = await service.create_key(intent.name, intent.request_id, attempt)
    except PulsapiError as error:
        return await _look_for(intent, error, service, journal, clock)
    return Created(created, remember(created.key, intent, journal))


def remember(key: ApiKey, intent: Intent, journal: Journal) -> Intent:
    """The intent, with the key that it made; on disk, if that can be written."""
    known = msgspec.structs.replace(intent, state="created", key_id=key.id, hint=key.hint)
    try:
        journal.put(known)
    except PulsapiError:
        # The secret is in hand and must reach its owner; the first entry still names the create.
        return intent
    return known


async def _look_for(
    intent: Intent, error: PulsapiError, service: KeyService, journal: Journal, clock: Clock
) -> CreateOutcome:
    try:
        pages = await service.list_keys()
    except PulsapiError:
        return Unresolved(error, intent)
    orphan = find_own_orphan(intent, pages.keys, journal, clock)
    if orphan is None:
        # Not listed is no proof: the request may still be on its way.
        return Unresolved(error, intent)
    return Orphaned(error, orphan, remember(orphan, intent, journal))


def find_orphan(intent: Intent, keys: Iterable[ApiKey]) -> ApiKey | None:
    """The key that an unanswered create has made, if the list shows one.

    It has the name that was asked for, was not listed before, and is the newest such.
    """
    return max(_possible(intent, keys), key=lambda key: key.created_at, default=None)


def _possible(intent: Intent, keys: Iterable[ApiKey]) -> list[ApiKey]:
    """The keys that a create can have made."""
    if intent.key_id is not None:
        return [key for key in keys if key.id == intent.key_id]
    return [key for key in keys if key.name == intent.name and key.id not in intent.known_ids]


def find_own_orphan(
    intent: Intent, keys: tuple[ApiKey, ...], journal: Journal, clock: Clock
) -> ApiKey | None:
    """`find_orphan`, where there is one key alone, and no other create can have made it.

    Keys of one name are rotated side by side: a key taken for this create's would be revoked as
    lost, and may be the one that another rotation has just stored.
    """
    try:
        intents = journal.open_intents(intent.origin, intent.account_id)
    except PulsapiError:
        return None
    # The journal knows by now which keys other creates have made.
    noted = next((each for each in intents if each.request_id == intent.request_id), intent)
    is_alone = all(
        each.request_id == intent.request_id
        or each.name != intent.name
        or each.key_id is not None
        or clock.now() - each.requested_at >= SETTLED_AFTER
        for each in intents
    )
    if not is_alone and noted.key_id is None:
        return None
    others = {each.key_id for each in intents if each.request_id != intent.request_id}
    possible = _possible(noted, (key for key in keys if key.id not in others))
    return possible[0] if len(possible) == 1 else None


class OpenIntents(msgspec.Struct, frozen=True):
    """What the journal still holds of an account, held against a fresh list."""

    orphans: tuple[tuple[Intent, ApiKey], ...]
    """Live keys whose secret was, as far as is known, never stored."""
    waiting: tuple[Intent, ...]
    """Creates that a list may still show."""


def review_intents(
    keys: KeyList,
    account: Account,
    origin: str,
    journal: Journal,
    clock: Clock,
    rotations: Collection[Rotation] = (),
) -> OpenIntents:
    """Look at the open intents again; forget those that are settled.

    Those of `rotations` are left to them, and so is a key that one of them rotates.
    An intent is settled once a list that was read ten minutes after it does not have its key: the
    key is gone, or never was made. A list read sooner may be older than the key.
    A key is named for one create. Named for two of one name, its revoke would end both of them,
    and the other one's key would have no name. So the newest create, which can have made the
    fewest of them, is asked first.
    """
    orphans: list[tuple[Intent, ApiKey]] = []
    waiting: list[Intent] = []
    intents = journal.open_intents(origin, account.id)
    made = {intent.key_id for intent in intents}
    named: set[str] = set()
    for intent in reversed(intents):
        if any(
            each.id == intent.rotation_id
            or (intent.state == "replaced" and each.old.id == intent.key_id)
            for each in rotations
        ):
            continue
        possible = [key for key in keys.keys if key.id == intent.key_id or key.id not in made]
        orphan = find_orphan(intent, (key for key in possible if key.id not in named))
        age_when_listed = min(keys.fetched_at, clock.now()) - intent.requested_at
        if orphan is not None:
            named.add(orphan.id)
            orphans.append((intent, orphan))
        elif age_when_listed >= SETTLED_AFTER and find_orphan(intent, possible) is None:
            journal.remove(intent.request_id)
        else:
            waiting.append(intent)
    return OpenIntents(tuple(reversed(orphans)), tuple(reversed(waiting)))
