"""`pulsapi-tui completion`, and what the shells ask of it then."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from typing import Any

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.parser import PACES_S
from pulsapi_tui.cli.process import let_go_of_lost_terminal

PROGRAM = "pulsapi-tui"

_PROFILES = frozenset({"profile", "profile_name"})
_FILES = frozenset({"ca_file", "data"})
"""Where the options keep what they are given."""
_PLACES = ("env:", "file:")
_FILTERS = ("is:idle", "is:due", "is:unused", "is:duplicate", "is:vague")


def run_completion(arguments: argparse.Namespace) -> int:
    """Write the script of a shell."""
    from argcomplete.shell_integration import shellcode

    try:
        # By default, bash would offer files where an id, a name or a number is wanted.
        print(shellcode([PROGRAM], use_defaults=False, shell=arguments.shell))  # noqa: T201
    except BrokenPipeError:
        pass
    finally:
        let_go_of_lost_terminal()
    return exits.DONE


def complete(parser: argparse.ArgumentParser) -> None:
    """Where a shell asks (by `_ARGCOMPLETE`), tell what fits, and end; else do nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete
    from argcomplete.completers import FilesCompleter, SuppressCompleter

    completers: dict[str, Callable[..., list[str]]] = {
        **dict.fromkeys(_PROFILES, _profile_names),
        **dict.fromkeys(_FILES, FilesCompleter()),
        "filter": lambda **_: [*_FILTERS],
        "pace": lambda **_: [*PACES_S],
        "to": _targets,
    }
    for action in _actions(parser):
        if action.dest in completers:
            action.completer = completers[action.dest]  # type: ignore[attr-defined]
    argcomplete.autocomplete(
        parser, always_complete_options=False, default_completer=SuppressCompleter()
    )


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All options and arguments of all commands."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no public name for it
        yield action
        # Those of a choice of commands are parsers.
        for below in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _actions(below)


def _profile_names(**_: Any) -> list[str]:
    from pulsapi_tui.domain.errors import ProfilesError
    from pulsapi_tui.wiring.accounts import profiles_here

    try:
        return [each.name for each in profiles_here().read().profiles]
    except ProfilesError:
        # A file that can't be read is told of by the commands, not in the middle of a line.
        return []


def _targets(prefix: str, **_: Any) -> list[str]:
    """What `--to` takes: a kind of place, and then what there is of it; or a program."""
    from argcomplete.completers import FilesCompleter

    kind = next((each for each in _PLACES if prefix.startswith(each)), "")
    if kind:
        return [f"{kind}{path}" for path in FilesCompleter()(prefix.removeprefix(kind))]
    profiles = [f"profile:{name}" for name in _profile_names()]
    return [*_PLACES, *profiles, *_programs()]


def _programs() -> list[str]:
    from pulsapi_tui.config.paths import settings_path
    from pulsapi_tui.config.settings import read_settings
    from pulsapi_tui.delivery.recipes import RECIPES, available
    from pulsapi_tui.domain.errors import SettingsError

    try:
        own = [each.id for each in read_settings(settings_path()).delivery.recipes]
    except SettingsError:
        own = []
    return [*own, *(each.id for each in available(RECIPES, os.environ))]
