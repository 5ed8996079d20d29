"""Strict JSON to domain values: the one place that knows PulsAPI's field names.

Unknown fields are let through, since a server may grow; missing fields, wrong types, naive times
and unprintable ids are not. Text is cut and cleaned here, so that no model object holds any that
isn't, and a few large answers do not stay in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from pulsapi_tui.domain.errors import BadAnswerError
from pulsapi_tui.domain.misfit import Misfit, misfit
from pulsapi_tui.domain.models import (
    MAX_HINT_LENGTH,
    MAX_TEXT_LENGTH,
    Account,
    ApiKey,
    CreatedKey,
    Plan,
    Role,
    Service,
    ServiceStatus,
)
from pulsapi_tui.domain.ports import KeyPage
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean

MAX_CAPABILITIES = 64

_NO_IDS = frozenset({".", ".."})
"""In a URL, they mean another place."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class _Account(msgspec.Struct):
    id: Id
    email: str
    display_name: str
    timezone: str
    plan: Plan
    role: Role
    authenticated_key_id: Id
    capabilities: list[str]


class _Key(msgspec.Struct):
    id: Id
    name: str
    hint: str
    created_at: Timestamp
    last_used_at: Timestamp | None


class _CreatedKey(_Key):
    key: Annotated[str, msgspec.Meta(max_length=4096, pattern=r"^[\x21-\x7e]+\Z")]
    """Only what a header can carry: it is drawn as it is, and anything else could not be used."""


class _KeyPage(msgspec.Struct):
    data: list[_Key]
    next_cursor: Annotated[str, msgspec.Meta(max_length=2048)] | None
    total: Count


class _PlainPage(msgspec.Struct):
    """A page in which nothing has to be cleaned, cut or refused."""

    data: list[ApiKey]
    next_cursor: Annotated[str, msgspec.Meta(max_length=2048)] | None
    total: Count


class _Service(msgspec.Struct):
    id: str
    name: str
    status: ServiceStatus
    group: str | None
    updated_at: Timestamp


class _ServicePage(msgspec.Struct):
    data: list[_Service]
    next_cursor: str | None


class Problem(msgspec.Struct):
    """RFC 9457, as far as the client reads it."""

    code: str = ""
    detail: str = ""
    upgrade_url: str = ""


class _NewKey(msgspec.Struct):
    name: str


_T = TypeVar("_T")


def _decode(body: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        failure = BadAnswerError(f"{_NOT_DOCUMENTED.format(what)}: {_which_field(misfit(error))}.")
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError):
        failure = BadAnswerError(f"{_NOT_DOCUMENTED.format(what)}: it can't be read as JSON.")
    # Raised out here: the context of a UnicodeError would hold the whole body.
    raise failure


_NOT_DOCUMENTED = "The server's answer for {} is not what PulsAPI documents"


def _which_field(found: Misfit) -> str:
    if found.is_missing:
        return f"{found.field} is missing"
    return (
        f"{found.field} is not of the kind that it has to be"
        if found.field
        else "it is no JSON object"
    )


def _is_plain(text: str) -> bool:
    """Whether there is nothing to clean; asked first, since most texts of a long list are so."""
    return text.isascii() and text.isprintable()


def _id(text: str) -> str:
    # An id goes back into a URL as it came, so it is refused rather than cleaned.
    is_clean = _is_plain(text) or (text.isprintable() and clean(text) == text)
    if not is_clean or text in _NO_IDS:
        raise BadAnswerError("The server sent an id with characters that no id can have.")
    return text


def _text(text: str, at_most: int = MAX_TEXT_LENGTH) -> str:
    if len(text) <= at_most and _is_plain(text):
        return text
    # Cut first: cleaning walks over what isn't ASCII, and a joiner must not be left at the end.
    return clean(text if len(text) <= at_most else text[: at_most - 1] + "…")


def _utc(time: datetime) -> datetime:
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadAnswerError("The server sent a time beyond all calendars.") from None


def _api_key(wire: _Key) -> ApiKey:
    return ApiKey(
        id=_id(wire.id),
        name=_text(wire.name),
        hint=clean(wire.hint[:MAX_HINT_LENGTH]),
        created_at=_utc(wire.created_at),
        last_used_at=_utc(wire.last_used_at) if wire.last_used_at else None,
    )


def decode_account(body: bytes) -> Account:
    """`GET /v1/account`."""
    wire = _decode(body, _Account, "the account")
    return Account(
        id=_id(wire.id),
        email=_text(wire.email),
        display_name=_text(wire.display_name),
        timezone=_text(wire.timezone),
        plan=wire.plan,
        role=wire.role,
        authenticated_key_id=_id(wire.authenticated_key_id),
        capabilities=frozenset(map(_text, wire.capabilities[:MAX_CAPABILITIES])),
    )


def decode_key_page(body: bytes, etag: str | None) -> KeyPage:
    """`GET /v1/api-keys`."""
    if (plain := _plain_page(body)) is not None:
        return KeyPage(tuple(plain.data), plain.next_cursor, etag, plain.total)
    wire = _decode(body, _KeyPage, "the list of keys")
    return KeyPage(tuple(map(_api_key, wire.data)), wire.next_cursor, etag, wire.total)


def _plain_page(body: bytes) -> _PlainPage | None:
    """The page, if it is one of those; most are, and 100,000 keys take half the time so.

    JSON has control characters only as escapes, so plain ASCII without a backslash holds none.
    """
    if not body.isascii() or any(mark in body for mark in _NOT_PLAIN):
        return None
    try:
        page = msgspec.json.decode(body, type=_PlainPage)
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
        return None
    for key in page.data:
        used_at = key.last_used_at
        if key.created_at.tzinfo is not UTC or (used_at and used_at.tzinfo is not UTC):
            return None
        if key.id in _NO_IDS:
            return None
    return page


_NOT_PLAIN = (b"\\", b"\x7f")
"""An escape, and the one control character that JSON lets through: each a single byte, since a page
is searched for two of them twenty times as fast as for a longer text."""


def decode_created_key(body: bytes) -> CreatedKey:
    """`POST /v1/api-keys`."""
    wire = _decode(body, _CreatedKey, "the new key")
    return CreatedKey(key=_api_key(wire), secret=Secret(wire.key))


def decode_services(body: bytes) -> tuple[Service, ...]:
    """`GET /v1/services`."""
    wire = _decode(body, _ServicePage, "the services")
    return tuple(
        Service(
            id=_text(each.id),
            name=_text(each.name),
            status=each.status,
            group=None if each.group is None else _text(each.group),
            updated_at=_utc(each.updated_at),
        )
        for each in wire.data
    )


def decode_problem(body: bytes) -> Problem:
    """Any error body; an unreadable one gives an empty problem, and the status must do."""
    try:
        wire = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError):
        return Problem()
    return Problem(
        code=clean(wire.code[:64]),
        detail=clean(wire.detail[:300]),
        upgrade_url=clean(wire.upgrade_url[:200]),
    )


def encode_new_key(name: str) -> bytes:
    """The body of `POST /v1/api-keys`."""
    return msgspec.json.encode(_NewKey(name))
