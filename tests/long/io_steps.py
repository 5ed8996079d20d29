"""Every call that asks the disk for something, counted; one of them fails.

`tests.unit.faults` counts the steps of a write. Here are those of a read, too, and of all around.
Closing a file is left out: what was synced before can't fail there.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.faults import STEPS, Countdown

OTHERS = (
    "read",
    "pread",
    "stat",
    "lstat",
    "fstat",
    "listdir",
    "scandir",
    "mkdir",
    "chmod",
    "fchmod",
    "unlink",
    "ftruncate",
)

FAULTS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EINTR": errno.EINTR, "a short write": 0}
"""What a disk says; and where it takes but one byte of a write."""

WRITES = {
    "ENOSPC": {"open", "write", "fsync", "replace", "link", "rename", "mkdir", "ftruncate"},
    "a short write": {"write"},
}
"""The steps in which these happen; the others do in all."""


class _Read:
    """An open file whose reading is counted; the rest is the file's own."""

    def __init__(self, stream: Any, countdown: Countdown) -> None:
        self._stream = stream
        self.read = countdown.wrap("read a stream", stream.read)

    def __enter__(self) -> _Read:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def fileno(self) -> int:
        """The file's descriptor."""
        return int(self._stream.fileno())


@contextmanager
def disk_failing_at(at: int, code: int) -> Iterator[Countdown]:
    """Count all steps, and let the `at`th fail with `code`; 0 is a short write."""
    countdown = Countdown(at, code)
    real_open = io.open

    def opened(*arguments: Any, **options: Any) -> _Read:
        if "opener" not in options and not isinstance(arguments[0], int):
            countdown.wrap("open a stream", lambda: None)()
        return _Read(real_open(*arguments, **options), countdown)

    with pytest.MonkeyPatch.context() as patch:
        for name in (*STEPS, *OTHERS):
            patch.setattr(os, name, countdown.wrap(name, getattr(os, name)))
        patch.setattr(fcntl, "flock", countdown.wrap("flock", fcntl.flock))
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "fdopen", opened)
        yield countdown
