"""Take a secret out of text that a tool wrote, however the tool spelled it. Pure.

A tool may echo what it was given: raw, encoded, wrapped over lines, or with escape sequences in
between. Whatever looks like a piece of the secret goes; that a harmless word goes with it is fine.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pulsapi_tui.domain.secret import Secret

MARK = "[the key]"
MIN_RUN = 8
"""Characters of a spelling of the secret that are taken for a piece of it."""

_SHORTEST_ENCODED = 4
"""Anything shorter would be found everywhere."""

# Terminals' sequences (ECMA-48): CSI; OSC, DCS, SOS, PM and APC strings; two-byte escapes.
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Control and format characters, what `clean` puts in their place, white space, tables' borders.
_FILLER = (
    r"[\x00-\x20\x7f-\xa0\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff\ufff9-\ufffd|\u2500-\u257f\s]+"
)
_WITHOUT_FILLER = re.compile(_FILLER)
_WITHOUT_SEQUENCES = re.compile(f"{_SEQUENCE}|{_FILLER}")


class _View(NamedTuple):
    """A text without what is left out of it, and where each character of it stands."""

    chars: str
    positions: Sequence[int]


def scrub(text: str, secret: Secret) -> str:
    """Return `text` with every spelling of the secret, whole or in pieces, replaced by a mark.

    Where the mark itself would make up a piece of the secret, nothing of the text is returned.
    """
    if not text:
        return ""
    spellings = _spellings(secret)
    pieces = _pieces(spellings)
    bare = (_WITHOUT_FILLER.sub("", spelling) for spelling in spellings)
    bare_pieces = _pieces(spelling for spelling in bare if len(spelling) >= _SHORTEST_ENCODED)
    covered = bytearray(len(text))
    _cover(covered, _View(text, range(len(text))), pieces)
    for left_out in (_WITHOUT_FILLER, _WITHOUT_SEQUENCES):
        _cover(covered, _view(text, left_out), bare_pieces)
    scrubbed = _replaced(text, covered)
    rest = bytearray(len(scrubbed))
    _cover(rest, _View(scrubbed, range(len(scrubbed))), pieces)
    return "" if any(rest) else scrubbed


def _spellings(secret: Secret) -> list[str]:
    """The secret as it is and as tools write it, without repetitions."""
    raw = secret.reveal()
    data = raw.encode("utf-8", "surrogatepass")
    encoded = [repr(data)[2:-1]]
    for alignment in range(3):
        shifted = base64.b64encode(b"\0" * alignment + data).decode()
        # A character that also holds bits of what stands around the secret is not sure.
        sure = shifted[(0, 2, 3)[alignment] : (alignment + len(data)) * 8 // 6]
        encoded += [sure, sure.translate(str.maketrans("+/", "-_"))]
    for digits in (data.hex(), data.hex().upper()):
        encoded += [digits, re.sub("(..)", r"%\1", digits)]
    percent = quote(data, safe="")
    encoded += [percent, re.sub("%..", lambda match: match[0].lower(), percent)]
    for ascii_only in (True, False):
        escaped = json.dumps(raw, ensure_ascii=ascii_only)[1:-1]
        encoded += [escaped, escaped.replace("/", "\\/")]
    long_enough = [spelling for spelling in encoded if len(spelling) >= _SHORTEST_ENCODED]
    return list(dict.fromkeys([raw, *long_enough]))


def _pieces(spellings: Iterable[str]) -> dict[int, set[str]]:
    """What gives a spelling away, by length: its runs, or the whole of a shorter one."""
    pieces: dict[int, set[str]] = {}
    for spelling in spellings:
        length = min(MIN_RUN, len(spelling))
        for start in range(len(spelling) - length + 1):
            pieces.setdefault(length, set()).add(spelling[start : start + length])
    return pieces


def _view(text: str, left_out: re.Pattern[str]) -> _View:
    kept: list[str] = []
    positions: list[int] = []
    start = 0
    for match in left_out.finditer(text):
        kept.append(text[start : match.start()])
        positions.extend(range(start, match.start()))
        start = match.end()
    kept.append(text[start:])
    positions.extend(range(start, len(text)))
    return _View("".join(kept), positions)


def _cover(covered: bytearray, view: _View, pieces: dict[int, set[str]]) -> None:
    """Set the places of the text that a piece stands on, with what is between its characters."""
    for length, of_length in pieces.items():
        for start in range(len(view.chars) - length + 1):
            if view.chars[start : start + length] in of_length:
                first, last = view.positions[start], view.positions[start + length - 1]
                covered[first : last + 1] = b"\1" * (last + 1 - first)


def _replaced(text: str, covered: bytearray) -> str:
    """Put one mark in the place of each covered run."""
    parts: list[str] = []
    start = 0
    for match in re.finditer(rb"\x01+", covered):
        parts += [text[start : match.start()], MARK]
        start = match.end()
    return "".join([*parts, text[start:]])
