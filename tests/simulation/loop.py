"""Time that jumps: an event loop that never waits, and everything random or timed by its seed.

Where nothing is ready, time goes on to the next timer at once. There are no threads (what would be
done in one is done on the spot) and no sockets: a connection is asked of `connect`. So everything
happens in one order, and a seed replays it.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import selectors
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Connect = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[tuple[Any, Any]]]
"""What `loop.create_connection` is for a client."""


class StuckError(AssertionError):
    """Everything waits, and nothing will ever come."""


class _Selector(selectors.SelectSelector):
    """Looks at no file: it is asked once for each turn of the loop, and how long it may wait."""

    def __init__(self, pass_time: Callable[[float | None], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[Any]:
        self._pass_time(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; `turns` counts how often it went round."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.turns = 0
        self.on_turn: Callable[[], None] | None = None
        self.connect: Connect | None = None
        super().__init__(_Selector(self._pass_time))

    def _pass_time(self, timeout: float | None) -> None:
        if timeout is None:
            raise StuckError("every-operation-ends: all wait, and nothing is going to come")
        self._now_s += max(0.0, timeout)
        self.turns += 1
        if self.on_turn is not None:
            self.on_turn()

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Do it now: a thread would come in at a moment of its own."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    async def create_connection(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *where: Any, **options: Any
    ) -> tuple[Any, Any]:
        """Connect to the one server that there is."""
        if self.connect is None:
            raise ConnectionRefusedError
        return await self.connect(protocol_factory)


class VirtualClock:
    """The loop's time, as the flows ask for it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self._loop.time())

    def epoch_s(self) -> float:
        """As the server's store asks for it."""
        return BEGIN.timestamp() + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextmanager
def seeded(loop: VirtualLoop, rng: random.Random) -> Iterator[None]:
    """Keys, ids and the age of connections by the seed and the loop; and no waiting for the disk.

    Cuts of the power are not simulated here, so nothing depends on what was synced.
    """

    def token_bytes(count: int | None = None) -> bytes:
        return rng.randbytes(32 if count is None else count)

    with (
        mock.patch.object(secrets, "token_bytes", token_bytes),
        mock.patch.object(time, "monotonic", loop.time),
        mock.patch.object(os, "fsync", return_value=None),
    ):
        yield
