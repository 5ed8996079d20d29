"""The key, once: the only screen that holds a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import events, on, work
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.ports import Clipboard, HandOff
from pulsapi_tui.domain.times import span
from pulsapi_tui.ui.asks import Wish
from pulsapi_tui.ui.commands import bindings, key_of, press
from pulsapi_tui.ui.literal import MUTED, literal, sentence, use_with_curl
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.secret_field import SecretField
from pulsapi_tui.ui.widgets.text_field import TextField

_WAIT = {
    Wish.DELIVER: "Delivering…",
    Wish.TRY: "Calling GET /v1/services with this key…",
    Wish.DISCARD: "Revoking…",
}


def _label(command_id: str, text: str) -> Content:
    key = key_of(command_id)
    return sentence(f"{key} " if key else "", (text, "bold"))


def _key(command_id: str) -> str:
    """In brackets, after what it does."""
    key = key_of(command_id)
    return f" ({key})" if key else ""


def _to_show() -> str:
    return f"To show it, {press('reveal.show')}."


class RevealKeyScreen(Dialog[None]):
    """Wishes, and is told what came of it; shut by whoever opened it. Escape never loses a key.

    A copy changes nothing on the server, so this screen may own it; all else it does not.
    """

    CSS_PATH = "reveal_key.tcss"
    AUTO_FOCUS = "#copy"
    BINDINGS: ClassVar = bindings("reveal", "help")

    def __init__(
        self,
        created: CreatedKey,
        origin: str,
        clipboard: Clipboard,
        hand_off: HandOff,
        note: Content | None = None,
    ) -> None:
        super().__init__("API key created")
        self._created = created
        self._origin = origin
        self._clipboard = clipboard
        self._recorders = hand_off.recorders
        self._mask_after_s = hand_off.mask_after_s
        self._note = note
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue()
        self._waiting = False
        self._stored = False
        self._warned_of: tuple[str, ...] = ()
        self._mask_timer: Timer | None = None

    def compose_dialog(self) -> Iterable[Widget]:
        """The key, what is known of it, and the ways on."""
        key = self._created.key
        yield self.text(self._what(), id="what")
        yield SecretField(self._created.secret, key.hint, id="secret")
        yield self.text(self._note or literal(""), id="known")
        yield TextField(password=True, placeholder="Paste the key here, then Enter", id="paste")
        yield self.text(
            sentence(("To use it: ", MUTED), (use_with_curl(self._origin), "$secondary")), id="use"
        )
        yield self.text(
            sentence(
                ("Nothing has proven yet that you have this key.", "bold"),
                f"\nPaste it back{_key('reveal.verify')}, deliver it{_key('reveal.deliver')}, or "
                "discard it: then it is revoked, and nothing uses it.",
            ),
            id="way-out",
        )
        yield self.buttons(
            Button(_label("reveal.show", "Show"), id="show"),
            Button(_label("reveal.copy", "Copy"), id="copy", variant="primary"),
            Button(_label("reveal.deliver", "Deliver"), id="deliver"),
            Button(_label("reveal.verify", "Verify"), id="verify"),
            Button(_label("reveal.try", "Try"), id="try"),
            Button(_label("reveal.leave", "Close"), id="close"),
            id="ways",
        )
        yield self.buttons(
            Button("Keep it open", id="keep", variant="primary"),
            Button("Discard and revoke", id="discard", variant="error"),
            id="ways-out",
        )

    def _what(self) -> Content:
        then = (
            ("Delivered. Take it to more places, or close this with Esc.", "$success")
            if self._stored
            else ("Shown this once: take it to where it belongs now.", "$warning")
        )
        return sentence((self._created.key.name, "bold"), "\n", then)

    def on_mount(self) -> None:
        """Mask the key whenever nobody may be looking."""
        self.watch(self.app, "app_focus", self._focus_changed, init=False)
        for signal in (self.app.app_suspend_signal, self.app.app_resume_signal):
            signal.subscribe(self, self._suspended)

    def on_unmount(self) -> None:
        """Let go of the secret."""
        self.blank()

    def blank(self) -> None:
        """Take the secret off the screen, for good."""
        for field in self.query(SecretField):
            field.blank()

    # Wishes and answers

    async def wish(self) -> Wish:
        """The next wish."""
        return await self._wishes.get()

    def tell(self, answer: Content, *, stored: bool = False) -> None:
        """Show what came of the wish."""
        self._waiting = False
        self._say(answer)
        if stored:
            self._stored = True
            self.query_one("#what", Static).update(self._what())
            self.query_one("#copy", Button).variant = "default"
            self.query_one("#close", Button).variant = "primary"
            self.query_one("#close").focus()

    def shut(self) -> None:
        """Close."""
        self.blank()
        self.dismiss(None)

    def _want(self, wish: Wish) -> None:
        # A proof counts also while something else is under way.
        if self._waiting and wish is not Wish.VERIFIED:
            return
        self._waiting = True
        self.remove_class("-leaving", "-verifying")
        if wish in _WAIT:
            self._say(literal(_WAIT[wish]))
        self._wishes.put_nowait(wish)

    @on(Button.Pressed, "#deliver")
    def action_deliver(self) -> None:
        """Bring it somewhere without showing it."""
        self._want(Wish.DELIVER)

    @on(Button.Pressed, "#try")
    def action_try_key(self) -> None:
        """Make a real call with it."""
        self._want(Wish.TRY)

    # Show and mask

    @on(Button.Pressed, "#show")
    @work(exclusive=True, group="show")
    async def action_toggle_mask(self) -> None:
        """Show the key, or mask it again; first say who else would see it."""
        if self.has_class("-leaving"):
            # Behind what is asked there, it would be shown unseen.
            self.action_leave()
        if self.query_one(SecretField).shown:
            self._mask("")
            return
        watching = await self._recorders.active()
        if set(watching) - set(self._warned_of):
            self._warned_of = watching
            self._say(
                sentence(
                    ("! " + " ".join(watching), "$warning"),
                    " The key would be in that record. To show it all the same, "
                    f"{press('reveal.show')} again, or deliver it{_key('reveal.deliver')} "
                    "without showing it.",
                )
            )
            return
        self.query_one(SecretField).shown = True
        self.query_one("#show", Button).label = _label("reveal.show", "Mask")
        self._mask_timer = self.set_timer(self._mask_after_s, self._time_is_up)

    def _mask(self, why: str) -> None:
        field = self.query_one(SecretField)
        if self._mask_timer is not None:
            self._mask_timer.stop()
        if field.shown:
            field.shown = False
            self.clear_selection()
            self.query_one("#show", Button).label = _label("reveal.show", "Show")
            self._say(literal(why))

    def _time_is_up(self) -> None:
        self._mask(f"Masked again after {span(self._mask_after_s)}. {_to_show()}")

    def _focus_changed(self, focused: bool) -> None:
        if not focused:
            self._mask(f"Masked: this window lost the focus. {_to_show()}")

    def _suspended(self, _: object) -> None:
        self._mask(f"Masked: the program was suspended. {_to_show()}")

    # Copy

    @on(Button.Pressed, "#copy")
    @work
    async def action_copy_secret(self) -> None:
        """Copy by the best route, and say what is known."""
        self._say(literal("Copying…"))
        copied = await self._clipboard.copy(self._created.secret)
        if copied.confirmed:
            self._say(sentence((f"✓ {copied.message}", "$success")))
        elif copied.sent:
            how = f"To make sure, {press('reveal.verify')} and paste it here."
            self._say(sentence((f"→ {copied.message} {how}", "$secondary")))
        else:
            is_shown = self.query_one(SecretField).shown
            other = "" if is_shown else f", or show it{_key('reveal.show')}"
            how = (
                f"The key is still here: deliver it{_key('reveal.deliver')}{other}. "
                "`pulsapi-tui doctor` says what mends it."
            )
            self._say(sentence((f"✗ {copied.message}", "$error"), f" {how}"))

    # Prove it

    @on(Button.Pressed, "#verify")
    def action_verify(self) -> None:
        """Ask for a paste of the key."""
        self._say(literal(""))
        self.remove_class("-leaving")
        self.add_class("-verifying")
        # At once: what is typed right after is the key, and no command.
        self.set_focus(self.query_one("#paste"))

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
            self._want(Wish.VERIFIED)
            return
        if pasted:
            what = f"That is not this key ({len(pasted)} characters, it differs)."
        else:
            what = "Nothing was pasted."
        self._say(sentence((f"✗ {what} The key is still here.", "$error")))

    # The way out

    @on(Button.Pressed, "#close")
    @on(Button.Pressed, "#keep")
    def action_leave(self) -> None:
        """Close the field for pasting; close where the key is stored; or say what is still open."""
        if self.has_class("-verifying"):
            self.remove_class("-verifying")
            self.query_one("#paste", Input).clear()
            self.set_focus(self.query_one("#copy"))
        elif self.has_class("-leaving"):
            self.remove_class("-leaving")
            self.set_focus(self.query_one("#copy"))
        elif self._stored:
            self._want(Wish.DONE)
        elif not self._waiting:
            self.add_class("-leaving")
            # At once: Enter right after it keeps the key.
            self.set_focus(self.query_one("#keep"))

    @on(Button.Pressed, "#discard")
    def _discard(self) -> None:
        self._want(Wish.DISCARD)
        self.query_one("#copy").focus()

    def _say(self, content: Content) -> None:
        self.query_one("#known", Static).update(content)
