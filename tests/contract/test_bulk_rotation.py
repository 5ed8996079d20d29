"""Many keys by one plan, on a server that fails one call in ten and is busy at times."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import AnswerLostError, RateLimitedError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Service
from pulsapi_tui.domain.ports import KeyPages, PageSeen
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.rotate_many import (
    AT_ONCE,
    Planned,
    Rotated,
    finish_many,
    rotate_many,
    targets_for,
)
from pulsapi_tui.flows.rotation_record import Ports
from tests.contract.support import FakeClock
from tests.server.support import Running, add_account, running

KEYS = int(os.environ.get("PULSAPI_TUI_BULK_KEYS", "60"))
"""`python -m tests.long bulk-rotation` takes 200."""


class Troubled:
    """The real client, where one call in ten loses its answer, and some are refused for a while.

    An answer is lost before the server has acted, or after it.
    """

    def __init__(self, client: PulsApiClient, seed: int) -> None:
        self._client = client
        self._rng = random.Random(seed)  # noqa: S311  # faults, no secrets
        self.calls: Counter[str] = Counter()
        self.under_way = 0
        self.busiest = 0

    @property
    def origin(self) -> str:
        return self._client.origin

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[None]:
        self.calls[name] += 1
        self.under_way += 1
        self.busiest = max(self.busiest, self.under_way)
        try:
            chance = self._rng.random()
            if chance < 0.05:
                raise AnswerLostError("PulsAPI did not answer.")
            if chance < 0.10:
                raise RateLimitedError(
                    "Too many requests.", status=429, code="rate_limited", retry_after_s=7.0
                )
            yield
            if chance < 0.15:
                raise AnswerLostError("PulsAPI did not answer.")
        finally:
            self.under_way -= 1

    async def account(self) -> Account:
        return await self._client.account()

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        async with self._call("list"):
            return await self._client.list_keys(before, page_seen)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        async with self._call("create"):
            created = await self._client.create_key(name, request_id, attempt)
        return created

    async def revoke_key(self, key_id: str) -> None:
        async with self._call("revoke"):
            await self._client.revoke_key(key_id)

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        async with self._call("services"):
            return await self._client.services(credential)

    async def sign_in(self, credential: Secret) -> Account:
        return await self._client.sign_in(credential)

    async def aclose(self) -> None:
        await self._client.aclose()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server") / "bulk.sqlite") as server:
        yield server


async def test_all_keys_end_in_a_known_state(
    server: Running, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Every key is watched or stuck with a reason, nothing is doubled, and the load is bounded."""
    made = server.with_store(lambda store: add_account(store, "bulk", "pro", "owner", KEYS + 1))
    clock = FakeClock()
    client = PulsApiClient(server.url, Secret(made[0].secret), clock)
    account = await client.account()
    service = Troubled(client, seed=20261124)
    journal = JournalFile(tmp_path / "state" / "journal.json")
    path = tmp_path / "keys.env"
    ports = Ports(service, journal, Deliveries(lambda: [EnvFileSink()]), clock)
    listed = KeyList((await client.list_keys()).keys, clock.now())
    keys = [key for key in listed.keys if key.id != account.authenticated_key_id]
    assert len(keys) == KEYS
    template = Target(way_id="env_file", values={"path": str(path), "variable": "{variable}"})
    await ports.delivery.ways("")

    answered: list[Rotated] = []
    longest_step_s = 0.0

    async def watch_the_loop() -> None:
        nonlocal longest_step_s
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0)
            longest_step_s = max(longest_step_s, loop.time() - before)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch_the_loop())
    rotated = await rotate_many(
        [
            Planned(key, target, Seen((), clock.now() - timedelta(hours=1)))
            for key, target in zip(keys, targets_for(keys, template), strict=True)
        ],
        account=account,
        ports=ports,
        listed=lambda: listed,
        progress=answered.append,
        stop=asyncio.Event(),
    )
    watching.cancel()
    done = [each for each in rotated if each.done]
    stuck = [each for each in rotated if not each.done]
    figure = (
        f"{len(done)} of {KEYS} watched, {len(stuck)} stuck with a reason; calls "
        f"{dict(service.calls)}, {service.busiest} at once at the most, longest step of the event "
        f"loop {longest_step_s * 1000:.0f} ms"
    )
    record_property("figure", figure)
    print(figure)  # noqa: T201
    assert [each.key.id for each in rotated] == [key.id for key in keys]
    assert len(answered) == KEYS
    assert len(done) > KEYS * 0.9
    assert all(each.message for each in stuck)
    assert service.busiest <= AT_ONCE
    # One call in seven was in trouble, and no call was sent more often than the tries allow.
    assert service.calls["create"] <= KEYS * 1.5
    assert service.calls["services"] <= KEYS * 1.5

    # At the server: one successor for each that was begun, the old ones all alive.
    await assert_one_successor_each(client, keys, rotated, path)
    here = journal.open_rotations(service.origin, account.id).here
    assert {each.old.id for each in here} == {
        each.key.id for each in rotated if each.rotator is not None
    }

    # And their end: all old keys that are being watched, on the same troubled line.
    rotators = [each.rotator for each in done if each.rotator is not None]
    finished = await finish_many(
        rotators, why=lambda _: "Quiet.", listed=lambda: listed, progress=answered.append
    )
    alive = {key.id for key in (await client.list_keys()).keys}
    for each in finished:
        if each.done:
            assert each.key.id not in alive
        else:
            assert each.rotator is not None
            assert each.rotator.rotation.step in {Step.REVOKE, Step.CONFIRM}, each.message
    assert sum(each.done for each in finished) > len(finished) * 0.5
    await client.aclose()
    journal.close()


