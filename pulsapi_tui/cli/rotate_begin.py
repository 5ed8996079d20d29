"""The first part of a rotation on the command line: until the successor is stored and tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.confirm import agree, agree_by_typing, can_ask
from pulsapi_tui.cli.create import checked_name, warn_of
from pulsapi_tui.cli.output import say, write_json
from pulsapi_tui.cli.rotate_end import how_to_sign_in
from pulsapi_tui.cli.rotate_run import run, tell_end
from pulsapi_tui.cli.targets import Goal, goal_of, target_of
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.delivery import PROFILE_WAY, Target
from pulsapi_tui.domain.equivalents import rotation_line
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.rotation import Mode, Rotation, Step
from pulsapi_tui.domain.typed import word_to_type
from pulsapi_tui.domain.uses import UsesSeen
from pulsapi_tui.flows.go_through import Halt
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Ports

OWN_KEY = (
    "This command signs in with that key, so revoking it would lock the next one out, unless its "
    "successor goes into the profile: --to profile:NAME."
)

_AT_ONCE = {
    Mode.AT_ONCE: "The old key is revoked as soon as its successor works: what has not picked the "
    "successor up by then breaks.",
    Mode.REVOKE_FIRST: "The old key is revoked before its successor is made: all that uses it "
    "breaks at once, until it has the successor.",
}


async def begin(work: Work, key: ApiKey, listed: KeyList, ports: Ports) -> int:
    """Plan a rotation and go through it."""
    arguments = work.arguments
    mode = Mode((arguments.mode or "overlap").replace("-", " "))
    new_name = key.name if arguments.name is None else checked_name(arguments.name)
    _check_goal_given(work)
    is_own = key.id == work.account.authenticated_key_id
    if is_own and mode is Mode.REVOKE_FIRST:
        raise exits.StoppedError(
            "Revoked first, the key of this session could not create its successor. "
            "Choose another mode.",
            exits.NOT_ALLOWED,
        )
    profile = work.access.profile
    goal = await goal_of(arguments, work.delivery, new_name, profile, (key.hint,))
    if is_own and mode is Mode.AT_ONCE and not _signs_in_from(work, goal.target):
        raise exits.StoppedError(f"{OWN_KEY} Leave out --mode.", exits.NOT_ALLOWED)
    if new_name != key.name:
        warn_of(new_name, listed.names)
    concerns = goal.concerns(work, listed)
    if arguments.dry_run:
        return _say_plan(work, key, new_name, mode, goal, concerns)
    await _agree_to_goal(work, goal, concerns)
    if mode is not Mode.OVERLAP:
        await _agree_to_revoke(work, mode, key)
    rotation = plan(
        key,
        mode=mode,
        new_name=new_name,
        target=goal.target,
        seen=UsesSeen().of(key, work.clock.now()),
        account=work.account,
        ports=ports,
    )
    return await _go(work, Rotator(rotation, work.account, ports), listed)


def _signs_in_from(work: Work, target: Target | None) -> bool:
    """Whether the next command signs in with what is put there."""
    return target is not None and target.way_id == PROFILE_WAY and work.access.is_saved


async def go_on(work: Work, rotator: Rotator, listed: KeyList) -> int:
    """Go on with a rotation that is under way."""
    arguments, rotation = work.arguments, rotator.rotation
    _check_same(work, rotation)
    if rotation.stored:
        await _check_handed_over(work, rotation)
    say(f"A rotation of {rotation.old.shown} is under way; its next step: {rotation.step}.")
    if rotation.step is Step.WATCH:
        return tell_end(work, rotator, listed)
    if not rotation.stored:
        await _redirect(work, rotator, listed)
    if arguments.dry_run:
        say("Dry run, nothing was sent.")
        return exits.DONE
    is_own = rotation.old.id == work.account.authenticated_key_id
    if is_own and rotation.mode is Mode.AT_ONCE and not _signs_in_from(work, rotation.target):
        raise exits.StoppedError(how_to_sign_in(work), exits.NOT_ALLOWED)
    if rotation.mode is not Mode.OVERLAP and not rotation.is_done(Step.REVOKE):
        old = listed.by_id.get(rotation.old.id)
        if old is not None:
            await _agree_to_revoke(work, rotation.mode, old)
    return await _go(work, rotator, listed)


def _check_same(work: Work, rotation: Rotation) -> None:
    """Refuse to begin another one by the way. Raises `StoppedError`."""
    arguments = work.arguments
    mode = rotation.mode.replace(" ", "-")
    problem = ""
    if arguments.mode not in {None, mode}:
        line = rotation_line(rotation.old.id, "--finish", work.profile)
        problem = f"its mode is {mode}. To revoke the old key now: {line} --yes"
    elif arguments.name not in {None, rotation.new_name}:
        problem = f"its successor is “{rotation.new_name}”. Go on without --name."
    if problem:
        shown = rotation.old.shown
        raise exits.StoppedError(f"A rotation of {shown} is under way, and {problem}", exits.USAGE)


async def _check_handed_over(work: Work, rotation: Rotation) -> None:
    """Refuse to say that a successor went where it did not go. Raises `StoppedError`."""
    arguments = work.arguments
    to = None
    if arguments.to is not None:
        to = target_of(arguments, await work.delivery.ways(rotation.new_name))
    if arguments.reveal or (to is not None and to != rotation.target):
        where = rotation.where or "It was shown."
        abandon = rotation_line(rotation.old.id, "--abandon=revoke-new", work.profile)
        raise exits.StoppedError(
            f"The successor of {rotation.old.shown} was handed over already, and its secret can't "
            f"be had again. {where} Go on without --to and --reveal, or abandon it: {abandon}",
            exits.FAILED,
        )


async def _go(work: Work, rotator: Rotator, listed: KeyList) -> int:
    may_revoke = rotator.rotation.mode is not Mode.OVERLAP
    ended = await run(work, rotator, listed, may_revoke=may_revoke)
    if ended.halt is Halt.LOST and await _may_replace(work):
        replaced = await rotator.replace()
        if not replaced.done:
            say(f"pulsapi-tui: {replaced.message}")
            return exits.NOT_KNOWN
        say(replaced.message)
        ended = await run(work, rotator, listed, may_revoke=may_revoke)
    return ended.code


async def _may_replace(work: Work) -> bool:
    """Whether a successor whose secret is not in hand may be revoked, and another one made."""
    if work.arguments.yes:
        return True
    if not can_ask():
        return False
    try:
        await agree((), yes=False, question="Revoke that successor, and create another one?")
    except exits.StoppedError:
        return False
    return True


def _check_goal_given(work: Work) -> None:
    if work.arguments.to is None and not work.arguments.reveal:
        raise exits.StoppedError(
            "Say where the successor goes: --to TARGET, or --reveal. Nothing was changed.",
            exits.USAGE,
        )


async def _redirect(work: Work, rotator: Rotator, listed: KeyList) -> None:
    """Let the successor go where this command says, if that is another place than was planned."""
    arguments, rotation = work.arguments, rotator.rotation
    if arguments.to is None:
        if rotation.target is None and rotation.step is not Step.CONFIRM:
            _check_goal_given(work)
        elif arguments.reveal and rotation.target is not None:
            raise exits.StoppedError(
                f"That rotation has a target already. {rotation.where} Go on without --reveal, or "
                "give another --to.",
                exits.USAGE,
            )
        return
    hints = (rotation.old.hint, *(() if rotation.new is None else (rotation.new.hint,)))
    profile = work.access.profile
    goal = await goal_of(arguments, work.delivery, rotation.new_name, profile, hints)
    if goal.target is not None and goal.target != rotation.target:
        await _agree_to_goal(work, goal, goal.concerns(work, listed))
        if not arguments.dry_run:
            await rotator.deliver_to(goal.target)


async def _agree_to_goal(work: Work, goal: Goal, concerns: Sequence[str]) -> None:
    if concerns:
        say(goal.where)
        await agree(concerns, yes=work.arguments.yes)


async def _agree_to_revoke(work: Work, mode: Mode, key: ApiKey) -> None:
    say(f"! {_AT_ONCE[mode]}")
    await agree_by_typing(
        word_to_type([key], work.clock.now(), must_type=True),
        yes=work.arguments.yes,
        question=f"Revoke “{key.name}” (…{key.hint}), for good?",
    )


def _say_plan(
    work: Work,
    key: ApiKey,
    new_name: str,
    mode: Mode,
    goal: Goal,
    concerns: Iterable[str],
) -> int:
    if work.arguments.json:
        write_json(
            {
                "dry_run": True,
                "mode": mode.replace(" ", "-"),
                "old": shapes.of_key(key),
                "new_name": new_name,
                "where": goal.where,
            }
        )
    say(f"Dry run, nothing was sent: would rotate “{key.name}” (…{key.hint}), {mode}. {goal.where}")
    for each in concerns:
        say(f"! {each} It would need --yes.")
    if mode is not Mode.OVERLAP:
        say(f"! {_AT_ONCE[mode]} It would need --yes.")
    return exits.DONE
