"""The door for text that is not ours: what a server or a user wrote, made safe to draw.

Textual and Rich pass ESC, C1, NUL and bidi overrides on to the terminal raw, whatever the markup
setting is. So text is cleaned once, where a model object is made.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ZERO_WIDTH_JOINER = "\N{ZERO WIDTH JOINER}"
MAX_COMBINING = 3
"""Marks kept on one base character; a longer pile paints over the rows above and below."""

_REMEMBERED = 256
"""Longer texts are rare, and thousands of them would be much to keep."""

_PLAIN = re.compile(r"[\x20-\x7e]*\Z")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Mn", "Me", "Mc"})
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0").union(
    map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0)))
)
"""Letters and marks that are drawn as nothing (Unicode's `Default_Ignorable_Code_Point`).

But for the two that choose between a character as text and as a picture (U+FE0E, U+FE0F).
"""


def _joins_emoji(before: str, after: str) -> bool:
    """Say whether a zero-width joiner between two characters makes an emoji of them."""
    return (
        unicodedata.category(before[-1:] or " ") in {"So", "Sk", "Mn"}
        and unicodedata.category(after[:1] or " ") == "So"
    )


def clean(text: str) -> str:
    """Return `text` on one line, without control, format, bidi, hidden and unassigned characters.

    Each such character becomes U+FFFD, so that nothing disappears unseen. A joiner between two
    emoji stays. Piles of combining marks are cut to three.
    """
    if _PLAIN.match(text):
        return text
    return _remembered(text) if len(text) <= _REMEMBERED else _cleaned(text)


def _cleaned(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for index, char in enumerate(text):
        category = unicodedata.category(char)
        if category in _REFUSED_CATEGORIES or char in _INVISIBLE:
            joined = char == ZERO_WIDTH_JOINER and _joins_emoji(
                text[index - 1 : index], text[index + 1 : index + 2]
            )
            kept.append(char if joined else REPLACEMENT)
        elif category in _MARK_CATEGORIES:
            marks += 1
            if marks <= MAX_COMBINING:
                kept.append(char)
            continue
        else:
            kept.append(char)
        marks = 0
    return "".join(kept)


_remembered = lru_cache(maxsize=4096)(_cleaned)


def clean_lines(text: str) -> str:
    """Clean text of several lines, line by line."""
    return "\n".join(clean(line) for line in text.splitlines())
