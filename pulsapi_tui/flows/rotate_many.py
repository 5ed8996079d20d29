"""Rotate many keys by one plan, with a bounded load, and a result for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from pulsapi_tui.domain.delivery import PROFILE_WAY, Field, Target, Way
from pulsapi_tui.domain.errors import JournalError, RateLimitedError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.names import slug
from pulsapi_tui.domain.rotation import Mode, Step
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Advanced, Ports

AT_ONCE = 4
"""Rotations of one plan whose requests are under way together."""

TRIES = 5
"""Of one step, where trying again can do no harm."""

PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

VARIABLE = "{variable}"
SLUG = "{slug}"
NAME = "{name}"
"""What stands in a target's fields for the key that it is for."""


STAND_IN = "Name of the key"
"""A key's name whose places in the defaults of the ways are kept for each key's own."""


IN_BRACES = "What is in {braces} becomes each key's own name."


class Planned(NamedTuple):
    """One key of a plan."""

    key: ApiKey
    target: Target
    seen: Seen


class Rotated(NamedTuple):
    """A key of a plan, and how far it came."""

    key: ApiKey
    done: bool
    """Its successor is stored and proven; the old key is being watched."""
    message: str
    rotator: Rotator | None
    """None: nothing was begun."""


def templates(ways: Sequence[Way]) -> tuple[Way, ...]:
    """The ways for `STAND_IN`, with places for a key's name in their defaults.

    A profile has one key, so it is no place for several.
    """
    return tuple(
        msgspec.structs.replace(
            way,
            note=f"{way.note} {IN_BRACES}".strip(),
            fields=tuple(
                msgspec.structs.replace(field, default=_as_template(field)) for field in way.fields
            ),
        )
        for way in ways
        if way.id != PROFILE_WAY
    )


def _as_template(field: Field) -> str:
    if field.id == "variable":
        return VARIABLE
    return field.default.replace(slug(STAND_IN), SLUG).replace(STAND_IN, NAME)


def targets_for(keys: Sequence[ApiKey], template: Target) -> tuple[Target, ...]:
    """A target for each key; no two are the same, unless the template has no place for a name."""
    targets: list[Target] = []
    taken: set[tuple[str, ...]] = set()
    for key in keys:
        for number in range(1, len(keys) + 1):
            target = _filled(template, key, number)
            if tuple(target.values.values()) not in taken:
                break
        taken.add(tuple(target.values.values()))
        targets.append(target)
    return tuple(targets)


def _filled(template: Target, key: ApiKey, number: int) -> Target:
    word = slug(key.name) + (f"-{number}" if number > 1 else "")
    variable = f"PULSAPI_{word.upper().replace('-', '_')}"
    name = key.name + (f" ({number})" if number > 1 else "")
    return Target(
        way_id=template.way_id,
        values={
            field: value.replace(VARIABLE, variable).replace(SLUG, word).replace(NAME, name)
            for field, value in template.values.items()
        },
    )


async def rotate_many(
    planned: Sequence[Planned],
    *,
    account: Account,
    ports: Ports,
    listed: Callable[[], KeyList],
    progress: Callable[[Rotated], None],
    stop: asyncio.Event,
) -> tuple[Rotated, ...]:
    """Create, deliver and prove a successor for each; never raises `PulsapiError`.

    Each ends in a known state: watched, or stuck at a step that the journal names, or not begun.
    Once `stop` is set, no other one is begun.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def rotate_one(each: Planned) -> Rotated:
        async with places:
            if stop.is_set():
                rotated = Rotated(each.key, False, "Not begun: you stopped it.", None)
            else:
                rotated = await _rotate(each, account, ports, listed)
        progress(rotated)
        return rotated

    return tuple(await asyncio.gather(*map(rotate_one, planned)))


async def _rotate(
    planned: Planned, account: Account, ports: Ports, listed: Callable[[], KeyList]
) -> Rotated:
    try:
        rotation = plan(
            planned.key,
            mode=Mode.OVERLAP,
            new_name=planned.key.name,
            target=planned.target,
            seen=planned.seen,
            account=account,
            ports=ports,
        )
    except JournalError as error:
        return Rotated(planned.key, False, error.user_message, None)
    rotator = Rotator(rotation, account, ports)
    tries = 0
    while True:
        step = rotator.rotation.step
        if step is Step.WATCH:
            return Rotated(planned.key, True, rotator.rotation.done[-2].what, rotator)
        advanced = await rotator.advance(listed())
        if advanced.done:
            tries = 0
            continue
        tries += 1
        wait_s = _pause_s(step, advanced, account, tries)
        if wait_s is None:
            return Rotated(planned.key, False, advanced.message, rotator)
        await ports.clock.sleep(wait_s)


def _pause_s(step: Step, advanced: Advanced, account: Account, tries: int) -> float | None:
    """Seconds until the step is tried again; None where that needs a person.

    A create is tried again only where nothing was made, or where the server repeats it as one.
    """
    error = advanced.error
    asked_for_s = (error.retry_after_s if error is not None else None) or 0.0
    if tries >= TRIES or asked_for_s > LONGEST_PAUSE_S:
        return None
    if isinstance(error, RateLimitedError):
        return max(PAUSE_S, asked_for_s)
    may_repeat = step is Step.CREATE and account.may_repeat_create and error is not None
    if may_repeat or step is Step.PROVE:
        return max(asked_for_s, min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** (tries - 1)))
    return None


async def finish_many(
    rotators: Sequence[Rotator],
    *,
    why: Callable[[Rotator], str],
    listed: Callable[[], KeyList],
    progress: Callable[[Rotated], None],
) -> tuple[Rotated, ...]:
    """Revoke the old keys of rotations that are being watched, and prove that they are dead.

    `why` is what was known when the user decided.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def finish_one(rotator: Rotator) -> Rotated:
        async with places:
            rotator.stop_watching(why(rotator))
            while True:
                advanced = await rotator.advance(listed())
                if not advanced.done or rotator.rotation.is_over:
                    break
        key = rotator.rotation.old.as_key(rotator.rotation.started_at)
        rotated = Rotated(key, advanced.done, advanced.message, rotator)
        progress(rotated)
        return rotated

    return tuple(await asyncio.gather(*map(finish_one, rotators)))
