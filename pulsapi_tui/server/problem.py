"""Problems: every answer that is not a success, as RFC 9457 `application/problem+json`."""

from http import HTTPStatus

import msgspec
from starlette.responses import Response

UPGRADE_URL = "https://www.pulsapi.com/docs/billing/upgrading"


class ProblemError(Exception):
    """A request that is refused; raised anywhere, answered in one place.

    `code` is what the client reads (openapi.yaml lists them). `extra` holds further members of the
    problem, such as `field`. No value that the client sent is ever put into the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **extra: str,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> bytes:
        """The problem as JSON; the same refusal is always the same bytes."""
        return msgspec.json.encode(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
                **self.extra,
            }
        )

    def response(self) -> Response:
        """The problem as an answer."""
        return Response(self.body(), self.status, self.headers, "application/problem+json")


def invalid_request(detail: str) -> ProblemError:
    """400: a parameter, a header or the body is not of the documented form."""
    return ProblemError(400, "invalid_request", detail)


def invalid_name(detail: str) -> ProblemError:
    """422: the name breaks the rules for names."""
    return ProblemError(422, "invalid_name", detail, field="name")


def unauthorized() -> ProblemError:
    """401: the same for an absent, an unknown and a revoked key, so that it tells nothing."""
    return ProblemError(
        401, "unauthorized", "A valid API key is needed.", headers={"WWW-Authenticate": "Bearer"}
    )


def plan_required() -> ProblemError:
    """402: the account's plan does not include this."""
    return ProblemError(402, "plan_required", "This needs the Pro plan.", upgrade_url=UPGRADE_URL)


def forbidden_role() -> ProblemError:
    """403: only owners and admins manage keys."""
    return ProblemError(403, "forbidden_role", "Only owners and admins can manage API keys.")


def not_found() -> ProblemError:
    """404: the same for an unknown route, an unknown id and another account's id."""
    return ProblemError(404, "not_found", "There is nothing here.")


def idempotency_stale() -> ProblemError:
    """409: this create was answered already and can't be repeated (any more)."""
    return ProblemError(
        409,
        "idempotency_stale",
        "This create was made already, and this attempt can't replace its secret.",
    )


def idempotency_mismatch() -> ProblemError:
    """422: the Idempotency-Key belongs to a create of another name."""
    return ProblemError(
        422, "idempotency_mismatch", "This Idempotency-Key was used with another name."
    )


def unavailable() -> ProblemError:
    """503: the database can't answer just now."""
    return ProblemError(
        503, "unavailable", "The service can't answer just now.", headers={"Retry-After": "1"}
    )


def internal_error() -> ProblemError:
    """500: a fault of the server; it says nothing more."""
    return ProblemError(500, "internal_error", "The server made a mistake.")
