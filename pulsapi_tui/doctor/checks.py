"""What a check found. The one door for its text: paths, variables and answers are not ours."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from pulsapi_tui.domain.text import clean


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well as it could, or it is not sure to."""
    FAIL = "fail"
    SKIP = "skip"
    """It could not be checked, or does not apply; nothing is known to be wrong."""


class Group(StrEnum):
    """What a check is about, in the order of the report."""

    PROGRAM = "Program"
    TERMINAL = "Terminal"
    MULTIPLEXER = "Multiplexer"
    CLIPBOARD = "Clipboard"
    FILES = "Files"
    SERVER = "Server"


class Check(msgspec.Struct, frozen=True):
    """One result. Make it by the functions below, which clean its text."""

    name: str
    status: Status
    found: str
    """A sentence."""
    mend: str = ""
    """The line to type or to do; empty where there is nothing to mend."""


class Section(msgspec.Struct, frozen=True):
    """The checks of one group."""

    group: Group
    checks: tuple[Check, ...]


class Place(msgspec.Struct, frozen=True):
    """Where the program runs. The session's own key is not in the environment any more."""

    environment: Mapping[str, str]
    platform: str


def ok(name: str, found: str) -> Check:
    """Nothing to mend."""
    return Check(name, Status.OK, clean(found))


def warn(name: str, found: str, mend: str) -> Check:
    """Not as good as it could be."""
    return Check(name, Status.WARN, clean(found), clean(mend))


def fail(name: str, found: str, mend: str) -> Check:
    """The program can't do its work like this."""
    return Check(name, Status.FAIL, clean(found), clean(mend))


def skip(name: str, found: str, mend: str = "") -> Check:
    """Not checked; `found` is the reason."""
    return Check(name, Status.SKIP, clean(found), clean(mend))
