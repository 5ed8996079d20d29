"""What is sent to the terminal: only the cells that are not there yet.

Textual draws a region again whole, and each piece of it with all its colours, which is felt over
ssh. Here it is remembered what the terminal shows: of a frame, only the cells go out that differ,
with only the colours that change from one to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple, TypeGuard, cast

from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

_MERGED_GAP = 5
"""Cells that are sent though they are there: going past them would take as many bytes."""

_RESET = "\x1b[0m"


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
        return _are_letters([text for text in self.texts if text is not None])

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

    def __init__(self) -> None:
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
        pen = _Pen()
        for y, line in touched.items():
            self._update(y, line, pen)
        return pen.done()

    def _update(self, y: int, wanted: _Line, pen: _Pen) -> None:
        known = self._lines.setdefault(y, _Line(self._width))
        if wanted.texts == known.texts and wanted.styles == known.styles:
            return
        changed = [
            at
            for at, text in enumerate(wanted.texts)
            if text is not None
            and not (text == known.texts[at] and _same(text, wanted.styles[at], known.styles[at]))
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
        if text.isascii() or (count == len(text) and _is_plain(text)):
            texts += text
        elif count:
            texts += [text, *[""] * (count - 1)]
        styles += [Strip.render_ansi(style, colours) if style is not None else ""] * count
    return texts, styles


def _is_plain(text: str) -> bool:
    """Whether a cell for each letter is sure: what every terminal has known for long.

    Not cached: a text may be a key, and would be kept here after it was masked.
    """
    return text.isascii() or _PLAIN.fullmatch(text) is not None


_PLAIN = re.compile("[\x00-\x7f\u00a0-\u02ff\u2500-\u259f–—“”…›•✓✗●◐○◆↻▲▼↑↓≥≤]*")
"""Letters, and what this program draws besides; lines and blocks, too."""


def _are_letters(texts: Sequence[str | None]) -> TypeGuard[Sequence[str]]:
    """Whether each is known, and is one letter that is one cell wide for sure."""
    if None in texts or "" in texts:
        return False
    text = "".join(cast("Sequence[str]", texts))
    return len(text) == len(texts) and _is_plain(text)


class _Look(NamedTuple):
    """A style in its parts, as SGR has them."""

    attributes: frozenset[str]
    colour: str
    background: str


_UNSTYLED = _Look(frozenset(), "", "")


@lru_cache(maxsize=4096)
def _look(ansi: str) -> _Look:
    attributes, colours = [], {"3": "", "4": ""}
    codes = iter(ansi.split(";") if ansi else ())
    for code in codes:
        if code in {"38", "48"}:
            kind = next(codes)
            numbers = [next(codes) for _ in range(1 if kind == "5" else 3)]
            colours[code[0]] = ";".join((code, kind, *numbers))
        elif (len(code) > 1 and code[0] in "349") or code[:2] == "10":
            is_front = code[0] == "3" or (code[0] == "9")
            colours["3" if is_front else "4"] = code
        else:
            attributes.append(code)
    plain = {"39": "", "49": ""}
    front, back = (plain.get(colour, colour) for colour in (colours["3"], colours["4"]))
    return _Look(frozenset(attributes), front, back)


_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "21": "24", "5": "25", "6": "25"} | {
    "7": "27",
    "8": "28",
    "9": "29",
    "53": "55",
}
_SEEN_ON_LETTERS = frozenset({"1", "2", "3"})


@lru_cache(maxsize=8192)
def _change(old: _Look, new: _Look) -> str:
    """The sequence from one look to another."""
    parts = []
    added = new.attributes - old.attributes
    if removed := old.attributes - new.attributes:
        if not removed <= _OFF.keys():
            return f"\x1b[0{''.join(f';{part}' for part in _parts(new))}m"
        off = {_OFF[attribute] for attribute in removed}
        parts += sorted(off)
        # One code turns off bold and dim, and another one both underlines.
        added |= {attribute for attribute in new.attributes if _OFF.get(attribute) in off}
    parts += sorted(added)
    if old.colour != new.colour:
        parts.append(new.colour or "39")
    if old.background != new.background:
        parts.append(new.background or "49")
    return f"\x1b[{';'.join(parts)}m"


def _parts(look: _Look) -> list[str]:
    return [part for part in (*sorted(look.attributes), look.colour, look.background) if part]


@lru_cache(maxsize=4096)
def _of_space(look: _Look) -> tuple[frozenset[str], str]:
    """What of a look is seen on a space."""
    return look.attributes - _SEEN_ON_LETTERS, look.background


def _same(text: str, style: str, other: str) -> bool:
    """Whether a text looks the same in both styles."""
    return style == other or (text == " " and _of_space(_look(style)) == _of_space(_look(other)))


class _Pen:
    """Collects what is written, and knows where the terminal's cursor and its colours are."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._look = _UNSTYLED
        self._at: tuple[int, int] | None = None

    def write(self, x: int, y: int, texts: list[str | None], styles: list[str]) -> None:
        """Write cells of one line, those of one style together; what is not known is left out."""
        at = 0
        for style, cells in groupby(styles):
            piece = texts[at : at + sum(1 for _ in cells)]
            look = _look(style)
            if _are_letters(piece):
                self._write(x + at, y, "".join(piece), look)
                self._at = (x + at + len(piece), y)
            else:
                for past, text in enumerate(piece, x + at):
                    if text:
                        self._write(past, y, text, look)
                        # Where it ends after a wide text, only the terminal knows.
                        self._at = (past + 1, y) if _are_letters([text]) else None
            at += len(piece)

    def _write(self, x: int, y: int, text: str, look: _Look) -> None:
        self._go(x, y)
        look = self._wanted(text, look)
        if look != self._look:
            self._out.append(_change(self._look, look))
            self._look = look
        self._out.append(text)

    def _wanted(self, text: str, look: _Look) -> _Look:
        """On spaces, the colour of letters may stay what it is."""
        if text.strip(" "):
            return look
        seen, background = _of_space(look)
        if _of_space(self._look)[0] != seen:
            return look
        return self._look._replace(background=background)

    def _go(self, x: int, y: int) -> None:
        if self._at == (x, y):
            return
        if self._at is not None and self._at[1] == y:
            self._out.append(f"\x1b[{x + 1}G")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def done(self) -> str:
        """All of it, and no colour left on."""
        if self._look != _UNSTYLED:
            self._out.append(_RESET)
        return "".join(self._out)
