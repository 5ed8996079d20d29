"""When a request is sent again, and after how long. Pure."""

from __future__ import annotations

import random

from pulsapi_tui.domain.errors import (
    AnswerLostError,
    ConnectError,
    NotTrustedError,
    PulsapiError,
    RateLimitedError,
    UnavailableError,
)

MAX_TRIES = 3
BASE_S = 0.25
CAP_S = 8.0
MAX_RETRY_AFTER_S = 60.0
"""A longer Retry-After is not waited for: the error says how long it would be."""

_REPEATABLE = frozenset({"GET", "DELETE"})


def retry_delay_s(method: str, error: PulsapiError, tries: int, rng: random.Random) -> float | None:
    """Return the seconds to wait before the next try, or None where there is none.

    Only GET and DELETE are repeated, three tries in all, with full jitter; Retry-After is obeyed
    as it is, up to 60 s. A create is never repeated here: that is the flow's decision.
    """
    if method not in _REPEATABLE or tries >= MAX_TRIES or isinstance(error, NotTrustedError):
        return None
    if not isinstance(error, ConnectError | AnswerLostError | RateLimitedError | UnavailableError):
        return None
    asked_for_s = getattr(error, "retry_after_s", None)
    if asked_for_s is not None:
        return float(asked_for_s) if asked_for_s <= MAX_RETRY_AFTER_S else None
    return rng.uniform(0.0, min(CAP_S, BASE_S * 2**tries))
