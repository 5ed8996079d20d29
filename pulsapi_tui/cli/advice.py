"""What to do next where PulsAPI refused the key, or gave no usable answer."""

from __future__ import annotations

import argparse
import shlex

from pulsapi_tui.cli.asked import asked_for
from pulsapi_tui.domain.equivalents import doctor_line
from pulsapi_tui.domain.errors import (
    BadAnswerError,
    NetworkError,
    OtherAccountError,
    ProfilesError,
    PulsapiError,
    RedirectError,
    UnauthorizedError,
)
from pulsapi_tui.domain.profiles import ProfileList
from pulsapi_tui.wiring.access import KEY_VARIABLE, Access, without_variable
from pulsapi_tui.wiring.accounts import profiles_here


def told(error: PulsapiError, access: Access, arguments: argparse.Namespace) -> str:
    """What went wrong with that account, and the next step where there is a certain one."""
    return f"{error.user_message} {next_step(error, access, arguments)}".rstrip()


def next_step(error: PulsapiError, access: Access, arguments: argparse.Namespace) -> str:
    """What to do about an error; empty where its own message is all."""
    match error:
        case UnauthorizedError() | OtherAccountError():
            return _other_key(access, arguments)
        case NetworkError() | BadAnswerError() | RedirectError():
            options = {
                "--base-url": arguments.base_url or "",
                "--ca-file": arguments.ca_file or "",
                "--proxy": arguments.proxy or "",
            }
            line = doctor_line(arguments.profile or "", options)
            return f"The base URL is {access.profile.base_url}. To check it: {line}"
    return ""


def _other_key(access: Access, arguments: argparse.Namespace) -> str:
    """Which key was refused, and where to give another one."""
    source = f"It comes from {access.credential_from}."
    name = access.profile.name
    if access.credential_from != KEY_VARIABLE:
        if access.profile.source.is_ours:
            return f"{source} Give another one: pulsapi-tui profiles set-key {name}"
        return f"{source} Put another one there."
    instead = without_variable(asked_for(arguments, ""), _listed())
    if instead is None:
        return f"{source} Set another one there; there is no profile to use instead."
    return (
        f"{source} Set another one there; or {shlex.join(['unset', *instead.variables])}, and the "
        f"profile “{instead.profile.name}” is used, whose key comes from "
        f"{instead.profile.source.words}."
    )


def _listed() -> ProfileList:
    try:
        return profiles_here().read()
    except ProfilesError:
        return ProfileList()
