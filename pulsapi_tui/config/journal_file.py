"""The journal on disk: 0600 in a 0700 directory, whole or not at all, safe for two instances.

Each instance marks its intents with a lock of its own, which the kernel frees however the process
ends. So a second instance does not ask about a key that the first is just showing.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Literal

import msgspec

from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.intents import Intent

Holder = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class _Entry(Intent, frozen=True, kw_only=True):
    holder: Holder | None = None
    """The running program that may have the secret of this intent in hand."""

    def intent(self) -> Intent:
        fields = msgspec.structs.asdict(self)
        del fields["holder"]
        return Intent(**fields)


class _Contents(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1]
    intents: list[_Entry]


class JournalFile:
    """Intents in one JSON file; each write is a whole new file, fsynced, then renamed over it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: str | None = None
        self._holder_lock = -1

    def put(self, intent: Intent) -> None:
        """Write an intent, replacing the one with its request id."""
        with self._locked() as contents:
            ours = _Entry(**msgspec.structs.asdict(intent), holder=self._hold())
            others = [each for each in contents.intents if each.request_id != intent.request_id]
            self._write([*others, ours])

    def remove(self, request_id: str) -> None:
        """Forget an intent that is over."""
        with self._locked() as contents:
            kept = [each for each in contents.intents if each.request_id != request_id]
            if len(kept) != len(contents.intents):
                self._write(kept)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        """The intents of one account, oldest first, but those that another instance is at."""
        with self._locked() as contents:
            return tuple(
                each.intent()
                for each in contents.intents
                if each.origin == origin
                and each.account_id == account_id
                and not self._is_held_elsewhere(each)
            )

    def _hold(self) -> str:
        """The mark of this instance: a lock that the kernel frees, however the process ends."""
        if self._holder is None:
            holder = secrets.token_hex(8)
            try:
                self._holder_lock = os.open(
                    self._holder_path(holder),
                    os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                    0o600,
                )
                fcntl.flock(self._holder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise self._error("can't be locked", error) from None
            self._holder = holder
        return self._holder

    def close(self) -> None:
        """Let go of the intents that this instance was at: from now on, anybody may ask of them."""
        if self._holder is not None:
            self._holder_path(self._holder).unlink(missing_ok=True)
            os.close(self._holder_lock)
            self._holder = None

    def _is_held_elsewhere(self, entry: _Entry) -> bool:
        """Whether another instance, still alive, may have the secret in hand."""
        if entry.holder is None or entry.holder == self._holder:
            return False
        path = self._holder_path(entry.holder)
        try:
            lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(lock)

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

    def _write(self, intents: list[_Entry]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_Contents(version=1, intents=intents)))
        scratch: str | None = None
        try:
            handle, scratch = tempfile.mkstemp(dir=self._path.parent, prefix=".journal-")
            with os.fdopen(handle, "wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(scratch, self._path)
            scratch = None
            directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            if scratch is not None:
                Path(scratch).unlink(missing_ok=True)
            raise self._error("can't be written", error) from None

    def _error(self, what: str, error: OSError) -> JournalError:
        return JournalError(
            f"The journal {self._path} {what} ({error.strerror or type(error).__name__}). "
            "No key is created without it."
        )
