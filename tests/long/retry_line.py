"""A client on a server that answers as it is told, by a clock that jumps; all is seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.refresh import Snapshot
from tests.contract.support import CANARY, RawServer, Request, Wire, cut
from tests.long.skipping_loop import Exchanges, LoopClock, run_skipping


class Sent(NamedTuple):
    """A request, as the server saw it."""

    method: str
    at_s: float


class Line:
    """A client on a server, and all that came to it."""

    def __init__(self, server: RawServer, exchanges: Exchanges, seed: int) -> None:
        self.server = server
        self.clock = LoopClock()
        self.sent: list[Sent] = []
        self._exchanges = exchanges
        self.client = PulsApiClient(
            server.base_url,
            Secret(CANARY),
            self.clock,
            rng=random.Random(seed),  # noqa: S311  # jitter, no secret
        )

    def will(self, answer: Callable[[Request], bytes | None]) -> None:
        """Answer by that, from now on; None is a stall."""

        async def script(request: Request, wire: Wire) -> None:
            self.sent.append(Sent(request.method, self.clock.monotonic()))
            data = answer(request)
            if data is None:
                with self._exchanges.stalling():
                    # Until the client has had enough.
                    await wire.reader.read()
                wire.close()
            elif data:
                await wire.send(data)
            else:
                await cut(b"", rst=True)(request, wire)

        self.server.will(script)


class Observer:
    """Counts what a feed says."""

    def __init__(self, enough: int = 0) -> None:
        self.failures = 0
        self.loads = 0
        self.failed_at: list[float] = []
        self.done = asyncio.Event()
        self._enough = enough

    def account_seen(self, account: Account) -> None:
        """It is known."""

    def reading(self) -> None:
        pass

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        """Some of it is."""

    def loaded(self, snapshot: Snapshot) -> None:
        """All of it is."""
        self.loads += 1

    def failed(self, error: PulsapiError, next_try_s: float | None) -> None:
        """None of it is."""
        self.failures += 1
        self.failed_at.append(asyncio.get_running_loop().time())
        if self.failures == self._enough or next_try_s is None:
            self.done.set()


def skipping(main: Callable[[Line], Awaitable[None]], seed: int) -> Line:
    """Run it with a line of its own, on a loop of its own."""
    exchanges = Exchanges()

    async def run() -> Line:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(RawServer().listening())
            line = Line(server, exchanges, seed)
            stack.push_async_callback(line.client.aclose)
            await main(line)
            return line

    with exchanges.counted():
        return run_skipping(run(), lambda: exchanges.only_wait)
