"""The real client against a server that breaks every rule."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urlsplit

import pytest

from pulsapi_tui.api import client as client_module
from pulsapi_tui.api._http import MAX_AT_ONCE, MAX_BODY_BYTES, Transport
from pulsapi_tui.api._retry import MAX_TRIES
from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.ports import RetryNotice
from pulsapi_tui.domain.secret import Secret
from tests.contract.conftest import MakeClient
from tests.contract.deadlines import Deadlines
from tests.contract.support import (
    ACCOUNT,
    CANARY,
    KEY,
    MINTED,
    FakeClock,
    RawServer,
    Request,
    Script,
    Wire,
    bytes_of,
    cut,
    head,
    listed_key,
    minted,
    page,
    then_stall,
    trickled,
    whole,
)

Call = Callable[[PulsApiClient], Awaitable[object]]

CALLS: dict[str, tuple[Call, int]] = {
    "account": (lambda client: client.account(), MAX_TRIES),
    "list": (lambda client: client.list_keys(), MAX_TRIES),
    "services": (lambda client: client.services(), MAX_TRIES),
    "revoke": (lambda client: client.revoke_key("key_1"), MAX_TRIES),
    "create": (lambda client: client.create_key("CI", "request-1", 1), 1),
}
REPEATED = [call for call in CALLS if call != "create"]
EVERY_CALL = pytest.mark.parametrize("call", CALLS)

PAGE = bytes_of(200, json.dumps(page(KEY)).encode())


# What is sent


async def test_every_request_carries_the_key_and_asks_for_no_compression(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(
        whole(200, ACCOUNT),
        whole(200, page(KEY)),
        whole(201, minted()),
        whole(204),
        whole(200, {"data": [], "next_cursor": None}),
    )
    client = make_client()
    assert client.origin == raw_server.base_url
    assert (await client.account()).id == "acct_1"
    assert (await client.list_keys()).keys == (listed_key(),)
    created = await client.create_key("CI", "request-1", 2)
    assert created.secret.reveal() == MINTED
    await client.revoke_key("a/../b c?é%")
    assert await client.services() == ()
    assert [(request.method, request.target) for request in raw_server.requests] == [
        ("GET", "/v1/account"),
        ("GET", "/v1/api-keys?limit=1000"),
        ("POST", "/v1/api-keys"),
        ("DELETE", "/v1/api-keys/a%2F..%2Fb%20c%3F%C3%A9%25"),
        ("GET", "/v1/services"),
    ]
    for request in raw_server.requests:
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["user-agent"].startswith("pulsapi-tui/")
        assert CANARY not in request.target
    create = raw_server.requests[2]
    assert json.loads(create.body) == {"name": "CI"}
    assert create.headers["content-type"] == "application/json"
    assert create.headers["idempotency-key"] == "request-1"
    assert create.headers["idempotency-attempt"] == "2"
    assert raw_server.connections == 1


async def test_an_environment_proxy_gets_nothing(
    raw_server: RawServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RawServer().listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url)
        raw_server.will(whole(200, ACCOUNT))
        await make_client().account()
        assert proxy.connections == 0


async def test_no_more_requests_at_once_than_the_limit(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    under_way = 0
    most = 0
    full = asyncio.Event()

    async def slow(request: Request, wire: Wire) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == MAX_AT_ONCE:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        under_way -= 1
        await wire.send(bytes_of(204))

    raw_server.will(slow)
    client = make_client()
    await asyncio.gather(*(client.revoke_key(f"k{n}") for n in range(4 * MAX_AT_ONCE)))
    assert most == MAX_AT_ONCE
    assert raw_server.connections <= MAX_AT_ONCE


# Answers that end too early

CUTS: dict[str, bytes] = {
    "before the answer": b"",
    "within the status line": b"HTTP/1.1 20",
    "within the headers": head(200)[:-2] + b"Content-Type: appl",
    "after the headers": head(200, "Content-Length: 100"),
    "within the body": PAGE[:-10],
    "within a chunk": head(200, "Transfer-Encoding: chunked") + b"ff\r\nabc",
    "before the last chunk": head(200, "Transfer-Encoding: chunked") + b"3\r\nabc\r\n",
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.2\r\n",
    "headers without an end": head(200)[:-2] + b"X: " + b"x" * 300_000,
}


@EVERY_CALL
@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("where", CUTS)
async def test_an_answer_that_is_cut_is_lost(
    raw_server: RawServer, make_client: MakeClient, where: str, rst: bool, call: str
) -> None:
    raw_server.will(cut(CUTS[where], rst=rst))
    send, tries = CALLS[call]
    with pytest.raises(errors.AnswerLostError, match="was cut before its answer") as caught:
        await send(make_client())
    assert caught.value.may_have_acted
    assert len(raw_server.requests) == tries


@EVERY_CALL
async def test_no_server_at_all(make_client: MakeClient, call: str) -> None:
    async with RawServer().listening() as gone:
        base_url = gone.base_url
    with pytest.raises(errors.ConnectError, match="can't be reached") as caught:
        await CALLS[call][0](make_client(base_url))
    assert not caught.value.may_have_acted


async def test_an_idle_connection_that_the_server_closed_is_replaced(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(cut(bytes_of(201, json.dumps(minted()).encode())))
    client = make_client()
    for attempt in range(1, 6):
        assert (await client.create_key("CI", "r", attempt)).key.id == "key_1"
        # Let the end of the connection arrive.
        await asyncio.sleep(0.01)
    assert len(raw_server.requests) == 5


# Answers that do not end

ENDLESS: dict[str, Script] = {
    "no answer": then_stall(b""),
    "half a header": then_stall(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": then_stall(PAGE[:-10]),
    "a trickled header": trickled(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "a trickled body": trickled(head(200, "Content-Length: 1000000"), b" "),
    "trickled chunks": trickled(head(200, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "a body without a length": trickled(head(200), b" "),
    "a flood of 100": trickled(b"", head(100)),
    "a flood of 103": trickled(b"", head(103, "Link: x") * 20),
}


@pytest.mark.parametrize("how", ENDLESS)
async def test_every_exchange_ends_by_its_deadline(
    raw_server: RawServer, make_client: MakeClient, deadlines: Deadlines, how: str
) -> None:
    raw_server.will(deadlines.within(ENDLESS[how]))
    async with asyncio.timeout(20):
        with pytest.raises(errors.AnswerLostError, match="did not answer within 7 s"):
            await make_client(deadline_s=7.0).create_key("CI", "r", 1)
    assert len(raw_server.requests) == 1
    assert deadlines.asked_s == [7.0]


async def test_a_deadline_comes_by_the_clock(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(then_stall(b""))
    async with asyncio.timeout(20):
        with pytest.raises(errors.NetworkError):
            await make_client(deadline_s=0.1).create_key("CI", "r", 1)


@pytest.mark.parametrize("call", REPEATED)
async def test_each_try_has_a_deadline_of_its_own(
    raw_server: RawServer, make_client: MakeClient, deadlines: Deadlines, call: str
) -> None:
    raw_server.will(deadlines.within(then_stall(b"")))
    async with asyncio.timeout(20):
        with pytest.raises(errors.AnswerLostError):
            await CALLS[call][0](make_client(deadline_s=7.0))
    assert len(raw_server.requests) == MAX_TRIES
    assert deadlines.asked_s == [7.0] * MAX_TRIES


async def test_a_server_that_accepts_nobody_is_not_waited_for(make_client: MakeClient) -> None:
    """Connections wait in the kernel's queue and nobody reads them."""
    idle = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    async with idle:
        port = idle.sockets[0].getsockname()[1]
        idle.close()
        async with asyncio.timeout(20):
            with pytest.raises(errors.NetworkError):
                await make_client(f"http://127.0.0.1:{port}", deadline_s=0.1).account()


