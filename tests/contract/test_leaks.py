"""No failure shows a secret: not in an error, not in what it drags along, not in a log."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.errors import ConnectError, CredentialError, NetworkError, PulsapiError
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from tests.contract.certificates import Certificates
from tests.contract.conftest import MakeClient
from tests.contract.deadlines import Deadlines
from tests.contract.support import (
    ACCOUNT,
    CANARY,
    MINTED,
    FakeClock,
    RawServer,
    Script,
    bytes_of,
    cut,
    head,
    minted,
    page,
    printed,
    spellings,
    then_stall,
    trickled,
    whole,
)
from tests.contract.taps import Tap, answering

Call = Callable[[PulsApiClient], Awaitable[object]]

CALLS: dict[str, Call] = {
    "account": lambda client: client.account(),
    "list": lambda client: client.list_keys(),
    "services": lambda client: client.services(),
    "revoke": lambda client: client.revoke_key("key_1"),
    "create": lambda client: client.create_key("CI", "request-1", 1),
}

ANSWER = bytes_of(201, json.dumps(minted()).encode())
ECHO = f"you sent Authorization: Bearer {CANARY} and got {MINTED}"
LOGGERS = (
    None,
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "h11",
    "asyncio",
)

FAILURES: dict[str, Script] = {
    "cut at once": cut(b""),
    "reset at once": cut(b"", rst=True),
    "cut in the body": cut(ANSWER[:-2]),
    "reset in the body": cut(ANSWER[:-2], rst=True),
    "cut in the status line": cut(b"HTTP/1.1 20"),
    "no HTTP": cut(f"{ECHO}\r\n\r\n".encode()),
    "a bad status line": cut(f"HTTP/1.1 {MINTED} X\r\n\r\n".encode()),
    "a bad header": cut(f"HTTP/1.1 200 OK\r\n{ECHO}\x00\r\n\r\n".encode()),
    "stalled": then_stall(ANSWER[:-2]),
    "trickled": trickled(head(200, "Content-Length: 999999"), b" "),
    "interim answers": trickled(b"", head(100)),
    "no JSON": whole(201, ECHO.encode()),
    "cut JSON": whole(201, json.dumps(minted()).encode()[:-2]),
    "a wrong type": whole(201, minted(id=5)),
    "a wrong time": whole(201, minted(created_at="0001-01-01T00:00:00+14:00")),
    "a secret that no header carries": whole(201, minted(key=MINTED + "\n")),
    "invalid UTF-8": whole(201, json.dumps(minted()).encode() + b"\xff"),
    "invalid UTF-8 in a string": whole(201, json.dumps(minted()).encode().replace(b"CI", b"\xff")),
    "nested deep": whole(201, json.dumps(minted()).encode()[:-1] + b',"x":' + b"[" * 200_000),
    "another success": whole(202, minted()),
    "compressed": whole(201, json.dumps(minted()).encode(), "Content-Encoding: gzip"),
    "a header of its own": whole(418, b"", f"X-Echo: {ECHO}", f"Location: /?key={CANARY}"),
    "a redirect with an echo": whole(302, b"", f"Location: https://evil.example/?{CANARY}"),
    "a redirect": whole(307, b"", "Location: https://evil.example/"),
    **{
        f"{status} with an echo": whole(status, {"title": ECHO, "x": ECHO, "type": ECHO})
        for status in (400, 401, 402, 403, 404, 409, 422, 429, 500, 503)
    },
    **{
        f"{status} with an echo that is no JSON": whole(status, ECHO.encode())
        for status in (400, 401, 422, 503)
    },
}

ENDLESS = frozenset({"stalled", "trickled", "interim answers"})
"""Those that only a deadline ends."""


@pytest.fixture
async def every_log(
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[pytest.LogCaptureFixture]:
    """Every logger at DEBUG, as the root logger's handlers would see them."""
    caplog.handler.setLevel(logging.NOTSET)
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(
        f"{record.name} {record.getMessage()} {record.__dict__}" for record in caplog.records
    )


def _assert_hidden(text: str) -> None:
    for secret in (CANARY, MINTED):
        for spelling in spellings(secret):
            assert spelling not in text


def test_the_search_knows_a_secret_in_each_of_its_spellings() -> None:
    """The leak tests are worth what this is worth."""
    for shift in range(3):
        text = base64.b64encode(b"?" * shift + CANARY.encode() + b"??").decode()
        assert any(spelling in text for spelling in spellings(CANARY))
    assert CANARY.encode().hex() in spellings(CANARY)
    error = ValueError("no secret here")
    assert CANARY not in printed(error)
    error.__context__ = KeyError(CANARY)
    assert CANARY in printed(error)
    error.__context__ = None
    error.add_note(MINTED)
    assert MINTED in printed(error)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", FAILURES)
async def test_no_error_and_no_log_line_shows_a_secret(
    raw_server: RawServer,
    make_client: MakeClient,
    every_log: pytest.LogCaptureFixture,
    deadlines: Deadlines,
    failure: str,
    call: str,
) -> None:
    script = FAILURES[failure]
    raw_server.will(deadlines.within(script) if failure in ENDLESS else script)
    async with asyncio.timeout(20):
        with pytest.raises(PulsapiError) as caught:
            await CALLS[call](make_client())
    assert raw_server.requests
    for request in raw_server.requests:
        assert request.headers["authorization"] == f"Bearer {CANARY}"
    report = traceback.format_exception(caught.value)
    _assert_hidden(printed(caught.value))
    _assert_hidden("".join(report))
    logged = _logged(every_log)
    # The loggers were heard: the search was not in an empty room.
    assert "asyncio" in logged
    _assert_hidden(logged)


