"""What stands on every screen when the terminal is too small to be trusted with a secret."""

from __future__ import annotations

from textual.widgets import Static

MIN_WIDTH = 40
MIN_HEIGHT = 12


class TooSmall(Static):
    """Covers the screen; the breakpoints of the app show and hide it."""

    DEFAULT_CSS = """
    TooSmall {
        display: none;
        width: 100%;
        height: 100%;
        content-align: center middle;
        text-align: center;
        color: $warning;
    }
    """

    def __init__(self) -> None:
        super().__init__(
            f"Too small.\nMake this terminal at least {MIN_WIDTH} x {MIN_HEIGHT}.", markup=False
        )
