"""Which keys are shown, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pulsapi_tui.domain.filters import KeyFilter, parse_filter, passing_slices, predicates_of
from pulsapi_tui.domain.health import Judge
from pulsapi_tui.domain.key_list import (
    SLICE,
    SortColumn,
    filter_slices,
    haystack_slices,
    sort_slices,
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
    that grew by a character looks only at what the shorter one had found. What is asked of a key's
    health changes with the time, so it is asked anew, of what the text has found. Between the
    slices of a long list, others have their turn.
    """

    def __init__(self) -> None:
        self.column = SortColumn.CREATED
        self.descending = True
        self.filter = KeyFilter()
        self._sorted: Sequence[ApiKey] = ()
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

    @property
    def is_filtered(self) -> bool:
        """Whether keys may be left out."""
        return self.filter != KeyFilter()

    def look_for(self, text: str) -> None:
        """Show only what fits this text."""
        self.filter = parse_filter(text)

    async def arrange(self, keys: Sequence[ApiKey], judge: Judge) -> Sequence[ApiKey]:
        """The keys to show, their health as the judge says."""
        wanted = self.filter
        ordered = await self._sort(keys)
        if not self.is_filtered:
            return ordered
        if wanted.unknown is not None:
            return ()
        places: Sequence[int] = range(len(ordered))
        if wanted.needle:
            places = await self._filter(ordered, wanted.needle)
        if wanted.tokens:
            places = await self._test(ordered, places, wanted, judge)
        return [ordered[at] for at in places]

    async def fold(self, keys: Sequence[ApiKey]) -> None:
        """Get ready for a filter, so that its first keystroke is as quick as the others."""
        await self._fold(await self._sort(keys))

    async def _sort(self, keys: Sequence[ApiKey]) -> Sequence[ApiKey]:
        wanted = (keys, *self.sorted_by)
        before = self._sorted_from
        if before is not None and before[0] is keys and before[1:] == wanted[1:]:
            return self._sorted
        ordered: list[ApiKey] = []
        for part in sort_slices(keys, self.column, descending=self.descending):
            ordered += part
            await pause(keys)
        self._sorted, self._sorted_from = ordered, wanted
        self._haystacks = None
        return ordered

    async def _fold(self, ordered: Sequence[ApiKey]) -> list[str]:
        if self._haystacks is not None:
            return self._haystacks
        haystacks: list[str] = []
        for part in haystack_slices(ordered):
            haystacks += part
            await pause(ordered)
        if ordered is self._sorted:
            self._haystacks, self._found, self._found_by = haystacks, range(len(ordered)), ""
        return haystacks

    async def _filter(self, ordered: Sequence[ApiKey], needle: str) -> Sequence[int]:
        haystacks = await self._fold(ordered)
        kept = haystacks is self._haystacks
        narrows = kept and needle.startswith(self._found_by)
        candidates = self._found if narrows else range(len(ordered))
        found: list[int] = []
        for part in filter_slices(haystacks, candidates, needle):
            found += part
            await pause(candidates)
        if kept and haystacks is self._haystacks:
            self._found, self._found_by = found, needle
        return found

    async def _test(
        self, ordered: Sequence[ApiKey], places: Sequence[int], wanted: KeyFilter, judge: Judge
    ) -> Sequence[int]:
        passed: list[int] = []
        for part in passing_slices(ordered, places, predicates_of(wanted.tokens, judge)):
            passed += part
            await pause(places)
        return passed


async def pause(keys: Sequence[object]) -> None:
    """Let others have their turn, where the list is a long one."""
    if len(keys) > SLICE:
        await asyncio.sleep(0)
