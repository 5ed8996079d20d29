"""What is typed into the filter: words to look for, and tokens that ask for a key's health."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from pulsapi_tui.domain.health import Judge
from pulsapi_tui.domain.key_list import SLICE
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.text import clean

PREFIX = "is:"

_TOKEN = re.compile(r"(?<!\S)is:(\S*)", re.IGNORECASE)
_LONGEST_SAID = 16
_ALIKE = 0.5


class Token(StrEnum):
    """What can be asked for: `is:idle` and so on."""

    IDLE = "idle"
    DUE = "due"
    UNUSED = "unused"
    DUPLICATE = "duplicate"
    VAGUE = "vague"


MEANINGS: dict[Token, str] = {
    Token.IDLE: "no request for a long time",
    Token.DUE: "old enough to be rotated",
    Token.UNUSED: "no request so far",
    Token.DUPLICATE: "another key has the same name",
    Token.VAGUE: "the name says nothing",
}
"""For the help."""

Predicate = Callable[[ApiKey], bool]


class KeyFilter(NamedTuple):
    """A filter as it was meant. A key must fit all of it."""

    needle: str = ""
    """The text, without the tokens."""
    tokens: frozenset[Token] = frozenset()
    unknown: str | None = None
    """The first word after `is:` that is no token; then no key fits."""


def parse_filter(text: str) -> KeyFilter:
    """Read what was typed. A text without a token is looked for as it stands."""
    words = [word.casefold() for word in _TOKEN.findall(text)]
    if not words:
        return KeyFilter(text.strip())
    pieces = (piece.strip() for piece in _TOKEN.sub("\n", text).split("\n"))
    unknown = next((word for word in words if word not in set(Token)), None)
    tokens = frozenset(Token(word) for word in words if word in set(Token))
    return KeyFilter(" ".join(filter(None, pieces)), tokens, unknown)


def hint_for(unknown: str) -> str:
    """What to say of a word that is no token: the nearest ones, or all."""
    near = [token for token in Token if unknown and token.startswith(unknown)]
    if not near:
        near = [Token(word) for word in difflib.get_close_matches(unknown, Token, 1, _ALIKE)]
    said = clean(unknown)
    said = PREFIX + (said if len(said) <= _LONGEST_SAID else said[: _LONGEST_SAID - 1] + "…")
    if not near:
        return f"{said} is no filter; there are {' '.join(PREFIX + token for token in Token)}"
    return f"{said} is no filter; did you mean {' or '.join(PREFIX + token for token in near)}?"


def predicates_of(tokens: frozenset[Token], judge: Judge) -> tuple[Predicate, ...]:
    """What must hold of a key that fits the tokens."""
    by_token: dict[Token, Predicate] = {
        Token.IDLE: judge.is_idle,
        Token.DUE: judge.is_due,
        Token.UNUSED: judge.is_unused,
        Token.DUPLICATE: judge.is_duplicate,
        Token.VAGUE: judge.is_vague,
    }
    return tuple(by_token[token] for token in Token if token in tokens)


def passing_slices(
    keys: Sequence[ApiKey], candidates: Sequence[int], predicates: Sequence[Predicate]
) -> Iterator[list[int]]:
    """Yield, slice by slice, those of the candidates whose key passes all predicates.

    Candidates and results are places in `keys`.
    """
    for start in range(0, len(candidates), SLICE):
        found: Sequence[int] = candidates[start : start + SLICE]
        for holds in predicates:
            found = [at for at in found if holds(keys[at])]
        yield list(found)
