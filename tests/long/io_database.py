"""The server with a disk that fails at each step of each request, over a real socket.

What it acknowledged holds, also in what a power cut right after the failure would leave; what it
could not do is a 503; and it goes on without being started again.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from pulsapi_tui.server import listen
from pulsapi_tui.server.auth import digest_of
from pulsapi_tui.server.store import Store, StoreUnavailableError
from tests.long.io_vfs import FAULTS, Disk, counted_disk
from tests.server.support import Running, Secret, add_account, error_code, running

MOST_STEPS = 400
Act = Callable[["_Server"], int]


@dataclass
class Served:
    """What was seen, and what was wrong."""

    faults: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        return (
            f"{self.faults.total()} faults of the database's disk ({kinds}): {self.refused} refused"
        )


class _Server:
    """A running server, and what it acknowledged."""

    def __init__(self, running_server: Running, database: Path, owner: Secret) -> None:
        self._server = running_server
        self._database = database
        self._numbers = itertools.count(1)
        self.client = running_server.client(owner)
        self.live: dict[str, Secret] = {}
        self.dead: dict[str, Secret] = {}

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        """One request; a 503 must be a whole one."""
        answer = self.client.request(method, path, **options)  # type: ignore[arg-type]
        if answer.status_code == 503:
            assert error_code(answer) == "unavailable"
        return answer

    def create(self) -> int:
        """A new key."""
        answer = self.ask("POST", "/v1/api-keys", json={"name": "k"})
        return self._take(answer)

    def _take(self, answer: httpx.Response) -> int:
        if answer.status_code == 201:
            made = answer.json()
            self.live[made["id"]] = Secret(made["key"])
        return answer.status_code

    def create_again(self) -> int:
        """A create and its repeat; the secret of the first one may be dead after the second."""
        number = next(self._numbers)
        for attempt in (1, 2):
            headers = {
                "Idempotency-Key": f"request-{number:04}",
                "Idempotency-Attempt": str(attempt),
            }
            answer = self.ask("POST", "/v1/api-keys", json={"name": "k"}, headers=headers)
            if answer.status_code != 201:
                return answer.status_code
            made = answer.json()
            # Until it is acknowledged, either secret is the right one.
            self.live.pop(made["id"], None)
        return self._take(answer)

    def revoke(self) -> int:
        """Revoke the newest key."""
        if not self.live:
            self.create()
        key_id, secret = self.live.popitem()
        status = self.ask("DELETE", f"/v1/api-keys/{key_id}").status_code
        if status == 204:
            self.dead[key_id] = secret
        return status

    def first_use(self) -> int:
        """A key is used for the first time, which is written at once."""
        if not self.live:
            self.create()
        secret = next(reversed(self.live.values()))
        headers = {"Authorization": f"Bearer {secret}"}
        return self.ask("GET", "/v1/services", headers=headers).status_code

    def read(self) -> int:
        """The list."""
        return self.ask("GET", "/v1/api-keys").status_code

    def flush(self) -> int:
        """Last Used, written behind."""

        def work(store: Store) -> int:
            try:
                store.flush_uses()
            except StoreUnavailableError:
                return 503
            return 200

        return self._server.with_store(work)

    def checkpoint_often(self, is_often: bool) -> None:
        """Whether each commit brings the write-ahead log back into the database."""
        pages = 1 if is_often else 1000
        self._server.with_store(lambda store: store.pragma(f"wal_autocheckpoint={pages}"))

    @contextmanager
    def after_power_cut(self, folder: Path) -> Iterator[Path]:
        """The database as it would be found, were the machine started again just now."""
        copies = folder / "copies"
        copies.mkdir()
        try:
            for part in self._database.parent.glob(f"{self._database.name}*"):
                if not part.name.endswith("-shm"):
                    shutil.copy(part, copies)
            yield copies / self._database.name
        finally:
            shutil.rmtree(copies)

    def wrong_in(self, database: Path) -> list[str]:
        """What of the acknowledged does not hold there."""
        with closing(Store(database)) as store:
            return self._wrong_in(store)

    def _wrong_in(self, store: Store) -> list[str]:
        with store.reading() as transaction:
            lost = [
                key_id
                for key_id, secret in self.live.items()
                if transaction.authenticate(digest_of(secret)) is None
            ]
            back = [
                key_id
                for key_id, secret in self.dead.items()
                if transaction.authenticate(digest_of(secret)) is not None
            ]
        return [f"create lost: {each}" for each in lost] + [
            f"revoke undone: {each}" for each in back
        ]


REQUESTS: dict[str, Act] = {
    "create": _Server.create,
    "create again": _Server.create_again,
    "revoke": _Server.revoke,
    "first use": _Server.first_use,
    "list": _Server.read,
    "flush": _Server.flush,
}


@contextmanager
def _served(folder: Path) -> Iterator[tuple[_Server, Disk]]:
    async def never(_: Store) -> None:
        await asyncio.Event().wait()

    with counted_disk() as disk, pytest.MonkeyPatch.context() as patch:
        # Its writes would be counted, too, whenever they come; here they are a request's.
        patch.setattr(listen, "write_behind", never)
        database = folder / "pulsapi.sqlite"
        with running(database) as server:
            [owner] = server.with_store(lambda store: add_account(store, "owner"))
            with_client = _Server(server, database, owner.secret)
            with with_client.client:
                yield with_client, disk


def walk(folder: Path, share: float, seed: int) -> Served:
    """Let this share of all faults happen, one after the other, to one server."""
    chance = random.Random(seed)  # noqa: S311  # a choice
    served = Served()
    with _served(folder) as (server, disk):
        server.read()
        for is_often, (name, act), fault in itertools.product(
            (False, True), REQUESTS.items(), FAULTS
        ):
            server.checkpoint_often(is_often)
            disk.arm(MOST_STEPS, fault)
            act(server)
            for at, step in enumerate(list(disk.steps), 1):
                if step in FAULTS[fault] and chance.random() < share:
                    wrong = _with_fault(served, server, disk, act, at, fault, folder)
                    label = f"{name}, {fault} at {at} ({step})"
                    served.wrong += [f"{label}: {each}" for each in wrong]
            disk.disarm()
        for fault in FAULTS:
            _start(served, server, disk, fault, folder)
    return served


def _start(served: Served, server: _Server, disk: Disk, fault: str, folder: Path) -> None:
    """The server is started on what a power cut left, and its disk fails then."""
    for at in range(1, MOST_STEPS):
        with server.after_power_cut(folder) as database:
            disk.arm(at, fault)
            is_refused = False
            try:
                Store(database).close()
            except StoreUnavailableError:
                is_refused = True
            if not disk.disarm():
                return
            served.faults[fault] += 1
            served.refused += is_refused
            label = f"start, {fault} at {at}"
            served.wrong += [f"{label}: {each}" for each in server.wrong_in(database)]


def _with_fault(
    served: Served, server: _Server, disk: Disk, act: Act, at: int, fault: str, folder: Path
) -> list[str]:
    disk.arm(at, fault)
    status = act(server)
    if not disk.disarm():
        return []
    served.faults[fault] += 1
    served.refused += status == 503
    wrong = [] if status in {200, 201, 204, 503} else [f"answered {status}"]
    with server.after_power_cut(folder) as database:
        wrong += server.wrong_in(database)
    again = act(server)
    if again not in {200, 201, 204}:
        wrong.append(f"afterwards it answers {again}")
    return wrong
