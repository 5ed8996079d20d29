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

_CODE_BY_STATUS = {
    401: "unauthorized",
    402: "plan_required",
    403: "forbidden_role",
    404: "not_found",
    429: "rate_limited",
}


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read Retry-After in both of its forms; None where there is none that makes sense."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def problem_error(
    answer: Answer, now: datetime, credential: Secret | None = None
) -> errors.PulsapiError:
    """The error that an answer stands for.

    A server may echo the credential that it was sent: words that hold it are left out.
    """
    problem = _without(credential, decode_problem(answer.body))
    status = answer.status
    code = problem.code or _CODE_BY_STATUS.get(status, "")
    if status >= 500:
        return errors.UnavailableError(
            f"PulsAPI has a problem of its own (status {status}).",
            status=status,
            code=code,
            retry_after_s=retry_after_s(answer.headers, now),
        )
    return _client_error(status, code, problem, retry_after_s(answer.headers, now))


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
) -> errors.PulsapiError:
    match code:
        case "unauthorized":
            return errors.UnauthorizedError(
                "PulsAPI does not accept this session's key: it was revoked, or never was one.",
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
    return errors.ProblemError(
        f"PulsAPI refused the request (status {status}{', ' + code if code else ''}).",
        status=status,
        code=code,
    )
