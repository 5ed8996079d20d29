"""The user's own keys: checked before the app starts, so that none of them is lost without a word.

Textual takes any keymap. A key that another command has would silently be taken from that one, and
a key that it does not know would silently do nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from itertools import combinations

from textual.binding import BindingsMap
from textual.widgets import Input

from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.text import clean
from pulsapi_tui.ui.command_table import COMMANDS, Command, Place
from pulsapi_tui.ui.commands import Keys, no_key
from pulsapi_tui.ui.key_names import (
    UnknownKeyError,
    is_printable,
    key_name,
    shown_key,
    textual_names,
    without_modifiers,
)
from pulsapi_tui.ui.literal import shorten

SCOPES: tuple[frozenset[Place], ...] = (
    frozenset({"keys", "table", "help", "app"}),
    frozenset({"reveal", "help"}),
    frozenset({"rotate", "help"}),
    frozenset({"profiles", "help"}),
)
"""Places whose keys work at the same time."""

DESTRUCTIVE = frozenset(
    {
        "keys.revoke",
        "keys.finish_rotations",
        "keys.clean_up",
        "rotate.revoke_old",
        "rotate.replace",
        "rotate.abandon",
        "profiles.remove",
    }
)
"""What can't be undone once its dialog was answered."""

WHILE_FILTERING = frozenset({"keys.back", "keys.details"})
"""What works while the filter is typed into."""

QUITS_ALWAYS = "ctrl+q"
"""Textual's own, and not to be taken away."""

_NOT_FREE = {
    "tab": "goes to the next field or button",
    "shift+tab": "goes to the field or button before",
    "ctrl+c": "copies what is selected",
    "super+c": "copies what is selected",
    QUITS_ALWAYS: "always quits",
}

_OF_DIALOGS = frozenset(
    {"enter", "left", "right", "up", "down", "home", "end", "pageup", "pagedown"}
    | {"ctrl+pageup", "ctrl+pagedown"}
)
"""Press the buttons of a dialog, go through its lists and scroll it."""

_OF_FIELDS = frozenset(key for key, _ in BindingsMap(Input.BINDINGS))

_COMMANDS = {command.id: command for command in COMMANDS}


def check_keymap(wanted: Mapping[str, str], source: str) -> dict[str, Keys]:
    """The keymap that `[keymap]` in the file `source` asks for, by the ids of the commands.

    Raises:
        SettingsError: it names no command or no key, or would leave two commands with one key or a
            way out without one.
    """
    try:
        names = {id_: _names(_command(id_), keys) for id_, keys in wanted.items()}
        _refuse_clashes({id_: _own_names(command) for id_, command in _COMMANDS.items()} | names)
    except SettingsError as error:
        raise SettingsError(f"{source}: [keymap] {error.user_message}") from None
    return {id_: _keys(_COMMANDS[id_], keys) for id_, keys in names.items()}


def textual_keymap(keymap: Mapping[str, Keys]) -> dict[str, str]:
    """The same for Textual's `set_keymap`, to which an empty text means nothing."""
    changed = {}
    for id_, keys in keymap.items():
        ours = [name for name in keys.names.split(",") if name not in {"", QUITS_ALWAYS}]
        changed[id_] = ",".join(ours) or no_key(id_)
    return changed


def _keys(command: Command, names: list[str]) -> Keys:
    if not names:
        return Keys("", "Palette" if command.palette else "–")
    textual = [each for name in names for each in textual_names(name)]
    return Keys(",".join(textual), " ".join(map(shown_key, names)))


def _command(id_: str) -> Command:
    if id_ in _COMMANDS:
        return _COMMANDS[id_]
    near = difflib.get_close_matches(id_, _COMMANDS, n=1)
    groups = ", ".join(dict.fromkeys(each.partition(".")[0] + "." for each in _COMMANDS))
    hint = f"did you mean “{near[0]}”?" if near else f"ids begin with: {groups}"
    raise SettingsError(f"has no command {_quoted(id_)}; {hint}")


