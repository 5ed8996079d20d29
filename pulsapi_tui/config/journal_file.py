"""The journal on disk: 0600 in a 0700 directory, whole or not at all, safe for two instances.

Each instance marks its intents with a lock of its own, which the kernel frees however the process
ends. So a second instance does not ask about a key that the first is just showing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Any, Literal

import msgspec

from pulsapi_tui.domain.errors import JournalError, RotationUnderWayError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.ports import OpenRotations
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.files import open_directory, replace_file

Holder = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class _Entry(Intent, frozen=True, kw_only=True):
    holder: Holder | None = None
    """The running program that may have the secret of this intent in hand."""

    def intent(self) -> Intent:
        return Intent(**_without_holder(self))


class _Turn(Rotation, frozen=True, kw_only=True):
    holder: Holder | None = None
    """The running program that is at this rotation."""

    def rotation(self) -> Rotation:
        return Rotation(**_without_holder(self))


def _without_holder(entry: _Entry | _Turn) -> dict[str, Any]:
    fields = msgspec.structs.asdict(entry)
    del fields["holder"]
    return fields


class _Contents(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1]
    intents: list[_Entry]
    rotations: list[_Turn] = []


def _is_of(entry: _Entry | _Turn, origin: str, account_id: str) -> bool:
    return entry.origin == origin and entry.account_id == account_id


def _under_way(rotation: Rotation, *, elsewhere: bool) -> RotationUnderWayError:
    where = "Another window of this program is at it." if elsewhere else "Open it and go on."
    return RotationUnderWayError(
        f"The key {rotation.old.shown} is being rotated already, since "
        f"{rotation.started_at:%Y-%m-%d %H:%M} UTC. {where}"
    )


def _not_made_by(other: _Entry, made: Intent) -> _Entry:
    """A key that one create made is no other one's, though they asked for the same name."""
    is_like = other.name == made.name and _is_of(other, made.origin, made.account_id)
    if made.key_id is None or other.key_id is not None or not is_like:
        return other
    return msgspec.structs.replace(other, known_ids=other.known_ids | {made.key_id})


