"""Everything that can go wrong between us and PulsAPI, as one tree.

    PulsapiError
    +-- NetworkError              no usable answer came
    |   +-- ConnectError          not sent: the server can't have acted
    |   |   +-- NotTrustedError   not sent: its certificate does not show that it is PulsAPI
    |   +-- AnswerLostError       sent, then cut or timed out: the server may have acted
    +-- BadAnswerError            an answer came that breaks the contract
    +-- RedirectError             an answer that sends elsewhere; never followed
    +-- ProblemError              the server said no
    |   +-- UnauthorizedError     401: the key of this session is not valid, or no longer
    |   +-- PlanRequiredError     402: the plan does not include keys
    |   +-- ForbiddenRoleError    403: the role may not manage keys
    |   +-- NotFoundError         404: no such key on this account
    |   +-- InvalidNameError      422: the name was refused
    |   +-- StaleAttemptError     409: this create can't be repeated any more
    |   +-- RateLimitedError      429
    |   +-- UnavailableError      5xx
    +-- CredentialError           our own key can't be had, or can't be sent at all
    |   +-- AddressError          the base URL, or how it is reached, can't be used
    |       +-- OtherServerError  another server is asked for than the profile's
    +-- OtherAccountError         the key is of another account than its profile
    +-- ReadOnlyError             the profile, or the user, lets nothing be changed
    +-- JournalError              the intent could not be written: nothing was sent
    |   +-- RotationUnderWayError a rotation of that key is written down already
    +-- DeliveryError             a key did not get to where it was to go
    +-- ActionLogError            the log of actions can't be read
    +-- SettingsError             config.toml can't be used as it is
    +-- ProfilesError             profiles.toml can't be read, or not be changed like that
    |   +-- NoSuchProfileError    there is none of that name

`user_message` is a sentence for the person at the screen and holds no secret, no URL's query and
no raw text of a server; what else it names, a path or a setting, is cleaned here. `may_have_acted`
says whether the server may have carried the request out.
"""

from __future__ import annotations

from typing import ClassVar

from pulsapi_tui.domain.text import clean


class PulsapiError(Exception):
    """The root of the tree."""

    may_have_acted: ClassVar[bool] = False
    retry_after_s: float | None = None
    """How long the server asks to wait, whatever it says no to."""

    def __init__(self, user_message: str) -> None:
        self.user_message = "\n".join(map(clean, user_message.split("\n")))
        super().__init__(self.user_message)


class NetworkError(PulsapiError):
    """No usable answer came."""


class ConnectError(NetworkError):
    """No connection, so the request was not sent."""


class NotTrustedError(ConnectError):
    """The certificate was not accepted, so the request was not sent; trying again can't help."""


class AnswerLostError(NetworkError):
    """The request was sent, or may have been, and no whole answer came back."""

    may_have_acted = True


class BadAnswerError(PulsapiError):
    """An answer that is not what the contract says."""

    may_have_acted = True


class RedirectError(PulsapiError):
    """The server wants us elsewhere; a credential does not go there."""

    may_have_acted = True


class ProblemError(PulsapiError):
    """The server understood and said no."""

    def __init__(
        self, user_message: str, *, status: int, code: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(user_message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class UnauthorizedError(ProblemError):
    """The key of this session is unknown or was revoked; the server doesn't say which."""


class PlanRequiredError(ProblemError):
    """API keys are a Pro feature."""

    def __init__(self, user_message: str, *, status: int, code: str, upgrade_url: str) -> None:
        super().__init__(user_message, status=status, code=code)
        self.upgrade_url = upgrade_url


class ForbiddenRoleError(ProblemError):
    """Only an owner or an admin manages keys."""


class NotFoundError(ProblemError):
    """No such key on this account."""


class InvalidNameError(ProblemError):
    """The server refused the name."""


class StaleAttemptError(ProblemError):
    """The create can't be repeated: too late, already used, or a later attempt was first."""


class RateLimitedError(ProblemError):
    """Too many requests."""


class UnavailableError(ProblemError):
    """The server, or something in front of it, failed."""

    may_have_acted = True


class CredentialError(PulsapiError):
    """Our own key, or the address that it would go to, can't be had or can't be used."""


class AddressError(CredentialError):
    """The address that our key would go to, or the way to it, can't be used."""


class OtherServerError(AddressError):
    """Another server was named than the one that the profile is at; nothing was sent to either."""


class OtherAccountError(PulsapiError):
    """The key belongs to another account than the one that the profile was connected to."""


class ReadOnlyError(PulsapiError):
    """Nothing was sent: nothing may be changed here."""


class JournalError(PulsapiError):
    """The journal could not be written, so nothing was sent."""


class RotationUnderWayError(JournalError):
    """The key is being rotated already, by another window or since before."""


class DeliveryError(PulsapiError):
    """A key did not get to its target, as far as is known; whoever has it still has it.

    `output` is what a command said, cleaned and without the secret; it may be empty.
    """

    def __init__(self, user_message: str, *, output: str = "") -> None:
        super().__init__(user_message)
        self.output = output


class ActionLogError(PulsapiError):
    """The log of actions is there and can't be read."""


class SettingsError(PulsapiError):
    """The user's own settings are not valid; the message names the place and the way out."""


class ProfilesError(PulsapiError):
    """The profiles can't be read, or not be changed like that; what was there is still there."""


class NoSuchProfileError(ProfilesError):
    """There is no profile of that name; the message names the nearest one."""
