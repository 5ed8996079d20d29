"""What schemathesis can't know of the contract from openapi.yaml alone; loaded by its own process.

Three things, and no check is turned off for them.
"""

import itertools
import re
from typing import Any

import schemathesis

_numbers = itertools.count()
_OPAQUE_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,200}")


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Give each valid create its own Idempotency-Key: a second create under one is refused."""
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and "Idempotency-Key" in (case.headers or ()):
        case.headers["Idempotency-Key"] = f"unique-{next(_numbers):08}"


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out made-up cursors, and headers of the tool's own invention.

    A cursor is only ever what the server gave (test_contract_answers.py walks through pages). HTTP
    has unknown headers ignored, and the tool knows that, except beside a header of type integer.
    """
    cursor = (case.query or {}).get("cursor")
    is_made_up = isinstance(cursor, str) and bool(_OPAQUE_CURSOR.fullmatch(cursor))
    return not is_made_up and "x-schemathesis-unknown-property" not in (case.headers or ())
