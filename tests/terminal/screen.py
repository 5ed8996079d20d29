"""A terminal's two screens, drawn by pyte, and the modes that a program set."""

from __future__ import annotations

import unicodedata

import pyte
from wcwidth import wcwidth

from tests.terminal.stream import Csi, Token, Tokenizer, csi

ALTERNATE_SCREEN = "1049"
CURSOR = "25"
MOUSE = frozenset({"1000", "1002", "1003", "1006", "1015", "1016"})
BRACKETED_PASTE = "2004"
FOCUS_EVENTS = "1004"
SYNCHRONIZED = "2026"

_ASKS_FOR_SYNCHRONIZED = "\x1b[?2026$p"
_HAS_SYNCHRONIZED = b"\x1b[?2026;2$y"


class TwoScreens:
    """What is on the normal and on the alternate screen, and which of them is seen.

    pyte has one screen, does not know some sequences, and stops drawing at a joiner: what it does
    not know is kept from it.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.normal = pyte.Screen(columns, lines)
        self.alternate = pyte.Screen(columns, lines)
        self.on_alternate = False
        self.modes = {CURSOR}
        self._streams = {
            screen: pyte.Stream(screen, strict=False) for screen in (self.normal, self.alternate)
        }
        self._tokenizer = Tokenizer()

    @property
    def shown(self) -> pyte.Screen:
        """The screen that is seen."""
        return self.alternate if self.on_alternate else self.normal

    @property
    def drawing(self) -> bool:
        """Whether a frame was begun and is not whole yet."""
        return SYNCHRONIZED in self.modes

    @property
    def keyboard_pushed(self) -> bool:
        """Whether kitty's keyboard protocol was asked for, and not given back."""
        return "keyboard" in self.modes

    def resize(self, columns: int, lines: int) -> None:
        """Take another size, as a terminal does: what was drawn stays until it is drawn anew."""
        for screen in (self.normal, self.alternate):
            screen.resize(lines, columns)

    def feed(self, data: bytes) -> bytes:
        """Draw; returns what a terminal would answer."""
        answer = b""
        for token in self._tokenizer.feed(data):
            if token.raw == _ASKS_FOR_SYNCHRONIZED:
                answer += _HAS_SYNCHRONIZED
            self._draw(token)
        return answer

    def _draw(self, token: Token) -> None:
        stream = self._streams[self.shown]
        sequence = csi(token)
        if token.is_text:
            stream.feed("".join(char for char in token.raw if _is_drawn(char)))
        elif token.kind.startswith("control"):
            stream.feed(token.raw)
        elif sequence is not None:
            self._control(sequence)
            if sequence.prefix in {"", "?"} and not sequence.middle and ":" not in sequence.numbers:
                stream.feed(token.raw)

    def _control(self, sequence: Csi) -> None:
        prefix, numbers, _, final = sequence
        if final == "u" and prefix in {">", "<"}:
            (self.modes.add if prefix == ">" else self.modes.discard)("keyboard")
        if prefix != "?" or final not in "hl":
            return
        for number in numbers.split(";"):
            (self.modes.add if final == "h" else self.modes.discard)(number)
            if number == ALTERNATE_SCREEN:
                self.on_alternate = final == "h"


def _is_drawn(char: str) -> bool:
    return wcwidth(char) > 0 or bool(unicodedata.combining(char))


def lines_of(screen: pyte.Screen) -> list[str]:
    """The rows of a screen as text, without the spaces at their ends."""
    return ["".join(cells(screen, row)).rstrip() for row in range(screen.lines)]


def cells(screen: pyte.Screen, row: int) -> list[str]:
    """The cells of a row; the second one of a wide character is empty."""
    line = screen.buffer[row]
    return [line[column].data for column in range(screen.columns)]
