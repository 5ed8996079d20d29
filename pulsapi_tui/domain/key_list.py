"""The account's keys as one immutable snapshot, and the order and the selection of it.

Built for 100,000 keys: what a filter compares is folded once per key, and a filter can be run in
slices, so that no single step of it holds the screen up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Any

from pulsapi_tui.domain.models import ApiKey

SLICE = 10_000
"""Keys that a filter looks at between two pauses; a few milliseconds of work."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class SortColumn(StrEnum):
    """The columns of the page, in their order."""

    NAME = "name"
    CREATED = "created"
    LAST_USED = "last_used"


def _last_used_at(key: ApiKey) -> datetime:
    return key.last_used_at or _NEVER


_SORT_KEY: dict[SortColumn, Callable[[ApiKey], Any]] = {
    SortColumn.NAME: lambda key: (key.name.casefold(), key.name, key.id),
    SortColumn.CREATED: attrgetter("created_at"),
    SortColumn.LAST_USED: _last_used_at,
}


def sort_keys(
    keys: Sequence[ApiKey], column: SortColumn, *, descending: bool
) -> tuple[ApiKey, ...]:
    """Sort by a column; "never" counts as longer ago than any use. Equal keys keep their order."""
    return tuple(sorted(keys, key=_SORT_KEY[column], reverse=descending))


def haystack(key: ApiKey) -> str:
    """What a filter looks in: name, hint and id, in one case."""
    return f"{key.name}\n{key.hint}\n{key.id}".casefold()


def haystack_slices(keys: Sequence[ApiKey]) -> Iterator[list[str]]:
    """Yield the haystacks of the keys, slice by slice; made once, searched often."""
    for start in range(0, len(keys), SLICE):
        yield [haystack(key) for key in keys[start : start + SLICE]]


def filter_slices(
    haystacks: Sequence[str], candidates: Sequence[int], needle: str
) -> Iterator[list[int]]:
    """Yield, slice by slice, those of the candidates whose haystack holds `needle` in any case.

    Candidates and results are places in `haystacks`: a filter that grew by a character takes the
    results of the shorter one as its candidates.
    """
    folded = needle.casefold()
    for start in range(0, len(candidates), SLICE):
        yield [at for at in candidates[start : start + SLICE] if folded in haystacks[at]]


class KeyList:
    """All keys of the account at one moment, newest first as the server sends them."""

    __slots__ = ("__dict__", "fetched_at", "keys")

    def __init__(self, keys: Sequence[ApiKey], fetched_at: datetime) -> None:
        self.keys = tuple(keys)
        self.fetched_at = fetched_at

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def by_id(self) -> dict[str, ApiKey]:
        """The keys by their id."""
        return {key.id: key for key in self.keys}

    @cached_property
    def duplicate_names(self) -> frozenset[str]:
        """The names that more than one key has."""
        return frozenset(
            name for name, count in Counter(key.name for key in self.keys).items() if count > 1
        )

    @cached_property
    def names(self) -> frozenset[str]:
        """All names in use."""
        return frozenset(key.name for key in self.keys)
