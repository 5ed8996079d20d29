"""Ask for a server and for a key of it: pasted, or printed by a command."""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Input, Static
from textual.widgets.input import Selection

from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.asks import ConnectField, Connection
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField

_LIKE_A_KEY = re.compile(r"[A-Za-z0-9_\-]{24,}")
"""Long, and without what a path, an address or a command has."""

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def _absolute(path: str) -> str:
    """A profile is opened from anywhere."""
    return os.path.abspath(os.path.expanduser(path)) if path else ""


class ConnectScreen(Dialog[Connection | None]):
    """Returns what was typed, untested, or None."""

    CSS_PATH = "connect.tcss"
    HELP: ClassVar[str | None] = (
        "Paste a key of the account, or give a command that prints it. The key is tried with "
        "one call, and saved only if that works. The base URL is that of PulsAPI's API; "
        "http:// is for a server on this computer alone."
    )

    def __init__(self, draft: Connection, problem: str = "", at: ConnectField = "key") -> None:
        """`problem` is what was wrong with the draft, and `at` the field to mend it in."""
        super().__init__("Connect to PulsAPI")
        self._at = at
        self._draft = draft
        self._problem = problem

    def compose_dialog(self) -> Iterable[Widget]:
        """The fields, what is wrong with them, buttons."""
        draft = self._draft
        has_key = "paste it" if draft.key is None else "kept as typed; paste another to replace it"
        yield self.text(
            sentence(
                "A key of the account that you want to manage. It is tried with one call, and "
                "saved only then."
            ),
            id="question",
        )
        yield from self._field("key", "API key", TextField(password=True, placeholder=has_key))
        yield from self._field(
            "command",
            "or a command",
            TextField(shlex.join(draft.argv), placeholder="that prints it: pass show pulsapi"),
        )
        yield from self._field("base-url", "Base URL", TextField(draft.base_url))
        yield from self._field(
            "ca-file",
            "CA file",
            TextField(draft.network.ca_file, placeholder="none; certificates to trust as well"),
        )
        yield from self._field(
            "proxy", "Proxy", TextField(draft.network.proxy, placeholder="none; http://host:port")
        )
        yield self.text("", id="problem")
        yield self.buttons(
            Button("Cancel", id="cancel"), Button("Try it", id="go", variant="primary")
        )

    @staticmethod
    def _field(name: str, label: str, field: Input) -> Iterable[Widget]:
        field.id = name
        field.compact = True
        field.select_on_focus = False
        yield Horizontal(Static(label, classes="label", markup=False), field, classes="field")

    def on_mount(self) -> None:
        """Say what was wrong; what is typed into a field replaces what stands there."""
        self._say(self._problem)
        for field in self.query(Input):
            field.selection = Selection(0, len(field.value))
        self.set_focus(self.query_one(f"#{self._at}"))

    def _say(self, problem: str) -> None:
        if problem:
            said = sentence((f"✗ {problem}", "$error"))
        else:
            said = sentence(("Plain http is for this computer alone.", MUTED))
        self.query_one("#problem", Static).update(said)

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Changed)
    def _sort_out(self, event: Input.Changed) -> None:
        """A key is typed into a masked field only; an address is no key."""
        # What it holds now: of quick typing, an event tells what it held before.
        field = event.input
        text = field.value.strip()
        if field.id == "key" and _ADDRESS.match(text):
            self._move(field, "base-url", "That is an address: it stands at Base URL now.")
        elif field.id != "key":
            # Pasted behind the address that stands there, too.
            before = self._draft.base_url if field.id == "base-url" else ""
            text = text.removeprefix(before)
            if _LIKE_A_KEY.fullmatch(text):
                self._move(field, "key", "That looks like a key: it stands in its own field now.")

    def _move(self, field: Input, to: str, said: str) -> None:
        before = self._draft.base_url if field.id == "base-url" else ""
        other = self.query_one(f"#{to}", Input)
        other.value, field.value = field.value.strip().removeprefix(before), before
        other.cursor_position = len(other.value)
        # What is typed on belongs there, too.
        self.set_focus(other)
        self.query_one("#problem", Static).update(sentence((f"! {said}", "$warning")))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter tries it; what is missing is said."""
        self._go()

    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        try:
            argv = tuple(shlex.split(self._text("command")))
        except ValueError:
            self._say("The command has a quote that is not closed.")
            return
        key = Secret(self._text("key")) if self._text("key") else self._draft.key
        if argv and self._text("key"):
            self._say("Paste a key, or name a command: not both.")
            return
        if not argv and key is None:
            self._say("Paste an API key of your account, or name a command that prints it.")
            self.query_one("#key").focus()
            return
        self.dismiss(
            Connection(
                base_url=self._text("base-url"),
                key=None if argv else key,
                argv=argv,
                network=Network(_absolute(self._text("ca-file")), self._text("proxy")),
            )
        )

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    def on_unmount(self) -> None:
        """Let go of what was typed."""
        for field in self.query("#key").results(Input):
            field.clear()
