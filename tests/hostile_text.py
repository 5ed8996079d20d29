"""Texts that try to act on a terminal, or on what draws there, and how to tell that one did."""

from __future__ import annotations

import unicodedata
from random import Random

PAYLOAD = "aGlqYWNrZWQ="
LITERAL = (
    "[/x]",
    "[@click=app.quit]x[/]",
    "prod [v2]",
    "[b]bold[/b] [$x] \\[x]",
    "{name} %s $HOME `id`",
    "漢",
    "漢字のキー",
    "한국어",
    "Ключ",
    "naïve café",
    "\N{ROCKET}",
    "deploy \N{ROCKET} now",
    "漢" * 64,
    "W" * 64,
    "\N{FULLWIDTH LATIN CAPITAL LETTER A}" * 63 + "b",
)
"""Must be seen as they are, as far as they fit."""

JOINED = (
    "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}",
    "\N{HEAVY BLACK HEART}\ufe0f",
    "\U0001f1e9\U0001f1ea",
    "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
)
"""One picture of two cells, or several pictures: terminals disagree, and pyte with wcwidth."""

HOSTILE = (
    f"\x1b]52;c;{PAYLOAD}\x07clip",
    f"\x1b]52;c;{PAYLOAD}\x1b\\clip",
    f"\x9d52;c;{PAYLOAD}\x9cclip",
    "\x1b]0;owned\x07title",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[Hgone",
    "\x1b[?1049lnormal",
    "\x1bPtmux;\x1b\x1b]52;c;x\x07\x1b\\tmux",
    "\x1bcreset",
    "\x9b2Jgone",
    "a\x9b31mred",
    "nul\x00nul",
    "bell\x07bell",
    "back\x08\x08\x08\x08over",
    "line\r\nfeed\ttab\x0bvt",
    "del\x7fdel",
    "\N{RIGHT-TO-LEFT OVERRIDE}drowssap",
    "\N{RIGHT-TO-LEFT ISOLATE}x\N{POP DIRECTIONAL ISOLATE}\N{ARABIC LETTER MARK}",
    "zero\N{ZERO WIDTH SPACE}width\N{ZERO WIDTH NON-JOINER}\N{WORD JOINER}\ufeff",
    "join\N{ZERO WIDTH JOINER}ed",
    "tag" + "".join(chr(0xE0000 + ord(char)) for char in "evil"),
    "soft\N{SOFT HYPHEN}hyphen",
    "line\N{LINE SEPARATOR}sep\N{PARAGRAPH SEPARATOR}sep",
    "pile" + "\N{COMBINING ACUTE ACCENT}" * 50,
    "private\ue000\U000f0000 unassigned\u0378",
)

ALL = (*LITERAL, *JOINED, *HOSTILE)
EVERY_TRICK = "".join(HOSTILE)


_RAW = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_HIDING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks that are drawn as nothing, besides the selectors of variants."""


def is_raw(char: str) -> bool:
    """Whether a character acts on a terminal, or hides on it."""
    selects = "\ufe00" <= char <= "\ufe0d" or "\U000e0100" <= char <= "\U000e01ef"
    is_hidden = selects or char in _HIDING
    is_joiner = char == "\N{ZERO WIDTH JOINER}"
    return not is_joiner and (is_hidden or unicodedata.category(char) in _RAW)


_OPENERS = (
    *("\x1b]52;c;", "\x1b]0;", "\x1b]8;;", "\x1b]", "\x1bP", "\x1bX", "\x1b^", "\x1b_", "\x1bk"),
    *(
        "\x90",
        "\x98",
        "\x9d",
        "\x9e",
        "\x9f",
        "\x9b",
        "\x1b[",
        "\x1b[?",
        "\x1b[>",
        "\x1b#",
        "\x1b(",
    ),
)
_FINALS = (
    "\x07",
    "\x1b\\",
    "\x9c",
    "\x18",
    "\x1a",
    "",
    "m",
    "J",
    "h",
    "1049l",
    "6n",
    "c",
    "t",
    "q",
)
_CONTROLS = tuple(map(chr, (*range(32), *range(0x7F, 0xA0))))
_MARKUP = (
    *("[/]", "[/x]", "[@click=app.quit]x[/]", "[@click='app.bell']x", "[link=http://x]y[/link]"),
    *(
        "[red on blue]",
        "[$error]",
        "[b",
        "\\[",
        "[[",
        "]]",
        ":rocket:",
        "[not a tag]",
        "&lt;",
        "%s",
    ),
)
_HIDDEN = (
    *("\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2066"),
    *("\u2069", "\u206f", "\ufeff", "\u00ad", "\u061c", "\u180e", "\ufff9", "\ufffb", "\u034f"),
    *("\u115f", "\u1160", "\u3164", "\uffa0", "\ufe00", "\U000e0100", "\U000e0001", "\U000e0041"),
    *("\u17b4", "\u180b", "\u2028", "\u2029", "\U0001d173", "\U000e007f", "\ue000", "\U00100000"),
)
_WORDS = ("prod", "CI", "漢字", "é", "مفتاح", "\N{ROCKET}", "🇩🇪", "0", " ", "👩\u200d💻", "a\u0301")


def generated(rng: Random) -> str:
    """A text of such pieces, at most 60 characters; often one that is not whole."""
    parts = []
    for _ in range(rng.randrange(1, 7)):
        family = rng.choice(("control", "string", "markup", "hidden", "word", "any"))
        if family == "control":
            parts.append(rng.choice(_CONTROLS))
        elif family == "string":
            data = rng.choice((f"c;{PAYLOAD}", "0;owned", "?25l", "", "31", "\x1b\x1b]52;c;x\x07"))
            parts.append(rng.choice(_OPENERS) + data + rng.choice(_FINALS))
        elif family == "any":
            parts.append(chr(rng.choice((rng.randrange(0x3000), rng.randrange(0xE000, 0x20000)))))
        else:
            parts.append(rng.choice({"markup": _MARKUP, "hidden": _HIDDEN, "word": _WORDS}[family]))
    text = "".join(parts)[:60]
    return text if text.strip() else "x" + text


def raw_in(text: str) -> list[str]:
    """What in a text that was drawn acts on a terminal or hides there, as escapes."""
    return sorted({ascii(char) for char in text if char != "\n" and is_raw(char)})
