"""What a program sends to a terminal, cut into text and escape sequences."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

_CSI = re.compile(
    r"\x1b\[(?P<prefix>[<=>?]?)(?P<numbers>[0-9:;]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
)
_OSC = re.compile(r"\x1b\](?P<number>[0-9]*)[^\x07\x1b]*(?:\x07|\x1b\\)")
_STRING = re.compile(r"\x1b(?P<opener>[PX^_]).*?\x1b\\", re.DOTALL)
_ESCAPE = re.compile(r"\x1b[ -/]*[0-OQ-WYZ\\`-~]")
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f-\x9f]")
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


class Token(NamedTuple):
    """A piece of the stream. `kind` says what it would do, without its data."""

    kind: str
    raw: str

    @property
    def is_text(self) -> bool:
        """Whether it is only drawn."""
        return self.kind == "text"


class Csi(NamedTuple):
    """A control sequence in its parts."""

    prefix: str
    numbers: str
    middle: str
    final: str


def csi(token: Token) -> Csi | None:
    """The parts of a control sequence; None where the token is something else."""
    found = _CSI.fullmatch(token.raw)
    return Csi(*found.groups()) if found else None


def _csi_kind(found: re.Match[str]) -> str:
    prefix, numbers, middle, final = found.groups()
    # What a mode does is in its number; what the others do is in their final byte.
    mode = f" {numbers}" if final in "hl" else ""
    return f"CSI {prefix}{middle}{final}{mode}"


def _next(pending: str) -> Token | None:
    if found := _TEXT.match(pending):
        return Token("text", found[0])
    if found := _CONTROL.match(pending):
        return Token(f"control {ord(found[0]):02x}", found[0])
    if found := _CSI.match(pending):
        return Token(_csi_kind(found), found[0])
    if found := _OSC.match(pending):
        return Token(f"OSC {found['number']}", found[0])
    if found := _STRING.match(pending):
        return Token(f"string {found['opener']}", found[0])
    if found := _ESCAPE.match(pending):
        return Token(f"ESC {found[0][1:]}", found[0])
    return None


class Tokenizer:
    """Bytes in, tokens out; a sequence that is not whole yet waits for the rest of it."""

    def __init__(self) -> None:
        # A byte that is no UTF-8 comes out as a surrogate, so that it can be looked for.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._pending = ""

    def feed(self, data: bytes) -> Iterator[Token]:
        """The tokens that are whole by now."""
        self._pending += self._decoder.decode(data)
        while self._pending and (token := _next(self._pending)) is not None:
            self._pending = self._pending[len(token.raw) :]
            yield token

    @property
    def rest(self) -> str:
        """What is not a whole token."""
        return self._pending


def tokens_of(data: bytes) -> list[Token]:
    """All tokens of a finished stream."""
    tokenizer = Tokenizer()
    tokens = list(tokenizer.feed(data))
    return [*tokens, Token("unfinished", tokenizer.rest)] if tokenizer.rest else tokens