class JournalFile:
    """Intents and rotations in one JSON file; each write is a whole file, fsynced and renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: str | None = None
        self._holder_lock = -1
        self._read_as: dict[str, Rotation] = {}
        """Rotations of earlier instances, as this one first read them and may go on with them."""
        self._made: dict[str, frozenset[str]] = {}
        """Keys that are known here to be made, by their names: no later create has made them."""

    def put(self, intent: Intent) -> None:
        """Write an intent, replacing the one with its request id."""
        made = self._made.get(intent.name, frozenset())
        if intent.key_id is None:
            # The list that was read before may be older than a key that is stored by now.
            intent = msgspec.structs.replace(intent, known_ids=intent.known_ids | made)
        else:
            self._made[intent.name] = made | {intent.key_id}
        with self._locked() as contents:
            ours = _Entry(**msgspec.structs.asdict(intent), holder=self._hold())
            others = [
                _not_made_by(each, intent)
                for each in contents.intents
                if each.request_id != intent.request_id
            ]
            self._write(contents, intents=[*others, ours])

    def remove(self, request_id: str) -> None:
        """Forget an intent that is over."""
        with self._locked() as contents:
            kept = [each for each in contents.intents if each.request_id != request_id]
            if len(kept) != len(contents.intents):
                self._write(contents, intents=kept)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        """The intents of one account, oldest first, but those that another instance is at."""
        with self._locked() as contents:
            return tuple(
                each.intent()
                for each in contents.intents
                if _is_of(each, origin, account_id) and not self._is_held_elsewhere(each.holder)
            )

    def claim_rotation(self, rotation: Rotation) -> None:
        """Write a new rotation down, unless its key is in one already."""
        with self._locked() as contents:
            for each in contents.rotations:
                if _is_of(each, rotation.origin, rotation.account_id) and each.involves(
                    rotation.old.id
                ):
                    raise _under_way(each, elsewhere=self._is_held_elsewhere(each.holder))
            ours = _Turn(**msgspec.structs.asdict(rotation), holder=self._hold())
            self._write(contents, rotations=[*contents.rotations, ours])

    def put_rotation(self, rotation: Rotation) -> None:
        """Write a rotation, replacing the one with its id.

        Raises `RotationUnderWayError` where another instance is at it, or went on with it since
        this one read it: what this one knows of it is not true any more.
        """
        with self._locked() as contents:
            self._check_turn(contents, rotation)
            ours = _Turn(**msgspec.structs.asdict(rotation), holder=self._hold())
            others = [each for each in contents.rotations if each.id != rotation.id]
            self._write(contents, rotations=[*others, ours])
            self._read_as.pop(rotation.id, None)

    def _check_turn(self, contents: _Contents, rotation: Rotation) -> None:
        before = next((each for each in contents.rotations if each.id == rotation.id), None)
        if before is not None and self._is_held_elsewhere(before.holder):
            raise _under_way(before, elsewhere=True)
        read_as = self._read_as.get(rotation.id)
        if read_as is not None and (before is None or before.rotation() != read_as):
            raise RotationUnderWayError(
                f"Another window went on with the rotation of {rotation.old.shown} meanwhile. "
                "Start this program again to see how far it came."
            )

    def remove_rotation(self, rotation_id: str) -> None:
        """Forget a rotation that is over."""
        with self._locked() as contents:
            kept = [each for each in contents.rotations if each.id != rotation_id]
            if len(kept) != len(contents.rotations):
                self._write(contents, rotations=kept)

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        """The rotations of one account, oldest first."""
        with self._locked() as contents:
            ours = [each for each in contents.rotations if _is_of(each, origin, account_id)]
            held = [self._is_held_elsewhere(each.holder) for each in ours]
        for each in ours:
            if self._holder is None or each.holder != self._holder:
                self._read_as.setdefault(each.id, each.rotation())
        return OpenRotations(
            here=tuple(each.rotation() for each, away in zip(ours, held, strict=True) if not away),
            elsewhere=tuple(each.rotation() for each, away in zip(ours, held, strict=True) if away),
        )

    def _hold(self) -> str:
        """The mark of this instance: a lock that the kernel frees, however the process ends."""
        if self._holder is None:
            # One that died before it could write its name left a lock that nobody asks about.
            with suppress(OSError):
                for left in self._path.parent.glob(self._holder_path("[0-9a-f]" * 16).name):
                    self._is_held_elsewhere(left.stem[-16:])
            holder = os.urandom(8).hex()
            self._holder_lock = self._lock_holder(holder)
            self._holder = holder
        return self._holder

    def _lock_holder(self, holder: Holder) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            lock = os.open(self._holder_path(holder), flags, 0o600)
        except OSError as error:
            raise self._error("can't be locked", error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise self._error("can't be locked", error) from None
        return lock

    def close(self) -> None:
        """Let go of the intents that this instance was at: from now on, anybody may ask of them."""
        if self._holder is not None:
            self._forget_lock(self._holder)
            os.close(self._holder_lock)
            self._holder = None

    def _is_held_elsewhere(self, holder: Holder | None) -> bool:
        """Whether another instance, still alive, is at it."""
        if holder is None or holder == self._holder:
            return False
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            lock = os.open(self._holder_path(holder), flags)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._error("can't be read", error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            self._forget_lock(holder)
            return False
        finally:
            os.close(lock)

    def _forget_lock(self, holder: Holder) -> None:
        # One that can't be removed is held by nobody any more, and the next instance tries again.
        with suppress(OSError):
            self._holder_path(holder).unlink()

    def _holder_path(self, holder: str) -> Path:
        return self._path.with_name(f"{self._path.stem}-{holder}.lock")

    @contextmanager
    def _locked(self) -> Iterator[_Contents]:
        """Hold the lock of both instances; the kernel frees it, however a process ends."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(
                self._path.with_suffix(".lock"),
                os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
            )
        except OSError as error:
            raise self._error("can't be opened", error) from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                raise self._error("can't be locked", error) from None
            yield self._read()
        finally:
            os.close(lock)

    def _read(self) -> _Contents:
        try:
            # O_NONBLOCK: a FIFO there would otherwise be waited for.
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return _Contents(version=1, intents=[])
        except OSError as error:
            raise self._error("can't be read", error) from None
        try:
            status = os.fstat(file)
            if status.st_uid != os.geteuid():
                raise JournalError(f"The journal {self._path} belongs to another user.")
            if S_ISREG(status.st_mode):
                with os.fdopen(file, "rb", closefd=False) as stream:
                    return msgspec.json.decode(stream.read(), type=_Contents)
        except OSError as error:
            raise self._error("can't be read", error) from None
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
        finally:
            os.close(file)
        raise JournalError(
            f"The journal {self._path} is damaged. Move it away, and look for keys that you "
            "do not know."
        )

    def _write(
        self,
        before: _Contents,
        *,
        intents: list[_Entry] | None = None,
        rotations: list[_Turn] | None = None,
    ) -> None:
        contents = _Contents(
            version=1,
            intents=before.intents if intents is None else intents,
            rotations=before.rotations if rotations is None else rotations,
        )
        text = msgspec.json.format(msgspec.json.encode(contents))
        try:
            with open_directory(self._path.parent) as directory:
                # No secret is in it, so a file system without permissions is good enough.
                replace_file(directory, self._path.name, text, must_be_private=False)
        except OSError as error:
            raise self._error("can't be written", error) from None

    def _error(self, what: str, error: OSError) -> JournalError:
        return JournalError(
            f"The journal {self._path} {what} ({error.strerror or type(error).__name__}). "
            "No key is created without it."
        )
