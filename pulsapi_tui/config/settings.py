"""The user's own settings: `config.toml`, read and never written.

Settings say which commands get a key, so a file that others can write to is refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from pulsapi_tui.config.strict import refuse_unknown
from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.misfit import Misfit, misfit
from pulsapi_tui.domain.text import clean

MAX_BYTES = 1024 * 1024

RouteName = Literal["native", "osc52", "tmux", "tmux-passthrough", "screen-passthrough"]
"""The values of `delivery.routes.Route`."""

Seconds = Annotated[float, msgspec.Meta(ge=1, le=3600)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
Word = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]


class ClipboardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[clipboard]`: which routes a copy may take."""

    force: tuple[RouteName, ...] = ()
    """Exactly these, in this order, whatever the environment says."""
    forbid: tuple[RouteName, ...] = ()


class RevealSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[reveal]`: how long a key stays on the screen."""

    mask_after_s: Seconds = 30.0


class RecipeField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[delivery.recipes.fields]]`: something that a recipe asks for."""

    id: Word
    label: str
    default: str = ""


class RecipeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[delivery.recipes]]`: a command of the user's own, with the key on its standard input."""

    id: Word
    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    title: str = ""
    fields: tuple[RecipeField, ...] = ()
    note: str = ""


class DeliverySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[delivery]`: where keys can go."""

    timeout_s: Seconds | None = None
    """For any command, before it is ended; else each recipe has its own, mostly 30 s."""
    recipes: tuple[RecipeSettings, ...] = ()


class HealthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[health]`: from when on a key is worth a word."""

    idle_after_d: Days = 30
    due_after_d: Days = 90


class AppearanceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[appearance]`: how the screens look."""

    theme: str = ""
    """The name of a theme; empty: the dark one of our own. `ui.themes` knows the names."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `config.toml`; whatever is left out has its default."""

    clipboard: ClipboardSettings = ClipboardSettings()
    reveal: RevealSettings = RevealSettings()
    delivery: DeliverySettings = DeliverySettings()
    health: HealthSettings = HealthSettings()
    appearance: AppearanceSettings = AppearanceSettings()
    keymap: dict[str, str] = {}
    """`[keymap]`: ids of commands and their keys; `ui.keymap` knows which ones there are."""


def read_settings(path: Path) -> Settings:
    """Read the settings; where there is no file, the defaults.

    Raises:
        SettingsError: the file is not one of the user's own, is no TOML, or holds what no setting
            is; names the place.
    """
    text = _read(path)
    if text is None:
        return Settings()
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = clean(str(error))
        raise SettingsError(f"{path} is not valid TOML: {problem}. Mend that line.") from None
    refuse_unknown(path, values, Settings, SettingsError)
    if isinstance(keymap := values.get("keymap"), dict):
        values["keymap"] = _keymap(path, keymap)
    try:
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {_in_plain_words(misfit(error))}") from None


_TEXT = "a text in quotes"
_TABLE = "a table"
_WORD = "a word of a-z, 0-9 and dashes, in quotes, at most 40 long"
_SECONDS = "a number of seconds, from 1 to 3600"
_DAYS = "a whole number of days, from 1 to 3650"
_ROUTES = f"a list of texts; there are: {', '.join(get_args(RouteName))}"
_HAS_TO_BE = {
    "clipboard.force": _ROUTES,
    "clipboard.forbid": _ROUTES,
    "reveal.mask_after_s": _SECONDS,
    "delivery.timeout_s": _SECONDS,
    "delivery.recipes": "tables, each under [[delivery.recipes]]",
    "delivery.recipes.id": _WORD,
    "delivery.recipes.argv": "a list of texts with one at least, as [“store”, “{path}”]",
    "delivery.recipes.title": _TEXT,
    "delivery.recipes.note": _TEXT,
    "delivery.recipes.fields": "tables, each under [[delivery.recipes.fields]]",
    "delivery.recipes.fields.id": _WORD,
    "delivery.recipes.fields.label": _TEXT,
    "delivery.recipes.fields.default": _TEXT,
    "health.idle_after_d": _DAYS,
    "health.due_after_d": _DAYS,
    "appearance.theme": _TEXT,
}
"""By the place in the file; what is not in here is a table."""

_OF_RECIPE = re.compile(r"delivery\.recipes\[(\d+)\]\.(?:fields\[(\d+)\]\.)?([a-z_]+)")


def _in_plain_words(found: Misfit) -> str:
    """Where in the file, and what has to be there."""
    shown = found.field
    if within := _OF_RECIPE.match(found.place):
        recipe, asked, name = within.groups()
        of = "" if asked is None else f" of field no. {int(asked) + 1}"
        shown = f"{name}{of} of recipe no. {int(recipe) + 1}"
    lacks = "is missing: it " if found.is_missing else ""
    return f"{shown} {lacks}has to be {_HAS_TO_BE.get(found.field, _TABLE)}. Mend that line."


def _keymap(path: Path, table: Mapping[str, Any]) -> dict[str, str]:
    """`[keymap]` by ids: `keys.create = "n"` is a table in TOML, and the same as in quotes."""
    keymap: dict[str, str] = {}
    for name, value in table.items():
        inner = value.items() if isinstance(value, dict) else ()
        under = {f"{name}.{last}": each for last, each in inner}
        for id_, keys in (under or {name: value}).items():
            if not isinstance(keys, str):
                raise SettingsError(
                    f"{path}: [keymap] “{clean(id_)}” is not text. Write keys as in: "
                    '"keys.create" = "n, F2"'
                )
            if id_ in keymap:
                raise SettingsError(f"{path}: [keymap] has “{clean(id_)}” twice. Keep one of them.")
            keymap[id_] = keys
    return keymap


def _read(path: Path) -> str | None:
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            _check_owner(path, os.fstat(stream.fileno()))
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} can't be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{path} is larger than any settings are.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO there would otherwise be waited for.
    return os.open(path, flags | os.O_NONBLOCK)


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SettingsError(f"{path} is not a file. Move it away.")
    if status.st_uid not in {os.geteuid(), 0}:
        raise SettingsError(f"{path} belongs to another user, who could have keys sent away.")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"{path} can be written by others, who could have keys sent away. "
            f"Run: chmod go-w {path}"
        )
