"""What a server acknowledged: its keys as they must be, whatever happens to its disk."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from pulsapi_tui.server.auth import digest_of
from pulsapi_tui.server.store import Store

NAMES = ("CI", "deploy bot", "x" * 64, "\U0001f511" * 64)


class NotWholeError(Exception):
    """A database contradicts itself."""


@dataclass(frozen=True)
class Fact:
    """A key, as an answer told it or as the database has it."""

    name: str
    digest: bytes
    is_revoked: bool = False
    is_used: bool = False
    request: tuple[str, int] | None = None
    """Its Idempotency-Key and the last attempt."""


Facts = dict[str, Fact]
"""Keys by their ids."""


def read_facts(database: Path) -> Facts:
    """The keys that the database has."""
    with closing(sqlite3.connect(database)) as connection:
        faults = connection.execute("PRAGMA integrity_check").fetchall()
        faults.remove(("ok",))
        faults += connection.execute("PRAGMA foreign_key_check").fetchall()
        faults += connection.execute(
            "SELECT id, listed_keys FROM accounts a WHERE listed_keys != (SELECT count(*)"
            " FROM keys WHERE account_id = a.id AND listed AND revoked_at IS NULL)"
        ).fetchall()
        rows = connection.execute(
            "SELECT k.id, name, digest, revoked_at IS NOT NULL, last_used_at IS NOT NULL,"
            " request_id, attempt FROM keys k LEFT JOIN creates c ON c.key_id = k.id"
        ).fetchall()
    if faults:
        raise NotWholeError(faults)
    return {
        id_: Fact(name, digest, bool(revoked), bool(used), (request, attempt) if request else None)
        for id_, name, digest, revoked, used, request, attempt in rows
    }


class Owner:
    """Does by chance what an account's owner does, on the real application; keeps the ledger."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        store: Store,
        rng: random.Random,
        facts: Facts,
        secrets: dict[bytes, str],
        own_id: str,
    ) -> None:
        self._client = client
        self._store = store
        self._rng = rng
        self._own_id = own_id
        self._secrets = secrets
        self.facts = facts
        """What is true since the last answer."""

    async def sign_in(self) -> str:
        """Use the owner's own key, so that no later change comes with a first use of it."""
        await self._call(self._own_id, 200, "GET", "/v1/account")
        self._change(self._own_id, is_used=True)
        return "sign in"

    async def act(self) -> str:
        """Do something; says what."""
        todo = self._rng.choices(
            (self._create, self._repeat, self._revoke, self._use, self._flush), (5, 3, 4, 3, 1)
        )[0]
        await todo()
        return todo.__name__.strip("_")

    async def _create(self) -> None:
        is_named = self._rng.random() < 0.7
        request = (f"request-{self._rng.randbytes(4).hex()}", 1) if is_named else None
        await self._post(self._rng.choice(NAMES), request)

    async def _repeat(self) -> None:
        key_id = self._any(lambda fact: fact.request is not None and not fact.is_used)
        if key_id is not None:
            fact = self.facts[key_id]
            assert fact.request is not None
            request_id, attempt = fact.request
            await self._post(fact.name, (request_id, attempt + self._rng.randrange(1, 3)))

    async def _post(self, name: str, request: tuple[str, int] | None) -> None:
        body = await self._call(self._own_id, 201, "POST", "/v1/api-keys", name, request)
        digest = digest_of(body["key"])
        self._secrets[digest] = body["key"]
        self.facts = {**self.facts, body["id"]: Fact(name, digest, request=request)}

    async def _revoke(self) -> None:
        key_id = self._any(lambda _: True)
        if key_id is not None:
            await self._call(self._own_id, 204, "DELETE", f"/v1/api-keys/{key_id}")
            self._change(key_id, is_revoked=True)

    async def _use(self) -> None:
        key_id = self._any(lambda _: True)
        if key_id is not None:
            await self._call(key_id, 200, "GET", "/v1/services")
            self._change(key_id, is_used=True)

    async def _flush(self) -> None:
        self._store.flush_uses()

    def _any(self, fits: Callable[[Fact], bool]) -> str | None:
        """One of the live keys that fit, but never the owner's."""
        live = (id_ for id_, fact in self.facts.items() if not fact.is_revoked and fits(fact))
        others = [id_ for id_ in live if id_ != self._own_id]
        return self._rng.choice(others) if others else None

    def _change(self, key_id: str, **what: Any) -> None:
        self.facts = {**self.facts, key_id: replace(self.facts[key_id], **what)}

    async def _call(
        self,
        key_id: str,
        status: int,
        method: str,
        path: str,
        name: str | None = None,
        request: tuple[str, int] | None = None,
    ) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._secrets[self.facts[key_id].digest]}"}
        if request is not None:
            headers |= {"Idempotency-Key": request[0], "Idempotency-Attempt": str(request[1])}
        json = None if name is None else {"name": name}
        answer = await self._client.request(method, path, headers=headers, json=json)
        assert answer.status_code == status, (method, path, answer.status_code)
        body: dict[str, str] = answer.json() if answer.content else {}
        return body
