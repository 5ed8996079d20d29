"""The options of `profiles` and `completion`. Imports nothing heavy; a test holds that."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from pulsapi_tui.cli.help_format import AsWritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pulsapi_tui.cli.options_keys import AccountOptions, Commands

SOURCES = ("command", "keyring", "file", "environment")
"""The words of `domain.profiles.Kept`, safest first."""

COLOURS = ("red", "yellow", "green", "blue", "purple", "none")
"""Those of `domain.profiles.Colour`."""

_KEY = """\
The key comes from PULSAPI_API_KEY where that is set, else from standard input; a terminal asks for
it, and shows nothing of it. It is never an argument, since arguments can be seen. A command prints
it, so that nothing is asked for. It is tried with one call before anything is saved.
"""

_SOURCES = """\
where the key is kept, safest first:
  command       nowhere here: the command after -- prints it each time; no shell is involved
  keyring       the system's keyring (in the folder of the clone: pip install -e '.[keyring]')
  file          a file of mode 0600
  environment   nowhere: PULSAPI_API_KEY has to be set each time

A profile takes its key from there and from nowhere else, or from PULSAPI_API_KEY where that is set.
"""

LIST_EPILOG = """\
--json writes one object: current (a name, or empty), data: each name, base_url, production, colour,
read_only, account_id, credential (from, command, file), ca_file, proxy.
"""

ADD_EPILOG = f"""\
{_KEY}
{_SOURCES}
examples:
  pulsapi-tui profiles add work --key-from command -- pass show pulsapi/work
  pulsapi-tui profiles add prod --production --key-from file < key.txt
"""

SET_KEY_EPILOG = f"""\
{_KEY}
It has to be a key of the same account. It takes the place of the one that is kept, which stays live
at PulsAPI until it is revoked there. --key-from keeps it in another place from now on.

{_SOURCES}"""

REMOVE_EPILOG = """\
The profile is forgotten, and so is the copy of its key in the keyring or in our file. The key
itself stays live at PulsAPI; if that was the only copy of it, nobody has it any more.
"""

COMPLETION_EPILOG = """\
bash: eval "$(pulsapi-tui completion bash)"   in ~/.bashrc
zsh:  eval "$(pulsapi-tui completion zsh)"    in ~/.zshrc, after compinit
fish: pulsapi-tui completion fish > ~/.config/fish/completions/pulsapi-tui.fish
"""


def add(commands: Commands, _: AccountOptions) -> None:
    """Add `profiles` and `completion`; neither opens the account that the options name."""
    profiles = commands.add_parser(
        "profiles",
        help="the accounts that are saved here: list, add, use, set, remove",
        description="The accounts that are saved here. Without a command: list them.",
        allow_abbrev=False,
    )
    below = profiles.add_subparsers(dest="profiles_command", metavar="command")
    listing = _command(below, "list", "all profiles", LIST_EPILOG)
    listing.add_argument("--json", action="store_true", help="for programs; see below")
    _add_add(below)
    _add_name(_command(below, "use", "make one the current one"))
    _add_set(below)
    _add_set_key(below)
    _add_remove(below)
    _command(below, "path", "write where the profiles lie")
    completion = commands.add_parser(
        "completion",
        help="write what completes commands in a shell",
        description="Write what completes this program's commands in a shell.",
        epilog=COMPLETION_EPILOG,
        formatter_class=AsWritten,
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def _command(commands: Commands, name: str, help_: str, epilog: str = "") -> Any:
    return commands.add_parser(
        name,
        help=help_,
        description=f"{help_[0].upper()}{help_[1:]}.",
        epilog=epilog,
        formatter_class=AsWritten,
        allow_abbrev=False,
    )


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile_name", metavar="NAME", help="the profile's name")


def _add_network(parser: argparse.ArgumentParser, none: str = "") -> None:
    # Suppressed: their defaults would undo the same options before the command.
    for option, what in (
        ("--ca-file", "FILE: trust these certificates (PEM), too"),
        ("--proxy", "URL: reach the server by this proxy"),
    ):
        metavar, _, help_ = what.partition(": ")
        parser.add_argument(
            option, metavar=metavar, default=argparse.SUPPRESS, help=f"{help_}{none}"
        )


def _add_key_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key-from", choices=SOURCES, help="where the key is kept; see below")
    parser.set_defaults(argv=())
    parser.usage = "%(prog)s NAME [options] [-- argv ...]"
    _take_rest(parser)


def _take_rest(parser: argparse.ArgumentParser) -> None:
    """Have all that comes after `--` in `argv`; argparse would mix it with the name."""
    parse: Callable[..., tuple[argparse.Namespace, list[str]]] = parser.parse_known_args

    def parse_known_args(
        arguments: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        own = list(arguments)
        at = own.index("--") if "--" in own else len(own)
        parsed, left = parse(own[:at], namespace)
        parsed.argv = tuple(own[at + 1 :])
        return parsed, left

    parser.parse_known_args = parse_known_args  # type: ignore[method-assign,assignment]


def _add_add(commands: Commands) -> None:
    parser = _command(commands, "add", "save an account, once its key was tried", ADD_EPILOG)
    _add_name(parser)
    parser.add_argument(
        "--base-url",
        metavar="URL",
        default=argparse.SUPPRESS,
        help="the base URL (https://api.pulsapi.com)",
    )
    _add_network(parser)
    parser.add_argument("--production", action="store_true", help="mark it as such on every screen")
    parser.add_argument("--colour", choices=COLOURS, default="none", help="mark it with a colour")
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="let nothing be created, rotated or revoked with it",
    )
    _add_key_from(parser)


def _add_set(commands: Commands) -> None:
    parser = _command(commands, "set", "change how a profile is marked and reached")
    _add_name(parser)
    for option, help_ in (
        ("--production", "mark it as such on every screen"),
        ("--read-only", "let nothing be created, rotated or revoked with it"),
    ):
        name = option.removeprefix("--").replace("-", "_")
        parser.add_argument(
            option, dest=f"set_{name}", action=argparse.BooleanOptionalAction, help=help_
        )
    parser.add_argument("--colour", choices=COLOURS, help="mark it with a colour")
    _add_network(parser, none="; '' for none")


def _add_set_key(commands: Commands) -> None:
    parser = _command(
        commands, "set-key", "give a profile another key of its account", SET_KEY_EPILOG
    )
    _add_name(parser)
    _add_key_from(parser)


def _add_remove(commands: Commands) -> None:
    parser = _command(
        commands, "remove", "forget a profile, and its copy of the key", REMOVE_EPILOG
    )
    _add_name(parser)
    parser.add_argument("--yes", action="store_true", help="forget it without a question")
    parser.add_argument("--keep-key", action="store_true", help="leave the copy of the key")
