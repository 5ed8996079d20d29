"""Live keys that, as far as is known, nobody has: named, and decided about by the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clock, Session
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.flows.create import review_intents
from pulsapi_tui.flows.open_ends import is_awaited, settle_keys
from pulsapi_tui.flows.record import Recorder, Subject
from pulsapi_tui.flows.revoke import RevokeOutcome
from pulsapi_tui.ui.asks import Asks, OrphanChoice, Severity

Revoke = Callable[[ApiKey], Awaitable[RevokeOutcome]]


class OrphansView(Protocol):
    """What is needed of the screen."""

    @property
    def account(self) -> Account:
        """The account of the session."""
        ...

    @property
    def key_list(self) -> KeyList:
        """The list as last read."""
        ...

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast."""
        ...

    def put_off(self, key_id: str) -> None:
        """The user decides later about this key without an owner."""
        ...

    def has_owner(self, key_id: str) -> None:
        """This key has an owner."""
        ...


class Orphans:
    """The creates of one session that are not over."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        asks: Asks,
        revoke: Revoke,
        view: OrphansView,
        recorder: Recorder,
    ) -> None:
        self._session = session
        self._clock = clock
        self._asks = asks
        self._revoke = revoke
        self._view = view
        self._recorder = recorder
        self._put_off: set[str] = set()
        self.own: set[str] = set()
        """Creates of this run, by their request ids: they are handed over, not asked about."""

    async def review(self, rotations: Collection[Rotation]) -> bool:
        """Hold the journal against the fresh list, and ask about keys without an owner.

        Returns whether each key had one, as far as is known.
        """
        try:
            found = review_intents(
                self._view.key_list,
                self._view.account,
                self._session.service.origin,
                self._session.journal,
                self._clock,
                rotations,
            )
        except JournalError as error:
            if "journal" not in self._put_off:
                self._put_off.add("journal")
                self._view.say(error.user_message, "warning")
            return False
        for intent, orphan in found.orphans:
            if intent.request_id in self.own | self._put_off:
                continue
            if self._session.profile.read_only:
                self._put_off.add(intent.request_id)
                self._view.put_off(orphan.id)
            else:
                await self.resolve(intent, orphan, _why(intent))
        return not found.orphans and not any(map(is_awaited, found.waiting))

    def ask_again(self) -> None:
        """Forget what was put off: the next review asks about it."""
        self._put_off.clear()

    async def resolve(self, intent: Intent, orphan: ApiKey, why: str) -> OrphanChoice:
        """Ask what to do with it, and do that."""
        while True:
            choice = await self._asks.orphan(orphan, why, self._clock.now())
            if choice is OrphanChoice.KEEP:
                self.settle([orphan])
                self._view.has_owner(orphan.id)
                self._recorder.note("prove", Subject.of(orphan), "said so", "Its owner has it.")
                self._view.say(f"“{orphan.name}” has an owner, as you say: not asked about again.")
            elif choice is OrphanChoice.LATER:
                self._put_off.add(intent.request_id)
                self._view.put_off(orphan.id)
            else:
                outcome = await self._revoke(orphan)
                if not outcome.is_dead:
                    why = f"It could not be revoked: {outcome.reason}"
                    continue
                self._view.say(f"Revoked “{orphan.name}”.")
            return choice

    def forget(self, intent: Intent) -> None:
        """Its key is stored, or dead."""
        try:
            self._session.journal.remove(intent.request_id)
        except JournalError as error:
            self._view.say(error.user_message, "warning")

    def settle(self, keys: Sequence[ApiKey]) -> None:
        """Do not ask again about keys that are dead, or have an owner."""
        session = self._session
        error = settle_keys(keys, self._view.account, session.service.origin, session.journal)
        if error is not None:
            self._view.say(error.user_message, "warning")


def _why(intent: Intent) -> str:
    if intent.state == "replaced":
        return (
            "It stood where its successor went, and their rotation was abandoned. It works on, and "
            "nothing is known of another copy of its secret."
        )
    if intent.target is not None:
        return (
            "This program created it, tried to deliver it, and ended before anything proved that "
            f"it got there. Look there first: {intent.target}"
        )
    if intent.state == "created":
        return (
            "This program created it and showed it, or was about to, and ended before anything "
            "proved that the secret was stored."
        )
    return "This program asked for it, and the answer with the secret never came."
