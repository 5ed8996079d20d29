"""Ask before several keys are rotated: which, last used when, and where each successor goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from pulsapi_tui.domain.times import last_use
from pulsapi_tui.ui.asks import PlanLine
from pulsapi_tui.ui.literal import MUTED, fold, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog

_INDENT = "  "
_UNFOLDED = 1000
"""Until the width is known."""


class RotateManyScreen(Dialog[bool | None]):
    """Opens on Cancel. Returns True only where the user wants the plan."""

    CSS_PATH = "rotate_many.tcss"
    AUTO_FOCUS = "#cancel"
    HELP: ClassVar[str | None] = (
        "What would be done, a key after the other. Nothing is sent before you agree, and no "
        "key is revoked by it."
    )

    def __init__(self, lines: Sequence[PlanLine], concerns: Sequence[str], now: datetime) -> None:
        super().__init__(f"Rotate {len(lines)} API keys")
        self._lines = lines
        self._concerns = concerns
        self._now = now

    def compose_dialog(self) -> Iterable[Widget]:
        """The plan, what speaks against it, what follows, and buttons."""
        yield VerticalScroll(self.text(self._plan(_UNFOLDED), id="plan"), id="lines")
        if self._concerns:
            text = "\n".join(f"! {concern}" for concern in self._concerns)
            yield self.text(sentence((text, "$warning")), id="concerns")
        yield self.text(
            "Each gets a successor, which is delivered and proven. The old keys work on, and are "
            "watched: nothing is revoked by this.",
            id="consequence",
        )
        yield self.buttons(
            Button("Cancel", id="cancel", variant="primary"),
            Button(f"Rotate {len(self._lines)} keys", id="rotate"),
        )

    def on_resize(self) -> None:
        """Fold the plan into the width that there is, each place under its key."""
        self.call_after_refresh(self._show_plan)

    def _show_plan(self) -> None:
        room = self.query_one("#lines").scrollable_content_region.width - len(_INDENT)
        self.query_one("#plan", Static).update(self._plan(max(room, 1)))

    def _plan(self, room: int) -> Content:
        return Content("").join(
            sentence(
                "\n" if index else "",
                (f"• {line.key.name}", "bold"),
                (
                    f"  …{line.key.hint}  {last_use(line.key.last_used_at, self._now)}",
                    MUTED,
                ),
                *(f"\n{_INDENT}{part}" for part in fold(line.where, room)),
            )
            for index, line in enumerate(self._lines)
        )

    @on(Button.Pressed, "#rotate")
    def _rotate(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(False)
