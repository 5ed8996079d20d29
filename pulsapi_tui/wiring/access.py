"""Which account is meant: by a profile, by the environment, or by neither.

In this order: the profile that is named (`--profile`, `PULSAPI_PROFILE`); without a name, what
`PULSAPI_API_KEY` opens; without that, the current profile. The key of a named profile is
`PULSAPI_API_KEY` where that is set, else what the profile's own source holds, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pulsapi_tui.api.origin import check_base_url
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import CredentialError, OtherServerError, PulsapiError
from pulsapi_tui.domain.ports import Credentials
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    CredentialSource,
    Kept,
    Network,
    Profile,
    ProfileList,
)
from pulsapi_tui.domain.secret import Secret

KEY_VARIABLE = "PULSAPI_API_KEY"
URL_VARIABLE = "PULSAPI_BASE_URL"
PROFILE_VARIABLE = "PULSAPI_PROFILE"


class Asked(NamedTuple):
    """What the command line and the environment ask for."""

    key: Secret | None = None
    """`PULSAPI_API_KEY`."""
    profile: str = ""
    base_url: str = ""
    base_url_from: str = URL_VARIABLE
    """For a sentence: the variable, or the option."""
    network: Network = Network()
    read_only: bool = False

    @classmethod
    def of(
        cls,
        key: str,
        environment: Mapping[str, str],
        *,
        profile: str | None = None,
        base_url: str | None = None,
        network: Network | None = None,
        read_only: bool = False,
    ) -> Asked:
        """What is asked for; an option goes before its variable."""
        return cls(
            Secret(key) if key else None,
            profile or environment.get(PROFILE_VARIABLE, ""),
            base_url or environment.get(URL_VARIABLE, ""),
            "--base-url" if base_url else URL_VARIABLE,
            network or Network(),
            read_only,
        )


class Access(NamedTuple):
    """An account that can be opened."""

    profile: Profile
    key: Secret | None
    """None: the profile's source has it."""
    credential_from: str
    """For a sentence."""
    is_saved: bool
    """Whether the profile is one of the user's; else it was made up for this session."""

    async def credential(self, credentials: Credentials) -> Secret:
        """The key. Raises `CredentialError`."""
        return self.key if self.key is not None else await credentials.read(self.profile)


def access_to(profile: Profile) -> Access:
    """A saved profile, by the key of its own source."""
    return Access(profile, None, profile.source.words, is_saved=True)


def access(asked: Asked, listed: ProfileList) -> Access | None:
    """The account that is meant; None where there is neither a profile nor a key.

    Raises:
        NoSuchProfileError: there is no profile of that name.
        AddressError: the address can't be used.
        OtherServerError: it is another one than the profile's.
        CredentialError: the key can't be used.
    """
    key = None if asked.key is None else key_of_variable(asked.key)
    named = listed.named(asked.profile) if asked.profile else None
    if named is None and key is not None:
        base_url = check_base_url(asked.base_url or DEFAULT_BASE_URL)
        made_up = Profile(
            name=base_url.split("://", 1)[1],
            base_url=base_url,
            source=CredentialSource(Kept.ENVIRONMENT),
        )
        return Access(_with_options(made_up, asked), key, KEY_VARIABLE, is_saved=False)
    profile = named or listed.get(listed.current)
    if profile is None:
        return None
    if asked.base_url and check_base_url(asked.base_url) != check_base_url(profile.base_url):
        raise OtherServerError(
            f"{asked.base_url_from} names another server than the profile “{profile.name}”, which "
            f"is at {profile.base_url}. A key goes to its own server only: leave out one of them."
        )
    opened = access_to(_with_options(profile, asked))
    return opened if key is None else opened._replace(key=key, credential_from=KEY_VARIABLE)


def key_of_variable(key: Secret) -> Secret:
    """The key of `PULSAPI_API_KEY`. Raises `CredentialError` where it can't be sent."""
    try:
        return check_credential(key)
    except CredentialError as error:
        problem = f"{error.user_message} It comes from {KEY_VARIABLE}."
    raise CredentialError(problem)


class Instead(NamedTuple):
    """A profile that would be used."""

    profile: Profile
    variables: tuple[str, ...]
    """Those that would have to be unset for that."""


def without_variable(asked: Asked, listed: ProfileList) -> Instead | None:
    """Which profile signs in with its own key where `PULSAPI_API_KEY` is unset, if one does."""
    without = asked._replace(key=None)
    ways: list[tuple[Asked, tuple[str, ...]]] = [(without, (KEY_VARIABLE,))]
    if asked.base_url and asked.base_url_from == URL_VARIABLE:
        ways.append((without._replace(base_url=""), (KEY_VARIABLE, URL_VARIABLE)))
    for way, variables in ways:
        try:
            found = access(way, listed)
        except PulsapiError:
            continue
        if found is not None and found.profile.source.kept is not Kept.ENVIRONMENT:
            return Instead(found.profile, variables)
    return None


def _with_options(profile: Profile, asked: Asked) -> Profile:
    network = Network(
        asked.network.ca_file or profile.network.ca_file,
        asked.network.proxy or profile.network.proxy,
    )
    return msgspec.structs.replace(
        profile, network=network, read_only=profile.read_only or asked.read_only
    )


def no_account() -> CredentialError:
    """What to say where there is neither a profile nor a key, and nobody to ask."""
    return CredentialError(
        "no account: there is no profile, and PULSAPI_API_KEY is not set. Make a profile "
        "(pulsapi-tui profiles add), set PULSAPI_API_KEY, or try: pulsapi-tui demo"
    )
