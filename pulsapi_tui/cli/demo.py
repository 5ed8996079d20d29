"""`pulsapi-tui demo`: the server is started first, and starts while the screens are imported."""

from __future__ import annotations

import argparse

from pulsapi_tui.cli import codes
from pulsapi_tui.cli.process import fail
from pulsapi_tui.wiring.demo_server import DemoServer

TOUR_RELOADS_EVERY_S = 5.0
"""The demo's integration reads its env file that often, so that nobody waits long for it."""


def run_demo(arguments: argparse.Namespace) -> int:
    """Run the app on a demo of its own; returns its exit code."""
    problem = _mistake(arguments)
    if problem is not None:
        return fail(problem, codes.USAGE)
    server = DemoServer(_options(arguments))
    try:
        from pulsapi_tui.cli.screens import run_screens

        return run_screens(arguments, "", server)
    finally:
        server.stop()


def _mistake(arguments: argparse.Namespace) -> str | None:
    """What can't be asked for at once, if something is."""
    if not arguments.tour:
        return None if arguments.pace is None else "--pace is that of the tour: give --tour, too."
    others = [
        f"--{name.replace('_', '-')}"
        for name in ("keys", "plan", "role", "empty", "read_only")
        if getattr(arguments, name)
    ]
    if others:
        return f"--tour shows the demo as it is: leave out {', '.join(others)}."
    return None


def _options(arguments: argparse.Namespace) -> list[str]:
    """Those of the server."""
    options = ["--reloads-every", str(TOUR_RELOADS_EVERY_S)] if arguments.tour else []
    for name in ("keys", "plan", "role"):
        value = getattr(arguments, name)
        if value is not None:
            options += [f"--{name}", str(value)]
    return [*options, "--empty"] if arguments.empty else options
