"""The real server, without a port: started, watched in what it answers, killed, started again."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulsapi_tui.server.listen import LocalServer, make_server, write_behind
from pulsapi_tui.server.store import Store, StoreUnavailableError, Transaction
from tests.simulation.loop import VirtualClock
from tests.simulation.network import ADDRESS, Network


class Answered(NamedTuple):
    """An answer, at the moment in which its effect is there and nobody has heard of it yet."""

    method: str
    path: str
    bearer: str
    request_id: str
    status: int
    body: bytes


Heard = Callable[[Answered], None]


class Watching:
    """Outermost: tells of each answer at the moment at which the server gives it.

    Takes the headers away by which a create can be repeated, where the server is to be without.
    """

    def __init__(self, app: ASGIApp, heard: Heard, *, is_idempotent: bool) -> None:
        self._app = app
        self._heard = heard
        self._is_idempotent = is_idempotent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[Message] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            if started:
                # No await lies between the effect and this.
                self._heard(_answered(scope, started[0]["status"], message.get("body", b"")))
                await send(started.pop())
            await send(message)

        headers = scope["headers"]
        if not self._is_idempotent:
            headers = [each for each in headers if not each[0].startswith(b"idempotency-")]
        await self._app({**scope, "headers": headers}, receive, watched)


def _answered(scope: Scope, status: int, body: bytes) -> Answered:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return Answered(
        scope["method"],
        scope["path"],
        headers.get(b"authorization", "").removeprefix("Bearer "),
        headers.get(b"idempotency-key", ""),
        status,
        body,
    )


class FailingStore(Store):
    """The real store, whose database can't be had now and then, and that can be killed."""

    fails: Callable[[], bool] = staticmethod(lambda: False)

    def _prepare(self) -> None:
        # Power is never cut here: the commits' order is all that counts.
        super()._prepare()
        self._db.execute("PRAGMA synchronous=OFF")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        if self.fails():
            raise StoreUnavailableError("planned")
        with super()._transaction(begin) as transaction:
            yield transaction

    def kill(self) -> None:
        """Close without a last word, as the kernel does."""
        self._db.close()


class _Socket:
    """What `make_server` asks of its socket: which address it has."""

    def getsockname(self) -> tuple[str, int]:
        return ADDRESS


class Server:
    """One server after the other, on one database."""

    def __init__(
        self,
        path: Path,
        network: Network,
        clock: VirtualClock,
        rng: random.Random,
        heard: Heard,
        *,
        is_idempotent: bool,
    ) -> None:
        self._path = path
        self._is_idempotent = is_idempotent
        self._network = network
        self._clock = clock
        self._rng = rng
        self._heard = heard
        self._server: LocalServer | None = None
        self._behind: asyncio.Task[None] | None = None
        self.store: FailingStore | None = None
        self.failing = 0.0
        """The share of transactions that fail."""
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Open the database and listen."""
        self.store = FailingStore(self._path, self._clock.epoch_s)
        self.store.fails = self._fails
        listener = cast(socket.socket, _Socket())
        server = make_server(self.store, listener, lambda: None)
        server.config.load()
        server.config.loaded_app = Watching(
            cast(ASGIApp, server.config.loaded_app), self._heard, is_idempotent=self._is_idempotent
        )
        self._server = server
        self._behind = asyncio.create_task(write_behind(self.store))
        self._network.listener = self._protocol

    def _protocol(self) -> asyncio.Protocol:
        assert self._server is not None
        config = self._server.config
        make = cast(Any, config.http_protocol_class)
        made: asyncio.Protocol = make(
            config=config, server_state=self._server.server_state, app_state={}
        )
        return made

    def _fails(self) -> bool:
        fails = self._rng.random() < self.failing
        self.counts["failures of the database"] += fails
        return fails

    def kill(self) -> None:
        """End it between two turns of the loop: what was not committed never was."""
        if self.store is None or self._server is None or self._behind is None:
            return
        self.counts["restarts of the server"] += 1
        self._network.listener = None
        self._network.drop_servers()
        self._behind.cancel()
        for task in sorted(self._server.server_state.tasks, key=lambda task: task.get_name()):
            task.cancel()
        self.store.kill()
        self.store = self._server = self._behind = None
