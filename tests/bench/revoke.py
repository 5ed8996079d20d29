"""Revoking 1,000 keys at 20 ms of latency, against bare sockets, as many as serve best.

Alone: `python -m tests.bench.revoke`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.revoke import revoke_keys
from pulsapi_tui.wiring.clock import SystemClock
from tests.bench.alone import run_alone
from tests.bench.many_keys import many_keys
from tests.bench.quick_server import serving
from tests.bench.ratio import Ratio

KEYS = 1_000
LATENCY_MS = 20
AT_ONCE = (8, 16, 24, 32)
"""The sockets that are tried; the best of them is the peer. More of them no server has to bear."""


def ratios(turns: int, folder: Path) -> Iterator[Ratio]:
    """The one row."""
    ours, peer = [], []
    with serving(10, LATENCY_MS) as port:
        for _ in range(turns):
            ours.append(asyncio.run(_own(f"http://127.0.0.1:{port}")))
            peer.append(min(asyncio.run(_bare(port, at_once)) for at_once in AT_ONCE))
    name = "bulk revoke of 1,000 at 20 ms"
    yield Ratio(name, ours, "bare sockets", peer, "ms", 2.0)


async def _own(url: str) -> float:
    client = PulsApiClient(url, Secret("local_" + "0" * 49), SystemClock())
    account = await client.account()
    started = time.perf_counter()
    outcomes = await revoke_keys(many_keys(KEYS), account=account, service=client)
    took = time.perf_counter() - started
    assert all(outcome.is_dead for outcome in outcomes)
    await client.aclose()
    return took * 1000


async def _bare(port: int, at_once: int) -> float:
    key_ids = iter([key.id for key in many_keys(KEYS)])

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for key_id in key_ids:
            writer.write(f"DELETE /v1/api-keys/{key_id} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    run_alone(ratios)
