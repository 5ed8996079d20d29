"""A VFS for the very SQLite that `sqlite3` uses: it writes down what SQLite asks the disk for.

It is SQLite's own VFS with three calls wrapped in each file's methods (write, truncate, sync) and
three in its own (open, delete, random bytes), put in by ctypes. So the store under it is the real
one, with its own pragmas, and nothing of it has to know. The directory's syncs come from SQLite's
hook for system calls.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from tests.long.power_cuts_disk import (
    Create,
    Image,
    Operation,
    Sync,
    SyncNames,
    Truncate,
    Unlink,
    Write,
)

_Pointer = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, _Pointer, _Pointer, _Pointer, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_char_p, ctypes.c_int)
_RANDOM = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_int, _Pointer)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_int)
_OPEN_DIRECTORY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))
_SET_CALL = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, ctypes.c_char_p, _Pointer)
_GET_CALL = ctypes.CFUNCTYPE(_Pointer, _Pointer, ctypes.c_char_p)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("following", _Pointer),
        ("name", ctypes.c_char_p),
        ("data", _Pointer),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("access", _Pointer),
        ("full_path", _Pointer),
        ("libraries", _Pointer * 4),
        ("random", _RANDOM),
        ("rest", _Pointer * 4),
        ("set_call", _SET_CALL),
        ("get_call", _GET_CALL),
        ("next_call", _Pointer),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", _Pointer),
        ("read", _Pointer),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("rest", _Pointer * 13),
    )


class _File(ctypes.Structure):
    """`sqlite3_file`."""

    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


def _library() -> ctypes.CDLL:
    """SQLite, as the extension module sees it: by its own name, another one could be found."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    library.sqlite3_vfs_register.argtypes = [ctypes.POINTER(_Vfs), ctypes.c_int]
    library.sqlite3_vfs_unregister.argtypes = [ctypes.POINTER(_Vfs)]
    library.sqlite3_randomness.argtypes = [ctypes.c_int, _Pointer]
    return library


