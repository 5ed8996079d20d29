"""The program itself, and the packages that it runs on."""

from __future__ import annotations

import platform
import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from pulsapi_tui import __version__
from pulsapi_tui.doctor.checks import Check, ok, warn

PACKAGE = "pulsapi-tui"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.]+)\Z")
_SHOWN = ("textual", "rich", "httpx", "msgspec", "pyperclip")


def program_checks() -> tuple[Check, ...]:
    """Versions; a package that is pinned to one is that one."""
    return (
        ok("version", f"pulsapi-tui {__version__} on Python {platform.python_version()}."),
        _packages(),
    )


def _packages() -> Check:
    for name, wanted in _pins():
        found = _version(name)
        if found != wanted:
            return warn(
                "packages",
                f"{name} {found} is installed; the program is made for {wanted}.",
                f"{shlex.quote(sys.executable)} -m pip install {name}=={wanted}",
            )
    versions = ", ".join(f"{name} {_version(name)}" for name in _SHOWN)
    return ok("packages", f"{versions}.")


def _pins() -> list[tuple[str, str]]:
    try:
        wanted = requires(PACKAGE) or []
    except PackageNotFoundError:
        return []
    return [(pin["name"], pin["version"]) for line in wanted if (pin := _PINNED.match(line))]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"
