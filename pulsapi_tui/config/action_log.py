"""The log of actions on disk: JSON lines, 0600 in a 0700 directory, only ever appended to.

A line is one write under a lock, so that two instances never mix theirs. What a crash cut short is
cut off from what comes after it by a line break, and left out on reading.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.errors import ActionLogError
from pulsapi_tui.domain.text import clean
from pulsapi_tui.files import open_directory

MAX_BYTES = 5 * 1024 * 1024
"""A log this long is moved aside before the next line; one such is kept."""

_OURS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link is not followed, and a FIFO is not waited for."""

_DECODER = msgspec.json.Decoder(Action)


class ActionLogFile:
    """`ActionLog` in a file, its lock and the older part beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._older = f"{path.name}.1"
        self._lock = path.with_suffix(".lock").name

    def append(self, action: Action) -> bool:
        """Write a line; it is on disk when this returns True."""
        line = msgspec.json.encode(action) + b"\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_directory(self._path.parent) as directory:
                _check_owner(os.fstat(directory))
                with self._locked(directory, fcntl.LOCK_EX):
                    self._append(directory, line)
        except OSError:
            return False
        return True

    def read(self) -> tuple[Action, ...]:
        """All that is kept, oldest first; lines that are none of ours are left out."""
        try:
            with (
                open_directory(self._path.parent) as directory,
                self._locked(directory, fcntl.LOCK_SH),
            ):
                data = _read(directory, self._older) + b"\n" + _read(directory, self._path.name)
        except FileNotFoundError:
            return ()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ActionLogError(f"The log {self._path} can't be read ({why}).") from None
        return tuple(_actions(data))

    def _append(self, directory: int, line: bytes) -> None:
        self._move_aside(directory)
        file = _open(directory, self._path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            os.fchmod(file, 0o600)
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            data = b"\n" + line if torn else line
            if os.write(file, data) != len(data):
                # Half a line helps nobody.
                os.ftruncate(file, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
            if size == 0:
                os.fsync(directory)
        finally:
            os.close(file)

    def _move_aside(self, directory: int) -> None:
        # A log that can't be moved grows on: better long than cut.
        with suppress(OSError):
            status = os.stat(self._path.name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_size >= MAX_BYTES:
                os.replace(self._path.name, self._older, src_dir_fd=directory, dst_dir_fd=directory)

    @contextmanager
    def _locked(self, directory: int, kind: int) -> Iterator[None]:
        """Hold the lock of all instances; the kernel frees it, however a process ends."""
        try:
            lock = _open(directory, self._lock, os.O_CREAT if kind == fcntl.LOCK_EX else 0)
        except FileNotFoundError:
            # A reader makes nothing, and nobody writes without the lock.
            yield
            return
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)


def _open(directory: int, name: str, flags: int) -> int:
    """Open a file of ours and nothing else. Raises OSError."""
    file = os.open(name, flags | _OURS, 0o600, dir_fd=directory)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        _check_owner(status)
    except OSError:
        os.close(file)
        raise
    return file


def _check_owner(status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "it belongs to another user")


def _read(directory: int, name: str) -> bytes:
    try:
        file = _open(directory, name, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    with os.fdopen(file, "rb") as stream:
        return stream.read(2 * MAX_BYTES)


def _actions(data: bytes) -> Iterator[Action]:
    for line in data.split(b"\n"):
        try:
            action = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        # Drawn in a terminal later; what stands in a file may be anything.
        texts = {
            name: clean(value)
            for name, value in msgspec.structs.asdict(action).items()
            if isinstance(value, str)
        }
        yield msgspec.structs.replace(action, **texts)
