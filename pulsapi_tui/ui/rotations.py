"""The rotations in flight: loaded from the journal, watched with every list, kept in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Session
from pulsapi_tui.domain.rotation import Rotation, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.domain.verdict import Verdict
from pulsapi_tui.flows.open_ends import rotating_keys, unstored_keys
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.flows.rotation_verdict import verdict_of
from pulsapi_tui.ui.asks import Severity
from pulsapi_tui.ui.commands import press

WRITE_AFTER_S = 60.0
"""So old observations may get before they are written down."""

MOST_WRITES = 4
"""Observations that are written down with one list."""


class RotationsView(Protocol):
    """What rotations need of the screen."""

    @property
    def account(self) -> Account:
        """The account of the session."""
        ...

    @property
    def key_list(self) -> KeyList:
        """The list as last read."""
        ...

    def seen(self, key: ApiKey) -> Seen:
        """What was seen of a key's uses so far."""
        ...

    def hidden_by_filter(self, keys: Sequence[ApiKey]) -> str:
        """Which of these keys are not shown, as a sentence; empty where all of them are."""
        ...

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast."""
        ...

    def drop(self, key_ids: Iterable[str]) -> None:
        """Take keys off the list: the server confirmed that they are gone."""
        ...

    def look_again(self, cursor_id: str | None = None) -> None:
        """Read the list again."""
        ...

    def rotating(self, keys: Mapping[str, str], count: int) -> None:
        """So many rotations are under way; which keys of them are which, by their ids."""
        ...

    def unmark(self, key_ids: Iterable[str]) -> None:
        """Take the marks off these keys."""
        ...

    def signed_in(self, account: Account) -> None:
        """The session goes on with another key of its account."""
        ...


class Rotations:
    """The rotations of one session that are under way."""

    def __init__(
        self,
        session: Session,
        ports: Ports,
        view: RotationsView,
    ) -> None:
        self._session = session
        self._clock = ports.clock
        self._view = view
        self._ports = ports
        self._rotators: dict[str, Rotator] = {}
        self._elsewhere: tuple[Rotation, ...] = ()
        self._told = False

    # In flight

    @property
    def in_hand(self) -> str | None:
        """A successor whose secret is here and nowhere else, for a sentence."""
        for rotator in self._rotators.values():
            if rotator.in_hand and rotator.rotation.new is not None:
                return rotator.rotation.new.shown
        return None

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that are here, stored or not."""
        rotators = self._rotators.values()
        return [each.created.secret for each in rotators if each.created is not None]

    @property
    def every(self) -> list[Rotation]:
        """Those here, and those that another window is at."""
        return [*(each.rotation for each in self._rotators.values()), *self._elsewhere]

    def load(self) -> None:
        """Read what the journal has; says once what was left from before."""
        try:
            found = self._session.journal.open_rotations(
                self._session.service.origin, self._view.account.id
            )
        except JournalError:
            return
        self._elsewhere = found.elsewhere
        # Another window may have ended what was left to it.
        here = {rotation.id for rotation in found.here}
        for rotation_id, rotator in list(self._rotators.items()):
            if rotation_id not in here and not rotator.in_hand:
                del self._rotators[rotation_id]
        for rotation in found.here:
            if rotation.id not in self._rotators:
                rotator = Rotator(rotation, self._view.account, self._ports)
                rotator.recognise(self._view.key_list)
                self._rotators[rotation.id] = rotator
        if found.here and not self._told:
            names = ", ".join(rotation.old.shown for rotation in found.here[:3])
            more = f" and {len(found.here) - 3} more" if len(found.here) > 3 else ""
            self._view.say(
                f"Rotations under way: {names}{more}. To go on, {press('keys.rotate')} on a key."
            )
        self._told = True
        self.show_marks()

    def observe(self) -> None:
        """See what a fresh list says of the keys in flight."""
        now = self._clock.monotonic()
        due: list[Rotator] = []
        for rotator in self._rotators.values():
            rotator.observe(self._view.key_list)
            rotator.recognise(self._view.key_list)
            since = rotator.unwritten_since
            if since is not None and now - since >= WRITE_AFTER_S:
                due.append(rotator)
        # Each is a write that waits for the disk: a few with every list, the rest with the next.
        for rotator in due[:MOST_WRITES]:
            rotator.write_down()

    def show_marks(self) -> None:
        """Let the list mark the keys that are rotating."""
        every = self.every
        self._view.rotating(rotating_keys(every), len(every))

    def take(self, rotators: Iterable[Rotator]) -> None:
        """Keep rotations that were begun elsewhere in this program in sight."""
        for rotator in rotators:
            self._rotators[rotator.rotation.id] = rotator
        self.show_marks()

    def is_open(self, rotator: Rotator) -> bool:
        """Whether it is under way still."""
        return rotator.rotation.id in self._rotators

    def end(self, rotator: Rotator) -> None:
        """It is over, or abandoned."""
        self._rotators.pop(rotator.rotation.id, None)

    @property
    def without_secret(self) -> list[str]:
        """The successors whose secret is neither here nor known to be stored, for a sentence."""
        rotations = [each.rotation for each in self._rotators.values() if not each.in_hand]
        unstored = unstored_keys(rotations)
        return [each.new.shown for each in rotations if each.new and each.new.id in unstored]

    def let_go(self) -> None:
        """Forget those that are over."""
        over = [key for key, each in self._rotators.items() if each.rotation.is_over]
        for rotation_id in over:
            del self._rotators[rotation_id]
        self.show_marks()

    def watched(self) -> list[Rotator]:
        """Those whose old key is being watched."""
        return [each for each in self._rotators.values() if each.rotation.step is Step.WATCH]

    def is_rotating(self, key_id: str) -> bool:
        """Whether a key is in a rotation, here or in another window."""
        return self.of(key_id) is not None or any(each.involves(key_id) for each in self._elsewhere)

    def of(self, key_id: str) -> Rotator | None:
        """The rotation that a key is in."""
        return next(
            (each for each in self._rotators.values() if each.rotation.involves(key_id)), None
        )

    def verdict(self, rotator: Rotator) -> Verdict | None:
        """Whether the old key can be revoked; None where that is no question yet, or any more."""
        own = self._view.account.authenticated_key_id
        return verdict_of(rotator.rotation, self._view.key_list, own)
