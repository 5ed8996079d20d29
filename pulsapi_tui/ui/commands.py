"""Every command of the program, once.

Bindings, footer, palette, help and the README's table come from here. An id is stable: it names the
binding in a keymap and the anchor in the help.

Texts never name a key themselves: they ask `key_of` or `press`, which know the keymap in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Literal, NamedTuple

from textual.binding import ActiveBinding, Binding

Place = Literal["app", "help", "keys", "table", "reveal", "rotate", "profiles"]


class Command(NamedTuple):
    """One thing that a key does."""

    id: str
    keys: str
    """Textual's names for the keys, with commas between them; empty: only the palette has it."""
    action: str
    label: str
    """A word or two, for the footer and the palette."""
    help: str
    place: Place
    shown: str
    """The keys as people write them."""
    footer: bool = False
    palette: bool = False
    changes: bool = False
    """Something at PulsAPI: it is not to be had where nothing may be changed."""
    also: str = ""
    """Other words that people look for it by."""

    @property
    def words(self) -> str:
        """All that it is found by, folded."""
        return f"{self.label} {self.help} {self.also} {self.shown}".casefold()


COMMANDS: tuple[Command, ...] = (
    Command(
        "keys.create",
        "n",
        "create_key",
        "Create",
        "Create a key; its secret is shown once",
        "keys",
        "n",
        True,
        True,
        True,
        also="new add make generate secret token",
    ),
    Command(
        "keys.rotate",
        "R,shift+r",
        "rotate_keys",
        "Rotate",
        "Rotate the key, or the marked keys; on a key that is rotating, go on",
        "keys",
        "R",
        True,
        True,
        True,
        also="renew replace exchange leak leaked successor",
    ),
    Command(
        "keys.revoke",
        "X",
        "revoke_keys",
        "Revoke",
        "Revoke the key, or the marked keys, after a dialog",
        "keys",
        "X",
        True,
        True,
        True,
        also="delete remove disable kill destroy leak",
    ),
    Command(
        "keys.details",
        "enter",
        "show_details",
        "Details",
        "All about the key under the cursor",
        "keys",
        "Enter",
        False,
        True,
        also="show info open all about",
    ),
    Command(
        "keys.copy_id",
        "y,c",
        "copy_id",
        "Copy id",
        "Copy the id of the key; never its secret",
        "keys",
        "y c",
        False,
        True,
        also="clipboard yank",
    ),
    Command(
        "keys.filter",
        "slash",
        "filter",
        "Filter",
        "Filter by name, hint and id, or by health: is:idle, is:due",
        "keys",
        "/",
        True,
        True,
        also="search find look for",
    ),
    Command(
        "keys.mark",
        "space",
        "mark",
        "Mark",
        "Mark the key, to rotate or revoke several at once",
        "keys",
        "Space",
        True,
        True,
        also="select choose several unmark",
    ),
    Command(
        "keys.mark_all",
        "ctrl+a",
        "mark_all",
        "Mark all",
        "Mark all keys that are shown",
        "keys",
        "Ctrl+A",
        False,
        True,
        also="select everything",
    ),
    Command(
        "keys.back",
        "escape",
        "back",
        "Back",
        "Close the filter, then clear the marks",
        "keys",
        "Esc",
    ),
    Command(
        "keys.sort_next",
        "s",
        "sort_next",
        "Sort",
        "Sort by the next column",
        "keys",
        "s",
        True,
        True,
        also="order arrange column",
    ),
    Command(
        "keys.sort_reverse",
        "S,shift+s",
        "sort_reverse",
        "Reverse",
        "Reverse the order",
        "keys",
        "Shift+S",
        False,
        True,
        also="order ascending descending",
    ),
    Command(
        "keys.sort_name",
        "N,shift+n",
        "sort_by('name')",
        "Sort by Name",
        "Sort by the name; once more: the other way round",
        "keys",
        "Shift+N",
        False,
        True,
    ),
    Command(
        "keys.sort_created",
        "C,shift+c",
        "sort_by('created')",
        "Sort by Created",
        "Sort by the time of creation; once more: the other way round",
        "keys",
        "Shift+C",
        False,
        True,
    ),
    Command(
        "keys.sort_last_used",
        "U,shift+u",
        "sort_by('last_used')",
        "Sort by Last Used",
        "Sort by the last use; once more: the other way round",
        "keys",
        "Shift+U",
        False,
        True,
    ),
    Command(
        "keys.refresh",
        "r",
        "refresh_now",
        "Refresh",
        "Read the list again now",
        "keys",
        "r",
        False,
        True,
        also="reload update read again",
    ),
    Command(
        "keys.finish_rotations",
        "",
        "finish_rotations",
        "Finish rotations",
        "Revoke the old keys of all rotations that look safe, after a dialog",
        "keys",
        "Palette",
        False,
        True,
        True,
        also="old keys end complete",
    ),
    Command(
        "keys.clean_up",
        "",
        "clean_up",
        "Clean up",
        "Mark the idle keys, and revoke them after a dialog",
        "keys",
        "Palette",
        False,
        True,
        True,
        also="unused stale delete remove old tidy",
    ),
    Command(
        "keys.orphans",
        "o",
        "decide_about_orphans",
        "Keys without an owner",
        "Decide about the live keys that nobody is known to have",
        "keys",
        "o",
        False,
        True,
        True,
        also="orphan orphaned lost unknown secret decide",
    ),
    Command(
        "keys.profiles",
        "p",
        "profiles",
        "Profiles",
        "Open another account, or connect one",
        "keys",
        "p",
        True,
        True,
        also="switch account login environment",
    ),
    Command(
        "keys.connect",
        "",
        "connect",
        "Connect",
        "Connect to an account with one of its keys",
        "keys",
        "Palette",
        False,
        True,
        also="sign in login log in add account",
    ),
    Command("table.down", "j,down", "cursor_down", "Down", "Down", "table", "j ↓"),
    Command("table.up", "k,up", "cursor_up", "Up", "Up", "table", "k ↑"),
    Command(
        "table.page_down",
        "pagedown,ctrl+d,ctrl+f",
        "page_down",
        "Page down",
        "A page down",
        "table",
        "PgDn",
    ),
    Command(
        "table.page_up", "pageup,ctrl+u,ctrl+b", "page_up", "Page up", "A page up", "table", "PgUp"
    ),
    Command("table.top", "g,home,ctrl+home", "scroll_top", "Top", "To the first key", "table", "g"),
    Command(
        "table.bottom",
        "G,shift+g,end,ctrl+end",
        "scroll_bottom",
        "Bottom",
        "To the last key",
        "table",
        "G",
    ),
    Command(
        "reveal.show",
        "m",
        "toggle_mask",
        "Show",
        "Show the key, or mask it again",
        "reveal",
        "m",
        True,
    ),
    Command(
        "reveal.copy",
        "c,y",
        "copy_secret",
        "Copy",
        "Copy the key to the clipboard, by the best way from here",
        "reveal",
        "c y",
        True,
        also="clipboard yank",
    ),
    Command(
        "reveal.deliver",
        "d",
        "deliver",
        "Deliver",
        "Deliver it without showing it: an env file, a command, a file",
        "reveal",
        "d",
        True,
    ),
    Command(
        "reveal.verify",
        "v",
        "verify",
        "Verify",
        "Paste the key back, which proves that you have it",
        "reveal",
        "v",
        True,
    ),
    Command(
        "reveal.try",
        "t",
        "try_key",
        "Try",
        "Make a real call with it, and see whether it works",
        "reveal",
        "t",
        True,
    ),
    Command(
        "reveal.leave",
        "escape,q",
        "leave",
        "Close",
        "The way out: closes when the key is proven stored, else asks",
        "reveal",
        "Esc",
        True,
    ),
    Command(
        "rotate.revoke_old",
        "X",
        "rotation('revoke_old')",
        "Revoke the old key",
        "Revoke the old key, after a dialog",
        "rotate",
        "X",
        True,
    ),
    Command(
        "rotate.other_target",
        "d",
        "rotation('other_target')",
        "Deliver elsewhere",
        "Deliver the successor to another place",
        "rotate",
        "d",
        True,
    ),
    Command(
        "rotate.show",
        "m",
        "rotation('show')",
        "Show it",
        "Show the successor once, instead of delivering it",
        "rotate",
        "m",
        True,
    ),
    Command(
        "rotate.replace",
        "n",
        "rotation('replace')",
        "Replace it",
        "Revoke a successor whose secret is lost, and create another one",
        "rotate",
        "n",
        True,
    ),
    Command(
        "rotate.have_it",
        "h",
        "rotation('have_it')",
        "I have it",
        "Go on: the successor's secret is where it belongs",
        "rotate",
        "h",
        True,
    ),
    Command(
        "rotate.abandon",
        "a",
        "rotation('abandon')",
        "Abandon",
        "Abandon it: revoke the successor, or keep both keys",
        "rotate",
        "a",
        True,
        also="cancel stop undo",
    ),
    Command(
        "rotate.close",
        "escape,q",
        "cancel",
        "Close",
        "Close; the rotation stays under way, and Rotate opens it again",
        "rotate",
        "Esc",
        True,
        also="cancel leave later",
    ),
    Command(
        "profiles.connect",
        "n",
        "connect",
        "Connect another",
        "Connect another account",
        "profiles",
        "n",
        True,
    ),
    Command(
        "profiles.use",
        "u",
        "profile('use')",
        "Use",
        "Make it the current one: opened where no other is named",
        "profiles",
        "u",
        True,
        also="default",
    ),
    Command(
        "profiles.production",
        "m",
        "profile('production')",
        "Production",
        "Mark the profile as production, or take the mark off",
        "profiles",
        "m",
        True,
    ),
    Command(
        "profiles.colour",
        "c",
        "profile('colour')",
        "Colour",
        "Mark the profile with the next colour",
        "profiles",
        "c",
        True,
        also="color",
    ),
    Command(
        "profiles.read_only",
        "o",
        "profile('read_only')",
        "Read-only",
        "Let nothing be changed through the profile, or let it again",
        "profiles",
        "o",
        True,
    ),
    Command(
        "profiles.remove",
        "X",
        "profile('remove')",
        "Remove",
        "Remove the profile and the copy of its key, after a dialog",
        "profiles",
        "X",
        True,
        also="delete forget",
    ),
    Command(
        "app.help",
        "question_mark,f1",
        "help",
        "Help",
        "Help for this screen",
        "help",
        "? F1",
        True,
        True,
        also="manual shortcuts keyboard",
    ),
    Command(
        "app.draw_anew",
        "ctrl+l",
        "draw_anew",
        "Redraw",
        "Draw the screen anew, where something else wrote on it",
        "help",
        "Ctrl+L",
        False,
        True,
        also="repaint refresh screen garbage clear",
    ),
    Command(
        "app.palette",
        "ctrl+p",
        "command_palette",
        "Palette",
        "Find a command by its name",
        "app",
        "Ctrl+P",
        also="command search everything",
    ),
    Command(
        "app.suspend",
        "ctrl+z",
        "suspend_process",
        "Suspend",
        "Go back to the shell; `fg` there goes on",
        "app",
        "Ctrl+Z",
        False,
        True,
        also="background stop pause job shell",
    ),
    Command(
        "app.quit",
        "q",
        "quit",
        "Quit",
        "Quit; asks where something is under way",
        "app",
        "q",
        True,
        True,
        also="exit leave close",
    ),
)


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
