"""A secret that can be told from everything else, and the forms in which it could turn up."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Iterator
from urllib.parse import quote

PIECE = 8
"""So many characters of the random part in a row are told from chance."""

_ALPHABET = string.ascii_letters + string.digits
_QUOTED = '+/=%"'
"""What percent signs, JSON and shells write otherwise."""
_OF_BASE64 = "???~~~"
"""Bytes that give both signs that the URL form of base64 writes otherwise, at each alignment."""


class Canary:
    """A new secret each time, so that two runs on one machine do not find each other's.

    Fit for a header, and different in each form. No form of it is in its repr.
    """

    def __init__(self) -> None:
        tail = _random(16)
        random_part = f"{_random(4)}{_QUOTED}{_random(4)}{_OF_BASE64}{tail}"
        self.secret = f"local_{random_part}"
        self.word = tail
        """A piece that can be part of a file's name."""
        self.forms = _forms(self.secret, random_part)

    def __repr__(self) -> str:
        return "<Canary>"

    def found_in(self, data: bytes | str) -> list[str]:
        """The forms in which it, or a piece of it, is in there."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        return [
            form for form, needles in self.forms.items() if any(each in data for each in needles)
        ]


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _forms(secret: str, random_part: str) -> dict[str, tuple[bytes, ...]]:
    raw = secret.encode()
    # Without the ends, which also hold bits of what stands around the secret.
    base64s = [base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3)]
    urlsafe = [text.translate(str.maketrans("+/", "-_")) for text in base64s]
    hexes = [raw.hex(), raw.hex().upper()]
    encoded = quote(secret, safe="")
    percents = [encoded, encoded.lower(), *(_percents(digits) for digits in hexes)]
    escaped = json.dumps(secret)[1:-1]
    wide = "".join(f"\\u{ord(char):04x}" for char in secret)
    forms = {
        "raw": [secret],
        **{f"base64 at {shift}": [text] for shift, text in enumerate(base64s)},
        **{f"base64url at {shift}": [text] for shift, text in enumerate(urlsafe)},
        "hex": hexes[:1],
        "HEX": hexes[1:],
        "percent": percents,
        "JSON": [escaped, escaped.replace("/", "\\/"), wide, wide[:-4] + wide[-4:].upper()],
        "a piece": [piece for piece in _windows(random_part, PIECE) if _is_telling(piece)],
        "a piece of base64": [
            piece for text in (*base64s, *urlsafe) for piece in _windows(text, PIECE * 4 // 3 + 2)
        ],
        "a piece of hex": [piece for text in hexes for piece in _windows(text[12:], PIECE * 2)],
    }
    return {name: tuple(each.encode() for each in needles) for name, needles in forms.items()}


def _percents(digits: str) -> str:
    return "".join(f"%{digits[at : at + 2]}" for at in range(0, len(digits), 2))


def _is_telling(piece: str) -> bool:
    """Whether enough of it is random: the signs are the same in each canary."""
    return sum(char in _ALPHABET for char in piece) > PIECE // 2


def _windows(text: str, length: int) -> Iterator[str]:
    yield from (text[at : at + length] for at in range(len(text) - length + 1))
