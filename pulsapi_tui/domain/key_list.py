"""The account's keys as one immutable snapshot, and the order and the selection of it.

Built for 100,000 keys: what a filter compares is folded once per key, and a filter and an order can
be had in slices, so that no single step of them holds the screen up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from itertools import islice
from operator import attrgetter, ge, le
from typing import Any

from pulsapi_tui.domain.models import ApiKey

SLICE = 5_000
"""Keys that are looked at between two pauses; a few milliseconds of work."""

_SAMPLED = 512
"""Keys that say where to cut a long list in parts of about the same size."""

_NAME = attrgetter("name")

_NEVER = datetime.min.replace(tzinfo=UTC)


class SortColumn(StrEnum):
    """The columns of the page, in their order."""

    NAME = "name"
    CREATED = "created"
    LAST_USED = "last_used"


def _last_used_at(key: ApiKey) -> datetime:
    return key.last_used_at or _NEVER


_SORT_KEY: dict[SortColumn, Callable[[ApiKey], Any]] = {
    # No name holds a NUL, so that this sorts as a tuple of them would, and quicker.
    SortColumn.NAME: lambda key: f"{key.name.casefold()}\0{key.name}\0{key.id}",
    SortColumn.CREATED: attrgetter("created_at"),
    SortColumn.LAST_USED: _last_used_at,
}


def sort_keys(
    keys: Sequence[ApiKey], column: SortColumn, *, descending: bool
) -> tuple[ApiKey, ...]:
    """Sort by a column; "never" counts as longer ago than any use. Equal keys keep their order."""
    return tuple(sorted(keys, key=_SORT_KEY[column], reverse=descending))


def sort_slices(
    keys: Sequence[ApiKey], column: SortColumn, *, descending: bool
) -> Iterator[Sequence[ApiKey]]:
    """Sort as `sort_keys` does, in steps of a few milliseconds each; the parts come in order.

    Some of the parts are empty: a pause is due all the same.
    """
    values: list[Any] = []
    for start in range(0, len(keys), SLICE):
        values += map(_SORT_KEY[column], keys[start : start + SLICE])
        yield ()
    if _is_in_order(values, descending=descending):
        yield keys
        return
    sample = sorted(values[:: len(values) // _SAMPLED + 1])
    cuts = sample[:: max(1, len(sample) * SLICE // len(values))]
    parts: list[list[int]] = [[] for _ in range(len(cuts) + 1)]
    for start in range(0, len(values), SLICE):
        for at, value in enumerate(values[start : start + SLICE], start):
            parts[bisect_right(cuts, value)].append(at)
        yield ()
    for part in reversed(parts) if descending else parts:
        part.sort(key=values.__getitem__, reverse=descending)
        yield [keys[at] for at in part]


def _is_in_order(values: Sequence[Any], *, descending: bool) -> bool:
    return all(map(ge if descending else le, values, islice(values, 1, None)))


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
        counts: Counter[str] = Counter()
        for _ in self._count_names(counts):
            pass
        return frozenset(name for name, count in counts.items() if count > 1)

    @property
    def duplicates_found(self) -> frozenset[str]:
        """The same, or nothing where that would have to be counted first."""
        found: frozenset[str] = self.__dict__.get("duplicate_names", frozenset())
        return found

    def find_duplicates(self) -> Iterator[None]:
        """Make `duplicate_names` ready, in steps of a few milliseconds each."""
        if "duplicate_names" not in self.__dict__:
            counts: Counter[str] = Counter()
            yield from self._count_names(counts)
            names = frozenset(name for name, count in counts.items() if count > 1)
            self.__dict__["duplicate_names"] = names

    def _count_names(self, counts: Counter[str]) -> Iterator[None]:
        for start in range(0, len(self.keys), SLICE):
            counts.update(map(_NAME, self.keys[start : start + SLICE]))
            yield

    @cached_property
    def names(self) -> frozenset[str]:
        """All names in use."""
        return frozenset(key.name for key in self.keys)
