"""The table of keys: Textual's DataTable, drawn on demand from a sorted list.

DataTable as it comes holds every cell and measures every row: 100,000 keys take it 17 s. This one
holds the list it is given and draws the rows that are seen. DataTable's bindings, messages,
component classes, cursor, header clicks and mouse stay; what is replaced is where its rows come
from and how a line is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widgets import DataTable
from textual.widgets.data_table import CellKey, ColumnKey, Row, RowDoesNotExist, RowKey

from pulsapi_tui.domain.key_list import SortColumn
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.commands import bindings
from pulsapi_tui.ui.literal import cell, fit

HEALTH = "health"

_ID = attrgetter("id")

_LABELS = {
    SortColumn.NAME: "Name",
    SortColumn.CREATED: "Created",
    SortColumn.LAST_USED: "Last Used",
    HEALTH: "Health",
}
_KEPT_STRIPS = 512
"""Rows that were drawn are kept: where the list scrolls, all but one are only moved."""

_GUTTER = 2
_GAP = 2
_FIXED_BY_WIDTH = ((76, (12, 12, 14)), (52, (11, 12, 14)), (0, (0, 12, 2)))
"""From that width on, the cells of Created, Last Used and Health; Name has the rest.

The narrowest has no Created, and of Health only the glyph.
"""


@lru_cache(maxsize=64)
def _column_widths(width: int) -> tuple[int, int, int, int]:
    """Name, Created, Last Used and Health in a table so many cells wide."""
    fixed = next(fixed for from_width, fixed in _FIXED_BY_WIDTH if width >= from_width)
    return max(8, width - _GUTTER - sum(fixed)), *fixed


class KeyRow(NamedTuple):
    """A key as the table writes it. `tone` names the component class of the Health word."""

    name: str
    created: str
    last_used: str
    health: str
    tone: str
    marked: bool


class _Painted(NamedTuple):
    row: KeyRow | None
    at_cursor: bool


class _Drawn(NamedTuple):
    """All that a drawn row depends on, besides the colours."""

    row_index: int
    painted: _Painted
    hovered: bool
    width: int


class KeysTable(DataTable[Text]):
    """Keys on demand. `describe` turns a key into what its row says, each time it is drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "keys-table--times",
        "keys-table--mark",
        "keys-table--in-use",
        "keys-table--idle",
        "keys-table--never-used",
        "keys-table--session",
    }
    DEFAULT_CSS = """
    KeysTable {
        height: 1fr;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .keys-table--times { color: $foreground 75%; }
        & > .keys-table--mark { color: $accent; text-style: bold; }
        & > .keys-table--in-use { color: $success; }
        & > .keys-table--idle { color: $warning; }
        & > .keys-table--never-used { color: $foreground 75%; }
        & > .keys-table--session { color: $secondary; }
    }
    """
    BINDINGS: ClassVar = bindings("table")

    def __init__(self, describe: Callable[[ApiKey], KeyRow], *, id: str) -> None:
        # Before DataTable's own set-up, which asks for the rows already.
        self._describe = describe
        self._keys: Sequence[ApiKey] = ()
        self._sorted_by = (SortColumn.CREATED, True)
        self._painted: dict[int, _Painted] = {}
        self._strips: dict[_Drawn, Strip] = {}
        self._base = Style.null()
        self._left_id: str | None = None
        super().__init__(cursor_type="row", show_row_labels=False, id=id)

    def on_mount(self) -> None:
        """Make the columns; their real widths follow the size of the table."""
        for column, label in _LABELS.items():
            self.add_column(cell(label), width=1, key=column)

    # What the screen asks for

    @property
    def keys(self) -> Sequence[ApiKey]:
        """The keys in the order in which they are shown."""
        return self._keys

    @property
    def key_at_cursor(self) -> ApiKey | None:
        """The key under the cursor, if there is any."""
        row = self.cursor_row
        return self._keys[row] if 0 <= row < len(self._keys) else None

    def show_keys(
        self,
        keys: Sequence[ApiKey],
        sorted_by: tuple[SortColumn, bool],
        cursor_id: str | None = None,
    ) -> None:
        """Show these keys. The cursor stays on its key, and the key where it is on the screen.

        Only the lines that now read differently are drawn again. Where the key is gone, the cursor
        stays at its place. `cursor_id` moves it to another key.
        """
        at_cursor = self.key_at_cursor
        # An empty list leaves the cursor nowhere; the next one has it where it was.
        wanted_id = cursor_id or (at_cursor.id if at_cursor else self._left_id)
        self._left_id = wanted_id
        old_row, old_scroll = self.cursor_row, self.scroll_offset.y
        header_changed = sorted_by != self._sorted_by
        self._keys, self._sorted_by = keys, sorted_by
        row = self._find(wanted_id, old_row)
        self._fit_content()
        if row != old_row:
            with self.prevent(DataTable.RowHighlighted):
                self.set_reactive(DataTable.cursor_coordinate, Coordinate(row, 0))
            self.scroll_to(y=old_scroll + row - old_row, animate=False, force=True, immediate=True)
            self._scroll_cursor_into_view()
        if keys:
            self.post_message(DataTable.RowHighlighted(self, row, RowKey(keys[row].id)))
        if header_changed:
            self.refresh()
        else:
            self.repaint_changed()

    def repaint_changed(self) -> None:
        """Draw again the visible lines whose text is no longer what stands there."""
        top = self.scroll_offset.y
        for line in range(self.header_height, self.size.height):
            now = self._state_of(line - self.header_height + top)
            if self._painted.get(line) != now:
                self.refresh(Region(0, line, self._width, 1))

    # DataTable's own questions, answered from the list

    @property
    def row_count(self) -> int:
        """The number of keys shown."""
        return len(self._keys)

    @property
    def ordered_rows(self) -> list[Row]:
        """Empty: rows are virtual, and each is one line high."""
        return []

    def is_valid_row_index(self, row_index: int) -> bool:
        """Whether there is such a row."""
        return 0 <= row_index < len(self._keys)

    def coordinate_to_cell_key(self, coordinate: Coordinate) -> CellKey:
        """The row's key is the id of the API key."""
        columns = list(self.columns)
        return CellKey(RowKey(self._keys[coordinate.row].id), columns[coordinate.column])

    def get_row_index(self, row_key: RowKey | str) -> int:
        """The row of an API key's id."""
        wanted = row_key.value if isinstance(row_key, RowKey) else row_key
        for index, key in enumerate(self._keys):
            if key.id == wanted:
                return index
        raise RowDoesNotExist(f"No row exists for row_key={row_key!r}")

    def get_row_at(self, row_index: int) -> list[Text]:
        """The cells of a row."""
        if not self.is_valid_row_index(row_index):
            raise RowDoesNotExist(f"Row index {row_index!r} is not valid.")
        row = self._describe(self._keys[row_index])
        return [cell(row.name), cell(row.created), cell(row.last_used), cell(row.health)]

    @property
    def _total_row_height(self) -> int:
        return len(self._keys)

    def _update_dimensions(self, new_rows: object) -> None:
        self._lay_out()

    def _get_row_region(self, row_index: int) -> Region:
        return Region(0, row_index + self.header_height, self._width, 1)

    def _highlight_row(self, row_index: int) -> None:
        self.refresh_row(row_index)
        if self.is_valid_row_index(row_index):
            row_key = RowKey(self._keys[row_index].id)
            self.post_message(DataTable.RowHighlighted(self, row_index, row_key))

    def _post_selected_message(self) -> None:
        if self._keys:
            row_key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key
            self.post_message(DataTable.RowSelected(self, self.cursor_row, row_key))

    def _set_hover_cursor(self, active: bool) -> None:
        if active != self._show_hover_cursor:
            super()._set_hover_cursor(active)

    def action_page_down(self) -> None:
        """Move the cursor a page down."""
        self._move_by_page(1)

    def action_page_up(self) -> None:
        """Move the cursor a page up."""
        self._move_by_page(-1)

    def _move_by_page(self, direction: int) -> None:
        self._set_hover_cursor(False)
        rows = max(1, self.size.height - self.header_height - 1)
        self.scroll_relative(y=direction * rows, animate=False, force=True, immediate=True)
        self.move_cursor(row=self.cursor_row + direction * rows)

    # Drawing

    def on_resize(self, _: events.Resize) -> None:
        """The columns have the width that there is."""
        self._lay_out()

    def notify_style_update(self) -> None:
        """Colours changed: nothing that stands there is right any more."""
        self._painted.clear()
        self._strips.clear()
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the visible lines; Textual would make their common style for each of them anew."""
        base = self.rich_style
        if base != self._base:
            self._base = base
            self._strips.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width = self._width
        if y < self.header_height:
            return self._draw_header(width)
        row_index = y - self.header_height + self.scroll_offset.y
        painted = self._painted[y] = self._state_of(row_index)
        if painted.row is None:
            return Strip.blank(width, self._base)
        hovered = self._show_hover_cursor and row_index == self.hover_row
        drawn = _Drawn(row_index, painted, hovered, width)
        strip = self._strips.get(drawn)
        if strip is None:
            if len(self._strips) >= _KEPT_STRIPS:
                self._strips.clear()
            strip = self._strips[drawn] = self._draw_row(painted.row, drawn)
        return strip

    def _state_of(self, row_index: int) -> _Painted:
        if not self.is_valid_row_index(row_index):
            return _Painted(None, False)
        at_cursor = self.show_cursor and row_index == self.cursor_row
        return _Painted(self._describe(self._keys[row_index]), at_cursor)

    def _draw_header(self, width: int) -> Strip:
        base = self._base + self.get_component_rich_style("datatable--header", partial=True)
        segments = [Segment(" " * _GUTTER, base)]
        widths = _column_widths(width)
        for index, (column, data) in enumerate(self.columns.items()):
            label = data.label.plain
            if column.value == self._sorted_by[0]:
                label += " ▼" if self._sorted_by[1] else " ▲"
            style = base + Style(meta={"row": -1, "column": index})
            shown = label if len(label) <= widths[index] else ""
            segments.append(Segment(fit(shown, widths[index]), style))
        return Strip(segments).adjust_cell_length(width, base)

    def _draw_row(self, row: KeyRow, drawn: _Drawn) -> Strip:
        at_cursor, width = drawn.painted.at_cursor, drawn.width
        meta = Style(meta={"row": drawn.row_index, "column": 0})
        base = self._base + meta
        if drawn.hovered and not at_cursor:
            base += self.get_component_rich_style("datatable--hover", partial=True)
        cursor = (
            self.get_component_rich_style("datatable--cursor", partial=True)
            if at_cursor
            else Style.null()
        )
        segments = [
            Segment(text, base + style + cursor) for text, style in self._pieces(row, width)
        ]
        # Neighbours of one style become one segment, and so fewer bytes.
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base + cursor)

    def _pieces(self, row: KeyRow, width: int) -> Iterator[tuple[str, Style]]:
        component = self.get_component_rich_style
        name, created, last_used, health = _column_widths(width)
        yield ("✓ " if row.marked else "  "), component("keys-table--mark", partial=True)
        yield fit(row.name, name - _GAP) + " " * _GAP, Style.null()
        times = fit(row.created, created) + fit(row.last_used, last_used)
        yield times, component("keys-table--times", partial=True)
        yield fit(row.health[:health], health), component(row.tone, partial=True)

    # Geometry

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _content_size(self) -> Size:
        return Size(self._width, len(self._keys) + self.header_height)

    def _fit_content(self) -> None:
        size = self._content_size()
        if size != self.virtual_size:
            # Set as usual, it would lay out the whole screen, where only the bar's thumb moves.
            self.set_reactive(DataTable.virtual_size, size)
            self._scroll_update(size)

    def _lay_out(self) -> None:
        self._fit_content()
        self._painted.clear()
        self.refresh()

    def _find(self, wanted_id: str | None, near: int) -> int:
        """The row of that id, looked for first where it was; else the nearest row there is."""
        keys = self._keys
        for index in range(max(0, near - 2), min(len(keys), near + 3)):
            if keys[index].id == wanted_id:
                return index
        if wanted_id is not None:
            with suppress(ValueError):
                return list(map(_ID, keys)).index(wanted_id)
        return max(0, min(near, len(keys) - 1))


def column_of(column_key: ColumnKey) -> SortColumn | None:
    """The sort column of a header; Health sorts as Last Used."""
    if column_key.value == HEALTH:
        return SortColumn.LAST_USED
    return SortColumn(column_key.value) if column_key.value else None
