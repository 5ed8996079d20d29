"""The ways out of a rotation before its end, and what each leaves behind."""

from __future__ import annotations

from pulsapi_tui.domain.errors import JournalError, RotationUnderWayError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.rotation import KeyRef, Rotation, Step
from pulsapi_tui.flows.open_ends import settle_keys
from pulsapi_tui.flows.revoke import RevokeOutcome, revoke_keys
from pulsapi_tui.flows.rotation_record import Advanced
from pulsapi_tui.flows.successor import Successor


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


class Abandonable(Successor):
    """A rotation that can be given up, or begun again with another successor."""

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
        successor = self._successor
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
        self._note("rotate.abandon", successor, abandoned)
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
            request_id=f"replaced {rotation.origin} {rotation.old.id}",
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

    async def _send_revoke(self, key_ref: KeyRef) -> RevokeOutcome:
        key = key_ref.as_key(self.rotation.started_at)
        ports = self._ports
        [outcome] = await revoke_keys([key], account=self.account, service=ports.service)
        if outcome.is_dead:
            settle_keys([key], self.account, self.rotation.origin, ports.journal)
        return outcome

    @property
    def _successor(self) -> KeyRef:
        """As the log names it, made or not."""
        return self.rotation.new or KeyRef("", self.rotation.new_name, "")

    def _note(self, action: str, key: KeyRef, advanced: Advanced) -> None:
        self._ports.note(action, key, advanced.done, advanced.message)
