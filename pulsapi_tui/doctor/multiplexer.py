"""What stands between the program and the user's terminal: ssh, tmux, GNU screen."""

from __future__ import annotations

import re
import shlex
import shutil

from pulsapi_tui.delivery.routes import choose
from pulsapi_tui.delivery.tmux import ASK_TIMEOUT_S, Options, Tmux, run
from pulsapi_tui.doctor.checks import Check, Place, ok, skip, warn

_SSH = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_HAS_FEATURES = (3, 2)
"""The first tmux with `terminal-features`."""

SET_CLIPBOARD_ON = "tmux set -s set-clipboard on"


def multiplexer_checks(place: Place, tmux: Tmux) -> tuple[Check, ...]:
    """Asks tmux, each question bounded in time."""
    return (
        _session(place, tmux),
        *(_tmux(place, tmux) if place.environment.get("TMUX") else [_no_tmux(place)]),
        _screen(place),
    )


def _session(place: Place, tmux: Tmux) -> Check:
    name = next((name for name in _SSH if place.environment.get(name)), None)
    if name:
        return ok("ssh", f"You came by ssh or mosh ({name} is set).")
    if place.environment.get("TMUX"):
        names = tmux.environment_names()
        if names is None:
            return skip("ssh", "tmux does not tell whether you came by ssh.")
        if told := next((name for name in _SSH if name in names), None):
            return ok("ssh", f"You came by ssh or mosh (tmux has {told}).")
    return ok("ssh", "Not by ssh, as far as the environment tells.")


def _screen(place: Place) -> Check:
    if place.environment.get("STY"):
        return ok("inside screen", "In GNU screen: copies go through it in its control string.")
    return ok("inside screen", "Not in GNU screen (STY is not set).")


def _no_tmux(place: Place) -> Check:
    """A tmux on the user's own computer, before ssh, is seen by its TERM alone."""
    term = place.environment.get("TERM", "")
    if term.startswith(("tmux", "screen")) and not place.environment.get("STY"):
        return warn(
            "inside tmux",
            f"TERM is {term} and TMUX is not set: a tmux or screen before ssh may swallow copies. "
            "In that tmux:",
            SET_CLIPBOARD_ON,
        )
    return ok("inside tmux", "Not in tmux (TMUX is not set).")


def _tmux(place: Place, tmux: Tmux) -> list[Check]:
    options = tmux.options()
    if options is None:
        if shutil.which("tmux", path=place.environment.get("PATH")) is None:
            why, mend = "there is no tmux on the PATH", "put the folder of tmux on the PATH"
        else:
            why, mend = "it does not answer", "unset TMUX"
        return [warn("inside tmux", f"TMUX is set, but {why}.", mend)]
    return [
        ok("inside tmux", f"In tmux {tmux.version()}."),
        _set_clipboard(options),
        _passthrough(options),
        *_clients(place, tmux),
    ]


def _set_clipboard(options: Options) -> Check:
    """The program's own copy passes in each of the settings; a selection by mouse does not."""
    if options.set_clipboard == "off":
        return warn(
            "set-clipboard",
            "off: what you select in tmux does not reach your terminal's clipboard.",
            "tmux set -s set-clipboard external",
        )
    return ok("set-clipboard", f"{options.set_clipboard}.")


def _passthrough(options: Options) -> Check:
    if options.allow_passthrough:
        return ok("allow-passthrough", "on: a copy can also go straight to your terminal.")
    return ok("allow-passthrough", "off: a copy goes by tmux's own way alone, which is enough.")


def _clients(place: Place, tmux: Tmux) -> list[Check]:
    count = len(tmux.client_pids())
    if not count:
        return [skip("tmux's terminal", "No terminal is attached to this session.")]
    checks = [_client(place, tmux)]
    if count > 1:
        found = f"{count} terminals are attached; a copy reaches the one that was used last."
        checks.append(warn("attached", found, "tmux detach-client -a"))
    return checks


def _client(place: Place, tmux: Tmux) -> Check:
    has_clipboard = tmux.client_has_clipboard()
    if has_clipboard is None:
        return skip("tmux's terminal", "tmux does not tell what its terminal can do.")
    term = _client_term(place)
    if not has_clipboard:
        if not term or not choose({"TERM": term}, place.platform):
            return warn(
                "tmux's terminal",
                f"The terminal around tmux ({term or 'unknown'}) has no clipboard.",
                "attach to tmux from a terminal that has one",
            )
        return warn(
            "tmux's terminal",
            f"tmux has no sequence for the clipboard of its terminal, {term} (Ms is missing). "
            "Detach and attach again after:",
            _add_clipboard(term, tmux.version()),
        )
    if term.startswith(("tmux", "screen")):
        return warn(
            "tmux's terminal",
            f"The terminal around tmux is a tmux or screen itself ({term}), which may swallow "
            "copies. In the outer tmux:",
            SET_CLIPBOARD_ON,
        )
    return ok("tmux's terminal", f"{term or 'It'} has a clipboard, as far as tmux knows (Ms).")


def _client_term(place: Place) -> str:
    argv = ["tmux", "display-message", "-p", "#{client_termname}"]
    return run(argv, place.environment, ASK_TIMEOUT_S, capture=True).output.strip()


def _add_clipboard(term: str, version: str) -> str:
    number = re.search(r"(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < _HAS_FEATURES:
        override = rf",{term}:Ms=\E]52;%p1%s;%p2%s\007"
        return f"tmux set -as terminal-overrides {shlex.quote(override)}"
    return f"tmux set -as terminal-features {shlex.quote(f',{term}:clipboard')}"
