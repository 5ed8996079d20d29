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
    sort_slices,
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


_MANY = st.lists(
    st.builds(
        make_key,
        st.sampled_from("abcdefgh"),
        st.sampled_from(["alpha", "Alpha", "beta", "alpha-2", "alpha 2", ""]),
        created_ago=st.sampled_from([timedelta(days=days) for days in range(3)]),
        used_ago=st.sampled_from([None, timedelta(hours=1), timedelta(hours=2)]),
    ),
    max_size=40,
)


@given(_MANY, st.sampled_from(list(SortColumn)), st.booleans())
def test_sorting_in_slices_gives_the_same_order_and_no_step_takes_many_keys(
    keys: list[ApiKey], column: SortColumn, descending: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_list, "SLICE", 7)
        parts = list(sort_slices(keys, column, descending=descending))
    assert [id(key) for part in parts for key in part] == [
        id(key) for key in sort_keys(keys, column, descending=descending)
    ]
    if len(keys) > 7:
        assert len(parts) > len(keys) // 7


def test_a_long_list_is_cut_in_parts_of_about_a_slice() -> None:
    keys = [make_key(str(number), f"{number * 7919 % 1000:04}") for number in range(1000)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_list, "SLICE", 50)
        parts = list(sort_slices(keys, SortColumn.NAME, descending=False))
    assert max(map(len, parts)) <= 2 * 50


@given(_MANY)
def test_duplicates_are_the_same_found_at_once_or_in_steps(keys: list[ApiKey]) -> None:
    at_once, in_steps = KeyList(keys, NOW), KeyList(keys, NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_list, "SLICE", 7)
        assert len(list(in_steps.find_duplicates())) == -(-len(keys) // 7)
    assert not list(in_steps.find_duplicates())
    assert in_steps.duplicate_names == at_once.duplicate_names


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
