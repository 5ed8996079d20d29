"""Accounts of every kind on a running server, and what its database says of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.rows import KeyRow
from pulsapi_tui.server.store import Store
from tests.long.isolation_cells import ACCOUNTS, NOBODY
from tests.server.support import Running, Secret, TestKey, add_account, running

REQUEST_ID = "request-of-each"
"""Each account that manages keys has a create under it: they are strangers to one another."""

Rows = frozenset[tuple[object, ...]]
_TABLES = {
    "accounts": "SELECT id, email, display_name, plan, role FROM accounts",
    "keys": "SELECT id, account_id, digest, name, hint, created_at, revoked_at, listed FROM keys",
    "creates": "SELECT * FROM creates",
}


class World:
    """The accounts' keys, and a view of the database from outside."""

    def __init__(self, server: Running, database: sqlite3.Connection) -> None:
        self.server = server
        self._database = database
        self._version = -1
        self._rows: dict[str, Rows] = {}
        self._sessions: dict[str, TestKey] = {}
        for name in ACCOUNTS:
            self._sessions[name] = server.with_store(partial(self._add_account, name))
        self.foreign = self.add_key("stranger").id
        self.foreign_revoked = self.add_key("stranger", is_revoked=True).id
        self._nobody = {
            "no key": None,
            "junk": "junk",
            "wrong checksum": self._sessions["owner"].secret[:-1] + "-",
            "unknown key": mint_key().secret,
            "revoked key": self.add_key("owner", is_revoked=True).secret,
            "replaced key": self._add_replaced_key(),
        }
        assert tuple(self._nobody) == NOBODY

    def _add_account(self, caller: str, store: Store) -> TestKey:
        plan, role = ACCOUNTS[caller]
        return add_account(store, self.account_id(caller), plan, role)[0]

    @staticmethod
    def account_id(caller: str) -> str:
        """The id of a caller's account; of the owner's, where the caller is nobody."""
        return f"acc_{caller.replace(' ', '_')}_only" if caller in ACCOUNTS else "acc_owner_only"

    def session_id(self, caller: str) -> str:
        """The id of the key that an account is called with."""
        return self._sessions[caller].id

    def secret(self, caller: str) -> str | None:
        """What a caller presents."""
        return self._sessions[caller].secret if caller in ACCOUNTS else self._nobody[caller]

    def add_key(self, caller: str, is_revoked: bool = False) -> TestKey:
        """A new key in a caller's account, named after it."""
        account_id = self.account_id(caller)
        minted = mint_key()
        key = KeyRow(
            id=new_key_id(),
            account_id=account_id,
            digest=minted.digest,
            name=f"key of {account_id}",
            hint=minted.hint,
            created_at=1_790_000_000_000,
        )

        def add(store: Store) -> None:
            with store.writing() as transaction:
                transaction.add_keys([key])
                if is_revoked:
                    transaction.revoke(account_id, key.id, 1)

        self.server.with_store(add)
        return TestKey(key.id, Secret(minted.secret))

    def _add_replaced_key(self) -> str:
        """A secret that a repeat of its create has replaced."""
        key = self.add_key("owner")
        self._database.execute("UPDATE keys SET digest = ? WHERE id = ?", (b"another", key.id))
        self._database.commit()
        return key.secret

    def rows(self) -> dict[str, Rows]:
        """All that the database holds, but when keys were used."""
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._rows = {t: frozenset(self._database.execute(q)) for t, q in _TABLES.items()}
        return self._rows

    def marks(self) -> dict[str, set[bytes]]:
        """What tells an account from the others, by the account's id: no one else may see it."""
        marks = {id_: {id_.encode()} for id_ in map(self.account_id, ACCOUNTS)}
        for key_id, account_id, *_ in self.rows()["keys"]:
            marks[str(account_id)].add(str(key_id).encode())
        return marks


@contextmanager
def new_world(database: Path) -> Iterator[World]:
    """A server with these accounts."""
    with running(database) as server, closing(sqlite3.connect(database)) as connection:
        yield World(server, connection)
