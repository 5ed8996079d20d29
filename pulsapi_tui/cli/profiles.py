"""`pulsapi-tui profiles`: the accounts that are saved here."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.confirm import agree_by_typing
from pulsapi_tui.cli.output import open_missing_streams, say, write, write_json, write_table
from pulsapi_tui.cli.process import let_go_of_lost_terminal
from pulsapi_tui.cli.profile_options import changed_profile, named_profile
from pulsapi_tui.cli.profiles_add import add, set_key
from pulsapi_tui.config.paths import profiles_path
from pulsapi_tui.domain.errors import CredentialError, PulsapiError
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.text import clean
from pulsapi_tui.wiring.accounts import credentials_here, profiles_here

HEAD = ("", "Name", "Base URL", "Key from", "Marks")


def run_profiles(arguments: argparse.Namespace, key: str) -> int:
    """Run `profiles …`; `key` is `PULSAPI_API_KEY`. Returns the exit code."""
    open_missing_streams()
    try:
        _COMMANDS[arguments.profiles_command or "list"](arguments, key)
    except PulsapiError as error:
        say(f"pulsapi-tui: {error.user_message}")
        return exits.of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    finally:
        let_go_of_lost_terminal()
    return exits.DONE


def _list(arguments: argparse.Namespace, _: str) -> None:
    listed = profiles_here().read()
    if getattr(arguments, "json", False):
        write_json({"current": listed.current, "data": list(map(_fields, listed.profiles))})
    elif not listed.profiles:
        say("There is no profile yet. Make one: pulsapi-tui profiles add NAME")
    else:
        rows = (_row(each, is_current=each.name == listed.current) for each in listed.profiles)
        write_table(HEAD, rows, flexible=3)


def _fields(profile: Profile) -> dict[str, Any]:
    source = profile.source
    return {
        "name": profile.name,
        "base_url": profile.base_url,
        "production": profile.production,
        "colour": profile.colour,
        "read_only": profile.read_only,
        "account_id": profile.account_id,
        "credential": {"from": source.kept, "command": source.argv, "file": source.path},
        "ca_file": profile.network.ca_file,
        "proxy": profile.network.proxy,
    }


def _row(profile: Profile, *, is_current: bool) -> tuple[str, ...]:
    marks = (
        "production" if profile.production else "",
        profile.colour,
        "read-only" if profile.read_only else "",
        "by proxy" if profile.network.proxy else "",
    )
    return (
        "*" if is_current else "",
        profile.name,
        profile.base_url,
        profile.source.words,
        ", ".join(filter(None, marks)),
    )


def _use(arguments: argparse.Namespace, _: str) -> None:
    profile = named_profile(arguments.profile_name)
    profiles_here().use(profile.name)
    say(f"“{profile.name}” is the current profile now, at {profile.base_url}.")


def _set(arguments: argparse.Namespace, _: str) -> None:
    profile = named_profile(arguments.profile_name)
    if changed_profile(profile, arguments) == profile:
        raise exits.StoppedError(
            "Nothing was changed: the profile is like that already, or no option says what to "
            "change. See pulsapi-tui profiles set --help",
            exits.USAGE,
        )
    profiles_here().change(profile.name, lambda current: changed_profile(current, arguments))
    say(f"“{profile.name}” was changed.")


def _remove(arguments: argparse.Namespace, _: str) -> None:
    profile = named_profile(arguments.profile_name)
    loses_key = _has_copy(profile) and not arguments.keep_key
    say(_what_goes(profile, loses_key=loses_key))
    asyncio.run(
        agree_by_typing(profile.name, yes=arguments.yes, question=f"Forget “{profile.name}”?")
    )
    if loses_key:
        try:
            asyncio.run(credentials_here().forget(profile))
        except CredentialError as error:
            problem = error.user_message
        else:
            problem = ""
        if problem:
            raise exits.StoppedError(
                f"{problem} The profile was left as it is; --keep-key forgets it alone.",
                exits.FAILED,
            )
    profiles_here().remove(profile.name)
    say(f"“{profile.name}” is forgotten.")


def _has_copy(profile: Profile) -> bool:
    """Whether its key is kept by this program; a file elsewhere is the user's own."""
    ours = credentials_here().source(profile.source.kept, profile.name)
    return profile.source.is_ours and profile.source == ours


def _what_goes(profile: Profile, *, loses_key: bool) -> str:
    words = profile.source.words
    if loses_key:
        return (
            f"“{profile.name}” at {profile.base_url} will be forgotten, and the copy of its key in "
            f"{words} removed. The key itself stays live at PulsAPI: if that is the only copy, "
            "revoke the key first, or nobody has it any more."
        )
    return (
        f"“{profile.name}” at {profile.base_url} will be forgotten. Its key stays where it is "
        f"({words}), and live at PulsAPI."
    )


def _path(_: argparse.Namespace, __: str) -> None:
    path = os.fsencode(profiles_path())
    # A program gets it as it is.
    write([clean(os.fsdecode(path)).encode() if sys.stdout.isatty() else path])


_COMMANDS: dict[str, Callable[[argparse.Namespace, str], None]] = {
    "add": add,
    "list": _list,
    "path": _path,
    "remove": _remove,
    "set": _set,
    "set-key": set_key,
    "use": _use,
}
