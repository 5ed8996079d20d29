"""A live key that, as far as is known, nobody has: name it, and let the user decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import ago, last_use
from pulsapi_tui.ui.asks import OrphanChoice
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog


class OrphanScreen(Dialog[OrphanChoice | None]):
    """Opens on "Decide later": nothing happens, and it is asked again at the next start."""

    AUTO_FOCUS = ""
    HELP: ClassVar[str | None] = (
        "This key works, and nobody is known to have its secret. “I have it” if you do; "
        "“Revoke it” if not. “Decide later” keeps it marked in the list."
    )

    def __init__(self, key: ApiKey, why: str, now: datetime) -> None:
        super().__init__("A key without an owner", danger=True)
        self._key = key
        self._why = why
        self._now = now

    def on_mount(self) -> None:
        """It opens by itself: keys that were meant for the list must not answer it."""
        self.stand_still("#later")

    def compose_dialog(self) -> Iterable[Widget]:
        """The key, how it came to this, and three ways on."""
        key = self._key
        used = last_use(key.last_used_at, self._now)
        yield self.text(
            sentence(
                (key.name, "bold"),
                (f"  …{key.hint}  {key.id}", MUTED),
                f"\nCreated {ago(key.created_at, self._now)}, {used}.\n\n",
                self._why,
                "\n\nIts secret can't be had again. If you do not have it, revoke it and create "
                "another one.",
            )
        )
        yield self.buttons(
            Button("Decide later", id="later", variant="primary"),
            Button("I have it", id="keep"),
            Button("Revoke it", id="revoke", variant="error"),
        )

    @on(Button.Pressed)
    def _choose(self, event: Button.Pressed) -> None:
        self.dismiss(OrphanChoice(event.button.id))
