"""The clipboard: each route to it, what the terminal says of it, and a try with a harmless text."""

from __future__ import annotations

import os
import secrets
import sys

from pulsapi_tui.delivery.clipboard import TerminalClipboard
from pulsapi_tui.delivery.routes import Choice, ClipboardPolicy, Route, explain, why_no_other
from pulsapi_tui.delivery.tmux import Tmux
from pulsapi_tui.doctor.checks import Check, Place, ok, skip, warn
from pulsapi_tui.doctor.device_attributes import BOUND_S, CLIPBOARD, TERMINAL, Asked, ask
from pulsapi_tui.doctor.terminal import is_terminal
from pulsapi_tui.domain.secret import Secret

DELIVER = "let the program write a new key to a file or a command: d where the key is shown"
_XTERM = "echo 'XTerm*disallowedWindowOps: 20,21,SetXprop' | xrdb -merge"


def ask_terminal(place: Place) -> Asked:
    """Ask the terminal, where it would answer itself. Before any thread is started."""
    for name, what in (("TMUX", "tmux"), ("STY", "GNU screen")):
        if place.environment.get(name):
            return Asked(not_asked=f"{what} would answer in the terminal's place.")
    if not is_terminal(sys.stdin) or not is_terminal(sys.stdout):
        return Asked(not_asked="stdin or stdout is not a terminal.")
    return ask()


async def clipboard_checks(
    place: Place, policy: ClipboardPolicy, tmux: Tmux, asked: Asked, *, tries: bool
) -> tuple[Check, ...]:
    """With `tries`, the clipboard holds a text of the program's own afterwards."""
    choices = explain(place.environment, place.platform, policy, tmux)
    says_yes = asked.attributes is not None and CLIPBOARD in asked.attributes
    is_sure = says_yes and any(each.chosen and each.route is Route.OSC52 for each in choices)
    return (
        *map(_route, choices),
        _terminal(place, asked),
        await _try(place, policy, choices, is_sure=is_sure)
        if tries
        else skip("try", "Not tried, by --no-clipboard."),
    )


def _route(choice: Choice) -> Check:
    if choice.chosen:
        return ok(choice.route, f"Taken. {choice.reason}")
    return skip(choice.route, f"Not taken. {choice.reason}")


def _terminal(place: Place, asked: Asked) -> Check:
    if asked.not_asked:
        return skip("terminal's answer", f"Not asked. {asked.not_asked}")
    if asked.attributes is None:
        return skip("terminal's answer", f"The terminal did not answer within {BOUND_S} s.")
    if CLIPBOARD in asked.attributes:
        return ok("terminal's answer", "The terminal says that it takes OSC 52.")
    if place.environment.get("XTERM_VERSION"):
        found = "XTERM_VERSION is set: xterm ignores OSC 52 by default. In a new xterm after:"
        return warn("terminal's answer", found, _XTERM)
    return skip(
        "terminal's answer",
        "The terminal does not say that it takes OSC 52; many that do don't say.",
    )


async def _try(
    place: Place, policy: ClipboardPolicy, choices: tuple[Choice, ...], *, is_sure: bool
) -> Check:
    if not any(choice.chosen for choice in choices):
        why = why_no_other(choices, place.environment) or "no route is taken"
        return warn("try", f"A key can't be copied from here: {why}.", DELIVER)
    if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
        return skip("try", "Not tried: stdin or stderr is not a terminal.")
    marker = f"pulsapi-tui doctor {secrets.token_hex(3)}"
    clipboard = TerminalClipboard(
        _write, policy=policy, environment=place.environment, platform=place.platform
    )
    try:
        copied = await clipboard.copy(Secret(marker))
    except OSError:
        return skip("try", "Not tried: the terminal can't be written to.")
    if copied.confirmed:
        return ok("try", f"{copied.message} It now holds “{marker}”.")
    if not copied.sent:
        return warn("try", copied.message, DELIVER)
    message = f"{copied.message} Where it came through, your clipboard now holds “{marker}”."
    return (
        ok("try", message)
        if is_sure
        else warn("try", message, f"paste somewhere: you should see {marker}")
    )


def _write(sequence: str) -> None:
    """To the terminal, wherever stdout goes. Raises OSError."""
    # O_NONBLOCK: a terminal that was stopped (ctrl+s) would otherwise be waited for.
    terminal = os.open(TERMINAL, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(terminal, sequence.encode())
    finally:
        os.close(terminal)
