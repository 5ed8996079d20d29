"""The successor of a key: created, delivered, and after a cut found again or named as lost."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError, JournalError, PulsapiError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Step, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import span
from pulsapi_tui.flows.create import (
    Created,
    CreateOutcome,
    NotCreated,
    Orphaned,
    create_key,
    find_orphan,
    find_own_orphan,
    remember,
    repeat_create,
)
from pulsapi_tui.flows.deliver import deliver_key
from pulsapi_tui.flows.rotation_record import Advanced, RotationRecord


class Successor(RotationRecord):
    """The steps that make a successor and bring it to where it belongs."""

    # Create

    async def _create(self, listed: KeyList) -> Advanced:
        try:
            before = self._unfinished_create()
        except JournalError as error:
            # Without it, it is not known whether one was sent already.
            return Advanced(False, f"Nothing was sent. {error.user_message}")
        self._is_creating = True
        try:
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
        finally:
            self._is_creating = False

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
        return await self._look_at_the_list(intent)

    async def look_for_successor(self) -> Advanced | None:
        """Find out what became of a create whose answer never came; no other one is sent.

        Returns why that can't be known, where it can't.
        """
        await self._find_where_it_was_to_go()
        try:
            intent = None if self.rotation.new is not None else self._unfinished_create()
        except JournalError as error:
            return Advanced(False, error.user_message, error=error)
        if intent is None:
            return None
        looked = await self._look_at_the_list(intent)
        return looked if looked.error is not None else None

    @property
    def may_still_come(self) -> bool:
        """Whether a create was sent, and it is not known that it made nothing."""
        try:
            return self.rotation.new is None and self._unfinished_create() is not None
        except JournalError:
            return True

    async def _look_at_the_list(self, intent: Intent) -> Advanced:
        try:
            keys = (await self._ports.service.list_keys()).keys
        except PulsapiError as error:
            return Advanced(False, f"The list can't be read. {error.user_message}", error=error)
        orphan = find_own_orphan(intent, keys, self._ports.journal, self._ports.clock)
        if orphan is not None:
            known = remember(orphan, intent, self._ports.journal)
            return self._take(Orphaned(PulsapiError("Its answer was lost."), orphan, known))
        if find_orphan(intent, keys) is not None:
            return Advanced(
                False,
                "The list has keys of that name that other creates may have made as well, so it is "
                "not known which one is the successor. Abandon the rotation: then you are asked "
                "about them.",
            )
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
        self._save(msgspec.structs.replace(self.rotation.back_to(Step.CREATE), new=None))
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

    async def deliver_to(self, target: Target) -> None:
        """The successor goes somewhere else than was planned."""
        # A delivery that failed may have taken its place all the same.
        is_replaced = await self._old_is_replaced()
        where = self._ports.delivery.preview(target).text
        self._save(
            msgspec.structs.replace(
                self.rotation, target=target, where=where, old_was_there=is_replaced
            )
        )

    async def _find_where_it_was_to_go(self) -> Advanced | None:
        rotation = self.rotation
        if rotation.step is not Step.DELIVER or rotation.stored or self.created is not None:
            return None
        held = await self._held()
        if held is None or rotation.new is None or not held.ends_in(rotation.new.hint):
            return None
        self._close_intent()
        return self._delivered("Found where it was to go, and read back.")

    async def _find_secret(self) -> Advanced:
        """After a cut: is the successor in its target, or can the server mint its secret again?"""
        found = await self._find_where_it_was_to_go()
        if found is not None:
            return found
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
                # On disk before it is gone from there.
                self._save(msgspec.structs.replace(self.rotation, old_was_there=True))

    async def _old_is_replaced(self) -> bool:
        """Whether the old key works on, and no longer stands where the successor went."""
        rotation = self.rotation
        if not rotation.old_was_there or rotation.is_done(Step.REVOKE):
            return False
        held = await self._held()
        return held is None or not held.ends_in(rotation.old.hint)
