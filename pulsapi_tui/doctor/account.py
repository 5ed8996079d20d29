"""Which account the program would use: its profile, its address, the way there, and its key."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from pulsapi_tui.api.origin import check_base_url, check_proxy
from pulsapi_tui.api.tls import STORE_VARIABLES, check_ca_file
from pulsapi_tui.config.paths import profiles_path
from pulsapi_tui.doctor.checks import Check, Place, Status, fail, ok, skip
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import (
    AddressError,
    CredentialError,
    OtherServerError,
    ProfilesError,
    PulsapiError,
)
from pulsapi_tui.domain.ports import Credentials, Profiles
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    Kept,
    Profile,
    ProfileList,
)
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.access import Access, Asked, access, without_variable

SET_KEY = "read -rs PULSAPI_API_KEY && export PULSAPI_API_KEY"
"""Typed like this, a key stands in no history of a shell."""
SET_ADDRESS = f"export PULSAPI_BASE_URL={DEFAULT_BASE_URL}"
NO_KEY = skip("API key", "PULSAPI_API_KEY is not set.", SET_KEY)

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_STAND_IN = Secret("stand-in")
"""In the place of a key that can't be sent, so that the same account is meant. Never sent."""


class Meant(NamedTuple):
    """What was found out before anything is sent."""

    checks: tuple[Check, ...]
    profile: Profile | None = None
    """Whom to ask, and how; None where nobody can be asked, and then a check says why."""
    key: Secret | None = None
    key_check: Check | None = NO_KEY
    """Why there is no key; None where there is one."""
    set_key: str = SET_KEY
    """The line that gives it another key."""
    key_from: str = ""
    """Where the key comes from, and what goes in its place by `set_key`; for a sentence."""

    def not_asked(self) -> tuple[Check, ...]:
        """The checks that need the server, where it can't be asked."""
        done = {check.name for check in self.checks}
        why = "Nobody was asked."
        names = ("base URL", "reachable", "API key", "clock")
        return tuple(skip(name, why) for name in names if name not in done)


async def account_meant(
    place: Place, asked: Asked, profiles: Profiles, credentials: Credentials
) -> Meant:
    """The account that the program itself would use. A source that fails is not replaced."""
    unfit = _unfit(asked.key)
    if unfit is not None:
        asked = asked._replace(key=_STAND_IN)
    try:
        listed = profiles.read()
    except ProfilesError as error:
        return Meant((fail("profile", error.user_message, _edit_profiles()),))
    found = None
    try:
        found = access(asked, listed)
        base_url = check_base_url(found.profile.base_url if found else _address(asked))
    except OtherServerError as error:
        return Meant((fail("profile", error.user_message, _other_profile(asked, listed)),))
    except AddressError as error:
        by = _address_from(asked, found)
        return Meant((fail("base URL", f"{error.user_message} ({by})", _mend_address(found)),))
    except PulsapiError as error:
        return Meant((fail("profile", error.user_message, _other_profile(asked, listed)),))
    profile = found.profile if found else Profile(name="", base_url=base_url, network=asked.network)
    checks = (
        _profile(found, asked),
        ok("base URL", f"{base_url} ({_address_from(asked, found)})."),
        *_way(place, profile, base_url, asked),
    )
    if any(check.status is Status.FAIL for check in checks):
        return Meant(checks)
    if found is None or unfit is not None:
        return Meant(checks, profile, None, unfit or NO_KEY)
    set_key = SET_KEY if found.key is not None else _set_key(profile)
    key_from = f"It comes from {found.credential_from}."
    instead = without_variable(asked, listed) if found.key is not None else None
    if instead is not None:
        set_key = shlex.join(["unset", *instead.variables])
        key_from += f" Without that, the profile “{instead.profile.name}” has a key of its own:"
    try:
        key = await found.credential(credentials)
        return Meant(checks, profile, key, None, set_key, key_from)
    except CredentialError as error:
        unread = fail("API key", error.user_message, _mend_source(profile, set_key))
        return Meant(checks, profile, None, unread)


