"""Rotate a key so that at every moment at least one working key is known to the user.

Each step is on disk before its request leaves and after its answer came. A rotation that was cut
anywhere goes on at its step: what is known is read from the journal, the list and the target, and
what is not known is said. Nothing is sent again that may have been carried out, but for the create
where the server can repeat it (contract.md, `idempotent-create`).
"""

from __future__ import annotations

import secrets

import msgspec

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import JournalError, PulsapiError, RotationUnderWayError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.rotation import KeyRef, Mode, Rotation, Step, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import ago
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.flows.deliver import try_key
from pulsapi_tui.flows.open_ends import settle_keys
from pulsapi_tui.flows.revoke import RevokeOutcome, RevokeState, revoke_keys
from pulsapi_tui.flows.rotation_record import Advanced, Ports
from pulsapi_tui.flows.successor import Successor


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


def old_is(rotation: Rotation) -> str:
    """What becomes of the old key where a rotation without a successor is abandoned."""
    dead = rotation.old_may_be_dead
    return f"The old key {rotation.old.shown} {'is revoked, or may be' if dead else 'works on'}."


def what_is_lost(rotation: Rotation) -> str:
    """What can't be had again where a rotation with a successor is abandoned, as sentences."""
    if not rotation.stored:
        return "Nobody is known to have the successor's secret: unless you do, revoke it."
    delivered = next((each.what for each in rotation.done if each.step is Step.DELIVER), "")
    if rotation.old_was_there:
        return f"{delivered} The old key stood there: nobody may have it any more."
    return f"{delivered} Once it is revoked, a dead key stands there."


class Rotator(Successor):
    """One rotation under way: each of its steps, and the other ways out of it.

    No method raises `PulsapiError`.
    """

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
        if self.rotation.is_over and self.rotation.stored:
            # Struck off already, unless that failed.
            self._close_intent()
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
        if outcome.state is RevokeState.NOT_REVOKED:
            self._save(self.rotation.back_to(Step.REVOKE))
        if not outcome.is_dead:
            return Advanced(False, f"The old key was not revoked. {outcome.reason}")
        message = outcome.reason or "Revoked: the server confirmed it."
        self._done(message)
        return Advanced(True, message)

    async def _send_revoke(self, key_ref: KeyRef) -> RevokeOutcome:
        key = key_ref.as_key(self.rotation.started_at)
        ports = self._ports
        [outcome] = await revoke_keys([key], account=self.account, service=ports.service)
        if outcome.is_dead:
            settle_keys([key], self.account, self.rotation.origin, ports.journal)
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
        moved = self._moved_on()
        if moved is not None:
            return moved
        revoked = await self._revoke_successor()
        if not revoked.done:
            return revoked
        self.discarded()
        return Advanced(True, "The lost successor is revoked. Another one will be created.")

    def _moved_on(self) -> Advanced | None:
        """Why nothing is done where another window is, or was since, at this rotation."""
        error = self._save(self.rotation)
        if not isinstance(error, RotationUnderWayError):
            return None
        return Advanced(False, f"Nothing was changed. {error.user_message}")

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
        """End the rotation before its end: without the successor, or with both keys.

        An old key that the successor took the place of is named from then on as one that nobody is
        known to have, unless it is dead.
        """
        known = self.rotation.new
        abandoned = self._moved_on() or await self.look_for_successor()
        if abandoned is None and known is None and self.rotation.new is not None and not keep_both:
            # Nobody has agreed to the revoke of that one.
            abandoned = Advanced(False, f"There is a successor now: {self.rotation.new.shown}.")
        abandoned = abandoned or await self._abandon(keep_both=keep_both)
        if abandoned.done:
            said = [abandoned.message]
            if self.rotation.stored:
                self._close_intent()
            if await self._old_is_replaced():
                said.append(self._name_the_replaced())
            if not keep_both:
                # Where it can't be struck off, nothing may go on from here to the old key's revoke.
                self.discarded()
            unwritten = self._forget()
            if unwritten is not None:
                said.append(
                    f"But it stays written down: do not go on with it. {unwritten.user_message}"
                )
            abandoned = abandoned._replace(message=" ".join(said))
        self._note("rotate.abandon", False, abandoned)
        return abandoned

    async def _abandon(self, *, keep_both: bool) -> Advanced:
        rotation = self.rotation
        if rotation.new is None:
            if self.may_still_come:
                message = (
                    "It is not known whether a successor was made: it is named if the list shows "
                    "it."
                )
            else:
                message = "No successor was made."
            return Advanced(True, f"{message} {old_is(rotation)}")
        if keep_both:
            works = "Both keys are kept, and both work."
            if rotation.old_may_be_dead:
                works = f"The successor {rotation.new.shown} is kept. {old_is(rotation)}"
            lost = "" if rotation.stored else f" Nobody is known to have {rotation.new.shown}."
            return Advanced(True, f"{works}{lost}")
        if self._successor_is_the_last():
            return Advanced(
                False,
                f"The old key {rotation.old.shown} is revoked, or may be: without its "
                "successor there would be no key that works. It is kept; go on.",
            )
        revoked = await self._revoke_successor()
        if revoked.done and rotation.stored:
            return Advanced(True, f"{revoked.message} Where it was delivered, a dead key stands.")
        return revoked

    def _name_the_replaced(self) -> str:
        """Have the old key asked about; what is to be said of it."""
        rotation, now = self.rotation, self._ports.clock.now()
        intent = Intent(
            # Once for each key, however often its rotations are abandoned.
            request_id=f"replaced {rotation.old.id}",
            origin=rotation.origin,
            account_id=rotation.account_id,
            name=rotation.old.name,
            requested_at=now,
            state="replaced",
            key_id=rotation.old.id,
            hint=rotation.old.hint,
            target=rotation.where,
        )
        works = "may work on" if rotation.old_may_be_dead else "works on"
        had = "had" if rotation.stored else "may have"
        said = f"It {had} taken the place of {rotation.old.shown}, which {works}"
        try:
            self._ports.journal.put(intent)
        except JournalError as error:
            return f"{said}: revoke that one, unless you have it elsewhere. {error.user_message}"
        return f"{said}, and counts as a key without an owner now."

    def _successor_is_the_last(self) -> bool:
        """Whether the successor is somewhere, and the old key may be dead."""
        is_somewhere = self.rotation.stored or self.created is not None
        return is_somewhere and self.rotation.old_may_be_dead
