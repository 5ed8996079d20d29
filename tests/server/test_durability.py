"""What was acknowledged stays, and what is secret is not stored."""

import base64
import random
import signal
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from pulsapi_tui.server.store import Store, StoreUnavailableError
from tests.server.support import (
    Secret,
    add_account,
    error_code,
    finish,
    read_url,
    running,
    start_serve,
)

KILLS = 20


@dataclass
class Ledger:
    """What the server acknowledged: ids of live keys with their secrets, and of revoked ones."""

    live: dict[str, Secret] = field(default_factory=dict, repr=False)
    revoked: dict[str, Secret] = field(default_factory=dict, repr=False)


def test_commits_are_durable(tmp_path: Path) -> None:
    """WAL + NORMAL loses acknowledged revokes in a power cut, which no kill -9 can show."""
    with closing(Store(tmp_path / "test.sqlite")) as store:
        assert store.pragma("synchronous") == 2
        assert store.pragma("journal_mode") == "wal"
        assert store.pragma("fullfsync") == 1


def test_kill_9_loses_no_acknowledged_create_or_revoke(tmp_path: Path) -> None:
    ledger = Ledger()
    chance = random.Random(9)  # noqa: S311 - moments and choices
    for _ in range(KILLS):
        process = start_serve(tmp_path / "data")
        url = read_url(process)
        with client_of(url, tmp_path) as client:
            check(client, ledger)
            # From "in the first request" to "after a few dozen".
            killer = threading.Timer(chance.uniform(0.005, 0.25), process.kill)
            killer.start()
            with suppress(httpx.TransportError):
                work(client, ledger, chance)
            killer.join()
        finish(process)
    process = start_serve(tmp_path / "data")
    with client_of(read_url(process), tmp_path) as client:
        check(client, ledger)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0
    assert len(ledger.live) + len(ledger.revoked) > KILLS
    assert ledger.revoked


def client_of(url: str, tmp_path: Path) -> httpx.Client:
    secret = (tmp_path / "data" / "owner.key").read_text().strip()
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, timeout=10
    )


def work(client: httpx.Client, ledger: Ledger, chance: random.Random) -> NoReturn:
    """Create and revoke until the server is gone; note what it acknowledged."""
    while True:
        if ledger.live and chance.random() < 0.4:
            key_id = chance.choice(list(ledger.live))
            # Until the revoke is acknowledged, either outcome is right: the key is in neither list.
            secret = ledger.live.pop(key_id)
            client.delete(f"/v1/api-keys/{key_id}").raise_for_status()
            ledger.revoked[key_id] = secret
        else:
            key = client.post("/v1/api-keys", json={"name": "k"}).raise_for_status().json()
            ledger.live[key["id"]] = Secret(key["key"])


def check(client: httpx.Client, ledger: Ledger) -> None:
    """Every acknowledged create is listed and works; every acknowledged revoke holds."""
    listed: set[str] = set()
    query = "limit=1000"
    while True:
        page = client.get(f"/v1/api-keys?{query}").raise_for_status().json()
        listed |= {key["id"] for key in page["data"]}
        if page["next_cursor"] is None:
            break
        query = f"limit=1000&cursor={page['next_cursor']}"
    assert page["total"] == len(listed)
    assert ledger.live.keys() <= listed
    assert not ledger.revoked.keys() & listed
    for keys, status in ((ledger.live, 200), (ledger.revoked, 401)):
        for secret in list(keys.values())[-5:]:
            answer = client.get("/v1/services", headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == status


def test_the_disk_holds_no_secret(tmp_path: Path) -> None:
    """Database, WAL and shared memory, with a repeated create and a revoke, while it runs."""
    directory = tmp_path / "data"
    directory.mkdir()
    secrets: list[str] = []
    with running(directory / "test.sqlite") as server:
        (owner,) = server.with_store(lambda store: add_account(store, "owner"))
        secrets.append(owner.secret)
        with server.client(owner.secret) as client:
            for attempt in (1, 2):
                headers = {
                    "Idempotency-Key": "request-0001",
                    "Idempotency-Attempt": str(attempt),
                }
                answer = client.post("/v1/api-keys", json={"name": "k"}, headers=headers)
                secrets.append(answer.json()["key"])
            client.delete(f"/v1/api-keys/{answer.json()['id']}").raise_for_status()
        names = {path.name for path in directory.iterdir()}
        assert names == {"test.sqlite", "test.sqlite-wal", "test.sqlite-shm"}
        assert not any(_holds(directory, secret) for secret in secrets)
        assert all(path.stat().st_mode & 0o077 == 0 for path in directory.iterdir())
        assert _holds(directory, "request-0001"), "the scan finds what is there"
    assert not any(_holds(directory, secret) for secret in secrets)


def _holds(directory: Path, text: str) -> bool:
    """Whether any file holds this text: as it is, or in hex or base64 at any alignment."""
    raw = text.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), raw[::-1]}
    # The random part alone, in case that it is stored without its prefix and checksum.
    forms.add(raw.removeprefix(b"local_")[:-6])
    for shift in range(3):
        # The ends depend on what stands beside the text; the middle does not.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(b"\0" * shift + raw)[4:-4])
    contents = [path.read_bytes() for path in directory.iterdir()]
    return any(form in content for form in forms for content in contents)


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "test.sqlite"
    with closing(Store(database)):
        pass
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreUnavailableError, match="schema 99"):
        Store(database)


def test_a_locked_database_is_unavailable_and_recovers(tmp_path: Path) -> None:
    database = tmp_path / "test.sqlite"
    with running(database) as server:
        (owner,) = server.with_store(lambda store: add_account(store, "owner"))
        with server.client(owner.secret) as client:
            client.get("/v1/account").raise_for_status()
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                answer = client.post("/v1/api-keys", json={"name": "x"})
                assert (answer.status_code, error_code(answer)) == (503, "unavailable")
                assert answer.headers["retry-after"] == "1"
                assert client.get("/v1/account").status_code == 200
                other.execute("ROLLBACK")
            assert client.post("/v1/api-keys", json={"name": "x"}).status_code == 201
