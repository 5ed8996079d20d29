"""Reading of a file strictly: a name that nobody knows is refused with the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_origin

import msgspec

from pulsapi_tui.domain.text import clean


def refuse_unknown(
    path: Path,
    values: Mapping[str, Any],
    kind: type[msgspec.Struct],
    error: Callable[[str], Exception],
    place: str = "",
) -> None:
    """Raise `error` for the first name in `values` that is no field of `kind`, at any depth.

    `place` is the table that the values stand in, as TOML writes it.
    """
    fields = _fields(kind)
    for name, value in values.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(fields)}."
            where = f"[{clean(place)}] has" if place else "there is"
            raise error(f"{path}: {where} no setting “{clean(name)}”; {hint}")
        below = f"{place}.{name}" if place else name
        _refuse_unknown_below(path, value, fields[name], error, below)


def _refuse_unknown_below(
    path: Path, value: Any, kind: Any, error: Callable[[str], Exception], place: str
) -> None:
    """The same for what stands under a name: a table, an array of tables, or tables by name."""
    if isinstance(value, dict) and _is_struct(kind):
        refuse_unknown(path, value, kind, error, place)
    elif isinstance(value, dict) and get_origin(kind) is dict and _is_struct(kind.__args__[1]):
        for name, each in value.items():
            _refuse_unknown_below(path, each, kind.__args__[1], error, f"{place}.{name}")
    elif isinstance(value, list) and _is_struct(item := _item_type(kind)):
        for each in value:
            _refuse_unknown_below(path, each, item, error, f"[{place}]")


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The types of what a table may hold, by name; asking msgspec again takes a millisecond."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _item_type(kind: Any) -> Any:
    return next(iter(getattr(kind, "__args__", ())), None)
