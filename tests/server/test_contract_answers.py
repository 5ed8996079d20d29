"""The answers that contract.md and openapi.yaml promise, from a real server over real HTTP."""

import re
import statistics
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from pulsapi_tui.server import services
from pulsapi_tui.server.app import build_app
from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.problem import UPGRADE_URL
from pulsapi_tui.server.store import Store
from tests.server.conftest import World
from tests.server.support import add_account, error_code


def test_an_account_says_who_the_key_acts_as(world: World) -> None:
    with world.client() as client:
        answer = client.get("/v1/account")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": world.account_id,
        "email": f"{world.account_id}@example.test",
        "display_name": world.account_id,
        "timezone": "UTC",
        "plan": "pro",
        "role": "owner",
        "authenticated_key_id": world.owner.id,
        "capabilities": ["idempotent-create"],
    }


def test_absent_unknown_malformed_and_revoked_keys_get_one_answer(world: World) -> None:
    with world.client() as client:
        assert client.delete(f"/v1/api-keys/{world.second.id}").status_code == 204
    headers: list[list[tuple[str, str]]] = [
        [],
        [("Authorization", f"Bearer {mint_key().secret}")],
        [("Authorization", f"Bearer {world.owner.secret[:-1]}?")],
        [("Authorization", f"Bearer {world.owner.secret}x")],
        [("Authorization", f"Basic {world.owner.secret}")],
        [("Authorization", world.owner.secret)],
        [("Authorization", "Bearer")],
        [("Authorization", f"Bearer {world.owner.secret}")] * 2,
        [("Authorization", f"Bearer {world.second.secret}")],
    ]
    answers = set()
    with world.server.client() as client:
        for header in headers:
            answer = client.get("/v1/api-keys", headers=header)
            assert answer.headers["www-authenticate"] == "Bearer"
            answers.add((answer.status_code, error_code(answer), answer.content))
    assert len(answers) == 1
    assert next(iter(answers))[:2] == (401, "unauthorized")


def test_the_scheme_bearer_is_read_in_any_case(world: World) -> None:
    with world.server.client() as client:
        headers = {"Authorization": f"bEARER {world.owner.secret}"}
        assert client.get("/v1/account", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/account"),
        ("GET", "/v1/api-keys?limit=0"),
        ("POST", "/v1/api-keys"),
        ("DELETE", "/v1/api-keys/key_unknown"),
        ("GET", "/v1/services"),
        ("GET", "/v1/sla?window=1d"),
    ],
)
def test_the_key_is_checked_before_anything_else(world: World, method: str, path: str) -> None:
    with world.server.client() as client:
        answer = client.request(method, path, headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_code(answer)) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("account", "status", "code"),
    [
        ("free", 402, "plan_required"),
        ("free_viewer", 402, "plan_required"),
        ("member", 403, "forbidden_role"),
        ("viewer", 403, "forbidden_role"),
    ],
)
def test_who_may_not_manage_keys(world: World, account: str, status: int, code: str) -> None:
    with world.client(account) as client:
        answers = [
            client.get("/v1/api-keys?limit=nonsense"),
            client.post("/v1/api-keys", json={"name": ""}),
            client.delete(f"/v1/api-keys/{world.others[account].id}"),
        ]
        assert client.get("/v1/account").status_code == 200
        assert client.get("/v1/services").status_code == 200
    for answer in answers:
        assert (answer.status_code, error_code(answer)) == (status, code)
        assert answer.json().get("upgrade_url") == (UPGRADE_URL if status == 402 else None)


def test_an_admin_on_enterprise_manages_keys(world: World) -> None:
    with world.client("admin") as client:
        created = client.post("/v1/api-keys", json={"name": "by an admin"})
        assert created.status_code == 201
        assert client.delete(f"/v1/api-keys/{created.json()['id']}").status_code == 204


def test_the_sla_report_needs_a_plan_and_no_role(world: World) -> None:
    with world.client("viewer") as client:
        assert client.get("/v1/sla").json()["window"] == "30d"
    with world.client("free") as client:
        assert error_code(client.get("/v1/sla")) == "plan_required"


