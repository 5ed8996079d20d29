"""A server on loopback that misbehaves on cue, byte by byte, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pulsapi_tui.domain.models import IDEMPOTENT_CREATE, Account, ApiKey

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CANARY = "local_CaNaRyOfTheSession0123456789abcdef"
"""The session's own key."""
MINTED = "local_MiNtEdSecretOfTheNewKey9876543210zy"
"""The secret of a key that the server makes."""


class FakeClock:
    """Time that passes only by `sleep`."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await asyncio.sleep(0)


class Request(NamedTuple):
    """What came over the wire; headers by their lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The server's end of a connection, for a script."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def trickle(self, data: bytes, *, every_s: float = 0.01) -> None:
        """Send the same thing for ever."""
        while True:
            await self.send(data)
            await asyncio.sleep(every_s)

    async def stall(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """End the connection with RST."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Request, Wire], Awaitable[None]]


class RawServer:
    """Answers each request by the next script; the last one stays.

    A script that leaves the connection open is asked again on it.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.bytes_seen = 0
        self.scripts: list[Script] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""
        self.port = 0

    def will(self, *scripts: Script) -> None:
        self.scripts = list(scripts)

    @contextlib.asynccontextmanager
    async def listening(
        self, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[RawServer]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(accept, host, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        shown_host = f"[{host}]" if ":" in host else host
        self.base_url = f"{'https' if tls else 'http'}://{shown_host}:{self.port}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    request = await self._read(reader)
                    self.requests.append(request)
                    script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                    await script(request, Wire(reader, writer))
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = await reader.readuntil(b"\r\n\r\n")
        self.bytes_seen += len(head)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.bytes_seen += len(body)
        return Request(method, target, headers, body)


def head(status: int, *lines: str) -> bytes:
    """A status line and headers, ended."""
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode("latin-1")


def bytes_of(status: int, body: bytes = b"", *lines: str) -> bytes:
    """A whole answer."""
    if status in {204, 304}:
        return head(status, *lines)
    return head(status, f"Content-Length: {len(body)}", *lines) + body


def whole(status: int, body: object = None, *lines: str) -> Script:
    """Answer properly: JSON, or the bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(request: Request, wire: Wire) -> None:
        await wire.send(bytes_of(status, b"" if body is None else raw, *lines))

    return script


def cut(data: bytes, *, rst: bool = False) -> Script:
    """Send that much and end the connection."""

    async def script(request: Request, wire: Wire) -> None:
        await wire.send(data)
        if rst:
            wire.reset()
        else:
            wire.close()

    return script


def then_stall(data: bytes) -> Script:
    """Send that much and nothing more."""

    async def script(request: Request, wire: Wire) -> None:
        await wire.send(data)
        await wire.stall()

    return script


def trickled(start: bytes, again: bytes) -> Script:
    """Send something, and then something else for ever."""

    async def script(request: Request, wire: Wire) -> None:
        await wire.send(start)
        await wire.trickle(again)

    return script


KEY: dict[str, object] = {
    "id": "key_1",
    "name": "CI",
    "hint": "wxyz",
    "created_at": "2026-11-24T12:00:00Z",
    "last_used_at": None,
}
ACCOUNT: dict[str, object] = {
    "id": "acct_1",
    "email": "o@example.com",
    "display_name": "Olga",
    "timezone": "UTC",
    "plan": "pro",
    "role": "owner",
    "authenticated_key_id": "key_0",
    "capabilities": [],
}


def page(*keys: dict[str, object], cursor: str | None = None) -> dict[str, object]:
    """A page of the list."""
    return {"data": list(keys), "next_cursor": cursor, "total": len(keys)}


def minted(**fields: object) -> dict[str, object]:
    """The answer to a create."""
    return {**KEY, "key": MINTED, **fields}


def account(*, repeatable: bool) -> Account:
    """The account of a server with or without `idempotent-create`."""
    return Account(
        id="acct_1",
        email="",
        display_name="",
        timezone="UTC",
        plan="pro",
        role="owner",
        authenticated_key_id="key_0",
        capabilities=frozenset({IDEMPOTENT_CREATE} if repeatable else ()),
    )


def listed_key() -> ApiKey:
    """`KEY`, as a value."""
    return ApiKey(id="key_1", name="CI", hint="wxyz", created_at=NOW, last_used_at=None)


def spellings(secret: str) -> tuple[str, ...]:
    """A secret as itself, in hex, and in base64 at each of its three alignments."""
    raw = secret.encode()
    base64_cores = [
        base64.b64encode(b"x" * shift + raw).decode()[4:-4].rstrip("=") for shift in range(3)
    ]
    return (secret, raw.hex(), raw.hex().upper(), *base64_cores)


def chain(error: BaseException) -> list[BaseException]:
    """An error with everything that it drags along."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or each in found:
            continue
        found.append(each)
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return found


def printed(error: BaseException) -> str:
    """All that an error and its chain could show of themselves."""
    parts: list[object] = []
    for each in chain(error):
        parts += [str(each), repr(each), repr(each.args), getattr(each, "__notes__", "")]
        parts += [repr(value) for value in vars(each).values()]
    return "\n".join(map(str, parts))
