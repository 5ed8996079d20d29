"""Where a key of each profile was delivered to last: a small file of the app's own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import tomli_w

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.files import open_directory, replace_file

MAX_BYTES = 256 * 1024


class _Contents(msgspec.Struct):
    targets: dict[str, Target]


class LastTargetFile:
    """The last target of one profile. A convenience: what can't be read or kept is forgotten."""

    def __init__(self, path: Path, profile: str) -> None:
        self._path = path
        self._profile = profile

    def last(self) -> Target | None:
        """The last one."""
        return self._read().get(self._profile)

    def remember(self, target: Target) -> None:
        """Keep it."""
        targets = {**self._read(), self._profile: target}
        text = tomli_w.dumps({"targets": msgspec.to_builtins(targets)})
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_directory(self._path.parent) as directory:
                replace_file(directory, self._path.name, text.encode(), must_be_private=False)

    def _read(self) -> Mapping[str, Target]:
        try:
            with open(self._path, "rb", opener=_without_waiting) as stream:
                values = tomllib.loads(stream.read(MAX_BYTES).decode())
            return msgspec.convert(values, _Contents).targets
        except (OSError, ValueError, msgspec.ValidationError):
            return {}


def _without_waiting(path: str, flags: int) -> int:
    # A FIFO there would otherwise be waited for, and a link followed.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
