"""The create that may be repeated: one record, one live secret, whatever was lost on the way."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pulsapi_tui.server.creates import REPEAT_WINDOW_MS
from tests.server.conftest import World
from tests.server.support import FakeClock, Running, TestKey, add_account, error_code, running

REQUEST_ID = "request-0001"


def create(
    client: httpx.Client, name: str = "CI", attempt: int | None = 1, request_id: str = REQUEST_ID
) -> httpx.Response:
    headers = {"Idempotency-Key": request_id}
    if attempt is not None:
        headers["Idempotency-Attempt"] = str(attempt)
    return client.post("/v1/api-keys", json={"name": name}, headers=headers)


def status_of(server: Running, secret: str) -> int:
    with server.client(secret) as client:
        return client.get("/v1/services").status_code


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[tuple[Running, TestKey, FakeClock]]:
    clock = FakeClock()
    with running(tmp_path / "test.sqlite", clock=clock) as server:
        yield server, server.with_store(lambda store: add_account(store, "owner"))[0], clock


def test_a_higher_attempt_mints_a_new_secret_for_the_same_record(world: World) -> None:
    with world.client() as client:
        answers = [create(client, attempt=attempt) for attempt in (None, 2, 5)]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        keys = [answer.json() for answer in answers]
        listed = client.get("/v1/api-keys").json()
    assert len({key["id"] for key in keys}) == 1
    assert len({key["created_at"] for key in keys}) == 1
    assert len({key["key"] for key in keys}) == 3
    assert listed["total"] == 3
    assert listed["data"][0]["hint"] == keys[-1]["key"][-4:]
    assert [status_of(world.server, key["key"]) for key in keys] == [401, 401, 200]


@pytest.mark.parametrize("attempt", [None, 1, 2])
def test_an_attempt_that_is_not_higher_is_stale(world: World, attempt: int | None) -> None:
    with world.client() as client:
        secret = create(client, attempt=2).json()["key"]
        answer = create(client, attempt=attempt)
        assert (answer.status_code, error_code(answer)) == (409, "idempotency_stale")
        assert client.get("/v1/api-keys").json()["total"] == 3
    assert status_of(world.server, secret) == 200


def test_a_late_first_attempt_is_stale_after_its_repeat(world: World) -> None:
    """The first POST was held up on the way; the repeat came before it."""
    with world.client() as client:
        repeat = create(client, attempt=2)
        assert repeat.status_code == 201
        assert error_code(create(client, attempt=1)) == "idempotency_stale"
    assert status_of(world.server, repeat.json()["key"]) == 200


def test_another_name_is_a_mismatch(world: World) -> None:
    with world.client() as client:
        secret = create(client, "CI").json()["key"]
        answer = create(client, "CD", attempt=2)
        assert (answer.status_code, error_code(answer)) == (422, "idempotency_mismatch")
        assert create(client, " CI ", attempt=2).status_code == 201
    assert status_of(world.server, secret) == 401


def test_a_used_key_keeps_its_secret(world: World) -> None:
    with world.client() as client:
        secret = create(client).json()["key"]
        assert status_of(world.server, secret) == 200
        assert error_code(create(client, attempt=2)) == "idempotency_stale"
    assert status_of(world.server, secret) == 200


def test_a_revoked_key_is_not_brought_back(world: World) -> None:
    with world.client() as client:
        key = create(client).json()
        client.delete(f"/v1/api-keys/{key['id']}").raise_for_status()
        assert error_code(create(client, attempt=2)) == "idempotency_stale"
        assert client.get("/v1/api-keys").json()["total"] == 2


def test_a_create_can_be_repeated_for_ten_minutes(
    clocked: tuple[Running, TestKey, FakeClock],
) -> None:
    server, key, clock = clocked
    with server.client(key.secret) as client:
        assert create(client).status_code == 201
        clock.now += REPEAT_WINDOW_MS / 1000
        assert create(client, attempt=2).status_code == 201
        clock.now += 1
        assert error_code(create(client, attempt=3)) == "idempotency_stale"


def test_request_ids_of_accounts_are_strangers(world: World) -> None:
    with world.client() as client, world.client("admin") as other:
        mine = create(client, "mine").json()
        theirs = create(other, "theirs")
        assert theirs.status_code == 201
        assert theirs.json()["id"] != mine["id"]
    # Another key of the same account goes on where the first one stopped.
    with world.server.client(world.second.secret) as client:
        assert create(client, "mine", attempt=2).json()["id"] == mine["id"]


def test_a_repeat_is_known_after_a_restart(tmp_path: Path) -> None:
    database = tmp_path / "test.sqlite"
    with running(database) as server:
        key = server.with_store(lambda store: add_account(store, "owner"))[0]
        with server.client(key.secret) as client:
            first = create(client).json()
    with running(database) as server, server.client(key.secret) as client:
        assert error_code(create(client)) == "idempotency_stale"
        assert create(client, attempt=2).json()["id"] == first["id"]


def test_without_a_request_id_every_create_is_a_new_one(world: World) -> None:
    with world.client() as client:
        headers = {"Idempotency-Attempt": "2"}
        for _ in range(2):
            answer = client.post("/v1/api-keys", json={"name": "twin"}, headers=headers)
            assert answer.status_code == 201
        assert client.get("/v1/api-keys").json()["total"] == 4


@pytest.mark.parametrize(
    "headers",
    [
        [("Idempotency-Key", "short")],
        [("Idempotency-Key", "x" * 65)],
        [("Idempotency-Key", "not allowed")],
        [("Idempotency-Key", REQUEST_ID), ("Idempotency-Key", REQUEST_ID)],
        [("Idempotency-Key", REQUEST_ID), ("Idempotency-Attempt", "0")],
        [("Idempotency-Key", REQUEST_ID), ("Idempotency-Attempt", "1001")],
        [("Idempotency-Key", REQUEST_ID), ("Idempotency-Attempt", "two")],
        [("Idempotency-Attempt", "1"), ("Idempotency-Attempt", "2")],
        [("Idempotency-Attempt", "")],
    ],
)
def test_bad_headers_are_invalid(world: World, headers: list[tuple[str, str]]) -> None:
    with world.client() as client:
        answer = client.post("/v1/api-keys", json={"name": "CI"}, headers=headers)
        assert (answer.status_code, error_code(answer)) == (400, "invalid_request")
        assert client.get("/v1/api-keys").json()["total"] == 2
