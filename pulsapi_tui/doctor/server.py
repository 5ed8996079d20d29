"""The server: its address, whether it is there, whom it takes us for, and its clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from pulsapi_tui.api.origin import check_base_url, is_loopback
from pulsapi_tui.api.probe import Probed, probe
from pulsapi_tui.doctor.checks import Check, Place, fail, ok, skip, warn
from pulsapi_tui.domain.errors import (
    CredentialError,
    PulsapiError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Clock
from pulsapi_tui.domain.secret import Secret

DEFAULT_BASE_URL = "https://api.pulsapi.com"
DEADLINE_S = 5.0
MAX_SKEW = timedelta(seconds=60)

SET_KEY = "read -rs PULSAPI_API_KEY && export PULSAPI_API_KEY"
"""Typed like this, a key stands in no history of a shell."""
SET_CLOCK = {"linux": "timedatectl set-ntp true", "darwin": "sudo sntp -sS time.apple.com"}
"""By the platform."""
SET_ADDRESS = f"export PULSAPI_BASE_URL={DEFAULT_BASE_URL}"


async def server_checks(
    place: Place, base_url: str | None, key: Secret | None, clock: Clock
) -> tuple[Check, ...]:
    """One request. `base_url` is what the command line says; the environment comes after it."""
    given = base_url or place.environment.get("PULSAPI_BASE_URL")
    source = "--base-url" if base_url else "PULSAPI_BASE_URL" if given else "the default"
    try:
        address = check_base_url(given or DEFAULT_BASE_URL)
    except CredentialError as error:
        why = "There is no usable address."
        return (
            fail("address", f"{error.user_message} ({source})", SET_ADDRESS),
            *(skip(name, why) for name in ("reachable", "API key", "clock")),
        )
    return (
        ok("address", f"{address} ({source})."),
        *await _ask(address, key, clock, place.platform),
    )


async def _ask(address: str, key: Secret | None, clock: Clock, platform: str) -> tuple[Check, ...]:
    unfit: Check | None = None
    try:
        probed = await probe(address, key, clock.now(), deadline_s=DEADLINE_S)
    except CredentialError as error:
        # The key's, as the address is good: the server can be asked without it.
        unfit = fail("API key", error.user_message, SET_KEY)
        try:
            probed = await probe(address, None, clock.now(), deadline_s=DEADLINE_S)
        except PulsapiError as without_key:
            return (_unreachable(address, without_key), unfit, _no_clock())
    except PulsapiError as error:
        return (_unreachable(address, error), _unknown_key(key), _no_clock())
    used_key = key if unfit is None else None
    return (
        _reachable(probed, used_key),
        unfit or _key(probed, used_key),
        _clock(probed, clock.now(), SET_CLOCK.get(platform, SET_CLOCK["linux"])),
    )


def _unreachable(address: str, error: PulsapiError) -> Check:
    host = address.split("://", 1)[1].rsplit(":", 1)[0].strip("[]")
    mend = "pulsapi-tui serve" if is_loopback(host) else f"curl -v {address}/v1/account"
    return fail("reachable", error.user_message, mend)


def _unknown_key(key: Secret | None) -> Check:
    return _no_key() if key is None else skip("API key", "Nobody answered who could know it.")


def _no_key() -> Check:
    return skip("API key", "PULSAPI_API_KEY is not set.", SET_KEY)


def _no_clock() -> Check:
    return skip("clock", "The server did not tell its time.")


def _reachable(probed: Probed, key: Secret | None) -> Check:
    status = probed.status
    if key is None and status == 401:
        return ok("reachable", "It answers: status 401, as it should without a key.")
    if key is None and status < 500:
        found = f"It answers with status {status}; PulsAPI's is 401 without a key."
        return warn("reachable", found, SET_ADDRESS)
    return ok("reachable", f"It answers: status {status}.")


def _key(probed: Probed, key: Secret | None) -> Check:
    outcome = probed.outcome
    if key is None:
        return _no_key()
    if isinstance(outcome, Account):
        return _account(outcome)
    if isinstance(outcome, UnauthorizedError):
        return fail("API key", "PulsAPI does not accept this key.", SET_KEY)
    if isinstance(outcome, RateLimitedError | UnavailableError):
        return fail("API key", outcome.user_message, "wait a little, and run this again")
    return fail("API key", outcome.user_message, SET_ADDRESS)


def _account(account: Account) -> Check:
    found = f"Accepted: {account.email}, plan {account.plan}, role {account.role}."
    if account.plan == "free":
        mend = "upgrade the plan: https://www.pulsapi.com/docs/billing/upgrading"
        return warn("API key", f"{found} API keys are a Pro feature.", mend)
    if account.role not in {"owner", "admin"}:
        return warn(
            "API key",
            f"{found} Only an owner or an admin manages keys.",
            "ask an owner of the account for the role of an admin",
        )
    return ok("API key", found)


def _clock(probed: Probed, now: datetime, mend: str) -> Check:
    if probed.sent_at is None:
        return _no_clock()
    skew = now - probed.sent_at
    if abs(skew) > MAX_SKEW:
        way = "ahead of" if skew > timedelta() else "behind"
        size = timedelta(seconds=round(abs(skew).total_seconds()))
        found = f"This computer's clock is {size} (h:mm:ss) {way} the server's."
        return warn("clock", found, mend)
    return ok("clock", f"Within {MAX_SKEW.seconds} s of the server's.")
