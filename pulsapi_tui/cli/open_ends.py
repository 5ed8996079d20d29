"""What earlier runs left open, in one line each for keys and for rotations."""

from __future__ import annotations

from collections.abc import Sequence

from pulsapi_tui.cli.output import say
from pulsapi_tui.domain.equivalents import revoke_line, rotation_line
from pulsapi_tui.flows.open_ends import OpenEnds, is_awaited

MOST_NAMED = 5


def tell_keys(ends: OpenEnds, profile: str) -> None:
    """Name the keys that nobody is known to have."""
    if ends.orphans:
        keys = [f"“{key.name}” (…{key.hint}, {key.id})" for _, key in ends.orphans]
        line = revoke_line([key.id for _, key in ends.orphans[:MOST_NAMED]], profile)
        say(
            f"! Live, and not known to be stored anywhere: {_some(keys)}. If you do not "
            f"have {'them' if len(keys) > 1 else 'it'}: {line}"
        )
    elif names := [f"“{each.name}”" for each in ends.waiting if is_awaited(each)]:
        say(
            f"! Asked for here, without an answer so far: {_some(names)}. The list does not show "
            "such a key; look again in ten minutes."
        )


def tell_rotations_of(ends: OpenEnds, profile: str) -> None:
    """Name the rotations that are under way, and that nobody is at."""
    rotations = ends.rotations.here
    if rotations:
        keys = [each.old.shown for each in rotations]
        line = rotation_line(rotations[0].old.id, "--status", profile)
        say(f"! Rotations under way: {_some(keys)}. Look at one: {line}")


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more
