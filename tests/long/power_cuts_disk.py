"""A disk that forgets: what of the files is there after a power cut.

Only what was synced is sure. Of everything later, each write, truncation and change of a name may
have reached the disk or not, in any order, and a write may have reached it in part. A file's sync
says nothing about its name; that takes a sync of the directory.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

SECTOR = 512
STYLES = ("nothing", "everything", "some", "torn")
"""What a cut leaves of that which was not synced: of all that is pending, or of each by chance."""


class Create(NamedTuple):
    """A name for a new, empty file."""

    name: str
    file: int


class Write(NamedTuple):
    """Bytes at a place of a file."""

    file: int
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A file's new, smaller size."""

    file: int
    size: int


class Sync(NamedTuple):
    """All of a file is on the disk."""

    file: int


class Unlink(NamedTuple):
    """A name is gone."""

    name: str


class SyncNames(NamedTuple):
    """All names are on the disk."""


Operation = Create | Write | Truncate | Sync | Unlink | SyncNames
Image = dict[str, bytes]
"""The files by name, as they are found when the power is back."""


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)


class Disk:
    """The files of one directory, as far as they are on the disk."""

    def __init__(self, image: Image) -> None:
        self._files = {number: _File(bytearray(data)) for number, data in enumerate(image.values())}
        self._names = {name: number for number, name in enumerate(image)}
        self._pending_names: list[Create | Unlink] = []

    def apply(self, operation: Operation) -> None:
        """Take one operation more."""
        match operation:
            case Create(_, number):
                self._files[number] = _File()
                self._pending_names.append(operation)
            case Unlink():
                self._pending_names.append(operation)
            case SyncNames():
                for change in self._pending_names:
                    _rename(self._names, change)
                self._pending_names.clear()
            case Sync(number):
                file = self._files[number]
                for each in file.pending:
                    _put(file.durable, each)
                file.pending.clear()
            case Write(number) | Truncate(number):
                self._files[number].pending.append(operation)

    def cut(self, style: str, rng: random.Random) -> Image:
        """What is there after a power cut at this moment."""
        names = dict(self._names)
        for change in self._pending_names:
            if _survives(style, rng):
                _rename(names, change)
        return {
            name: self._left_of(self._files[number], style, rng)
            for name, number in sorted(names.items())
        }

    def _left_of(self, file: _File, style: str, rng: random.Random) -> bytes:
        content = bytearray(file.durable)
        for each in file.pending:
            if style == "torn" and isinstance(each, Write):
                for part in _torn(each, rng):
                    _put(content, part)
            elif _survives(style, rng):
                _put(content, each)
        return bytes(content)


def _survives(style: str, rng: random.Random) -> bool:
    return style == "everything" or (style != "nothing" and rng.random() < 0.5)


def _rename(names: dict[str, int], change: Create | Unlink) -> None:
    if isinstance(change, Create):
        names[change.name] = change.file
    else:
        names.pop(change.name, None)


def _put(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        return
    # What was never written, before a write that survived, reads as zeros.
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


def _torn(write: Write, rng: random.Random) -> list[Write]:
    """The sectors of a write that survive, the last of them perhaps in part."""
    parts = []
    for start in range(0, len(write.data), SECTOR):
        data = write.data[start : start + SECTOR]
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data))]
        if rng.random() < 0.6:
            parts.append(Write(write.file, write.offset + start, data))
    return parts
