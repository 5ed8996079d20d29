"""A proxy on loopback that cuts chosen requests, and sees all that the server really did."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from tests.contract.support import Wire


class Place(StrEnum):
    """How far a request came."""

    BEFORE = "before a byte of it reached the server"
    ACTED = "after the server acted, before a byte of the answer"
    AMID = "in the middle of the answer"


class Way(StrEnum):
    """How the connection ended."""

    FIN = "FIN"
    RST = "RST"
    STALL = "stall"


class Fault(NamedTuple):
    """A cut."""

    place: Place
    way: Way


FAULTS = tuple(Fault(place, way) for place in Place for way in Way)


class Seen(NamedTuple):
    """A request that reached the server, and its answer."""

    method: str
    path: str
    bearer: str
    status: int


class CuttingProxy:
    """Hands requests on, one a connection, and cuts those whose number (from 1) has a fault."""

    def __init__(self, server_port: int, faults: Mapping[int, Fault]) -> None:
        self._server_port = server_port
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""
        self.requests = 0
        self.cuts = 0
        self.seen: list[Seen] = []
        self.minted: dict[str, list[str]] = {}
        """Each key that was made, and the secrets that it was given, the last one last."""

    @property
    def next_stalls(self) -> bool:
        """Whether the next request is one that gets no (whole) answer and no end."""
        fault = self._faults.get(self.requests + 1)
        return fault is not None and fault.way is Way.STALL

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[CuttingProxy]:
        """Accept connections."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                self.requests += 1
                await self._hand_on(head, body, wire, self._faults.get(self.requests))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _hand_on(self, head: bytes, body: bytes, wire: Wire, fault: Fault | None) -> None:
        if fault is None:
            await wire.send(await self._ask(head, body))
            return
        self.cuts += 1
        if fault.place is not Place.BEFORE:
            answer = await self._ask(head, body)
            if fault.place is Place.AMID:
                await wire.send(_half(answer))
        if fault.way is Way.RST:
            wire.reset()
        elif fault.way is Way.STALL:
            # Until the client has had enough.
            await wire.reader.read()

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = [
            line for line in lines if line and not line.lower().startswith(("host:", "connection:"))
        ]
        fields += [f"Host: 127.0.0.1:{self._server_port}", "Connection: close"]
        request = "\r\n".join([first, *fields, "", ""]).encode("latin-1") + body
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            writer.write(request)
            answer = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        self._note(first, fields, answer)
        return answer

    def _note(self, first: str, fields: list[str], answer: bytes) -> None:
        method, path, _ = first.split(" ")
        bearer = next(
            line.partition("Bearer ")[2]
            for line in fields
            if line.lower().startswith("authorization:")
        )
        status = int(answer.split(b" ")[1])
        self.seen.append(Seen(method, path, bearer, status))
        if status == 201:
            made = json.loads(answer.partition(b"\r\n\r\n")[2])
            self.minted.setdefault(made["id"], []).append(made["key"])


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _half(answer: bytes) -> bytes:
    """Up to the middle of the body; of the head, where there is no body."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    return head + gap + body[: len(body) // 2] if body else answer[: len(answer) // 2]
