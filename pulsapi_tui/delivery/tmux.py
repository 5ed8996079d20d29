"""What tmux says about the terminal around it, and the one thing that it is given.

A pane's environment may be older than the connection, and tmux takes a copy without a word also
where it can't pass it on; so tmux is asked. Nothing here raises, and each call is bounded in time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from pulsapi_tui.domain.secret import Secret

ASK_TIMEOUT_S = 2.0
LOAD_TIMEOUT_S = 3.0

_QUESTION = (
    "#{client_name}|#{session_id}|#{version}|#{pane_pipe}|#{set-clipboard}|#{allow-passthrough}"
)
_TERMINAL = re.compile(r"Terminal \d+: .* for (?P<client>.+), flags=")
_CLIPBOARD = re.compile(r" *\d+: Ms: (?P<value>\[missing\]|\(string\))")
_ALWAYS_PASSED_BEFORE = (3, 3)


class Ran(NamedTuple):
    """How a tool ended."""

    status: int | None
    """None where it could not be started, or did not end in time."""
    output: str = ""


def tool_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a tool is started with: everything but the session's own key."""
    return {name: value for name, value in environment.items() if name != "PULSAPI_API_KEY"}


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    *,
    secret: Secret | None = None,
    capture: bool = False,
) -> Ran:
    """Run a tool, bounded in time; what hangs is killed with all that it started.

    Output goes nowhere unless it is asked for: xclip leaves a daemon behind that would hold a pipe
    open, and tools paint their errors over the screen.
    """
    # The input is not passed to `subprocess.run`: its TimeoutExpired would carry it.
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=tool_environment(environment),
            start_new_session=True,
        )
    except (OSError, ValueError):
        return Ran(None)
    with process:
        try:
            given = secret.reveal().encode() if secret is not None else b""
            output, _ = process.communicate(given, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            # The whole session: what hangs may be a tool that this one started, secret in hand.
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            return Ran(None)
    return Ran(process.returncode, output.decode(errors="replace") if capture else "")


class Options(NamedTuple):
    """The two settings that decide what becomes of a sequence from a pane."""

    set_clipboard: str
    """`on`, `external` or `off`."""
    allow_passthrough: bool


class _Pane(NamedTuple):
    client: str
    session: str
    version: str
    is_piped: bool
    options: Options


class Tmux:
    """The tmux around this program, as it is now: make a new one for each copy.

    What did not answer once is not asked again.
    """

    def __init__(self, environment: Mapping[str, str], *, timeout_s: float = ASK_TIMEOUT_S) -> None:
        self._environment = environment
        self._timeout_s = timeout_s
        self._program = shutil.which("tmux", path=environment.get("PATH"))
        self._is_silent = False

    def _ask(self, *arguments: str) -> str | None:
        """The answer, without what goes with a failure."""
        if self._program is None or self._is_silent:
            return None
        argv = [self._program, *arguments]
        status, output = run(argv, self._environment, self._timeout_s, capture=True)
        self._is_silent = status is None
        return output if status == 0 else None

    @cached_property
    def _pane(self) -> _Pane | None:
        fields = (self._ask("display-message", "-p", _QUESTION) or "").rstrip("\n").split("|")
        if len(fields) != _QUESTION.count("|") + 1:
            return None
        client, session, version, pipe, clipboard, passthrough = fields
        number = re.search(r"(\d+)\.(\d+)", version)
        old = number and (int(number[1]), int(number[2])) < _ALWAYS_PASSED_BEFORE
        options = Options(clipboard, bool(old) or passthrough in {"1", "on", "all"})
        return _Pane(client, session, version, pipe == "1", options)

    def environment_names(self) -> frozenset[str] | None:
        """The names that are set for this session; None where tmux does not tell."""
        answer = self._ask("show-environment")
        if answer is None:
            return None
        return frozenset(line.split("=", 1)[0] for line in answer.splitlines() if "=" in line)

    def options(self) -> Options | None:
        """Its settings for this pane; None where it does not tell."""
        return self._pane.options if self._pane else None

    def version(self) -> str:
        """As it calls itself; empty where it does not tell."""
        return self._pane.version if self._pane else ""

    def pane_pipe(self) -> bool:
        """Whether it is known to write this pane to a file or a command."""
        return self._pane is not None and self._pane.is_piped

    def client_has_clipboard(self) -> bool | None:
        """Whether tmux has a sequence for the clipboard of the terminal that was used last.

        None where it does not tell, as for a client in control mode.
        """
        if self._pane is None:
            return None
        if not self._pane.client:
            return False
        client = ""
        for line in (self._ask("show-messages", "-T") or "").splitlines():
            if terminal := _TERMINAL.match(line):
                client = terminal["client"]
            elif client == self._pane.client and (clipboard := _CLIPBOARD.match(line)):
                return clipboard["value"] == "(string)"
        return None

    def client_pids(self) -> tuple[int, ...]:
        """The processes that show this session on their terminals."""
        if self._pane is None:
            return ()
        answer = self._ask("list-clients", "-F", "#{session_id}|#{client_pid}") or ""
        clients = (line.partition("|") for line in answer.splitlines())
        return tuple(
            int(pid)
            for session, _, pid in clients
            if session == self._pane.session and pid.isdigit()
        )

    def load(self, secret: Secret) -> bool:
        """Hand a secret to the terminal's clipboard; no buffer keeps it. True where tmux took it.

        tmux itself deletes the buffer, also where this program is killed in between.
        """
        if self._program is None or self._is_silent:
            return False
        buffer = f"pulsapi-{os.urandom(8).hex()}"
        delete = ["delete-buffer", "-b", buffer]
        load = [self._program, "load-buffer", "-w", "-b", buffer, "-", ";", *delete]
        loaded = run(load, self._environment, LOAD_TIMEOUT_S, secret=secret).status == 0
        if not loaded:
            run([self._program, *delete], self._environment, self._timeout_s)
        return loaded
