"""Ask git whether a file could be committed by mistake. Bounded in time, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pulsapi_tui.delivery.places import shown

TIMEOUT_S = 2.0
"""For all questions together."""

_SECRET_VARIABLE = "PULSAPI_API_KEY"  # noqa: S105  # the variable's name


class _Answer(NamedTuple):
    code: int
    output: str


def concern(directory: Path, name: str, environment: Mapping[str, str]) -> str | None:
    """What git would do with a file, as a sentence; None where it would not take it.

    The file need not exist. Where git can't be asked, a `.git` further up is what is known.
    """
    git = shutil.which("git", path=environment.get("PATH"))
    if git is None:
        return _unasked(directory, "git isn't here to tell whether it is ignored")
    ask = _Git(git, directory, environment)
    top = ask("rev-parse", "--show-toplevel")
    # A name is no pattern: the one command is told so, the other knows none but a leading colon.
    find = ("--literal-pathspecs", "ls-files", "--error-unmatch", "--", name)
    tracked = ask(*find) if _is_yes(top) else None
    if tracked is not None and tracked.code == 0:
        return "git tracks it already: the key would be committed with it."
    ignored = ask("check-ignore", "--quiet", "--", f"./{name}") if _is_no(tracked) else None
    if top is not None and _is_no(ignored):
        tree = shown(_as_reached(directory, Path(top.output.removesuffix("\n"))))
        return (
            f"It lies inside the git work tree {tree}, which does not ignore it: it could be "
            "committed. Add it to .gitignore."
        )
    if _is_yes(ignored):
        return None
    return _unasked(directory, "git could not tell whether it is ignored")


def _is_yes(answer: _Answer | None) -> bool:
    return answer is not None and answer.code == 0


def _is_no(answer: _Answer | None) -> bool:
    return answer is not None and answer.code == 1


class _Git:
    """Runs git in a directory, until the time is up."""

    def __init__(self, git: str, directory: Path, environment: Mapping[str, str]) -> None:
        self._argv = [
            git,
            "-C",
            str(directory),
            "-c",
            "core.fsmonitor=false",
        ]
        # GIT_DIR and its like would have it look elsewhere.
        kept = {
            key: value
            for key, value in environment.items()
            if not key.startswith("GIT_") and key != _SECRET_VARIABLE
        }
        self._environment = {**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        self._deadline = time.monotonic() + TIMEOUT_S

    def __call__(self, *arguments: str) -> _Answer | None:
        """The answer; None where it can't be run or takes too long."""
        return _run([*self._argv, *arguments], self._environment, self._deadline)


def _run(argv: Sequence[str], environment: Mapping[str, str], deadline: float) -> _Answer | None:
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        try:
            output, _ = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            # The whole session: a child of it would keep the pipe open.
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            return None
    return _Answer(process.returncode, os.fsdecode(output))


def _as_reached(directory: Path, top: Path) -> Path:
    """The work tree's root by the path that the user gave, as git says where links lead to."""
    for each in (directory, *directory.parents):
        with suppress(OSError):
            if os.path.samefile(each, top):
                return each
    return top


def _unasked(directory: Path, why: str) -> str | None:
    real = Path(os.path.realpath(directory))
    for each in (real, *real.parents):
        if os.path.lexists(each / ".git"):
            tree = shown(_as_reached(directory, each))
            return (
                f"It lies inside the git work tree {tree}, and {why}: it could be committed. "
                "Look at .gitignore."
            )
    return None
