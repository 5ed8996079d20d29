"""What is sent to the terminal: only the cells that are not there yet.

Textual draws a region again whole, and each piece of it with all its colours, which is felt over
ssh. Here it is remembered what the terminal shows: of a frame, only the cells go out that differ,
with only the colours that change from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from pulsapi_tui.ui.pen import Pen, are_letters, is_plain, same

_MERGED_GAP = 5
"""Cells that are sent though they are there: going past them would take as many bytes."""


class _Line:
    """A line as the terminal has it: a text and a style for each cell.

    What is not a cell a letter is one text in its first cell, and its other cells are empty:
    terminals differ in how they count it. None is a cell of which nothing is known.
    """

    __slots__ = ("styles", "texts")

    def __init__(self, width: int) -> None:
        self.texts: list[str | None] = [None] * width
        self.styles = [""] * width

    @property
    def is_plain(self) -> bool:
        """Whether every letter has one cell, as far as is known."""
        return are_letters([text for text in self.texts if text is not None])

    def put(self, x: int, texts: list[str | None], styles: list[str]) -> None:
        """Write over these cells. What is left of a text that was cut is not known any more."""
        end = x + len(texts)
        before, after = x, end
        while 0 < before < len(self.texts) and self.texts[before] == "":
            before -= 1
        while after < len(self.texts) and self.texts[after] == "":
            after += 1
        for at in (*range(before, x), *range(end, after)):
            self.texts[at] = None
        self.texts[x:end] = texts
        self.styles[x:end] = styles


class Painter:
    """Turns what Textual wants drawn into what the terminal needs to hear."""

    def __init__(self, *, erases: bool = False) -> None:
        """`erases`: the terminal fills what it erases with the colour of the background."""
        self._erases = erases
        self._lines: dict[int, _Line] = {}
        self._width = 0

    def forget(self) -> None:
        """Nobody knows any more what the terminal shows."""
        self._lines.clear()

    def paint(self, update: CompositorUpdate, width: int, colours: ColorSystem | None) -> str:
        """The sequences that bring the terminal there; empty where it is there already."""
        if width != self._width:
            self.forget()
            self._width = width
        touched: dict[int, _Line] = {}
        for x, y, strip in _pieces(update):
            if y not in touched:
                touched[y] = _Line(width)
            texts, styles = _cells(strip, colours or ColorSystem.TRUECOLOR)
            room = max(0, width - x)
            touched[y].put(x, texts[:room], styles[:room])
        pen = Pen(width if self._erases else None)
        for y, line in touched.items():
            self._update(y, line, pen)
        return pen.done()

    def _update(self, y: int, wanted: _Line, pen: Pen) -> None:
        known = self._lines.setdefault(y, _Line(self._width))
        if wanted.texts == known.texts and wanted.styles == known.styles:
            return
        changed = [
            at
            for at, text in enumerate(wanted.texts)
            if text is not None
            and not (text == known.texts[at] and same(text, wanted.styles[at], known.styles[at]))
        ]
        if not changed:
            return
        was_plain = known.is_plain
        for start, end in _runs(
            [at for at, text in enumerate(wanted.texts) if text is not None], 1
        ):
            known.put(start, wanted.texts[start:end], wanted.styles[start:end])
        if was_plain and known.is_plain:
            runs = _runs(changed, _MERGED_GAP)
        else:
            # The terminal may have moved what stands behind: the line is written whole.
            runs = _runs([at for at, text in enumerate(known.texts) if text is not None], 1)
        for start, end in runs:
            pen.write(start, y, known.texts[start:end], known.styles[start:end])


def _runs(places: list[int], gap: int) -> Iterator[tuple[int, int]]:
    """From and to of the runs in ascending places; those with a small gap are one."""
    if not places:
        return
    start = places[0]
    for at, following in pairwise(places):
        if following - at > gap:
            yield start, at + 1
            start = following
    yield start, places[-1] + 1


def _pieces(update: CompositorUpdate) -> Iterable[tuple[int, int, Strip]]:
    """Column, line and content of what is to be drawn."""
    if isinstance(update, LayoutUpdate):
        return _pieces_of_region(update)
    if isinstance(update, ChopsUpdate):
        return _pieces_of_spans(update)
    raise TypeError("an update that is neither of the whole screen nor of a part of it")


def _pieces_of_region(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield x, y, strip
            x += strip.cell_length


def _pieces_of_spans(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= x2 and end > x1:
                yield x, y, strip if end <= x2 else strip.crop(0, x2 - x)


def _cells(strip: Strip, colours: ColorSystem) -> tuple[list[str | None], list[str]]:
    texts: list[str | None] = []
    styles: list[str] = []
    for segment in strip:
        text, style, control = segment
        if control:
            continue
        count = segment.cell_length
        if text.isascii() or (count == len(text) and is_plain(text)):
            texts += text
        elif count:
            texts += [text, *[""] * (count - 1)]
        styles += [Strip.render_ansi(style, colours) if style is not None else ""] * count
    return texts, styles