# Answers that are too much


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-gzip", "identity, gzip", "?"])
async def test_a_compressed_answer_is_refused(
    raw_server: RawServer, make_client: MakeClient, encoding: str
) -> None:
    body = gzip.compress(json.dumps(ACCOUNT).encode())
    raw_server.will(whole(200, body, f"Content-Encoding: {encoding}"))
    with pytest.raises(errors.BadAnswerError, match="compressed"):
        await make_client().account()


async def test_a_bomb_is_never_unpacked(
    raw_server: RawServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(*_: object) -> None:
        raise AssertionError("unpacked")

    body = gzip.compress(bytes(64 * 1024 * 1024))
    monkeypatch.setattr(zlib, "decompressobj", unpack)
    raw_server.will(whole(200, body, "Content-Encoding: gzip"))
    with pytest.raises(errors.BadAnswerError, match="compressed"):
        await make_client().account()


@pytest.mark.parametrize(
    "start", [head(200, f"Content-Length: {10**12}"), head(200)], ids=["with length", "without"]
)
async def test_a_body_over_the_cap_is_refused_before_it_is_decoded(
    raw_server: RawServer, make_client: MakeClient, start: bytes
) -> None:
    sent = 0

    async def flood(request: Request, wire: Wire) -> None:
        nonlocal sent
        await wire.send(start + b"[")
        while True:
            await wire.send(b" " * 65536)
            sent += 65536

    raw_server.will(flood)
    with pytest.raises(errors.BadAnswerError, match="larger than any answer"):
        await make_client().account()
    # What is over the cap is what lay in the buffers.
    assert sent < MAX_BODY_BYTES + 32 * 1024 * 1024
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize("over", [0, 1])
async def test_the_cap_is_exact(raw_server: RawServer, make_client: MakeClient, over: int) -> None:
    body = json.dumps(ACCOUNT).encode()
    raw_server.will(whole(200, body + b" " * (MAX_BODY_BYTES - len(body) + over)))
    if over:
        with pytest.raises(errors.BadAnswerError, match="larger"):
            await make_client().account()
    else:
        assert (await make_client().account()).id == "acct_1"


# Redirects


@EVERY_CALL
@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_a_redirect_is_not_followed_and_the_other_server_gets_no_byte(
    raw_server: RawServer, make_client: MakeClient, status: int, call: str
) -> None:
    async with RawServer().listening() as thief:
        thief.will(whole(200, ACCOUNT))
        raw_server.will(whole(status, b"", f"Location: {thief.base_url}/v1/account"))
        with pytest.raises(errors.RedirectError, match="not followed") as caught:
            await CALLS[call][0](make_client())
        assert (thief.connections, thief.bytes_seen) == (0, 0)
    assert caught.value.may_have_acted
    assert len(raw_server.requests) == 1


async def test_a_redirect_to_itself_is_not_followed_either(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(whole(302, b"", "Location: /v1/account"), whole(200, ACCOUNT))
    with pytest.raises(errors.RedirectError):
        await make_client().account()
    assert len(raw_server.requests) == 1


# Answers that mean something else


@EVERY_CALL
@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 206, 226])
async def test_another_success_than_the_contract_s_is_no_success(
    raw_server: RawServer, make_client: MakeClient, status: int, call: str
) -> None:
    expected = {"create": 201, "revoke": 204}.get(call, 200)
    raw_server.will(whole(status, b"" if status in {204, 205} else b"{}"))
    if call == "revoke" and status == expected:
        await CALLS[call][0](make_client())
        return
    with pytest.raises(errors.BadAnswerError) as caught:
        await CALLS[call][0](make_client())
    assert caught.value.may_have_acted
    assert len(raw_server.requests) == 1


