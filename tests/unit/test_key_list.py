"""Sorting, filtering and the sums over a snapshot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.domain import key_list
from pulsapi_tui.domain.key_list import (
    KeyList,
    SortColumn,
    filter_slices,
    haystack_slices,
    sort_keys,
)
from pulsapi_tui.domain.models import ApiKey
from tests.unit.support import NOW, ids, make_key

KEYS = (
    make_key("a", "beta", created_ago=timedelta(days=1)),
    make_key("b", "Alpha", created_ago=timedelta(days=2), used_ago=timedelta(hours=2)),
    make_key("c", "alpha", created_ago=timedelta(days=3), used_ago=timedelta(days=60)),
    make_key("d", "Beta", created_ago=timedelta(days=4)),
)


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        (SortColumn.NAME, False, "bcda"),
        (SortColumn.NAME, True, "adcb"),
        (SortColumn.CREATED, False, "dcba"),
        (SortColumn.CREATED, True, "abcd"),
        (SortColumn.LAST_USED, False, "adcb"),
        (SortColumn.LAST_USED, True, "bcad"),
    ],
)
def test_every_column_sorts_both_ways(column: SortColumn, descending: bool, order: str) -> None:
    assert "".join(ids(sort_keys(KEYS, column, descending=descending))) == order


@given(st.permutations(KEYS), st.sampled_from(list(SortColumn)), st.booleans())
def test_sorting_keeps_every_key(keys: list[ApiKey], column: SortColumn, descending: bool) -> None:
    assert set(ids(sort_keys(keys, column, descending=descending))) == set("abcd")


@given(st.permutations(KEYS), st.booleans())
def test_names_sort_alike_whatever_the_order_before(keys: list[ApiKey], descending: bool) -> None:
    assert sort_keys(keys, SortColumn.NAME, descending=descending) == sort_keys(
        KEYS, SortColumn.NAME, descending=descending
    )


def _haystacks(keys: tuple[ApiKey, ...]) -> list[str]:
    return [text for part in haystack_slices(keys) for text in part]


def _filtered(keys: tuple[ApiKey, ...], needle: str) -> list[str]:
    slices = filter_slices(_haystacks(keys), range(len(keys)), needle)
    return [keys[at].id for found in slices for at in found]


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("", ["key_1", "key_2"]),
        ("PIPE", ["key_1"]),
        ("strasse", ["key_2"]),
        ("AB12", ["key_2"]),
        ("KEY_1", ["key_1"]),
        ("nothing", []),
        ("line\nwxyz", []),
    ],
)
def test_a_filter_looks_in_name_hint_and_id_in_any_case(needle: str, found: list[str]) -> None:
    keys = (
        make_key("key_1", "CI/CD Pipeline", hint="0000"),
        make_key("key_2", "Straße", hint="ab12"),
    )
    assert _filtered(keys, needle) == found


def test_a_filter_works_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_list, "SLICE", 3)
    keys = tuple(make_key(f"k{n}", f"name {n % 2}") for n in range(8))
    haystacks = _haystacks(keys)
    assert len(haystacks) == 8
    slices = list(filter_slices(haystacks, range(8), "name 1"))
    assert slices == [[1], [3, 5], [7]]
    assert list(filter_slices(haystacks, [3, 4, 5], "NAME 1")) == [[3, 5]]
    assert list(filter_slices((), (), "x")) == []


def test_the_sums_over_a_snapshot() -> None:
    listed = KeyList([make_key("a", "twin"), make_key("b", "twin"), make_key("c", "one")], NOW)
    assert len(listed) == 3
    assert listed.fetched_at == NOW
    assert listed.by_id["b"].name == "twin"
    assert listed.duplicate_names == {"twin"}
    assert listed.names == {"twin", "one"}


def test_a_snapshot_does_not_follow_the_list_it_was_made_of() -> None:
    keys = [make_key("a")]
    listed = KeyList(keys, NOW)
    keys.append(make_key("b"))
    assert ids(listed.keys) == ["a"]
