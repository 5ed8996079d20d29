"""The database: accounts, keys and creates in SQLite. The only module that imports sqlite3.

One connection writes and reads, and it is used from the thread that opened it: the event loop's.
That is by choice. A transaction has no `await` in it, so nothing can come between a key's check and
its effect, there is no second writer to wait for, and the WAL-reset bug of older SQLites (which
needs two connections) can't happen. The price is that the loop stands still for a commit's fsync.

`synchronous=FULL`: with NORMAL a power cut brings revoked keys back to life. Keys are found by
their full digest (a lookup by prefix would tell by its timing which prefixes exist), and never
cached. Times are milliseconds since the epoch. Everything here raises `StoreUnavailableError` where
SQLite can't do its work (disk full, locked by another program).
"""

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from pulsapi_tui.server.rows import AccountRow, Caller, CreateRow, KeyRow, Position
from pulsapi_tui.server.schema import SCHEMA, SCHEMA_VERSION
from pulsapi_tui.server.wire import Key, timestamp

BUSY_TIMEOUT_S = 1.0
FLUSH_CHUNK = 50


class StoreUnavailableError(Exception):
    """The database can't do its work just now; nothing of the transaction was kept."""


class Transaction:
    """What can be done within one transaction; made by `Store.reading` and `Store.writing`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def authenticate(self, digest: bytes) -> Caller | None:
        """The caller that holds the live key with this digest."""
        row = self._db.execute(
            "SELECT a.id, a.email, a.display_name, a.timezone, a.plan, a.role, k.id, k.last_used_at"
            " FROM keys k JOIN accounts a ON a.id = k.account_id"
            " WHERE k.digest = ? AND k.revoked_at IS NULL",
            (digest,),
        ).fetchone()
        if row is None:
            return None
        account = AccountRow(
            id=row[0], email=row[1], display_name=row[2], timezone=row[3], plan=row[4], role=row[5]
        )
        return Caller(account, row[6], is_first_use=row[7] is None)

    def add_account(self, account: AccountRow) -> None:
        """Store a new account."""
        self._db.execute(
            "INSERT INTO accounts (id, email, display_name, timezone, plan, role)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            msgspec.structs.astuple(account),
        )

    def has_account(self) -> bool:
        """Whether there is any account, which is not so before the first start is through."""
        return self._db.execute("SELECT 1 FROM accounts").fetchone() is not None

    def add_keys(self, keys: Iterable[KeyRow]) -> None:
        """Store new keys; where their times are equal, a later one of them is the newer one."""
        rows = list(keys)
        self._db.executemany(
            "INSERT INTO keys (id, account_id, digest, name, hint, created_at, last_used_at,"
            " listed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            map(msgspec.structs.astuple, rows),
        )
        self._db.executemany(
            "UPDATE accounts SET listed_keys = listed_keys + ? WHERE id = ?",
            [(n, id_) for id_, n in Counter(r.account_id for r in rows if r.listed).items()],
        )

    def add_create(self, request_id: str, attempt: int, key: KeyRow) -> None:
        """Remember under which Idempotency-Key a key was created."""
        self._db.execute(
            "INSERT INTO creates VALUES (?, ?, ?, ?, ?)",
            (key.account_id, request_id, key.id, attempt, key.created_at),
        )

    def find_create(self, account_id: str, request_id: str) -> CreateRow | None:
        """The create of this account under this Idempotency-Key."""
        row = self._db.execute(
            "SELECT k.id, k.account_id, k.digest, k.name, k.hint, k.created_at, k.last_used_at,"
            " k.listed, c.attempt, c.created_at, k.revoked_at FROM creates c"
            " JOIN keys k ON k.id = c.key_id WHERE c.account_id = ? AND c.request_id = ?",
            (account_id, request_id),
        ).fetchone()
        if row is None:
            return None
        key = KeyRow(
            id=row[0],
            account_id=row[1],
            digest=row[2],
            name=row[3],
            hint=row[4],
            created_at=row[5],
            last_used_at=row[6],
            listed=bool(row[7]),
        )
        return CreateRow(key, row[8], row[9], is_revoked=row[10] is not None)

    def replace_secret(
        self, request_id: str, attempt: int, key: KeyRow, digest: bytes, hint: str
    ) -> None:
        """Give a created key another secret; the earlier one is dead with it."""
        self._db.execute(
            "UPDATE keys SET digest = ?, hint = ? WHERE id = ?", (digest, hint, key.id)
        )
        self._db.execute(
            "UPDATE creates SET attempt = ? WHERE account_id = ? AND request_id = ?",
            (attempt, key.account_id, request_id),
        )

    def revoke(self, account_id: str, key_id: str, now_ms: int) -> bool:
        """Revoke this account's key (the first time counts); False where it has no such key."""
        found = self._db.execute(
            "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? AND account_id = ?",
            (now_ms, key_id, account_id),
        )
        return found.rowcount == 1

    def count(self, account_id: str) -> int:
        """How many keys the account lists; kept along, since counting 100,000 takes 4 ms."""
        row = self._db.execute(
            "SELECT listed_keys FROM accounts WHERE id = ?", (account_id,)
        ).fetchone()
        return int(row[0])

    def page(
        self, account_id: str, limit: int, after: Position | None
    ) -> tuple[list[Key], Position | None]:
        """Up to `limit` keys after this position, newest first, and where to go on, if anywhere."""
        start = after or Position(2**62, 2**62)
        rows = self._db.execute(
            "SELECT id, name, hint, created_at, last_used_at, seq FROM keys"
            " WHERE account_id = ? AND revoked_at IS NULL AND listed = 1"
            " AND (created_at, seq) < (?, ?) ORDER BY created_at DESC, seq DESC LIMIT ?",
            (account_id, start.created_at, start.seq, limit + 1),
        ).fetchall()
        has_more = len(rows) > limit
        keys = [
            Key(id_, name, hint, timestamp(created), None if used is None else timestamp(used))
            for id_, name, hint, created, used, _ in rows[:limit]
        ]
        return keys, Position(rows[limit - 1][3], rows[limit - 1][5]) if has_more else None

    def touch(self, uses: Iterable[tuple[str, int]]) -> None:
        """Set Last Used of (key id, epoch ms); never back, and never of a revoked key."""
        self._db.executemany(
            "UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?2)"
            " WHERE id = ?1 AND revoked_at IS NULL",
            uses,
        )


