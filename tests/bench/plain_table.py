"""A peer: the same keys and colours in a DataTable as it comes, and nothing around it.

`python -m tests.bench.plain_table COUNT`.
"""

from __future__ import annotations

import sys

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.ui.listing import Listing
from pulsapi_tui.ui.themes import DARK
from tests.bench.many_keys import many_keys
from tests.seeded import NOW, StandingClock

_COLOURS = {
    "keys-table--in-use": DARK.success,
    "keys-table--idle": DARK.warning,
    "keys-table--never-used": DARK.foreground,
    "keys-table--session": DARK.secondary,
}


class PlainTable(App[None]):
    """A table and no more."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        """The table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        self.register_theme(DARK)
        self.theme = DARK.name
        listing = Listing(StandingClock())
        listing.take(KeyList(many_keys(self._count), NOW))
        table = self.query_one(DataTable)
        for label, width in (("Name", 74), ("Created", 12), ("Last Used", 12), ("Health", 12)):
            table.add_column(label, width=width)
        for key in listing.keys.keys if listing.keys else ():
            row = listing.describe(key)
            times = f"{DARK.foreground} dim"
            table.add_row(
                Text(row.name),
                Text(row.created, style=times),
                Text(row.last_used, style=times),
                Text(row.health, style=_COLOURS[row.tone] or ""),
            )


if __name__ == "__main__":
    PlainTable(int(sys.argv[1])).run()
