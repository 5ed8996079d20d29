"""The demo's integrations: real HTTP calls with some of the keys, so that Last Used moves.

An integration whose key was revoked goes on trying, at a slower pace, as real ones do.
"""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SLOWED_DOWN = 3
RELOADS_EVERY_S = 20.0
"""So often an integration with an env file reads it again, as if it was restarted."""

VARIABLE = "PULSAPI_API_KEY"
CALL_DEADLINE_S = 5.0
_PATH = "/v1/services"


@dataclass(frozen=True)
class Integration:
    """Somebody's program: its key's name, the key itself, and its pace."""

    name: str
    secret: str = field(repr=False)
    calls_every_s: float
    env_file: Path | None = None
    """Where its key is read from, again and again; None where it has its key for good."""


def write_env_file(path: Path, name: str, secret: str) -> None:
    """Make the env file of an integration."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(
        f"# {name}\n{VARIABLE}={secret}\nPULSAPI_WINDOW=30d  # of the report\n", encoding="utf-8"
    )


def read_env_file(path: Path) -> str | None:
    """The key in an env file; None where it can't be read."""
    with suppress(OSError, UnicodeDecodeError):
        found = re.findall(rf"(?m)^{VARIABLE}=['\"]?([^'\"\s]+)", path.read_text(encoding="utf-8"))
        return str(found[-1]) if found else None
    return None


StatusChanged = Callable[[str, int], None]
Reloaded = Callable[[str], None]


async def run_traffic(
    port: int,
    integrations: tuple[Integration, ...],
    on_status: StatusChanged,
    on_reload: Reloaded,
    reloads_every_s: float = RELOADS_EVERY_S,
) -> None:
    """Call until cancelled. `on_status` gets (key name, status) when one is not what it was.

    What an integration had before its first call is taken to be 200. `on_reload` gets the name of
    an integration whose env file had another key.
    """
    async with asyncio.TaskGroup() as group:
        for integration in integrations:
            group.create_task(_run(port, integration, on_status, on_reload, reloads_every_s))


async def _run(
    port: int,
    integration: Integration,
    on_status: StatusChanged,
    on_reload: Reloaded,
    reloads_every_s: float,
) -> None:
    known_status = 200
    secret = integration.secret
    reloaded_at = time.monotonic()
    while True:
        pace = 1 if known_status == 200 else SLOWED_DOWN
        await asyncio.sleep(integration.calls_every_s * pace)
        is_time = time.monotonic() - reloaded_at >= reloads_every_s or known_status != 200
        if integration.env_file is not None and is_time:
            reloaded_at = time.monotonic()
            found = read_env_file(integration.env_file)
            if found is not None and found != secret:
                secret = found
                on_reload(integration.name)
        status = await call(port, secret)
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
