"""Which ways to a clipboard there are from where the program runs, and why.

Chosen by what the environment says, never by what happens to be installed. Inside tmux the
environment of the pane may be older than the connection, so tmux is asked too.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from enum import StrEnum

ASK_TMUX_TIMEOUT_S = 2.0

_SSH = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
_DISPLAY = ("WAYLAND_DISPLAY", "DISPLAY")


class Route(StrEnum):
    """A way to a clipboard."""

    OSC52 = "osc52"
    """The escape sequence, to the terminal."""
    TMUX = "tmux"
    """`tmux load-buffer -w`, which makes tmux send the sequence to its own terminal."""
    TMUX_WRAPPED = "tmux-passthrough"
    """The sequence in tmux's passthrough, dropped without a trace where that is off."""
    SCREEN_WRAPPED = "screen-passthrough"
    """The sequence in GNU screen's device control string."""
    NATIVE = "native"
    """This computer's clipboard, by pyperclip; can be read back."""


def _tmux_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """The names that `tmux show-environment` has set for this session; none outside tmux."""
    tmux = shutil.which("tmux", path=environment.get("PATH"))
    if not environment.get("TMUX") or tmux is None:
        return frozenset()
    try:
        answer = subprocess.run(
            [tmux, "show-environment"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_TMUX_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(line.split("=", 1)[0] for line in answer.stdout.splitlines() if "=" in line)


def choose(environment: Mapping[str, str], platform: str) -> tuple[Route, ...]:
    """The routes to try, in their order; may ask tmux, so not for the UI thread."""
    tmux_names = _tmux_environment(environment)
    remote = any(environment.get(name) or name in tmux_names for name in _SSH)
    has_display = platform == "darwin" or any(environment.get(name) for name in _DISPLAY)
    routes: list[Route] = [Route.OSC52]
    if environment.get("TMUX"):
        # Wrapped comes last: in xterm, load-buffer sets PRIMARY only and this sets CLIPBOARD.
        routes += [Route.TMUX, Route.TMUX_WRAPPED]
    elif environment.get("STY"):
        routes.append(Route.SCREEN_WRAPPED)
    if has_display and not remote:
        routes.append(Route.NATIVE)
    return tuple(routes)
