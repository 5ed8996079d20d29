"""End a rotation before its end: without the successor, or with both keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from pulsapi_tui.domain.rotation import Rotation
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

    def __init__(self, rotation: Rotation) -> None:
        super().__init__("Abandon the rotation?", danger=True)
        self._rotation = rotation

    def compose_dialog(self) -> Iterable[Widget]:
        """What each way leaves behind."""
        rotation = self._rotation
        if rotation.new is None:
            text = f"No successor was made. The old key {rotation.old.shown} stays as it is."
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
        yield self.text(sentence(text))
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
