"""`pulsapi-tui keys revoke`: says only what the server confirmed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.confirm import agree_by_typing
from pulsapi_tui.cli.output import say, table, write, write_table
from pulsapi_tui.cli.picking import pick_all
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.equivalents import rotation_line
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import ago
from pulsapi_tui.domain.typed import word_to_type
from pulsapi_tui.flows.open_ends import settle_keys
from pulsapi_tui.flows.revoke import RevokeOutcome, RevokeState, revoke_keys, why_not

HEAD = ("Name", "Hint", "Id", "Created", "Last Used")
RESULTS = ("Name", "Id", "Result", "Reason")

WOULD_BE = "would be revoked"


def read_words(words: Sequence[str]) -> list[str]:
    """The keys that are meant; `-` stands for the lines of standard input.

    Raises:
        StoppedError: they can't be read.
    """
    found: list[str] = []
    for word in words:
        if word != "-":
            found.append(word)
            continue
        try:
            text = sys.stdin.read()
        except (OSError, UnicodeError):
            raise exits.StoppedError(
                "Standard input can't be read: give ids there, one a line.", exits.USAGE
            ) from None
        found += [line.strip() for line in text.splitlines() if line.strip()]
    return found


async def revoke(work: Work) -> int:
    """Revoke keys, and tell of each what became of it."""
    arguments = work.arguments
    if not arguments.keys:
        say("No key was given, so nothing was revoked.")
        return exits.DONE
    await work.sign_in_to_change()
    keys = _picked(await work.list_keys(), arguments.keys)
    _check_allowed(work, keys)
    if arguments.dry_run:
        return _say_plan(work, keys)
    if not arguments.yes:
        await _ask(work, keys)
    return await revoke_and_tell(work, keys)


async def revoke_and_tell(work: Work, keys: Sequence[ApiKey]) -> int:
    """Revoke keys that may be revoked, and tell of each what became of it."""
    certain: dict[str, RevokeOutcome] = {}

    def progress(outcome: RevokeOutcome) -> None:
        # What is certain is written down at once; the rest when the list was read again.
        if outcome.state is not RevokeState.UNKNOWN:
            certain[outcome.key.id] = outcome
            work.recorder.revoked(outcome)

    cut = "Ended while revoking. What the server had not confirmed by then is not known."
    try:
        with work.interrupts.held(cut):
            outcomes = await revoke_keys(
                keys,
                account=work.account,
                service=work.session.service,
                progress=progress,
                stop=work.interrupts.stop,
            )
    except asyncio.CancelledError:
        with suppress(exits.StoppedError):
            _tell(work, list(certain.values()))
        raise
    for outcome in outcomes:
        if outcome.key.id not in certain:
            work.recorder.revoked(outcome)
    dead = [outcome.key for outcome in outcomes if outcome.is_dead]
    session = work.session
    problem = settle_keys(dead, work.account, session.service.origin, session.journal)
    if problem is not None:
        say(f"pulsapi-tui: {problem.user_message}")
    _tell(work, outcomes)
    if len(dead) == len(outcomes):
        return exits.DONE
    say(f"pulsapi-tui: {len(dead)} of {len(outcomes)} revoked.")
    is_known = all(outcome.state is not RevokeState.UNKNOWN for outcome in outcomes)
    return exits.FAILED if is_known else exits.NOT_KNOWN


def _picked(listed: KeyList, words: Sequence[str]) -> list[ApiKey]:
    """The keys that are meant. Raises `StoppedError`; the others are left alone then, too."""
    try:
        return pick_all(listed, words)
    except exits.StoppedError as error:
        raise exits.StoppedError(f"Nothing was revoked. {error.user_message}", error.code) from None


def _check_allowed(work: Work, keys: Sequence[ApiKey]) -> None:
    """Refuse all where one is needed. Raises `StoppedError`."""
    for key in keys:
        reason = why_not(key, work.account)
        if key.id in work.ends.rotating:
            finish = rotation_line(key.id, "--finish", work.profile)
            abandon = rotation_line(key.id, "--abandon=revoke-new", work.profile)
            reason = (
                f"“{key.name}” is being rotated.\nTo finish that, which revokes the old key: "
                f"{finish}\nTo abandon it, which revokes the successor: {abandon}"
            )
        if reason is not None:
            raise exits.StoppedError(f"Nothing was revoked. {reason}", exits.NOT_ALLOWED)


async def _ask(work: Work, keys: Sequence[ApiKey]) -> None:
    now = work.clock.now()
    is_production = work.access.profile.production
    for line in table(HEAD, [_row(key, now) for key in keys]):
        say(line)
    which = "this key" if len(keys) == 1 else f"these {len(keys)} keys"
    where = f" of PRODUCTION ({work.access.profile.name})" if is_production else ""
    await agree_by_typing(
        word_to_type(keys, now, must_type=is_production),
        yes=False,
        question=f"Revoke {which}{where}, for good?",
    )


def _row(key: ApiKey, now: datetime) -> tuple[str, str, str, str, str]:
    used = "never" if key.last_used_at is None else ago(key.last_used_at, now)
    return key.name, f"…{key.hint}", key.id, ago(key.created_at, now), used


def _say_plan(work: Work, keys: Sequence[ApiKey]) -> int:
    if work.arguments.json:
        write(
            msgspec.json.encode(
                {"id": key.id, "name": key.name, "state": shapes.word(WOULD_BE), "reason": ""}
            )
            for key in keys
        )
    else:
        now = work.clock.now()
        write_table(HEAD, [_row(key, now) for key in keys])
    say(f"Dry run, nothing was sent: {len(keys)} would be revoked.")
    return exits.DONE


def _tell(work: Work, outcomes: Sequence[RevokeOutcome]) -> None:
    if work.arguments.json:
        write(
            msgspec.json.encode(
                {
                    "id": each.key.id,
                    "name": each.key.name,
                    "state": shapes.word(each.state.value),
                    "reason": each.reason,
                }
            )
            for each in outcomes
        )
        return
    rows = [(each.key.name, each.key.id, each.state.value, each.reason) for each in outcomes]
    if rows:
        write_table(RESULTS, rows, wraps=True)
