"""`pulsapi-tui keys create`: no key is left that nobody has, or at least none that nobody names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.confirm import agree
from pulsapi_tui.cli.output import say, write, write_json
from pulsapi_tui.cli.reveal import STDOUT, StandardOutput
from pulsapi_tui.cli.targets import Goal, check_options, goal_of
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.delivery import Delivered
from pulsapi_tui.domain.equivalents import revoke_line
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.names import check_name
from pulsapi_tui.flows.create import Created, NotCreated, Orphaned, create_key
from pulsapi_tui.flows.deliver import deliver_key
from pulsapi_tui.flows.open_ends import revoke_unowned
from pulsapi_tui.flows.record import Subject


async def create(work: Work) -> int:
    """Create a key and bring it to where it belongs, or leave none."""
    arguments = work.arguments
    name = checked_name(arguments.name)
    check_options(arguments)
    goal = await goal_of(arguments, work.delivery, name, work.access.profile)
    await work.sign_in_to_change()
    listed = await work.list_keys()
    warn_of(name, listed.names)
    concerns = goal.concerns(work, listed)
    if arguments.dry_run:
        return _say_plan(work, name, goal, concerns)
    if concerns:
        say(goal.where)
        await agree(concerns, yes=arguments.yes)
    cut = (
        f"Ended while creating “{name}”: it is not known whether a key was made, and where it is. "
        "It is written down: pulsapi-tui keys list names the key, if there is one."
    )
    with work.interrupts.held(cut):
        return await _create(work, name, goal, listed)


def checked_name(text: str) -> str:
    """A name that a key can have. Raises `StoppedError`."""
    verdict = check_name(text)
    if verdict.error is not None:
        raise exits.StoppedError(verdict.error, exits.USAGE)
    return verdict.name


def warn_of(name: str, taken: Collection[str]) -> None:
    """Say what is allowed, and unwise."""
    warning = check_name(name, taken).warning
    if warning is not None:
        say(f"! {warning}")


def _say_plan(work: Work, name: str, goal: Goal, concerns: Iterable[str]) -> int:
    if work.arguments.json:
        write_json({"dry_run": True, "name": name, "where": goal.where})
    say(f"Dry run, nothing was sent: would create “{name}”. {goal.where}")
    for each in concerns:
        say(f"! {each} It would need --yes.")
    return exits.DONE


async def _create(work: Work, name: str, goal: Goal, listed: KeyList) -> int:
    outcome = await create_key(
        name,
        account=work.account,
        listed=listed,
        service=work.session.service,
        journal=work.session.journal,
        clock=work.clock,
    )
    work.recorder.created(name, outcome)
    match outcome:
        case Created(created, intent):
            return await _hand_over(work, created, intent, goal)
        case NotCreated(error):
            raise exits.StoppedError(f"No key was made. {work.told(error)}", exits.of(error))
        case Orphaned(error, orphan, _):
            say(
                f"pulsapi-tui: {error.user_message} The key “{orphan.name}” (…{orphan.hint}, "
                f"{orphan.id}) was made all the same, and nobody has it: its answer is lost. "
                f"Revoke it: {revoke_line([orphan.id], work.profile)}"
            )
            return exits.NOT_KNOWN
    say(
        f"pulsapi-tui: {work.told(outcome.error)} It is not known whether a key “{name}” was "
        "made. It is written down: pulsapi-tui keys list names the key, if it turns up."
    )
    return exits.NOT_KNOWN


async def _hand_over(work: Work, created: CreatedKey, intent: Intent, goal: Goal) -> int:
    if work.interrupts.stop.is_set():
        return await _undo(work, created, intent, "Interrupted before it was delivered.")
    try:
        delivered = await _deliver(work, created, intent, goal)
    except DeliveryError as error:
        output = f"\n{error.output}" if error.output else ""
        return await _undo(work, created, intent, f"{error.user_message}{output}")
    key = created.key
    if goal.target is not None:
        work.session.last_target.remember(goal.target, key.name)
        if work.arguments.json:
            write_json({**_fields(created), "where": delivered.where})
        else:
            write([key.id.encode()])
    say(f"Created “{key.name}” (…{key.hint}, {key.id}). {delivered.message}")
    if delivered.output:
        say(delivered.output)
    return exits.DONE


def _fields(created: CreatedKey) -> dict[str, object]:
    fields = shapes.of_key(created.key)
    del fields["last_used_at"]
    return fields


async def _deliver(work: Work, created: CreatedKey, intent: Intent, goal: Goal) -> Delivered:
    delivery = work.delivery
    if goal.target is None:
        fields = {**_fields(created), "where": None} if work.arguments.json else None
        delivery = StandardOutput(fields)
    subject = Subject.of(created.key)
    try:
        delivered = await deliver_key(
            created.secret,
            intent,
            goal.target or STDOUT,
            delivery=delivery,
            journal=work.session.journal,
        )
    except DeliveryError as error:
        detail = f"{error.user_message} ({goal.where})"
        work.recorder.note("deliver", subject, "failed", detail, created.secret)
        raise
    detail = f"To {delivered.where}."
    work.recorder.note("deliver", subject, "delivered", detail, created.secret)
    return delivered


async def _undo(work: Work, created: CreatedKey, intent: Intent, why: str) -> int:
    """Revoke a key that nobody has; where that can't be known, name it."""
    key = created.key
    outcome = await revoke_unowned(
        key,
        intent,
        account=work.account,
        service=work.session.service,
        journal=work.session.journal,
    )
    work.recorder.revoked(outcome, "It was not delivered.")
    shown = f"“{key.name}” (…{key.hint}, {key.id})"
    if outcome.is_dead:
        say(f"pulsapi-tui: {why} Nobody has the key {shown}, so it was revoked at once.")
        return exits.FAILED
    say(
        f"pulsapi-tui: {why} Nobody has the key {shown}, and it could not be revoked: "
        f"{outcome.reason} Revoke it: {revoke_line([key.id], work.profile)}"
    )
    return exits.NOT_KNOWN
