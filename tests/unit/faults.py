"""A disk that fails on cue, and a process that is killed at each of its steps."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pulsapi_tui import files

STEPS = ("open", "write", "fsync", "replace", "link", "rename")


class Countdown:
    """Counts the steps; at the `at`th, fails with `code`, or writes one byte where code is 0."""

    def __init__(self, at: int, code: int) -> None:
        self._at = at
        self._code = code
        self.steps: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether the step was reached."""
        return len(self.steps) >= self._at

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The function of `os`, counted."""

        def call(*arguments: Any, **options: Any) -> Any:
            self.steps.append(name)
            if len(self.steps) == self._at:
                if self._code:
                    raise OSError(self._code, os.strerror(self._code))
                if name == "write":
                    return real(arguments[0], bytes(arguments[1])[:1])
            return real(*arguments, **options)

        return call


@contextmanager
def failing_at(at: int, code: int) -> Iterator[Countdown]:
    """Every step of `os` is counted, and one fails."""
    countdown = Countdown(at, code)
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, countdown.wrap(name, getattr(os, name)))
        yield countdown


FAULTS = (errno.ENOSPC, errno.EIO, 0)


_KILL = """
import json, os, signal, sys
from pathlib import Path
from pulsapi_tui import files
base = Path(sys.argv[1])
if sys.argv[2] == "named":
    files._O_TMPFILE = None
STEPS = ["open", "write", "fsync", "replace", "link", "rename", "unlink", "fchmod", "fstat"]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def arm(at):
    count = 0
    def wrap(name, real):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            if count == at and name == "write":
                real(arguments[0], bytes(arguments[1])[:5])
            if count == at:
                die()
            return real(*arguments, **options)
        return call
    for name in STEPS:
        setattr(os, name, wrap(name, getattr(os, name)))
def run(act, prepare):
    for at in range(1, 200):
        directory = base / str(at)
        directory.mkdir()
        prepare(directory)
        child = os.fork()
        if child == 0:
            try:
                arm(at)
                act(directory)
                os._exit(0)
            finally:
                os._exit(9)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            print(json.dumps(at))
            return
        assert code == -signal.SIGKILL, code
"""


def killed_at_each_step(code: str, base: Path, variant: str) -> list[Path]:
    """Run `act(directory)` of `code`, killed at its first step, then its second, and so on.

    `code` also has `prepare(directory)`. A directory for each kill; the last act ran to its end.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{_KILL}\n{code}\nrun(act, prepare)", str(base), variant],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last: int = json.loads(done.stdout)
    return [base / str(at) for at in range(1, last + 1)]


def temporary_names(directory: Path) -> list[str]:
    """What is left of ours."""
    return [each for each in os.listdir(directory) if each.startswith(files.PREFIX)]


def open_descriptors() -> int:
    """How many there are."""
    return len(os.listdir("/dev/fd"))


@contextmanager
def tiny_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips where it can't be had."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with (disk / "fill").open("wb", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(b"x" * 4096)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
NOBODY = 65534
