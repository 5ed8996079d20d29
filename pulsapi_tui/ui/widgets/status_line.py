"""One line on the list: how many, what is marked and filtered, how old, and what is under way."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from pulsapi_tui.ui.literal import literal


class StatusLine(Horizontal):
    """The list on the left, the line to the server on the right."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        padding: 0 1;
        background: $surface;
        & > #status-list {
            width: 1fr;
            padding-right: 1;
            color: $foreground 80%;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
        & > #status-server { width: auto; color: $foreground 75%; }
        & > #status-server.-trouble { color: $warning; text-style: bold; }
    }
    """

    def compose(self) -> ComposeResult:
        """The two halves."""
        yield Static(id="status-list", markup=False)
        yield Static(id="status-server", markup=False)

    def show_list(self, text: str) -> None:
        """Say what the list shows."""
        self._set("#status-list", text, layout=False)

    def show_server(self, text: str, *, trouble: bool = False) -> None:
        """Say how the server is reached."""
        self._set("#status-server", text, layout=True)
        self.query_one("#status-server").set_class(trouble, "-trouble")

    def _set(self, selector: str, text: str, *, layout: bool) -> None:
        half = self.query_one(selector, Static)
        content = literal(text)
        if half.content != content:
            half.update(content, layout=layout)
