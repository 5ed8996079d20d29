"""A server that has its answers ready: `python -m tests.bench.quick_server KEYS LATENCY_MS`.

It says its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.many_keys import many_keys

PAGE = 1000
_ACCOUNT = {
    "id": "acc_1",
    "email": "dana@northwind.example",
    "display_name": "Dana",
    "timezone": "UTC",
    "plan": "pro",
    "role": "owner",
    "authenticated_key_id": "key_session",
    "capabilities": [],
}


def _answer(body: object) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return f"{head}\r\n".encode() + data


def _pages(count: int) -> list[bytes]:
    keys = [
        {
            "id": key.id,
            "name": key.name,
            "hint": key.hint,
            "created_at": key.created_at.isoformat(),
            "last_used_at": key.last_used_at and key.last_used_at.isoformat(),
        }
        for key in many_keys(count)
    ]
    return [
        _answer(
            {
                "data": keys[start : start + PAGE],
                "next_cursor": str(start + PAGE) if start + PAGE < count else None,
                "total": count,
            }
        )
        for start in range(0, count, PAGE)
    ]


class _Protocol(asyncio.Protocol):
    """One request after the other, none with a body."""

    def __init__(self, pages: list[bytes], latency_s: float) -> None:
        self._pages = pages
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            answer = self._answer(head.split(b"\r\n")[0])
            if self._latency_s:
                asyncio.get_running_loop().call_later(
                    self._latency_s, self._transport.write, answer
                )
            else:
                self._transport.write(answer)

    def _answer(self, line: bytes) -> bytes:
        if line.startswith(b"DELETE"):
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if b"/v1/account" in line:
            return _answer(_ACCOUNT)
        start = int(line.split(b"cursor=")[1].split()[0]) if b"cursor=" in line else 0
        return self._pages[start // PAGE]


async def _serve(count: int, latency_ms: float) -> None:
    pages, loop = _pages(count), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Protocol(pages, latency_ms / 1000), "127.0.0.1", 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await loop.run_in_executor(None, os.read, 0, 1)


@contextmanager
def serving(count: int, latency_ms: float) -> Iterator[int]:
    """The server as a process; its port."""
    argv = [sys.executable, "-m", "tests.bench.quick_server", str(count), str(latency_ms)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
