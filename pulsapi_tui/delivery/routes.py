"""Which ways to a clipboard there are from where the program runs, and why.

Chosen by what the environment and tmux say, never by what happens to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pulsapi_tui.delivery.tmux import Tmux
from pulsapi_tui.domain.text import clean

_SSH = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_DISPLAY = ("WAYLAND_DISPLAY", "DISPLAY")

# By the first part of TERM, before a hyphen.
_WITHOUT_CLIPBOARD = frozenset(
    {"", "ansi", "cons25", "dumb", "emacs", "eterm", "linux", "network", "sun", "unknown"}
    | {f"vt{number}" for number in (52, 100, 102, 220, 320, 420)}
)


class Route(StrEnum):
    """A way to a clipboard, in the order in which they are tried."""

    NATIVE = "native"
    """This computer's clipboard, by pyperclip; can be read back."""
    OSC52 = "osc52"
    """The escape sequence, to the terminal."""
    TMUX = "tmux"
    """`tmux load-buffer -w`, which makes tmux send the sequence to its own terminal."""
    TMUX_WRAPPED = "tmux-passthrough"
    """The sequence in tmux's passthrough, dropped without a trace where that is off."""
    SCREEN_WRAPPED = "screen-passthrough"
    """The sequence in GNU screen's device control string."""


class ClipboardPolicy(msgspec.Struct, frozen=True):
    """What the settings say about routes."""

    force: tuple[Route, ...] = ()
    """Exactly these, in this order, whatever the environment says."""
    forbid: frozenset[Route] = frozenset()
    """Never these, not even where they are forced."""


class Choice(NamedTuple):
    """Whether a route is taken, and the sentence that says why."""

    route: Route
    chosen: bool
    reason: str


ANY = ClipboardPolicy()
FORBIDDEN = "The settings forbid it."
FORCED = "The settings force it."
NOT_FORCED = "The settings force other routes."


def choose(
    environment: Mapping[str, str], platform: str, policy: ClipboardPolicy = ANY
) -> tuple[Route, ...]:
    """The routes to try, in their order; may ask tmux, so not for the UI thread."""
    return tuple(choice.route for choice in explain(environment, platform, policy) if choice.chosen)


def explain(
    environment: Mapping[str, str],
    platform: str,
    policy: ClipboardPolicy = ANY,
    tmux: Tmux | None = None,
) -> tuple[Choice, ...]:
    """Each route with its reason, those that are taken first and in their order; may ask tmux."""
    if policy.force:
        forced = dict.fromkeys(policy.force)
        choices = [Choice(route, True, FORCED) for route in forced]
        choices += [Choice(route, False, NOT_FORCED) for route in Route if route not in forced]
    else:
        choices = _by_environment(environment, platform, tmux or Tmux(environment))
    choices = [
        Choice(choice.route, False, FORBIDDEN)
        if choice.chosen and choice.route in policy.forbid
        else choice
        for choice in choices
    ]
    return tuple(sorted(choices, key=lambda choice: not choice.chosen))


def why_no_other(choices: tuple[Choice, ...], environment: Mapping[str, str]) -> str | None:
    """Why no route but the chosen ones is taken, as the rest of a sentence; None where forced."""
    reasons = {choice.reason for choice in choices}
    if FORBIDDEN in reasons:
        other = "other " if any(choice.chosen for choice in choices) else ""
        return f"every {other}route is forbidden by the settings"
    if FORCED in reasons:
        return None
    if environment.get("TMUX"):
        return "tmux has no way to this terminal's clipboard"
    return _term_says(environment)


def _by_environment(environment: Mapping[str, str], platform: str, tmux: Tmux) -> list[Choice]:
    choices = [_native(environment, platform, tmux)]
    if environment.get("TMUX"):
        choices += _through_tmux(tmux)
        outside = "It is for GNU screen, and the program runs in tmux."
        return [*choices, Choice(Route.SCREEN_WRAPPED, False, outside)]
    in_screen = bool(environment.get("STY"))
    plain = Choice(Route.OSC52, False, "GNU screen drops it.") if in_screen else _plain(environment)
    for_screen = "The program runs in GNU screen." if in_screen else "STY is not set."
    return [
        *choices,
        plain,
        *(Choice(route, False, "TMUX is not set.") for route in (Route.TMUX, Route.TMUX_WRAPPED)),
        Choice(Route.SCREEN_WRAPPED, in_screen, for_screen),
    ]


def _native(environment: Mapping[str, str], platform: str, tmux: Tmux) -> Choice:
    """Where the user sits at another computer, its clipboard would be confirmed and useless."""
    over_ssh = next((name for name in _SSH if environment.get(name)), None)
    display = next((name for name in _DISPLAY if environment.get(name)), None)
    against = None
    if over_ssh:
        against = f"{over_ssh} is set: this computer's clipboard is not that of your terminal."
    elif platform != "darwin" and not display:
        against = "Neither WAYLAND_DISPLAY nor DISPLAY is set."
    elif environment.get("TMUX"):
        names = tmux.environment_names()
        if names is None:
            against = "tmux does not tell whether you came by ssh."
        elif not names.isdisjoint(_SSH):
            against = "tmux says that you came by ssh."
    elif environment.get("STY"):
        against = "GNU screen can't tell whether you came by ssh."
    sits_here = f"You did not come by ssh, and this computer has a display ({display or platform})."
    return Choice(Route.NATIVE, against is None, against or sits_here)


def _through_tmux(tmux: Tmux) -> list[Choice]:
    """A plain sequence is dropped by tmux, or kept in a buffer: so it has no part here."""
    options = tmux.options()
    if options is None:
        # Perhaps there is none any more, or its program is not on the path.
        silent = "tmux does not answer."
        return [
            Choice(Route.OSC52, True, silent),
            Choice(Route.TMUX, False, silent),
            Choice(Route.TMUX_WRAPPED, True, silent),
        ]
    has_clipboard = tmux.client_has_clipboard()
    count = len(tmux.client_pids())
    if has_clipboard is None:
        about = "tmux does not tell what its terminal can do."
    elif not has_clipboard:
        about = "tmux has no sequence for its terminal's clipboard (Ms is missing)."
    elif count > 1:
        about = f"{count} terminals are attached to tmux; the one that was used last is reached."
    else:
        about = "tmux has a sequence for its terminal's clipboard (Ms)."
    # A terminal in control mode is given what the pane writes as it is.
    plain = has_clipboard is None and options.set_clipboard != "on"
    does = "keep the key in a buffer" if options.set_clipboard == "on" else "drop it"
    dropped = f"tmux would {does} (set-clipboard is {options.set_clipboard})."
    passes = "on" if options.allow_passthrough else "off"
    return [
        Choice(Route.OSC52, plain, about if plain else dropped),
        Choice(Route.TMUX, has_clipboard is not False, about),
        Choice(
            Route.TMUX_WRAPPED, options.allow_passthrough, f"tmux's allow-passthrough is {passes}."
        ),
    ]


def _plain(environment: Mapping[str, str]) -> Choice:
    term = clean(environment.get("TERM", ""))
    if term.partition("-")[0].lower() in _WITHOUT_CLIPBOARD:
        return Choice(Route.OSC52, False, f"{_term_says(environment)}.")
    if term.startswith(("tmux", "screen")):
        return Choice(Route.OSC52, True, f"TERM is {term}: a tmux or screen before it may drop it.")
    return Choice(Route.OSC52, True, f"TERM is {term}.")


def _term_says(environment: Mapping[str, str]) -> str:
    term = clean(environment.get("TERM", ""))
    return f"TERM is {term}, which has no clipboard" if term else "TERM is not set"
