"""The command line: options, exit codes, and the one place that wires everything.

`--help` and `--version` import neither Textual nor httpx; a test holds that.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pulsapi_tui import __version__

if TYPE_CHECKING:
    from pulsapi_tui.config.settings import Settings
    from pulsapi_tui.domain.ports import Connector
    from pulsapi_tui.ui.app import PulsapiApp

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

EPILOG = """\
environment:
  PULSAPI_BASE_URL   the server, https://api.pulsapi.com where it is not set
  PULSAPI_API_KEY    the API key to sign in with; never give it as an argument

exit codes: 0 done, 1 failed, 2 wrong usage, 129 and 143 the terminal or a signal ended it
"""

PR_SET_DUMPABLE = 4
"""`linux/prctl.h`."""

RECORDERS = ("TEXTUAL_LOG", "TEXTUAL_SCREENSHOT", "TEXTUAL_DEBUG")
"""Settings of Textual that write what is typed or shown into a file."""


class _Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of keys: 1 to 1000000")
    return int(text)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines: 1 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pulsapi-tui",
        description="PulsAPI's Settings > API Keys in the terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pulsapi-tui {__version__}")
    parser.add_argument("--base-url", metavar="URL", help="the server, before PULSAPI_BASE_URL")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
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
    serve = commands.add_parser(
        "serve",
        help="run a local PulsAPI in the foreground",
        description="Run a local PulsAPI with a database of its own, in the foreground.",
        allow_abbrev=False,
    )
    serve.add_argument("--host", default="127.0.0.1", help="a loopback address (127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8787, help="the port (8787)")
    serve.add_argument("--data", type=Path, metavar="DIR", help="where the database lies")
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
    # Suppressed: its default would undo the same option before the command.
    doctor.add_argument(
        "--base-url",
        metavar="URL",
        default=argparse.SUPPRESS,
        help="the server, before PULSAPI_BASE_URL",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "serve":
        return _serve(arguments)
    if arguments.command == "log":
        return _log(arguments)
    # Taken out, so that no tool or server that is run from here inherits it.
    key = os.environ.pop("PULSAPI_API_KEY", "")
    if arguments.command == "doctor":
        return _doctor(arguments, key)
    problem = _unfit_terminal()
    if problem is not None:
        return _fail(problem, EXIT_USAGE)
    leave_no_core()
    from pulsapi_tui.domain.errors import CredentialError, SettingsError

    try:
        return _demo(arguments) if arguments.command == "demo" else _remote(arguments, key)
    except (CredentialError, SettingsError) as error:
        return _fail(error.user_message, EXIT_USAGE)


def _serve(arguments: argparse.Namespace) -> int:
    from pulsapi_tui.config.paths import server_directory
    from pulsapi_tui.server.serve import serve

    return serve(arguments.host, arguments.port, arguments.data or server_directory())


def _log(arguments: argparse.Namespace) -> int:
    from pulsapi_tui.domain.errors import ActionLogError
    from pulsapi_tui.log import print_log

    try:
        print_log(limit=arguments.limit, as_json=arguments.json)
    except ActionLogError as error:
        return _fail(error.user_message, EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        _let_go_of_lost_terminal()
    return EXIT_OK


def _doctor(arguments: argparse.Namespace, key: str) -> int:
    leave_no_core()
    from pulsapi_tui.doctor.examination import Wanted, examine
    from pulsapi_tui.domain.secret import Secret

    wanted = Wanted(
        base_url=arguments.base_url,
        key=Secret(key) if key else None,
        as_json=arguments.json,
        tries_clipboard=not arguments.no_clipboard,
        recording_variables=RECORDERS,
    )
    try:
        is_well = examine(wanted)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        _let_go_of_lost_terminal()
    return EXIT_OK if is_well else EXIT_FAILED


def _demo(arguments: argparse.Namespace) -> int:
    options: list[str] = []
    for name in ("keys", "plan", "role"):
        value = getattr(arguments, name)
        if value is not None:
            options += [f"--{name}", str(value)]
    if arguments.empty:
        options.append("--empty")
    settings = _settings()
    from pulsapi_tui.wiring import DemoConnector, SystemClock

    connector = DemoConnector(options, SystemClock())
    try:
        app = _app(connector, settings)
        connector.tell(app.news)
        return _run(app)
    finally:
        connector.stop()


def _remote(arguments: argparse.Namespace, key: str) -> int:
    from pulsapi_tui.api.origin import check_credential
    from pulsapi_tui.domain.secret import Secret
    from pulsapi_tui.wiring import RemoteConnector, SystemClock

    base_url = arguments.base_url or os.environ.get("PULSAPI_BASE_URL", "https://api.pulsapi.com")
    if not key:
        return _fail(
            "no API key. Set PULSAPI_API_KEY (and PULSAPI_BASE_URL for another server than "
            "https://api.pulsapi.com), or try: pulsapi-tui demo",
            EXIT_USAGE,
        )
    connector = RemoteConnector(base_url, check_credential(Secret(key)), SystemClock())
    return _run(_app(connector, _settings()))


def _settings() -> Settings:
    from pulsapi_tui.config.paths import settings_path
    from pulsapi_tui.config.settings import read_settings

    return read_settings(settings_path())


def _app(connector: Connector, settings: Settings) -> PulsapiApp:
    from functools import partial

    from pulsapi_tui.delivery.clipboard import TerminalClipboard
    from pulsapi_tui.ui.app import PulsapiApp
    from pulsapi_tui.wiring import SystemClock, clipboard_policy, hand_off, health_limits

    clipboard = partial(TerminalClipboard, policy=clipboard_policy(settings))
    limits = health_limits(settings)
    return PulsapiApp(connector, SystemClock(), clipboard, hand_off(settings), limits)


def _run(app: PulsapiApp) -> int:
    app.run()
    _let_go_of_lost_terminal()
    return app.return_code or EXIT_OK


def leave_no_core() -> None:
    """See to it that a crash of this process writes no memory to disk, keys and all."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        # A core that is piped to a handler ignores the limit; what is not dumpable is not piped.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _let_go_of_lost_terminal() -> None:
    """Flush; where the terminal is gone, Python's own flush at exit would make the code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _unfit_terminal() -> str | None:
    """Why the screens can't be trusted with a secret here, if they can't."""
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return "needs a terminal for its input and its screen: don't redirect stdin or stderr."
    for name in RECORDERS:
        if os.environ.get(name):
            return f"{name} is set: it would write what you type and see into a file. Unset it."
    if "devtools" in os.environ.get("TEXTUAL", "").split(","):
        return "runs under Textual's devtools, which record what you type. Start it without them."
    return None


def _fail(message: str, code: int) -> int:
    print(f"pulsapi-tui: {message}", file=sys.stderr)  # noqa: T201
    return code
