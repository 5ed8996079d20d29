"""How cells are written: with only the colours that change, and blanks erased where they can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeGuard, cast

_RESET = "\x1b[0m"


def is_plain(text: str) -> bool:
    """Whether a cell for each letter is sure: what every terminal has known for long.

    Not cached: a text may be a key, and would be kept here after it was masked.
    """
    return text.isascii() or _PLAIN.fullmatch(text) is not None


_PLAIN = re.compile("[\x00-\x7f\u00a0-\u02ff\u2500-\u259f–—“”…›•✓✗●◐○◆↻▲▼↑↓≥≤]*")
"""Letters, and what this program draws besides; lines and blocks, too."""


def are_letters(texts: Sequence[str | None]) -> TypeGuard[Sequence[str]]:
    """Whether each is known, and is one letter that is one cell wide for sure."""
    if None in texts or "" in texts:
        return False
    text = "".join(cast("Sequence[str]", texts))
    return len(text) == len(texts) and is_plain(text)


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

_BLANKS = re.compile(" {12,}")
"""So many that to erase them and to go past them takes fewer bytes."""
_BLANKS_TO_THE_END = re.compile(" {12,}| {4,}$")


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


def same(text: str, style: str, other: str) -> bool:
    """Whether a text looks the same in both styles."""
    return style == other or (text == " " and _of_space(_look(style)) == _of_space(_look(other)))


class Pen:
    """Collects what is written, and knows where the terminal's cursor and its colours are."""

    def __init__(self, erasing_width: int | None) -> None:
        """The width of the terminal, if spaces may be erased instead of written."""
        self._width = erasing_width
        self._out: list[str] = []
        self._look = _UNSTYLED
        self._at: tuple[int, int] | None = None

    def write(self, x: int, y: int, texts: list[str | None], styles: list[str]) -> None:
        """Write cells of one line, those of one style together; what is not known is left out."""
        at = 0
        for style, cells in groupby(styles):
            piece = texts[at : at + sum(1 for _ in cells)]
            look = _look(style)
            if are_letters(piece):
                self._write_letters(x + at, y, "".join(piece), look)
            else:
                for past, text in enumerate(piece, x + at):
                    if text:
                        self._write(past, y, text, look)
                        # Where it ends after a wide text, only the terminal knows.
                        self._at = (past + 1, y) if are_letters([text]) else None
            at += len(piece)

    def _write_letters(self, x: int, y: int, text: str, look: _Look) -> None:
        """Text of one cell for each letter, its long blanks erased where that is shorter."""
        end = x + len(text)
        done = 0
        if self._width is not None and look.attributes <= _SEEN_ON_LETTERS:
            blanks = _BLANKS_TO_THE_END if end == self._width else _BLANKS
            for blank in blanks.finditer(text):
                if blank.start() > done:
                    self._write(x + done, y, text[done : blank.start()], look)
                    self._at = (x + blank.start(), y)
                done = blank.end()
                at_end = x + done == self._width
                erase = "\x1b[K" if at_end else f"\x1b[{len(blank[0])}X"
                self._write(x + blank.start(), y, erase, look, is_blank=True)
                self._at = (x + blank.start(), y)
        if done < len(text):
            self._write(x + done, y, text[done:], look)
            self._at = (end, y)

    def _write(
        self, x: int, y: int, text: str, look: _Look, *, is_blank: bool | None = None
    ) -> None:
        self._go(x, y)
        if not text.strip(" ") if is_blank is None else is_blank:
            look = self._for_spaces(look)
        if look != self._look:
            self._out.append(_change(self._look, look))
            self._look = look
        self._out.append(text)

    def _for_spaces(self, look: _Look) -> _Look:
        """On spaces, the colour of letters may stay what it is."""
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
