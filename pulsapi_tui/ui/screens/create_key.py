"""Ask for the name of a new key."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.equivalents import SCRIPT_TARGET, create_line
from pulsapi_tui.domain.names import EXAMPLES, MAX_LENGTH, check_name
from pulsapi_tui.ui.asks import NewKey
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField


class CreateKeyScreen(Dialog[NewKey | None]):
    """Returns the name, trimmed and valid, and whether to deliver the key unseen; or None."""

    CSS_PATH = "create_key.tcss"
    AUTO_FOCUS = "#name"
    HELP: ClassVar[str | None] = (
        "Type a name that says what the key is for, and press Enter: the key is created and "
        "shown once. “Create, deliver unseen” asks where it goes first, and never shows it."
    )

    def __init__(self, taken: Collection[str], name: str = "") -> None:
        super().__init__("Create API key")
        self._taken = taken
        self._draft = name

    @property
    def type_into(self) -> str:
        """The one field."""
        return "#name"

    def compose_dialog(self) -> Iterable[Widget]:
        """Name, verdict, buttons."""
        examples = " or ".join(f"“{example}”" for example in EXAMPLES)
        yield self.text(f"What is the key for? For example {examples}.", id="prompt")
        yield TextField(
            self._draft,
            placeholder="Name",
            id="name",
            max_length=MAX_LENGTH * 2,
            select_on_focus=False,
        )
        yield Static("", id="verdict", markup=False)
        yield self.script(partial(create_line, "NAME", SCRIPT_TARGET))
        yield self.buttons(
            Button("Cancel", id="cancel"),
            Button("Create, deliver unseen", id="create-deliver"),
            Button("Create", id="create", variant="primary"),
        )

    def on_mount(self) -> None:
        """Judge the draft, if there is one."""
        self._judge(self._draft)

    @on(Input.Changed, "#name")
    def _judge_as_typed(self, event: Input.Changed) -> None:
        self._judge(event.value)

    def _judge(self, text: str) -> None:
        verdict = check_name(text, self._taken)
        line = self.query_one("#verdict", Static)
        count = f"{len(verdict.name)}/{MAX_LENGTH}"
        if not text:
            line.update(sentence((f"1 to {MAX_LENGTH} characters.", MUTED)))
        elif verdict.error:
            line.update(sentence((f"✗ {verdict.error}", "$error")))
        elif verdict.warning:
            line.update(sentence((f"! {verdict.warning}", "$warning"), (f"  {count}", MUTED)))
        else:
            line.update(sentence(("✓ Good.", "$success"), (f"  {count}", MUTED)))
        # What is no name, such as a key that was pasted, is not said twice.
        named = "NAME" if verdict.error else verdict.name
        self.show_script(partial(create_line, named, SCRIPT_TARGET))
        for button in ("#create", "#create-deliver"):
            self.query_one(button, Button).disabled = verdict.error is not None

    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#create")
    def _create(self) -> None:
        self._return(deliver=False)

    @on(Button.Pressed, "#create-deliver")
    def _create_and_deliver(self) -> None:
        self._return(deliver=True)

    def _return(self, *, deliver: bool) -> None:
        verdict = check_name(self.query_one("#name", Input).value, self._taken)
        if verdict.error is None:
            self.dismiss(NewKey(verdict.name, deliver))
        else:
            self.query_one("#verdict", Static).update(sentence((f"✗ {verdict.error}", "$error")))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
