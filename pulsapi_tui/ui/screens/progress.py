"""How far something with many parts has come, and the way to begin no more of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button, ProgressBar, Static

from pulsapi_tui.ui.literal import literal
from pulsapi_tui.ui.widgets.dialog import Dialog


class ProgressScreen(Dialog[None]):
    """Shut by whoever opened it. Stopping lets what is under way come to its end."""

    DEFAULT_CSS = """
    ProgressScreen {
        & ProgressBar { width: 100%; margin-bottom: 1; }
        & ProgressBar Bar { width: 1fr; }
        & #last { height: 2; }
    }
    """
    AUTO_FOCUS = "#stop"
    HELP: ClassVar[str | None] = "What is sent can't be taken back; stopping begins no more."

    def __init__(self, title: str, total: int) -> None:
        super().__init__(title)
        self._total = total
        self.stop = asyncio.Event()

    def compose_dialog(self) -> Iterable[Widget]:
        """Counts, bar, the last one, and a button."""
        yield self.text(f"0 of {self._total}", id="count")
        yield ProgressBar(total=self._total, show_eta=False)
        yield self.text("", id="last")
        yield self.buttons(Button("Stop after these", id="stop"))

    def advance(self, done: int, text: str) -> None:
        """So many are answered."""
        if self.query("#count"):
            self.query_one("#count", Static).update(literal(f"{done} of {self._total}"))
            self.query_one(ProgressBar).update(progress=done)
            self.query_one("#last", Static).update(literal(text))

    def action_cancel(self) -> None:
        """Escape is the button."""
        self._stop()

    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        self.stop.set()
        button = self.query_one("#stop", Button)
        button.label = "Stopping…"
        button.disabled = True

    def shut(self) -> None:
        """Close."""
        self.dismiss(None)
