"""The last part of a rotation on the command line: the old key goes, or the rotation does."""

from __future__ import annotations

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.confirm import agree_by_typing, can_ask
from pulsapi_tui.cli.output import say, write_json
from pulsapi_tui.cli.rotate_run import run
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.equivalents import rotation_line
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Rotation, Step
from pulsapi_tui.domain.typed import word_to_type
from pulsapi_tui.domain.verdict import Verdict
from pulsapi_tui.flows.abandon import what_is_lost
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_verdict import READY, verdict_of, why_revoked

_DECIDED = frozenset({Step.WATCH, Step.REVOKE, Step.CONFIRM})
"""Steps from which a rotation can be finished."""


async def finish(work: Work, rotator: Rotator, listed: KeyList) -> int:
    """Revoke the old key if that is safe, or agreed to, and see it gone from the list."""
    rotation = rotator.rotation
    line = rotation_line(rotation.old.id, "", work.profile)
    if rotation.step not in _DECIDED or rotation.new is None:
        say(
            f"pulsapi-tui: That rotation is not that far: its next step is {rotation.step}. "
            f"Go on first: {line}"
        )
        return exits.NOT_YET
    if rotation.old.id == work.account.authenticated_key_id:
        raise exits.StoppedError(how_to_sign_in(work), exits.NOT_ALLOWED)
    verdict = verdict_of(rotation, listed)
    if verdict is not None:
        say(f"{verdict.headline}. {verdict.reason}")
    if work.arguments.dry_run:
        say(f"Dry run, nothing was sent: would revoke the old key {rotation.old.shown}.")
        return exits.DONE if _is_ready(verdict) else exits.NOT_YET
    if not await _agreed(work, rotation, verdict, listed):
        _say_not_yet(work, rotation, verdict)
        return exits.NOT_YET
    rotator.stop_watching(why_revoked(verdict))
    return (await run(work, rotator, listed, may_revoke=True)).code


def how_to_sign_in(work: Work) -> str:
    """What has to be done before the key that commands sign in with can be revoked."""
    access = work.access
    set_key = f": pulsapi-tui profiles set-key {access.profile.name}" if access.is_saved else ""
    return (
        f"This command signs in with the old key, from {access.credential_from}: the next one "
        f"would be locked out. Put the successor there first{set_key}. Then run this again."
    )


def _is_ready(verdict: Verdict | None) -> bool:
    """Whether the old key is quiet, or no longer there."""
    return verdict is None or verdict.kind in READY


async def _agreed(work: Work, rotation: Rotation, verdict: Verdict | None, listed: KeyList) -> bool:
    """Whether the old key may be revoked: it is safe, or a person says so."""
    old = listed.by_id.get(rotation.old.id)
    is_ready = _is_ready(verdict)
    if work.arguments.yes or old is None:
        return True
    if not can_ask():
        return is_ready
    is_production = work.access.profile.production
    if is_ready and not is_production:
        return True
    where = f" of PRODUCTION ({work.access.profile.name})" if is_production else ""
    await agree_by_typing(
        word_to_type([old], work.clock.now(), must_type=True),
        yes=False,
        question=f"Revoke the old key {rotation.old.shown}{where}, for good?",
    )
    return True


def _say_not_yet(work: Work, rotation: Rotation, verdict: Verdict | None) -> None:
    if work.arguments.json:
        write_json(shapes.of_rotation(rotation, verdict))
    say(
        "pulsapi-tui: The old key was not revoked. Ask again later, or go on all the same with "
        "--yes."
    )


async def abandon(work: Work, rotator: Rotator, *, keep_both: bool) -> int:
    """End a rotation before its end."""
    what = "keep both keys" if keep_both else "revoke the successor"
    if work.arguments.dry_run:
        say(f"Dry run, nothing was sent: would {what} of {rotator.rotation.old.shown}.")
        return exits.DONE
    unknown = await rotator.look_for_successor()
    if unknown is not None:
        raise exits.StoppedError(f"Nothing was changed. {unknown.message}", exits.FAILED)
    rotation = rotator.rotation
    if not keep_both and rotation.new is not None:
        say(f"! {what_is_lost(rotation)}")
        new = rotation.new.as_key(rotation.started_at)
        await agree_by_typing(
            word_to_type([new], work.clock.now(), must_type=True),
            yes=work.arguments.yes,
            question=f"Revoke the successor {rotation.new.shown}, for good?",
        )
    cut = f"Ended while abandoning the rotation of {rotation.old.shown}."
    with work.interrupts.held(cut):
        abandoned = await rotator.abandon(keep_both=keep_both)
    say(abandoned.message if abandoned.done else f"pulsapi-tui: {abandoned.message}")
    if abandoned.done and work.arguments.json:
        write_json(shapes.of_rotation(rotator.rotation, None))
    return exits.DONE if abandoned.done else exits.FAILED