def test_a_created_key_is_shown_once_and_works(world: World) -> None:
    with world.client() as client:
        created = client.post("/v1/api-keys", json={"name": "  CI/CD Pipeline "})
        assert created.status_code == 201
        assert created.headers["cache-control"] == "no-store"
        key = created.json()
        assert key["name"] == "CI/CD Pipeline"
        assert key["hint"] == key["key"][-4:]
        assert key["last_used_at"] is None
        listed = client.get("/v1/api-keys").json()
    assert listed["data"][0] == {name: key[name] for name in key if name != "key"}
    assert listed["total"] == 3
    with world.server.client(key["key"]) as client:
        assert client.get("/v1/account").json()["authenticated_key_id"] == key["id"]


def test_a_revoked_key_is_refused_at_once_and_leaves_the_list(world: World) -> None:
    with world.client() as client, world.server.client(world.second.secret) as other:
        assert other.get("/v1/services").status_code == 200
        first = client.delete(f"/v1/api-keys/{world.second.id}")
        assert (first.status_code, first.content) == (204, b"")
        assert other.get("/v1/services").status_code == 401
        assert client.delete(f"/v1/api-keys/{world.second.id}").status_code == 204
        page = client.get("/v1/api-keys").json()
    assert [key["id"] for key in page["data"]] == [world.owner.id]
    assert page["total"] == 1


def test_a_key_may_revoke_itself(world: World) -> None:
    with world.client() as client:
        assert client.delete(f"/v1/api-keys/{world.owner.id}").status_code == 204
        assert client.delete(f"/v1/api-keys/{world.owner.id}").status_code == 401


def test_a_foreign_id_and_an_unknown_id_get_the_same_bytes(world: World) -> None:
    with world.client() as client:
        foreign = client.delete(f"/v1/api-keys/{world.others['free'].id}")
        unknown = client.delete("/v1/api-keys/key_0000000000000000")
    assert (foreign.status_code, error_code(foreign)) == (404, "not_found")
    assert foreign.content == unknown.content
    ignored = {"date"}
    assert {k: v for k, v in foreign.headers.items() if k not in ignored} == {
        k: v for k, v in unknown.headers.items() if k not in ignored
    }
    with world.client("free") as client:
        assert client.get("/v1/account").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/api-keys/", "/v1/keys", "/v1/api-keys/a/b"])
def test_an_unknown_route_is_not_found(world: World, path: str) -> None:
    with world.client() as client:
        answer = client.get(path)
    assert (answer.status_code, error_code(answer)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/account", {"GET"}),
        ("HEAD", "/v1/account", {"GET"}),
        ("PATCH", "/v1/api-keys", {"GET", "POST"}),
        ("GET", "/v1/api-keys/key_1", {"DELETE"}),
        ("OPTIONS", "/v1/services", {"GET"}),
        ("TRACE", "/v1/sla", {"GET"}),
    ],
)
def test_another_method_is_not_allowed(
    world: World, method: str, path: str, allow: set[str]
) -> None:
    with world.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allow
    assert method == "HEAD" or error_code(answer) == "method_not_allowed"


