"""Texts that try to act on a terminal, wherever a text can come from: none of them does.

The commands run in this process, with a pty for their output; the screens by Textual's Pilot; and
the program itself runs in a pty of its own, against a server that says nothing else. What each of
them sends is cut into escape sequences: there may be none that a harmless run over the same places
does not send, no character that acts or hides, no action behind a text, and no crash.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.hostile_text import generated, raw_in
from tests.long.hostile_commands import PLACES, Place, Shell, shell
from tests.long.hostile_screens import draw
from tests.pictures import PICTURES
from tests.terminal.conftest import Machine
from tests.terminal.fake_pulsapi import serving
from tests.terminal.stream import tokens_of
from tests.terminal.test_hostile_text import answers_of, drawn, go_everywhere, start

COMMANDS_AT_ONCE = 16
SCREENS_AT_ONCE = 2
NAMES_AT_ONCE = 40
"""So many places, screens and names are looked at with one text; the next text has the next."""

EVERYTHING = "\x1b]52;c;x\x07\x9b31m\x1bPq\u202e\u200b\U000e0041\u3164[/x][@click=app.quit]x[/]"
UNSEEN = "a\u202eb\u200b\u2066\u00ad\u3164[@click=app.quit]x[/][link=http://x]y[/][/x]"


class BrokenPromiseError(AssertionError):
    """A text acted."""


@dataclass
class Figures:
    """What was looked at."""

    texts: int = 0
    commands: set[str] = field(default_factory=set)
    runs: int = 0
    screens: set[str] = field(default_factory=set)
    drawn: int = 0
    programs: int = 0
    kinds: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.texts} texts: {self.runs} runs of {len(self.commands)} of {len(PLACES)} "
            f"commands, {self.drawn} looks at {len(self.screens)} of {len(PICTURES)} screens, "
            f"{self.programs} runs of the whole program in a pty; {len(self.kinds)} kinds of "
            f"sequences were sent, none that a harmless run does not send, and no raw character"
        )


def texts_of(seed: int, times: int) -> list[str]:
    """So many texts: two that have something of everything, and made ones."""
    rng = Random(seed)  # noqa: S311  # texts, no secrets
    return [EVERYTHING, UNSEEN, *(generated(rng) for _ in range(times))][:times]


def _turn(items: list[str], number: int, count: int) -> list[str]:
    """The next so many of them, around and around."""
    return [items[(number * count + each) % len(items)] for each in range(min(count, len(items)))]


# Commands


class Commands:
    """The commands, and what each of them sends with a harmless text."""

    def __init__(self, folder: Path, figures: Figures) -> None:
        self._folder = folder
        self._figures = figures
        self._by_name = {f"{number} {place.what}": place for number, place in enumerate(PLACES)}
        self._harmless: dict[str, set[str]] = {}

    def run(self, text: str, number: int, count: int) -> None:
        """The next commands with a text. Raises `BrokenPromiseError`."""
        names = _turn(list(self._by_name), number, count)
        with shell(self._folder, ["harmless"]) as quiet:
            for name in names:
                if name not in self._harmless:
                    written = quiet.run(self._by_name[name], "harmless")
                    self._harmless[name] = _kinds_of(written)
        with shell(self._folder, [text, text[::-1]]) as hostile:
            for name in names:
                place = self._by_name[name]
                written = self._run(hostile, place, text, as_bytes=number % 2 == 1)
                self._check(name, place, written, text)

    def _run(self, hostile: Shell, place: Place, text: str, *, as_bytes: bool) -> bytes:
        try:
            return hostile.run(place, text, as_bytes=as_bytes)
        except Exception as error:
            problem = f"{place.what}, {text!a}: {type(error).__name__}"
            raise BrokenPromiseError(problem) from error

    def _check(self, name: str, place: Place, written: bytes, text: str) -> None:
        kinds = _kinds_of(written)
        more = kinds - self._harmless[name]
        raw = raw_in(_text_of(written))
        self._figures.commands.add(name)
        self._figures.runs += 1
        self._figures.kinds |= kinds
        if more or raw:
            raise BrokenPromiseError(f"{place.what}, {text!a}: sent {sorted(more)}, drew {raw}")


def _kinds_of(data: bytes) -> set[str]:
    # A line that ends where the other one went on is no sequence.
    return {token.kind for token in tokens_of(data)} | {"text", "control 0a"}


def _text_of(data: bytes) -> str:
    return "".join(token.raw for token in tokens_of(data) if token.is_text)


# Screens


def look_at_screens(folder: Path, text: str, number: int, count: int, figures: Figures) -> None:
    """The next screens with a text. Raises `BrokenPromiseError`."""
    names = _turn(sorted(PICTURES), number, count)
    try:
        found = asyncio.run(draw(folder, text, names))
    except Exception as error:
        problem = f"{', '.join(names)}, {text!a}: {type(error).__name__}: {error!a}"
        raise BrokenPromiseError(problem) from error
    figures.screens |= set(names)
    figures.drawn += found.screens
    if found.raw or found.actions or found.links:
        raise BrokenPromiseError(
            f"{text!a}: drew {found.raw}, actions {found.actions}, links {found.links}"
        )


# The program in a terminal


def _program(folder: Path, names: list[str], text: str | None) -> tuple[set[str], str]:
    """Go everywhere in the program; the kinds of what it sent, and its text."""
    home, scratch = folder / "home", folder / "tmp"
    for each in (home, scratch):
        each.mkdir(parents=True)
    machine = Machine(home, scratch)
    try:
        with serving(answers_of(names, text)) as url:
            terminal = start(machine, url)
            go_everywhere(terminal, len(names))
            return drawn(terminal)
    finally:
        machine.close()


def run_program(folder: Path, texts: list[str], figures: Figures) -> None:
    """A harmless run, and one for every few texts. Raises `BrokenPromiseError`."""
    allowed, _ = _program(folder / "harmless", ["harmless"] * min(3, len(texts) + 1), None)
    for at in range(0, len(texts), NAMES_AT_ONCE):
        names = [*texts[at : at + NAMES_AT_ONCE], "harmless", "harmless too"]
        kinds, text = _program(folder / str(at), names, "".join(names))
        figures.programs += 1
        figures.kinds |= kinds
        raw = raw_in(text)
        if kinds - allowed or raw:
            more = sorted(kinds - allowed)
            raise BrokenPromiseError(f"the program, texts from {at} on: sent {more}, drew {raw}")


def check(
    folder: Path,
    texts: list[str],
    *,
    commands: int = COMMANDS_AT_ONCE,
    screens: int = SCREENS_AT_ONCE,
    program: bool = True,
) -> Figures:
    """Look at that many commands and screens with each text, and at the program with all of them.

    Raises:
        BrokenPromiseError: it names the place and the text.
    """
    figures = Figures(texts=len(texts))
    runner = Commands(folder / "commands", figures)
    settings = folder / "settings"
    settings.mkdir()
    for number, text in enumerate(texts):
        runner.run(text, number, commands)
        look_at_screens(settings, text, number, screens, figures)
    if program:
        run_program(folder / "programs", texts, figures)
    return figures


def figure(folder: Path, times: int, seed: int) -> str:
    """So many texts; the figure as a sentence. Raises `BrokenPromiseError`."""
    began = time.monotonic()
    figures = check(folder, texts_of(seed, times))
    return f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
