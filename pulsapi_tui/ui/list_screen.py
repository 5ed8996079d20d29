"""The list of keys on a screen: table, details, filter, order and marks, wherever it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import DataTable, Input

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.key_list import SortColumn
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import Clock
from pulsapi_tui.ui.listing import Listing
from pulsapi_tui.ui.states import NOTHING_FOUND, empty, no_such_filter
from pulsapi_tui.ui.widgets.filter_bar import FilterBar
from pulsapi_tui.ui.widgets.header_line import HeaderLine
from pulsapi_tui.ui.widgets.key_details import Described, KeyDetails
from pulsapi_tui.ui.widgets.key_line import KeyLine
from pulsapi_tui.ui.widgets.keys_table import KeysTable, column_of
from pulsapi_tui.ui.widgets.state_panel import State, StatePanel
from pulsapi_tui.ui.widgets.status_line import StatusLine
from pulsapi_tui.ui.widgets.too_small import TooSmall

MOST_NAMED = 3
"""So many of the keys that a filter hides are named in a dialog, which lists all of them anyway."""

_AWAY = "-away"
"""What is not shown: the list while there is a state of the whole, or that state."""


class ListScreen(Screen[None]):
    """Shows a `Listing`, and has the commands that change nothing but the view."""

    def __init__(self, clock: Clock, state: State, limits: HealthLimits | None = None) -> None:
        """`state` stands there until there are keys."""
        super().__init__()
        self._state: State | None = state
        self._has_resumed = False
        self._filter_bar: FilterBar | None = None
        self._making_filter = asyncio.Lock()
        self._listing = Listing(clock, limits)
        self._zone: tzinfo = UTC
        self._cursor_id: str | None = None
        self._search_began_at: str | None = None
        self._doing = ""
        self._script_profile: str | None = ""
        """What a command has to name to mean this account, or nothing; None: none can."""

    @property
    def is_typing_filter(self) -> bool:
        """Whether the keys belong to the filter; `has_focus` would know it only later."""
        return self.focused is not None and self.focused.id == "filter"

    def compose(self) -> ComposeResult:
        """Header, list, footer."""
        yield HeaderLine()
        yield StatusLine()
        with Container(id="body", classes=_AWAY):
            yield KeysTable(self._listing.describe, id="keys")
            with Container(id="side"):
                yield KeyDetails(id="details")
        if self._state is not None:
            yield StatePanel(self._state, id="state")
        yield KeyLine()
        yield TooSmall()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """At the start, all of it has just been styled."""
        if not self._has_resumed:
            self._has_resumed = True
            event.refresh_styles = False

    @work(exclusive=True, group="arrange")
    async def _rearrange(self) -> None:
        """Sort and filter, then let the table follow."""
        if self._listing.keys is None:
            return
        shown = await self._listing.arrange()
        table = self.query_one(KeysTable)
        table.show_keys(shown, self._listing.arrangement.sorted_by, self._cursor_id)
        if table.key_at_cursor is not None and table.key_at_cursor.id == self._cursor_id:
            self._cursor_id = None
        if shown:
            self._show_state(None)
        else:
            unknown = self._listing.arrangement.filter.unknown
            found = NOTHING_FOUND if unknown is None else no_such_filter(unknown)
            self._show_state(found if len(self._listing.keys) else empty())
        self._show_counts()
        self._show_details()
        self._look_closer()
        if self._is_filter_open:
            await self._listing.get_ready_to_filter()

    @work(exclusive=True, group="look")
    async def _look_closer(self) -> None:
        """What a long list is not kept back for."""
        await self._listing.find_duplicates()
        self._show_details()

    def _show_state(self, state: State | None) -> None:
        self._state = state
        panel = self.query_one(StatePanel)
        if state is not None:
            panel.show(state)
        # Not a class of the screen's: all that is on it would be styled again.
        panel.set_class(state is None, _AWAY)
        self.query_one("#body").set_class(state is not None, _AWAY)
        if state is not None and state.button and not self.is_typing_filter:
            self.query_one("#state-button").focus()
        elif state is None and (self.focused is None or self.focused.id == "state-button"):
            # At once: it is drawn with its cursor.
            self.set_focus(self.query_one(KeysTable))

    def _show_counts(self) -> None:
        text = self._doing
        if not text and self._listing.keys is not None:
            text = self._listing.counts(self.query_one(KeysTable).keys)
        self.query_one(StatusLine).show_list(text)

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        key = self.query_one(KeysTable).key_at_cursor
        self.query_one(KeyDetails).show(self._described(key) if key is not None else None)

    def _described(self, key: ApiKey) -> Described:
        listing = self._listing
        seen = listing.uses.of(key, listing.now)
        return Described(
            key, listing.health(key), listing.now, self._zone, self._script_profile, seen
        )

    def go_to(self, key_id: str) -> None:
        """Put the cursor on that key; a filter that hides it is closed."""
        self._cursor_id = key_id
        if self._is_filter_open and all(key.id != key_id for key in self.query_one(KeysTable).keys):
            self._close_filter()
            self._listing.arrangement.look_for("")
        self._rearrange()

    # Marks, filter and order

    def hidden_by_filter(self, keys: Sequence[ApiKey]) -> str:
        """Which of these keys are not shown, as a sentence; empty where all of them are."""
        shown = {key.id for key in self.query_one(KeysTable).keys}
        hidden = [f"“{key.name}”" for key in keys if key.id not in shown]
        if not hidden:
            return ""
        more = len(hidden) - MOST_NAMED
        named = [*hidden[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
        said = f"The filter hides {len(hidden)} of {len(keys)}: {', '.join(named)}."
        at_cursor = self.query_one(KeysTable).key_at_cursor
        if at_cursor is None or at_cursor in keys:
            return said
        return f"{said} “{at_cursor.name}”, where the cursor is, is not marked."

    def action_mark(self) -> None:
        """Mark or unmark, and go on to the next key."""
        table = self.query_one(KeysTable)
        if table.key_at_cursor is not None:
            self._listing.marked ^= {table.key_at_cursor.id}
            table.repaint_changed()
            table.action_cursor_down()
            self._show_counts()

    def action_mark_all(self) -> None:
        """Mark all keys that are shown, but that of this session, which can't be revoked here."""
        shown = {key.id for key in self.query_one(KeysTable).keys}
        self._listing.marked |= shown - {self._listing.session_key_id}
        self._marks_changed()

    async def action_back(self) -> None:
        """Close the filter; else clear the marks."""
        if self._is_filter_open:
            if self.is_typing_filter:
                await self._typed_filter()
                # Nothing was chosen: the cursor goes back to where the search began.
                self._cursor_id = self._search_began_at
            self._close_filter()
            await self._apply_filter("")
        elif self._listing.marked:
            self._listing.marked.clear()
            self._marks_changed()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).clear()
        self.query_one(FilterBar).display = False
        self.query_one(KeysTable).focus()

    def _marks_changed(self) -> None:
        self.query_one(KeysTable).repaint_changed()
        self._show_counts()

    async def _make_filter(self) -> None:
        """The line to type a filter into; the first frame and the first keys come without it."""
        async with self._making_filter:
            if self._filter_bar is None:
                bar = FilterBar()
                await self.mount(bar, before="#body")
                self._filter_bar = bar

    @property
    def _is_filter_open(self) -> bool:
        return self._filter_bar is not None and self._filter_bar.display

    async def action_filter(self) -> None:
        """Open the filter."""
        await self._make_filter()
        key = self.query_one(KeysTable).key_at_cursor
        self._search_began_at = key.id if key is not None else None
        self.query_one(FilterBar).display = True
        self.set_focus(self.query_one("#filter", Input))
        self._rearrange()

    @on(Input.Changed, "#filter")
    def _filter_as_typed(self, event: Input.Changed) -> None:
        self._listing.arrangement.look_for(event.value)
        self._rearrange()

    async def _apply_filter(self, text: str) -> None:
        """Show what fits, before the next key is looked at; the field tells of it only later."""
        self._listing.arrangement.look_for(text)
        await self._arrange_now()

    async def _typed_filter(self) -> str:
        """What the field holds once it has taken all keys that came before this one."""
        field, taken = self.query_one("#filter", Input), asyncio.Event()
        if field.call_later(taken.set):
            await taken.wait()
        return field.value

    async def _arrange_now(self) -> None:
        """Arrange, before the next key is looked at."""
        self._rearrange()
        await self._hold_keys_while(self._is_arranging)

    def _is_arranging(self) -> bool:
        """Whether any arrangement goes on: a late word of the filter may begin another one."""
        return any(
            worker.group == "arrange" and not (worker.is_finished or worker.is_cancelled)
            for worker in self.workers
        )

    async def _hold_keys_while(self, goes_on: Callable[[], bool]) -> None:
        """What is typed next is meant for what comes of it: the new rows, or a dialog."""
        while self.is_active and goes_on():  # noqa: ASYNC110  # workers have no event for their end
            await asyncio.sleep(0)

    async def action_sort_next(self) -> None:
        """Sort by the next column."""
        self._listing.arrangement.sort_next()
        await self._arrange_now()

    async def action_sort_reverse(self) -> None:
        """Reverse the order."""
        self._listing.arrangement.sort_by(self._listing.arrangement.column)
        await self._arrange_now()

    async def action_sort_by(self, column: str) -> None:
        """Sort by a column, or the other way round."""
        self._listing.arrangement.sort_by(SortColumn(column))
        await self._arrange_now()

    @on(DataTable.HeaderSelected)
    def _sort_by_header(self, event: DataTable.HeaderSelected) -> None:
        column = column_of(event.column_key)
        if column is not None:
            self._listing.arrangement.sort_by(column)
            self._rearrange()