async def assert_one_successor_each(
    client: PulsApiClient, keys: list[ApiKey], rotated: tuple[Rotated, ...], path: Path
) -> None:
    """What the server lists is what the rotations know of, and what the file holds works."""
    listed = (await client.list_keys()).keys
    names = Counter(key.name for key in listed)
    alive = {key.id for key in listed}
    assert alive >= {key.id for key in keys}
    known = {
        each.rotator.rotation.new.id
        for each in rotated
        if each.rotator is not None and each.rotator.rotation.new is not None
    }
    new = alive - {key.id for key in keys} - {listed[-1].id}
    unnamed = {key.id for key in listed if key.id in new} - known
    assert len(unnamed) <= 1, "the session's own key is the only one that no rotation knows"
    assert max(names.values()) == 2
    text = await asyncio.to_thread(path.read_text)
    held = re.findall(r"(?m)^PULSAPI_\w+=(local_\w+)$", text)
    assert len(held) == sum(
        each.rotator is not None and each.rotator.rotation.stored for each in rotated
    )
    for secret in held[:20]:
        await client.services(Secret(secret))


async def test_once_stopped_no_other_is_begun(server: Running, tmp_path: Path) -> None:
    made = server.with_store(lambda store: add_account(store, "stopped", "pro", "owner", 31))
    clock = FakeClock()
    client = PulsApiClient(server.url, Secret(made[0].secret), clock)
    account = await client.account()
    journal = JournalFile(tmp_path / "journal.json")
    ports = Ports(client, journal, Deliveries(lambda: [EnvFileSink()]), clock)
    await ports.delivery.ways("")
    listed = KeyList((await client.list_keys()).keys, clock.now())
    keys = [key for key in listed.keys if key.id != account.authenticated_key_id]
    template = Target(
        way_id="env_file", values={"path": str(tmp_path / "k.env"), "variable": "{variable}"}
    )
    stop = asyncio.Event()
    rotated = await rotate_many(
        [
            Planned(key, target, Seen((), clock.now()))
            for key, target in zip(keys, targets_for(keys, template), strict=True)
        ],
        account=account,
        ports=ports,
        listed=lambda: listed,
        progress=lambda _: stop.set(),
        stop=stop,
    )
    begun = [each for each in rotated if each.rotator is not None]
    assert 1 <= len(begun) <= AT_ONCE * 2
    assert all(each.done for each in begun)
    assert {each.message for each in rotated if each.rotator is None} == {
        "Not begun: you stopped it."
    }
    assert len((await client.list_keys()).keys) == len(listed) + len(begun)
    await client.aclose()
    journal.close()


def test_no_two_keys_share_a_target() -> None:
    clock = FakeClock()
    keys = [
        ApiKey(id=str(number), name=name, hint="abcd", created_at=clock.now(), last_used_at=None)
        for number, name in enumerate(["CI", "CI", "ci!", "CI 2", "日本", "Deploy"])
    ]

    def values(template: str) -> list[str]:
        target = Target(way_id="x", values={"field": template})
        return [each.values["field"] for each in targets_for(keys, target)]

    assert values("{variable}") == [
        "PULSAPI_CI",
        "PULSAPI_CI_2",
        "PULSAPI_CI_3",
        "PULSAPI_CI_2_2",
        "PULSAPI_KEY",
        "PULSAPI_DEPLOY",
    ]
    assert values("p/{slug}") == ["p/ci", "p/ci-2", "p/ci-3", "p/ci-2-2", "p/key", "p/deploy"]
    assert values("{name}") == ["CI", "CI (2)", "ci!", "CI 2", "日本", "Deploy"]
