"""The misbehaving server, and real clients on it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.ports import RetryNotice
from pulsapi_tui.domain.secret import Secret
from tests.contract.certificates import Certificates, make_certificates
from tests.contract.deadlines import Deadlines, patched
from tests.contract.support import CANARY, FakeClock, RawServer


class MakeClient(Protocol):
    """Makes a client on a server, closed after the test."""

    def __call__(self, base_url: str | None = None, *, deadline_s: float = 20.0) -> PulsApiClient:
        """Without an address, on `raw_server`."""
        ...


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    async with RawServer().listening() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def notices() -> list[RetryNotice]:
    """What the client said of its retries."""
    return []


@pytest.fixture
async def make_client(
    raw_server: RawServer, clock: FakeClock, notices: list[RetryNotice]
) -> AsyncIterator[MakeClient]:
    async with contextlib.AsyncExitStack() as stack:

        def make(base_url: str | None = None, *, deadline_s: float = 20.0) -> PulsApiClient:
            client = PulsApiClient(
                base_url or raw_server.base_url,
                Secret(CANARY),
                clock,
                retrying=notices.append,
                deadline_s=deadline_s,
                rng=random.Random(1),  # noqa: S311
            )
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> Deadlines:
    """Every exchange of the test has such a deadline, and no other one."""
    return patched(monkeypatch)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))
