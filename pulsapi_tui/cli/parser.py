"""The options. `--help` and `--version` import nothing heavy; a test holds that.

Not even `typing`, `pathlib` or `datetime`: each costs as much as half of Python's own start.
"""

from __future__ import annotations

import argparse
import re
from functools import partial

from pulsapi_tui import __version__
from pulsapi_tui.cli import codes, options_keys, options_profiles
from pulsapi_tui.cli.help_format import AsWritten, Filled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, NoReturn

EPILOG = """\
environment:
  PULSAPI_PROFILE    the profile to use, where --profile names none
  PULSAPI_API_KEY    the API key to sign in with; never give it as an argument
  PULSAPI_BASE_URL   the base URL for that key, https://api.pulsapi.com where it is not set

exit codes:
""" + "".join(f"  {code:<4} {meaning}\n" for code, meaning in codes.MEANINGS.items())


PACES_S = {"slow": 6.0, "normal": 3.5, "fast": 1.5}
"""How long a caption of the tour stays."""

_LONG_WORD = re.compile(r"[^\s'\"/:=]{24,}")
"""Longer than any word of ours; as long as a key."""


class _Parser(argparse.ArgumentParser):
    """Errors in one line, which may be about a key that was given where none belongs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": Filled, **options})

    def error(self, message: str) -> NoReturn:
        from pulsapi_tui.domain.text import clean

        shown = clean(_LONG_WORD.sub(lambda word: f"{word[0][:4]}…", message))
        self.exit(codes.USAGE, f"{self.prog}: {shown} (see {self.prog} --help)\n")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)


def _folder(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of keys: 1 to 1000000")
    return int(text)


def _pace(text: str) -> float:
    if text in PACES_S:
        return PACES_S[text]
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no pace: slow, normal, fast, or seconds such as 1.5"
        )
    return float(text)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines: 1 or more")
    return int(text)


def _add_account_options(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Which account, and how it is reached."""
    group = parser.add_argument_group("account")
    group.add_argument(
        "--profile", metavar="NAME", default=default, help="the profile, before PULSAPI_PROFILE"
    )
    group.add_argument(
        "--base-url", metavar="URL", default=default, help="the base URL, before PULSAPI_BASE_URL"
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        default=default,
        help="trust these certificates (PEM), too",
    )
    group.add_argument(
        "--proxy",
        metavar="URL",
        default=default,
        help="reach the server by this proxy; none is taken from the environment",
    )
    group.add_argument(
        "--read-only",
        action="store_true",
        default=default or False,
        help="let nothing be created, rotated or revoked",
    )


def parser() -> argparse.ArgumentParser:
    """All options of all commands."""
    root = _Parser(
        prog="pulsapi-tui",
        description="PulsAPI's Settings > API Keys in the terminal.",
        epilog=EPILOG,
        formatter_class=AsWritten,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"pulsapi-tui {__version__}")
    _add_account_options(root, None)
    commands = root.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    demo = commands.add_parser(
        "demo",
        help="try it: a server of its own, with seeded keys and real traffic",
        description="Try it: a local server with a throw-away database, seeded keys and traffic.",
        allow_abbrev=False,
    )
    demo.add_argument("--keys", type=_count, metavar="N", help="how many keys (12)")
    demo.add_argument("--plan", choices=("free", "pro", "enterprise"), help="the plan (pro)")
    demo.add_argument(
        "--role", choices=("owner", "admin", "member", "viewer"), help="the role (owner)"
    )
    demo.add_argument("--empty", action="store_true", help="an account without keys")
    demo.add_argument(
        "--tour", action="store_true", help="walk through it by itself; any key stops that"
    )
    demo.add_argument(
        "--pace",
        type=_pace,
        metavar="PACE",
        help="slow, normal, fast, or the seconds that a caption of the tour stays (normal)",
    )
    serve = commands.add_parser(
        "serve",
        help="run a local PulsAPI in the foreground",
        description="Run a local PulsAPI with a database of its own, in the foreground.",
        allow_abbrev=False,
    )
    serve.add_argument("--host", default="127.0.0.1", help="a loopback address (127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8787, help="the port (8787)")
    serve.add_argument("--data", type=_folder, metavar="DIR", help="where the database lies")
    doctor = commands.add_parser(
        "doctor",
        help="tell what this terminal, clipboard and server can do",
        description="Tell what this terminal, multiplexer, clipboard and server can do, and what "
        "mends the rest. Exit code 1 where something fails.",
        allow_abbrev=False,
    )
    doctor.add_argument("--json", action="store_true", help="one JSON object, for programs")
    doctor.add_argument(
        "--no-clipboard", action="store_true", help="leave the clipboard as it is: no try"
    )
    log = commands.add_parser(
        "log",
        help="what was done here: created, delivered, revoked",
        description="What this program did on this machine, oldest first. Never a secret.",
        allow_abbrev=False,
    )
    log.add_argument("--json", action="store_true", help="JSON lines, for programs")
    log.add_argument("--limit", type=_limit, metavar="N", help="only the last N")
    # Suppressed: their defaults would undo the same options before the command.
    account_options = partial(_add_account_options, default=argparse.SUPPRESS)
    account_options(doctor)
    options_keys.add(commands, account_options)
    options_profiles.add(commands, account_options)
    return root
