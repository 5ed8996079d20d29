"""Rotate a key so that at every moment at least one working key is known to the user.

Each step is on disk before its request leaves and after its answer came. A rotation that was cut
anywhere goes on at its step: what is known is read from the journal, the list and the target, and
what is not known is said. Nothing is sent again that may have been carried out, but for the create
where the server can repeat it (contract.md, `idempotent-create`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError, JournalError, PulsapiError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Clock, Delivery, KeyService, RotationJournal
from pulsapi_tui.domain.rotation import KeyRef, Mode, Rotation, Step, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import ago, span
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.domain.verdict import Watch, observed
from pulsapi_tui.flows.create import (
    Created,
    CreateOutcome,
    NotCreated,
    Orphaned,
    create_key,
    find_own_orphan,
    repeat_create,
)
from pulsapi_tui.flows.deliver import deliver_key, try_key
from pulsapi_tui.flows.revoke import RevokeOutcome, revoke_keys


class Advanced(NamedTuple):
    """What came of the try to do the next step."""

    done: bool
    message: str
    """What happened, or why it did not, as a sentence."""
    output: str = ""
    """What a command said, cleaned and without the secret."""
    error: PulsapiError | None = None
    """What a retry may depend on."""


Note = Callable[[str, KeyRef, bool, str], None]
"""Called with what was done, to which key, whether it succeeded, and a sentence."""


def _note_nothing(action: str, key: KeyRef, done: bool, what: str) -> None:
    pass


class Ports(NamedTuple):
    """What a rotation needs of the world."""

    service: KeyService
    journal: RotationJournal
    delivery: Delivery
    clock: Clock
    note: Note = _note_nothing
    """For the action log."""


def plan(
    old: ApiKey,
    *,
    mode: Mode,
    new_name: str,
    target: Target | None,
    seen: Seen,
    account: Account,
    ports: Ports,
) -> Rotation:
    """A rotation that has not begun, written down; nothing was sent.

    `seen` is what is known of the old key's uses so far.

    Raises:
        RotationUnderWayError: the key is in a rotation already.
        JournalError: it can't be written down.
    """
    now = ports.clock.now()
    rotation = Rotation(
        id=secrets.token_urlsafe(12),
        origin=ports.service.origin,
        account_id=account.id,
        mode=mode,
        old=ref(old),
        new_name=new_name,
        target=target,
        where="" if target is None else ports.delivery.preview(target).text,
        started_at=now,
        watch=Watch(
            since=now,
            tried_at=None,
            old_uses=seen.uses,
            new_uses=(),
            seen_from=seen.seen_from,
            forgotten_pause_s=seen.forgotten_pause_s,
        ),
        step=Step.REVOKE if mode is Mode.REVOKE_FIRST else Step.CREATE,
    )
    ports.journal.claim_rotation(rotation)
    return rotation


class Rotator:
    """One rotation under way, and the secrets of it that are in hand; those are nowhere else.

    No method raises `PulsapiError`.
    """

    def __init__(self, rotation: Rotation, account: Account, ports: Ports) -> None:
        self.rotation = rotation
        self.account = account
        self._ports = ports
        self.created: CreatedKey | None = None
        """The successor with its secret, as long as that is in hand."""
        self.intent: Intent | None = None
        self._old_secret: Secret | None = None
        self._is_forgotten = False
        self.unwritten_since: float | None = None
        """By the monotonic clock: since when there are observations that are not written down."""

    @property
    def in_hand(self) -> bool:
        """Whether the successor's secret is here and not known to be anywhere else."""
        return self.created is not None and not self.rotation.stored

    async def advance(self, listed: KeyList) -> Advanced:
        """Do the step that is next, but for the watch, which ends when the user says so."""
        step = self.rotation.step
        if step is not Step.WATCH:
            now = self._ports.clock.now()
            deadline_at = now + SETTLED_AFTER if step is Step.CREATE else None
            unwritten = self._save(self.rotation.begin(now, deadline_at))
            if unwritten is not None:
                return Advanced(False, f"Nothing was sent. {unwritten.user_message}")
        advanced = await self._do(step, listed)
        if step is not Step.WATCH:
            self._note(f"rotate.{step}", step in {Step.REVOKE, Step.CONFIRM}, advanced)
        return advanced

    def _note(self, action: str, is_old: bool, advanced: Advanced) -> None:
        rotation = self.rotation
        key = rotation.old if is_old else rotation.new or KeyRef("", rotation.new_name, "")
        self._ports.note(action, key, advanced.done, advanced.message)

    async def _do(self, step: Step, listed: KeyList) -> Advanced:
        match step:
            case Step.CREATE:
                return await self._create(listed)
            case Step.DELIVER:
                return await self._deliver()
            case Step.PROVE:
                return await self._prove(listed)
            case Step.WATCH:
                return Advanced(False, "The old key is being watched.")
            case Step.REVOKE:
                return await self._revoke()
            case Step.CONFIRM:
                return await self._confirm()

    # Create

    async def _create(self, listed: KeyList) -> Advanced:
        try:
            before = self._unfinished_create()
        except JournalError as error:
            # Without it, it is not known whether one was sent already.
            return Advanced(False, f"Nothing was sent. {error.user_message}")
        if before is not None:
            return await self._go_on_creating(before)
        outcome = await create_key(
            self.rotation.new_name,
            account=self.account,
            listed=listed,
            service=self._ports.service,
            journal=self._ports.journal,
            clock=self._ports.clock,
            rotation_id=self.rotation.id,
        )
        return self._take(outcome)

    def _unfinished_create(self) -> Intent | None:
        """The create of this rotation whose end nobody saw, if any. Raises `JournalError`."""
        intents = self._ports.journal.open_intents(self.rotation.origin, self.rotation.account_id)
        return next((each for each in intents if each.rotation_id == self.rotation.id), None)

    def _close_intent(self) -> None:
        """Its key is stored, or dead."""
        with suppress(JournalError):
            intent = self.intent or self._unfinished_create()
            if intent is not None:
                self._ports.journal.remove(intent.request_id)

    async def _go_on_creating(self, intent: Intent) -> Advanced:
        outcome = await repeat_create(
            intent,
            account=self.account,
            service=self._ports.service,
            journal=self._ports.journal,
            clock=self._ports.clock,
        )
        if outcome is not None:
            return self._take(outcome)
        try:
            keys = (await self._ports.service.list_keys()).keys
        except PulsapiError as error:
            return Advanced(False, f"The list can't be read. {error.user_message}", error=error)
        orphan = find_own_orphan(intent, keys, self._ports.journal, self._ports.clock)
        if orphan is not None:
            return self._take(Orphaned(PulsapiError("Its answer was lost."), orphan, intent))
        age = self._ports.clock.now() - intent.requested_at
        if age < SETTLED_AFTER:
            left = span((SETTLED_AFTER - age).total_seconds())
            return Advanced(
                False,
                "A create was sent and its answer never came. The list does not show the key, but "
                f"the request may still be on its way: look again, in {left} at the latest.",
            )
        with suppress(JournalError):
            self._ports.journal.remove(intent.request_id)
        self._save(self.rotation.back_to(Step.CREATE))
        return Advanced(False, "No successor was made. Go on, and one will be created.")

    def _take(self, outcome: CreateOutcome) -> Advanced:
        match outcome:
            case Created(created, intent):
                self.created, self.intent = created, intent
                message = f"Created …{created.key.hint}."
                self._done(message, new=ref(created.key))
                return Advanced(True, message)
            case NotCreated(error):
                self._save(self.rotation.back_to(Step.CREATE))
                return Advanced(False, f"No key was made. {error.user_message}", error=error)
            case Orphaned(error, orphan, intent):
                self.intent = intent
                self._done(f"Made as …{orphan.hint}; its secret was lost.", new=ref(orphan))
                return Advanced(False, f"{error.user_message} {self._lost()}")
        return Advanced(
            False,
            f"{outcome.error.user_message} It is not known whether a successor was made. Go on to "
            "look again.",
            error=outcome.error,
        )

    # Deliver

    def _lost(self) -> str:
        shown = self.rotation.new.shown if self.rotation.new else "The successor"
        return (
            f"The successor {shown} is there, but its secret is not in hand any more. Replace it "
            "by another one, or go on if you have it."
        )

    async def _deliver(self) -> Advanced:
        if self.rotation.stored:
            return self._delivered("Stored.")
        if self.created is None:
            return await self._find_secret()
        target = self.rotation.target
        if target is None or self.intent is None:
            return Advanced(False, "It is to be shown: take it to where it belongs.")
        await self._remember_old_secret(target)
        try:
            delivered = await deliver_key(
                self.created.secret,
                self.intent,
                target,
                delivery=self._ports.delivery,
                journal=self._ports.journal,
            )
        except DeliveryError as error:
            return Advanced(False, error.user_message, error.output, error)
        return self._delivered(delivered.message, delivered.output)

    def _delivered(self, message: str, output: str = "") -> Advanced:
        watch = msgspec.structs.replace(self.rotation.watch, since=self._ports.clock.now())
        self._done(message, stored=True, watch=watch)
        return Advanced(True, message, output)

    def handed_over(self, how: str) -> None:
        """The successor is known to be stored: it was shown, or its owner says so."""
        self._close_intent()
        self._delivered(how)

    def discarded(self) -> None:
        """The successor was shown, and its owner had it revoked."""
        self.created = self.intent = None
        again = self.rotation.back_to(Step.CREATE)
        self._save(msgspec.structs.replace(again, new=None, stored=False))

    def deliver_to(self, target: Target) -> None:
        """The successor goes somewhere else than was planned."""
        where = self._ports.delivery.preview(target).text
        self._save(msgspec.structs.replace(self.rotation, target=target, where=where))

    async def _find_secret(self) -> Advanced:
        """After a cut: is the successor in its target, or can the server mint its secret again?"""
        new = self.rotation.new
        held = await self._held()
        if held is not None and new is not None and held.ends_in(new.hint):
            self._close_intent()
            return self._delivered("Found where it was to go, and read back.")
        try:
            intent = self._unfinished_create()
        except JournalError as error:
            return Advanced(False, error.user_message)
        if intent is not None:
            outcome = await repeat_create(
                intent,
                account=self.account,
                service=self._ports.service,
                journal=self._ports.journal,
                clock=self._ports.clock,
            )
            if isinstance(outcome, Created):
                self.created, self.intent = outcome.created, outcome.intent
                self._save(msgspec.structs.replace(self.rotation, new=ref(outcome.created.key)))
                return await self._deliver()
        return Advanced(False, self._lost())

    async def _held(self) -> Secret | None:
        """What stands in the target now, where a target can be read."""
        if self.rotation.target is None:
            return None
        with suppress(DeliveryError):
            return await self._ports.delivery.held(self.rotation.target)
        return None

    async def _remember_old_secret(self, target: Target) -> None:
        """Keep the old secret, if it stands in the target, to see it refused in the end."""
        with suppress(DeliveryError):
            held = await self._ports.delivery.held(target)
            if held is not None and held.ends_in(self.rotation.old.hint):
                self._old_secret = held

    # Prove and watch

    async def _prove(self, listed: KeyList) -> Advanced:
        secret = self.created.secret if self.created is not None else await self._held()
        new = self.rotation.new
        if secret is None or new is None or not secret.ends_in(new.hint):
            used = listed.by_id.get(new.id) if new is not None else None
            if used is not None and used.last_used_at is not None:
                message = f"In use: {ago(used.last_used_at, self._ports.clock.now())}."
            else:
                message = (
                    "Not tried from here, since its secret is not in hand: its use is watched."
                )
            self._done(message)
            return Advanced(True, message)
        tried = await try_key(secret, self._ports.service)
        if not tried.works:
            return Advanced(False, tried.message)
        if self.rotation.old.id == self.account.authenticated_key_id:
            adopted = await self._adopt(secret)
            if adopted is not None:
                return adopted
        watch = msgspec.structs.replace(self.rotation.watch, tried_at=self._ports.clock.now())
        self._done(tried.message, watch=watch)
        self.created = None
        return Advanced(True, tried.message)

    async def _adopt(self, secret: Secret) -> Advanced | None:
        """Go on with the successor of this session's own key; what went wrong, if it did."""
        try:
            self.account = await self._ports.service.sign_in(secret)
        except PulsapiError as error:
            return Advanced(
                False,
                f"This program could not go on with the successor. {error.user_message}",
                error=error,
            )
        return None

    def observe(self, listed: KeyList) -> None:
        """See what a fresh list says of both keys.

        It is written down now and then (`write_down`): a key in use moves with every list, and a
        minute of observations that a crash takes along makes a verdict no less true.
        """
        old, new = self._listed(listed)
        if old is None:
            return
        watch = observed(self.rotation.watch, old, new)
        if watch is not self.rotation.watch:
            self.rotation = msgspec.structs.replace(self.rotation, watch=watch)
            if self.unwritten_since is None:
                self.unwritten_since = self._ports.clock.monotonic()

    def write_down(self) -> None:
        """Write down what was observed."""
        self._save(self.rotation)

    def _listed(self, listed: KeyList) -> tuple[ApiKey | None, ApiKey | None]:
        new = self.rotation.new
        return (
            listed.by_id.get(self.rotation.old.id),
            None if new is None else listed.by_id.get(new.id),
        )

    def stop_watching(self, why: str) -> None:
        """The user goes on to the revoke."""
        if self.rotation.step is Step.WATCH:
            self._done(why)

    # Revoke and confirm

    async def _revoke(self) -> Advanced:
        if self.rotation.old.id == self.account.authenticated_key_id:
            secret = await self._held()
            new = self.rotation.new
            if secret is None or new is None or not secret.ends_in(new.hint):
                return Advanced(
                    False,
                    "This program is signed in with the old key. Start it with the successor, and "
                    "go on then.",
                )
            adopted = await self._adopt(secret)
            if adopted is not None:
                return adopted
        outcome = await self._send_revoke(self.rotation.old)
        if not outcome.is_dead:
            return Advanced(False, f"The old key was not revoked. {outcome.reason}")
        message = outcome.reason or "Revoked: the server confirmed it."
        self._done(message)
        return Advanced(True, message)

    async def _send_revoke(self, key_ref: KeyRef) -> RevokeOutcome:
        key = key_ref.as_key(self.rotation.started_at)
        [outcome] = await revoke_keys([key], account=self.account, service=self._ports.service)
        return outcome

    async def _confirm(self) -> Advanced:
        try:
            listed = {key.id for key in (await self._ports.service.list_keys()).keys}
        except PulsapiError as error:
            return Advanced(False, f"The list can't be read. {error.user_message}", error=error)
        old = self.rotation.old
        if old.id in listed:
            self._save(self.rotation.back_to(Step.REVOKE))
            return Advanced(False, f"The list still has the old key {old.shown}: it still works.")
        message = "The list, read again, no longer has it."
        if self._old_secret is not None:
            tried = await try_key(self._old_secret, self._ports.service)
            if tried.works:
                return Advanced(
                    False,
                    f"The list no longer has the old key {old.shown}, but PulsAPI still answers "
                    "200 to it. Go on to look again.",
                )
            if tried.refused:
                message = f"{message} It gets 401 Unauthorized."
        self._done(message)
        return Advanced(True, message)

    # Other ways out

    async def replace(self) -> Advanced:
        """Revoke a successor whose secret is lost, and begin again with another one."""
        revoked = await self._revoke_successor()
        if not revoked.done:
            return revoked
        self.discarded()
        return Advanced(True, "The lost successor is revoked. Another one will be created.")

    async def _revoke_successor(self) -> Advanced:
        new = self.rotation.new
        if new is None:
            return Advanced(True, "There is no successor.")
        outcome = await self._send_revoke(new)
        if not outcome.is_dead:
            return Advanced(False, f"The successor was not revoked. {outcome.reason}")
        self._close_intent()
        return Advanced(True, f"The successor {new.shown} is revoked.")

    async def abandon(self, *, keep_both: bool) -> Advanced:
        """End the rotation before its end: without the successor, or with both keys."""
        if keep_both:
            abandoned = Advanced(True, "Both keys are kept, and both work.")
        elif self._successor_is_the_last():
            abandoned = Advanced(
                False,
                f"The old key {self.rotation.old.shown} is revoked, or may be: without its "
                "successor there would be no key that works. It is kept; go on.",
            )
        else:
            abandoned = await self._revoke_successor()
        if abandoned.done:
            self._forget()
        self._note("rotate.abandon", False, abandoned)
        return abandoned

    def _successor_is_the_last(self) -> bool:
        """Whether the successor is somewhere, and the old key may be dead."""
        is_somewhere = self.rotation.stored or self.created is not None
        return is_somewhere and self.rotation.old_may_be_dead

    # The journal

    def _done(self, message: str, **changes: object) -> None:
        finished = self.rotation.finish(self._ports.clock.now(), message)
        self._save(msgspec.structs.replace(finished, **changes))
        if self.rotation.is_over:
            self._old_secret = self.created = None
            self._forget()

    def _save(self, rotation: Rotation) -> JournalError | None:
        """Go on as that, and write it down; why it can't be written, if it can't."""
        self.rotation = rotation
        self.unwritten_since = None
        if self._is_forgotten:
            # What is over must not be brought back by an observation that came after it.
            return None
        try:
            self._ports.journal.put_rotation(rotation)
        except JournalError as error:
            return error
        return None

    def _forget(self) -> None:
        self._is_forgotten = True
        with suppress(JournalError):
            self._ports.journal.remove_rotation(self.rotation.id)
