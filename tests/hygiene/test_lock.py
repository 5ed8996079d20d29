"""What CI installs is locked by hashes, whole, and bounded where a later version would break it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / ".ci/requirements.lock").read_text(encoding="utf-8")
_PINNED = re.compile(r"([A-Za-z0-9._-]+)==([^ ;]+)(?: ; ([^\\]+))? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


class Pinned(NamedTuple):
    """A package of the lock."""

    version: str
    hashes: int


def _locked() -> dict[str, Pinned]:
    """The packages of the lock; fails at a line that is neither a pin, a hash nor a comment."""
    locked: dict[str, Pinned] = {}
    name = ""
    for line in LOCK.splitlines():
        pinned = _PINNED.fullmatch(line)
        if pinned is not None:
            name = canonicalize_name(pinned[1])
            assert name not in locked, f"{name} is there twice"
            locked[name] = Pinned(pinned[2], 0)
        elif _HASH.fullmatch(line):
            locked[name] = Pinned(locked[name].version, locked[name].hashes + 1)
        else:
            assert re.fullmatch(r"\s*#.*|", line), f"not a pin: {line}"
    return locked


LOCKED = _locked()


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    texts = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(text for extra in extras for text in extra),
    ]
    return [Requirement(text) for text in texts]


DECLARED = _declared()


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_what_is_declared_is_locked_as_declared(requirement: Requirement) -> None:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    pinned = LOCKED[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned.version)


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_what_is_declared_has_an_upper_bound(requirement: Requirement) -> None:
    assert {each.operator for each in requirement.specifier} & {"<", "<=", "=="}


def _needed_by(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What an installed package needs here; nothing is known of one that is not installed."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield requirement


def test_what_is_needed_by_what_is_locked_is_locked_too() -> None:
    left = [(each.name, each.extras) for each in DECLARED]
    seen: set[str] = set()
    while left:
        name, extras = left.pop()
        for requirement in _needed_by(name, extras):
            key = str(requirement)
            assert canonicalize_name(requirement.name) in LOCKED, f"{name} needs {requirement}"
            if key not in seen:
                seen.add(key)
                left.append((requirement.name, requirement.extras))
    assert len(seen) > len(DECLARED)


def test_every_package_has_its_hashes_and_no_place_to_come_from_is_named() -> None:
    assert len(LOCKED) > len(DECLARED)
    assert not [name for name, pinned in LOCKED.items() if pinned.hashes == 0]
    assert not re.search("https?:|file:|@|--(?!hash)[a-z]", re.sub("(?m)^ *#.*$", "", LOCK))


def test_ci_installs_by_the_lock_alone() -> None:
    run = (ROOT / ".ci/run").read_text(encoding="utf-8")
    lock = run.index("pip install -q --require-hashes --no-deps -r .ci/requirements.lock")
    closed = run.index("export PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0")
    assert lock < closed < run.index("pip install -q -e '.[dev]'")
