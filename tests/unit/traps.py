"""What may stand where a private file of ours should be, and a user who is not root."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.faults import NOBODY

TRAPS = {
    "link": "is a link. Put the file itself in its place.",
    "dangling": "is a link. Put the file itself in its place.",
    "directory": "is not a file. Move it away.",
    "pipe": "is not a file. Move it away.",
    "below a file": "can't be read (Not a directory). See to it that you can read it.",
}


def set_trap(path: Path, kind: str) -> None:
    """Put it there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_text("precious")
    elsewhere.chmod(0o600)
    match kind:
        case "link":
            path.symlink_to(elsewhere)
        case "dangling":
            path.symlink_to("nowhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "below a file":
            path.parent.rmdir()
            path.parent.write_text("in the way")


def is_untouched(path: Path) -> bool:
    """Whether what the links lead to is as it was."""
    return (path.parent.parent / "elsewhere").read_text() == "precious"


@contextmanager
def owned_by_nobody() -> Iterator[Path]:
    """A directory of another user, which that user can reach; only root can make one."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


_AS_NOBODY = """
import os, sys
from pathlib import Path
place = Path(sys.argv[1])
"""
_STOP_BEING_ROOT = """
os.setgroups([]); os.setgid(65534); os.setuid(65534)
"""


def as_nobody(imports: str, code: str, place: Path) -> str:
    """What a process of that user prints; `place` is there as a path."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY + imports + _STOP_BEING_ROOT + code, str(place)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
