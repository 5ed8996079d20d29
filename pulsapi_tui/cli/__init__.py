"""The command line: it reads the options and hands over to the command.

What a command needs is imported when it runs: `--help` and `--version` import neither Textual nor
httpx; a test holds that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pulsapi_tui.cli import codes
from pulsapi_tui.cli.parser import parser
from pulsapi_tui.cli.process import collect_no_garbage, fail, leave_no_core, unfit_terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = parser()
    if "_ARGCOMPLETE" in os.environ:
        from pulsapi_tui.cli.completion import complete

        complete(options)
    arguments = options.parse_args(argv)
    if arguments.command == "completion":
        from pulsapi_tui.cli.completion import run_completion

        return run_completion(arguments)
    if arguments.command == "serve":
        from pulsapi_tui.cli.serve import run_serve

        return run_serve(arguments)
    if arguments.command == "log":
        from pulsapi_tui.cli.log import run_log

        return run_log(arguments)
    # Taken out, so that no tool or server that is run from here inherits it.
    key = os.environ.pop("PULSAPI_API_KEY", "")
    leave_no_core()
    if arguments.command == "doctor":
        from pulsapi_tui.cli.doctor import run_doctor

        return run_doctor(arguments, key)
    if arguments.command in {"keys", "services", "check", "whoami"}:
        from pulsapi_tui.cli.commands import run_command

        return run_command(arguments, key)
    if arguments.command == "profiles":
        from pulsapi_tui.cli.profiles import run_profiles

        return run_profiles(arguments, key)
    problem = unfit_terminal()
    if problem is not None:
        return fail(problem, codes.USAGE)
    collect_no_garbage()
    if arguments.command == "demo":
        from pulsapi_tui.cli.demo import run_demo

        return run_demo(arguments)
    from pulsapi_tui.cli.screens import run_screens

    return run_screens(arguments, key)
