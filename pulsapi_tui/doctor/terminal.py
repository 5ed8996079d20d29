"""The terminal: what it can draw, and who writes down what it shows."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from pulsapi_tui.delivery.recorders import PIPE, TerminalRecorders
from pulsapi_tui.doctor.checks import Check, Place, fail, ok, skip, warn

NEEDED = (40, 12)
"""Columns and lines; with fewer, a key does not fit."""
COMFORTABLE = (80, 24)


async def terminal_checks(place: Place, recording_variables: tuple[str, ...]) -> tuple[Check, ...]:
    """`recording_variables` are Textual's settings that record what is typed or shown."""
    return (
        _streams(),
        _term(place),
        _size(),
        _colours(place),
        _encoding(place),
        *_textual(place, recording_variables),
        *await _recorded(place),
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is open and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def _streams() -> Check:
    streams = {"stdin": sys.stdin, "stderr": sys.stderr}
    others = " and ".join(name for name, stream in streams.items() if not is_terminal(stream))
    if others:
        return warn(
            "streams",
            f"Not a terminal: {others}. The screens need one.",
            f"start the program without redirecting {others}",
        )
    return ok("streams", "stdin and stderr are a terminal.")


def _term(place: Place) -> Check:
    term = place.environment.get("TERM", "")
    if term in {"", "dumb", "unknown"}:
        found = (
            f"TERM is {term}: nothing is known of this terminal." if term else "TERM is not set."
        )
        return warn("TERM", found, "export TERM=xterm-256color")
    return ok("TERM", f"TERM is {term}.")


def _size() -> Check:
    stream = next(filter(is_terminal, (sys.stderr, sys.stdin, sys.stdout)), None)
    if stream is None:
        return skip("size", "There is no terminal to measure.")
    columns, lines = os.get_terminal_size(stream.fileno())
    size = f"{columns} columns by {lines} lines"
    if not columns or not lines:
        return warn("size", "The terminal does not tell its size.", "stty cols 80 rows 24")
    for (needed_columns, needed_lines), check, why in (
        (NEEDED, fail, "a key does not fit"),
        (COMFORTABLE, warn, "parts of the screens are left out"),
    ):
        if columns < needed_columns or lines < needed_lines:
            return check(
                "size",
                f"{size}: {why}.",
                f"make the window {COMFORTABLE[0]} columns by {COMFORTABLE[1]} lines or larger",
            )
    return ok("size", f"{size}.")


def _colours(place: Place) -> Check:
    term = place.environment.get("TERM", "")
    said = place.environment.get("COLORTERM", "").lower()
    without = " NO_COLOR is set: greys are shown." if place.environment.get("NO_COLOR") else ""
    if said in {"truecolor", "24bit"} or term.endswith("-direct"):
        return ok("colours", f"Truecolor.{without}")
    if "256color" in term:
        return ok("colours", f"256 colours.{without}")
    if term in {"", "dumb", "unknown"} or term.startswith("vt"):
        return warn("colours", f"None, by TERM.{without}", "export TERM=xterm-256color")
    return ok("colours", f"16 colours.{without}")


def _encoding(place: Place) -> Check:
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    name = next((name for name in names if place.environment.get(name)), None)
    value = place.environment[name] if name else ""
    if "utf8" in value.lower().replace("-", ""):
        return ok("UTF-8", f"{name} is {value}.")
    found = f"{name} is {value}, which is not UTF-8." if name else "No locale is set."
    return warn("UTF-8", found, "export LC_ALL=C.UTF-8")


def _textual(place: Place, recording_variables: tuple[str, ...]) -> list[Check]:
    found = [
        fail(name, f"{name} writes what is typed or shown into a file.", f"unset {name}")
        for name in recording_variables
        if place.environment.get(name)
    ]
    if "devtools" in place.environment.get("TEXTUAL", "").split(","):
        found.append(fail("TEXTUAL", "Textual's devtools record what is typed.", "unset TEXTUAL"))
    return found or [ok("Textual's settings", "None that records what is typed or shown.")]


async def _recorded(place: Place) -> list[Check]:
    active = await TerminalRecorders(place.environment, place.platform).active()
    return [
        # `exit` ends the shell that script, asciinema and their like were started with.
        warn("recorded", recorder, "tmux pipe-pane" if recorder == PIPE else "exit")
        for recorder in active
    ] or [ok("recorded", "No recorder of this terminal is known.")]
