"""The bar over a screen on which the tour says what it is about to do."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from pulsapi_tui.ui.literal import MUTED, literal, sentence

HEIGHT = 2
"""In rows; it takes them from the screen, and covers none of it."""

WIDEST = 56
"""So many cells a caption may have: more would be cut at 60 columns."""


class Caption(NamedTuple):
    """What the tour says at one moment."""

    place: str
    """Where in the tour this is: `Tour 1/4`."""
    chapter: str
    text: str
    keys: str = ""
    """The keys that come next, as people write them."""


class TourBar(Vertical):
    """Two lines: where the tour is and which key comes, and a sentence."""

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
            yield Static(id="tour-place", markup=False)
            yield Static("any key stops it", id="tour-stop", markup=False)
        yield Static(id="tour-text", markup=False)

    def on_mount(self) -> None:
        """Say what it was made for."""
        self.say(self._caption)

    def say(self, caption: Caption) -> None:
        """Say something else."""
        self._caption = caption
        if not self.is_mounted:
            return
        keys = ("  press ", MUTED), (f" {caption.keys} ", "bold reverse") if caption.keys else ""
        head = sentence(
            (f"{caption.place}  ", MUTED),
            (caption.chapter, "bold $accent"),
            *(keys if caption.keys else ()),
        )
        self.query_one("#tour-place", Static).update(head, layout=False)
        self.query_one("#tour-text", Static).update(literal(caption.text), layout=False)
