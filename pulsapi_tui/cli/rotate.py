"""`pulsapi-tui keys rotate`: begin a rotation, go on with it, look at it, finish it, abandon it.

It is the rotation of the screens: what is begun here goes on there, and the other way round.
"""

from __future__ import annotations

import argparse

from pulsapi_tui.cli import exits, shapes
from pulsapi_tui.cli.output import say, write_json, write_table
from pulsapi_tui.cli.picking import pick
from pulsapi_tui.cli.rotate_begin import begin, go_on
from pulsapi_tui.cli.rotate_end import abandon, finish
from pulsapi_tui.cli.targets import check_options
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.ports import OpenRotations
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.domain.text import clean
from pulsapi_tui.domain.times import absolute, zone
from pulsapi_tui.domain.verdict import Verdict
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.flows.rotation_verdict import verdict_of


async def rotate(work: Work) -> int:
    """Do what the options say with the rotation of a key."""
    arguments = work.arguments
    _check_options(arguments)
    await (work.sign_in() if arguments.status else work.sign_in_to_change())
    listed = await work.list_keys(tell_rotations=False)
    rotation = rotation_of(arguments.key, listed, work.ends.rotations)
    if rotation is None:
        key = pick(listed, arguments.key)
        if arguments.status or arguments.finish or arguments.abandon:
            raise exits.StoppedError(
                f"No rotation of “{key.name}” is under way here.", exits.NOT_FOUND
            )
        return await begin(work, key, listed, ports_of(work))
    is_here = any(each.id == rotation.id for each in work.ends.rotations.here)
    if not is_here and not arguments.status:
        raise exits.StoppedError(
            f"Another window of this program is at the rotation of {rotation.old.shown}. "
            "Go on there, or close it first.",
            exits.FAILED,
        )
    rotator = Rotator(rotation, work.account, ports_of(work))
    rotator.recognise(listed)
    rotator.observe(listed)
    if is_here and rotator.unwritten_since is not None:
        # Each look makes the next answer better.
        rotator.write_down()
    if arguments.status:
        return _status(work, rotator.rotation, verdict_of(rotator.rotation, listed))
    if arguments.finish:
        return await finish(work, rotator, listed)
    if arguments.abandon:
        return await abandon(work, rotator, keep_both=arguments.abandon == "keep-both")
    return await go_on(work, rotator, listed)


def ports_of(work: Work) -> Ports:
    """What a rotation needs of the world."""
    session = work.session
    return Ports(session.service, session.journal, work.delivery, work.clock, work.recorder.rotated)


def rotation_of(word: str, listed: KeyList, rotations: OpenRotations) -> Rotation | None:
    """The rotation that a key is in, by the key's id or name.

    Both keys of a rotation may have one name; it means the rotation where no other key has it.
    """
    every = (*rotations.here, *rotations.elsewhere)
    for each in every:
        if each.involves(word):
            return each
    named = [each for each in every if word in {each.old.name, each.new.name if each.new else ""}]
    others = [key for key in listed.keys if key.name == word]
    if len(named) == 1 and all(named[0].involves(key.id) for key in others):
        return named[0]
    return None


def _check_options(arguments: argparse.Namespace) -> None:
    check_options(arguments)
    is_plain = not (arguments.finish or arguments.status or arguments.abandon)
    if not is_plain and (arguments.mode is not None or arguments.name is not None):
        raise exits.StoppedError("--mode and --name are for a new rotation.", exits.USAGE)


def _status(work: Work, rotation: Rotation, verdict: Verdict | None) -> int:
    if work.arguments.json:
        write_json(shapes.of_rotation(rotation, verdict))
        return exits.DONE
    timezone = zone(work.account.timezone)
    new = "none yet" if rotation.new is None else f"{rotation.new.shown}, {rotation.new.id}"
    rows = [
        ("Successor", new),
        ("Mode", rotation.mode.value),
        ("Goes to", rotation.where or "standard output, or the screen"),
        ("Next step", rotation.step.value),
        *(
            (each.step.value.capitalize(), f"{absolute(each.at, timezone)}: {each.what}")
            for each in rotation.done
        ),
    ]
    if verdict is not None:
        rows += [("Old key", verdict.headline), ("", verdict.reason)]
    write_table(("Rotation", f"{rotation.old.shown}, {clean(rotation.old.id)}"), rows, wraps=True)
    if verdict is None:
        say("Whether the old key can be revoked is no question yet, or any more.")
    return exits.DONE