@EVERY_CALL
@pytest.mark.parametrize("status", [101, 304])
async def test_a_status_that_was_not_asked_for_is_no_certain_no(
    raw_server: RawServer, make_client: MakeClient, status: int, call: str
) -> None:
    raw_server.will(cut(head(status)))
    with pytest.raises(errors.PulsapiError) as caught:
        await CALLS[call][0](make_client())
    assert caught.value.may_have_acted


BODIES: dict[str, bytes] = {
    "wrong types": b'{"id":1,"data":{},"key":[]}',
    "NaN": b'{"data":[],"next_cursor":null,"total":NaN}',
    "Infinity": b'{"data":[],"next_cursor":null,"total":Infinity}',
    "a huge float": b'{"id":1e999,"data":1e999,"next_cursor":null,"total":1e999}',
    "a huge integer": b'{"total":0,"next_cursor":null,"data":' + b"9" * 100_000 + b"}",
    "nesting": b'{"x":' + b"[" * 500_000,
    "closed nesting": b'{"data":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a lone surrogate": b'{"data":[],"next_cursor":"\\udc00","total":0}',
    "invalid UTF-8": b'{"id":"\xff\xfe\x80","data":[],"next_cursor":"\xc0","total":0}',
    "nothing": b"",
    "HTML": b"<!doctype html><title>captive portal</title>",
    "a time beyond the calendar": json.dumps(
        {**ACCOUNT, "plan": None, **minted(created_at="0001-01-01T00:00:00+14:00"), **page()}
        | {"data": [{**KEY, "created_at": "9999-12-31T23:59:59-14:00", "group": None}]}
    ).encode(),
}


@pytest.mark.parametrize("call", ["list", "services", "create", "account"])
@pytest.mark.parametrize("what", BODIES)
async def test_a_body_that_breaks_the_contract_is_our_error_and_asked_for_once(
    raw_server: RawServer, make_client: MakeClient, what: str, call: str
) -> None:
    raw_server.will(whole(201 if call == "create" else 200, BODIES[what]))
    with pytest.raises(errors.BadAnswerError) as caught:
        await CALLS[call][0](make_client())
    assert caught.value.may_have_acted
    assert len(raw_server.requests) == 1


