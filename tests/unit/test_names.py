"""What is refused as a name, and what is only warned of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsapi_tui.domain.names import (
    EXAMPLES,
    MAX_LENGTH,
    VAGUE,
    VAGUE_REASON,
    check_name,
    is_vague,
    slug,
)


@pytest.mark.parametrize("name", [*EXAMPLES, "名" * MAX_LENGTH, "[/x]", "🔑 prod", "👩\u200d💻"])
def test_a_good_name_is_sent_as_it_is(name: str) -> None:
    assert check_name(name) == (name, None, None)


def test_a_name_is_trimmed_before_it_is_judged() -> None:
    assert check_name("  CI  ").name == "CI"
    assert check_name(" " * 70 + "x" * MAX_LENGTH).error is None


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\N{NO-BREAK SPACE}"])
def test_an_empty_name_is_refused(text: str) -> None:
    verdict = check_name(text)
    assert verdict.name == ""
    assert verdict.error == "Give the key a name that says what it is for."


@pytest.mark.parametrize(
    ("length", "words"), [(65, "1 character too long"), (70, "6 characters too long")]
)
def test_a_long_name_says_by_how_much(length: int, words: str) -> None:
    error = check_name("x" * length).error
    assert error is not None
    assert error.startswith(words)


@pytest.mark.parametrize(
    "char", ["\x00", "\n", "\x1b", "\x7f", "\x9b", "\u2028", "\u2029", "\ud800"]
)
def test_control_characters_are_refused(char: str) -> None:
    assert check_name(f"a{char}b").error == "A name can't hold control characters or line breaks."


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\u00ad", "\u3164", "\U000e0041", "\ue000"])
def test_what_can_t_be_seen_is_refused(char: str) -> None:
    assert check_name(f"a{char}b").error == "A name can't hold characters that can't be seen."


def test_a_taken_name_is_allowed_and_warned_of() -> None:
    verdict = check_name(" CI ", {"CI"})
    assert verdict.error is None
    assert verdict.warning is not None
    assert "Another key has this name" in verdict.warning
    assert check_name("ci", {"CI"}).warning is None


@pytest.mark.parametrize(
    "name", [*sorted(VAGUE), "?", "-- --", "TEST", "Api Key", "test-2", "new_key", "Key 17"]
)
def test_a_vague_name_is_warned_of(name: str) -> None:
    verdict = check_name(name)
    assert verdict.error is None
    assert verdict.warning is not None
    assert verdict.warning == VAGUE_REASON


@pytest.mark.parametrize("name", [*EXAMPLES, "", "2", "test suite", "latest", "key-rotation", "名"])
def test_a_name_that_says_something_is_not_vague(name: str) -> None:
    assert not is_vague(name)


@given(st.text())
def test_what_passes_keeps_the_contract(text: str) -> None:
    verdict = check_name(text)
    if verdict.error is None:
        assert 1 <= len(verdict.name) <= MAX_LENGTH
        assert verdict.name == verdict.name.strip()
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in verdict.name)
        verdict.name.encode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CI/CD Pipeline", "ci-cd-pipeline"),
        ("  --Épée no. 1--", "epee-no-1"),
        ("日本", "key"),
        ("", "key"),
        ("…", "key"),
        ("a" * 62 + " b", "a" * 62),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    assert slug(name) == expected


@settings(deadline=None)
@given(st.text())
def test_a_slug_is_a_word_whatever_the_name(name: str) -> None:
    word = slug(name)
    assert 1 <= len(word) <= 63
    assert set(word) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert word[0] != "-"
    assert word[-1] != "-"
    assert slug(word) == word
