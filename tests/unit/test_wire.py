"""Strict JSON to domain values."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.api import _wire
from pulsapi_tui.domain.errors import BadAnswerError, PulsapiError
from tests.unit.support import CANARY

Json = dict[str, object]

KEY: Json = {
    "id": "key_1",
    "name": "CI",
    "hint": "wxyz",
    "created_at": "2026-11-24T12:00:00Z",
    "last_used_at": None,
}
ACCOUNT: Json = {
    "id": "acct_1",
    "email": "o@example.com",
    "display_name": "Olga",
    "timezone": "Europe/Berlin",
    "plan": "pro",
    "role": "owner",
    "authenticated_key_id": "key_1",
    "capabilities": ["idempotent-create"],
}
SERVICE: Json = {
    "id": "s1",
    "name": "GitHub",
    "status": "degraded",
    "group": None,
    "updated_at": "2026-11-24T12:00:00Z",
}


def _page(**fields: object) -> bytes:
    return json.dumps({"data": [{**KEY, **fields}], "next_cursor": None, "total": 1}).encode()


def _created(**fields: object) -> bytes:
    return json.dumps({**KEY, "key": CANARY, **fields}).encode()


def _account(**fields: object) -> bytes:
    return json.dumps({**ACCOUNT, **fields}).encode()


def _services(**fields: object) -> bytes:
    return json.dumps({"data": [{**SERVICE, **fields}], "next_cursor": None}).encode()


DECODERS: dict[str, Callable[[bytes], object]] = {
    "account": _wire.decode_account,
    "page": lambda body: _wire.decode_key_page(body, None),
    "created": _wire.decode_created_key,
    "services": _wire.decode_services,
}


def test_an_account() -> None:
    account = _wire.decode_account(_account())
    assert (account.id, account.plan, account.role) == ("acct_1", "pro", "owner")
    assert account.authenticated_key_id == "key_1"
    assert account.may_repeat_create
    assert not _wire.decode_account(_account(capabilities=["else"])).may_repeat_create


def test_a_page() -> None:
    page = _wire.decode_key_page(_page(last_used_at="2026-11-24T14:00:00+02:00"), '"v1"')
    [key] = page.keys
    assert key.created_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert key.last_used_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert key.last_used_at.tzinfo is UTC
    assert (page.next_cursor, page.etag, page.total) == (None, '"v1"', 1)


def test_a_created_key() -> None:
    created = _wire.decode_created_key(_created())
    assert created.key.id == "key_1"
    assert created.secret.reveal() == CANARY


def test_services() -> None:
    [service] = _wire.decode_services(_services(group="Dev\x1b", name="Git\x00Hub"))
    assert (service.name, service.group, service.status) == ("Git�Hub", "Dev�", "degraded")
    assert _wire.decode_services(_services())[0].group is None


def test_a_new_key_is_sent_as_json() -> None:
    assert json.loads(_wire.encode_new_key('a "b" 名')) == {"name": 'a "b" 名'}


def test_unknown_fields_are_let_through() -> None:
    assert _wire.decode_key_page(_page(new_field={"a": [1]}), None).keys[0].id == "key_1"


@pytest.mark.parametrize("field", KEY)
def test_a_missing_field_of_a_key_is_refused(field: str) -> None:
    short = {name: value for name, value in KEY.items() if name != field}
    body = json.dumps({"data": [short], "next_cursor": None, "total": 1}).encode()
    with pytest.raises(BadAnswerError, match="list of keys"):
        _wire.decode_key_page(body, None)


@pytest.mark.parametrize("field", ACCOUNT)
def test_a_missing_field_of_an_account_is_refused(field: str) -> None:
    short = {name: value for name, value in ACCOUNT.items() if name != field}
    with pytest.raises(BadAnswerError, match="the account"):
        _wire.decode_account(json.dumps(short).encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (_page(name=CANARY[:3], hint=7), "data.hint is not of the kind that it has to be."),
        (_page(created_at=CANARY), "data.created_at is not of the kind that it has to be."),
        (b'{"data":[{"id":"a"}],"next_cursor":null,"total":1}', "data.name is missing."),
        (b'{"data":[]}', "next_cursor is missing."),
        (b"[]", "it is no JSON object."),
        (b"<html>", "it can't be read as JSON."),
        (b'{"data":[],"next_cursor":"","total":-1}', "total is not of the kind that it has to be."),
    ],
)
def test_the_field_that_breaks_the_contract_is_named_and_its_value_is_not(
    body: bytes, said: str
) -> None:
    with pytest.raises(BadAnswerError) as caught:
        _wire.decode_key_page(body, None)
    whole = f"The server's answer for the list of keys is not what PulsAPI documents: {said}"
    assert caught.value.user_message == whole


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 5},
        {"id": ""},
        {"id": "x" * 129},
        {"id": None},
        {"id": "."},
        {"id": ".."},
        {"id": "a\n"},
        {"id": "a\x1b[2J"},
        {"id": "a\u202e"},
        {"id": "a\u200b"},
        {"name": None},
        {"name": 5},
        {"name": ["a"]},
        {"hint": 1234},
        {"created_at": None},
        {"created_at": 1732449600},
        {"created_at": "yesterday"},
        {"created_at": "2026-11-24T12:00:00"},
        {"created_at": "2026-13-24T12:00:00Z"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"last_used_at": "9999-12-31T23:59:59-12:00"},
        {"last_used_at": False},
    ],
    ids=str,
)
def test_a_key_that_breaks_the_contract_is_refused(fields: Json) -> None:
    for decode, body in (("page", _page(**fields)), ("created", _created(**fields))):
        with pytest.raises(BadAnswerError):
            DECODERS[decode](body)


@pytest.mark.parametrize(
    "fields",
    [
        {"plan": "gold"},
        {"role": "root"},
        {"plan": None},
        {"capabilities": None},
        {"capabilities": "idempotent-create"},
        {"capabilities": [1]},
        {"authenticated_key_id": ""},
        {"authenticated_key_id": "a\x00"},
        {"id": "a\x7f"},
    ],
    ids=str,
)
def test_an_account_that_breaks_the_contract_is_refused(fields: Json) -> None:
    with pytest.raises(BadAnswerError):
        _wire.decode_account(_account(**fields))


@pytest.mark.parametrize(
    "fields",
    [{"status": "fine"}, {"updated_at": "2026-11-24"}, {"updated_at": "0001-01-01T00:00:00+14:00"}],
    ids=str,
)
def test_a_service_that_breaks_the_contract_is_refused(fields: Json) -> None:
    with pytest.raises(BadAnswerError):
        _wire.decode_services(_services(**fields))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        None,
        5,
        "x" * 4097,
        "a b",
        f"{CANARY}\n",
        f"{CANARY}\x1b]52;c;AA\x07",
        f"{CANARY}\u202e",
        f"{CANARY}é",
    ],
)
def test_a_secret_that_no_header_can_carry_is_refused_and_not_shown(secret: object) -> None:
    with pytest.raises(BadAnswerError) as caught:
        _wire.decode_created_key(_created(key=secret))
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "total", ["-1", "1.5", "NaN", "Infinity", "1e400", "1" * 5000, '"1"', "null", "true"]
)
def test_a_total_that_is_no_count_is_refused(total: str) -> None:
    with pytest.raises(BadAnswerError):
        _wire.decode_key_page(f'{{"data":[],"next_cursor":null,"total":{total}}}'.encode(), None)


@pytest.mark.parametrize("cursor", ['"\\ud800"', "5", '"' + "x" * 2049 + '"', '["a"]'])
def test_a_cursor_that_can_t_be_sent_back_is_refused(cursor: str) -> None:
    with pytest.raises(BadAnswerError):
        _wire.decode_key_page(f'{{"data":[],"next_cursor":{cursor},"total":0}}'.encode(), None)


HOSTILE = {
    "nothing": b"",
    "not json": b"<html>",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"x"',
    "cut": _created()[:-5],
    "trailing": _created() + b"x",
    "a BOM": b"\xef\xbb\xbf" + _created(),
    "NaN": b'{"id":NaN}',
    "invalid UTF-8": b'{"id":"\xff\xfe","name":"\xff"}',
    "encoded surrogate": b'{"id":"\xed\xa0\x80"}',
    "lone surrogate": b'{"id":"\\ud800"}',
    "deep list": b"[" * 200_000,
    "deep unknown": b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep object": b'{"id":' * 100_000,
    "huge number": b'{"id":' + b"9" * 100_000 + b"}",
    "UTF-16": _created().decode().encode("utf-16"),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_hostile_body_is_refused_without_its_text(decoder: str, what: str) -> None:
    with pytest.raises(BadAnswerError) as caught:
        DECODERS[decoder](HOSTILE[what])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caught.value.may_have_acted


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_problem_is_empty(what: str) -> None:
    problem = _wire.decode_problem(HOSTILE[what])
    assert (problem.code, problem.detail, problem.upgrade_url) == ("", "", "")


def test_text_is_cleaned_where_the_object_is_made() -> None:
    [key] = _wire.decode_key_page(_page(name="a\x1b[2J", hint="\x9bABC" + "d" * 99), None).keys
    assert key.name == "a�[2J"
    assert key.hint == "�ABC" + "d" * 12
    account = _wire.decode_account(_account(email="\x1b", display_name="a\u202eb", timezone="\n"))
    assert (account.email, account.display_name, account.timezone) == ("�", "a�b", "�")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DECODERS)), st.sampled_from(sorted({*KEY, *ACCOUNT, "key"})), JSON)
def test_any_value_in_any_field_gives_a_value_or_our_error(
    decoder: str, field: str, value: object
) -> None:
    bodies = {
        "account": _account(**{field: value}),
        "page": _page(**{field: value}),
        "created": _created(**{field: value}),
        "services": _services(**{field: value}),
    }
    try:
        DECODERS[decoder](bodies[decoder])
    except PulsapiError as error:
        assert error.__context__ is None  # noqa: PT017


@given(st.sampled_from(sorted(DECODERS)), st.binary())
def test_any_bytes_give_our_error(decoder: str, body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        DECODERS[decoder](body)


@given(st.text())
def test_an_id_that_is_let_through_can_be_printed(text: str) -> None:
    try:
        key = _wire.decode_created_key(_created(id=text)).key
    except BadAnswerError:
        return
    assert key.id == text
    assert key.id.isprintable()


_NAMES = st.text(alphabet='aZ 0.\\"\x7f\x1bé', max_size=4) | st.just("x" * 300)
_WHEN = st.sampled_from(
    ["2026-11-24T12:00:00Z", "2026-11-24T12:00:00+01:00", "2026-11-24T12:00:00", "never", None]
)


def _decoded(body: bytes) -> object:
    try:
        return _wire.decode_key_page(body, None)
    except BadAnswerError:
        return BadAnswerError


@given(_NAMES, _NAMES, st.sampled_from(["key_1", ".", "..", "", "a b"]), _WHEN, _WHEN)
def test_a_page_reads_the_same_by_the_quick_way_and_by_the_careful_one(
    name: str, hint: str, key_id: str, created_at: str | None, last_used_at: str | None
) -> None:
    body = _page(name=name, hint=hint, id=key_id, created_at=created_at, last_used_at=last_used_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_wire, "_plain_page", lambda _: None)
        careful = _decoded(body)
    assert _decoded(body) == careful


@pytest.mark.parametrize("control", [b"\x00", b"\x1b", b"\n", b"\x1f"])
def test_a_control_character_is_refused_where_it_is_not_escaped(control: bytes) -> None:
    with pytest.raises(BadAnswerError):
        _wire.decode_key_page(_page(name="a@b").replace(b"@", control), None)
