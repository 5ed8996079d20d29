"""No effect of a key lands after its own revoke.

Two ways to get this wrong are caught here: the key's check outside of the transaction of its
effect, and a cache of keys.
"""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pulsapi_tui.server.store import Store
from tests.server.conftest import World
from tests.server.support import (
    DEADLINE_S,
    Running,
    TestKey,
    add_account,
    read_answer,
    running,
)

RACES = 25

# Written by the database itself, in the order of the commits.
_AUDIT = """
CREATE TABLE audit (seq INTEGER PRIMARY KEY, what TEXT NOT NULL, key_id TEXT NOT NULL);
CREATE TRIGGER audit_create AFTER INSERT ON keys BEGIN
    INSERT INTO audit (what, key_id) VALUES (new.name, new.id);
END;
CREATE TRIGGER audit_revoke AFTER UPDATE OF revoked_at ON keys BEGIN
    INSERT INTO audit (what, key_id) VALUES ('revoked', new.id);
END;
"""


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_key_that_is_revoked_while_its_request_waits_for_the_lock_has_no_effect(
    tmp_path: Path, method: str
) -> None:
    """A revoke holds the write lock while the request arrives, and commits before it goes on."""
    database = tmp_path / "test.sqlite"
    with (
        running(database) as server,
        closing(sqlite3.connect(database, isolation_level=None)) as other,
        ThreadPoolExecutor() as threads,
    ):
        key, victim = server.with_store(lambda store: add_account(store, "owner", keys=2))
        with server.client(key.secret) as client:
            client.get("/v1/account").raise_for_status()
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE keys SET revoked_at = 1 WHERE id = ?", (key.id,))
            path = "/v1/api-keys" if method == "POST" else f"/v1/api-keys/{victim.id}"
            body = {"name": "late"} if method == "POST" else None
            answer = threads.submit(client.request, method, path, json=body)
            # It can't be answered while the lock is held; on most machines it waits for it by now.
            with pytest.raises(TimeoutError):
                answer.result(0.3)
            other.execute("COMMIT")
            assert answer.result(DEADLINE_S).status_code == 401
        keys = other.execute("SELECT id, revoked_at FROM keys ORDER BY seq").fetchall()
    assert keys == [(key.id, 1), (victim.id, None)]


def test_a_key_that_is_revoked_while_its_body_arrives_has_no_effect(world: World) -> None:
    with world.server.raw() as connection, world.client() as client:
        connection.sendall(_create_head(world.server, world.second, 12))
        # The held request is at its body once a later one on the same loop has been answered.
        client.get("/v1/account").raise_for_status()
        client.delete(f"/v1/api-keys/{world.second.id}").raise_for_status()
        connection.sendall(b'{"name":"x"}')
        assert read_answer(connection)[0] == 401
        assert client.get("/v1/api-keys").json()["total"] == 1


@pytest.fixture
def two_servers(tmp_path: Path) -> Iterator[tuple[Running, Running, Path]]:
    """Two servers on one database: what one of them keeps in memory, the other can't know."""
    database = tmp_path / "test.sqlite"
    with running(database) as first, running(database) as second:
        yield first, second, database


def test_a_revoke_by_another_server_counts_at_once(
    two_servers: tuple[Running, Running, Path],
) -> None:
    first, second, _ = two_servers
    key, manager = first.with_store(lambda store: add_account(store, "owner", keys=2))
    with first.client(key.secret) as client, second.client(manager.secret) as other:
        for _ in range(3):
            assert client.get("/v1/services").status_code == 200
        assert other.delete(f"/v1/api-keys/{key.id}").status_code == 204
        assert client.get("/v1/services").status_code == 401
        assert client.post("/v1/api-keys", json={"name": "late"}).status_code == 401


def test_nothing_that_a_key_does_is_committed_after_its_revoke(
    two_servers: tuple[Running, Running, Path],
) -> None:
    first, second, database = two_servers
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(_AUDIT)
    keys = first.with_store(lambda store: add_account(store, "owner", keys=RACES + 1))
    manager = keys.pop()
    for key in keys:
        _race(first, second, key, manager)
    with closing(sqlite3.connect(database)) as connection:
        audit = connection.execute("SELECT what, key_id FROM audit ORDER BY seq").fetchall()
    position = {key_id: seq for seq, (what, key_id) in enumerate(audit) if what == "revoked"}
    effects = [(seq, what) for seq, (what, _) in enumerate(audit) if what in position]
    assert len(position) == RACES
    # Each key did something before it was revoked, or there was no race.
    assert {what for _, what in effects} == set(position)
    assert [what for seq, what in effects if seq > position[what]] == []


def _race(first: Running, second: Running, key: TestKey, manager: TestKey) -> None:
    """The key creates keys that are named after it until it gets 401, and is revoked meanwhile."""
    has_begun = threading.Event()
    statuses: list[int] = []

    def hammer() -> None:
        with first.client(key.secret) as client:
            while not statuses or statuses[-1] == 201:
                answer = client.post("/v1/api-keys", json={"name": key.id})
                statuses.append(answer.status_code)
                if len(statuses) == 2:
                    has_begun.set()

    thread = threading.Thread(target=hammer)
    thread.start()
    assert has_begun.wait(10)
    with second.client(manager.secret) as client:
        assert client.delete(f"/v1/api-keys/{key.id}").status_code == 204
    thread.join(10)
    assert statuses[-1] == 401


def test_a_check_and_its_effect_hold_the_write_lock_together(tmp_path: Path) -> None:
    """From the check on, no other connection can revoke before the effect is committed."""
    database = tmp_path / "test.sqlite"
    with closing(Store(database)) as store:
        add_account(store, "owner")
        with (
            store.writing(),
            closing(sqlite3.connect(database, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("UPDATE keys SET revoked_at = 1")


def _create_head(server: Running, key: TestKey, length: int) -> bytes:
    return (
        f"POST /v1/api-keys HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Authorization: Bearer {key.secret!s}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
