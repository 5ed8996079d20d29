"""`pulsapi-tui serve`."""

from __future__ import annotations

import argparse

from pulsapi_tui.config.paths import server_directory
from pulsapi_tui.server.serve import serve


def run_serve(arguments: argparse.Namespace) -> int:
    """Run a local PulsAPI in the foreground."""
    return serve(arguments.host, arguments.port, arguments.data or server_directory())
