"""A proxy on loopback that ends an exchange at any byte of it, in every way that a line can end.

It hands whole requests and answers on, byte by byte as they are but for the port in `Host`, and
keeps connections alive as both sides do.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import NamedTuple

from tests.contract.support import Wire
from tests.long.skipping_loop import Exchanges


class Side(StrEnum):
    """Which half of an exchange."""

    REQUEST = "request"
    ANSWER = "answer"


class Kind(StrEnum):
    """How it ends."""

    FIN = "FIN"
    RST = "RST"
    STALL = "stall"
    LATE = "late"
    """A stall, and what was held back reaches the server when nobody waits for it any more."""
    GARBAGE = "garbage"
    """Bytes that mean nothing come in place of the rest, or after the whole."""


class Extent(StrEnum):
    """What else ends with it."""

    ONE = "one exchange"
    TRIES = "each try of the call"
    LINE = "all that follows"
    """Until the proxy is mended."""


class Cut(NamedTuple):
    """One place in the exchanges of one method."""

    method: str
    side: Side
    at: int
    """So many bytes of that half got through."""
    kind: Kind
    extent: Extent


class Lengths(NamedTuple):
    """Of an exchange, in bytes."""

    request: int
    answer: int


class ByteProxy:
    """Listens, and cuts as it is armed."""

    def __init__(self, server_port: int, exchanges: Exchanges, seed: int) -> None:
        self._port = server_port
        self._exchanges = exchanges
        rng = random.Random(seed)  # noqa: S311  # junk, no secrets
        # No HTTP begins with these two, and no JSON holds them.
        self._garbage = b"\x00\xff" + rng.randbytes(510)
        self._cut: Cut | None = None
        self._is_down = False
        self._late: list[tuple[Wire, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""
        self.whole: dict[str, Lengths] = {}
        """The last exchange of each method that was not cut, when the proxy was disarmed."""
        self._last: dict[str, Lengths] = {}
        self._is_due = False

    def arm(self, cut: Cut | None) -> None:
        """Cut like that from now on."""
        self._cut = cut
        self._is_due = cut is not None

    def mend(self) -> None:
        """Cut nothing any more."""
        self._cut = None
        self._is_down = False

    def disarm(self) -> None:
        """The call is over, and was cut: what follows is so only where the line is down."""
        assert not self._is_due, "it was not cut"
        self.whole = dict(self._last)
        if not self._is_down:
            self.mend()

    async def deliver_late(self) -> None:
        """Let what was held back reach the server, and wait for what it says."""
        late, self._late = self._late, []
        for upstream, rest in late:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await upstream.send(rest)
                await _read_message(upstream.reader)
            await _close(upstream)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ByteProxy]:
        """Accept connections."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(Wire(reader, writer)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, client: Wire) -> None:
        upstream = Wire(*await asyncio.open_connection("127.0.0.1", self._port))
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(client, upstream):
                    pass
        finally:
            await _close(client)
            if not any(upstream is held for held, _ in self._late):
                await _close(upstream)

    async def _exchange(self, client: Wire, upstream: Wire) -> bool:
        """Hand one exchange on; whether the connection is still there."""
        request = await _read_message(client.reader)
        ours, theirs = (f"127.0.0.1:{port}".encode() for port in (self._own_port, self._port))
        request = request.replace(b"Host: " + ours, b"Host: " + theirs, 1)
        method = request.partition(b" ")[0].decode()
        cut = self._due(method)
        if cut is not None and cut.side is Side.REQUEST:
            await self._cut_request(cut, request, client, upstream)
            return False
        await upstream.send(request)
        answer = await _read_message(upstream.reader)
        if cut is not None:
            await self._cut_answer(cut, answer, client)
            return False
        self._last[method] = Lengths(len(request), len(answer))
        await client.send(answer)
        return True

    @property
    def _own_port(self) -> str:
        return self.base_url.rpartition(":")[2]

    def _due(self, method: str) -> Cut | None:
        cut = self._cut
        if cut is None:
            return None
        if self._is_down and method != cut.method:
            return cut._replace(side=Side.REQUEST, at=0)
        if method != cut.method:
            return None
        self._is_due = False
        self._is_down = cut.extent is Extent.LINE
        if cut.extent is Extent.ONE:
            self._cut = None
        return cut

    async def _cut_request(self, cut: Cut, request: bytes, client: Wire, upstream: Wire) -> None:
        if cut.kind is Kind.GARBAGE:
            await upstream.send(request[: cut.at] + self._garbage)
            upstream.writer.write_eof()
            await client.send(await upstream.reader.read())
            return
        await upstream.send(request[: cut.at])
        await self._end(cut.kind, client)
        if cut.kind is Kind.RST:
            upstream.reset()
        elif cut.kind is Kind.LATE:
            self._late.append((upstream, request[cut.at :]))

    async def _cut_answer(self, cut: Cut, answer: bytes, client: Wire) -> None:
        garbage = self._garbage if cut.kind is Kind.GARBAGE else b""
        await client.send(answer[: cut.at] + garbage)
        await self._end(cut.kind, client)

    async def _end(self, kind: Kind, client: Wire) -> None:
        if kind is Kind.RST:
            client.reset()
        elif kind in {Kind.STALL, Kind.LATE}:
            with self._exchanges.stalling():
                # Until the client has had enough.
                await client.reader.read()


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


async def _close(wire: Wire) -> None:
    wire.close()
    with suppress(ConnectionError):
        await wire.writer.wait_closed()
