"""Connect a new profile: try its key, keep it, and only then save the profile."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from pulsapi_tui.domain.errors import CredentialError, ProfilesError
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Accounts
from pulsapi_tui.domain.profiles import NAME, NAME_RULE, Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean


def check_profile_name(name: str) -> str:
    """Return the name of a new profile. Raises `ProfilesError`."""
    if NAME.fullmatch(name) is None:
        raise ProfilesError(f"“{clean(name)}” can't be a profile's name: {NAME_RULE}.")
    return name


async def connect(
    profile: Profile, credential: Secret, accounts: Accounts, *, replace: bool = False
) -> tuple[Profile, Account]:
    """Try the key, keep it in its source, save the profile; the first one is the current one.

    Another one is not: what scripts and the next start open is changed only when that is asked for.
    `replace` gives a profile that is there already another key, of the same account. Where it
    fails, nothing is saved.

    Raises:
        PulsapiError: the server does not accept the key, or can't be asked.
        CredentialError: the key can't be kept there, or does not come from there.
        ProfilesError: the name can't be used, or the profile can't be saved.
    """
    check_profile_name(profile.name)
    listed = accounts.profiles.read()
    before = listed.get(profile.name)
    if before is not None and not replace:
        raise ProfilesError(
            f"There is a profile “{profile.name}” already. Choose another name, or remove it first."
        )
    account = await accounts.ask(profile, credential)
    profile = msgspec.structs.replace(profile, account_id=account.id)
    await accounts.credentials.keep(profile, credential)
    try:
        accounts.profiles.put(profile, make_current=not listed.current)
    except ProfilesError:
        if before is None:
            # Without a profile, nobody would find it there.
            with suppress(CredentialError):
                await accounts.credentials.forget(profile)
        raise
    return profile, account
