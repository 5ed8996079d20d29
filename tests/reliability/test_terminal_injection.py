"""The two texts that have something of everything; `python -m tests.long terminal-injection`.

The program itself goes through its pty in `tests/terminal/test_hostile_text.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile_text import is_raw, raw_in
from tests.long import terminal_injection


def test_no_text_acts(tmp_path: Path) -> None:
    """In commands and on screens: no sequence, no hidden character, no action."""
    texts = terminal_injection.texts_of(1, 2)
    figures = terminal_injection.check(tmp_path, texts, commands=20, screens=1, program=False)
    assert figures.runs == 40
    assert len(figures.screens) == 2


def test_texts_replay() -> None:
    """The same seed has the same texts, and they are worth something."""
    texts = terminal_injection.texts_of(7, 200)
    assert texts == terminal_injection.texts_of(7, 200)
    assert sum(any(map(is_raw, text)) for text in texts) > 100


@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\u202e", "\u200b", "\U000e0041", "\udc9b"])
def test_the_look_finds_it(char: str) -> None:
    """What it would not find would prove nothing."""
    assert raw_in(f"a{char}b") == [ascii(char)]
