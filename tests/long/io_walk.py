"""Each scenario with its first disk access failing, then its second, and so on to its end."""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.secret import Secret
from tests.long.io_scenarios import OLD_KEY, SCENARIOS, Scenario
from tests.long.io_steps import FAULTS, WRITES, disk_failing_at
from tests.unit.faults import open_descriptors, temporary_names
from tests.unit.support import CANARY

_KEYS = (Secret(CANARY), Secret(OLD_KEY))


class _Clean(NamedTuple):
    """A run in which nothing fails."""

    old: object
    new: object
    answer: object
    steps: list[str]


class _Ended(NamedTuple):
    """How a call with a fault in it ended."""

    answer: object
    failure: BaseException | None

    @property
    def said_no(self) -> bool:
        return self.failure is not None or self.answer is False


@dataclass
class Walked:
    """What was seen, and what was wrong."""

    faults: Counter[str] = field(default_factory=Counter)
    said: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        total = self.faults.total()
        return (
            f"{total} disk faults ({kinds}) in {len(SCENARIOS)} scenarios: {self.said} were said, "
            f"{total - self.said} changed nothing of the outcome"
        )


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    place = folder / "place"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def walk(folder: Path, share: float, seed: int, only: str = "") -> Walked:
    """Let this share of all faults happen, each in a folder of its own."""
    chance = random.Random(seed)  # noqa: S311  # a choice
    walked = Walked()
    for name, scenario in SCENARIOS.items():
        if not name.startswith(only):
            continue
        clean = _clean(folder, scenario)
        for kind, code in FAULTS.items():
            for at, step in enumerate(clean.steps, 1):
                # A short write is one of a write, and only what takes room finds none.
                can_fail = step in WRITES[kind] if kind in WRITES else True
                if can_fail and chance.random() < share:
                    walked.faults[kind] += 1
                    with _place(folder) as place:
                        wrong = _with_fault(walked, place, scenario, clean, at, code)
                    walked.wrong += [f"{name}, {kind} at {at} ({step}): {each}" for each in wrong]
    return walked


def _clean(folder: Path, scenario: Scenario) -> _Clean:
    with _place(folder) as place:
        scenario.prepare(place)
        old = scenario.look(place)
        with disk_failing_at(sys.maxsize, 0) as countdown:
            answer = scenario.act(place)
        return _Clean(old, scenario.look(place), answer, countdown.steps)


def _with_fault(
    walked: Walked, place: Path, scenario: Scenario, clean: _Clean, at: int, code: int
) -> list[str]:
    """What is wrong after the `at`th step failed."""
    scenario.prepare(place)
    descriptors = open_descriptors()
    with disk_failing_at(at, code):
        ended = _act(scenario, place)
    wrong = [] if ended.failure is None else _unfit(ended.failure)
    walked.said += ended.said_no
    if open_descriptors() != descriptors:
        wrong.append("a descriptor stays open")
    found = scenario.look(place)
    if found not in (clean.old, clean.new):
        wrong.append("neither old nor new")
    if not ended.said_no and not scenario.may_be_silent:
        if found != clean.new:
            wrong.append("acknowledged but lost")
        if ended.answer != clean.answer:
            wrong.append("what was read is not what is there")
    if found == clean.old or scenario.may_be_done_twice:
        again = _act(scenario, place)
        if again.said_no or scenario.look(place) != clean.new:
            wrong.append(f"it does not work afterwards: {again.failure!r}")
    if any(temporary_names(each) for each in (place, *place.iterdir()) if each.is_dir()):
        wrong.append("a temporary file is left")
    return wrong


def _act(scenario: Scenario, place: Path) -> _Ended:
    try:
        return _Ended(scenario.act(place), None)
    except Exception as error:  # anything but our own error is what is looked for
        return _Ended(None, error)


def _unfit(failure: BaseException) -> list[str]:
    """Why that can't be shown to a person."""
    if not isinstance(failure, PulsapiError):
        return [f"not one of our errors: {failure!r}"]
    said = failure.user_message
    if not said.endswith(".") or not said.isprintable():
        return [f"not a sentence: {said!r}"]
    return [] if all(key.is_safe_beside(said) for key in _KEYS) else ["a key in a sentence"]
