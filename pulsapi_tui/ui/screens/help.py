"""Help: the keys of the screen under it, how to use a key, and the page's best practices.

What is looked for in it is looked for in the help of every screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.filters import MEANINGS, PREFIX
from pulsapi_tui.ui.command_table import Place
from pulsapi_tui.ui.commands import key_of, of
from pulsapi_tui.ui.literal import fold, sentence, use_with_curl
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField

TITLES: dict[Place, str] = {
    "keys": "Keys",
    "table": "Moving",
    "reveal": "The key that is shown once",
    "rotate": "A rotation",
    "profiles": "Profiles",
    "help": "Everywhere",
}
"""The places, in the order of the help; the others go on under the title before them."""

PRACTICES = (
    "Never commit API keys to version control; use environment variables or a secrets manager.",
    "Give each key a name that says its purpose, so that you revoke the right one.",
    "Rotate keys now and then: create a new one, update what uses it, revoke the old one.",
    "Revoke keys that nothing uses.",
    "Share keys only with the systems and people that need them.",
)
"""From PulsAPI's page on API keys."""

_SAY_NOTHING = frozenset(
    {
        "a",
        "an",
        "and",
        "are",
        "be",
        "can",
        "do",
        "does",
        "for",
        "from",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "me",
        "my",
        "of",
        "on",
        "or",
        "that",
        "the",
        "this",
        "to",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
    }
)
"""Of a question, the words that are no use to look for."""

_PLACES: tuple[Place, ...] = (*(place for place in TITLES if place != "help"), "help", "app")
_LEAST_KEYS, _MOST_KEYS = 9, 16


class Line(NamedTuple):
    """What is on the left, and what is said of it."""

    key: str
    text: str
    style: str = ""
    also: str = ""
    """Other words that it is found by."""


class Topic(NamedTuple):
    """A title, and lines under it."""

    title: str
    lines: Sequence[Line]


_IN_A_DIALOG = Topic(
    "In a dialog",
    [
        Line("Tab", "To the next field or button; with Shift, to the one before"),
        Line("Enter", "Press the button, or go on from the field"),
        Line("Esc", "Back: nothing is done", also="cancel abort close leave"),
    ],
)


class HelpScreen(Dialog[None]):
    """Read, look for something, and close."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help"
    GIVES_WAY: ClassVar = True
    """To a dialog that opens meanwhile."""
    BINDINGS: ClassVar = [
        # What opens it closes it, and what quits elsewhere; by the same ids, so with the same keys.
        Binding("question_mark,f1", "cancel", "Close", id="app.help"),
        Binding("q", "cancel", "Close", id="app.quit"),
        Binding("slash", "look_for", "Look for", id="keys.filter"),
        Binding("down,pagedown", "read", show=False),
    ]

    def __init__(self, places: tuple[Place, ...], origin: str, about: Topic | None = None) -> None:
        """`about` is what comes first: of a dialog, which has no commands of its own."""
        super().__init__("Help (Esc closes it)")
        self._places = places
        self._about = about
        self._origin = origin

    def compose_dialog(self) -> Iterable[Widget]:
        """A line to look for something, and what there is."""
        key = key_of("keys.filter")
        yield TextField(
            placeholder=f"{key} looks for something, in the help of all screens",
            id="help-search",
            compact=True,
        )
        with VerticalScroll(id="help"):
            yield Static(id="help-lines", markup=False)
        yield self.buttons(Button("Close", id="close", variant="primary"))

    def on_resize(self) -> None:
        """Fold the lines into the width that there is."""
        self.call_after_refresh(self._show)

    @on(Input.Changed, "#help-search")
    def _show(self) -> None:
        typed = self.query_one("#help-search", Input).value.casefold().split()
        words = [word.strip("?.,!") for word in typed if word.strip("?.,!") not in _SAY_NOTHING]
        topics = list(_found(self._topics(_PLACES), words) if typed else self._topics(self._places))
        room = self.query_one("#help").scrollable_content_region.width
        palette = key_of("app.palette")
        nothing = sentence(
            "Nothing in the help says that. Try another word; or close this, and look in the "
            f"palette ({palette}), which also goes to keys and profiles."
        )
        self.query_one("#help-lines", Static).update(_drawn(topics, room) if topics else nothing)

    def action_look_for(self) -> None:
        """Type into the line at the top."""
        self.set_focus(self.query_one("#help-search"))

    @on(Input.Submitted, "#help-search")
    def action_read(self) -> None:
        """Keys scroll again."""
        self.query_one("#help").focus()

    def action_cancel(self) -> None:
        """Show all again; then close."""
        field = self.query_one("#help-search", Input)
        if field.has_focus or field.value:
            field.clear()
            self.action_read()
        else:
            super().action_cancel()

    def _topics(self, places: Sequence[Place]) -> Iterator[Topic]:
        if self._about is not None:
            yield self._about
        if places[0] == "help":
            yield _IN_A_DIALOG
        lines: list[Line] = []
        title = ""
        for place in places:
            if place in TITLES and lines:
                yield Topic(title, lines)
                lines = []
            title = TITLES.get(place, title)
            lines += [
                Line(command.shown, command.help, also=command.words) for command in of(place)
            ]
        yield Topic(title, lines)
        if "keys" in places:
            yield _IN_A_DIALOG
            yield Topic(
                "In the filter",
                [
                    *(Line(PREFIX + token, meaning) for token, meaning in MEANINGS.items()),
                    Line("", "All of them, and the text beside them, must fit."),
                ],
            )
        yield Topic(
            "Using a key",
            [
                Line("", "Send it in the Authorization header of every request:"),
                Line("", use_with_curl(self._origin), "$secondary"),
                Line(
                    "",
                    "A revoked key answers 401 Unauthorized at once, and can't be had again: "
                    "there is no undo.",
                    also="undo restore unrevoke recover get back",
                ),
            ],
        )
        yield Topic("Good practice", [Line("•", practice) for practice in PRACTICES])

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.dismiss(None)


def _found(topics: Iterable[Topic], words: Sequence[str]) -> Iterator[Topic]:
    """The lines that have all of the words, wherever in them or in their title."""
    for topic in topics:
        lines = [line for line in topic.lines if all(word in _words(topic, line) for word in words)]
        if lines:
            yield Topic(topic.title, lines)


def _words(topic: Topic, line: Line) -> str:
    return f"{topic.title} {line.key} {line.text} {line.also}".casefold()


def _drawn(topics: Sequence[Topic], room: int) -> Content:
    """Each line beside its key; what is folded goes on under its own beginning."""
    parts: list[str | tuple[str, str]] = []
    for topic in topics:
        parts += ["\n\n" if parts else "", (topic.title, "bold $primary")]
        keys = [cell_len(line.key) for line in topic.lines]
        width = min(max(keys), _MOST_KEYS)
        if width > 1:
            width = max(width, _LEAST_KEYS)
        for line in topic.lines:
            indent = width + 1 if width and line.key else 0
            filled = line.key + " " * (indent - cell_len(line.key))
            parts.append(("\n" + filled, "bold"))
            first, *others = fold(line.text, max(room - max(indent, cell_len(filled)), 10))
            parts += [
                (first, line.style),
                *((f"\n{' ' * indent}{each}", line.style) for each in others),
            ]
    return sentence(*parts)
