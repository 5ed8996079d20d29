"""Hand a key to a program by its standard input, and believe nothing but its exit code.

The key is in no argument, no environment and no file of ours. What the program says is kept in
memory, bounded, and shown only without the key.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from pulsapi_tui.delivery import recipes
from pulsapi_tui.delivery.recipes import Recipe
from pulsapi_tui.delivery.scrub import scrub
from pulsapi_tui.domain.delivery import Delivered, Preview, Way
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean_lines
from pulsapi_tui.running import started

SHOWN_LINES = 12
SHOWN_CHARACTERS = 2000
# GPG_TTY: pinentry would paint over our screen. The other is the session's own key.
_WITHHELD = ("PULSAPI_API_KEY", "GPG_TTY")


class CommandSink:
    """The `Sink` of one recipe. The environment is what the program gets, but for a few names."""

    def __init__(self, recipe: Recipe, environment: Mapping[str, str]) -> None:
        self._recipe = recipe
        self._environment = {
            name: value for name, value in environment.items() if name not in _WITHHELD
        }

    def way(self, key_name: str) -> Way:
        """The way, with defaults for a key of that name."""
        return Way(
            id=f"command:{self._recipe.id}",
            title=self._recipe.title,
            fields=recipes.fields_for(self._recipe, key_name),
            note=self._recipe.note,
        )

    def preview(self, values: Mapping[str, str]) -> Preview:
        """Say what would be run, or what is wrong with the values."""
        if refused := recipes.refusal(self._recipe, values):
            return Preview(refused, is_error=True)
        inside = "" if self._recipe.stdin == "raw" else ", in a JSON document"
        shown = shlex.join(recipes.arguments(self._recipe, values))
        return Preview(f"Runs: {shown}  (the key goes to its standard input{inside})")

    def concerns(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Say what is there already, where that can be known without running anything."""
        if refused := recipes.refusal(self._recipe, values):
            raise DeliveryError(refused)
        program = self._recipe.argv[0]
        if recipes.found(program, self._environment) is None:
            return (f"“{program}” is not found any more.",)
        if self._recipe.id == "pass" and os.path.exists(self._pass_entry(values["path"])):
            return (f"pass has an entry {values['path']}: it would be replaced.",)
        return ()

    def deliver(self, secret: Secret, values: Mapping[str, str]) -> Delivered:
        """Run the command; returns only where it read the key and ended with 0."""
        if refused := recipes.refusal(self._recipe, values):
            raise DeliveryError(refused)
        argv = recipes.arguments(self._recipe, values)
        if any(secret.reveal() in argument for argument in argv):
            raise DeliveryError("The key itself is in a field: everybody could read it there.")
        shown = f"“{shlex.join(argv)}”"
        program = recipes.found(argv[0], self._environment)
        if program is None:
            raise DeliveryError(f"“{argv[0]}” is not found, or can't be run any more.")
        # Nothing that holds the key is alive in the frames that the errors below go through.
        ending = self._run((program, *argv[1:]), secret, values)
        if ending.problem:
            raise DeliveryError(f"{shown} {ending.problem}", output=ending.output)
        told = [values[field.id] for field in self._recipe.asked if values.get(field.id)]
        return Delivered(
            where=f"{Path(argv[0]).name} ({', '.join(told)})" if told else Path(argv[0]).name,
            message=f"{shown} ended with 0. Whether the key is there was not looked up.",
            output=ending.output,
        )

    def held(self, values: Mapping[str, str]) -> Secret | None:
        """None: what a command stored is not asked for again."""
        return None

    def _run(self, argv: tuple[str, ...], secret: Secret, values: Mapping[str, str]) -> _Ending:
        deadline = time.monotonic() + self._recipe.timeout_s
        payload = _payload(self._recipe, secret, values)
        with ExitStack() as stack:
            try:
                running = stack.enter_context(started(argv, self._environment, payload))
            except (OSError, ValueError):
                return _Ending("could not be started.", "")
            status = running.until(deadline)
            output = _tidy(running.heard(), secret)
            unread = running.unread()
        return _Ending(_problem(status, unread=unread, timeout_s=self._recipe.timeout_s), output)

    def _pass_entry(self, path: str) -> str:
        home = self._environment.get("HOME", "")
        store = self._environment.get("PASSWORD_STORE_DIR") or f"{home}/.password-store"
        return f"{store}/{path.removesuffix('/')}.gpg"


class _Ending(NamedTuple):
    """How a run went: what was wrong, or an empty string, and the output without the key."""

    problem: str
    output: str


def _problem(status: int | None, *, unread: bool, timeout_s: float) -> str:
    if status is None:
        return (
            f"did not end within {timeout_s:g} s and was ended: "
            "it may have stored the key all the same."
        )
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = str(-status)
        return f"was ended by signal {name}."
    if status > 0:
        return f"failed with exit code {status}."
    return "ended with 0, but without reading the key." if unread else ""


def _payload(recipe: Recipe, secret: Secret, values: Mapping[str, str]) -> memoryview:
    """What the program gets; a view, because its repr shows nothing."""
    if recipe.stdin == "raw":
        return memoryview(secret.reveal().encode("utf-8", "surrogatepass"))
    credential = {
        "id": "credential",
        "type": "CONCEALED",
        "label": "credential",
        "value": secret.reveal(),
    }
    item = {"title": values["title"], "category": "API_CREDENTIAL", "fields": [credential]}
    return memoryview(json.dumps(item).encode())


def _tidy(output: bytes, secret: Secret) -> str:
    """The end of an output, fit to be shown."""
    # Cleaning puts a visible sign between characters that only something invisible kept apart.
    text = scrub(output.decode(errors="replace"), secret).expandtabs(4)
    text = scrub(clean_lines(text), secret)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-SHOWN_LINES:])[-SHOWN_CHARACTERS:]
