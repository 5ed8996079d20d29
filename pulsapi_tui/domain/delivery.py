"""Where a key can go without being shown: ways, targets, and what is known afterwards."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

PROFILE_WAY = "profile"
"""The way to a profile of this program, by its name in the field `profile`."""


class Field(msgspec.Struct, frozen=True):
    """Something that a way must be told: a path, a variable's name."""

    id: str
    label: str
    default: str = ""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of place that a key can be delivered to from here."""

    id: str
    """Stable: `env_file`, `file`, `profile`, or `command:` and the recipe's name."""
    title: str
    fields: tuple[Field, ...]
    note: str = ""
    """What one should know before choosing it, as a sentence."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One place: a way, and what it was told. Holds no secret, so it may be written down."""

    way_id: str
    values: dict[str, str]
    """By the id of the way's field."""


class Preview(NamedTuple):
    """What a delivery to a target would do, or what is wrong with the target."""

    text: str
    is_error: bool = False


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that succeeded."""

    where: str
    """The place, for a sentence: `PULSAPI_API_KEY in ~/app/.env`."""
    message: str
    """What is known to be true, as sentences: read back, or ended with 0."""
    output: str = ""
    """What a command said, cleaned and without the secret."""
