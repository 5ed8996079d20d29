"""Where the credential goes, over real sockets: to its own server, unseen on the way, or nowhere.

No second origin gets a byte of it, and none of it goes in the clear, whatever a server, a proxy, a
certificate, the environment or an odd address says.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.api.origin import check_base_url
from pulsapi_tui.domain.errors import AddressError, ConnectError, RedirectError
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from tests.canary import Canary
from tests.contract.certificates import Certificates
from tests.contract.deadlines import Deadlines
from tests.contract.support import (
    ACCOUNT,
    FakeClock,
    RawServer,
    minted,
    page,
    printed,
    whole,
)
from tests.contract.taps import (
    Tap,
    answering,
    client_on,
    hanging,
    relaying,
    tunnelling,
)

Call = Callable[[PulsApiClient], Awaitable[object]]
Count = Callable[[str, object], None]

CALLS: dict[str, Call] = {
    "GET": lambda client: client.list_keys(),
    "POST": lambda client: client.create_key("CI", "request-1", 1),
    "DELETE": lambda client: client.revoke_key("key_1"),
}
ANSWERS = {
    "GET": whole(200, page()),
    "POST": whole(201, minted()),
    "DELETE": whole(204),
}


@pytest.fixture
def canary() -> Canary:
    """The key of the session."""
    return Canary()


def assert_sent_ours(server: RawServer, canary: Canary, times: int) -> None:
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {canary.secret}"] * times


# Redirects: another origin hears nothing at all, and the same one no second time.

STATUSES = (301, 302, 303, 307, 308)
LOCATIONS: dict[str, tuple[bool, str]] = {
    "the same host": (False, "http://127.0.0.1:{own}/v1/elsewhere"),
    "relative": (False, "/v1/elsewhere"),
    "another port": (False, "http://127.0.0.1:{other}/v1/account"),
    "another host": (False, "http://localhost:{other}/v1/account"),
    "another host, scheme-relative": (False, "//localhost:{other}/v1/account"),
    "with a user": (False, "http://user:password@127.0.0.1:{other}/v1/account"),
    "https to http": (True, "http://127.0.0.1:{other}/v1/account"),
    "https to http, another host": (True, "http://localhost:{other}/v1/account"),
    "https to https, another port": (True, "https://127.0.0.1:{other}/v1/account"),
    "https, the same host": (True, "https://127.0.0.1:{own}/v1/elsewhere"),
}
"""Whether the first server speaks TLS, and where it sends us."""


@pytest.mark.parametrize("location", LOCATIONS)
async def test_no_redirect_is_followed(
    location: str, canary: Canary, certificates: Certificates, record_property: Count
) -> None:
    by_tls, template = LOCATIONS[location]
    tls = certificates.right if by_tls else None
    cells = 0
    async with (
        RawServer().listening(tls=tls) as server,
        Tap(relaying(server.port)).listening() as first,
        Tap().listening() as second,
    ):
        address = template.format(own=first.port, other=second.port)
        base_url = f"{'https' if by_tls else 'http'}://127.0.0.1:{first.port}"
        async with client_on(base_url, canary, certificates.network) as client:
            for status, method in itertools.product(STATUSES, CALLS):
                server.requests.clear()
                server.will(whole(status, None, f"Location: {address}"))
                with pytest.raises(RedirectError) as caught:
                    await CALLS[method](client)
                assert_sent_ours(server, canary, 1)
                assert not canary.found_in(printed(caught.value))
                cells += 1
        assert not by_tls or not canary.found_in(bytes(first.heard))
        assert (second.connections, bytes(second.heard)) == (0, b"")
    record_property("cells", cells)


# Plain http: this machine by its plain name, or nothing.

ELSEWHERE = (
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.01",
    "2130706433",
    "017700000001",
    "0",
    "0.0.0.0",  # noqa: S104  # refused, not listened on
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fe80::1%25eth0]",
    "127.0.0.1.",
    "127.0.0.1..",
    "localhost.",
    "localhost.localdomain",
    "local.host",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "127-0-0-1.evil.test",
    "evil.test",
    "10.0.0.1",
    "169.254.169.254",
    "128.0.0.1",
    "126.255.255.255",
    "user@127.0.0.1",
    "user:password@localhost",
    "@127.0.0.1",
    "127.0.0.1@evil.test",
    "127.0.0.1\\@evil.test",
    "127.0.0.1#@evil.test",
    "127.0.0.1?@evil.test",
    "127.0.0.1/@evil.test",
    "evil.test#127.0.0.1",
    "127.0.0.%31",
    "%6cocalhost",
    "127%2e0%2e0%2e1",
    "127.0.0.1%00.evil.test",
    "127.0.0.1%20",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "\uff4cocalhost",
    "lo\u0441alhost",
    "\u2460\u2461\u2466.0.0.1",
    "[127.0.0.1]",
    "[localhost]",
    "localhost evil.test",
    "",
)
"""In the place of a host. Many of them would get to this machine; only its plain names may."""

HERE = {
    "127.0.0.1": "127.0.0.1",
    "127.0.0.2": "127.0.0.2",
    "localhost": "localhost",
    "LOCALHOST": "localhost",
    "LocalHost": "localhost",
    " 127.0.0.1": "127.0.0.1",
    "[::1]": "[::1]",
    "[0:0:0:0:0:0:0:1]": "[0:0:0:0:0:0:0:1]",
    "[::0001]": "[::0001]",
}
"""With what is made of them."""


def test_plain_http_to_anywhere_else_is_refused_before_a_socket_is_opened(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, record_property: Count
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    cells = 0
    for host, port in itertools.product(ELSEWHERE, ("", ":8787")):
        for scheme in ("http", "HTTP"):
            with pytest.raises(AddressError) as caught:
                PulsApiClient(f"{scheme}://{host}{port}", Secret(canary.secret), FakeClock())
            assert "evil" not in caught.value.user_message, "not our text"
            cells += 1
    record_property("cells", cells)


def is_here(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", HERE)
async def test_plain_http_to_this_machine_gets_there(
    host: str, canary: Canary, record_property: Count
) -> None:
    listens_on = "::1" if ":" in host else HERE[host].replace("localhost", "127.0.0.1")
    if not is_here(listens_on):
        pytest.skip(f"this machine has no {listens_on}")
    async with RawServer().listening(host=listens_on) as server:
        base_url = f"http://{host}:{server.port}".replace("http:// ", " http://")
        assert check_base_url(base_url) == f"http://{HERE[host]}:{server.port}"
        found = await asyncio.get_running_loop().getaddrinfo(HERE[host].strip("[]"), server.port)
        assert {address[0] for *_, address in found} <= {"127.0.0.1", "127.0.0.2", "::1"}
        async with client_on(base_url, canary) as client:
            for method, call in CALLS.items():
                server.will(ANSWERS[method])
                await call(client)
        assert_sent_ours(server, canary, len(CALLS))
    record_property("cells", len(CALLS))


async def test_a_localhost_that_is_another_machine_gets_nothing(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver can say that, where no hosts file is before it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        elsewhere = probe.getsockname()[0]
    real = socket.getaddrinfo

    def lying(host: object, *rest: object, **named: object) -> object:
        return real(elsewhere if host in {"localhost", b"localhost"} else host, *rest, **named)  # type: ignore[arg-type]

    async with RawServer().listening(host=elsewhere) as server:
        server.will(whole(200, ACCOUNT))
        monkeypatch.setattr(socket, "getaddrinfo", lying)
        async with client_on(f"http://localhost:{server.port}", canary) as client:
            for call in CALLS.values():
                with pytest.raises(AddressError, match="leads to another machine"):
                    await call(client)
        assert server.requests == []
        assert server.bytes_seen == 0


# The environment: no proxy and no password of it is used.


@pytest.mark.parametrize("by_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("excepted", ["", "*", "127.0.0.1"])
async def test_the_environment_names_no_proxy_and_no_password(
    by_tls: bool,
    excepted: str,
    canary: Canary,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Count,
) -> None:
    netrc = "machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n"
    for place in (tmp_path / ".netrc", tmp_path / "_netrc"):
        place.write_text(netrc)
        place.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    async with Tap().listening() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", excepted)
        monkeypatch.setenv("no_proxy", excepted)
        async with RawServer().listening(tls=certificates.right if by_tls else None) as server:
            async with client_on(server.base_url, canary, certificates.network) as client:
                for method, call in CALLS.items():
                    server.will(ANSWERS[method])
                    await call(client)
            assert_sent_ours(server, canary, len(CALLS))
        assert (proxy.connections, bytes(proxy.heard)) == (0, b"")
    record_property("cells", len(CALLS))


async def test_no_secret_of_a_tls_session_is_written_down(
    canary: Canary,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With it, who recorded the bytes can read the key."""
    key_log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    async with (
        RawServer().listening(tls=certificates.right) as server,
        Tap(tunnelling(), tls=certificates.right).listening() as proxy,
    ):
        server.will(whole(200, ACCOUNT))
        by_proxy = Network(certificates.ca_file, f"https://127.0.0.1:{proxy.port}")
        for network in (certificates.network, by_proxy):
            async with client_on(server.base_url, canary, network) as client:
                await client.account()
        assert_sent_ours(server, canary, 2)
    assert not key_log.exists()


