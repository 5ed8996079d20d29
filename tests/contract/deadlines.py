"""Deadlines that come when a server has the request, however busy the machine is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest

from pulsapi_tui.api import _http
from tests.contract.support import Request, Script, Wire

_ROUNDS = 50
"""Turns of the event loop in which what was sent arrives."""


class Deadlines:
    """Takes the place of `asyncio.timeout` for the exchanges of a test, one at a time."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        """The seconds that each exchange was given."""
        self._last = asyncio.Timeout(None)

    def timeout(self, delay_s: float) -> asyncio.Timeout:
        """One that comes by `come` alone."""
        self.asked_s.append(delay_s)
        self._last = asyncio.timeout(None)
        return self._last

    async def come(self) -> None:
        """Let the time of the exchange that is under way be up."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        # It may have ended by itself.
        with suppress(RuntimeError):
            self._last.reschedule(asyncio.get_running_loop().time())

    def within(self, script: Script) -> Script:
        """The script, in the middle of which the time is up."""

        async def cut_short(request: Request, wire: Wire) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.come())
                await script(request, wire)

        return cut_short


def patched(monkeypatch: pytest.MonkeyPatch) -> Deadlines:
    """The deadlines of all exchanges from now on."""
    made = Deadlines()
    ours = SimpleNamespace(**{**vars(asyncio), "timeout": made.timeout})
    monkeypatch.setattr(_http, "asyncio", ours)
    return made
