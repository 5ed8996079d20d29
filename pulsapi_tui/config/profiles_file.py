"""`profiles.toml`: the app's own file. It says where keys are sent, and which commands are run."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pulsapi_tui.config.own_file import WRITTEN_BY_OTHERS, Demands, read_own, refusal
from pulsapi_tui.config.profiles_text import parse, rendered
from pulsapi_tui.domain.errors import ProfilesError
from pulsapi_tui.domain.profiles import Profile, ProfileList
from pulsapi_tui.domain.text import clean
from pulsapi_tui.files import NotSyncedError, make_directory, replace_file

LOCK_TIMEOUT_S = 10.0
_LOCK_POLL_S = 0.002

_DEMANDS = Demands(
    error=ProfilesError,
    refused_bits=WRITTEN_BY_OTHERS,
    danger="change where your keys are sent",
    mend="go-w",
    most_bytes=1024 * 1024,
)


class ProfilesFile:
    """The `Profiles` of this user.

    Each change reads the file, changes it and replaces it whole under a lock, so that two
    instances lose nothing. A file that can't be read is never written over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> ProfileList:
        """All of them."""
        data = read_own(self._path, _DEMANDS)
        return ProfileList() if data is None else self._parsed(data)

    def put(self, profile: Profile, *, make_current: bool = False) -> None:
        """Add it, or replace the one of its name."""

        def put(listed: ProfileList) -> ProfileList:
            by_name = {each.name: each for each in listed.profiles} | {profile.name: profile}
            current = profile.name if make_current else listed.current
            return ProfileList(tuple(by_name.values()), current)

        self._edit(put)

    def change(self, name: str, change: Callable[[Profile], Profile]) -> Profile:
        """Change it as it is on disk at that moment."""
        changed: list[Profile] = []

        def put(listed: ProfileList) -> ProfileList:
            changed.append(change(listed.named(name)))
            profiles = (changed[0] if each.name == name else each for each in listed.profiles)
            return ProfileList(tuple(profiles), listed.current)

        self._edit(put)
        return changed[0]

    def use(self, name: str) -> None:
        """Make it the current one."""
        self._edit(lambda listed: ProfileList(listed.profiles, listed.named(name).name))

    def remove(self, name: str) -> None:
        """Forget it; no other becomes the current one in its place."""

        def without(listed: ProfileList) -> ProfileList:
            gone = listed.named(name)
            profiles = tuple(each for each in listed.profiles if each is not gone)
            return ProfileList(profiles, "" if listed.current == name else listed.current)

        self._edit(without)

    def _parsed(self, data: bytes) -> ProfileList:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            problem = f"{self._path} is not UTF-8 text. Save it as UTF-8, or move it away."
            raise ProfilesError(problem) from None
        return parse(text, self._path)

    def _edit(self, edit: Callable[[ProfileList], ProfileList]) -> None:
        with self._locked() as directory:
            edited = edit(self.read())
            data = rendered(edited).encode("utf-8", "surrogatepass")
            # What could not be read again would lock everybody out.
            if len(data) > _DEMANDS.most_bytes or self._parsed(data) != edited:
                raise ProfilesError(f"That can't be written to {self._path}: take other values.")
            try:
                replace_file(directory, self._path.name, data)
            except NotSyncedError as error:
                raise ProfilesError(
                    f"{self._path} was changed, but the disk did not confirm it "
                    f"({_reason(error)}): a power cut may undo it. Check the disk."
                ) from None
            except OSError as error:
                raise self._error("can't be written", error) from None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the lock of all instances, which the kernel frees however a process ends.

        Gives the open directory of the file.
        """
        place = self._path.parent
        try:
            make_directory(place)
            directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._error("has no directory", error) from None
        try:
            self._check_place(directory)
            lock = self._open_lock(directory)
            try:
                self._wait_for(lock)
                yield directory
            finally:
                os.close(lock)
        finally:
            os.close(directory)

    def _check_place(self, directory: int) -> None:
        try:
            status = os.fstat(directory)
        except OSError as error:
            raise self._error("has no directory", error) from None
        problem = refusal(status, self._path.parent, _DEMANDS, stat.S_ISDIR)
        if problem is not None:
            raise ProfilesError(problem)

    def _open_lock(self, directory: int) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(self._path.with_suffix(".lock").name, flags, 0o600, dir_fd=directory)
        except OSError as error:
            raise self._error("can't be locked", error) from None

    def _wait_for(self, lock: int) -> None:
        until = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in {errno.EWOULDBLOCK, errno.EINTR}:
                    raise self._error("can't be locked", error) from None
            else:
                return
            if time.monotonic() > until:
                raise ProfilesError(
                    f"{self._path} is being changed by another instance, for longer than "
                    f"{LOCK_TIMEOUT_S:g} s. Nothing was changed: try again."
                )
            time.sleep(_LOCK_POLL_S)

    def _error(self, what: str, error: OSError) -> ProfilesError:
        return ProfilesError(f"{self._path} {what} ({_reason(error)}). Nothing was changed.")


def _reason(error: OSError) -> str:
    return clean(error.strerror or type(error).__name__)
