"""The program's own files and directories: who can read them, and whether they are whole."""

from __future__ import annotations

import os
import resource
import shlex
import stat
from pathlib import Path

import msgspec

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.paths import journal_path, settings_path
from pulsapi_tui.doctor.checks import Check, fail, ok, warn
from pulsapi_tui.domain.errors import JournalError, SettingsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Place(msgspec.Struct, frozen=True):
    origin: str
    account_id: str


class _Journal(msgspec.Struct):
    intents: list[_Place]
    rotations: list[_Place] = []


def files_checks(settings_problem: SettingsError | None) -> tuple[Check, ...]:
    """`settings_problem` is what reading the settings raised."""
    settings, journal = settings_path(), journal_path()
    return (
        _settings(settings, settings_problem),
        _directory("config directory", settings.parent),
        _directory("state directory", journal.parent),
        _journal(journal),
        _core_files(),
    )


def _settings(path: Path, problem: SettingsError | None) -> Check:
    if problem is None:
        found = f"{path} is read." if path.exists() else f"{path} is not there: defaults are used."
        return ok("config.toml", found)
    try:
        status = path.stat()
    except OSError:
        mend = f"ls -ld {_quoted(path)}"
    else:
        if status.st_uid not in {os.geteuid(), 0}:
            mend = _take(path)
        elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            mend = f"chmod go-w {_quoted(path)}"
        else:
            mend = f"${{EDITOR:-vi}} {_quoted(path)}"
    return fail("config.toml", problem.user_message, mend)


def _directory(name: str, path: Path) -> Check:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ok(name, f"{path} is not there yet.")
    except OSError as error:
        return fail(name, f"{path}: {error.strerror}.", f"ls -ld {_quoted(path)}")
    if not stat.S_ISDIR(status.st_mode):
        return fail(name, f"{path} is not a directory.", f"mv {_quoted(path)} {_quoted(path)}.old")
    if status.st_uid != os.geteuid():
        return fail(name, f"{path} belongs to another user.", _take(path))
    if status.st_mode & _OTHERS or status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        return warn(name, f"{path} has mode {mode}, not 0700.", f"chmod 700 {_quoted(path)}")
    return ok(name, f"{path} is yours alone.")


def _journal(path: Path) -> Check:
    """Read by the program's own code, so that what stops it there is found here."""
    name = "journal"
    try:
        status = path.lstat()
    except OSError:
        # Where its directory is at fault, that check says so.
        return ok(name, "There is none: nothing is open.")
    try:
        opened = _opened(path)
    except JournalError as error:
        if status.st_uid != os.geteuid():
            mend = _take(path)
        elif path.is_file() and not os.access(path, os.R_OK):
            mend = f"chmod 600 {_quoted(path)}"
        else:
            mend = f"mv {_quoted(path)} {_quoted(path)}.old"
        return fail(name, error.user_message, mend)
    if stat.S_IMODE(status.st_mode) != 0o600:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        return warn(name, f"{path} has mode {mode}, not 0600.", f"chmod 600 {_quoted(path)}")
    if opened:
        them = "each" if len(opened) > 1 or not opened[0].startswith("1 ") else "it"
        found = f"Open: {' and '.join(opened)}. A key may be live that nobody stored."
        return warn(name, found, f"start pulsapi-tui: it asks about {them}")
    return ok(name, f"{path} is whole, and nothing is open.")


def _opened(path: Path) -> list[str]:
    """What the program would ask about; what a running one is at does not count.

    Raises:
        JournalError: the journal can't be used.
    """
    journal = JournalFile(path)
    journal.open_intents("", "")
    try:
        # Valid, as the journal itself just said.
        contents = msgspec.json.decode(path.read_bytes(), type=_Journal)
    except (OSError, msgspec.MsgspecError):
        return []
    places = {*contents.intents, *contents.rotations}
    counts = {
        "create": sum(len(journal.open_intents(each.origin, each.account_id)) for each in places),
        "rotation": sum(
            len(journal.open_rotations(each.origin, each.account_id).here) for each in places
        ),
    }
    return [f"{count} {what}{'s' * (count > 1)}" for what, count in counts.items() if count]


def _core_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    if soft == 0:
        return ok("core files", "None is written where the program crashes.")
    return warn("core files", "A crash would write memory to disk, keys and all.", "ulimit -c 0")


def _take(path: Path) -> str:
    return f'sudo chown "$(id -u)" {_quoted(path)}'


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
