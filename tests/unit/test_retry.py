"""When a request is sent again, and after how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.api._retry import BASE_S, CAP_S, MAX_RETRY_AFTER_S, MAX_TRIES, retry_delay_s
from pulsapi_tui.domain import errors


def _rng(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311


TRANSIENT: list[errors.PulsapiError] = [
    errors.ConnectError("x"),
    errors.AnswerLostError("x"),
    errors.RateLimitedError("x", status=429, code="rate_limited", retry_after_s=None),
    errors.UnavailableError("x", status=503),
]
FINAL: list[errors.PulsapiError] = [
    errors.PulsapiError("x"),
    errors.NetworkError("x"),
    errors.NotTrustedError("x"),
    errors.BadAnswerError("x"),
    errors.RedirectError("x"),
    errors.ProblemError("x", status=418),
    errors.UnauthorizedError("x", status=401),
    errors.ForbiddenRoleError("x", status=403),
    errors.NotFoundError("x", status=404),
    errors.InvalidNameError("x", status=422),
    errors.StaleAttemptError("x", status=409),
    errors.CredentialError("x"),
    errors.JournalError("x"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_get_and_delete_are_sent_three_times_in_all(
    method: str, error: errors.PulsapiError
) -> None:
    rng = _rng(1)
    waits = [retry_delay_s(method, error, tries, rng) for tries in (1, 2, 3, 4)]
    assert [wait is not None for wait in waits] == [True, True, False, False]
    assert MAX_TRIES == 3


@pytest.mark.parametrize("error", [*TRANSIENT, *FINAL], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "post", ""])
def test_nothing_else_is_ever_sent_twice(method: str, error: errors.PulsapiError) -> None:
    assert retry_delay_s(method, error, 1, _rng(1)) is None


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_an_error_that_would_come_again_is_not_tried_again(error: errors.PulsapiError) -> None:
    assert retry_delay_s("GET", error, 1, _rng(1)) is None


@given(st.integers(1, 2), st.integers())
def test_full_jitter_within_its_bounds(tries: int, seed: int) -> None:
    wait_s = retry_delay_s("GET", errors.ConnectError("x"), tries, _rng(seed))
    assert wait_s is not None
    assert 0.0 <= wait_s <= min(CAP_S, BASE_S * 2**tries)


def test_jitter_differs_from_try_to_try() -> None:
    rng = _rng(1)
    waits = {retry_delay_s("GET", errors.ConnectError("x"), 1, rng) for _ in range(20)}
    assert len(waits) == 20


@pytest.mark.parametrize("asked_for_s", [0.0, 0.5, 7.0, MAX_RETRY_AFTER_S])
def test_retry_after_is_obeyed_as_it_is(asked_for_s: float) -> None:
    busy = errors.RateLimitedError("x", status=429, code="", retry_after_s=asked_for_s)
    down = errors.UnavailableError("x", status=503, retry_after_s=asked_for_s)
    assert retry_delay_s("GET", busy, 1, _rng(1)) == asked_for_s
    assert retry_delay_s("DELETE", down, 2, _rng(1)) == asked_for_s


@pytest.mark.parametrize("asked_for_s", [60.001, 61.0, 999_999_999.0])
def test_a_retry_after_beyond_a_minute_is_not_waited_for(asked_for_s: float) -> None:
    busy = errors.RateLimitedError("x", status=429, code="", retry_after_s=asked_for_s)
    assert retry_delay_s("GET", busy, 1, _rng(1)) is None
