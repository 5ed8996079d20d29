"""Ask yes or no before something that can't be undone, or tell something that must be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from textual import on, work
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
        still: Callable[[], bool] | None = None,
    ) -> None:
        """`still` says whether there is still reason to ask; where not, it closes by itself."""
        super().__init__(title, danger=danger)
        self._still = still
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

    def on_mount(self) -> None:
        """Look now and then whether the question still stands."""
        if self._still is not None:
            self._close_when_over(self._still)

    @work
    async def _close_when_over(self, still: Callable[[], bool]) -> None:
        while still():  # noqa: ASYNC110  # nothing tells; a look now and then is enough
            await asyncio.sleep(0.2)
        self.dismiss(False)

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(False)


class ReportScreen(Dialog[None]):
    """Something to read, with one way on."""

    AUTO_FOCUS = "#close"

    def __init__(
        self, title: str, body: Content, *, danger: bool = False, unasked: bool = False
    ) -> None:
        """`unasked`: it opens once something is done, and must not be typed away."""
        super().__init__(title, danger=danger)
        self._body = body
        self._unasked = unasked

    def on_mount(self) -> None:
        """Stay for a moment where nobody was waiting for it."""
        if self._unasked:
            self.stand_still("#close")

    def compose_dialog(self) -> Iterable[Widget]:
        """The text and a button."""
        yield self.text(self._body)
        yield self.buttons(Button("Close", id="close", variant="primary"))

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)
