"""Copy a secret, and say only what is known about it.

A secret goes to a child process by standard input alone. Each step is bounded in time.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from pulsapi_tui.delivery.routes import ANY, Choice, ClipboardPolicy, Route, explain, why_no_other
from pulsapi_tui.delivery.tmux import Tmux, run, tool_environment
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret

TOOL_TIMEOUT_S = 3.0

_PYPERCLIP_COPY = "import sys, pyperclip; pyperclip.copy(sys.stdin.read())"
_PYPERCLIP_PASTE = "import sys, pyperclip; sys.stdout.write(pyperclip.paste())"

_THROUGH = {
    Route.OSC52: "",
    Route.TMUX: "through tmux ",
    Route.TMUX_WRAPPED: "through tmux ",
    Route.SCREEN_WRAPPED: "through screen ",
}


def osc52(text: str) -> str:
    """The sequence that sets the terminal's clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"


def tmux_wrapped(sequence: str) -> str:
    """A sequence in tmux's passthrough: every ESC doubled."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def screen_wrapped(sequence: str) -> str:
    """A sequence in GNU screen's device control string."""
    return f"\x1bP{sequence}\x1b\\"


class TerminalClipboard:
    """The real `Clipboard`.

    `write` sends a string to the terminal as it is. Nothing of a secret is kept.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        policy: ClipboardPolicy = ANY,
        environment: Mapping[str, str] | None = None,
        platform: str = sys.platform,
    ) -> None:
        self._write = write
        self._policy = policy
        self._environment = tool_environment(os.environ if environment is None else environment)
        self._platform = platform

    async def copy(self, secret: Secret) -> Copied:
        """Copy, by one route that proves it or by all that may work; report what is known."""
        tmux = Tmux(self._environment)
        choices = await asyncio.to_thread(
            explain, self._environment, self._platform, self._policy, tmux
        )
        sent: list[Route] = []
        failures: dict[Route, str] = {}
        for route in (choice.route for choice in choices if choice.chosen):
            failure = await self._by(route, secret, tmux)
            if failure is not None:
                failures[route] = failure
            elif route is Route.NATIVE:
                return Copied(
                    confirmed=True, message="Copied, and read back from this computer's clipboard."
                )
            else:
                sent.append(route)
        return _sent(sent, failures) if sent else self._failed(choices, failures)

    async def _by(self, route: Route, secret: Secret, tmux: Tmux) -> str | None:
        """Copy by one route; what went wrong, as the rest of a sentence, or None."""
        sequence = osc52(secret.reveal())
        match route:
            case Route.NATIVE:
                return await asyncio.to_thread(self._native, secret)
            case Route.OSC52:
                self._write(sequence)
            case Route.TMUX:
                taken = await asyncio.to_thread(tmux.load, secret)
                return None if taken else "tmux did not take it"
            case Route.TMUX_WRAPPED:
                self._write(tmux_wrapped(sequence))
            case Route.SCREEN_WRAPPED:
                self._write(screen_wrapped(sequence))
        return None

    def _native(self, secret: Secret) -> str | None:
        """Copy, and read back."""
        copy, paste = (
            [sys.executable, "-I", "-c", code] for code in (_PYPERCLIP_COPY, _PYPERCLIP_PASTE)
        )
        if run(copy, self._environment, TOOL_TIMEOUT_S, secret=secret).status != 0:
            return "this computer's clipboard could not be set"
        back = run(paste, self._environment, TOOL_TIMEOUT_S, capture=True)
        if back.status != 0 or not secret.matches(back.output):
            return "this computer's clipboard did not give the key back"
        return None

    def _failed(self, choices: tuple[Choice, ...], failures: Mapping[Route, str]) -> Copied:
        why = list(failures.values())
        if not failures.keys() - {Route.NATIVE}:
            no_other = why_no_other(choices, self._environment)
            why += [no_other] if no_other else []
        return Copied(confirmed=False, sent=False, message=f"Could not copy: {', and '.join(why)}.")


def _sent(routes: Sequence[Route], failures: Mapping[Route, str]) -> Copied:
    """The least that is true: where a plain sequence was sent, nothing is known of a way."""
    through = _THROUGH[Route.OSC52 if Route.OSC52 in routes else routes[-1]]
    message = f"Sent {through}to your terminal's clipboard. Not confirmed."
    if native := failures.get(Route.NATIVE):
        message += f" ({native[0].upper()}{native[1:]}.)"
    return Copied(confirmed=False, message=message)
