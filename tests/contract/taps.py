"""Sockets on loopback that keep every byte that comes to them, and a client to be heard."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from tests.canary import Canary
from tests.contract.support import FakeClock


@contextlib.asynccontextmanager
async def client_on(
    base_url: str, canary: Canary, network: Network | None = None, *, deadline_s: float = 20.0
) -> AsyncIterator[PulsApiClient]:
    """A client with that key, closed after it."""
    client = PulsApiClient(
        base_url, Secret(canary.secret), FakeClock(), network=network, deadline_s=deadline_s
    )
    try:
        yield client
    finally:
        await client.aclose()


class Handler(Protocol):
    """What a tap does with a connection."""

    def __call__(
        self, tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Awaitable[None]:
        """Serve it; it is closed afterwards."""
        ...


class Tap:
    """Listens, and keeps what it hears. Without a handler, it answers anything with 200."""

    def __init__(
        self, handler: Handler | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.heard = bytearray()
        self.connections = 0
        self.port = 0
        self.was_left = asyncio.Event()
        """The other side ended a connection that hangs."""
        self._handler = handler or answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def listening(self, host: str = "127.0.0.1") -> AsyncIterator[Tap]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(accept, host, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._handler(self, reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def hear(self, read: Awaitable[bytes]) -> bytes:
        """Keep what is read."""
        data = await read
        self.heard += data
        return data

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what is heard, until the end."""
        while data := await self.hear(reader.read(65536)):
            writer.write(data)
            await writer.drain()


def answering(answer: bytes) -> Handler:
    """Hear something, answer that, and close."""

    async def handle(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await tap.hear(reader.read(65536))
        writer.write(answer)
        await writer.drain()

    return handle


def hanging(answer: bytes, then: Callable[[], Awaitable[None]]) -> Handler:
    """Hear something, answer that, and nothing more; `then` is what happens meanwhile."""

    async def handle(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await tap.hear(reader.read(65536))
        writer.write(answer)
        await then()
        while await tap.hear(reader.read(65536)):
            pass
        tap.was_left.set()

    return handle


def relaying(port: int) -> Handler:
    """Hand everything on to a port of this machine, and its answers back."""

    async def handle(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(tap, reader, writer, port)

    return handle


def tunnelling(answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Handler:
    """An HTTP proxy: it makes the way that CONNECT asks for, to a port of this machine."""

    async def handle(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await tap.hear(reader.readuntil(b"\r\n\r\n"))
        target = head.split(b" ")[1]
        writer.write(answer)
        await _join(tap, reader, writer, int(target.rpartition(b":")[2]))

    return handle


async def _join(
    tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)

    async def back() -> None:
        while data := await back_reader.read(65536):
            writer.write(data)
            await writer.drain()

    try:
        ways = [asyncio.create_task(tap.pump(reader, back_writer)), asyncio.create_task(back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        back_writer.close()
        with contextlib.suppress(OSError):
            await back_writer.wait_closed()
