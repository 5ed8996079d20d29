"""Copy a secret, and say only what is known about it.

A secret goes to a child process by standard input alone. Each step is bounded in time.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pulsapi_tui.delivery.routes import Route, choose
from pulsapi_tui.domain.ports import Copied
from pulsapi_tui.domain.secret import Secret

TOOL_TIMEOUT_S = 3.0

_PYPERCLIP_COPY = "import sys, pyperclip; pyperclip.copy(sys.stdin.read())"
_PYPERCLIP_PASTE = "import sys, pyperclip; sys.stdout.write(pyperclip.paste())"


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
        environment: Mapping[str, str] | None = None,
        platform: str = sys.platform,
    ) -> None:
        self._write = write
        self._environment = dict(os.environ if environment is None else environment)
        self._platform = platform

    async def copy(self, secret: Secret) -> Copied:
        """Copy by every route that can help from here; report the best thing that is known."""
        routes = await asyncio.to_thread(choose, self._environment, self._platform)
        sequence = osc52(secret.reveal())
        in_tmux = False
        native_error: str | None = None
        for route in routes:
            match route:
                case Route.OSC52:
                    self._write(sequence)
                case Route.TMUX:
                    in_tmux = await asyncio.to_thread(self._through_tmux, secret)
                case Route.TMUX_WRAPPED:
                    self._write(tmux_wrapped(sequence))
                case Route.SCREEN_WRAPPED:
                    self._write(screen_wrapped(sequence))
                case Route.NATIVE:
                    native_error = await asyncio.to_thread(self._native, secret)
                    if native_error is None:
                        return Copied(
                            confirmed=True,
                            message="Copied, and read back from this computer's clipboard.",
                        )
        return _unconfirmed(in_tmux=in_tmux, routes=routes, native_error=native_error)

    def _through_tmux(self, secret: Secret) -> bool:
        """Hand the secret to tmux's terminal by a buffer that is deleted at once."""
        tmux = shutil.which("tmux", path=self._environment.get("PATH"))
        if tmux is None:
            return False
        buffer = f"pulsapi-{secrets.token_hex(4)}"
        loaded = _run([tmux, "load-buffer", "-w", "-b", buffer, "-"], self._environment, secret)
        _run([tmux, "delete-buffer", "-b", buffer], self._environment)
        return loaded is not None

    def _native(self, secret: Secret) -> str | None:
        """Copy and read back; returns what went wrong, or None where the text came back equal."""
        python = [sys.executable, "-I", "-c"]
        if _run([*python, _PYPERCLIP_COPY], self._environment, secret) is None:
            return "this computer's clipboard could not be set"
        back = _run([*python, _PYPERCLIP_PASTE], self._environment, capture=True)
        if back is None or not secret.matches(back):
            return "this computer's clipboard did not give the key back"
        return None


def _unconfirmed(*, in_tmux: bool, routes: Sequence[Route], native_error: str | None) -> Copied:
    failed = f" ({native_error[0].upper()}{native_error[1:]}.)" if native_error else ""
    if in_tmux:
        where = "Sent through tmux to your terminal's clipboard."
    elif Route.SCREEN_WRAPPED in routes:
        where = "Sent through screen to your terminal's clipboard."
    else:
        where = "Sent to your terminal's clipboard."
    return Copied(
        confirmed=False,
        message=f"{where} Not confirmed.{failed}",
    )


def _run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    secret: Secret | None = None,
    *,
    capture: bool = False,
) -> str | None:
    """Run a tool, bounded in time; its output if it ended with 0, else None.

    Output goes nowhere unless it is asked for: xclip leaves a daemon behind that would hold a pipe
    open, and tools paint their errors over the screen.
    """
    # The input is not passed to `run`: its TimeoutExpired would carry it.
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        try:
            output, _ = process.communicate(
                secret.reveal().encode() if secret is not None else b"", timeout=TOOL_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            # The whole session: what hangs is the tool that pyperclip started, secret in hand.
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            return None
    if process.returncode != 0:
        return None
    return output.decode(errors="replace") if capture else ""
