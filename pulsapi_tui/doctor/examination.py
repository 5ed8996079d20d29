"""All checks, one group after the other, each told as soon as it is done."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec

from pulsapi_tui import __version__
from pulsapi_tui.config.paths import settings_path
from pulsapi_tui.config.settings import Settings, read_settings
from pulsapi_tui.delivery.tmux import Tmux
from pulsapi_tui.doctor.account import account_meant
from pulsapi_tui.doctor.checks import Group, Place, Section
from pulsapi_tui.doctor.clipboard import ask_terminal, clipboard_checks
from pulsapi_tui.doctor.device_attributes import Asked as AskedTerminal
from pulsapi_tui.doctor.device_attributes import drop_late_answer
from pulsapi_tui.doctor.files import files_checks
from pulsapi_tui.doctor.multiplexer import multiplexer_checks
from pulsapi_tui.doctor.program import program_checks
from pulsapi_tui.doctor.report import Look, as_json, as_text, has_failed, summary, without
from pulsapi_tui.doctor.server import server_checks
from pulsapi_tui.doctor.terminal import is_terminal, terminal_checks
from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.access import Asked
from pulsapi_tui.wiring.accounts import credentials_here, profiles_here
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.hand_off import clipboard_policy, hand_off

_PIPE_WIDTH = 100


class Wanted(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    asked: Asked
    as_json: bool
    tries_clipboard: bool
    recording_variables: tuple[str, ...]
    """Settings of Textual's that write what is typed or shown into a file."""
    check_look: Callable[[Settings], None]
    """Raises `SettingsError` where the screens would refuse the settings; they know their keys and
    themes, and are above this package."""

    @property
    def key(self) -> Secret | None:
        """`PULSAPI_API_KEY`."""
        return self.asked.key


def examine(wanted: Wanted) -> bool:
    """Check everything and print it; whether nothing fails.

    The session's own key must not be in the environment any more.
    """
    place = Place(dict(os.environ), sys.platform)
    asked = ask_terminal(place)
    try:
        return asyncio.run(_report(place, asked, wanted))
    finally:
        if not asked.not_asked and asked.attributes is None:
            drop_late_answer()


async def _report(place: Place, asked: AskedTerminal, wanted: Wanted) -> bool:
    look = _look(place)
    sections = []
    async for section in _sections(place, asked, wanted):
        told = without(wanted.key, section) if wanted.key is not None else section
        sections.append(told)
        if not wanted.as_json:
            _print(_encoded(as_text(told, look)))
    if wanted.as_json:
        _print(as_json(__version__, sections))
    else:
        _print(_encoded(summary(sections)))
    return not has_failed(sections)


async def _sections(place: Place, asked: AskedTerminal, wanted: Wanted) -> AsyncIterator[Section]:
    settings, problem = Settings(), None
    try:
        settings = read_settings(settings_path())
        hand_off(settings)
        wanted.check_look(settings)
    except SettingsError as error:
        problem = error
    tmux = Tmux(place.environment)
    yield Section(Group.PROGRAM, program_checks())
    yield Section(Group.TERMINAL, await terminal_checks(place, wanted.recording_variables))
    yield Section(Group.MULTIPLEXER, multiplexer_checks(place, tmux))
    policy = clipboard_policy(settings)
    yield Section(
        Group.CLIPBOARD,
        await clipboard_checks(place, policy, tmux, asked, tries=wanted.tries_clipboard),
    )
    yield Section(Group.FILES, files_checks(problem))
    yield await _server(place, wanted)


async def _server(place: Place, wanted: Wanted) -> Section:
    # The terminal is free: what the command of a profile asks can be answered.
    meant = await account_meant(
        place, wanted.asked, profiles_here(), credentials_here(may_prompt=True)
    )
    section = Section(Group.SERVER, await server_checks(place, meant, SystemClock()))
    return without(meant.key, section) if meant.key is not None else section


def _look(place: Place) -> Look:
    shown = is_terminal(sys.stdout)
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return Look(
        width=shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if shown else _PIPE_WIDTH,
        has_colours=shown and not place.environment.get("NO_COLOR"),
        has_glyphs=encoding == "utf8",
    )


def _encoded(text: str) -> bytes:
    return f"{text}\n".encode(sys.stdout.encoding or "utf-8", "replace")


def _print(text: bytes) -> None:
    """A reader that went away (`doctor | head -1`) is not an error."""
    with suppress(BrokenPipeError):
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
