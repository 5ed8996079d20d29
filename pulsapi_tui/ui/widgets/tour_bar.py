"""The bar over a screen on which the tour says what it is about to do."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from pulsapi_tui.ui.literal import MUTED, literal, sentence

TOURED = "-toured"
"""The class of a screen that has the bar, and so two rows less."""

WIDEST = 57
"""So many cells a caption may have: more would be cut at 60 columns."""


class Caption(NamedTuple):
    """What the tour says at one moment."""

    place: str
    """Where in the tour this is: `Tour 1/4`."""
    chapter: str
    text: str
    key: str = ""
    """The key that comes next, as people write it."""


class TourBar(Vertical):
    """Two lines: where the tour is and which key comes, and a sentence.

    It takes its rows from the screen, and covers nothing.
    """

    DEFAULT_CSS = """
    TourBar {
        dock: top;
        height: 2;
        padding: 0 1;
        background: $panel;
        border-left: outer $accent;
        & > #tour-head { height: 1; }
        & #tour-place {
            width: 1fr;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
        & #tour-stop { width: auto; color: $foreground 65%; }
        & > #tour-text { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, caption: Caption) -> None:
        super().__init__()
        self._caption = caption

    def compose(self) -> ComposeResult:
        """Its lines."""
        with Horizontal(id="tour-head"):
            yield Static(_head(self._caption), id="tour-place", markup=False)
            yield Static("any key stops it", id="tour-stop", markup=False)
        yield Static(literal(self._caption.text), id="tour-text", markup=False)

    def say(self, caption: Caption) -> None:
        """Say something else."""
        self._caption = caption
        for selector, content in (
            ("#tour-place", _head(caption)),
            ("#tour-text", literal(caption.text)),
        ):
            # None where it was made just now: then it is composed with this.
            for line in self.query(selector).results(Static):
                line.update(content, layout=False)


def _head(caption: Caption) -> Content:
    key = (("  press ", MUTED), (f" {caption.key} ", "bold reverse")) if caption.key else ()
    return sentence((f"{caption.place}  ", MUTED), (caption.chapter, "bold $accent"), *key)
