"""The terminal user interface: the demo, an account, or the welcome where there is none."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.asked import account_asked_for
from pulsapi_tui.cli.look import Look, look_of
from pulsapi_tui.cli.parser import PACES_S
from pulsapi_tui.cli.process import fail, let_go_of_lost_terminal
from pulsapi_tui.config.paths import settings_path
from pulsapi_tui.config.settings import Settings, read_settings
from pulsapi_tui.delivery.clipboard import TerminalClipboard
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.ports import Connector
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.wiring.accounts import LocalAccounts, credentials_here
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.demo import DemoConnector
from pulsapi_tui.wiring.demo_server import DemoServer
from pulsapi_tui.wiring.hand_off import clipboard_policy, hand_off, health_limits
from pulsapi_tui.wiring.sessions import RemoteConnector

if TYPE_CHECKING:
    from pulsapi_tui.ui.demo_tour import DemoTour


def run_screens(arguments: argparse.Namespace, key: str, demo: DemoServer | None = None) -> int:
    """Run the app, on the demo's server if one is given; returns its exit code."""
    try:
        settings = read_settings(settings_path())
        look = look_of(settings)
        if demo is not None:
            return _demo(arguments, demo, settings, look)
        return _remote(arguments, key, settings, look)
    except PulsapiError as error:
        return fail(error.user_message, exits.of(error))


def _demo(arguments: argparse.Namespace, server: DemoServer, settings: Settings, look: Look) -> int:
    tour = _tour(arguments)
    connector = DemoConnector(
        server,
        SystemClock(),
        read_only=arguments.read_only,
        tour_key=tour.NEW_KEY if tour is not None else "",
    )
    try:
        return _run(arguments, settings, look, connector, connector.tell, tour)
    finally:
        connector.stop()


def _tour(arguments: argparse.Namespace) -> DemoTour | None:
    """The tour, if it is asked for."""
    if not arguments.tour:
        return None
    from pulsapi_tui.ui.demo_tour import DemoTour

    return DemoTour(PACES_S["normal"] if arguments.pace is None else arguments.pace)


def _remote(arguments: argparse.Namespace, key: str, settings: Settings, look: Look) -> int:
    access = account_asked_for(arguments, key)
    connector = None
    if access is not None:
        connector = RemoteConnector(access, credentials_here(), SystemClock())
    return _run(arguments, settings, look, connector, None)


def _run(
    arguments: argparse.Namespace,
    settings: Settings,
    look: Look,
    connector: Connector | None,
    tell: Callable[[Callable[[str], None]], None] | None,
    tour: DemoTour | None = None,
) -> int:
    """Run the app on a session; `tell` is given the way to show news from another thread."""
    accounts = LocalAccounts(SystemClock(), read_only=arguments.read_only)
    app = PulsapiApp(
        connector,
        accounts,
        SystemClock(),
        partial(TerminalClipboard, policy=clipboard_policy(settings)),
        hand_off(settings),
        health_limits(settings),
        keymap=look.keymap,
        theme=look.theme,
        tour=tour,
    )
    accounts.tell(app.news)
    if tell is not None:
        tell(app.news)
    try:
        app.run()
    finally:
        accounts.stop()
    let_go_of_lost_terminal()
    return app.return_code or exits.DONE
