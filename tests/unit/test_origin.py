"""The address that the credential goes to, and what a credential may hold."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsapi_tui.api._progress import Progress, Route
from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.api.origin import check_base_url, check_proxy, is_loopback
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import AddressError, CredentialError
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY, FakeClock


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://api.pulsapi.com", "https://api.pulsapi.com"),
        (" https://API.PulsAPI.com/ ", "https://api.pulsapi.com"),
        ("https://api.pulsapi.com:8443", "https://api.pulsapi.com:8443"),
        ("https://[2001:db8::1]:1", "https://[2001:db8::1]:1"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://[::1]:8787/", "http://[::1]:8787"),
        ("http://localhost:1", "http://localhost:1"),
        ("HTTP://LOCALHOST:1", "http://localhost:1"),
    ],
)
def test_a_good_base_url_in_its_plain_form(text: str, origin: str) -> None:
    assert check_base_url(text) == origin
    assert check_base_url(origin) == origin


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be like"),
        ("api.pulsapi.com", "must be like https://api.pulsapi.com, with https:// or http:// first"),
        ("ftp://api.pulsapi.com", "must be like"),
        ("file:///etc/passwd", "must be like"),
        ("https://", "must be like"),
        ("https://:80", "must be like"),
        ("https://api.pulsapi.com:99999", "not valid"),
        ("https://api.pulsapi.com:x", "not valid"),
        ("https://[::1", "not valid"),
        ("https://user@api.pulsapi.com", "user name"),
        ("https://:pw@api.pulsapi.com", "user name"),
        ("https://@api.pulsapi.com", "user name"),
        ("https://api.pulsapi.com/v1", "must end after"),
        ("https://api.pulsapi.com?a=b", "must end after"),
        ("https://api.pulsapi.com#x", "must end after"),
        ("https://api.pulsapi.com\\@evil.example", "user name"),
        ("https://ápi.pulsapi.com", "characters"),
        ("https://api pulsapi.com", "characters"),
        ("https://api%2epulsapi.com", "characters"),
        ("https://[::1%25lo]", "characters"),
        ("http://api.pulsapi.com", "in the clear"),
        ("http://127.0.0.1.evil.example", "in the clear"),
        ("http://localhost.evil.example", "in the clear"),
        ("http://0.0.0.0", "in the clear"),
        ("http://10.0.0.1", "in the clear"),
        ("http://127.1", "in the clear"),
        ("http://[::2]", "in the clear"),
    ],
)
def test_a_bad_base_url_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(CredentialError, match=re.escape(words)):
        check_base_url(text)


def test_a_password_in_the_url_is_not_repeated() -> None:
    with pytest.raises(CredentialError) as caught:
        check_base_url(f"https://me:{CANARY}@api.pulsapi.com")
    assert CANARY not in repr(caught.value)


@given(st.one_of(st.text(), st.text().map("https://{}".format), st.text().map("http://{}".format)))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    try:
        origin = check_base_url(text)
    except CredentialError:
        return
    assert re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", origin)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("::", False),
        ("localhost.", False),
        ("", False),
        ("2130706433", False),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", False),
        ("::1%lo", False),
        ("fe80::1", False),
    ],
)
def test_loopback_by_spelling_alone(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("text", ["x", "local_" + "a" * 49, "!~", "sk-1234", CANARY])
def test_a_credential_that_a_header_can_carry(text: str) -> None:
    secret = Secret(text)
    assert check_credential(secret) is secret


@pytest.mark.parametrize(
    "spoilt",
    [
        f"{CANARY}\n",
        f"{CANARY}\r\nX-Evil: 1",
        f" {CANARY}",
        f"\t{CANARY}",
        f"{CANARY} x",
        f"{CANARY}\x00",
        f"{CANARY}\x7f",
        f"{CANARY}é",
        f"{CANARY}\ud800",
    ],
)
def test_a_credential_that_no_header_can_carry_is_refused_and_not_shown(spoilt: str) -> None:
    with pytest.raises(CredentialError, match="can't be sent") as caught:
        check_credential(Secret(spoilt))
    assert CANARY not in repr(caught.value)
    with pytest.raises(CredentialError):
        PulsApiClient("http://127.0.0.1:9", Secret(spoilt), FakeClock())


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("", ""),
        ("http://proxy.test:3128", "http://proxy.test:3128"),
        (" HTTPS://Proxy.Test:3128/ ", "https://proxy.test:3128"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
    ],
)
def test_a_good_proxy_in_its_plain_form(text: str, proxy: str) -> None:
    assert check_proxy(text, "https://api.pulsapi.com") == proxy
    assert check_proxy(proxy, "https://127.0.0.1:8443") == proxy


@pytest.mark.parametrize(
    ("text", "base_url", "words"),
    [
        ("proxy.test:3128", "https://x.test", "must be like"),
        ("socks5h://proxy.test:3128", "https://x.test", "must be like"),
        ("http://proxy.test", "https://x.test", "a host and a port"),
        ("http://proxy.test:3128/x", "https://x.test", "a host and a port"),
        ("http://proxy.test:3128?x", "https://x.test", "a host and a port"),
        ("http://proxy.test:99999", "https://x.test", "not valid"),
        (f"http://me:{CANARY}@proxy.test:3128", "https://x.test", "user name"),
        (f"http://proxy.test:{CANARY}", "https://x.test", "not valid"),
        (f"http://{CANARY} x:1", "https://x.test", "characters"),
        ("http://proxy.test:3128", "http://127.0.0.1:8787", "would see the key"),
        ("http://proxy.test:3128", "https://[2001:db8::1]", "IPv6"),
    ],
)
def test_a_bad_proxy_is_refused_and_not_repeated(text: str, base_url: str, words: str) -> None:
    with pytest.raises(AddressError, match=re.escape(words)) as caught:
        check_proxy(text, base_url)
    assert CANARY not in f"{caught.value!r}{caught.value.__context__!r}"


@given(
    st.one_of(st.text(), st.text().map("https://{}:1".format), st.text().map("http://{}".format))
)
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    try:
        proxy = check_proxy(text, "https://api.pulsapi.com")
    except AddressError:
        return
    assert re.fullmatch(r"(https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+):[0-9]{1,5})?", proxy)


class _Stream:
    """A connection that leads to there."""

    def __init__(self, address: tuple[str, int] | None) -> None:
        self.address = address
        self.is_closed = False

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return {"server_addr": self.address}[name]

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("server", "address", "is_refused"),
    [
        ("http://localhost", ("127.0.0.1", 80), False),
        ("http://localhost", ("::1", 80), False),
        ("http://localhost", ("192.0.2.1", 80), True),
        ("http://localhost", ("::ffff:192.0.2.1", 80), True),
        ("http://localhost", None, True),
        ("https://localhost", ("192.0.2.1", 443), False),
    ],
)
async def test_plain_http_ends_where_localhost_is_another_machine(
    server: str, address: tuple[str, int] | None, *, is_refused: bool
) -> None:
    progress, stream = Progress(Route(server)), _Stream(address)
    await progress("connection.connect_tcp.started", {})
    with pytest.raises(AddressError) if is_refused else nullcontext():
        await progress("connection.connect_tcp.complete", {"return_value": stream})
    assert progress.is_unsent
    await progress.abandon()
    assert stream.is_closed


async def test_what_is_not_known_counts_as_sent_and_stays_so() -> None:
    progress = Progress(Route("https://x.test"))
    assert not progress.is_unsent
    await progress("connection.connect_tcp.started", {})
    assert progress.is_unsent
    await progress("http9.something.started", {})
    assert not progress.is_unsent
    await progress("connection.connect_tcp.started", {})
    assert not progress.is_unsent


@pytest.mark.parametrize("host", ["999.1.1.1", "xn--"])
def test_a_host_that_httpx_refuses_is_refused_in_our_words(host: str) -> None:
    with pytest.raises(AddressError, match="base URL's host is not a valid one"):
        PulsApiClient(f"https://{host}", Secret(CANARY), FakeClock())
    network = Network(proxy=f"http://{host}:3128")
    with pytest.raises(AddressError, match="proxy's host is not a valid one"):
        PulsApiClient("https://x.test", Secret(CANARY), FakeClock(), network=network)
