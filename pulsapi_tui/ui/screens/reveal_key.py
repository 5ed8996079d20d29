"""The key, once: the only screen that holds a secret."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events, on, work
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.ports import Clipboard
from pulsapi_tui.ui.asks import RevealOutcome
from pulsapi_tui.ui.commands import bindings
from pulsapi_tui.ui.literal import literal, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.secret_field import SecretField


def _label(key: str, text: str) -> Content:
    return sentence(f"{key} ", (text, "bold"))


class RevealKeyScreen(Dialog[RevealOutcome]):
    """Closes only on proof, or on "discard and revoke". Escape never loses a key.

    A copy changes nothing on the server, so this screen may own it; the revoke it does not.
    """

    CSS_PATH = "reveal_key.tcss"
    AUTO_FOCUS = "#copy"
    BINDINGS: ClassVar = bindings("reveal", "help")

    def __init__(self, created: CreatedKey, clipboard: Clipboard, note: str = "") -> None:
        super().__init__("API key created")
        self._created = created
        self._clipboard = clipboard
        self._note = note

    @property
    def key_name(self) -> str:
        """The name and the end of the key that is open here."""
        return f"“{self._created.key.name}” (…{self._created.key.hint})"

    def compose_dialog(self) -> Iterable[Widget]:
        """The key, what is known of it, and the ways on."""
        key = self._created.key
        yield self.text(
            sentence(
                (key.name, "bold"),
                ("\nShown this once: take it to where it belongs now.", "$warning"),
            ),
            id="what",
        )
        yield SecretField(self._created.secret, key.hint, id="secret")
        note = sentence((f"✗ {self._note}", "$error")) if self._note else literal("")
        yield self.text(note, id="known")
        yield Input(password=True, placeholder="Paste the key here, then Enter", id="paste")
        yield self.text(
            sentence(
                ("Nothing has proven yet that you have this key.", "bold"),
                "\nPaste it back (v), or discard it: then it is revoked, and nothing uses it.",
            ),
            id="way-out",
        )
        yield self.buttons(
            Button(_label("m", "Show"), id="show"),
            Button(_label("c", "Copy"), id="copy", variant="primary"),
            Button(_label("v", "Verify"), id="verify"),
            Button(_label("Esc", "Close"), id="close"),
            id="ways",
        )
        yield self.buttons(
            Button("Keep it open", id="keep", variant="primary"),
            Button("Discard and revoke", id="discard", variant="error"),
            id="ways-out",
        )

    def on_unmount(self) -> None:
        """Let go of the secret."""
        self.blank()

    def blank(self) -> None:
        """Take the secret off the screen, for good."""
        for field in self.query(SecretField):
            field.blank()

    # Show and copy

    @on(Button.Pressed, "#show")
    def action_toggle_mask(self) -> None:
        """Show the key, or mask it again."""
        field = self.query_one(SecretField)
        field.shown = not field.shown
        self.query_one("#show", Button).label = _label("m", "Mask" if field.shown else "Show")

    @on(Button.Pressed, "#copy")
    @work
    async def action_copy_secret(self) -> None:
        """Copy by the best route, and say what is known."""
        self._say(literal("Copying…"))
        copied = await self._clipboard.copy(self._created.secret)
        glyph, style = ("✓", "$success") if copied.confirmed else ("→", "$secondary")
        how = "" if copied.confirmed else " Press v and paste it here to make sure."
        self._say(sentence((f"{glyph} {copied.message}{how}", style)))

    # Prove it

    @on(Button.Pressed, "#verify")
    def action_verify(self) -> None:
        """Ask for a paste of the key."""
        self._say(literal(""))
        self.remove_class("-leaving")
        self.add_class("-verifying")
        self.query_one("#paste", Input).focus()

    @on(Input.Submitted, "#paste")
    def _compare_typed(self, event: Input.Submitted) -> None:
        pasted = event.value.strip()
        event.input.clear()
        self._compare(pasted)

    def on_paste(self, event: events.Paste) -> None:
        """A paste that no field took is a try to verify."""
        event.stop()
        self._compare(event.text.strip())

    def _compare(self, pasted: str) -> None:
        if self._created.secret.matches(pasted):
            self.dismiss(RevealOutcome.PROVEN)
            return
        detail = f"{len(pasted)} characters, " if pasted else "nothing was pasted, "
        self._say(
            sentence(
                (f"✗ That is not this key ({detail}it differs). The key is still here.", "$error")
            )
        )

    # The way out

    @on(Button.Pressed, "#close")
    @on(Button.Pressed, "#keep")
    def action_leave(self) -> None:
        """Close the field for pasting, or say what is still open."""
        if self.has_class("-verifying"):
            self.remove_class("-verifying")
            self.query_one("#paste", Input).clear()
            self.query_one("#copy").focus()
        elif self.has_class("-leaving"):
            self.remove_class("-leaving")
            self.query_one("#copy").focus()
        else:
            self.add_class("-leaving")
            self.query_one("#keep").focus()

    @on(Button.Pressed, "#discard")
    def _discard(self) -> None:
        self.dismiss(RevealOutcome.DISCARD)

    def _say(self, content: Content) -> None:
        self.query_one("#known", Static).update(content)
