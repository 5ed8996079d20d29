"""Write a private file whole or not at all, so that it survives a crash and leaves nothing behind.

What is written is on disk before it has a name. So a process that is killed leaves no half file,
and a temporary name only if it dies between two system calls; the next write removes that name.
All paths are relative to an open directory: what was checked is what is written to.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PREFIX = ".pulsapi-tui-"
"""How our temporary names begin."""

TEMPORARY_NAME = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")

_O_TMPFILE: int | None = getattr(os, "O_TMPFILE", None)
# What open(2) says of O_TMPFILE where the file system or the kernel has no unnamed files.
_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
# What linkat(2) says where an unnamed file can't be given a name, as without /proc.
_NO_NAMING = frozenset({errno.ENOENT, errno.EPERM, errno.EACCES, errno.EXDEV, errno.EOPNOTSUPP})


class NotSyncedError(OSError):
    """The new file is in its place, but the disk did not confirm it: a power cut may undo it."""


@contextmanager
def open_directory(path: Path) -> Iterator[int]:
    """The descriptor of a directory, for the functions here. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory that is this user's alone, and those above it that are missing, too.

    One that is there stays as it is. Raises OSError.
    """
    missing = []
    for each in (path, *path.parents):
        if os.path.lexists(each):
            break
        missing.append(each)
    for each in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(each, 0o700)
            # The umask may have taken away what the owner needs.
            os.chmod(each, 0o700)


def replace_file(
    directory: int,
    name: str,
    data: bytes,
    *,
    group: int | None = None,
    must_be_private: bool = True,
    check: Callable[[], None] | None = None,
) -> None:
    """Put `data` in the place of `name`, 0600. Raises OSError, with the old file whole.

    `group` is kept where possible. `check` runs right before the renaming, and stops it by raising.
    `must_be_private` refuses (ENOTSUP) where the file system keeps no permissions. Raises
    `NotSyncedError` where only the last step failed.
    """
    remove_stale(directory)
    scratch = PREFIX + os.urandom(8).hex()
    with ExitStack() as stack:
        stack.callback(_forget, directory, scratch)
        writing = _Writing(stack, directory, data, group, must_be_private)
        if not writing.unnamed_then_linked(scratch):
            writing.named(scratch)
        if check is not None:
            check()
        os.replace(scratch, name, src_dir_fd=directory, dst_dir_fd=directory)
    try:
        os.fsync(directory)
    except OSError as error:
        failure = NotSyncedError(error.errno, error.strerror)
    else:
        return
    raise failure


def create_file(directory: int, name: str, data: bytes) -> None:
    """Make a new 0600 file that holds `data`. Raises OSError, with nothing made.

    FileExistsError where anything is there already, even a dangling link.
    """
    remove_stale(directory)
    scratch = PREFIX + os.urandom(8).hex()
    with ExitStack() as stack:
        stack.callback(_forget, directory, scratch)
        writing = _Writing(stack, directory, data, None, True)
        if not writing.unnamed_then_linked(name):
            writing.named(scratch)
            os.link(
                scratch, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False
            )
    try:
        os.fsync(directory)
    except OSError:
        _forget(directory, name)
        raise


class _Writing:
    """The two ways to get bytes on disk. The open file and its lock live as long as `stack`."""

    def __init__(
        self,
        stack: ExitStack,
        directory: int,
        data: bytes,
        group: int | None,
        must_be_private: bool,
    ) -> None:
        self._stack = stack
        self._directory = directory
        self._data = data
        self._group = group
        self._must_be_private = must_be_private

    def unnamed_then_linked(self, name: str) -> bool:
        """Write a file that has no name until it is whole; False where there is no such thing."""
        if _O_TMPFILE is None:
            return False
        try:
            file = self._open(".", _O_TMPFILE)
        except OSError as error:
            if error.errno in _NO_UNNAMED:
                return False
            raise
        self._fill(file)
        try:
            os.link(f"/proc/self/fd/{file}", name, dst_dir_fd=self._directory, follow_symlinks=True)
        except OSError as error:
            if error.errno in _NO_NAMING:
                return False
            raise
        return True

    def named(self, name: str) -> None:
        """Write a file that has a name from the start."""
        self._fill(self._open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW))

    def _open(self, name: str, flags: int) -> int:
        file = os.open(name, flags | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=self._directory)
        self._stack.callback(os.close, file)
        # Tells the others that this file is being written. Some file systems have no locks.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _fill(self, file: int) -> None:
        if self._group is not None:
            with suppress(OSError):
                os.fchown(file, -1, self._group)
        os.fchmod(file, 0o600)
        if self._must_be_private and os.fstat(file).st_mode & 0o077:
            raise OSError(errno.ENOTSUP, "the file system keeps no permissions")
        rest = memoryview(self._data)
        while rest:
            written = os.write(file, rest)
            if written == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[written:]
        os.fsync(file)


def _forget(directory: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=directory)


def remove_stale(directory: int) -> None:
    """Remove the temporary names that killed processes of ours have left.

    A file that is still being written is locked by its writer, and left alone.
    """
    try:
        names = [name for name in os.listdir(directory) if TEMPORARY_NAME.fullmatch(name)]
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            _remove_if_stale(directory, name)


def _remove_if_stale(directory: int, name: str) -> None:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(name, flags, dir_fd=directory)
    try:
        status = os.fstat(file)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=directory)
    finally:
        os.close(file)
