"""Credentials that a command prints, as that of a password manager does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from threading import Event
from typing import NamedTuple

from pulsapi_tui.config.key_store import MOST_BYTES, key_in
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean
from pulsapi_tui.running import started

_HINT_LENGTH = 200
_MOST_WORDS = 100
_LIKE_A_KEY = re.compile(r"(?=[\w+=~-]*[0-9])(?=[\w+=~-]*[A-Za-z])[\w+=~-]{16,}")
"""What a program says may hold a key that nobody here knows; no message is worth that."""


class CommandStore:
    """Runs the command of a profile. No shell is involved, and nothing is kept here.

    `may_prompt` leaves it the terminal, for what it may have to ask; else it can't draw over the
    screen.
    """

    TIMEOUT_S = 30.0
    PROMPT_TIMEOUT_S = 120.0
    """A person types meanwhile."""

    def __init__(self, environment: Mapping[str, str], *, may_prompt: bool) -> None:
        # With GPG_TTY, pinentry would paint over the screen.
        withheld = {"PULSAPI_API_KEY"} | (set() if may_prompt else {"GPG_TTY"})
        self._environment = {
            name: value for name, value in environment.items() if name not in withheld
        }
        self._may_prompt = may_prompt

    def problem(self) -> str:
        """None is known before the command is."""
        return ""

    def read(self, profile: Profile, given_up: Event) -> Secret:
        """The key that the command prints."""
        printed = self._printed(profile.source.argv, None, given_up)
        return _key_of(printed, profile.source.argv)

    def keep(self, profile: Profile, credential: Secret, given_up: Event) -> None:
        """The command has to print the key already."""
        argv = profile.source.argv
        if any(map(credential.stands_in, argv)):
            raise CredentialError(
                "The key itself stands in the command, where everybody can read it. Give a "
                "command that looks it up."
            )
        printed = self._printed(argv, credential, given_up)
        if _key_of(printed, argv) != credential:
            raise CredentialError(
                f"{shown_command(argv)} prints another key than the one that was tested. Store "
                "the key there first."
            )

    def forget(self, profile: Profile, given_up: Event) -> None:
        """What the password manager has is its own."""

    def _printed(self, argv: tuple[str, ...], expected: Secret | None, given_up: Event) -> _Printed:
        """Run it; raises nothing, since the text of the key is in here."""
        program = _program(argv[0] if argv else "", self._environment)
        if not program.path:
            return _Printed(problem=program.problem)
        timeout_s = self.PROMPT_TIMEOUT_S if self._may_prompt else self.TIMEOUT_S
        with ExitStack() as stack:
            try:
                running = stack.enter_context(
                    started(
                        (program.path, *argv[1:]), self._environment, at_terminal=self._may_prompt
                    )
                )
            except (OSError, ValueError):
                return _Printed(problem="could not be started. Try it in a shell.")
            status = running.until(
                time.monotonic() + timeout_s,
                lambda: given_up.is_set() or running.output_size() > MOST_BYTES,
            )
            output, said = running.output(), running.error_output()
        problem = "" if len(output) > MOST_BYTES else self._failure(status, timeout_s)
        found = key_in(output)
        if not problem and found.key is not None:
            return _Printed(found.key)
        problem = problem or f"printed what {found.problem}. It has to print the key alone."
        return _Printed(problem=problem, hint=_hint(said, output, expected))

    def _failure(self, status: int | None, timeout_s: float) -> str:
        """How the run went wrong; empty where it did not."""
        if status == 0:
            return ""
        if status is None:
            problem = f"did not end within {timeout_s:g} s and was ended."
        elif status < 0:
            problem = f"was ended by signal {_signal_name(-status)}."
        else:
            problem = f"failed with exit code {status}."
        if self._may_prompt:
            return f"{problem} Try it in a shell."
        return (
            f"{problem} Run it once in a shell first: there it can ask for what it needs, such as "
            "a password."
        )


class _Printed(NamedTuple):
    """A key that was printed, or what went wrong and the last that the command said of it."""

    key: Secret | None = None
    problem: str = ""
    hint: str = ""


def _key_of(printed: _Printed, argv: tuple[str, ...]) -> Secret:
    if printed.key is None:
        hint = f" It said: {printed.hint}" if printed.hint else ""
        raise CredentialError(f"{shown_command(argv)} {printed.problem}{hint}")
    return printed.key


class _Program(NamedTuple):
    path: str = ""
    problem: str = ""


def shown_command(argv: tuple[str, ...]) -> str:
    """A command for people."""
    return f"“{clean(shlex.join(argv))}”"


def _program(name: str, environment: Mapping[str, str]) -> _Program:
    if "/" in name and not name.startswith("/"):
        return _Program(problem="depends on the directory that you are in. Give its whole path.")
    # An empty or a relative entry would be another program in each directory.
    entries = environment.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(entry for entry in entries if entry.startswith("/"))
    found = shutil.which(name, path=path) if path or name.startswith("/") else None
    if found is None:
        return _Program(problem="is not found. Install it, or give its whole path.")
    return _Program(found)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _hint(said: bytes, output: bytes, expected: Secret | None) -> str:
    """The last line that a command said of itself, without anything that may be a key."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    line = clean(next((each for each in reversed(lines) if each), ""))[-_HINT_LENGTH:]
    words = output.decode(errors="replace").split()
    keys = [*map(Secret, words[:_MOST_WORDS]), *([expected] if expected else [])]
    if len(words) > _MOST_WORDS or not all(each.is_safe_beside(line) for each in keys):
        return ""
    return _LIKE_A_KEY.sub("[…]", line)
