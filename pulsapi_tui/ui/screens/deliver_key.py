"""Ask where a key goes, without showing the key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.input import Selection
from textual.widgets.option_list import Option

from pulsapi_tui.domain.delivery import Field, Preview, Target, Way
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField


class _Choice(NamedTuple):
    """A line of the menu, and the target that it stands for, as far as it was typed."""

    prompt: Content
    way: Way
    values: dict[str, str]
    again: bool = False
    """Delivered to before."""

    @property
    def target(self) -> Target:
        return Target(way_id=self.way.id, values=dict(self.values))


class DeliverKeyScreen(Dialog[Target | None]):
    """Returns the target, or None. Nothing is written or run here."""

    CSS_PATH = "deliver_key.tcss"
    AUTO_FOCUS = "#ways"
    HELP: ClassVar[str | None] = (
        "↑ and ↓ choose what the key goes into; what you type replaces the first field. "
        "Nothing is written or run before “Deliver”; what would be done stands above the "
        "buttons."
    )

    def __init__(
        self,
        what: Sequence[str | tuple[str, str]],
        ways: Sequence[Way],
        before: Target | None,
        preview: Callable[[Target], Preview],
        *,
        correct: bool = False,
    ) -> None:
        """`what` is delivered, as parts of a sentence.

        `before` comes first in the menu, where its way can still be had.

        `correct`: it was refused, so its first field has the focus.
        """
        super().__init__("Deliver the key")
        self._what = what
        self._preview = preview
        self._correct = correct
        self._choices = [
            _Choice(literal(way.title), way, {field.id: field.default for field in way.fields})
            for way in ways
        ]
        again = next((way for way in ways if before and way.id == before.way_id), None)
        if before is not None and again is not None:
            known = {field.id: before.values.get(field.id, "") for field in again.fields}
            said = "Chosen just now: " if correct else "As before: "
            prompt = sentence((said, "bold"), again.title)
            self._choices.insert(0, _Choice(prompt, again, known, again=True))
        self._most_fields = max((len(way.fields) for way in ways), default=0)

    @property
    def type_into(self) -> str | None:
        """What is typed while the menu has the focus belongs to the first field."""
        return "#field-0" if self._chosen.way.fields else None

    def compose_dialog(self) -> Iterable[Widget]:
        """The menu, the fields of the chosen way, and what would happen."""
        yield self.text(
            sentence("Where does ", *self._what, " go? It is not shown on the way."),
            id="question",
        )
        yield OptionList(*(Option(choice.prompt) for choice in self._choices), id="ways")
        for place in range(self._most_fields):
            yield Horizontal(
                Static("", id=f"label-{place}", classes="label", markup=False),
                TextField(id=f"field-{place}", compact=True, select_on_focus=False),
                classes="field",
            )
        yield self.text("", id="note")
        yield self.text("", id="preview")
        yield self.buttons(
            Button("Cancel", id="cancel"), Button("Deliver", id="go", variant="primary")
        )

    def on_mount(self) -> None:
        """Start with the first line of the menu."""
        self.query_one("#ways", OptionList).highlighted = 0
        if self._correct and self._chosen.way.fields:
            self.set_focus(self.query_one("#field-0", Input))

    @property
    def _chosen(self) -> _Choice:
        return self._choices[self.query_one("#ways", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _show_fields(self) -> None:
        choice = self._chosen
        for place in range(self._most_fields):
            row = self.query_one(f"#field-{place}", Input)
            field = _field_at(choice.way, place)
            if row.parent is not None and isinstance(row.parent, Widget):
                row.parent.display = field is not None
            if field is not None:
                self.query_one(f"#label-{place}", Static).update(literal(field.label))
                with row.prevent(Input.Changed):
                    row.value = choice.values[field.id]
                # What is typed replaces it; an arrow key goes into it.
                row.selection = Selection(0, len(row.value))
        self.query_one("#note", Static).update(sentence((choice.way.note, MUTED)))
        self._show_preview()

    @on(Input.Changed)
    def _take_field(self, event: Input.Changed) -> None:
        field = _field_at(self._chosen.way, int(str(event.input.id).rpartition("-")[2]))
        if field is not None:
            self._chosen.values[field.id] = event.value
            self._show_preview()

    def _show_preview(self) -> bool:
        """Say what would happen; False where it can't."""
        preview = self._preview(self._chosen.target)
        shown = (f"✗ {preview.text}", "$error") if preview.is_error else (preview.text, "$primary")
        self.query_one("#preview", Static).update(sentence(shown))
        self.query_one("#go", Button).disabled = preview.is_error
        return not preview.is_error

    @on(OptionList.OptionSelected)
    def _chose(self) -> None:
        """Where one went before, it goes at once; all else may want another path."""
        if self._chosen.again or not self._chosen.way.fields:
            self._go()
        else:
            self.set_focus(self.query_one("#field-0"))

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        place = int(str(event.input.id).rpartition("-")[2]) + 1
        if _field_at(self._chosen.way, place) is not None:
            self.set_focus(self.query_one(f"#field-{place}"))
        else:
            self._go()

    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        if self._show_preview():
            self.dismiss(self._chosen.target)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)


def _field_at(way: Way, place: int) -> Field | None:
    return way.fields[place] if place < len(way.fields) else None
