"""Names of keys: as people write them, as Textual knows them, as they are shown.

One key has one name here, however it is written: `Shift+N` is `N`, and `Ctrl+M`, which a terminal
can't tell from Enter, is `enter`.
"""

from __future__ import annotations

import difflib
import string
import unicodedata
from collections.abc import Mapping

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
"""In the order in which Textual writes them."""

_MODIFIER_NAMES = {name: name for name in MODIFIERS} | {
    "control": "ctrl",
    "cmd": "super",
    "command": "super",
    "option": "alt",
}

_SHOWN = {
    "escape": "Esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}

_ALSO_WRITTEN = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "bksp": "backspace",
    "spacebar": "space",
    "pgdn": "pagedown",
    "pgdown": "pagedown",
    "pgup": "pageup",
    "dot": "full_stop",
    "period": "full_stop",
    "hyphen": "minus",
    "dash": "minus",
}

_SAME_TO_A_TERMINAL = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
    "ctrl+at": "ctrl+space",
    "shift+escape": "escape",
}


class UnknownKeyError(Exception):
    """What was written is no key; `hint` is the nearest name, or a rule, as the end of a sentence.

    `written` is the user's text, not cleaned.
    """

    def __init__(self, written: str, hint: str) -> None:
        super().__init__(hint)
        self.written = written
        self.hint = hint


def _name_of(character: str) -> str:
    """Textual's name of a printable character."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


_PUNCTUATION = {_name_of(character): character for character in string.punctuation}

_IGNORED = dict.fromkeys(map(ord, " -_"))

_KEYS = (
    *(key.value for key in Keys if key.value.isalnum() and key is not Keys.Return),
    *_PUNCTUATION,
)

_NAMES = {name.translate(_IGNORED): name for name in _KEYS} | _ALSO_WRITTEN
"""By how they are written, without spaces, hyphens and underscores."""

_ARROWS = {shown: name for name, shown in _SHOWN.items() if len(shown) == 1}


def key_name(written: str) -> str:
    """The one name of a key. Raises `UnknownKeyError`."""
    *modifiers, last = _split(written.strip())
    held = {_modifier(modifier.strip(), written) for modifier in modifiers}
    base = _base(last.strip(), written)
    if held and len(base) == 1:
        base = base.lower()
    if held == {"shift"} and len(base) == len(base.upper()) == 1 and base.upper() != base:
        return base.upper()
    if "shift" in held and (base in _PUNCTUATION or base.isdecimal()):
        raise UnknownKeyError(written, "write the character that Shift makes of it.")
    name = "+".join([*(each for each in MODIFIERS if each in held), base])
    return _SAME_TO_A_TERMINAL.get(name, name)


def _split(written: str) -> list[str]:
    """`Ctrl++` is Ctrl and a plus."""
    if written == "+":
        return ["+"]
    if written.endswith("++"):
        return [*written[:-2].split("+"), "+"]
    return written.split("+")


def _modifier(part: str, written: str) -> str:
    name = _MODIFIER_NAMES.get(part.lower())
    if name is None:
        raise UnknownKeyError(part or written, _nearest(part, {each: each for each in MODIFIERS}))
    return name


def _base(part: str, written: str) -> str:
    part = unicodedata.normalize("NFC", part)
    if part in _ARROWS:
        return _ARROWS[part]
    if len(part) == 1 and part.isprintable():
        return _name_of(part)
    name = _NAMES.get(part.lower().translate(_IGNORED))
    if name is None:
        raise UnknownKeyError(part or written, _nearest(part, _NAMES))
    return name


def _nearest(part: str, names: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(part.lower().translate(_IGNORED), names, n=1)
    if near:
        return f"did you mean “{shown_key(names[near[0]])}”?"
    return "write it as in: n, Shift+N, Ctrl+N, F2, PgDn, ?"


def is_printable(name: str) -> bool:
    """Whether the key types something into a field."""
    return len(name) == 1 or name == "space" or name in _PUNCTUATION


def without_modifiers(name: str) -> str:
    """The key that is under the finger, whatever is held with it: of `X` and `ctrl+x`, `x`."""
    return name.rpartition("+")[2].lower()


def textual_names(name: str) -> list[str]:
    """What Textual may call the key; that depends on what the terminal can tell."""
    if len(name) == len(name.lower()) == 1 and name.lower() != name:
        return [name, f"shift+{name.lower()}"]
    if name == "ctrl+space":
        return ["ctrl+@", "ctrl+space"]
    return [name]


def shown_key(name: str) -> str:
    """As people write it."""
    *modifiers, last = name.split("+")
    if len(last) == 1:
        shown = last.upper() if modifiers else last
    else:
        shown = _SHOWN.get(last) or _PUNCTUATION.get(last) or last.title()
    return "+".join([*(modifier.title() for modifier in modifiers), shown])
