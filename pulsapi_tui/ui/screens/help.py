"""Help: the keys of the screen under it, how to use a key, and the page's best practices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from pulsapi_tui.domain.filters import MEANINGS, PREFIX
from pulsapi_tui.ui.commands import Place, of
from pulsapi_tui.ui.literal import sentence, use_with_curl
from pulsapi_tui.ui.widgets.dialog import Dialog

TITLES: dict[Place, str] = {
    "keys": "Keys",
    "table": "Moving",
    "reveal": "The key that is shown once",
    "rotate": "A rotation",
    "profiles": "Profiles",
    "help": "Everywhere",
}

PRACTICES = (
    "Never commit API keys to version control; use environment variables or a secrets manager.",
    "Give each key a name that says its purpose, so that you revoke the right one.",
    "Rotate keys now and then: create a new one, update what uses it, revoke the old one.",
    "Revoke keys that nothing uses.",
    "Share keys only with the systems and people that need them.",
)
"""From PulsAPI's page on API keys."""


class HelpScreen(Dialog[None]):
    """Read and close."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = [
        # What opens it closes it, and what quits elsewhere; by the same ids, so with the same keys.
        Binding("question_mark,f1", "cancel", "Close", id="app.help"),
        Binding("q", "cancel", "Close", id="app.quit"),
    ]

    def __init__(self, places: tuple[Place, ...], origin: str) -> None:
        super().__init__("Help (Esc closes it)")
        self._places = places
        self._origin = origin

    def compose_dialog(self) -> Iterable[Widget]:
        """Three parts."""
        yield self.text(self._keys(), id="help-keys")
        if "keys" in self._places:
            yield self.text(_filter_words(), id="help-filter")
        yield self.text(self._usage(), id="help-usage")
        yield self.text(
            sentence(("Good practice", "bold $primary"), *(f"\n• {line}" for line in PRACTICES)),
            id="help-practices",
        )
        yield self.buttons(Button("Close", id="close", variant="primary"))

    def on_mount(self) -> None:
        """The text itself takes the keys that scroll."""
        box = self.query_one(".dialog")
        box.can_focus = True
        self.set_focus(box)

    def _keys(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        width = max(9, *(min(cell_len(command.shown), 16) for command in of(*self._places)))
        for place in self._places:
            if place in TITLES:
                parts.append("\n\n" if parts else "")
                parts.append((TITLES[place], "bold $primary"))
            for command in of(place):
                filled = " " * max(0, width - cell_len(command.shown))
                parts.append((f"\n{command.shown}{filled}", "bold"))
                parts.append(f" {command.help}")
        return sentence(*parts)

    def _usage(self) -> Content:
        return sentence(
            ("Using a key", "bold $primary"),
            "\nSend it in the Authorization header of every request:\n",
            (use_with_curl(self._origin), "$secondary"),
            "\nA revoked key answers 401 Unauthorized at once.",
        )

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)


def _filter_words() -> Content:
    parts: list[str | tuple[str, str]] = [("In the filter", "bold $primary")]
    for token, meaning in MEANINGS.items():
        parts += [(f"\n{PREFIX + token:<14}", "bold"), meaning]
    parts.append("\nAll of them, and the text beside them, must fit.")
    return sentence(*parts)
