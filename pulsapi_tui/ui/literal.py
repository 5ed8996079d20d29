"""The only door from data to something drawn.

Textual and Rich read markup in plain strings, in cells, labels, tooltips and toasts; escaping it is
no cure. So data is drawn as `Text` or `Content`, which hold it literally.
"""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console
from rich.text import Text
from textual.content import Content

ELLIPSIS = "…"

MUTED = "$foreground 75%"
"""The style of what is there to be read second."""

_FOLDER = Console(width=80, color_system=None)
"""Rich measures with one; nothing is written to it."""

_JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"


def cell(text: str) -> Text:
    """Text of a table's cell."""
    return Text(text, no_wrap=True, end="")


def literal(text: str, style: str = "") -> Content:
    """Text of any other widget."""
    return Content.assemble((text, style)) if style else Content(text)


def sentence(*parts: str | tuple[str, str]) -> Content:
    """Text in pieces, some with a style; every piece is drawn as it is."""
    return Content.assemble(*parts)


_REGIONAL = {0x1F1E6 + offset: chr(ord("A") + offset) for offset in range(26)}
_JOINED = dict.fromkeys([0x200D, 0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])


def columnar(text: str) -> str:
    """Text whose width every terminal agrees on, for a line with columns.

    Joined emoji, flags, skin tones and variation selectors are one picture to one terminal and
    several to another, which would push the columns after them aside. They are drawn in their
    parts here; where there are no columns, they stay whole.
    """
    return text if text.isascii() else text.translate(_REGIONAL).translate(_JOINED)


def lined_up(age: str) -> str:
    """An age such as `5 min ago`, its number set right, so that units stand under units."""
    number, space, rest = age.partition(" ")
    return f"{number:>2}{space}{rest}" if number.isdigit() else age


def shorten(text: str, width: int) -> str:
    """Cut `text` to at most `width` terminal cells, ending in an ellipsis where it was cut.

    Measured by the same tables that Textual draws by.
    """
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    kept = 0
    room = width - 1
    for index, char in enumerate(text):
        room -= get_character_cell_size(char)
        if room < 0:
            break
        kept = index + 1
    return text[:kept].rstrip(_JOINERS) + ELLIPSIS


def fold(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` terminal cells, broken at spaces where there are any."""
    lines = Text(text, end="").wrap(_FOLDER, width)
    return [line.plain.rstrip() for line in lines]


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` terminal cells: cut, or filled with spaces."""
    shown = shorten(text, width)
    return shown + " " * (width - cell_len(shown))


def use_with_curl(origin: str) -> str:
    """The command that shows how to use a key, with the key left to a variable."""
    return f'curl -H "Authorization: Bearer $PULSAPI_API_KEY" {origin}/v1/services'