# The list


async def test_a_cursor_that_comes_again_ends_the_listing(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(whole(200, page(KEY, cursor="a")), whole(200, page(KEY, cursor="b")))
    with pytest.raises(errors.BadAnswerError, match="no end"):
        await make_client().list_keys()
    assert len(raw_server.requests) == 3


async def test_a_listing_with_ever_new_cursors_ends_too(
    raw_server: RawServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGES", 25)

    async def endless(request: Request, wire: Wire) -> None:
        count = len(raw_server.requests)
        await wire.send(bytes_of(200, json.dumps(page(KEY, cursor=f"c{count}")).encode()))

    raw_server.will(endless)
    with pytest.raises(errors.BadAnswerError, match="no end"):
        await make_client().list_keys()
    assert len(raw_server.requests) == 25


async def test_pages_are_followed_by_their_cursor_and_told_of(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(
        whole(200, page({**KEY, "id": "a"}, {**KEY, "id": "b"}, cursor="ü &limit=1\n")),
        whole(200, page({**KEY, "id": "c"})),
    )
    seen: list[tuple[list[str], int]] = []
    pages = await make_client().list_keys(
        None, lambda keys, total: seen.append(([key.id for key in keys], total))
    )
    assert [key.id for key in pages.keys] == ["a", "b", "c"]
    assert seen == [(["a", "b"], 2), (["a", "b", "c"], 1)]
    asked = urlsplit(raw_server.requests[1].target)
    assert parse_qs(asked.query) == {"limit": ["1000"], "cursor": ["ü &limit=1\n"]}


async def test_a_page_that_did_not_change_is_the_same_object(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    first, second = {**KEY, "id": "a"}, {**KEY, "id": "b"}
    raw_server.will(
        whole(200, page(first, cursor="next"), 'ETag: "one"'),
        whole(200, page(second), 'ETag: "two"'),
        whole(304),
        whole(200, page({**second, "name": "renamed"}), 'ETag: "three"'),
    )
    client = make_client()
    before = await client.list_keys()
    after = await client.list_keys(before)
    assert [request.headers.get("if-none-match") for request in raw_server.requests] == [
        None,
        None,
        '"one"',
        '"two"',
    ]
    assert after.pages[0] is before.pages[0]
    assert after.pages[1] is not before.pages[1]
    assert after.keys[1].name == "renamed"


@pytest.mark.parametrize("etag", ["", "\x80", '"' + "x" * 300 + '"', '"a\tb"'])
async def test_an_etag_that_can_t_be_sent_back_is_forgotten(
    raw_server: RawServer, make_client: MakeClient, etag: str
) -> None:
    raw_server.will(whole(200, page(KEY), f"ETag: {etag}"))
    client = make_client()
    await client.list_keys(await client.list_keys())
    assert "if-none-match" not in raw_server.requests[1].headers


async def test_nothing_changed_since_never_is_refused(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    raw_server.will(whole(304))
    with pytest.raises(errors.BadAnswerError, match="since never"):
        await make_client().list_keys()


# Trying again


@EVERY_CALL
async def test_get_and_delete_are_tried_three_times_and_a_create_once(
    raw_server: RawServer,
    make_client: MakeClient,
    clock: FakeClock,
    notices: list[RetryNotice],
    call: str,
) -> None:
    raw_server.will(whole(503, {"code": "unavailable"}))
    send, tries = CALLS[call]
    with pytest.raises(errors.UnavailableError):
        await send(make_client())
    assert len(raw_server.requests) == tries
    assert len(clock.slept_s) == tries - 1
    assert [notice.attempt for notice in notices] == list(range(2, tries + 1))
    assert [notice.wait_s for notice in notices] == clock.slept_s
    assert {notice.reason for notice in notices} <= {
        "PulsAPI has a problem of its own (status 503)."
    }


@pytest.mark.parametrize("call", REPEATED)
@pytest.mark.parametrize(
    "failure",
    [cut(b""), cut(b"", rst=True), cut(PAGE[:-5]), whole(429), whole(500), whole(502)],
    ids=["FIN", "RST", "cut", "429", "500", "502"],
)
async def test_a_passing_failure_is_got_over(
    raw_server: RawServer, make_client: MakeClient, failure: Script, call: str
) -> None:
    good = {
        "account": whole(200, ACCOUNT),
        "list": whole(200, page(KEY)),
        "services": whole(200, {"data": [], "next_cursor": None}),
        "revoke": whole(204),
    }
    raw_server.will(failure, failure, good[call])
    await CALLS[call][0](make_client())
    assert len(raw_server.requests) == 3


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [("0", 0.0), ("7", 7.0), ("60", 60.0), ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_and_told(
    raw_server: RawServer,
    make_client: MakeClient,
    clock: FakeClock,
    notices: list[RetryNotice],
    status: int,
    retry_after: str,
    wait_s: float,
) -> None:
    raw_server.will(whole(status, None, f"Retry-After: {retry_after}"), whole(200, ACCOUNT))
    await make_client().account()
    assert clock.slept_s == [wait_s]
    assert [notice.wait_s for notice in notices] == [wait_s]


@pytest.mark.parametrize("retry_after", ["61", "86400", "9" * 400, "Tue, 24 Nov 2026 12:01:01 GMT"])
async def test_a_longer_retry_after_is_said_and_not_waited_for(
    raw_server: RawServer, make_client: MakeClient, clock: FakeClock, retry_after: str
) -> None:
    raw_server.will(whole(429, None, f"Retry-After: {retry_after}"))
    with pytest.raises(errors.RateLimitedError, match="It asks to wait") as caught:
        await make_client().account()
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 60
    assert clock.slept_s == []
    assert len(raw_server.requests) == 1


@EVERY_CALL
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 418, 422])
async def test_a_no_is_taken_for_an_answer(
    raw_server: RawServer, make_client: MakeClient, status: int, call: str
) -> None:
    raw_server.will(whole(status, b"not JSON"))
    with pytest.raises(errors.ProblemError) as caught:
        await CALLS[call][0](make_client())
    assert caught.value.status == status
    assert not caught.value.may_have_acted
    assert len(raw_server.requests) == 1


async def test_without_anybody_to_tell_it_tries_again_all_the_same(
    raw_server: RawServer, clock: FakeClock
) -> None:
    raw_server.will(whole(503), whole(200, ACCOUNT))
    async with AsyncExitStack() as stack:
        client = PulsApiClient(raw_server.base_url, Secret(CANARY), clock)
        stack.push_async_callback(client.aclose)
        await client.account()
    [waited_s] = clock.slept_s
    assert 0.0 <= waited_s <= 0.5


# Cancellation


async def test_cancelled_calls_use_nothing_up(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    """httpx loses a slot of a capped pool with each call that is cancelled while connecting."""
    client = make_client()
    raw_server.will(then_stall(b"HTTP/1.1 200 OK\r\n"))
    for batch in range(20):
        calls = [asyncio.create_task(client.account()) for _ in range(10)]
        for _ in range(batch):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    raw_server.will(whole(200, ACCOUNT))
    async with asyncio.timeout(20):
        fresh = await asyncio.gather(*(client.account() for _ in range(10)))
    assert [account.id for account in fresh] == ["acct_1"] * 10


async def test_calls_that_ran_out_of_time_use_nothing_up(
    raw_server: RawServer, make_client: MakeClient
) -> None:
    client = make_client(deadline_s=2.0)
    raw_server.will(then_stall(b""))
    async with asyncio.timeout(20):
        ends = await asyncio.gather(
            *(client.create_key("CI", "r", 1) for _ in range(30)), return_exceptions=True
        )
    # On a busy machine the time of some is up before they have a connection.
    assert all(isinstance(end, errors.NetworkError) for end in ends), ends
    assert any(isinstance(end, errors.AnswerLostError) for end in ends)
    raw_server.will(whole(200, ACCOUNT))
    patient = make_client()
    assert (await patient.account()).id == "acct_1"
    async with asyncio.timeout(20):
        await asyncio.gather(*(patient.account() for _ in range(10)))


async def test_a_transport_closes_itself(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT))
    async with Transport(raw_server.base_url, Secret(CANARY), version="0") as transport:
        answer = await transport.exchange("GET", "/v1/account", deadline_s=20)
    assert answer.status == 200


async def test_a_key_for_https_is_never_sent_in_the_clear(make_client: MakeClient) -> None:
    """A server that does not speak TLS gets a greeting and never the key."""
    seen: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(65536))
        writer.write(bytes_of(200, json.dumps(ACCOUNT).encode()))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(errors.ConnectError):
            await make_client(f"https://127.0.0.1:{port}").account()
    assert len(seen) == MAX_TRIES
    assert all(CANARY.encode() not in data and b"HTTP" not in data for data in seen)
