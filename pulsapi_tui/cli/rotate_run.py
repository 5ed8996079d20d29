"""Run the steps of a rotation on the command line, and tell where it came to."""

from __future__ import annotations

from typing import NamedTuple

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.output import say, write, write_json
from pulsapi_tui.cli.reveal import STDOUT, StandardOutput
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.delivery import PROFILE_WAY, Target
from pulsapi_tui.domain.equivalents import rotation_line
from pulsapi_tui.domain.errors import DeliveryError, PulsapiError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.flows.abandon import old_is
from pulsapi_tui.flows.deliver import deliver_key
from pulsapi_tui.flows.go_through import Halt, Halted, go_through, take_back
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Advanced
from pulsapi_tui.flows.rotation_verdict import verdict_of


class Ended(NamedTuple):
    """Where a run of steps came to, and the code for it. It was said already."""

    halt: Halt
    code: int


async def run(work: Work, rotator: Rotator, listed: KeyList, *, may_revoke: bool) -> Ended:
    """Do the steps that need nobody; no successor is left in hand."""
    rotation = rotator.rotation
    is_own = rotation.old.id == work.account.authenticated_key_id
    cut = (
        f"Ended while rotating {rotation.old.shown}. How far it came is written down: "
        f"{rotation_line(rotation.old.id, '--status', work.profile)}"
    )

    async def show(rotator: Rotator) -> Advanced:
        return await _show(work, rotator)

    def progress(step: Step, advanced: Advanced) -> None:
        _tell_step(work, rotator, step, advanced)

    with work.interrupts.held(cut):
        halted = await go_through(
            rotator,
            listed,
            show=show,
            progress=progress,
            stop=work.interrupts.stop,
            may_revoke=may_revoke,
        )
        work.account = rotator.account
        back = None
        if halted.halt is Halt.UNDELIVERED or _has_nothing(rotator, halted):
            back = await take_back(rotator)
    if back is not None:
        return Ended(halted.halt, _tell_taken_back(work, rotator, halted, back))
    if halted.halt in {Halt.WATCHED, Halt.OVER}:
        if is_own:
            _tell_own(work, rotator)
        return Ended(halted.halt, tell_end(work, rotator, listed))
    return Ended(halted.halt, await _tell_halted(work, rotator, halted))


def tell_end(work: Work, rotator: Rotator, listed: KeyList) -> int:
    """Tell of a rotation that is over, or whose old key is being watched."""
    rotation = rotator.rotation
    # With --reveal, standard output has the key and nothing else.
    if not work.arguments.reveal:
        if work.arguments.json:
            write_json(shapes.of_rotation(rotation, verdict_of(rotation, listed)))
        elif rotation.new is not None:
            write([rotation.new.id.encode()])
    if rotation.is_over:
        # How its last step ended was said when it did.
        say("The rotation is over.")
        return exits.DONE
    line = rotation_line(rotation.old.id, "--finish", work.profile)
    say(
        f"Both keys work. The old one {rotation.old.shown} is to be revoked once nothing uses it "
        f"any more: {line}"
    )
    return exits.DONE


async def _show(work: Work, rotator: Rotator) -> Advanced:
    created, intent = rotator.created, rotator.intent
    if created is None or intent is None:
        return Advanced(False, "Its secret is not in hand any more.")
    fields = shapes.of_rotation(rotator.rotation, None) if work.arguments.json else None
    try:
        delivered = await deliver_key(
            created.secret,
            intent,
            STDOUT,
            delivery=StandardOutput(fields),
            journal=work.session.journal,
        )
    except DeliveryError as error:
        _note_shown(work, rotator, False, error.user_message)
        return Advanced(False, error.user_message, error=error)
    _note_shown(work, rotator, True, delivered.message)
    return Advanced(True, delivered.message)


def _note_shown(work: Work, rotator: Rotator, done: bool, what: str) -> None:
    if rotator.rotation.new is not None:
        work.recorder.rotated("rotate.deliver", rotator.rotation.new, done, what)


def _tell_step(work: Work, rotator: Rotator, step: Step, advanced: Advanced) -> None:
    rotation = rotator.rotation
    if step is Step.CREATE and rotation.new is not None:
        say(f"Created the successor {rotation.new.shown}, {rotation.new.id}.")
        return
    say(advanced.message)
    if advanced.output:
        say(advanced.output)
    if step is Step.DELIVER and rotation.target is not None:
        work.session.last_target.remember(rotation.target, rotation.new_name)


def _tell_own(work: Work, rotator: Rotator) -> None:
    profile = work.access.profile.name
    if rotator.rotation.target == Target(way_id=PROFILE_WAY, values={"profile": profile}):
        return
    say(
        f"! That was the key of this session: {work.session.credential_from} has the old one "
        "still. Put the successor there, before the old one is revoked."
    )


def _has_nothing(rotator: Rotator, halted: Halted) -> bool:
    """Whether there is no successor, and the rotation need not be remembered."""
    return halted.halt is Halt.NOTHING_MADE and not rotator.rotation.old_may_be_dead


def _tell_taken_back(work: Work, rotator: Rotator, halted: Halted, back: Advanced) -> int:
    _tell_failure(work, halted)
    old, new = rotator.rotation.old, rotator.rotation.new
    if halted.halt is Halt.NOTHING_MADE:
        return exits.FAILED if halted.error is None else exits.of(halted.error)
    if not back.done:
        what = "Its successor" if new is None else f"The successor {new.shown}, {new.id},"
        line = rotation_line(old.id, "--abandon=revoke-new", work.profile)
        say(f"{what} is live, and nobody has it: {back.message} Try again: {line}")
        return exits.NOT_KNOWN
    if rotator.rotation.old_may_be_dead:
        say(
            f"Nobody had the successor, so it was revoked. {old_is(rotator.rotation)} Give the "
            "command again to create another successor."
        )
    else:
        say(f"Nobody had the successor. {back.message} {old_is(rotator.rotation)}")
    return exits.FAILED


async def _tell_halted(work: Work, rotator: Rotator, halted: Halted) -> int:
    _tell_failure(work, halted)
    rotation = rotator.rotation
    status = rotation_line(rotation.old.id, "--status", work.profile)
    match halted.halt:
        case Halt.LOST:
            say(
                "To replace it by another one, give the command again with --yes. If you have it: "
                f"{rotation_line(rotation.old.id, '--abandon=keep-both', work.profile)}"
            )
            return exits.NOT_KNOWN
        case Halt.NOT_KNOWN:
            say(f"The rotation stays under way. Give the command again to look: {status}")
            return exits.NOT_KNOWN
    say(f"The rotation stays under way; give the command again to go on. To look at it: {status}")
    if halted.halt is Halt.FAILED and halted.step is Step.REVOKE:
        return await _after_revoke(work)
    return exits.FAILED


async def _after_revoke(work: Work) -> int:
    """Whether it is known what became of the old key."""
    try:
        await work.session.service.list_keys()
    except PulsapiError:
        return exits.NOT_KNOWN
    return exits.FAILED


def _tell_failure(work: Work, halted: Halted) -> None:
    say(f"pulsapi-tui: {halted.message} {work.next_step(halted.error)}".rstrip())
    if halted.output:
        say(halted.output)
