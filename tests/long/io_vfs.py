"""SQLite's own disk, counted and failing on cue: a VFS around the default one, by ctypes.

The real `sqlite3` of this Python goes through it, so the store under test is the one that is run.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any, ClassVar

FULL = 13
IOERR_READ = 266
IOERR_WRITE = 778
IOERR_FSYNC = 1034
IOERR_TRUNCATE = 1546
CANTOPEN = 14
TORN = -1
"""No code of SQLite's: half of a write arrives, and the rest fails."""

FAULTS: dict[str, dict[str, int]] = {
    "EIO": {
        "read": IOERR_READ,
        "write": IOERR_WRITE,
        "sync": IOERR_FSYNC,
        "truncate": IOERR_TRUNCATE,
        "open": CANTOPEN,
    },
    "ENOSPC": {"write": FULL, "open": CANTOPEN},
    "a torn write": {"write": TORN},
}
"""What each step answers when it fails."""

_READ = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
# SQLite keeps the pointer to the name, so it must not become a bytes object on the way.
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))


class _Methods(Structure):
    """`sqlite3_io_methods`, version 3; what is not wrapped is copied as it is."""

    _fields_: ClassVar = [
        ("version", c_int),
        ("close", c_void_p),
        ("read", _READ),
        ("write", _READ),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("others", c_void_p * 14),
    ]


class _File(Structure):
    """`sqlite3_file`."""

    _fields_: ClassVar = [("methods", POINTER(_Methods))]


class _Vfs(Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_: ClassVar = [
        ("version", c_int),
        ("file_size", c_int),
        ("most_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", _OPEN),
        ("others", c_void_p * 14),
    ]


class Disk:
    """Counts the steps of all databases that are opened while it is there."""

    def __init__(self) -> None:
        self._at = 0
        self._codes: dict[str, int] = {}
        self.steps: list[str] = []

    def arm(self, at: int, fault: str) -> None:
        """Count anew; the `at`th step fails, if that fault is one of such a step."""
        self._at, self._codes, self.steps = at, FAULTS[fault], []

    def disarm(self) -> bool:
        """Let nothing fail; whether the step was reached."""
        reached = 0 < self._at <= len(self.steps)
        self._at = 0
        return reached

    def fault_of(self, step: str) -> int:
        """Count a step; the code to fail with, or 0."""
        self.steps.append(step)
        return self._codes.get(step, 0) if len(self.steps) == self._at else 0


@contextmanager
def counted_disk() -> Iterator[Disk]:
    """A VFS that is the default one for the while."""
    disk = Disk()
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    real = library.sqlite3_vfs_find(None)
    ours = _Vfs()
    ctypes.memmove(ctypes.byref(ours), real, ctypes.sizeof(_Vfs))
    ours.name = b"counted"
    wrapped: dict[int, _Methods] = {}

    def open_file(vfs: int, name: Any, file: int, flags: int, out: Any) -> int:
        code = disk.fault_of("open")
        if code == 0:
            code = real.contents.open(ctypes.cast(real, c_void_p).value, name, file, flags, out)
        opened = _File.from_address(file)
        if code:
            opened.methods = POINTER(_Methods)()
            return code
        address = ctypes.addressof(opened.methods.contents)
        if address not in wrapped:
            wrapped[address] = _counted(opened.methods.contents, disk)
        opened.methods = ctypes.pointer(wrapped[address])
        return 0

    ours.open = _OPEN(open_file)
    library.sqlite3_vfs_register(ctypes.byref(ours), 1)
    try:
        yield disk
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(ours))
        library.sqlite3_vfs_register(real, 1)


def _counted(real: _Methods, disk: Disk) -> _Methods:
    ours = _Methods()
    ctypes.memmove(ctypes.byref(ours), ctypes.byref(real), ctypes.sizeof(_Methods))

    def step(name: str, call: Callable[..., int]) -> Callable[..., int]:
        def counted(*arguments: Any) -> int:
            return disk.fault_of(name) or call(*arguments)

        return counted

    def write(file: int, data: int, size: int, offset: int) -> int:
        code = disk.fault_of("write")
        if code == TORN:
            real.write(file, data, size // 2, offset)
            return IOERR_WRITE
        return code or int(real.write(file, data, size, offset))

    ours.read = _READ(step("read", real.read))
    ours.write = _READ(write)
    ours.truncate = _TRUNCATE(step("truncate", real.truncate))
    ours.sync = _SYNC(step("sync", real.sync))
    return ours
