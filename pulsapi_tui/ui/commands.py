"""The commands as they are bound now: by their own keys, or by those of the user's keymap.

Texts never name a key themselves: they ask `key_of` or `press`, which know the keymap in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import NamedTuple

from textual.binding import ActiveBinding, Binding

from pulsapi_tui.ui.command_table import COMMANDS, Command, Place


class Keys(NamedTuple):
    """What a command is bound to where the user's settings say so."""

    names: str
    """As `Command.keys`."""
    shown: str
    """As `Command.shown`."""


_in_use: ContextVar[Mapping[str, Keys]] = ContextVar("keys", default=MappingProxyType({}))


def use_keys(keymap: Mapping[str, Keys]) -> None:
    """From now on, these commands have other keys; all others have their own."""
    _in_use.set(keymap)


def no_key(command_id: str) -> str:
    """The name under which a command is bound that has no key; no terminal sends it."""
    return f"no-key-{command_id}"


def bindings(*places: Place) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The bindings of those places, for a `BINDINGS`.

    Those of the page have priority: the app runs them in the order of the key presses. Others run
    when the key has bubbled up through the widgets, and could overtake one another: a revoke must
    not reach the row before the cursor does.
    """
    return [
        Binding(
            command.keys or no_key(command.id),
            f"app.{command.action}" if command.place in {"app", "help"} else command.action,
            command.label,
            show=command.footer,
            key_display=command.shown.split(" ")[0],
            tooltip=command.help,
            priority=command.place in {"keys", "table"},
            id=command.id,
        )
        for command in COMMANDS
        if command.place in places
    ]


def in_order(active: Mapping[str, ActiveBinding]) -> dict[str, ActiveBinding]:
    """Those that have a key, in the order of the commands; Textual puts what was changed last.

    What is no command, as the way back out of a dialog, comes first.
    """
    places = {command.id: place for place, command in enumerate(COMMANDS)}

    def place(key: str) -> int:
        return places.get(active[key].binding.id or "", -1)

    return {
        key: active[key]
        for key in sorted(active, key=place)
        if key != no_key(active[key].binding.id or "")
    }


def of(*places: Place) -> tuple[Command, ...]:
    """The commands of those places, in their order, with the keys that they have now."""
    return tuple(_now(command) for command in COMMANDS if command.place in places)


def key_of(command_id: str) -> str:
    """The first key of a command as people write it; empty where it has none."""
    command = _now(_BY_ID[command_id])
    return command.shown.split(" ")[0] if command.keys else ""


def names_of(command_id: str) -> list[str]:
    """Textual's names of a command's keys, the first one first; none where it has no key."""
    return [name for name in _now(_BY_ID[command_id]).keys.split(",") if name]


def press(command_id: str) -> str:
    """How to have a command, within a sentence: `press n`."""
    if key := key_of(command_id):
        return f"press {key}"
    label = _BY_ID[command_id].label
    if _BY_ID[command_id].palette:
        return f"choose “{label}” in the palette ({key_of('app.palette')})"
    return f"use “{label}”"


_BY_ID = {command.id: command for command in COMMANDS}


def _now(command: Command) -> Command:
    keys = _in_use.get().get(command.id)
    return command if keys is None else command._replace(keys=keys.names, shown=keys.shown)


def actions_of_page() -> dict[str, str]:
    """What each key of the page does, by Textual's names of the keys."""
    return {key: command.action for command in of("keys") for key in command.keys.split(",") if key}
