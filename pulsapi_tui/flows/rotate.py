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
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.intents import SETTLED_AFTER
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.rotation import Mode, Rotation, Step, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import ago
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.flows.abandon import Abandonable
from pulsapi_tui.flows.deliver import try_key
from pulsapi_tui.flows.revoke import RevokeState
from pulsapi_tui.flows.rotation_record import Advanced, Ports


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


class Rotator(Abandonable):
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
            is_old = step in {Step.REVOKE, Step.CONFIRM}
            key = self.rotation.old if is_old else self._successor
            self._note(f"rotate.{step}", key, advanced)
        return advanced

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
