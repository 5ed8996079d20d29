"""`pulsapi-tui profiles add` and `set-key`: a key is tried, kept, and then it is a profile's."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.confirm import can_ask
from pulsapi_tui.cli.output import say
from pulsapi_tui.cli.profile_key import key_asked_for, source_asked_for
from pulsapi_tui.cli.profile_options import named_profile, new_profile
from pulsapi_tui.domain.errors import (
    BadAnswerError,
    NetworkError,
    PulsapiError,
    RedirectError,
    UnauthorizedError,
)
from pulsapi_tui.domain.models import Account
from pulsapi_tui.flows.connect import connect
from pulsapi_tui.wiring.access import KEY_VARIABLE
from pulsapi_tui.wiring.accounts import LocalAccounts, credentials_here
from pulsapi_tui.wiring.clock import SystemClock


def add(arguments: argparse.Namespace, key: str) -> None:
    """Save an account. Raises `PulsapiError`; nothing is saved then."""
    profile = new_profile(arguments)
    with _accounts() as accounts:
        source = source_asked_for(arguments, profile.name, accounts)
        profile = msgspec.structs.replace(profile, source=source)
        credential = key_asked_for(profile, key, accounts)
        with _told(profile.base_url, is_from_variable=bool(key)):
            profile, account = asyncio.run(connect(profile, credential, accounts))
        is_current = accounts.profiles.read().current == profile.name
    say(
        f"“{profile.name}” was saved: {_who(account)} at {profile.base_url}. Its key comes from "
        f"{profile.source.words}."
    )
    if is_current:
        say("It is the current profile: it is used where no other one is asked for.")
    else:
        say(f"To use it: --profile {profile.name}, or pulsapi-tui profiles use {profile.name}")


def set_key(arguments: argparse.Namespace, key: str) -> None:
    """Give a profile another key of its account. Raises `PulsapiError`."""
    before = named_profile(arguments.profile_name)
    with _accounts() as accounts:
        source = before.source
        if arguments.key_from or arguments.argv:
            source = source_asked_for(arguments, before.name, accounts)
        profile = msgspec.structs.replace(before, source=source)
        credential = key_asked_for(profile, key, accounts)
        with _told(profile.base_url, is_from_variable=bool(key)):
            profile, account = asyncio.run(connect(profile, credential, accounts, replace=True))
        if source != before.source:
            asyncio.run(accounts.credentials.forget(before))
    say(
        f"The key of “{profile.name}” was tried: {_who(account)}. It comes from {source.words}. "
        "The one that it had before stays live at PulsAPI until you revoke it there."
    )


def _who(account: Account) -> str:
    return account.email or account.id


@contextmanager
def _told(base_url: str, *, is_from_variable: bool) -> Iterator[None]:
    """Say with an error whose key was refused, or who was not reached."""
    try:
        yield
    except UnauthorizedError as error:
        source = f"what {KEY_VARIABLE} holds, which goes before what is typed or piped: unset it"
        told = f" It is {source}, or set another key there." if is_from_variable else ""
        raise _with(error, told) from error
    except (NetworkError, BadAnswerError, RedirectError) as error:
        raise _with(error, f" The base URL is {base_url}.") from error


def _with(error: PulsapiError, more: str) -> exits.StoppedError:
    return exits.StoppedError(f"{error.user_message}{more} Nothing was saved.", exits.of(error))


@contextmanager
def _accounts() -> Iterator[LocalAccounts]:
    accounts = LocalAccounts(SystemClock(), read_only=False)
    # A command that prints the key may use the terminal for what it has to ask.
    accounts.credentials = credentials_here(may_prompt=can_ask())
    try:
        yield accounts
    finally:
        accounts.stop()
