"""Fixtures of the server's tests."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from pulsapi_tui.server.store import Store
from tests.server.support import Running, TestKey, add_account, running

_numbers = itertools.count()


@dataclass(frozen=True)
class World:
    """Accounts of every kind on a running server; each test has its own."""

    server: Running
    account_id: str
    owner: TestKey
    second: TestKey
    others: dict[str, TestKey]

    def client(self, name: str = "owner") -> httpx.Client:
        """A client of the account of this name (`owner`, `free`, `viewer` ...)."""
        key = self.owner if name == "owner" else self.others[name]
        return self.server.client(key.secret)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests that need no special one."""
    with running(tmp_path_factory.mktemp("server") / "test.sqlite") as server:
        yield server


@pytest.fixture
def world(server: Running) -> World:
    """New accounts on that server."""
    number = next(_numbers)

    def fill(store: Store) -> World:
        owner, second = add_account(store, f"owner{number}", keys=2)
        others = {
            "admin": add_account(store, f"admin{number}", "enterprise", "admin")[0],
            "member": add_account(store, f"member{number}", "pro", "member")[0],
            "viewer": add_account(store, f"viewer{number}", "pro", "viewer")[0],
            "free": add_account(store, f"free{number}", "free", "owner")[0],
            "free_viewer": add_account(store, f"free_viewer{number}", "free", "viewer")[0],
        }
        return World(server, f"owner{number}", owner, second, others)

    return server.with_store(fill)
