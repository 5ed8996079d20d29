"""Which keys are shown, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pulsapi_tui.domain.key_list import SLICE, SortColumn, filter_slices, sort_keys
from pulsapi_tui.domain.models import ApiKey

_FIRST_DESCENDING = {
    SortColumn.NAME: False,
    SortColumn.CREATED: True,
    SortColumn.LAST_USED: True,
}


class Arrangement:
    """Sort column, direction and filter, over whatever list there is.

    The sorted list is kept as long as the keys and the order are the same, and a filter that grew
    by a character looks only at what the shorter one had found.
    """

    def __init__(self) -> None:
        self.column = SortColumn.CREATED
        self.descending = True
        self.needle = ""
        self._sorted: tuple[ApiKey, ...] = ()
        self._sorted_from: tuple[object, SortColumn, bool] | None = None
        self._found: tuple[ApiKey, ...] = ()
        self._found_by: tuple[object, str] | None = None

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
        """The keys to show. Between slices of a long list, others have their turn."""
        order = (keys, self.column, self.descending)
        if self._sorted_from is None or not _same(self._sorted_from, order):
            self._sorted = sort_keys(keys, self.column, descending=self.descending)
            self._sorted_from = order
        if not self.needle:
            return self._sorted
        return await self._filter(self._sorted, self.needle)

    async def _filter(self, ordered: tuple[ApiKey, ...], needle: str) -> Sequence[ApiKey]:
        source = ordered
        if self._found_by is not None:
            found_in, by = self._found_by
            if found_in is ordered and needle.startswith(by):
                source = self._found
        found: list[ApiKey] = []
        for part in filter_slices(source, needle):
            found += part
            if len(source) > SLICE:
                await asyncio.sleep(0)
        self._found, self._found_by = tuple(found), (ordered, needle)
        return self._found


def _same(before: tuple[object, SortColumn, bool], now: tuple[object, SortColumn, bool]) -> bool:
    return before[0] is now[0] and before[1:] == now[1:]
