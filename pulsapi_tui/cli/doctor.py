"""`pulsapi-tui doctor`."""

from __future__ import annotations

import argparse

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.asked import asked_for
from pulsapi_tui.cli.look import check_look
from pulsapi_tui.cli.process import RECORDERS, let_go_of_lost_terminal
from pulsapi_tui.doctor import examination


def run_doctor(arguments: argparse.Namespace, key: str) -> int:
    """Tell what this terminal, clipboard and server can do."""
    wanted = examination.Wanted(
        asked=asked_for(arguments, key),
        as_json=arguments.json,
        tries_clipboard=not arguments.no_clipboard,
        recording_variables=RECORDERS,
        check_look=check_look,
    )
    try:
        is_well = examination.examine(wanted)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    finally:
        let_go_of_lost_terminal()
    return exits.DONE if is_well else exits.FAILED
