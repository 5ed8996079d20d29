"""From a status and a problem to the error tree. The code is read first, the status second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pulsapi_tui.api._http import Answer
from pulsapi_tui.api._wire import Problem, decode_problem
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.secret import Secret

UPGRADE_URL = "https://www.pulsapi.com/docs/billing/upgrading"

_CODE = re.compile("[a-z_]{1,40}")
"""What a code looks like (contract.md); anything else is not shown."""

FAR_S = 1e9
"""Thirty years: what is further off is no nearer than that."""

_CODE_BY_STATUS = {
    401: "unauthorized",
    402: "plan_required",
    403: "forbidden_role",
    404: "not_found",
    429: "rate_limited",
}


_ONE_RETRY_AFTER = re.compile("[A-Za-z]+, *[0-9][^,:]*:[^,]*|[^,]+")
"""Several fields come as one, with commas between them; a date has a comma of its own."""


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After in both of its forms; None where there is none that makes sense.

    Where it came several times, as from a proxy and from what is behind it, the longest counts.
    """
    found = _ONE_RETRY_AFTER.findall(headers.get("retry-after", ""))
    waits = [wait_s for text in found if (wait_s := _one_wait_s(text.strip(), now)) is not None]
    return max(waits, default=None)


def _one_wait_s(text: str, now: datetime) -> float | None:
    if text.isascii() and text.isdigit():
        return min(float(text), FAR_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - now).total_seconds()), FAR_S)


def sent_at(headers: Mapping[str, str]) -> datetime | None:
    """The server's own clock when it answered, to the second; None where it does not tell."""
    try:
        when = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def problem_error(
    answer: Answer, now: datetime, credential: Secret | None = None
) -> errors.PulsapiError:
    """The error that an answer stands for.

    A server may echo the credential that it was sent: words that hold it are left out.
    """
    problem = _without(credential, decode_problem(answer.body))
    status = answer.status
    code = problem.code or _CODE_BY_STATUS.get(status, "")
    # A date is meant by the clock of who wrote it.
    wait_s = retry_after_s(answer.headers, sent_at(answer.headers) or now)
    if status >= 500:
        return errors.UnavailableError(
            f"PulsAPI has a problem of its own (status {status}).",
            status=status,
            code=code,
            retry_after_s=wait_s,
        )
    error = _client_error(status, code, problem, wait_s)
    error.retry_after_s = wait_s
    return error


def _without(credential: Secret | None, problem: Problem) -> Problem:
    if not _CODE.fullmatch(problem.code):
        problem.code = ""
    if credential is not None and not credential.is_safe_beside(problem.detail):
        problem.detail = ""
    if credential is not None and not credential.is_safe_beside(problem.upgrade_url):
        problem.upgrade_url = ""
    return problem


def _client_error(
    status: int, code: str, problem: Problem, wait_s: float | None
) -> errors.ProblemError:
    match code:
        case "unauthorized":
            return errors.UnauthorizedError(
                "PulsAPI does not accept this key: it was revoked, or never was one.",
                status=status,
                code=code,
            )
        case "plan_required":
            return errors.PlanRequiredError(
                "API keys are a Pro plan feature.",
                status=status,
                code=code,
                upgrade_url=problem.upgrade_url or UPGRADE_URL,
            )
        case "forbidden_role":
            return errors.ForbiddenRoleError(
                "Only an owner or an admin of the team can manage API keys.",
                status=status,
                code=code,
            )
        case "not_found":
            return errors.NotFoundError(
                "PulsAPI knows no such key on this account.", status=status, code=code
            )
        case "invalid_name":
            return errors.InvalidNameError(
                "PulsAPI refused the name: " + (problem.detail or "it gave no reason."),
                status=status,
                code=code,
            )
        case "idempotency_stale":
            return errors.StaleAttemptError(
                "This create can't be repeated any more.", status=status, code=code
            )
        case "rate_limited":
            hint = f" It asks to wait {wait_s:.0f} s." if wait_s is not None else ""
            return errors.RateLimitedError(
                "PulsAPI says that there were too many requests." + hint,
                status=status,
                code=code,
                retry_after_s=wait_s,
            )
    if status == 429:
        # It asks to come later, whatever it calls that.
        return _client_error(status, "rate_limited", problem, wait_s)
    return errors.ProblemError(
        f"PulsAPI refused the request (status {status}{', ' + code if code else ''}).",
        status=status,
        code=code,
    )
