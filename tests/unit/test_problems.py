"""From a status and a body to the error tree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.api._http import Answer
from pulsapi_tui.api._problems import UPGRADE_URL, problem_error, retry_after_s
from pulsapi_tui.domain import errors
from tests.unit.support import NOW


def _answer(status: int, code: str = "", *, retry_after: str = "", **fields: str) -> Answer:
    headers = {"retry-after": retry_after} if retry_after else {}
    return Answer(status, headers, msgspec.json.encode({"code": code, **fields}))


BY_CODE: dict[str, type[errors.ProblemError]] = {
    "unauthorized": errors.UnauthorizedError,
    "plan_required": errors.PlanRequiredError,
    "forbidden_role": errors.ForbiddenRoleError,
    "not_found": errors.NotFoundError,
    "invalid_name": errors.InvalidNameError,
    "idempotency_stale": errors.StaleAttemptError,
    "rate_limited": errors.RateLimitedError,
    "idempotency_mismatch": errors.ProblemError,
    "something_new": errors.ProblemError,
}


@pytest.mark.parametrize("code", BY_CODE)
@pytest.mark.parametrize("status", [400, 401, 403, 418, 499])
def test_the_code_is_read_before_the_status(code: str, status: int) -> None:
    error = problem_error(_answer(status, code), NOW)
    assert type(error) is BY_CODE[code]
    assert isinstance(error, errors.ProblemError)
    assert (error.status, error.code) == (status, code)
    assert not error.may_have_acted


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.UnauthorizedError),
        (402, errors.PlanRequiredError),
        (403, errors.ForbiddenRoleError),
        (404, errors.NotFoundError),
        (429, errors.RateLimitedError),
        (400, errors.ProblemError),
        (409, errors.ProblemError),
        (422, errors.ProblemError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"\xff", b"[]", b'{"code":5}'])
def test_without_a_readable_code_the_status_must_do(
    status: int, kind: type[errors.ProblemError], body: bytes
) -> None:
    assert type(problem_error(Answer(status, {}, body), NOW)) is kind


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 999])
@pytest.mark.parametrize("code", ["", "unavailable", "unauthorized", "not_found"])
def test_a_server_that_failed_may_have_acted_whatever_it_says(status: int, code: str) -> None:
    error = problem_error(_answer(status, code, retry_after="7"), NOW)
    assert isinstance(error, errors.UnavailableError)
    assert error.may_have_acted
    assert error.retry_after_s == 7.0


def test_the_upgrade_address_is_the_server_s_or_the_documented_one() -> None:
    told = problem_error(_answer(402, "plan_required", upgrade_url="https://x.example/up"), NOW)
    silent = problem_error(_answer(402, "plan_required"), NOW)
    assert isinstance(told, errors.PlanRequiredError)
    assert isinstance(silent, errors.PlanRequiredError)
    assert told.upgrade_url == "https://x.example/up"
    assert silent.upgrade_url == UPGRADE_URL


def test_a_refused_name_says_why_cleaned() -> None:
    told = problem_error(_answer(422, "invalid_name", detail="no \x1b[31mred"), NOW)
    assert told.user_message == "PulsAPI refused the name: no �[31mred"
    silent = problem_error(_answer(422, "invalid_name"), NOW)
    assert silent.user_message == "PulsAPI refused the name: it gave no reason."


def test_the_wait_is_shown() -> None:
    busy = problem_error(_answer(429, retry_after="90"), NOW)
    assert isinstance(busy, errors.RateLimitedError)
    assert busy.user_message.endswith("It asks to wait 90 s.")
    assert busy.retry_after_s == 90.0
    assert "asks" not in problem_error(_answer(429), NOW).user_message


def test_an_unknown_refusal_names_status_and_code() -> None:
    named = problem_error(_answer(418, "teapot"), NOW)
    assert named.user_message == "PulsAPI refused the request (status 418, teapot)."
    assert problem_error(_answer(418), NOW).user_message == (
        "PulsAPI refused the request (status 418)."
    )


def test_a_hostile_problem_is_cut_and_cleaned() -> None:
    error = problem_error(
        _answer(402, "plan_required", upgrade_url="\x1b]0;x\x07" + "u" * 999, detail="d" * 9999),
        NOW,
    )
    assert isinstance(error, errors.PlanRequiredError)
    assert len(error.upgrade_url) == 200
    assert "\x1b" not in error.upgrade_url
    long_code = problem_error(_answer(418, "c\n" * 999), NOW)
    assert "\n" not in long_code.user_message
    assert len(long_code.user_message) < 130


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Tue, 24 Nov 2026 12:00:30", 30.0),
        ("Tue, 24 Nov 2026 14:00:30 +0200", 30.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("NaN", None),
        ("Tue, 99 Nov 2026 12:00:30 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_both_forms(text: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": text}, NOW) == wait_s


def test_no_retry_after_at_all() -> None:
    assert retry_after_s({}, NOW) is None


@given(
    st.text() | st.datetimes(timezones=st.just(UTC)).map(format_datetime) | st.from_regex(r"\d+")
)
def test_any_retry_after_is_a_wait_or_nothing(text: str) -> None:
    wait_s = retry_after_s({"retry-after": text}, datetime(2026, 1, 1, tzinfo=UTC))
    assert wait_s is None or wait_s >= 0.0
