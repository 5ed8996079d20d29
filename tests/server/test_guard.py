"""What is refused before the application sees it: foreign pages, large bodies, half requests."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pulsapi_tui.server.guard import MAX_BODY_BYTES, Limits
from pulsapi_tui.server.protocol import LimitedProtocol
from tests.server.conftest import World
from tests.server.support import (
    Running,
    TestKey,
    add_account,
    error_code,
    is_silent,
    read_answer,
    read_to_end,
    running,
)

HEADER_DEADLINE_S = 400.0
BODY_DEADLINE_S = 500.0
"""Far longer than any test runs: they pass by leaps of the server's clock."""


@pytest.fixture
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, TestKey]]:
    """A server with deadlines of its own and few connections."""
    limits = Limits(HEADER_DEADLINE_S, BODY_DEADLINE_S, connections=20)
    with running(tmp_path_factory.mktemp("strict") / "test.sqlite", limits) as server:
        yield server, server.with_store(lambda store: add_account(store, "owner"))[0]


def serve_a_good_one(server: Running, key: TestKey) -> None:
    """One good request; what was sent before it has reached the server by then."""
    with server.client(key.secret) as client:
        assert client.get("/v1/account").status_code == 200


def raw_status(server: Running, request: bytes) -> int:
    with server.raw() as connection:
        connection.sendall(request)
        return read_answer(connection)[0]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "127.0.0.1:{port}.",
        "[::1]:{port}",
        "",
        "127.0.0.1:{port}, evil.example",
        "0.0.0.0:{port}",
    ],
)
def test_another_host_is_misdirected(world: World, host: str) -> None:
    headers = {"Host": host.format(port=world.server.port)}
    with world.client() as client:
        answer = client.get("/v1/account", headers=headers)
    assert (answer.status_code, error_code(answer)) == (421, "misdirected")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}"])
def test_our_own_names_are_served(world: World, host: str) -> None:
    headers = {"Host": host.format(port=world.server.port)}
    with world.client() as client:
        assert client.get("/v1/account", headers=headers).status_code == 200


def test_two_hosts_and_no_host_are_refused(server: Running) -> None:
    own = b"Host: 127.0.0.1:%d\r\n" % server.port
    two = b"GET /v1/account HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n"
    assert raw_status(server, two) == 400
    assert raw_status(server, b"GET /v1/account HTTP/1.1\r\n\r\n") == 400
    assert raw_status(server, b"GET /v1/account HTTP/1.0\r\n\r\n") == 421
    # A target in absolute form does not bring another host in.
    assert (
        raw_status(server, b"GET http://evil.example/v1/account HTTP/1.1\r\n" + own + b"\r\n")
        == 404
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:{port}"},
    ],
)
def test_another_site_is_refused(world: World, headers: dict[str, str]) -> None:
    sent = {name: value.format(port=world.server.port) for name, value in headers.items()}
    with world.client() as client:
        for answer in (
            client.get("/v1/account", headers=sent),
            client.post("/v1/api-keys", json={"name": "x"}, headers=sent),
            client.options("/v1/api-keys", headers=sent),
        ):
            assert (answer.status_code, error_code(answer)) == (403, "cross_site")
            assert "access-control-allow-origin" not in answer.headers
        assert client.get("/v1/api-keys").json()["total"] == 2


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_own_site_is_served(world: World, site: str) -> None:
    headers = {"Origin": world.server.url, "Sec-Fetch-Site": site}
    with world.client() as client:
        assert client.get("/v1/account", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
)
def test_another_content_type_is_refused(world: World, content_type: str) -> None:
    with world.client() as client:
        answer = client.post(
            "/v1/api-keys", content=b'{"name":"x"}', headers={"Content-Type": content_type}
        )
        assert (answer.status_code, error_code(answer)) == (415, "unsupported_media_type")
        parameters = {"Content-Type": "Application/JSON; charset=utf-8"}
        good = client.post("/v1/api-keys", content=b'{"name":"x"}', headers=parameters)
        assert good.status_code == 201


def test_a_body_over_64_kib_is_refused(world: World) -> None:
    headers = {"Content-Type": "application/json"}
    largest = b'{"name":"x"' + b" " * (MAX_BODY_BYTES - 12) + b"}"
    with world.client() as client:
        assert client.post("/v1/api-keys", content=largest, headers=headers).status_code == 201
        for content in (largest + b" ", iter([largest, b" "])):
            answer = client.post("/v1/api-keys", content=content, headers=headers)
            assert (answer.status_code, error_code(answer)) == (413, "body_too_large")


def test_a_large_body_is_refused_unread(server: Running) -> None:
    """The answer comes at the header: nothing of 300 MiB has to be sent first."""
    with server.raw() as connection:
        connection.sendall(_create_head(server, b"Content-Length: 314572800"))
        status, _ = read_answer(connection)
        assert status == 413
        assert read_to_end(connection) == b""