class Recorder:
    """The default VFS of this process, while it is `installed`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._sqlite = _library()
        self._own = self._sqlite.sqlite3_vfs_find(None).contents
        self._vfs = _Vfs.from_buffer_copy(self._own)
        self._vfs.name = b"power-cuts"
        self._vfs.open = _OPEN(self._open)
        self._vfs.delete = _DELETE(self._delete)
        self._vfs.random = _RANDOM(self._random)
        self._open_directory = _OPEN_DIRECTORY(self._sync_names)
        self._system_open_directory = _OPEN_DIRECTORY(0)
        self._methods: dict[int, tuple[_Methods, _Methods]] = {}
        self._file_names: dict[int, str] = {}
        self._files: dict[str, int] = {}
        self._folder: Path | None = None
        self._next_file = 0
        self.operations: list[Operation] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make it the default VFS."""
        owner = ctypes.addressof(self._own)
        call = self._own.get_call(owner, b"openDirectory")
        self._system_open_directory = _OPEN_DIRECTORY(call)
        hook = ctypes.cast(self._open_directory, _Pointer)
        self._sqlite.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        self._own.set_call(owner, b"openDirectory", hook)
        # Its generator is sown anew, by this VFS: the salts of the WAL are the seed's, too.
        self._sqlite.sqlite3_randomness(0, None)
        try:
            yield
        finally:
            self._own.set_call(owner, b"openDirectory", None)
            self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
            self._sqlite.sqlite3_vfs_register(ctypes.byref(self._own), 1)
            self._sqlite.sqlite3_randomness(0, None)

    @contextmanager
    def recording(self, folder: Path, image: Image) -> Iterator[list[Operation]]:
        """Write down what is done in this folder, which holds this image; SQLite's and ours.

        Where nothing is recorded, nothing is synced either: an image is only looked at.
        """
        self._folder = folder
        self._files = {name: number for number, name in enumerate(image)}
        self._next_file = len(image)
        self.operations = []
        with (
            mock.patch.object(os, "fsync", _wrapped(os.fsync, self._note_fsync)),
            mock.patch.object(os, "unlink", _wrapped(os.unlink, self._note_unlink)),
        ):
            try:
                yield self.operations
            finally:
                self._folder = None

    # What SQLite calls

    def _open(
        self, _vfs: int, name: int | None, file: int, flags: int, out: ctypes._Pointer[ctypes.c_int]
    ) -> int:
        status: int = self._own.open(ctypes.addressof(self._own), name, file, flags, out)
        if status == 0 and name is not None:
            opened = _File.from_address(file)
            opened.methods = ctypes.pointer(self._wrapped_methods(opened.methods.contents))
            self._file_names[file] = self._known(ctypes.string_at(name).decode())
        return status

    def _wrapped_methods(self, methods: _Methods) -> _Methods:
        address = ctypes.addressof(methods)
        if address not in self._methods:
            wrapped = _Methods.from_buffer_copy(methods)
            wrapped.write = _WRITE(self._wrap_write(methods))
            wrapped.truncate = _TRUNCATE(self._wrap_truncate(methods))
            wrapped.sync = _SYNC(self._wrap_sync(methods))
            self._methods[address] = (methods, wrapped)
        return self._methods[address][1]

    def _wrap_write(self, methods: _Methods) -> Callable[[int, int, int, int], int]:
        def write(file: int, data: int, size: int, offset: int) -> int:
            self._note(file, lambda number: Write(number, offset, ctypes.string_at(data, size)))
            status: int = methods.write(file, data, size, offset)
            return status

        return write

    def _wrap_truncate(self, methods: _Methods) -> Callable[[int, int], int]:
        def truncate(file: int, size: int) -> int:
            self._note(file, lambda number: Truncate(number, size))
            status: int = methods.truncate(file, size)
            return status

        return truncate

    def _wrap_sync(self, methods: _Methods) -> Callable[[int, int], int]:
        def sync(file: int, flags: int) -> int:
            if self._folder is None:
                return 0
            status: int = methods.sync(file, flags)
            self._note(file, Sync)
            return status

        return sync

    def _delete(self, _vfs: int, name: bytes, sync_directory: int) -> int:
        self._note_unlink(name.decode())
        status: int = self._own.delete(
            ctypes.addressof(self._own), name, sync_directory if self._folder else 0
        )
        return status

    def _random(self, _vfs: int, size: int, place: int) -> int:
        ctypes.memmove(place, self._rng.randbytes(size), size)
        return size

    def _sync_names(self, name: bytes, out: ctypes._Pointer[ctypes.c_int]) -> int:
        if self._folder is not None and Path(os.fsdecode(name)).parent == self._folder:
            self.operations.append(SyncNames())
        status: int = self._system_open_directory(name, out)
        return status

    # What is written down

    def _note(self, file: int, make: Callable[[int], Operation]) -> None:
        name = self._file_names[file]
        if self._folder is not None and name in self._files:
            self.operations.append(make(self._files[name]))

    def _known(self, path: str) -> str:
        """The file's name; a new file is written down. Shared memory is not: nobody needs it."""
        folder, name = os.path.split(path)
        is_ours = self._folder is not None and folder == str(self._folder)
        if is_ours and name not in self._files and not name.endswith("-shm"):
            self._files[name] = self._next_file
            self.operations.append(Create(name, self._next_file))
            self._next_file += 1
        return name if is_ours else ""

    def _note_unlink(self, path: str | os.PathLike[str]) -> None:
        folder, name = os.path.split(os.fspath(path))
        if self._folder is not None and folder == str(self._folder) and name in self._files:
            del self._files[name]
            self.operations.append(Unlink(name))

    def _note_fsync(self, descriptor: int) -> None:
        """A sync of our own code: a file that it wrote is written down as it is now."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path == self._folder:
            self.operations.append(SyncNames())
        elif path.parent == self._folder:
            number = self._files[self._known(str(path))]
            self.operations += [Write(number, 0, path.read_bytes()), Sync(number)]


def _wrapped(call: Callable[..., None], note: Callable[..., None]) -> Callable[..., None]:
    def noted(*arguments: object, **options: object) -> None:
        note(arguments[0])
        call(*arguments, **options)

    return noted
