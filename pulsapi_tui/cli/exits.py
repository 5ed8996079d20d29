"""The exit codes, each with one meaning in every command."""

from __future__ import annotations

from pulsapi_tui.cli.codes import (
    DONE,
    FAILED,
    FOUND,
    INTERRUPTED,
    MEANINGS,
    NO_CREDENTIAL,
    NOT_ALLOWED,
    NOT_CONFIRMED,
    NOT_FOUND,
    NOT_KNOWN,
    NOT_YET,
    UNREACHABLE,
    USAGE,
)
from pulsapi_tui.domain.errors import (
    AddressError,
    BadAnswerError,
    CredentialError,
    ForbiddenRoleError,
    InvalidNameError,
    NetworkError,
    NoSuchProfileError,
    NotFoundError,
    OtherAccountError,
    PlanRequiredError,
    PulsapiError,
    RateLimitedError,
    ReadOnlyError,
    RedirectError,
    SettingsError,
    UnauthorizedError,
    UnavailableError,
)

__all__ = [
    "DONE",
    "FAILED",
    "FOUND",
    "INTERRUPTED",
    "MEANINGS",
    "NOT_ALLOWED",
    "NOT_CONFIRMED",
    "NOT_FOUND",
    "NOT_KNOWN",
    "NOT_YET",
    "NO_CREDENTIAL",
    "UNREACHABLE",
    "USAGE",
    "StoppedError",
    "by_signal",
    "of",
]


class StoppedError(PulsapiError):
    """A command goes no further, and ends with this code."""

    def __init__(self, user_message: str, code: int) -> None:
        super().__init__(user_message)
        self.code = code


def by_signal(number: int) -> int:
    """The code of a command that a signal ended, as a shell has it."""
    return 128 + number


def of(error: PulsapiError) -> int:
    """The code of an error that stopped a command before anything was changed."""
    match error:
        case StoppedError(code=code):
            return code
        case AddressError() | SettingsError() | InvalidNameError():
            return USAGE
        case CredentialError() | UnauthorizedError():
            return NO_CREDENTIAL
        case NotFoundError() | NoSuchProfileError():
            return NOT_FOUND
        case PlanRequiredError() | ForbiddenRoleError() | ReadOnlyError() | OtherAccountError():
            return NOT_ALLOWED
        case NetworkError() | BadAnswerError() | RedirectError() | RateLimitedError():
            return UNREACHABLE
        case UnavailableError():
            return UNREACHABLE
    return FAILED
