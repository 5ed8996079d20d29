"""Write down what was done, in the words of the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clock, Session
from pulsapi_tui.domain.rotation import KeyRef
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean
from pulsapi_tui.flows.create import Created, CreateOutcome, NotCreated, Orphaned
from pulsapi_tui.flows.deliver import Tried
from pulsapi_tui.flows.revoke import RevokeOutcome

LEFT_OUT = "(left out: it held the key)"


class Subject(NamedTuple):
    """The key that something was done to, as far as it is known."""

    name: str
    key_id: str = ""
    hint: str = ""

    @classmethod
    def of(cls, key: ApiKey) -> Subject:
        """A key that exists."""
        return cls(key.name, key.id, key.hint)


class Recorder:
    """Notes what one session does. A log that can't be written changes nothing but one toast.

    `account` is asked for at each action; `unwritable` is called once.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        account: Callable[[], Account],
        unwritable: Callable[[], None],
    ) -> None:
        self._session = session
        self._clock = clock
        self._account = account
        self._unwritable = unwritable
        self._is_said = False

    def note(
        self,
        action: str,
        subject: Subject,
        outcome: str,
        detail: str = "",
        secret: Secret | None = None,
    ) -> None:
        """Write a line. `secret` is the one in hand: a detail that holds it is left out."""
        if secret is not None and secret.stands_in(detail):
            detail = LEFT_OUT
        account = self._account()
        kept = self._session.log.append(
            Action(
                at=self._clock.now(),
                who=clean(f"{account.email} ({account.id})"),
                profile=clean(self._session.profile.name),
                origin=clean(self._session.service.origin),
                action=action,
                key_id=clean(subject.key_id),
                key_name=clean(subject.name),
                hint=clean(subject.hint),
                outcome=outcome,
                detail=clean(detail),
            )
        )
        if not kept and not self._is_said:
            self._is_said = True
            self._unwritable()

    def created(self, name: str, outcome: CreateOutcome) -> None:
        """What became of a create."""
        match outcome:
            case Created(created, _):
                self.note("create", Subject.of(created.key), "created", secret=created.secret)
            case NotCreated(error):
                self.note("create", Subject(name), "not created", error.user_message)
            case Orphaned(error, orphan, _):
                self.note("create", Subject.of(orphan), "lost", error.user_message)
            case _:
                self.note("create", Subject(name), "not known", outcome.error.user_message)

    def tried(self, key: ApiKey, tried: Tried, secret: Secret) -> None:
        """What a real call with a key has shown."""
        outcome = "works" if tried.works else "failed"
        self.note("prove", Subject.of(key), outcome, tried.message, secret)

    def rotated(self, action: str, key: KeyRef, done: bool, what: str) -> None:
        """A step of a rotation."""
        self.note(action, Subject(key.name, key.id, key.hint), "done" if done else "failed", what)

    def revoked(self, outcome: RevokeOutcome, why: str = "") -> None:
        """What the server confirmed of a revoke; `why` is said before what went wrong."""
        detail = " ".join(filter(None, (why, outcome.reason)))
        self.note("revoke", Subject.of(outcome.key), outcome.state.value, detail)
