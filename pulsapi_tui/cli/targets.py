"""Where a key goes, from `--to` and its options, and all that can be known of it before."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.reveal import check_stdout
from pulsapi_tui.cli.work import Work
from pulsapi_tui.domain.delivery import PROFILE_WAY, Target, Way
from pulsapi_tui.domain.equivalents import COMMAND, DEFAULT_VARIABLE, ENV_FILE, FILE
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.ports import Delivery
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean
from pulsapi_tui.flows.deliver import check_profile_target, what_is_replaced


class Goal(NamedTuple):
    """Where a key is to go."""

    target: Target | None
    """None: to standard output."""
    where: str
    """For a sentence: what a delivery would do."""
    of_place: tuple[str, ...] = ()
    """What speaks against the place, as sentences."""
    held: Secret | None = None
    """What stands there and would be replaced, unless that is what the key is for."""

    def concerns(self, work: Work, listed: KeyList) -> tuple[str, ...]:
        """What speaks against it, as sentences; what would be replaced by its name."""
        if self.held is None:
            return self.of_place
        own_id = work.account.authenticated_key_id
        return (*self.of_place, what_is_replaced(self.held, listed.keys, own_id))


def check_options(arguments: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is looked at. Raises `StoppedError`."""
    is_env = (arguments.to or "").startswith("env:")
    is_place = (arguments.to or "").startswith(("env:", "file:", "profile:"))
    if arguments.variable is not None and not is_env:
        raise _usage("--variable is for --to env:PATH.")
    if arguments.field and (arguments.to is None or is_place):
        raise _usage("--field is for --to and the name of a program.")
    if arguments.force and not arguments.reveal:
        raise _usage("--force is for --reveal.")
    if arguments.reveal:
        check_stdout(force=arguments.force)


async def goal_of(
    arguments: argparse.Namespace,
    delivery: Delivery,
    key_name: str,
    profile: Profile,
    replaces: Collection[str] = (),
) -> Goal:
    """Where a key of that name goes; `replaces` are the hints of keys that it may replace there.

    `profile` is that of the session.

    Raises:
        StoppedError: there is no such way, or the place can't be used; nothing was changed.
    """
    if arguments.to is None:
        return Goal(None, "Writes it to standard output.")
    target = target_of(arguments, await delivery.ways(key_name))
    preview = delivery.preview(target)
    if preview.is_error:
        raise _usage(preview.text)
    try:
        check_profile_target(target, profile)
        concerns = await delivery.concerns(target)
        held = await delivery.held(target)
    except DeliveryError as error:
        raise exits.StoppedError(f"{error.user_message} Nothing was sent.", exits.FAILED) from None
    if held is not None and any(map(held.ends_in, replaces)):
        held = None
    return Goal(target, preview.text, tuple(concerns), held)


def target_of(arguments: argparse.Namespace, ways: Sequence[Way]) -> Target:
    kind, _, path = arguments.to.partition(":")
    place = _absolute(path)
    if kind == "env" and ":" in arguments.to:
        variable = arguments.variable or DEFAULT_VARIABLE
        return Target(way_id=ENV_FILE, values={"path": place, "variable": variable})
    if kind == "file" and ":" in arguments.to:
        return Target(way_id=FILE, values={"path": place})
    if kind == "profile" and ":" in arguments.to:
        return Target(way_id=PROFILE_WAY, values={"profile": path})
    by_id = {way.id: way for way in ways}
    way = by_id.get(COMMAND + arguments.to)
    if way is None:
        programs = [each.removeprefix(COMMAND) for each in by_id if each.startswith(COMMAND)]
        there = ", ".join(["env:PATH", "file:PATH", "profile:NAME", *programs])
        raise _usage(f"“{clean(arguments.to)}” is no target here; there are: {there}.")
    values = {each.id: each.default for each in way.fields}
    for name, value in arguments.field:
        if name not in values:
            there = f"there are: {', '.join(values)}." if values else "it has none."
            raise _usage(f"“{arguments.to}” has no field “{clean(name)}”; {there}")
        values[name] = value
    return Target(way_id=way.id, values=values)


def _absolute(path: str) -> str:
    """A path that means the same file to a program that is started elsewhere later."""
    path = path.strip(" ")
    return path if not path or path.startswith(("~", "/")) else os.path.join(os.getcwd(), path)


def _usage(message: str) -> exits.StoppedError:
    return exits.StoppedError(message, exits.USAGE)
