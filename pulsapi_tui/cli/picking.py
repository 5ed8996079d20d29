"""Which key is meant by a word on the command line: an id, or a name that only one key has."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pulsapi_tui.cli import exits
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.text import clean

MOST_NAMED = 5
MOST_COMPARED = 5_000
"""Names that a misspelt one is compared with; more would take too long."""


def pick(listed: KeyList, word: str) -> ApiKey:
    """The key that is meant.

    Raises:
        StoppedError: no key has that id or name, or several have that name.
    """
    key = listed.by_id.get(word)
    if key is not None:
        return key
    named = [each for each in listed.keys if each.name == word]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(f"{each.id} (…{each.hint})" for each in named[:MOST_NAMED])
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        raise _not_found(f"{len(named)} keys are named “{clean(word)}”: {ids}{more}. Give the id.")
    near = difflib.get_close_matches(word, sorted(listed.names)[:MOST_COMPARED], n=1)
    hint = f"Did you mean “{near[0]}”?" if near else "See: pulsapi-tui keys list"
    raise _not_found(f"No key has the id or the name “{clean(word)}”. {hint}")


def pick_all(listed: KeyList, words: Sequence[str]) -> list[ApiKey]:
    """The keys that are meant, each once, in the order of the words.

    Raises:
        StoppedError: a word means none, or several.
    """
    keys: dict[str, ApiKey] = {}
    for word in words:
        key = pick(listed, word)
        keys[key.id] = key
    return list(keys.values())


def _not_found(message: str) -> exits.StoppedError:
    return exits.StoppedError(message, exits.NOT_FOUND)
