"""Ask for another key, where the one of this session is not valid any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button, Input

from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.literal import sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField


class SignInScreen(Dialog[Secret | None]):
    """Returns a credential, untested, or None."""

    AUTO_FOCUS = "#credential"
    HELP: ClassVar[str | None] = (
        "Paste another key of the same account. It is tried with one call, and used until you quit."
    )

    def __init__(self, origin: str) -> None:
        super().__init__("Enter another API key")
        self._origin = origin

    @property
    def type_into(self) -> str:
        """The one field."""
        return "#credential"

    def compose_dialog(self) -> Iterable[Widget]:
        """A masked field."""
        yield self.text(
            sentence("It goes to ", (self._origin, "bold"), ", is kept in memory and not stored.")
        )
        yield TextField(password=True, placeholder="API key", id="credential")
        yield self.buttons(
            Button("Cancel", id="cancel"), Button("Sign in", id="sign-in", variant="primary")
        )

    @on(Input.Submitted, "#credential")
    @on(Button.Pressed, "#sign-in")
    def _sign_in(self) -> None:
        field = self.query_one("#credential", Input)
        text = field.value.strip()
        field.clear()
        self.dismiss(Secret(text) if text else None)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
