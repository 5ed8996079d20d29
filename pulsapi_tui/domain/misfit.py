"""Where a text from outside is not what it has to be: msgspec's finding, without msgspec's words.

Of what msgspec says only names of fields are taken, which are ours; no value is repeated.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

# At the end, where msgspec writes it: what stands before it may be a value.
_PLACE = re.compile(r"`\$\.([a-z_.\[\]0-9]+)`\Z")
_MISSING = re.compile(r"missing required field `([a-z_]+)`")
_INDEX = re.compile(r"\[(?:\d+|\.\.\.)\]")


class Misfit(NamedTuple):
    """A field that is not there, or not of its kind."""

    place: str
    """As `recipes[0].id`; of an array in JSON, without the number: `data[...].id`. Empty: all."""
    is_missing: bool

    @property
    def field(self) -> str:
        """The place without the numbers: `recipes.id`."""
        return _INDEX.sub("", self.place)


def misfit(error: msgspec.ValidationError) -> Misfit:
    """What that error is about."""
    problem = str(error)
    place, missing = _PLACE.search(problem), _MISSING.search(problem)
    parts = [*([place[1]] if place else []), *([missing[1]] if missing else [])]
    return Misfit(".".join(parts), missing is not None)