def test_pages_hold_every_key_once_newest_first(world: World) -> None:
    with world.client() as client:
        for number in range(7):
            client.post("/v1/api-keys", json={"name": f"n{number}"}).raise_for_status()
        names: list[str] = []
        cursor: str | None = None
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = client.get("/v1/api-keys", params=query).json()
            assert page["total"] == 9
            names += [key["name"] for key in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            # What is created meanwhile is newer: it moves nothing on the pages that follow.
            client.post("/v1/api-keys", json={"name": "later"}).raise_for_status()
            client.delete(f"/v1/api-keys/{_newest(client)}").raise_for_status()
    assert names == ["n6", "n5", "n4", "n3", "n2", "n1", "n0", "key 1", "key 0"]


def test_an_unchanged_page_is_not_sent_again(world: World) -> None:
    with world.client() as client:
        page = client.get("/v1/api-keys?limit=1")
        # The caller's own key is on the other page, where its Last Used moves.
        etag = page.headers["etag"]
        for header in (etag, f'W/{etag}, "x"', "*"):
            again = client.get("/v1/api-keys?limit=1", headers={"If-None-Match": header})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        client.post("/v1/api-keys", json={"name": "new"}).raise_for_status()
        changed = client.get("/v1/api-keys?limit=1", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e2",
        "limit=",
        "limit=05",
        "limit=%D9%A1",
        "limit=1&limit=2",
        "cursor=",
        "cursor=zz",
        "cursor=1-2-3",
        "page=2",
        "cursor=-",
    ],
)
def test_a_bad_query_is_invalid(world: World, query: str) -> None:
    with world.client() as client:
        answer = client.get(f"/v1/api-keys?{query}")
    assert (answer.status_code, error_code(answer)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{}",
        b'{"name":1}',
        b'{"name":null}',
        b'{"name":"a","plan":"pro"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xed\xa0\x80"}',
        b'{"name":"\xff"}',
        b'\xef\xbb\xbf{"name":"a"}',
    ],
)
def test_a_bad_body_is_invalid(world: World, body: bytes) -> None:
    with world.client() as client:
        answer = client.post(
            "/v1/api-keys", content=body, headers={"Content-Type": "application/json"}
        )
        assert client.get("/v1/api-keys").json()["total"] == 2
    assert (answer.status_code, error_code(answer)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 65, "a\nb", "a\x00", "\x1b[31m", "a\x7f", "a\x9fb", "tail\n"]
)
def test_a_bad_name_is_named(world: World, name: str) -> None:
    with world.client() as client:
        answer = client.post("/v1/api-keys", json={"name": name})
    assert (answer.status_code, error_code(answer)) == (422, "invalid_name")
    assert answer.json()["field"] == "name"


@pytest.mark.parametrize(
    "name", ["x", "x" * 64, "\U0001f511" * 64, "[/x]", "أهلا", "a\u202eb", "  padded\u3000"]
)
def test_a_name_of_any_script_is_kept(world: World, name: str) -> None:
    with world.client() as client:
        assert client.post("/v1/api-keys", json={"name": name}).status_code == 201
        assert client.get("/v1/api-keys").json()["data"][0]["name"] == name.strip()


def test_services_have_the_documented_words(world: World) -> None:
    with world.client() as client:
        page = client.get("/v1/services").json()
    statuses = {service["status"] for service in page["data"]}
    assert statuses <= {"operational", "degraded", "partial_outage", "major_outage"}
    assert page["next_cursor"] is None


def test_an_answer_does_not_wait_for_the_clients_acknowledgement(world: World) -> None:
    """With Nagle's algorithm left on, each answer on a connection in use takes over 40 ms."""
    with world.client() as client:
        client.get("/v1/account")
        times_s = [client.get("/v1/account").elapsed.total_seconds() for _ in range(21)]
    assert statistics.median(times_s) < 0.03


async def test_a_fault_is_reported_by_its_place_only(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the answer nor the report repeats what was being worked on."""
    reported: list[str] = []

    def fail(window: str) -> None:
        raise ValueError("held in a local: hush")

    monkeypatch.setattr(services, "sla_rows", fail)
    with closing(Store(tmp_path / "test.sqlite")) as store:
        (key,) = add_account(store, "owner")
        transport = httpx.ASGITransport(
            build_app(store, reported.append), raise_app_exceptions=False
        )
        async with httpx.AsyncClient(transport=transport, base_url=world.server.url) as client:
            headers = {"Authorization": f"Bearer {key.secret}"}
            answer = await client.get("/v1/sla", headers=headers)
    assert (answer.status_code, error_code(answer)) == (500, "internal_error")
    assert "hush" not in answer.text
    assert len(reported) == 1
    assert re.fullmatch(r"internal error: ValueError in fail:\d+", reported[0])


def _newest(client: httpx.Client) -> str:
    return str(client.get("/v1/api-keys?limit=1").json()["data"][0]["id"])
