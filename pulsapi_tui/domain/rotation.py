"""A rotation: one key gives way to its successor, step by step, and what is known of it.

    overlap       create > deliver > prove > watch > revoke > confirm
    at once       create > deliver > prove > revoke > confirm        after a leak
    revoke first  revoke > confirm > create > deliver > prove        after a leak

A rotation holds ids, names and times, never a secret, so it can be written down.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.verdict import Watch


class Step(StrEnum):
    """What a rotation consists of."""

    CREATE = "create"
    DELIVER = "deliver"
    PROVE = "prove"
    """A real call with the successor."""
    WATCH = "watch"
    """Until the old key is quiet; over when the user says so."""
    REVOKE = "revoke"
    CONFIRM = "confirm"
    """The list is read again, and the old key tried where its secret is at hand."""


class Mode(StrEnum):
    """How much the old key's users are considered."""

    OVERLAP = "overlap"
    AT_ONCE = "at once"
    REVOKE_FIRST = "revoke first"


ORDER: dict[Mode, tuple[Step, ...]] = {
    Mode.OVERLAP: tuple(Step),
    Mode.AT_ONCE: (Step.CREATE, Step.DELIVER, Step.PROVE, Step.REVOKE, Step.CONFIRM),
    Mode.REVOKE_FIRST: (Step.REVOKE, Step.CONFIRM, Step.CREATE, Step.DELIVER, Step.PROVE),
}


class KeyRef(msgspec.Struct, frozen=True):
    """A key, as far as it must be known to find and to name it."""

    id: str
    name: str
    hint: str

    @property
    def shown(self) -> str:
        """For a sentence."""
        return f"“{self.name}” (…{self.hint})"

    def as_key(self, created_at: datetime) -> ApiKey:
        """As a key, where one is asked for and the list no longer has it."""
        return ApiKey(
            id=self.id, name=self.name, hint=self.hint, created_at=created_at, last_used_at=None
        )


def ref(key: ApiKey) -> KeyRef:
    """What to remember of a key."""
    return KeyRef(key.id, key.name, key.hint)


class StepDone(msgspec.Struct, frozen=True):
    """A step that is over, and what is known of it."""

    step: Step
    at: datetime
    what: str
    """A sentence."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """A rotation that is under way."""

    id: str
    origin: str
    account_id: str
    mode: Mode
    old: KeyRef
    new_name: str
    target: Target | None
    """Where the successor goes; None: it is shown."""
    where: str
    """The target in words."""
    started_at: datetime
    step: Step
    """The one that is next, or under way."""
    begun_at: datetime | None = None
    """Its request may have been sent then; what came of it is not known."""
    deadline_at: datetime | None = None
    """A request that was begun has no effect after that."""
    new: KeyRef | None = None
    stored: bool = False
    """The successor's secret is known to be somewhere else than here."""
    old_was_there: bool = False
    """The old key stood where the successor goes, before that one was delivered."""
    watch: Watch
    """What was seen of both keys."""
    done: tuple[StepDone, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All its steps, in their order."""
        return ORDER[self.mode]

    @property
    def is_over(self) -> bool:
        """Whether every step is done."""
        return {each.step for each in self.done} >= set(self.steps)

    def is_done(self, step: Step) -> bool:
        """Whether that step is over."""
        return any(each.step is step for each in self.done)

    @property
    def old_may_be_dead(self) -> bool:
        """Whether the old key's revoke was sent, whatever came of it."""
        asked = self.step is Step.REVOKE and self.begun_at is not None
        return asked or self.is_done(Step.REVOKE)

    def involves(self, key_id: str) -> bool:
        """Whether a key is the old or the new one."""
        return key_id == self.old.id or (self.new is not None and key_id == self.new.id)

    def begin(self, at: datetime, deadline_at: datetime | None = None) -> Rotation:
        """As it is right before the step's request is sent."""
        return msgspec.structs.replace(self, begun_at=at, deadline_at=deadline_at)

    def finish(self, at: datetime, what: str) -> Rotation:
        """As it is after the step."""
        done = (*self.done, StepDone(self.step, at, what))
        place = self.steps.index(self.step) + 1
        step = self.steps[place] if place < len(self.steps) else self.step
        return msgspec.structs.replace(self, done=done, step=step, begun_at=None, deadline_at=None)

    def back_to(self, step: Step) -> Rotation:
        """As it is when that step, and those after it, have to be done again."""
        again = self.steps[self.steps.index(step) :]
        kept = tuple(each for each in self.done if each.step not in again)
        return msgspec.structs.replace(self, done=kept, step=step, begun_at=None, deadline_at=None)
