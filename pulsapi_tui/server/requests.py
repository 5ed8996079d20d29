"""Reading a request strictly: what is not of the documented form is refused, never guessed at."""

import re
import unicodedata

import msgspec
from starlette.requests import Request

from pulsapi_tui.server.problem import ProblemError, invalid_name, invalid_request
from pulsapi_tui.server.rows import Position
from pulsapi_tui.server.wire import NewKey

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_ATTEMPT = 1000
MAX_NAME_CHARS = 64
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_CURSOR = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{1,15})")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON (415).

    A page of another site can send every other type without a preflight, so this comes before all.
    """
    content_types = request.headers.getlist("Content-Type")
    names = [value.partition(";")[0].strip().lower() for value in content_types]
    if names != ["application/json"]:
        raise ProblemError(415, "unsupported_media_type", "The body must be application/json.")


def read_query(request: Request, *allowed: str) -> dict[str, str]:
    """The query parameters; an unknown or a repeated one is refused."""
    if not request.scope["query_string"]:
        return {}
    pairs = request.query_params.multi_items()
    values = dict(pairs)
    if len(values) != len(pairs) or not values.keys() <= set(allowed):
        raise invalid_request("The query has an unknown or a repeated parameter.")
    return values


def read_number(text: str, name: str, maximum: int) -> int:
    """A decimal number from 1 to `maximum`."""
    if not _NUMBER.fullmatch(text) or int(text) > maximum:
        raise invalid_request(f"{name} must be a number from 1 to {maximum}.")
    return int(text)


def read_position(cursor: str) -> Position:
    """The position that `write_cursor` wrote."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise invalid_request("cursor must be the next_cursor of an earlier page.")
    return Position(int(match[1], 16), int(match[2], 16))


def write_cursor(position: Position) -> str:
    """The position as an opaque string."""
    return f"{position.created_at:x}-{position.seq:x}"


def read_header(request: Request, name: str) -> str | None:
    """A header's only value, or None; a repeated header is refused."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise invalid_request(f"{name} is repeated.")
    return values[0] if values else None


def read_create_request(request: Request) -> tuple[str, int] | None:
    """The Idempotency-Key and the attempt (1 where there is none), or None without such a key."""
    request_id = read_header(request, "Idempotency-Key")
    attempt_text = read_header(request, "Idempotency-Attempt")
    attempt = read_number(
        "1" if attempt_text is None else attempt_text, "Idempotency-Attempt", MAX_ATTEMPT
    )
    if request_id is None:
        return None
    if not _REQUEST_ID.fullmatch(request_id):
        raise invalid_request("Idempotency-Key must be 8 to 64 letters, digits, _ or -.")
    return request_id, attempt


def read_name(body: bytes) -> str:
    """The name in the body of a create, trimmed.

    Raises `invalid_request` for what is not `{"name": "…"}` in UTF-8 (a lone surrogate is no UTF-8
    either), and `invalid_name` for a name that breaks the rules.
    """
    try:
        name = msgspec.json.decode(body, type=NewKey).name
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _invalid_body() from None
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise invalid_name("A name has no control characters.")
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise invalid_name("A name has 1 to 64 characters.")
    return name


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Whether If-None-Match names this ETag (compared weakly, as RFC 9110 says)."""
    candidates = (part.strip().removeprefix("W/") for part in (if_none_match or "").split(","))
    return any(candidate in (etag, "*") for candidate in candidates)


def _invalid_body() -> ProblemError:
    return invalid_request('The body must be {"name": "…"} as JSON in UTF-8.')
