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

BUDGET = 10
"""Repeats that one client may have lost for nothing."""

EARNED = 0.1
"""What an answer at the first try adds to the budget."""

_REPEATABLE = frozenset({"GET", "DELETE"})


def retry_delay_s(method: str, error: PulsapiError, tries: int, rng: random.Random) -> float | None:
    """Return the seconds to wait before the next try, or None where there is none.

    Only GET and DELETE are repeated, three tries in all, with full jitter; Retry-After is obeyed
    as it is, up to 60 s. A create is never repeated here: that is the flow's decision.
    """
    if method not in _REPEATABLE or tries >= MAX_TRIES or not may_pass(error):
        return None
    asked_for_s = error.retry_after_s
    if asked_for_s is not None:
        return asked_for_s if asked_for_s <= MAX_RETRY_AFTER_S else None
    return rng.uniform(0.0, min(CAP_S, BASE_S * 2**tries))


def may_pass(error: PulsapiError) -> bool:
    """Whether the same request may fare better later."""
    passing = ConnectError | AnswerLostError | RateLimitedError | UnavailableError
    return isinstance(error, passing) and not isinstance(error, NotTrustedError)


class RetryBudget:
    """What the calls of one client may repeat together, so that an outage is not fed with repeats.

    A repeat takes a token, and gets it back where it helped. So a line that drops every tenth
    request is never short of them, and a server that is down soon gets one request a call.
    """

    def __init__(self) -> None:
        self._tokens = float(BUDGET)

    def take(self) -> bool:
        """Whether a request may be repeated, which it then is."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def answered(self, tries: int) -> None:
        """A call got what it asked for at that try."""
        self._tokens = min(float(BUDGET), self._tokens + max(tries - 1.0, EARNED))

    def exhausted(self) -> None:
        """A call failed at its last try: that is an outage, and nothing is repeated in it."""
        self._tokens = 0.0