def _unfit(key: Secret | None) -> Check | None:
    try:
        if key is not None:
            check_credential(key)
    except CredentialError as error:
        return fail("API key", error.user_message, SET_KEY)
    return None


def _address(asked: Asked) -> str:
    return asked.base_url or DEFAULT_BASE_URL


def _address_from(asked: Asked, found: Access | None) -> str:
    if found is not None and found.is_saved:
        return "the profile's"
    return asked.base_url_from if asked.base_url else "the default"


def _mend_address(found: Access | None) -> str:
    return _edit_profiles() if found is not None and found.is_saved else SET_ADDRESS


def _other_profile(asked: Asked, listed: ProfileList) -> str:
    is_there = listed.get(asked.profile or listed.current) is not None
    if is_there and asked.base_url:
        by_option = asked.base_url_from.startswith("-")
        return f"leave out {asked.base_url_from}" if by_option else f"unset {asked.base_url_from}"
    return "pulsapi-tui profiles list"


def _profile(found: Access | None, asked: Asked) -> Check:
    if found is None:
        return skip("profile", "There is none.", "pulsapi-tui profiles add")
    marks = ", production" * found.profile.production + ", read-only" * found.profile.read_only
    if not found.is_saved:
        return ok("profile", f"None is used: the account is that of PULSAPI_API_KEY{marks}.")
    which = "as asked for" if asked.profile else "the current one"
    return ok(
        "profile",
        f"“{found.profile.name}”, {which}{marks}. The key comes from {found.credential_from}.",
    )


def _way(place: Place, profile: Profile, base_url: str, asked: Asked) -> Iterator[Check]:
    network = profile.network
    is_plain = base_url.startswith("http:")
    if network.proxy:
        mend = _mend_option("--proxy", asked.network.proxy, profile)
        yield _proxy(network.proxy, base_url, mend)
    elif not is_plain and (name := _set_of(place, _PROXY_VARIABLES)):
        yield ok("proxy", f"None. {name} is not used: --proxy or the profile would have to say so.")
    if is_plain:
        return
    if network.ca_file:
        yield _ca_file(network.ca_file, _mend_option("--ca-file", asked.network.ca_file, profile))
    if name := _set_of(place, STORE_VARIABLES):
        yield ok("certificates", f"{name} says whom to trust, in the place of the system's store.")


def _set_of(place: Place, names: tuple[str, ...]) -> str:
    return next((name for name in names if place.environment.get(name)), "")


def _mend_option(option: str, given: str, profile: Profile) -> str:
    """What to do about an option that can't be used: it was given now, or is the profile's."""
    return (
        f"leave out {option}" if given else f"pulsapi-tui profiles set {profile.name} {option} ''"
    )


def _proxy(proxy: str, base_url: str, mend: str) -> Check:
    try:
        return ok("proxy", f"{check_proxy(proxy, base_url)} is used.")
    except AddressError as error:
        return fail("proxy", error.user_message, mend)


def _ca_file(ca_file: str, mend: str) -> Check:
    try:
        check_ca_file(ca_file)
    except AddressError as error:
        return fail("CA file", error.user_message, mend)
    return ok("CA file", f"{ca_file} is trusted besides the system's store.")


def _set_key(profile: Profile) -> str:
    if profile.source.kept is Kept.ENVIRONMENT:
        return SET_KEY
    return f"pulsapi-tui profiles set-key {profile.name}"


def _mend_source(profile: Profile, set_key: str) -> str:
    if profile.source.kept is Kept.COMMAND:
        # What it says of itself is seen, and the key is not.
        return f"{shlex.join(profile.source.argv)} > /dev/null"
    return set_key


def _edit_profiles() -> str:
    return f"${{EDITOR:-vi}} {shlex.quote(str(profiles_path()))}"
