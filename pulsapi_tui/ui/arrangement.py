"""Which keys are shown, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pulsapi_tui.domain.key_list import (
    SLICE,
    SortColumn,
    filter_slices,
    haystack_slices,
    sort_keys,
)
from pulsapi_tui.domain.models import ApiKey

_FIRST_DESCENDING = {
    SortColumn.NAME: False,
    SortColumn.CREATED: True,
    SortColumn.LAST_USED: True,
}


class Arrangement:
    """Sort column, direction and filter, over whatever list there is.

    What was sorted and folded is kept as long as the keys and the order are the same, and a filter
    that grew by a character looks only at what the shorter one had found. Between the slices of a
    long list, others have their turn.
    """

    def __init__(self) -> None:
        self.column = SortColumn.CREATED
        self.descending = True
        self.needle = ""
        self._sorted: tuple[ApiKey, ...] = ()
        self._sorted_from: tuple[Sequence[ApiKey], SortColumn, bool] | None = None
        self._haystacks: list[str] | None = None
        self._found: Sequence[int] = ()
        self._found_by = ""

    @property
    def sorted_by(self) -> tuple[SortColumn, bool]:
        """The column, and whether the order is descending."""
        return self.column, self.descending

    def sort_by(self, column: SortColumn) -> None:
        """Sort by a column; by the same again, the other way round."""
        if column is self.column:
            self.descending = not self.descending
        else:
            self.column, self.descending = column, _FIRST_DESCENDING[column]

    def sort_next(self) -> None:
        """Sort by the column to the right."""
        columns = list(SortColumn)
        self.sort_by(columns[(columns.index(self.column) + 1) % len(columns)])

    async def arrange(self, keys: Sequence[ApiKey]) -> Sequence[ApiKey]:
        """The keys to show."""
        self._sort(keys)
        if not self.needle:
            return self._sorted
        return await self._filter(self._sorted, self.needle)

    async def fold(self, keys: Sequence[ApiKey]) -> None:
        """Get ready for a filter, so that its first keystroke is as quick as the others."""
        self._sort(keys)
        await self._fold(self._sorted)

    def _sort(self, keys: Sequence[ApiKey]) -> None:
        before = self._sorted_from
        if before is None or before[0] is not keys or before[1:] != self.sorted_by:
            self._sorted = sort_keys(keys, self.column, descending=self.descending)
            self._sorted_from = (keys, *self.sorted_by)
            self._haystacks = None

    async def _fold(self, ordered: Sequence[ApiKey]) -> list[str]:
        if self._haystacks is not None:
            return self._haystacks
        haystacks: list[str] = []
        for part in haystack_slices(ordered):
            haystacks += part
            await _pause(ordered)
        if ordered is self._sorted:
            self._haystacks, self._found, self._found_by = haystacks, range(len(ordered)), ""
        return haystacks

    async def _filter(self, ordered: Sequence[ApiKey], needle: str) -> Sequence[ApiKey]:
        haystacks = await self._fold(ordered)
        kept = haystacks is self._haystacks
        narrows = kept and needle.startswith(self._found_by)
        candidates = self._found if narrows else range(len(ordered))
        found: list[int] = []
        for part in filter_slices(haystacks, candidates, needle):
            found += part
            await _pause(candidates)
        if kept and haystacks is self._haystacks:
            self._found, self._found_by = found, needle
        return [ordered[at] for at in found]


async def _pause(keys: Sequence[object]) -> None:
    if len(keys) > SLICE:
        await asyncio.sleep(0)
