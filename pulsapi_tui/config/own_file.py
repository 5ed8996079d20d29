"""A file that has to be plainly this user's own before anything in it is believed."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.text import clean

WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
USED_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Demands(NamedTuple):
    """What is asked of a file besides being a file of this user's."""

    error: Callable[[str], PulsapiError]
    """Makes the error of a sentence."""
    refused_bits: int
    """Permissions that nobody else may have."""
    danger: str
    """What others could do with those, for a sentence: `others could …`."""
    mend: str
    """The `chmod` mode that takes those away."""
    most_bytes: int


def read_own(path: Path, demands: Demands) -> bytes | None:
    """What stands in the file; None where there is none.

    Nothing is followed and nothing is waited for. Raises `demands.error` for what can't be read,
    and for a link, a directory, a pipe, somebody else's file, and one that others may use.
    """
    shown = clean(str(path))
    try:
        # A FIFO there would otherwise be waited for.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = _unopened(shown, error)
    else:
        problem, data = _read(file, path, demands)
        if data is not None:
            return data
    raise demands.error(problem)


def _unopened(shown: str, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{shown} is a link. Put the file itself in its place."
    why = clean(error.strerror or type(error).__name__)
    return f"{shown} can't be read ({why}). See to it that you can read it."


def _read(file: int, path: Path, demands: Demands) -> tuple[str, bytes | None]:
    """What is wrong with an open file, or what stands in it; closes it."""
    shown = clean(str(path))
    try:
        status = os.fstat(file)
        problem = refusal(status, path, demands)
        if problem is None and status.st_size > demands.most_bytes:
            problem = f"{shown} is larger than it can be. Move it away."
        if problem is not None:
            return problem, None
        with os.fdopen(file, "rb", closefd=False) as stream:
            return "", stream.read(demands.most_bytes)
    except OSError as error:
        return _unopened(shown, error), None
    finally:
        os.close(file)


def refusal(
    status: os.stat_result,
    path: Path,
    demands: Demands,
    is_kind: Callable[[int], bool] = stat.S_ISREG,
) -> str | None:
    """Why a file of that status is not believed, as a sentence that says what to do."""
    shown, quoted = clean(str(path)), clean(shlex.quote(str(path)))
    if not is_kind(status.st_mode):
        what = "a file" if is_kind is stat.S_ISREG else "a directory"
        return f"{shown} is not {what}. Move it away."
    if status.st_uid != os.geteuid():
        return (
            f'{shown} belongs to another user. Move it away, or run: sudo chown "$(id -u)" {quoted}'
        )
    if status.st_mode & demands.refused_bits:
        return f"{shown}: others could {demands.danger}. Run: chmod {demands.mend} {quoted}"
    return None
