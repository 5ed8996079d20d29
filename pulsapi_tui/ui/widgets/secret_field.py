"""The one widget that can draw a secret."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.literal import literal

MASK = "•"
MASK_LENGTH = 24
"""The same for every secret, so that the mask does not tell its length."""


class SecretField(Static):
    """A secret, masked until it is asked for. It can be selected only while it is shown."""

    DEFAULT_CSS = """
    SecretField {
        width: 100%;
        height: auto;
        min-height: 1;
        content-align: center middle;
        text-align: center;
        text-style: bold;
        color: $foreground;
    }
    """
    shown = reactive(False, init=False)

    def __init__(self, secret: Secret, hint: str, *, id: str) -> None:
        self._secret: Secret | None = secret
        self._hint = hint
        super().__init__(self._masked(), id=id, markup=False)

    @property
    def allow_select(self) -> bool:
        """Text can be selected only while it is shown."""
        return self.shown

    def watch_shown(self, shown: bool) -> None:
        """Show or mask."""
        if shown and self._secret is not None:
            self.update(literal(self._secret.reveal()))
        else:
            self.update(self._masked())

    def blank(self) -> None:
        """Take the secret off the screen and let go of it."""
        self._secret = None
        self.shown = False
        self.update(literal(""))

    def _masked(self) -> Content:
        return literal(f"{MASK * MASK_LENGTH}{self._hint}")
