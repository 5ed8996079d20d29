"""Textual's DataTable with the keys of a server's list: `data_table.py FILE`, in our colours.

The file has one JSON object: the theme's fields, and the rows of cells.
"""

import json
import sys
from pathlib import Path

from rich.text import Text
from textual.app import App, ComposeResult
from textual.theme import Theme
from textual.widgets import DataTable, Footer, Header


class Table(App[None]):
    """Header, table and footer."""

    BINDINGS = [("n", "new", "New"), ("s", "sort", "Sort"), ("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """As many people would write it."""
        yield Header()
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """Fill the table."""
        given = json.loads(Path(sys.argv[1]).read_text())
        self.register_theme(Theme(**given["theme"]))
        self.theme = given["theme"]["name"]
        table = self.query_one(DataTable)
        table.add_columns("Name", "Created", "Last Used", "Health")
        for row in given["rows"]:
            table.add_row(*map(Text, row))


if __name__ == "__main__":
    Table().run()
