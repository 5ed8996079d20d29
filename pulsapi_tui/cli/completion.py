"""`pulsapi-tui completion`, and what the shells ask of it then."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.process import let_go_of_lost_terminal

PROGRAM = "pulsapi-tui"

_PROFILES = frozenset({"profile", "profile_name"})
_FILES = frozenset({"ca_file", "data"})
"""Where the options keep what they are given."""


def run_completion(arguments: argparse.Namespace) -> int:
    """Write the script of a shell."""
    from argcomplete.shell_integration import shellcode

    try:
        print(shellcode([PROGRAM], shell=arguments.shell))  # noqa: T201
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

    for action in _actions(parser):
        if action.dest in _PROFILES:
            action.completer = _profile_names  # type: ignore[attr-defined]
        elif action.dest in _FILES:
            action.completer = FilesCompleter()  # type: ignore[attr-defined]
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
