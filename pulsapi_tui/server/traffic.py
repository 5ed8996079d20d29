"""The demo's integrations: real HTTP calls with some of the keys, so that Last Used moves.

An integration whose key was revoked goes on trying, at a slower pace, as real ones do.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

SLOWED_DOWN = 3
CALL_DEADLINE_S = 5.0
_PATH = "/v1/services"


@dataclass(frozen=True)
class Integration:
    """Somebody's program: its key's name, the key itself, and its pace."""

    name: str
    secret: str = field(repr=False)
    calls_every_s: float


StatusChanged = Callable[[str, int], None]


async def run_traffic(
    port: int, integrations: tuple[Integration, ...], on_status: StatusChanged
) -> None:
    """Call until cancelled. `on_status` gets (key name, status) when one is not what it was.

    What an integration had before its first call is taken to be 200.
    """
    async with asyncio.TaskGroup() as group:
        for integration in integrations:
            group.create_task(_run(port, integration, on_status))


async def _run(port: int, integration: Integration, on_status: StatusChanged) -> None:
    known_status = 200
    while True:
        pace = 1 if known_status == 200 else SLOWED_DOWN
        await asyncio.sleep(integration.calls_every_s * pace)
        status = await call(port, integration.secret)
        if status is not None and status != known_status:
            known_status = status
            on_status(integration.name, status)


async def call(port: int, secret: str) -> int | None:
    """One request's status, or None where no answer came."""
    with suppress(OSError, TimeoutError, ValueError, IndexError):
        async with asyncio.timeout(CALL_DEADLINE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(
                    f"GET {_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                    f"Authorization: Bearer {secret}\r\nUser-Agent: demo-traffic\r\n"
                    "Connection: close\r\n\r\n".encode("ascii")
                )
                answer = await reader.read()
            finally:
                writer.close()
            return int(answer.split(b" ", 2)[1])
    return None
