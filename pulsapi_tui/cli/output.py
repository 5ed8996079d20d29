"""What a command writes: tables for people and JSON for programs on stdout, the rest on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from pulsapi_tui.cli import exits
from pulsapi_tui.domain.text import clean, clean_lines

GAP = "  "
NARROWEST = 8
"""A column gives way to the others down to that width."""

_MORE = "…"
_JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"


def say(text: str) -> None:
    """Tell the person at the terminal. Where nobody can be told, the command goes on."""
    with suppress(OSError, ValueError):
        print(clean_lines(text), file=sys.stderr, flush=True)  # noqa: T201


def write(lines: Iterable[bytes]) -> None:
    """Write lines to stdout. A reader that went away (`| head -1`) is no error.

    Raises:
        StoppedError: they can't be written, as on a full disk.
    """
    try:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return
    except OSError as error:
        problem = clean(error.strerror or type(error).__name__)
        raise exits.StoppedError(
            f"The output can't be written ({problem}).", exits.FAILED
        ) from None


def write_json(value: Any) -> None:
    """Write one object on one line; times in UTC, RFC 3339."""
    write([msgspec.json.encode(value)])


def write_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    flexible: int = 0,
    wraps: bool = False,
) -> None:
    """Write a table (see `table`), no wider than the terminal.

    `wraps`: with sentences in it, of which nothing may be cut off; the terminal wraps its lines.
    """
    encoding = sys.stdout.encoding or "utf-8"
    width = None if wraps else terminal_width()
    lines = table(head, rows, flexible=flexible, width=width)
    write(line.encode(encoding, "replace") for line in lines)


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None where it is none: nothing is cut then."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    flexible: int = 0,
    width: int | None = None,
) -> Iterator[str]:
    """Columns under a head, as wide as what stands in them.

    Where that is more than `width`, the flexible column gives way, and after it the line's end.
    """
    lines = [head, *rows]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    if width is not None:
        over = sum(widths) + len(GAP) * (len(widths) - 1) - width
        widths[flexible] = max(min(NARROWEST, widths[flexible]), widths[flexible] - max(0, over))
    for line in lines:
        text = GAP.join(map(_padded, line, widths)).rstrip()
        yield text if width is None else shorten(text, width)


def _padded(text: str, width: int) -> str:
    text = shorten(text, width)
    return text + " " * (width - cells(text))


def shorten(text: str, width: int) -> str:
    """A text that is no wider; what was cut off shows as an ellipsis."""
    if cells(text) <= width:
        return text
    kept, used = "", len(_MORE)
    for char in text:
        used += _width(char)
        if used > width:
            break
        kept += char
    return kept.rstrip(_JOINERS) + _MORE


def cells(text: str) -> int:
    """The columns that a text takes in a terminal."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def open_missing_streams() -> None:
    """Give a process that was started without standard streams ones that lead nowhere.

    Else the next file that is opened would be taken for one of them.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # as long as the process
