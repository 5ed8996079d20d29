"""The options of the commands that ask PulsAPI. Imports nothing heavy; a test holds that."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence

from pulsapi_tui.cli.help_format import AsWritten
from pulsapi_tui.cli.help_keys import (
    CHECK_EPILOG,
    CREATE_EPILOG,
    ENV_VARIABLE,
    LIST_EPILOG,
    REVOKE_EPILOG,
    ROTATE_EPILOG,
    SERVICES_EPILOG,
    SHOW_EPILOG,
    WHOAMI_EPILOG,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, Protocol

    class Commands(Protocol):
        """Where commands are added; argparse has no public name for it."""

        def add_parser(self, *args: Any, **kwargs: Any) -> argparse.ArgumentParser:
            """Add a command."""
            ...


AccountOptions = Callable[[argparse.ArgumentParser], None]
"""Adds the options that say which account is meant."""

_DURATION = re.compile(r"([0-9]{1,5})([hdw])")
_LONGEST_D = 3650


class _Once(argparse.Action):
    """An option of which a second one would silently replace the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"argument {option_string}: only one")
        setattr(namespace, self.dest, values)


def duration(text: str) -> timedelta:
    """A time span as people type it: `60d`, `12h`, `2w`."""
    from datetime import timedelta

    match = _DURATION.fullmatch(text)
    span = None
    if match is not None:
        count = int(match[1])
        span = {
            "h": timedelta(hours=count),
            "d": timedelta(days=count),
            "w": timedelta(weeks=count),
        }[match[2]]
    if span is None or not timedelta(0) < span <= timedelta(days=_LONGEST_D):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 60d, 12h or 2w")
    return span


def field(text: str) -> tuple[str, str]:
    """What a target must be told: `id=value`."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not a field such as path=pulsapi/ci")
    return name, value


def add(commands: Commands, account_options: AccountOptions) -> None:
    """Add `keys`, `services`, `check` and `whoami`."""
    keys = commands.add_parser(
        "keys",
        help="list, show, create, rotate and revoke API keys",
        description="What the screens do, for scripts: tables for people, --json for programs.",
        allow_abbrev=False,
    )
    below = keys.add_subparsers(dest="keys_command", metavar="command", required=True)
    _add_list(below, account_options)
    _add_show(below, account_options)
    _add_create(below, account_options)
    _add_rotate(below, account_options)
    _add_revoke(below, account_options)
    services = _command(
        commands,
        "services",
        "the services that the account watches",
        "The services that the account watches, and how they are.",
        SERVICES_EPILOG,
    )
    _add_json(services)
    account_options(services)
    _add_check(commands, account_options)
    whoami = _command(
        commands,
        "whoami",
        "which account this is, and where its key comes from",
        "The account, its plan and role, the profile, the base URL, and where the key comes from.",
        WHOAMI_EPILOG,
    )
    _add_json(whoami)
    account_options(whoami)


def _command(
    commands: Commands, name: str, help_: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=help_,
        description=description,
        epilog=epilog,
        formatter_class=AsWritten,
        allow_abbrev=False,
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs; see below")


def _add_yes(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--yes", action="store_true", help=f"{what}, without a question")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and do nothing"
    )


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="its id, or its name where only one has it")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="--reveal even to a terminal")
    parser.add_argument(
        "--variable", metavar="NAME", action=_Once, help=f"of the env file ({ENV_VARIABLE})"
    )
    parser.add_argument(
        "--field",
        metavar="ID=VALUE",
        type=field,
        action="append",
        default=[],
        help="what the target must be told, once for each field",
    )


def _add_list(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(commands, "list", "all keys", "All keys of the account.", LIST_EPILOG)
    _add_json(parser)
    parser.add_argument(
        "--sort",
        choices=("name", "created", "last-used"),
        default="created",
        help="by this column (created); newest first, names from A",
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument(
        "--filter",
        metavar="TEXT",
        default="",
        help="only those with this in name, hint or id; also is:idle, is:due, is:unused, "
        "is:duplicate, is:vague",
    )
    account_options(parser)


def _add_show(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(commands, "show", "all about one key", "All about one key.", SHOW_EPILOG)
    _add_key(parser)
    _add_json(parser)
    account_options(parser)


def _add_create(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(
        commands,
        "create",
        "create a key, and bring it to where it belongs",
        "Create a key, and bring it to where it belongs: --to, or --reveal.",
        CREATE_EPILOG,
    )
    parser.add_argument("name", metavar="NAME", help="what it is for; 1 to 64 characters")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="TARGET", action=_Once, help="where it goes; see below")
    where.add_argument(
        "--reveal", action="store_true", help="write the key to standard output, this once"
    )
    _add_target(parser)
    _add_yes(parser, "go on where something speaks against the target")
    _add_json(parser)
    account_options(parser)


def _add_rotate(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(
        commands,
        "rotate",
        "replace a key by a successor, without a gap",
        "Replace a key by a successor, without a gap.",
        ROTATE_EPILOG,
    )
    _add_key(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--to", metavar="TARGET", action=_Once, help="where the successor goes")
    what.add_argument(
        "--reveal", action="store_true", help="write the successor to standard output, this once"
    )
    what.add_argument(
        "--finish", action="store_true", help="revoke the old key, if it is known to be quiet"
    )
    what.add_argument("--status", action="store_true", help="how far it is, and what is known")
    what.add_argument(
        "--abandon",
        choices=("keep-both", "revoke-new"),
        help="end it early: keep both keys, or revoke the successor",
    )
    parser.add_argument(
        "--mode", choices=("overlap", "at-once", "revoke-first"), help="see below (overlap)"
    )
    parser.add_argument("--name", metavar="NEW", help="the successor's name (that of the old key)")
    _add_target(parser)
    _add_yes(parser, "go on where it would have to be asked")
    _add_json(parser)
    account_options(parser)


def _add_revoke(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(
        commands,
        "revoke",
        "revoke keys, for good",
        "Revoke keys, for good: from then on they get 401 Unauthorized.",
        REVOKE_EPILOG,
    )
    parser.add_argument(
        "keys",
        metavar="KEY",
        nargs="+",
        help="ids, or names that only one key has; - reads them from standard input, one a line",
    )
    _add_yes(parser, "revoke them")
    _add_json(parser)
    account_options(parser)


def _add_check(commands: Commands, account_options: AccountOptions) -> None:
    parser = _command(
        commands,
        "check",
        "tell by the exit code whether keys are idle or old",
        "Tell by the exit code whether keys are idle or old: for cron and login messages.",
        CHECK_EPILOG,
    )
    parser.add_argument(
        "--idle", type=duration, metavar="SPAN", help="no request for so long: 60d, 12h, 2w"
    )
    parser.add_argument("--older", type=duration, metavar="SPAN", help="created so long ago")
    parser.add_argument("--unused", action="store_true", help="never used so far")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quiet", action="store_true", help="one line, or none; see below")
    how.add_argument("--json", action="store_true", help="for programs; see below")
    account_options(parser)
