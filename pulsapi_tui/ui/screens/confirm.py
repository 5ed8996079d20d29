"""Ask yes or no before something that can't be undone, or tell something that must be read."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from pulsapi_tui.ui.widgets.dialog import Dialog


class ConfirmScreen(Dialog[bool | None]):
    """Opens on the way back. Returns True only where the other button was pressed."""

    AUTO_FOCUS = "#cancel"

    def __init__(
        self,
        title: str,
        body: Content,
        *,
        confirm: str,
        cancel: str = "Cancel",
        danger: bool = True,
    ) -> None:
        super().__init__(title, danger=danger)
        self._body = body
        self._labels = (cancel, confirm)

    def compose_dialog(self) -> Iterable[Widget]:
        """The text and two buttons."""
        cancel, confirm = self._labels
        yield self.text(self._body)
        yield self.buttons(
            Button(cancel, id="cancel", variant="primary"),
            Button(confirm, id="confirm", variant="error"),
        )

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(False)


class ReportScreen(Dialog[None]):
    """Something to read, with one way on."""

    AUTO_FOCUS = "#close"

    def __init__(self, title: str, body: Content, *, danger: bool = False) -> None:
        super().__init__(title, danger=danger)
        self._body = body

    def compose_dialog(self) -> Iterable[Widget]:
        """The text and a button."""
        yield self.text(self._body)
        yield self.buttons(Button("Close", id="close", variant="primary"))

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)
