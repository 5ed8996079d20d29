"""The local server's key check, against the same server that answers a constant.

Alone: `python -m tests.bench.server`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pulsapi_tui.server import app
from pulsapi_tui.server.listen import base_url, make_server, open_socket, run_server
from pulsapi_tui.server.store import Store
from tests.bench.alone import run_alone
from tests.bench.ratio import Ratio
from tests.server.support import add_account

REQUESTS = 3_000
AT_ONCE = 4
_ANSWER = msgspec.json.encode({"data": [], "next_cursor": None})


def ratios(turns: int, folder: Path) -> Iterator[Ratio]:
    """Both in turns, each in a process of its own."""
    ours, peer = [], []
    for turn in range(turns):
        ours.append(_rate(folder / f"checked-{turn}", constant=False))
        peer.append(_rate(folder / f"constant-{turn}", constant=True))
    name = "the local server's key check"
    yield Ratio(name, ours, "a constant answer", peer, "requests/s", 0.8, at_least=True)


class _Constant(app.Api):
    """Checks nothing and looks nothing up."""

    async def get_account(self, request: Request) -> Response:
        return Response(_ANSWER, 200, {}, "application/json")


def _rate(folder: Path, *, constant: bool) -> float:
    argv = [sys.executable, "-m", "tests.bench.server", "--serve", str(folder), str(constant)]
    return asyncio.run(_measure(argv))


@asynccontextmanager
async def _started(argv: list[str]) -> AsyncIterator[tuple[int, str]]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    try:
        port, key = (await process.stdout.readline()).decode().split()
        yield int(port), key
    finally:
        await process.communicate()


async def _measure(argv: list[str]) -> float:
    async with _started(argv) as (port, key):
        request = (
            f"GET /v1/account HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {key}\r\n\r\n"
        ).encode()
        await _ask(port, request, AT_ONCE * 50)
        started = time.perf_counter()
        await _ask(port, request, REQUESTS)
        return REQUESTS / (time.perf_counter() - started)


async def _ask(port: int, request: bytes, count: int) -> None:
    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count // AT_ONCE):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
        writer.close()

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


async def _serve(folder: Path) -> None:
    os.makedirs(folder)
    with closing(Store(folder / "keys.sqlite")) as store:
        secret = add_account(store, "acc_1")[0].secret
        listener = open_socket("127.0.0.1", 0)
        port = int(base_url(listener).rpartition(":")[2])
        server = make_server(store, listener, lambda: print(port, str(secret), flush=True))  # noqa: T201

        def end() -> None:
            sys.stdin.read()
            server.should_exit = True

        threading.Thread(target=end, daemon=True).start()
        await run_server(server, store, listener)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        if sys.argv[-1] == "True":
            setattr(app, "Api", _Constant)  # noqa: B010
        asyncio.run(_serve(Path(sys.argv[-2])))
    else:
        run_alone(ratios)
