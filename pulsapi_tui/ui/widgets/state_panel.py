"""What stands in the table's place when there is no table: what is the matter, and what to do."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Center, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from pulsapi_tui.ui.literal import literal


class State(NamedTuple):
    """A state of the whole screen."""

    glyph: str
    title: str
    body: str
    button: str | None = None
    """What can be done at once; the screen knows what the button means."""
    other_button: str | None = None
    tone: str = ""
    """`-warning` or `-error`, or none."""


class StatePanel(Vertical):
    """One state, in the middle."""

    DEFAULT_CSS = """
    StatePanel {
        align: center middle;
        height: 1fr;
        padding: 0 1;
        & > #state-box {
            width: 64;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            scrollbar-size-vertical: 1;
        }
        & > #state-box > Center { dock: bottom; height: auto; }
        & #state-title { width: 100%; text-align: center; text-style: bold; color: $primary; }
        & #state-buttons { width: auto; height: auto; }
        & #state-buttons Button { margin: 0 1; }
        &.-warning #state-title { color: $warning; }
        &.-error #state-title { color: $error; }
        & #state-body { width: 100%; text-align: center; margin: 1 0; }
    }
    """

    def __init__(self, state: State, *, id: str) -> None:
        self._first = state
        super().__init__(id=id, classes=state.tone or None)

    def compose(self) -> ComposeResult:
        """Title, sentences, and room for buttons.

        Those are made when a state has one: most starts have none, and their styles are many.
        """
        with VerticalScroll(id="state-box", can_focus=False):
            yield Static(_title(self._first), id="state-title", markup=False)
            yield Static(literal(self._first.body), id="state-body", markup=False)
            with Center():
                yield Horizontal(id="state-buttons")

    def show(self, state: State) -> None:
        """Show a state."""
        self.query_one("#state-title", Static).update(_title(state))
        self.query_one("#state-body", Static).update(literal(state.body))
        if state.button is not None and not self.query(Button):
            self.query_one("#state-buttons").mount(
                Button("", id="state-button", variant="primary"), Button("", id="state-other")
            )
        labels = {"state-button": state.button, "state-other": state.other_button}
        for button in self.query(Button):
            label = labels[str(button.id)]
            button.display = label is not None
            if label is not None:
                button.label = literal(label)
        self.remove_class("-warning", "-error")
        if state.tone:
            self.add_class(state.tone)


def _title(state: State) -> Content:
    return literal(f"{state.glyph}  {state.title}")
