"""What a server or a user wrote, made safe to draw."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.domain.text import MAX_COMBINING, REPLACEMENT, clean, clean_lines

MARKS = {"Mn", "Me", "Mc"}
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
HEART_ON_FIRE = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}\N{ZERO WIDTH JOINER}\N{FIRE}"
SKIN = "\N{WOMAN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CI/CD Pipeline",
        "[/x]",
        "[@click=app.quit]x[/]",
        "prod [v2]",
        "\\[b]$x",
        "日本語のキー",
        "emoji 🔑",
        "Ünïcödé é",
        "e\N{COMBINING ACUTE ACCENT}",
        FAMILY,
        HEART_ON_FIRE,
        SKIN,
        "עברית",
        "\N{NO-BREAK SPACE}",
    ],
)
def test_what_can_be_drawn_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "char",
    [
        "\x00",
        "\x07",
        "\x08",
        "\t",
        "\n",
        "\r",
        "\x1b",
        "\x7f",
        "\x85",
        "\x90",
        "\x9b",
        "\x9d",
        "\N{SOFT HYPHEN}",
        "\N{ARABIC LETTER MARK}",
        "\N{ZERO WIDTH SPACE}",
        "\N{ZERO WIDTH NON-JOINER}",
        "\N{ZERO WIDTH JOINER}",
        "\N{LEFT-TO-RIGHT MARK}",
        "\N{RIGHT-TO-LEFT OVERRIDE}",
        "\N{POP DIRECTIONAL ISOLATE}",
        "\N{LINE SEPARATOR}",
        "\N{PARAGRAPH SEPARATOR}",
        "\N{ZERO WIDTH NO-BREAK SPACE}",
        "\ud800",
        "\ue000",
        "\uffff",
        "\U000e0041",
    ],
)
def test_what_acts_on_a_terminal_is_replaced(char: str) -> None:
    assert clean(f"a{char}b") == f"a{REPLACEMENT}b"
    assert clean(char) == REPLACEMENT


def test_an_osc_52_sequence_becomes_text() -> None:
    assert clean("\x1b]52;c;ZXZpbA==\x07") == f"{REPLACEMENT}]52;c;ZXZpbA=={REPLACEMENT}"


@pytest.mark.parametrize("text", ["\N{KEY}\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH JOINER}\N{KEY}"])
def test_a_joiner_that_joins_nothing_is_replaced(text: str) -> None:
    assert "\N{ZERO WIDTH JOINER}" not in clean(text)
    assert REPLACEMENT in clean(text)


def test_a_pile_of_marks_is_cut_and_the_next_base_starts_anew() -> None:
    mark = "\N{COMBINING ACUTE ACCENT}"
    assert clean(f"a{mark * 50}b{mark * 2}") == f"a{mark * MAX_COMBINING}b{mark * 2}"


def test_lines_are_cleaned_one_by_one() -> None:
    assert clean_lines("a\x1b\nb\r\nc") == f"a{REPLACEMENT}\nb\nc"


@given(st.text())
def test_nothing_dangerous_comes_out(text: str) -> None:
    cleaned = clean(text)
    for index, char in enumerate(cleaned):
        if char == "\N{ZERO WIDTH JOINER}":
            assert 0 < index < len(cleaned) - 1
            assert unicodedata.category(cleaned[index + 1]) == "So"
        else:
            assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    piles = "".join("m" if unicodedata.category(c) in MARKS else "." for c in cleaned)
    assert "m" * (MAX_COMBINING + 1) not in piles


@given(st.text(st.characters(exclude_categories=["Mn", "Me", "Mc"])))
def test_nothing_disappears(text: str) -> None:
    assert len(clean(text)) == len(text)


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
