"""End a rotation before its end: without the successor, or with both keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.flows.abandon import old_is, what_is_lost
from pulsapi_tui.ui.literal import sentence
from pulsapi_tui.ui.widgets.dialog import Dialog


class AbandonScreen(Dialog[bool | None]):
    """Opens on going back. True keeps both keys, False revokes the successor."""

    DEFAULT_CSS = """
    AbandonScreen.-slim .buttons { layout: vertical; }
    """
    AUTO_FOCUS = "#back"
    HELP: ClassVar[str | None] = (
        "“Keep both” leaves the old key and the successor as they are, for you to revoke one "
        "of them."
    )

    def __init__(self, rotation: Rotation, *, may_still_come: bool) -> None:
        """`may_still_come` where a create was sent, and no list shows a successor so far."""
        super().__init__("Abandon the rotation?", danger=True)
        self._rotation = rotation
        self._may_still_come = may_still_come

    def compose_dialog(self) -> Iterable[Widget]:
        """What each way leaves behind."""
        rotation = self._rotation
        warning = ""
        if rotation.new is None:
            text = f"No successor was made. {old_is(rotation)}"
            if self._may_still_come:
                text = (
                    "A successor was asked for, and the answer never came. No list shows it so "
                    f"far; once one does, you are asked about it. {old_is(rotation)}"
                )
        elif rotation.old_may_be_dead:
            text = (
                f"The old key {rotation.old.shown} is revoked, or may be. Its successor "
                f"{rotation.new.shown} is kept: without it, nothing that used it has a key."
            )
        else:
            text = (
                f"The old key {rotation.old.shown} works on. Its successor {rotation.new.shown} "
                "can be revoked, which breaks what has picked it up; or both are kept, and both "
                "work."
            )
            warning = what_is_lost(rotation)
        yield self.text(sentence(text))
        if warning:
            yield self.text(sentence((f"! {warning}", "$warning")), id="lost")
        buttons = [Button("Go back", id="back", variant="primary")]
        if rotation.new is None or rotation.old_may_be_dead:
            buttons.append(Button("Abandon", id="keep"))
        else:
            buttons.append(Button("Keep both", id="keep"))
            buttons.append(Button("Revoke the successor", id="revoke", variant="error"))
        yield self.buttons(*buttons)

    @on(Button.Pressed, "#back")
    def _back(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#keep")
    def _keep(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#revoke")
    def _revoke(self) -> None:
        self.dismiss(False)
