"""What must be typed before keys are revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulsapi_tui.domain.typed import word_to_type
from tests.unit.support import NOW, make_key


@pytest.mark.parametrize(
    ("name", "used_ago", "must_type", "word"),
    [
        ("CI", None, False, None),
        ("CI", timedelta(hours=24), False, None),
        ("CI", timedelta(hours=23), False, "CI"),
        ("CI", None, True, "CI"),
        ("鍵", None, True, "wxyz"),
        ("a\x7fb", None, True, "wxyz"),
    ],
)
def test_of_one_key(
    name: str, used_ago: timedelta | None, must_type: bool, word: str | None
) -> None:
    key = make_key(name=name, used_ago=used_ago)
    assert word_to_type([key], NOW, must_type=must_type) == word


def test_of_several_it_is_their_count() -> None:
    assert word_to_type([make_key("a"), make_key("b")], NOW) == "2"
