"""Where keys of each profile were delivered to last: a small file of the app's own."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.files import open_directory, replace_file

MAX_BYTES = 1024 * 1024
MOST_NAMES = 500
"""Names remembered of a profile; the oldest are forgotten."""

ONCE = "file"
"""The way to a file that must not be there: never the place for another key."""


class _Profile(msgspec.Struct):
    by_name: dict[str, Target] = {}


class _Contents(msgspec.Struct):
    profiles: dict[str, _Profile] = {}


class LastTargetFile:
    """The last targets of one profile. A convenience: what can't be read or kept is forgotten."""

    def __init__(self, path: Path, profile: str) -> None:
        self._path = path
        self._profile = profile

    def last(self, key_name: str) -> Target | None:
        """Where a key of that name went last; where another key is, it would be replaced."""
        contents = _Contents()
        with suppress(OSError):
            contents = self._read()
        profile = contents.profiles.get(self._profile, _Profile())
        target = profile.by_name.get(key_name)
        return None if target is None or target.way_id == ONCE else target

    def remember(self, target: Target, key_name: str) -> None:
        """Keep it, under the lock of all instances; not where what is there can't be read now."""
        import tomli_w

        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_directory(self._path.parent) as directory:
                # Some file systems have no locks. Closing the directory lets go of it.
                with suppress(OSError):
                    fcntl.flock(directory, fcntl.LOCK_EX)
                contents = self._read()
                before = contents.profiles.get(self._profile, _Profile())
                others = {name: each for name, each in before.by_name.items() if name != key_name}
                by_name = dict([*others.items(), (key_name, target)][-MOST_NAMES:])
                contents.profiles[self._profile] = _Profile(by_name)
                text = tomli_w.dumps(msgspec.to_builtins(contents)).encode()
                replace_file(directory, self._path.name, text, must_be_private=False)

    def _read(self) -> _Contents:
        """What is there, or nothing where it is damaged. Raises OSError."""
        import tomllib

        try:
            with open(self._path, "rb", opener=_without_waiting) as stream:
                values = tomllib.loads(stream.read(MAX_BYTES).decode())
            return msgspec.convert(values, _Contents)
        except (FileNotFoundError, ValueError, msgspec.ValidationError):
            return _Contents()


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO there would otherwise be waited for, and a link followed.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
