"""A rotation as it is known and written down, and what is seen of both keys meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from pulsapi_tui.domain.errors import JournalError, PulsapiError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Clock, Delivery, KeyService, RotationJournal
from pulsapi_tui.domain.rotation import KeyRef, Rotation, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import observed
from pulsapi_tui.flows.open_ends import recognised


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


class RotationRecord:
    """One rotation under way, and the secrets of it that are in hand; those are nowhere else."""

    def __init__(self, rotation: Rotation, account: Account, ports: Ports) -> None:
        self.rotation = rotation
        self.account = account
        self._ports = ports
        self.created: CreatedKey | None = None
        """The successor with its secret, as long as that is in hand."""
        self.intent: Intent | None = None
        self._old_secret: Secret | None = None
        self._is_forgotten = False
        self._is_creating = False
        """A create is under way here: what the list shows is told by its answer."""
        self.unwritten_since: float | None = None
        """By the monotonic clock: since when there are observations that are not written down."""

    @property
    def in_hand(self) -> bool:
        """Whether the successor's secret is here and not known to be anywhere else."""
        return self.created is not None and not self.rotation.stored

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

    def recognise(self, listed: KeyList) -> None:
        """Take the successor of a create whose answer never came from a list that shows it."""
        if self._is_creating:
            return
        with suppress(JournalError):
            known = recognised(self.rotation, listed, self._ports.journal, self._ports.clock)
            if known.new is not self.rotation.new:
                self._save(known)

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

    def _forget(self) -> JournalError | None:
        """Strike it off; why it can't be, if it can't."""
        self._is_forgotten = True
        try:
            self._ports.journal.remove_rotation(self.rotation.id)
        except JournalError as error:
            return error
        return None
