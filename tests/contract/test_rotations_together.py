"""Keys of one name, rotated side by side on a wire that fails: none loses its successor.

A create whose answer was lost is told from others by its name alone. Where several are under way,
a successor that is taken for the wrong rotation's would be revoked as lost.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.intents import SETTLED_AFTER
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotate_many import Planned, rotate_many
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.rows import KeyRow
from pulsapi_tui.server.store import Store
from tests.contract.cutting_proxy import CuttingProxy, Fault, Place, Way
from tests.contract.rotation_lives import (
    PRESSES,
    VARIABLE,
    CutDelivery,
    Cuts,
    CutService,
    Points,
    World,
)
from tests.server.support import add_account, running
from tests.unit.support import FakeClock

pytestmark = pytest.mark.thorough

NAME = "CI"
KEYS = 3
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


def _namesakes(store: Store, account_id: str) -> tuple[str, list[str]]:
    """The session's secret, and the ids of keys that have one name."""
    session = add_account(store, account_id)[0].secret
    rows = []
    for _ in range(KEYS):
        minted = mint_key()
        row = KeyRow(
            id=new_key_id(),
            account_id=account_id,
            digest=minted.digest,
            name=NAME,
            hint=minted.hint,
            created_at=store.now_ms() - 1_000,
        )
        rows.append(row)
    with store.writing() as transaction:
        transaction.add_keys(rows)
    return session, [row.id for row in rows]


class Together:
    """Some rotations by one plan, with a request that is cut."""

    def __init__(self, world: World, directory: Path, proxy: CuttingProxy) -> None:
        session, self._old_ids = world.server.with_store(
            lambda store: _namesakes(store, directory.name)
        )
        self._world = world
        self._proxy = proxy
        self._clock = FakeClock()
        self._files = [directory / f"{number}.env" for number in range(KEYS)]
        self.points = Points(Cuts(), lambda _: None)
        self._service = CutService(
            proxy, world.server.url, Secret(session), self._clock, self.points, repeatable=False
        )
        self._journal = JournalFile(directory / "state" / "journal.json")
        self._ports = Ports(self._service, self._journal, CutDelivery(self.points), self._clock)
        self._lost: set[str] = set()

    async def to_the_end(self) -> None:
        """Rotate them, go on with what is stuck, revoke the old ones, and look at what is left."""
        try:
            await self._rotate()
        finally:
            self._journal.close()
            await self._service.aclose()
        self._check_end()

    async def _rotate(self) -> None:
        account = await self._service.account()
        listed = await self._list()
        planned = [
            Planned(
                listed.by_id[key_id],
                Target(way_id="env_file", values={"path": str(file), "variable": VARIABLE}),
                Seen((), self._clock.now()),
            )
            for key_id, file in zip(self._old_ids, self._files, strict=True)
        ]
        rotated = await rotate_many(
            planned,
            account=account,
            ports=self._ports,
            listed=lambda: listed,
            progress=lambda _: None,
            stop=asyncio.Event(),
        )
        # Those that went well are finished first; then the user looks at the one that is stuck.
        for each in sorted(rotated, key=lambda each: not each.done):
            assert each.rotator is not None
            await self._finish(each.rotator)

    async def _list(self) -> KeyList:
        return KeyList((await self._service.list_keys()).keys, self._clock.now())

    async def _finish(self, rotator: Rotator) -> None:
        for _ in range(PRESSES):
            step = rotator.rotation.step
            if step is Step.WATCH:
                rotator.stop_watching("The user goes on.")
                continue
            advanced = await rotator.advance(await self._list())
            if rotator.rotation.is_over:
                return
            if not advanced.done and step is Step.DELIVER and rotator.created is None:
                assert rotator.rotation.new is not None
                self._lost.add(rotator.rotation.new.id)
                await rotator.replace()
            elif "still be on its way" in advanced.message:
                self._clock.advance(SETTLED_AFTER.total_seconds())
        raise AssertionError(f"no end at {rotator.rotation.step}")

    def _check_end(self) -> None:
        in_files = {file.read_text().strip().partition("=")[2] for file in self._files}
        stored = {key_id for key_id, minted in self._proxy.minted.items() if minted[-1] in in_files}
        assert len(stored) == KEYS
        for secret in in_files:
            with self._world.server.client(secret) as client:
                answer = client.get("/v1/api-keys")
            assert answer.status_code == 200
            named = {key["id"] for key in answer.json()["data"] if key["name"] == NAME}
            assert named == stored
        assert stored.isdisjoint(self._lost)


async def test_no_rotation_takes_the_successor_of_another(
    world: World, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    cuts = 0
    for place, request in itertools.product((Place.BEFORE, Place.ACTED), range(3, 4 * KEYS + 3)):
        directory = tmp_path / f"{tmp_path.parent.name}-together-{next(_numbers)}"
        directory.mkdir()
        proxy = CuttingProxy(world.server.port, {request: Fault(place, Way.RST)})
        async with proxy.listening():
            await Together(world, directory, proxy).to_the_end()
        cuts += proxy.cuts
    print(f"side by side: {cuts} cuts")  # noqa: T201
    record_property("cuts", cuts)
    assert cuts == 2 * 4 * KEYS
