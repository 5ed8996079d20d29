"""The server: whether it is there, whom it takes us for, and its clock."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from pulsapi_tui.api.origin import is_loopback
from pulsapi_tui.api.probe import Probed, probe
from pulsapi_tui.doctor.account import SET_ADDRESS, Meant
from pulsapi_tui.doctor.checks import Check, Place, fail, ok, skip, warn
from pulsapi_tui.domain.errors import (
    PulsapiError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Clock
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret

DEADLINE_S = 5.0
MAX_SKEW = timedelta(seconds=60)

SET_CLOCK = {"linux": "timedatectl set-ntp true", "darwin": "sudo sntp -sS time.apple.com"}
"""By the platform."""


async def server_checks(place: Place, meant: Meant, clock: Clock) -> tuple[Check, ...]:
    """One request, with the key where there is one."""
    profile = meant.profile
    if profile is None:
        return (*meant.checks, *meant.not_asked())
    try:
        probed = await probe(
            profile.base_url,
            meant.key,
            clock.now(),
            deadline_s=DEADLINE_S,
            network=profile.network,
        )
    except PulsapiError as error:
        unknown = skip("API key", "Nobody answered who could know it.")
        return (
            *meant.checks,
            _unreachable(profile, error),
            meant.key_check or unknown,
            _no_clock(),
        )
    return (
        *meant.checks,
        _reachable(probed, meant.key),
        meant.key_check or _key(probed, profile, meant),
        _clock(probed, clock.now(), SET_CLOCK.get(place.platform, SET_CLOCK["linux"])),
    )


def _unreachable(profile: Profile, error: PulsapiError) -> Check:
    host = profile.base_url.split("://", 1)[1].rsplit(":", 1)[0].strip("[]")
    if is_loopback(host) and profile.base_url.startswith("http:"):
        return fail("reachable", error.user_message, "pulsapi-tui serve")
    ways = (("--proxy", profile.network.proxy), ("--cacert", profile.network.ca_file))
    options = "".join(f"{name} {shlex.quote(way)} " for name, way in ways if way)
    mend = f"curl -v {options}{profile.base_url}/v1/account"
    return fail("reachable", error.user_message, mend)


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


def _key(probed: Probed, profile: Profile, meant: Meant) -> Check:
    outcome = probed.outcome
    if isinstance(outcome, Account):
        return _account(outcome, profile, meant)
    if isinstance(outcome, UnauthorizedError):
        return fail("API key", f"PulsAPI does not accept this key. {meant.key_from}", meant.set_key)
    if isinstance(outcome, RateLimitedError | UnavailableError):
        return fail("API key", outcome.user_message, "wait a little, and run this again")
    return fail("API key", outcome.user_message, SET_ADDRESS)


def _account(account: Account, profile: Profile, meant: Meant) -> Check:
    if profile.account_id and account.id != profile.account_id:
        return fail(
            "API key",
            f"This key is of another account ({account.email}) than the profile "
            f"“{profile.name}” was connected to: nothing is done with it. {meant.key_from}",
            meant.set_key,
        )
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
