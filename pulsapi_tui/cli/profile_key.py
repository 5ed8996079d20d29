"""The key of a profile, where it comes from now and where it is kept from then on."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import warnings

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.confirm import can_ask
from pulsapi_tui.cli.output import say
from pulsapi_tui.config.key_store import MOST_BYTES, key_in
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.ports import Accounts
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.access import KEY_VARIABLE, key_of_variable

_NO_KEY = (
    f"No key was given. Set {KEY_VARIABLE}, or write the key to standard input; never give it as "
    "an argument."
)


def source_asked_for(
    arguments: argparse.Namespace, name: str, accounts: Accounts
) -> CredentialSource:
    """Where the key of that profile is to be kept. Raises `StoppedError`."""
    argv = arguments.argv
    kept = Kept(arguments.key_from) if arguments.key_from else None
    if kept is Kept.COMMAND and not argv:
        raise exits.StoppedError(
            "--key-from command needs the command, after --: -- pass show pulsapi", exits.USAGE
        )
    if argv and kept is not Kept.COMMAND:
        raise exits.StoppedError(
            "What comes after -- is for --key-from command alone.", exits.USAGE
        )
    return accounts.credentials.source(kept or _chosen(accounts), name, argv)


def _chosen(accounts: Accounts) -> Kept:
    """The safest place that works here, or the one that the person prefers."""
    if not can_ask():
        raise exits.StoppedError(
            "Say where the key is kept: --key-from keyring, file, environment, or command -- "
            "COMMAND.",
            exits.USAGE,
        )
    stores = asyncio.run(accounts.credentials.stores())
    # A command can't be guessed.
    offered = [each for each in stores if each.kept is not Kept.COMMAND]
    safest = next((each.kept for each in offered if not each.problem), Kept.ENVIRONMENT)
    say("The key can be kept in one of these; or a command can print it: --key-from command.")
    for each in offered:
        say(f"  {each.kept:<12} {each.problem or _MEANINGS[each.kept]}")
    sys.stderr.write(f"Keep it in [{safest}]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip() or safest
    if answer not in [each.kept for each in offered]:
        raise exits.StoppedError(
            f"Nothing was saved: that is none of {', '.join(each.kept for each in offered)}.",
            exits.NOT_CONFIRMED,
        )
    return Kept(answer)


_MEANINGS = {
    Kept.KEYRING: "the system's keyring",
    Kept.FILE: "a file that only you can read",
    Kept.ENVIRONMENT: f"nowhere: {KEY_VARIABLE} has to be set each time",
}


def key_asked_for(profile: Profile, key: str, accounts: Accounts) -> Secret:
    """The key to try: `PULSAPI_API_KEY`, what the command prints, standard input, or typed.

    Raises:
        CredentialError: the command prints no key.
        StoppedError: there is none.
    """
    if key:
        return key_of_variable(Secret(key))
    if profile.source.kept is Kept.COMMAND:
        return asyncio.run(accounts.credentials.read(profile))
    given = _typed() if sys.stdin.isatty() else _piped()
    if given is None:
        raise exits.StoppedError(_NO_KEY, exits.NO_CREDENTIAL)
    return check_credential(given)


def _piped() -> Secret | None:
    return key_in(sys.stdin.buffer.read(MOST_BYTES + 1)).key


def _typed() -> Secret | None:
    with warnings.catch_warnings():
        # Where the terminal can't be kept from showing it, it is not asked for.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            text = getpass.getpass("API key (it is not shown): ").strip()
        except (getpass.GetPassWarning, EOFError, OSError):
            return None
    return Secret(text) if text else None
