"""The real client against the real server, two independent readings of openapi.yaml."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import IDEMPOTENT_CREATE, CreatedKey
from pulsapi_tui.domain.ports import KeyPage
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.create import Created, create_key
from pulsapi_tui.flows.revoke import RevokeState, revoke_keys
from pulsapi_tui.server.wire import Plan, Role
from pulsapi_tui.wiring.clock import SystemClock
from tests.contract.support import CANARY, FakeClock, RawServer, Request, Wire
from tests.server.support import Running, add_account, running

SPEC: dict[str, Any] = yaml.safe_load(
    resources.files("pulsapi_tui").joinpath("openapi.yaml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server") / "test.sqlite") as server:
        yield server


class Clients:
    """Clients of new accounts on that server."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._open: list[PulsApiClient] = []

    def of(self, secret: str) -> PulsApiClient:
        """A client that presents this key."""
        client = PulsApiClient(self._server.url, Secret(secret), SystemClock())
        self._open.append(client)
        return client

    def new(self, plan: Plan = "pro", role: Role = "owner", keys: int = 1) -> PulsApiClient:
        """A client of a new account with so many keys."""
        name = f"{plan}-{role}-{keys}-{uuid4()}"
        made = self._server.with_store(lambda store: add_account(store, name, plan, role, keys))
        return self.of(made[0].secret)

    async def close(self) -> None:
        for client in self._open:
            await client.aclose()


@pytest.fixture
async def clients(server: Running) -> AsyncIterator[Clients]:
    clients = Clients(server)
    yield clients
    await clients.close()


def status_with(created: CreatedKey, server: Running) -> int:
    """What a call with the new key gets."""
    with server.client(created.secret.reveal()) as other:
        return other.get("/v1/services").status_code


async def test_account(clients: Clients) -> None:
    account = await clients.new().account()
    assert (account.plan, account.role, account.timezone) == ("pro", "owner", "UTC")
    assert account.capabilities == {IDEMPOTENT_CREATE}
    assert account.may_repeat_create


async def test_create_use_revoke(clients: Clients, server: Running) -> None:
    client = clients.new()
    created = await client.create_key("Deploy bot", "request-0001", 1)
    assert created.key.hint == created.secret.reveal()[-4:]
    assert created.key.last_used_at is None
    assert abs(created.key.created_at - datetime.now(UTC)) < timedelta(minutes=5)
    pages = await client.list_keys()
    assert created.key in pages.keys
    assert status_with(created, server) == 200
    listed = {key.id: key for key in (await client.list_keys()).keys}
    assert listed[created.key.id].last_used_at is not None
    await client.revoke_key(created.key.id)
    assert status_with(created, server) == 401
    assert created.key.id not in {key.id for key in (await client.list_keys()).keys}
    await client.revoke_key(created.key.id)


async def test_a_repeated_create_is_one_record_with_the_later_secret(
    clients: Clients, server: Running
) -> None:
    client = clients.new()
    first = await client.create_key("Deploy bot", "request-0002", 1)
    second = await client.create_key("Deploy bot", "request-0002", 2)
    assert first.key.id == second.key.id
    assert status_with(first, server) == 401
    with pytest.raises(errors.StaleAttemptError):
        await client.create_key("Deploy bot", "request-0002", 2)
    with pytest.raises(errors.ProblemError) as mismatch:
        await client.create_key("Another name", "request-0002", 3)
    assert mismatch.value.code == "idempotency_mismatch"
    assert status_with(second, server) == 200
    with pytest.raises(errors.StaleAttemptError):
        await client.create_key("Deploy bot", "request-0002", 3)


async def test_every_page_once_newest_first_and_only_what_changed_again(
    clients: Clients,
) -> None:
    client = clients.new(keys=2_345)
    seen: list[int] = []
    pages = await client.list_keys(None, lambda keys, _: seen.append(len(keys)))
    assert seen == [1000, 2000, 2345]
    times = [key.created_at for key in pages.keys]
    assert times == sorted(times, reverse=True)
    assert len({key.id for key in pages.keys}) == 2345
    again = await client.list_keys(pages)
    same: list[KeyPage] = [
        new for old, new in zip(pages.pages, again.pages, strict=True) if old is new
    ]
    # The page with the key of this session changed: it was just used.
    assert len(same) >= 2


