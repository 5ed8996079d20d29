"""What comes after an answer is never taken for the answer to the next request."""

from __future__ import annotations

import json

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.errors import UnavailableError
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from tests.contract.certificates import Certificates
from tests.contract.support import (
    CANARY,
    KEY,
    FakeClock,
    RawServer,
    Request,
    Script,
    Wire,
    bytes_of,
    page,
    whole,
)

GHOST = b"HTTP/1.1 204 No Content\r\n\r\n"
LIST = bytes_of(200, json.dumps(page(KEY)).encode())


def followed_by(*more: bytes) -> Script:
    """Answer, and write more at once; the connection stays open."""

    async def script(request: Request, wire: Wire) -> None:
        for data in (LIST, *more):
            wire.writer.write(data)
        await wire.writer.drain()

    return script


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, certificates: Certificates) -> Certificates | None:
    return certificates if request.param == "https" else None


def _client(server: RawServer, tls: Certificates | None) -> PulsApiClient:
    network = tls.network if tls is not None else Network()
    return PulsApiClient(server.base_url, Secret(CANARY), FakeClock(), network=network)


@pytest.mark.parametrize("more", [GHOST, GHOST[:1], GHOST[:-1], GHOST + LIST, b"\r\n"])
async def test_a_revoke_is_not_claimed_by_what_came_before_it(
    tls: Certificates | None, more: bytes
) -> None:
    """Neither in the buffer of HTTP nor, as a record of its own, in that of TLS."""
    async with RawServer().listening(tls=tls.right if tls else None) as server:
        server.will(followed_by(more), whole(500))
        client = _client(server, tls)
        await client.list_keys()
        with pytest.raises(UnavailableError):
            await client.revoke_key("key_1")
        await client.aclose()
    assert [request.method for request in server.requests] == ["GET", *["DELETE"] * 3]
    assert server.connections == 2


async def test_a_connection_without_leftovers_is_used_again(tls: Certificates | None) -> None:
    async with RawServer().listening(tls=tls.right if tls else None) as server:
        server.will(whole(200, page(KEY)), whole(200, page(KEY)), whole(204))
        client = _client(server, tls)
        await client.list_keys()
        await client.list_keys()
        await client.revoke_key("key_1")
        await client.aclose()
    assert server.connections == 1
