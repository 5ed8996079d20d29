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

SLICE = 500
"""Requests to one server, then to the other."""
SLICES = 6
"""To each, in a turn."""
AT_ONCE = 4
START_S = 30.0
ANSWERS_S = 120.0
END_S = 15.0
_ANSWER = msgspec.json.encode({"data": [], "next_cursor": None})


def ratios(turns: int, folder: Path) -> Iterator[Ratio]:
    """Both servers run all the time and are asked in turns, so that both bear the same noise."""
    ours, peer = asyncio.run(_measure(turns, folder))
    name = "the local server's key check"
    yield Ratio(name, ours, "a constant answer", peer, "requests/s", 0.8, at_least=True)


class _Constant(app.Api):
    """Checks nothing and looks nothing up."""

    async def get_account(self, request: Request) -> Response:
        return Response(_ANSWER, 200, {}, "application/json")


class ServerStuckError(Exception):
    """The server did not start, answer or end in time."""


@asynccontextmanager
async def _within(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        raise ServerStuckError(f"{what}: {type(error).__name__} within {seconds:g} s") from error


@asynccontextmanager
async def _started(folder: Path, *, constant: bool) -> AsyncIterator[_Asked]:
    argv = [sys.executable, "-m", "tests.bench.server", "--serve", str(folder), str(constant)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with _within(START_S, "the server did not say its port"):
            port, _, key = (await process.stdout.readuntil(b"\n")).decode().partition(" ")
        yield _Asked(int(port), key.strip())
        # `communicate` without input leaves this open, and the server waits for its end.
        process.stdin.close()
        async with _within(END_S, "the server did not end"):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _measure(turns: int, folder: Path) -> tuple[list[float], list[float]]:
    """The rates of each turn: with the check, and without."""
    ours: list[float] = []
    peer: list[float] = []
    async with (
        _started(folder / "checked", constant=False) as checked,
        _started(folder / "constant", constant=True) as constant,
    ):
        await checked.rate(AT_ONCE * 50)
        await constant.rate(AT_ONCE * 50)
        for _ in range(turns):
            spent = {checked: 0.0, constant: 0.0}
            for each in (checked, constant, constant, checked) * (SLICES // 2):
                spent[each] += SLICE / await each.rate(SLICE)
            ours.append(SLICE * SLICES / spent[checked])
            peer.append(SLICE * SLICES / spent[constant])
    return ours, peer


class _Asked:
    """A server that runs, and a key of it."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._request = (
            f"GET /v1/account HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {key}\r\n\r\n"
        ).encode()

    async def rate(self, count: int) -> float:
        """Ask so often; answers a second."""
        started = time.perf_counter()
        async with _within(ANSWERS_S, "the answers did not come"):
            await asyncio.gather(*(self._ask(count // AT_ONCE) for _ in range(AT_ONCE)))
        return count / (time.perf_counter() - started)

    async def _ask(self, count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for _ in range(count):
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
        finally:
            writer.close()


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