def test_an_endless_body_is_cut_off(server: Running) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with server.raw() as connection:
        connection.sendall(_create_head(server, b"Transfer-Encoding: chunked"))
        sent = 0
        # The socket's buffers take a few MiB before the end of the connection is felt.
        while sent < 300 * 2**20 and _send_what_goes(connection, chunk):
            sent += len(chunk)
        assert sent < 30 * 2**20


def test_half_a_header_is_closed_and_others_are_served(strict: tuple[Running, TestKey]) -> None:
    server, key = strict
    with ExitStack() as stack:
        held = [stack.enter_context(server.raw()) for _ in range(10)]
        for number, connection in enumerate(held):
            connection.sendall(b"GET /v1/account HTTP/1.1\r\nHost: x"[: number * 4])
        serve_a_good_one(server, key)
        server.leap(HEADER_DEADLINE_S - 100)
        assert all(is_silent(connection) for connection in held)
        server.leap(100)
        assert all(read_to_end(connection) == b"" for connection in held)


def test_a_trickled_header_does_not_move_its_deadline(strict: tuple[Running, TestKey]) -> None:
    server, key = strict
    with server.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        serve_a_good_one(server, key)
        server.leap(HEADER_DEADLINE_S - 100)
        connection.sendall(b"X: y\r\n")
        serve_a_good_one(server, key)
        assert is_silent(connection)
        server.leap(100)
        assert read_to_end(connection) == b""


@pytest.mark.parametrize("pipelined", [True, False])
def test_half_a_second_header_is_closed_too(tmp_path: Path, pipelined: bool) -> None:
    # Less than the 30 s after which a connection that is kept alive is closed anyway.
    limits = Limits(header_deadline_s=25)
    with running(tmp_path / "test.sqlite", limits) as server, server.raw() as connection:
        (key,) = server.with_store(lambda store: add_account(store, "owner"))
        whole = b"GET /v1/account HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
        whole += b"Authorization: Bearer " + key.secret.encode() + b"\r\n\r\n"
        half = b"GET /v1/acc"
        connection.sendall(whole + half if pipelined else whole)
        assert read_answer(connection)[0] == 200
        if not pipelined:
            connection.sendall(half)
        serve_a_good_one(server, key)
        server.leap(25)
        assert read_to_end(connection) == b""


def test_half_a_body_times_out_and_others_are_served(strict: tuple[Running, TestKey]) -> None:
    server, key = strict
    with ExitStack() as stack:
        held = [stack.enter_context(server.raw()) for _ in range(10)]
        for connection in held:
            connection.sendall(_create_head(server, b"Content-Length: 20") + b'{"name"')
        serve_a_good_one(server, key)
        server.leap(BODY_DEADLINE_S - 50)
        assert all(is_silent(connection) for connection in held)
        server.leap(50)
        for connection in held:
            status, body = read_answer(connection)
            assert status == 408
            assert b'"request_timeout"' in body
            assert read_to_end(connection) == b""


def test_many_half_requests_do_not_lock_out_whole_ones(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """300 connections are held at the real limits, and a good client is served meanwhile."""
    with running(tmp_path_factory.mktemp("many") / "test.sqlite") as server, ExitStack() as stack:
        key = server.with_store(lambda store: add_account(store, "owner"))[0]
        for number in range(300):
            connection = stack.enter_context(server.raw())
            head = _create_head(server, b"Content-Length: 20")
            connection.sendall(head if number % 2 else b"GET /v1/")
        serve_a_good_one(server, key)


def test_one_connection_too_many_makes_the_oldest_half_request_leave(
    strict: tuple[Running, TestKey],
) -> None:
    server, key = strict
    with ExitStack() as stack:
        held = []
        for _ in range(20):
            held.append(stack.enter_context(server.raw()))
            head = _create_head(server, b"Content-Length: 20\r\nExpect: 100-continue")
            held[-1].sendall(head)
            # Half a request, as the server sees it, too: before, it is of less use than one.
            assert held[-1].recv(100).startswith(b"HTTP/1.1 100 ")
        serve_a_good_one(server, key)
        assert read_to_end(held[0]) == b""
        assert is_silent(held[-1])


def test_where_none_can_make_room_a_connection_is_refused(
    strict: tuple[Running, TestKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if each of the connections waited for its answer just now."""
    server, _ = strict
    monkeypatch.setattr(LimitedProtocol, "is_still_sending", lambda _: False)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.raw())
        connection = stack.enter_context(server.raw())
        status, body = read_answer(connection)
        assert status == 503
        assert b'"unavailable"' in body


def test_what_is_not_http_is_a_problem(server: Running) -> None:
    for request in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9\r\n\r\n", b"x" * 200_000):
        with server.raw() as connection:
            _send_what_goes(connection, request)
            status, body = read_answer(connection)
            assert status == 400
            assert b'"invalid_request"' in body


def _send_what_goes(connection: socket.socket, data: bytes) -> bool:
    """Send; False where the server closed the connection."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _create_head(server: Running, framing: bytes) -> bytes:
    return (
        b"POST /v1/api-keys HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
        + b"Content-Type: application/json\r\n"
        + framing
        + b"\r\n\r\n"
    )
