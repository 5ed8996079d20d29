"""The cut matrix: a rotation that is cut anywhere, and gone on with, loses no key.

Every call of the flow is a place where the program may be killed, and every request one where the
connection may end. A clean run says where these places are; then each is cut in a run of its own.
For some cuts the recovery is cut, too, at each of its places.

The normal run takes every twelfth cut of each setup, another twelfth in each, a thorough one
every fourth;
`python -m tests.long rotation-cuts` takes all of them, of all setups.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pulsapi_tui.domain.rotation import Mode
from pulsapi_tui.server.store import Store
from tests.contract.cutting_proxy import FAULTS, CuttingProxy, Fault, Place, Way
from tests.contract.rotation_lives import Cuts, Run, Setup, World
from tests.server.support import running

AT_ONCE = 8
"""Rotations under way together: those that wait for a stalled request hold nobody up."""

ALL = os.environ.get("PULSAPI_TUI_ALL_CUTS") == "1"
"""Every cut of every setup: several minutes."""


@pytest.fixture
def step(pytestconfig: pytest.Config) -> int:
    """Of how many cuts one is made."""
    return 1 if ALL else 4 if pytestconfig.getoption("--thorough") else 12


SETUPS = [
    Setup(mode, repeatable, own)
    for mode in Mode
    for repeatable in (True, False)
    for own in (False, True)
    # A session can't begin by revoking the key that it is signed in with.
    if not (own and mode is Mode.REVOKE_FIRST)
    # At once is an overlap without the watch.
    and (ALL or mode is not Mode.AT_ONCE or (own and not repeatable))
]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("server") / "test.sqlite"
    with running(path) as server, closing(Store(path)) as store:
        yield World(server, store)


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the writes is under test, not the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


class Matrix:
    """Runs of one setup, and how many cuts there were."""

    def __init__(self, setup: Setup, world: World, directory: Path) -> None:
        self._setup = setup
        self._world = world
        self._directory = directory
        self._places = asyncio.Semaphore(AT_ONCE)
        self.cuts = 0
        self.failures: list[str] = []

    async def run(self, what: str, cuts: Cuts) -> tuple[list[str], int]:
        """One rotation; the points that it passed and the number of its requests."""
        directory = self._directory / f"{self._directory.parent.name}-{next(_numbers)}"
        directory.mkdir()
        async with self._places:
            proxy = CuttingProxy(self._world.server.port, cuts.faults)
            async with proxy.listening():
                run = Run(self._setup, cuts, self._world, directory, proxy)
                try:
                    await run.to_its_end()
                except Exception as error:
                    self.failures.append(f"{what}: {type(error).__name__}: {error}")
        self.cuts += run.fired
        return run.points.labels, proxy.requests

    async def run_all(self, cuts: list[tuple[str, Cuts]]) -> None:
        """All of them, together."""
        await asyncio.gather(*(self.run(what, each) for what, each in cuts))


def kills(
    labels: list[str], start: int = 0, first: frozenset[int] = frozenset()
) -> Iterator[tuple[str, Cuts]]:
    """The program killed at each point."""
    for number, label in enumerate(labels[start:], start):
        yield f"killed {label} ({number})", Cuts(kills=first | {number})


def bad_disks(labels: list[str]) -> Iterator[tuple[str, Cuts]]:
    """Each write fails; those of the journal also with all after them, until the next start."""
    for number, label in enumerate(labels):
        writes = label.startswith("before journal.") and ".open" not in label
        if writes or label.endswith(" deliver"):
            yield f"the disk fails {label} ({number})", Cuts(disk=frozenset({number}))
        if writes:
            yield f"the disk is full from {label} ({number})", Cuts(full_from=number)


def network_cuts(requests: int) -> Iterator[tuple[str, Cuts]]:
    """Each request cut in each way."""
    for number in range(1, requests + 1):
        for fault in FAULTS:
            what = f"request {number} cut {fault.place}, {fault.way}"
            yield what, Cuts(faults={number: fault})


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.shown)
async def test_a_rotation_that_is_cut_anywhere_loses_no_key(
    world: World,
    setup: Setup,
    tmp_path: Path,
    step: int,
    record_property: Callable[[str, object], None],
) -> None:
    matrix = Matrix(setup, world, tmp_path)
    labels, requests = await matrix.run("not cut", Cuts())
    assert matrix.failures == []
    cuts = [*kills(labels), *bad_disks(labels), *network_cuts(requests)]
    await matrix.run_all(cuts[SETUPS.index(setup) % step :: step])
    print(f"{setup.shown}: {matrix.cuts} cuts")  # noqa: T201
    record_property("cuts", matrix.cuts)
    assert matrix.failures == []
    assert matrix.cuts > 150 // step


LOSSES: dict[str, str] = {
    "the create was carried out": "after create_key",
    "the successor stands in its place": "after deliver",
    "the old key is revoked": "after revoke_key",
}
TWICE = [
    (Setup(Mode.OVERLAP, repeatable=True, own=False), "the create was carried out"),
    (Setup(Mode.OVERLAP, repeatable=False, own=True), "the successor stands in its place"),
    (Setup(Mode.REVOKE_FIRST, repeatable=False, own=False), "the old key is revoked"),
]


@pytest.mark.parametrize(
    ("setup", "loss"),
    list(itertools.product(SETUPS, LOSSES)) if ALL else TWICE,
    ids=lambda each: each.shown if isinstance(each, Setup) else each,
)
async def test_a_recovery_that_is_cut_too_loses_no_key(
    world: World,
    setup: Setup,
    loss: str,
    tmp_path: Path,
    step: int,
    record_property: Callable[[str, object], None],
) -> None:
    matrix = Matrix(setup, world, tmp_path)
    clean, _ = await matrix.run("not cut", Cuts())
    first = clean.index(LOSSES[loss])
    labels, requests = await matrix.run("cut once", Cuts(kills=frozenset({first})))
    lost_answers = [
        (
            f"request {number} cut {place}",
            Cuts(kills=frozenset({first}), faults={number: Fault(place, Way.RST)}),
        )
        for number in range(1, requests + 1)
        for place in (Place.BEFORE, Place.ACTED)
    ]
    cuts = [*kills(labels, first + 1, frozenset({first})), *lost_answers]
    await matrix.run_all(cuts[::step])
    print(f"{setup.shown}, {loss}: {matrix.cuts} cuts")  # noqa: T201
    record_property("cuts", matrix.cuts)
    assert matrix.failures == []
    # The first cut is made in every run.
    assert matrix.cuts > 100 // step
