"""The line in which a filter is typed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from pulsapi_tui.domain.filters import PREFIX, Token
from pulsapi_tui.ui.widgets.text_field import TextField

_TOKENS = " ".join([f"{PREFIX}{Token.IDLE}", *(token for token in Token if token != Token.IDLE)])


class FilterBar(Horizontal):
    """A field, what may be typed into it, and how it is left. It is there, but hidden at first."""

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        background: $panel;
        & > #filter-mark { width: 3; padding: 0 1; color: $accent; text-style: bold; }
        & > #filter { width: 1fr; background: $panel; }
        & > #filter-keys { width: auto; padding: 0 1; color: $foreground 75%; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="filter-bar")
        self.display = False

    def compose(self) -> ComposeResult:
        """The field between two texts."""
        yield Static("/", id="filter-mark")
        yield TextField(placeholder=f"name, hint, id; {_TOKENS}", id="filter", compact=True)
        yield Static("", id="filter-keys")

    def on_descendant_focus(self) -> None:
        """Enter is the field's."""
        self.query_one("#filter-keys", Static).update("Enter keeps · Esc closes")

    def on_descendant_blur(self) -> None:
        """Enter is the list's."""
        self.query_one("#filter-keys", Static).update("Esc closes")
