"""The command line that does what a screen does, ready for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from pulsapi_tui.domain.delivery import PROFILE_WAY, Target

PROGRAM = "pulsapi-tui"

ENV_FILE = "env_file"
FILE = "file"
COMMAND = "command:"
"""The ids of ways (`delivery.Way`); that of a command goes on with its recipe's."""

DEFAULT_VARIABLE = "PULSAPI_API_KEY"


SCRIPT_TARGET = Target(way_id=ENV_FILE, values={"path": ".env"})
"""The target of a command that is shown before one was chosen."""


def show_line(key_id: str, profile: str = "") -> str:
    """Show one key. `profile` is given where it is not the one that is used anyway."""
    return _line(profile, "keys", "show", *_positional([key_id]))


def create_line(name: str, target: Target | None, profile: str = "") -> str:
    """Create a key and bring it to a target; without one, it is written to standard output."""
    return _line(profile, "keys", "create", *_way_out(target), *_positional([name]))


def revoke_line(key_ids: Sequence[str], profile: str = "") -> str:
    """Revoke keys."""
    return _line(profile, "keys", "revoke", *_positional(key_ids))


def rotate_line(
    key_id: str, target: Target | None, profile: str = "", *, mode: str = "", new_name: str = ""
) -> str:
    """Rotate a key; `mode` as in `rotation.Mode`, where it is not the usual one."""
    options = [f"--mode={mode.replace(' ', '-')}"] if mode else []
    if new_name:
        options.append(f"--name={new_name}")
    return _line(profile, "keys", "rotate", *_way_out(target), *options, *_positional([key_id]))


def rotation_line(key_id: str, what: str, profile: str = "") -> str:
    """Go on with a rotation: `--status`, `--finish`, `--abandon=revoke-new`, or an empty text."""
    return _line(profile, "keys", "rotate", *filter(None, [what]), *_positional([key_id]))


def doctor_line(profile: str = "", options: Mapping[str, str] | None = None) -> str:
    """Examine the way to an account; `options` are those that were given, with their values."""
    given = [f"{name}={value}" for name, value in (options or {}).items() if value]
    return _line(profile, "doctor", *given)


def _way_out(target: Target | None) -> list[str]:
    """The options that mean a target. Values may begin with a dash, so they follow `=`."""
    if target is None:
        return ["--reveal"]
    values = target.values
    if target.way_id == ENV_FILE:
        variable = values.get("variable", DEFAULT_VARIABLE)
        named = [] if variable == DEFAULT_VARIABLE else [f"--variable={variable}"]
        return [f"--to=env:{values.get('path', '')}", *named]
    if target.way_id == FILE:
        return [f"--to=file:{values.get('path', '')}"]
    if target.way_id == PROFILE_WAY:
        return [f"--to=profile:{values.get('profile', '')}"]
    recipe = target.way_id.removeprefix(COMMAND)
    return [f"--to={recipe}", *(f"--field={name}={value}" for name, value in values.items())]


def _positional(words: Sequence[str]) -> list[str]:
    """Words that are no options, whatever they begin with."""
    return ["--", *words] if any(word.startswith("-") for word in words) else list(words)


def _line(profile: str, *words: str) -> str:
    before: Iterable[str] = (PROGRAM, f"--profile={profile}") if profile else (PROGRAM,)
    return shlex.join([*before, *words])
