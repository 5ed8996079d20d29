"""What the options of `profiles` say of a profile."""

from __future__ import annotations

import argparse
import os

import msgspec

from pulsapi_tui.api.origin import check_base_url, check_proxy
from pulsapi_tui.api.tls import check_ca_file
from pulsapi_tui.cli import exits
from pulsapi_tui.domain.errors import ProfilesError
from pulsapi_tui.domain.profiles import DEFAULT_BASE_URL, Colour, Network, Profile
from pulsapi_tui.flows.connect import check_profile_name
from pulsapi_tui.wiring.access import URL_VARIABLE
from pulsapi_tui.wiring.accounts import profiles_here


def named_profile(name: str) -> Profile:
    """The profile of that name, as it is saved. Raises `ProfilesError`."""
    return profiles_here().read().named(name)


def new_profile(arguments: argparse.Namespace) -> Profile:
    """A profile by the options of `profiles add`, without a key so far. Raises `PulsapiError`."""
    name = arguments.profile_name
    try:
        check_profile_name(name)
    except ProfilesError as error:
        raise exits.StoppedError(error.user_message, exits.USAGE) from None
    if profiles_here().read().get(name) is not None:
        raise exits.StoppedError(
            f"There is a profile “{name}” already. Choose another name, or give that one another "
            f"key: pulsapi-tui profiles set-key {name}",
            exits.USAGE,
        )
    address = arguments.base_url or os.environ.get(URL_VARIABLE) or DEFAULT_BASE_URL
    return with_network(
        Profile(
            name=name,
            base_url=check_base_url(address),
            production=arguments.production,
            colour=_colour(arguments.colour),
            read_only=arguments.read_only,
        ),
        arguments,
    )


def changed_profile(profile: Profile, arguments: argparse.Namespace) -> Profile:
    """The profile with what the options of `profiles set` change. Raises `AddressError`."""
    production, read_only = arguments.set_production, arguments.set_read_only
    return with_network(
        msgspec.structs.replace(
            profile,
            production=profile.production if production is None else production,
            read_only=profile.read_only if read_only is None else read_only,
            colour=profile.colour if arguments.colour is None else _colour(arguments.colour),
        ),
        arguments,
    )


def with_network(profile: Profile, arguments: argparse.Namespace) -> Profile:
    """The profile with what the options say of the way to its server; '' takes it away."""
    ca_file, proxy = profile.network.ca_file, profile.network.proxy
    if arguments.ca_file is not None:
        # A profile is used from everywhere.
        ca_file = arguments.ca_file and os.path.abspath(os.path.expanduser(arguments.ca_file))
        if ca_file:
            check_ca_file(ca_file)
    if arguments.proxy is not None:
        proxy = check_proxy(arguments.proxy, profile.base_url)
    return msgspec.structs.replace(profile, network=Network(ca_file, proxy))


def _colour(word: str) -> Colour:
    return Colour.NONE if word == "none" else Colour(word)