async def test_a_success_logs_no_secret(
    raw_server: RawServer, make_client: MakeClient, every_log: pytest.LogCaptureFixture
) -> None:
    raw_server.will(whole(200, ACCOUNT), whole(200, page()), whole(201, minted()), whole(204))
    client = make_client()
    await client.account()
    await client.list_keys()
    created = await client.create_key("CI", "request-1", 1)
    await client.revoke_key("key_1")
    assert created.secret.reveal() == MINTED
    logged = _logged(every_log)
    assert "asyncio" in logged
    _assert_hidden(logged)
    _assert_hidden(repr(created))


@pytest.mark.parametrize("spoilt", [f"{CANARY}\n", f"{CANARY}\r\nX: y", f"{CANARY} ", f"{CANARY}é"])
async def test_a_key_that_can_t_be_sent_is_refused_before_httpx_prints_it(
    raw_server: RawServer, every_log: pytest.LogCaptureFixture, spoilt: str
) -> None:
    with pytest.raises(PulsapiError) as caught:
        PulsApiClient(raw_server.base_url, Secret(spoilt), FakeClock())
    _assert_hidden(printed(caught.value))
    _assert_hidden(_logged(every_log))
    assert raw_server.connections == 0


@pytest.mark.parametrize("spoilt", [f"{CANARY}\n", f"{CANARY}\r\nX: y", f"{CANARY}é"])
@pytest.mark.parametrize("call", ["services", "sign_in"])
async def test_another_key_that_can_t_be_sent_is_refused_too(
    raw_server: RawServer,
    make_client: MakeClient,
    every_log: pytest.LogCaptureFixture,
    spoilt: str,
    call: str,
) -> None:
    """It may have been read from a file that somebody edited."""
    with pytest.raises(CredentialError) as caught:
        await getattr(make_client(), call)(Secret(spoilt))
    _assert_hidden(printed(caught.value))
    _assert_hidden(_logged(every_log))
    assert raw_server.connections == 0


async def test_a_server_that_is_not_there_shows_no_secret(
    make_client: MakeClient, every_log: pytest.LogCaptureFixture
) -> None:
    async with RawServer().listening() as gone:
        base_url = gone.base_url
    with pytest.raises(PulsapiError) as caught:
        await make_client(base_url).account()
    _assert_hidden(printed(caught.value))
    _assert_hidden(_logged(every_log))


PROXY_ANSWERS = {
    "refuses": f"HTTP/1.1 407 {MINTED}\r\nX-Echo: {ECHO}\r\nContent-Length: 0\r\n\r\n",
    "sends elsewhere": f"HTTP/1.1 302 X\r\nLocation: https://evil.test/?{MINTED}\r\n\r\n",
    "is none": f"{ECHO}\r\n\r\n",
    "has a bad header": f"HTTP/1.1 200 OK\r\n{ECHO}\x00\r\n\r\n",
    "makes a way to nowhere": f"HTTP/1.1 200 {MINTED}\r\nX-Echo: {ECHO}\r\n\r\n",
    "goes away": "",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", PROXY_ANSWERS)
async def test_a_proxy_that_fails_shows_no_secret(
    answer: str, call: str, every_log: pytest.LogCaptureFixture
) -> None:
    async with Tap(answering(PROXY_ANSWERS[answer].encode())).listening() as proxy:
        network = Network(proxy=f"http://127.0.0.1:{proxy.port}")
        client = PulsApiClient("https://pulsapi.test", Secret(CANARY), FakeClock(), network=network)
        with pytest.raises(ConnectError) as caught:
            await CALLS[call](client)
        _assert_hidden(repr(vars(client)))
        await client.aclose()
        assert b"CONNECT" in proxy.heard
    _assert_hidden(printed(caught.value) + "".join(traceback.format_exception(caught.value)))
    logged = _logged(every_log)
    assert "asyncio" in logged
    _assert_hidden(logged)


@pytest.mark.parametrize("kind", ["right", "expired", "another name", "signed by itself"])
async def test_tls_shows_no_secret(
    kind: str, certificates: Certificates, every_log: pytest.LogCaptureFixture
) -> None:
    """Where it can't be made, and where the answer is then lost in it."""
    context = certificates.right if kind == "right" else certificates.wrong[kind]
    async with RawServer().listening(tls=context) as server:
        server.will(cut(ANSWER[:-2]))
        client = PulsApiClient(
            server.base_url, Secret(CANARY), FakeClock(), network=certificates.network
        )
        for call in CALLS.values():
            with pytest.raises(NetworkError) as caught:
                await call(client)
            assert caught.value.may_have_acted is (kind == "right")
            _assert_hidden(
                printed(caught.value) + "".join(traceback.format_exception(caught.value))
            )
        await client.aclose()
    logged = _logged(every_log)
    assert "asyncio" in logged
    _assert_hidden(logged)


def test_a_client_shows_no_secret(certificates: Certificates) -> None:
    network = Network(certificates.ca_file, "https://127.0.0.1:9")
    for base_url, way in (("http://127.0.0.1:9", None), ("https://pulsapi.test", network)):
        client = PulsApiClient(base_url, Secret(CANARY), FakeClock(), network=way)
        transport = vars(client)["_transport"]
        route = vars(transport)["_route"]
        _assert_hidden(repr(client) + repr(vars(client)) + repr(vars(transport)) + repr(route))
