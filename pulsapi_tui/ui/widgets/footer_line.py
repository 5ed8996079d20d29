"""The footer, with as many keys as fit: what is cut in the middle of a word helps nobody."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

ALWAYS = frozenset({"app.help", "app.quit"})
"""The way to all other keys, and the way out, are there at any width."""


class FooterLine(Footer):
    """Textual's, less the keys for which there is no room, the last ones first."""

    DEFAULT_CSS = """
    FooterLine { padding-left: 1; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        """The keys that can be pressed now."""
        keys = list(super().compose())
        self._fit([key for key in keys if isinstance(key, FooterKey)])
        yield from keys

    def on_resize(self, event: events.Resize) -> None:
        """More or fewer of them fit."""
        self._fit(list(self.query(FooterKey)))

    def _fit(self, keys: Sequence[FooterKey]) -> None:
        room = self.app.size.width - self.gutter.width
        used = sum(map(_width, keys))
        for key in reversed(keys):
            gives_way = used > room and key.action not in ALWAYS
            key.display = not gives_way
            used -= _width(key) if gives_way else 0


def _width(key: FooterKey) -> int:
    """With the space after it."""
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
