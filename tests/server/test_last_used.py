"""Last Used: written behind, in chunks, never back and never at the cost of a revoke."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pulsapi_tui.server.auth import digest_of
from pulsapi_tui.server.listen import FLUSH_INTERVAL_S, write_all_uses, write_behind
from pulsapi_tui.server.rows import Caller
from pulsapi_tui.server.store import FLUSH_CHUNK, Store
from tests.server.conftest import World
from tests.server.support import FakeClock, TestKey, add_account, wait_until


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    with closing(Store(tmp_path / "test.sqlite", clock)) as store:
        yield store


def caller_of(store: Store, key: TestKey) -> Caller:
    with store.reading() as transaction:
        caller = transaction.authenticate(digest_of(key.secret))
    assert caller is not None
    return caller


def last_used(store: Store, account_id: str = "owner") -> dict[str, float | None]:
    with store.reading() as transaction:
        keys, _ = transaction.page(account_id, 1000, None)
    return {key.id: key.last_used_at.timestamp() if key.last_used_at else None for key in keys}


def test_the_first_use_is_written_at_once(store: Store, clock: FakeClock) -> None:
    (key,) = add_account(store, "owner")
    caller = caller_of(store, key)
    assert caller.is_first_use
    store.note_use(caller)
    assert last_used(store) == {key.id: clock.now}
    assert not caller_of(store, key).is_first_use


def test_later_uses_are_written_by_the_flush(store: Store, clock: FakeClock) -> None:
    (key,) = add_account(store, "owner")
    store.note_use(caller_of(store, key))
    first = clock.now
    for _ in range(3):
        clock.now += 1
        store.note_use(caller_of(store, key))
    assert last_used(store) == {key.id: first}
    assert store.flush_uses() is False
    assert last_used(store) == {key.id: first + 3}


def test_uses_are_written_in_chunks(store: Store, clock: FakeClock) -> None:
    keys = add_account(store, "owner", keys=2 * FLUSH_CHUNK + 1)
    callers = [caller_of(store, key) for key in keys]
    for caller in callers:
        store.note_use(Caller(caller.account, caller.key_id, is_first_use=False))
    written = []
    while True:
        has_more = store.flush_uses()
        written.append(sum(used is not None for used in last_used(store).values()))
        if not has_more:
            break
    assert written == [FLUSH_CHUNK, 2 * FLUSH_CHUNK, 2 * FLUSH_CHUNK + 1]


def test_a_revoked_key_is_not_touched(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    key, other = add_account(store, "owner", keys=2)
    caller = caller_of(store, key)
    with store.writing() as transaction:
        transaction.touch([(key.id, store.now_ms())])
    clock.now += 5
    store.note_use(Caller(caller.account, caller.key_id, is_first_use=False))
    with store.writing() as transaction:
        assert transaction.revoke("owner", key.id, store.now_ms())
    assert store.flush_uses() is False
    assert last_used(store) == {other.id: None}
    store.close()
    with closing(sqlite3.connect(tmp_path / "test.sqlite")) as database:
        stored = database.execute("SELECT last_used_at FROM keys WHERE id = ?", (key.id,))
        assert stored.fetchone() == (int((clock.now - 5) * 1000),)


def test_last_used_never_goes_back(store: Store, clock: FakeClock) -> None:
    (key,) = add_account(store, "owner")
    store.note_use(caller_of(store, key))
    latest = clock.now
    clock.now -= 3600
    store.note_use(caller_of(store, key))
    store.flush_uses()
    assert last_used(store) == {key.id: latest}


def test_closing_writes_what_is_noted(tmp_path: Path, clock: FakeClock) -> None:
    database = tmp_path / "test.sqlite"
    with closing(Store(database, clock)) as store:
        (key,) = add_account(store, "owner")
        store.note_use(caller_of(store, key))
        clock.now += 60
        store.note_use(caller_of(store, key))
    with closing(Store(database, clock)) as store:
        assert last_used(store) == {key.id: clock.now}


async def test_the_writer_gives_others_a_turn_after_each_chunk(
    store: Store, clock: FakeClock
) -> None:
    keys = add_account(store, "owner", keys=3 * FLUSH_CHUNK)
    for key in keys:
        caller = caller_of(store, key)
        store.note_use(Caller(caller.account, caller.key_id, is_first_use=False))
    seen: list[int] = []

    async def watch() -> None:
        while len(seen) < 3:
            seen.append(sum(used is not None for used in last_used(store).values()))
            await asyncio.sleep(0)

    await asyncio.gather(write_all_uses(store), watch())
    assert seen == [FLUSH_CHUNK, 2 * FLUSH_CHUNK, 3 * FLUSH_CHUNK]


async def test_the_writer_writes_by_itself(store: Store, clock: FakeClock) -> None:
    assert FLUSH_INTERVAL_S <= 1
    (key,) = add_account(store, "owner")
    store.note_use(caller_of(store, key))
    clock.now += 7
    store.note_use(caller_of(store, key))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await write_behind(store, interval_s=0.001)
    assert last_used(store) == {key.id: clock.now}


async def test_what_can_not_be_written_now_is_written_later(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    (key,) = add_account(store, "owner")
    store.note_use(caller_of(store, key))
    clock.now += 7
    store.note_use(caller_of(store, key))
    with closing(sqlite3.connect(tmp_path / "test.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await write_all_uses(store)
        assert last_used(store) == {key.id: clock.now - 7}
        other.execute("ROLLBACK")
    await write_all_uses(store)
    assert last_used(store) == {key.id: clock.now}


@pytest.mark.parametrize("path", ["/v1/account", "/v1/services", "/v1/api-keys?limit=no"])
def test_every_authenticated_request_counts_as_a_use(world: World, path: str) -> None:
    with world.server.client(world.second.secret) as client:
        client.get(path)

    def is_used() -> bool:
        uses = world.server.with_store(lambda store: last_used(store, world.account_id))
        return uses[world.second.id] is not None

    wait_until(is_used, 2)


def test_a_request_without_a_key_is_no_use(world: World) -> None:
    with world.server.client() as client:
        client.get("/v1/account")
    uses = world.server.with_store(lambda store: last_used(store, world.account_id))
    assert set(uses.values()) == {None}