class Store:
    """The open database; `close` it. It belongs to the thread that made it."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        # Made here, since SQLite would make it readable for others; WAL and SHM take after it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._clock = clock
        self._uses: dict[str, int] = {}
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise StoreUnavailableError(str(error)) from None
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StoreUnavailableError(str(error)) from None
        except StoreUnavailableError:
            self._db.close()
            raise
        self._alone = Transaction(self._db)

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with self.writing():
            version = self.pragma("user_version")
            if version == 0:
                for statement in SCHEMA.split("\n\n"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise StoreUnavailableError(f"the database has schema {version}, not 1")

    def pragma(self, name: str) -> int | str:
        """A setting of the connection, as SQLite reports it."""
        value: int | str = self._db.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def now_ms(self) -> int:
        """The injected clock's time."""
        return int(self._clock() * 1000)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that holds the write lock from its start, durable once it ends."""
        with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database."""
        with self._transaction("BEGIN") as transaction:
            yield transaction

    def authenticate(self, digest: bytes) -> Caller | None:
        """The caller that holds the live key with this digest, in a transaction of its own."""
        try:
            return self._alone.authenticate(digest)
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(str(error)) from None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        try:
            self._db.execute(begin)
            yield Transaction(self._db)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise StoreUnavailableError(str(error)) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.OperationalError):
                self._db.execute("ROLLBACK")

    def note_use(self, caller: Caller) -> None:
        """Note that a key was used just now; `flush_uses` writes it.

        A first use is written at once, since from it on a create can't be repeated.
        """
        if caller.is_first_use:
            with self.writing() as transaction:
                transaction.touch([(caller.key_id, self.now_ms())])
        else:
            self._uses[caller.key_id] = self.now_ms()

    def flush_uses(self, limit: int = FLUSH_CHUNK) -> bool:
        """Write up to `limit` noted uses; True while there are more."""
        chunk = list(self._uses.items())[:limit]
        if chunk:
            with self.writing() as transaction:
                transaction.touch(chunk)
            for key_id, _ in chunk:
                del self._uses[key_id]
        return bool(self._uses)

    def close(self) -> None:
        """Write what is noted and close."""
        with suppress(StoreUnavailableError):
            while self.flush_uses():
                pass
        self._db.close()
