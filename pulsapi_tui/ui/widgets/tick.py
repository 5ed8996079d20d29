"""A box to tick whose state shows without colour."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import Checkbox


class Tick(Checkbox, inherit_bindings=False):
    """Empty or ticked by Space; Textual's own draws the same sign in two colours.

    Enter is left to the dialog: it goes on there, as from a field.
    """

    BINDINGS: ClassVar = [("space", "toggle_button", "Tick")]

    DEFAULT_CSS = """
    Tick { background: $surface; border: none; padding: 0; }
    """

    def __init__(self, label: str, value: bool, *, id: str) -> None:
        """`label` is a text of ours, never data."""
        self.BUTTON_INNER = _sign(value)
        super().__init__(label, value, id=id, compact=True)

    def watch_value(self) -> None:
        """Draw the state, and tell it."""
        self.BUTTON_INNER = _sign(self.value)
        super().watch_value()


def _sign(value: bool) -> str:
    return "✓" if value else " "