# Certificates: a server that can't show whose it is gets nothing.

WRONG = {
    "expired": "has expired",
    "not yet valid": "is not valid yet",
    "another name": "is for another name",
    "another address": "is for another name",
    "signed by itself": "is signed by itself",
    "of an unknown CA": "is signed by somebody whom this computer does not trust",
    "of an unknown CA, with its chain": "is signed by somebody whom this computer does not trust",
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_certificate_gets_nothing(
    wrong: str, canary: Canary, certificates: Certificates, record_property: Count
) -> None:
    async with RawServer().listening(tls=certificates.wrong[wrong]) as server:
        server.will(whole(200, ACCOUNT))
        async with Tap(relaying(server.port)).listening() as wire:
            base_url = f"https://127.0.0.1:{wire.port}"
            async with client_on(base_url, canary, certificates.network) as client:
                for call in CALLS.values():
                    with pytest.raises(ConnectError) as caught:
                        await call(client)
                    assert WRONG[wrong] in caught.value.user_message
                    assert base_url in caught.value.user_message
                    assert not caught.value.may_have_acted
                    assert not canary.found_in(printed(caught.value))
            assert wire.connections >= len(CALLS), "it was tried"
            assert not canary.found_in(bytes(wire.heard))
        assert (server.connections, server.requests) == (0, [])
    record_property("cells", len(CALLS))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_right_certificate_gets_the_key_and_the_wire_does_not(
    host: str, canary: Canary, certificates: Certificates, record_property: Count
) -> None:
    async with RawServer().listening(tls=certificates.right) as server:
        async with Tap(relaying(server.port)).listening() as wire:
            base_url = f"https://{host}:{wire.port}"
            async with client_on(base_url, canary, certificates.network) as client:
                for method, call in CALLS.items():
                    server.will(ANSWERS[method])
                    await call(client)
            assert wire.connections == 1
            assert not canary.found_in(bytes(wire.heard))
            assert b"uthorization" not in wire.heard
        assert_sent_ours(server, canary, len(CALLS))
    record_property("cells", len(CALLS))


# A proxy that is named: it makes a way, and sees nothing of what goes there.


@pytest.mark.parametrize("proxy_by_tls", [False, True], ids=["http proxy", "https proxy"])
async def test_a_proxy_sees_connect_and_nothing_else(
    proxy_by_tls: bool,
    canary: Canary,
    certificates: Certificates,
    record_property: Count,
) -> None:
    tls = certificates.right if proxy_by_tls else None
    async with (
        RawServer().listening(tls=certificates.right) as server,
        Tap(tunnelling(), tls=tls).listening() as proxy,
    ):
        scheme = "https" if proxy_by_tls else "http"
        network = Network(certificates.ca_file, f"{scheme}://127.0.0.1:{proxy.port}")
        base_url = f"https://localhost:{server.port}"
        async with client_on(base_url, canary, network) as client:
            for method, call in CALLS.items():
                server.will(ANSWERS[method])
                await call(client)
        assert_sent_ours(server, canary, len(CALLS))
        head, _, rest = bytes(proxy.heard).partition(b"\r\n\r\n")
        assert head.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n".encode())
        assert b"uthorization" not in proxy.heard
        assert not canary.found_in(bytes(proxy.heard))
        assert rest[:2] == b"\x16\x03", "a TLS record"
        assert proxy.connections == 1
    record_property("cells", len(CALLS))


REFUSALS = {
    "407": (
        b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        "(status 407)",
    ),
    "502": (
        b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad",
        "made no way to PulsAPI (status 502)",
    ),
    "a redirect": (b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "(status 302)"),
    "401": (
        b"HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        "(status 401)",
    ),
    "garbage": (b"\x00\xffSSH-2.0-x\r\n\r\n", "gave no answer that a proxy gives"),
    "nothing": (b"", "gave no answer that a proxy gives"),
    "half an answer": (b"HTTP/1.1 200 Conn", "gave no answer that a proxy gives"),
    "a way that is cut": (b"HTTP/1.1 200 OK\r\n\r\n", "No TLS connection to"),
    "a way to something else": (b"HTTP/1.1 200 OK\r\n\r\n220 mail\r\n", "No TLS connection to"),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "gave no answer that a proxy gives"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_proxy_that_makes_no_way_is_named(
    refusal: str, canary: Canary, record_property: Count
) -> None:
    answer, said = REFUSALS[refusal]
    async with Tap(answering(answer)).listening() as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        async with client_on("https://pulsapi.test", canary, Network(proxy=address)) as client:
            for call in CALLS.values():
                with pytest.raises(ConnectError) as caught:
                    await call(client)
                assert said in caught.value.user_message
                assert address in caught.value.user_message
                assert not caught.value.may_have_acted
                assert not canary.found_in(printed(caught.value))
        assert proxy.heard.startswith(b"CONNECT pulsapi.test:443 HTTP/1.1\r\n")
        assert not canary.found_in(bytes(proxy.heard))
    record_property("cells", len(CALLS))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["at once", "after 200"])
async def test_a_proxy_that_hangs_has_sent_nothing_on(
    answer: bytes, canary: Canary, deadlines: Deadlines
) -> None:
    async with Tap(hanging(answer, deadlines.come)).listening() as proxy:
        network = Network(proxy=f"http://127.0.0.1:{proxy.port}")
        async with client_on("https://pulsapi.test", canary, network, deadline_s=7.0) as client:
            with pytest.raises(ConnectError, match="within 7 s") as caught:
                await client.create_key("CI", "request-1", 1)
            assert network.proxy in caught.value.user_message
            async with asyncio.timeout(20):
                await proxy.was_left.wait()
        assert not canary.found_in(bytes(proxy.heard))


async def test_a_proxy_that_answers_for_the_server_itself_gets_nothing(
    canary: Canary, certificates: Certificates
) -> None:
    """As one does that looks into what goes through it."""
    async with RawServer().listening(tls=certificates.wrong["of an unknown CA"]) as impostor:
        impostor.will(whole(200, ACCOUNT))

        async def to_the_impostor(
            tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await tap.hear(reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await relaying(impostor.port)(tap, reader, writer)

        async with Tap(to_the_impostor).listening() as proxy:
            network = Network(certificates.ca_file, f"http://127.0.0.1:{proxy.port}")
            async with client_on("https://127.0.0.1", canary, network) as client:
                with pytest.raises(ConnectError, match="does not trust") as caught:
                    await client.account()
            assert network.proxy in caught.value.user_message
            assert not canary.found_in(bytes(proxy.heard))
        assert (impostor.connections, impostor.requests) == (0, [])


@pytest.mark.parametrize("wrong", ["expired", "another name", "of an unknown CA"])
async def test_a_proxy_with_a_wrong_certificate_is_not_asked(
    wrong: str, canary: Canary, certificates: Certificates
) -> None:
    async with Tap(tunnelling(), tls=certificates.wrong[wrong]).listening() as proxy:
        network = Network(certificates.ca_file, f"https://127.0.0.1:{proxy.port}")
        async with client_on("https://pulsapi.test", canary, network) as client:
            with pytest.raises(ConnectError) as caught:
                await client.account()
        assert f"The certificate of {network.proxy} {WRONG[wrong]}" in caught.value.user_message
        assert (proxy.connections, bytes(proxy.heard)) == (0, b"")


REFUSED_PROXIES = {
    "http://user:{key}@127.0.0.1:{port}": "user name",
    "http://{key}@127.0.0.1:{port}": "user name",
    "socks5://127.0.0.1:{port}": "must be like",
    "127.0.0.1:{port}": "must be like",
    "http://127.0.0.1": "a port",
    "http://127.0.0.1:{port}/path": "a port",
    "http://127.0.0.1:{port}?q": "a port",
    "http://127.0.0.1:{key}": "not valid",
    "http://127.0.0.%31:{port}": "characters",
    "http://": "must be like",
}


@pytest.mark.parametrize("proxy", REFUSED_PROXIES)
async def test_an_address_that_is_no_proxy_s_is_refused_and_not_shown(
    proxy: str, canary: Canary
) -> None:
    async with Tap().listening() as tap:
        network = Network(proxy=proxy.format(port=tap.port, key=canary.word))
        with pytest.raises(AddressError, match=REFUSED_PROXIES[proxy]) as caught:
            PulsApiClient(
                "https://pulsapi.test", Secret(canary.secret), FakeClock(), network=network
            )
        assert not canary.found_in(printed(caught.value))
        assert tap.connections == 0


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://localhost", "https://[::1]"])
async def test_a_proxy_is_for_https_to_a_name(base_url: str, canary: Canary) -> None:
    async with Tap().listening() as tap:
        network = Network(proxy=f"http://127.0.0.1:{tap.port}")
        with pytest.raises(AddressError):
            PulsApiClient(base_url, Secret(canary.secret), FakeClock(), network=network)
        assert tap.connections == 0
