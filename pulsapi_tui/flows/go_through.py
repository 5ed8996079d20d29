"""Go through a rotation without a person at it: step after step, until one needs a decision.

What to do then is in the place where it halted. Nothing is decided here that a person decides on
the screen of a rotation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple

from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Advanced


class Halt(Enum):
    """Why it goes no further."""

    OVER = "over"
    WATCHED = "watched"
    """The successor is stored and tried; whether the old key can be revoked is to be decided."""
    NOTHING_MADE = "nothing made"
    """The server made no successor, for sure."""
    NOT_KNOWN = "not known"
    """Whether there is a successor, or whether the old key is dead, is not known."""
    LOST = "lost"
    """There is a successor, and its secret is not in hand: replace it, or say that it is stored."""
    UNDELIVERED = "undelivered"
    """The successor is in hand, and nowhere else: it has to be taken back, or goes elsewhere."""
    FAILED = "failed"
    """A step can be tried again."""
    STOPPED = "stopped"


class Halted(NamedTuple):
    """Where it halted, and what came of the last step."""

    halt: Halt
    step: Step
    message: str = ""
    output: str = ""
    error: PulsapiError | None = None


Show = Callable[[Rotator], Awaitable[Advanced]]
"""Brings a successor that has no target to its owner; done: it is known to be there."""

Progress = Callable[[Step, Advanced], None]
"""Called with each step that was done."""


async def go_through(
    rotator: Rotator,
    listed: KeyList,
    *,
    show: Show,
    progress: Progress,
    stop: asyncio.Event,
    may_revoke: bool,
) -> Halted:
    """Do what can be done; never raises `PulsapiError`.

    Once `stop` is set, no other step is begun. `may_revoke`: it was decided that the old key goes.
    """
    begun_again = False
    while True:
        step = rotator.rotation.step
        if rotator.rotation.is_over:
            return Halted(Halt.OVER, step)
        if step is Step.WATCH or (step is Step.REVOKE and not may_revoke):
            return Halted(Halt.WATCHED, step)
        if stop.is_set():
            halt = Halt.UNDELIVERED if rotator.in_hand else Halt.STOPPED
            return Halted(halt, step, "Interrupted.")
        advanced = await _advance(rotator, listed, show)
        if advanced.done:
            progress(step, advanced)
            if step is rotator.rotation.steps[-1]:
                return Halted(Halt.OVER, step)
            continue
        halted = _halted(rotator, step, advanced)
        # A create of before is settled, and made nothing.
        is_settled = halted.halt is Halt.NOTHING_MADE and advanced.error is None
        is_minted = _is_to_be_shown(rotator) and advanced.error is None
        if not (is_settled or is_minted) or begun_again:
            return halted
        begun_again = True


async def _advance(rotator: Rotator, listed: KeyList, show: Show) -> Advanced:
    if not _is_to_be_shown(rotator):
        return await rotator.advance(listed)
    shown = await show(rotator)
    if shown.done:
        rotator.handed_over(shown.message)
    return shown


def _is_to_be_shown(rotator: Rotator) -> bool:
    rotation = rotator.rotation
    return rotation.step is Step.DELIVER and rotation.target is None and rotator.in_hand


def _halted(rotator: Rotator, step: Step, advanced: Advanced) -> Halted:
    match step:
        case Step.CREATE:
            halt = _after_create(rotator)
        case Step.DELIVER:
            halt = Halt.UNDELIVERED if rotator.in_hand else Halt.LOST
        case Step.CONFIRM if advanced.error is not None:
            halt = Halt.NOT_KNOWN
        case _:
            halt = Halt.FAILED
    return Halted(halt, step, advanced.message, advanced.output, advanced.error)


def _after_create(rotator: Rotator) -> Halt:
    if rotator.rotation.step is Step.DELIVER:
        return Halt.LOST
    return Halt.NOTHING_MADE if rotator.rotation.begun_at is None else Halt.NOT_KNOWN


async def take_back(rotator: Rotator) -> Advanced:
    """Leave no successor that nobody has: revoke it, if there is one.

    The rotation is over then, unless the old key may be dead: then it goes on with another one.
    """
    if rotator.rotation.old_may_be_dead:
        return await rotator.replace()
    return await rotator.abandon(keep_both=False)