@pytest.mark.parametrize(
    ("plan", "role", "expected"),
    [
        ("free", "owner", errors.PlanRequiredError),
        ("free", "viewer", errors.PlanRequiredError),
        ("pro", "member", errors.ForbiddenRoleError),
        ("enterprise", "viewer", errors.ForbiddenRoleError),
    ],
)
async def test_plans_and_roles(
    clients: Clients, plan: Plan, role: Role, expected: type[errors.ProblemError]
) -> None:
    client = clients.new(plan, role)
    assert (await client.account()).plan == plan
    assert await client.services()
    for call in (
        client.list_keys(),
        client.create_key("x", "request-0003", 1),
        client.revoke_key("key_0"),
    ):
        with pytest.raises(expected) as refusal:
            await call
        if isinstance(refusal.value, errors.PlanRequiredError):
            assert refusal.value.upgrade_url.startswith("https://www.pulsapi.com/")


async def test_unknown_revoked_and_foreign(clients: Clients) -> None:
    client, other = clients.new(), clients.new()
    foreign = (await other.list_keys()).keys[0].id
    for key_id in (foreign, "key_unknown", "a/b?c#d", "…"):
        with pytest.raises(errors.NotFoundError):
            await client.revoke_key(key_id)
    assert len((await other.list_keys()).keys) == 1
    created = await client.create_key("short-lived", "request-0004", 1)
    mine = clients.of(created.secret.reveal())
    await mine.account()
    await client.revoke_key(created.key.id)
    for stranger in (mine, clients.of("local_unknown"), clients.of("x")):
        with pytest.raises(errors.UnauthorizedError):
            await stranger.list_keys()


async def test_names_that_the_server_refuses(clients: Clients) -> None:
    client = clients.new()
    for number, name in enumerate(["", "  ", "x" * 65, "a\nb", "a\x1bb"]):
        with pytest.raises(errors.InvalidNameError):
            await client.create_key(name, f"request-1{number:04}", 1)
    wide = await client.create_key("漢" * 64, "request-20000", 1)
    assert wide.key.name == "漢" * 64


async def test_the_flows_against_the_real_server(
    clients: Clients, server: Running, tmp_path: Path
) -> None:
    client = clients.new()
    account = await client.account()
    pages = await client.list_keys()
    journal = JournalFile(tmp_path / "journal.json")
    outcome = await create_key(
        "Deploy bot",
        account=account,
        listed=KeyList(pages.keys, datetime.now(UTC)),
        service=client,
        journal=journal,
        clock=SystemClock(),
    )
    assert isinstance(outcome, Created)
    assert status_with(outcome.created, server) == 200
    session = next(key for key in pages.keys if key.id == account.authenticated_key_id)
    outcomes = await revoke_keys([outcome.created.key, session], account=account, service=client)
    assert [each.state for each in outcomes] == [RevokeState.REVOKED, RevokeState.NOT_REVOKED]
    assert status_with(outcome.created, server) == 401
    journal.close()


# What the client sends is what openapi.yaml documents.


def _schema(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": SPEC["components"]})


def _operation(request: Request) -> tuple[str, dict[str, Any]]:
    path = request.target.partition("?")[0]
    for template, operations in SPEC["paths"].items():
        stem, brace, _ = template.partition("{")
        rest = path.removeprefix(stem)
        matches = path == template or (brace and path.startswith(stem) and "/" not in rest)
        if matches and request.method.lower() in operations:
            operation: dict[str, Any] = operations[request.method.lower()]
            return template, operation
    raise AssertionError(f"openapi.yaml has no {request.method} {path}")


def _number(schema: dict[str, Any], text: str) -> object:
    return int(text) if schema.get("type") == "integer" else text


async def test_requests_are_those_of_the_contract(raw_server: RawServer) -> None:
    async def refuse(_: Request, wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    raw_server.will(refuse)
    client = PulsApiClient(raw_server.base_url, Secret(CANARY), FakeClock())
    for call in (
        client.account(),
        client.list_keys(),
        client.create_key("Deploy bot", "request-0005", 2),
        client.revoke_key("key/with slash"),
        client.services(),
    ):
        with pytest.raises(errors.PulsapiError):
            await call
    await client.aclose()
    assert len(raw_server.requests) == 5
    for request in raw_server.requests:
        _, operation = _operation(request)
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        declared = {
            (each["in"], each["name"].lower()): each["schema"]
            for each in operation.get("parameters", [])
        }
        query = httpx.QueryParams(request.target.partition("?")[2])
        for name, value in query.items():
            _schema(declared["query", name]).validate(_number(declared["query", name], value))
        for name, value in request.headers.items():
            if name.startswith("idempotency"):
                schema = declared["header", name]
                _schema(schema).validate(_number(schema, value))
        if request.body:
            content = operation["requestBody"]["content"][request.headers["content-type"]]
            _schema(content["schema"]).validate(json.loads(request.body))