def _own_names(command: Command) -> list[str]:
    keys = filter(None, command.keys.split(","))
    return list(dict.fromkeys(map(key_name, keys)))


def _names(command: Command, keys: str) -> list[str]:
    """The keys that a command is given, each by its one name."""
    names: list[str] = []
    for written in _each(keys):
        try:
            name = key_name(written)
        except UnknownKeyError as error:
            what = _quoted(error.written) if error.written.strip() else "nothing beside a comma"
            raise SettingsError(f"“{command.id}”: {what} is no key; {error.hint}") from None
        if name in names:
            raise SettingsError(f"“{command.id}” has {shown_key(name)} twice. Write it once.")
        _refuse_not_free(command, name, written)
        names.append(name)
    _refuse_lost(command, names, keys)
    return names


def _each(keys: str) -> list[str]:
    """`n, Ctrl+,` is two keys, and a comma alone is one."""
    if not keys.strip():
        return []
    return [keys] if keys.strip() == "," else re.split(r"(?<!\+),|(?<=\+\+),", keys)


def _quoted(text: str) -> str:
    return f"“{shorten(clean(text), 40)}”"


def _refuse_not_free(command: Command, name: str, written: str) -> None:
    """Refuse a key that means something else where the command works, or is hit too easily."""
    key, problem = shown_key(name), ""
    if "ctrl" in written.lower() and "ctrl" not in name:
        key = f"{clean(written).strip()} is {key} to a terminal, which"
    if name in _NOT_FREE and (command.id, name) != ("app.quit", QUITS_ALWAYS):
        problem = f"{key} {_NOT_FREE[name]}"
    elif name in _OF_DIALOGS and command.place not in {"keys", "table", "app"}:
        problem = f"{key} is for the buttons, the lists and the scrolling of dialogs"
    elif command.id in WHILE_FILTERING and name not in _own_names(command):
        if is_printable(name) or name in _OF_FIELDS:
            problem = f"{key} belongs to the filter, in which this works, too"
    elif command.id in DESTRUCTIVE and without_modifiers(name) in {"delete", "backspace"}:
        problem = f"{key} is hit too easily for what can't be undone"
    if problem:
        raise SettingsError(f"“{command.id}”: {problem}. Choose another key.")


def _refuse_lost(command: Command, names: list[str], keys: str) -> None:
    """Refuse to take the last way out away."""
    for name in _own_names(command):
        if name in {"escape", "enter"} and name not in names:
            key = shown_key(name)
            both = f"{clean(keys).strip()}, {key}" if names else key
            what = "the way back" if name == "escape" else "which opens what the cursor is on"
            raise SettingsError(
                f"“{command.id}” has to keep {key}, {what}: write “{shorten(both, 60)}”."
            )
    if command.id == "app.palette" and not names:
        raise SettingsError(
            "“app.palette” can't be without a key: some commands are only in the palette."
        )


def _refuse_clashes(names: Mapping[str, list[str]]) -> None:
    """Refuse two commands with one key, or a destructive one beside its twin, in one scope."""
    for scope in SCOPES:
        bound = [
            (command, name)
            for command in COMMANDS
            if command.place in scope
            for name in names[command.id]
        ]
        for (one, key), (other, other_key) in combinations(bound, 2):
            if one is other:
                continue
            if key == other_key:
                raise SettingsError(
                    f"“{one.id}” and “{other.id}” both have {shown_key(key)}. "
                    "Give one of them another key."
                )
            if _are_twins(one, key, other, other_key):
                raise SettingsError(
                    f"“{one.id}” has {shown_key(key)} and “{other.id}” {shown_key(other_key)}: "
                    "one of them can't be undone, and must not be a slip away from the other. "
                    "Give one of them another key."
                )


def _are_twins(one: Command, key: str, other: Command, other_key: str) -> bool:
    differ = (one.id in DESTRUCTIVE) != (other.id in DESTRUCTIVE)
    return differ and without_modifiers(key) == without_modifiers(other_key)
