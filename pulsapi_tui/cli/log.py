"""`pulsapi-tui log`: what was done on this machine, as a table for people or lines for programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import msgspec

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.output import open_missing_streams, say, write, write_table
from pulsapi_tui.cli.process import fail, let_go_of_lost_terminal
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.paths import action_log_path
from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.errors import PulsapiError

HEAD = ("Time", "Action", "Key", "Id", "Outcome")
_KEY = HEAD.index("Key")


def run_log(arguments: argparse.Namespace) -> int:
    """Print what was done here."""
    open_missing_streams()
    try:
        print_log(limit=arguments.limit, as_json=arguments.json)
    except PulsapiError as error:
        return fail(error.user_message, exits.of(error))
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    finally:
        let_go_of_lost_terminal()
    return exits.DONE


def print_log(*, limit: int | None, as_json: bool) -> None:
    """Print the log, oldest first; the last `limit` lines of it.

    Raises:
        ActionLogError: it can't be read.
        StoppedError: it can't be printed.
    """
    actions = ActionLogFile(action_log_path()).read()
    if limit is not None:
        actions = actions[-limit:]
    if not actions:
        say("Nothing was done here yet: the log is empty.")
    elif as_json:
        write(as_json_lines(actions))
    else:
        write_table(HEAD, map(_row, actions), flexible=_KEY)


def as_json_lines(actions: Sequence[Action]) -> Iterator[bytes]:
    """One object a line, with the fields of `Action`; times in UTC."""
    return map(msgspec.json.encode, actions)


def _row(action: Action) -> tuple[str, str, str, str, str]:
    # The zone of this machine, as it was on that day.
    when = action.at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return when, action.action, action.key_name, action.key_id or "–", action.outcome
