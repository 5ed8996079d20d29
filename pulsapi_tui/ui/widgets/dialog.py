"""What all dialogs share: a box in the middle, Escape as the way back, Cancel first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Self, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.marks import mark
from pulsapi_tui.ui.widgets.too_small import TooSmall

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A modal that asks. It never acts: it returns a value, and the screen under it acts."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .dialog {
            width: 72;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 0 2;
            border: round $primary;
            background: $surface;
            border-title-color: $primary;
            border-title-style: bold;
            scrollbar-size-vertical: 1;
        }
        &.-danger > .dialog { border: round $error; border-title-color: $error; }
        & > .dialog > Static { width: 100%; margin-bottom: 1; }
        & > .dialog > Tick { margin-bottom: 0; }
        &.-short > .dialog > #profile-mark { margin-bottom: 0; }
        & > .dialog > #script { color: $foreground 80%; }
        &.-short > .dialog > #script { display: none; }
        & .buttons { height: auto; align-horizontal: right; dock: bottom; }
        & .buttons Button { margin-left: 2; min-width: 12; }
        & Input { margin-bottom: 1; }
    }
    """
    BINDINGS: ClassVar = [
        Binding("escape", "cancel", "Back", key_display="Esc"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        # With priority: what is typed right after belongs to the next field.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        # The app's own keys do not reach a dialog; by the same id, so with the same key.
        Binding("f1", "app.help", "Help", key_display="F1", id="app.help"),
        Binding("ctrl+l", "app.draw_anew", show=False, id="app.draw_anew"),
    ]

    STANDS_STILL_S: ClassVar[float] = 0.8
    """So long a dialog that opens by itself takes no answer: what was typed was not meant for it.
    """

    HELP: ClassVar[str | None] = None
    """What the help says of it."""

    def __init__(self, title: str, *, danger: bool = False) -> None:
        """`title` is a text of ours, never data."""
        self.dialog_title = title
        self._stands_still = False
        self.profile: Profile | None = None
        """Whose keys it is about; its mark stands at the top."""
        self.script_profile: str | None = ""
        """What a command has to name to mean that profile; empty where it is meant anyway.

        None: no command can.
        """
        super().__init__(classes="-danger" if danger else None)

    def compose(self) -> ComposeResult:
        """The box, and what the dialog puts into it."""
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title = self.dialog_title
            marked = None if self.profile is None else mark(self.profile)
            if marked is not None:
                yield Static(sentence(marked), id="profile-mark", markup=False)
            yield from self.compose_dialog()
        yield TooSmall()

    def compose_dialog(self) -> Iterable[Widget]:
        """What is in the box: nothing, unless the dialog says so."""
        return ()

    @property
    def type_into(self) -> str | None:
        """The field that takes what is typed while a button, or nothing yet, has the focus."""
        return None

    def on_key(self, event: events.Key) -> None:
        """Let no typed character get lost, however early it comes."""
        if event.character is not None and event.is_printable:
            self._type(event.character, event)

    def on_paste(self, event: events.Paste) -> None:
        """Nor what is pasted."""
        self._type(event.text.partition("\n")[0].strip("\r"), event)

    def _type(self, text: str, event: events.Event) -> None:
        if self.type_into is None:
            return
        # What the field takes itself does not come here. What was on its way to the screen when
        # the field got the focus does, and must not be dropped for that.
        field = self.query_one(self.type_into, Input)
        event.stop()
        event.prevent_default()
        self.set_focus(field)
        field.replace(text, *sorted(field.selection))

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw the dialogs under this one anew, too, where something under them changed.

        Textual has the screen that changed ask only the one on top, and shows those between them
        as it kept them; it has no public name for that.
        """
        if regions:
            for between in self.app.screen_stack[1:-1]:
                between._set_dirty(*regions)  # noqa: SLF001
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close with a result; only once this is the screen on top.

        Textual pops whatever is on top: another dialog's close could take a shown key away.
        """
        if self.is_active:
            return super().dismiss(result)

        def later() -> None:
            self.dismiss(result)

        self.set_timer(0.1, later)
        return AwaitComplete()

    def action_cancel(self) -> None:
        """Go back; nothing happens."""
        if not self._stands_still:
            self.dismiss(None)

    def stand_still(self, then_focus: str) -> None:
        """Take no answer for a moment; then the button of that selector has the focus."""
        self._stands_still = True
        self.query(Button).set(disabled=True)

        def over() -> None:
            self._stands_still = False
            self.query(Button).set(disabled=False)
            self.query_one(then_focus).focus()

        self.set_timer(self.STANDS_STILL_S, over)

    def script(self, line: Callable[[str], str]) -> Static:
        """The command that does the same, given what it has to name; hidden where none can."""
        shown = Static(self._in_a_script(line), id="script", markup=False)
        shown.display = self.script_profile is not None
        return shown

    def show_script(self, line: Callable[[str], str]) -> None:
        """Show another one."""
        self.query_one("#script", Static).update(self._in_a_script(line))

    def _in_a_script(self, line: Callable[[str], str]) -> Content:
        return sentence(("Script: ", MUTED), line(self.script_profile or ""))

    @staticmethod
    def buttons(*buttons: Button, id: str | None = None) -> Horizontal:
        """A row of buttons."""
        return Horizontal(*buttons, classes="buttons", id=id)

    @staticmethod
    def text(content: Content | str, *, id: str | None = None) -> Static:
        """A paragraph; give `Content` wherever there is data in it."""
        return Static(content, id=id, markup=False)
