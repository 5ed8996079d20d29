"""The commands that ask PulsAPI: open the account, run one, and say how it ended."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.advice import told
from pulsapi_tui.cli.asked import account_asked_for
from pulsapi_tui.cli.check import check
from pulsapi_tui.cli.create import create
from pulsapi_tui.cli.interrupts import Interrupts
from pulsapi_tui.cli.keys import list_keys, show
from pulsapi_tui.cli.output import open_missing_streams, say
from pulsapi_tui.cli.process import let_go_of_lost_terminal
from pulsapi_tui.cli.revoke import read_words, revoke
from pulsapi_tui.cli.rotate import rotate
from pulsapi_tui.cli.services import services, whoami
from pulsapi_tui.cli.work import Work
from pulsapi_tui.config.paths import settings_path
from pulsapi_tui.config.settings import Settings, read_settings
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.wiring.access import Access, no_account

Command = Callable[[Work], Awaitable[int]]

COMMANDS: dict[str, Command] = {
    "check": check,
    "keys create": create,
    "keys list": list_keys,
    "keys revoke": revoke,
    "keys rotate": rotate,
    "keys show": show,
    "services": services,
    "whoami": whoami,
}


def run_command(arguments: argparse.Namespace, key: str) -> int:
    """Run `keys …`, `services`, `check` or `whoami`; `key` is `PULSAPI_API_KEY`."""
    open_missing_streams()
    try:
        return _run(arguments, key)
    except PulsapiError as error:
        say(f"pulsapi-tui: {error.user_message}")
        return exits.of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    finally:
        let_go_of_lost_terminal()


def _run(arguments: argparse.Namespace, key: str) -> int:
    name = arguments.command
    if name == "keys":
        name = f"keys {arguments.keys_command}"
    if name == "keys revoke":
        arguments.keys = read_words(arguments.keys)
    settings = read_settings(settings_path())
    access = account_asked_for(arguments, key)
    if access is None:
        raise no_account()
    return asyncio.run(_work(COMMANDS[name], arguments, access, settings))


async def _work(
    command: Command, arguments: argparse.Namespace, access: Access, settings: Settings
) -> int:
    interrupts = Interrupts()
    work = Work(arguments, access, settings, interrupts)
    try:
        with interrupts.listening():
            try:
                done = await command(work)
                # What was signalled meanwhile is told by the loop, a turn later.
                await asyncio.sleep(0)
                return interrupts.ended(done)
            except asyncio.CancelledError:
                code = interrupts.cancelled()
                if code is None:
                    raise
                return code
    except exits.StoppedError:
        raise
    except PulsapiError as error:
        raise exits.StoppedError(told(error, access, arguments), exits.of(error)) from error
    finally:
        await work.close()
