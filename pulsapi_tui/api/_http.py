"""HTTP itself: the only importer of httpx.

What httpx 0.28 leaves to its user is done here: a wall-clock deadline around every exchange (its
own timeouts are per read), a cap on the raw bytes before anything decodes them, no pool limit (a
cancelled connect loses a slot of a capped pool for good) but a semaphore of our own, another client
after an exchange that was given up, no second use of a connection on which more came than the
answer, no cookies kept and sent back, no redirects, no proxies of the environment, no logging of
what the server sent, no claim that a request was sent when it was not, and own errors raised
without httpx's as their context, since those hold header values.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from pulsapi_tui.api._leftovers import came_with_more
from pulsapi_tui.api._progress import Progress, Route
from pulsapi_tui.api.origin import check_proxy
from pulsapi_tui.api.tls import client_context, trusting_nobody
from pulsapi_tui.domain.errors import (
    AddressError,
    AnswerLostError,
    BadAnswerError,
    PulsapiError,
    RedirectError,
)
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A page of 1,000 keys with 64 wide characters each stays under 1 MiB."""

MAX_AT_ONCE = 24
"""Requests under way together, each on a client of its own.

One client of httpx gets slower with each connection more that it has; one apiece does not.
"""

for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    # At DEBUG they print headers and broken lines as they came, a secret among them or not.
    logging.getLogger(_name).disabled = True


class Answer(NamedTuple):
    """A whole answer; headers by their lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Line:
    """A client of httpx with its connection, for one exchange at a time.

    httpx loses it where an exchange is given up at the wrong moment: its socket stays open until
    the client is closed.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.is_spent = False
        """An exchange was given up: it gets no other one, and is closed."""


class Transport:
    """One origin, one credential or none, a client for each request at once. `close` it when done.

    Raises:
        AddressError: httpx can't make a URL of the base URL's host, or the CA file or the proxy
            can't be used.
    """

    def __init__(
        self,
        base_url: str,
        credential: Secret | None,
        *,
        version: str,
        network: Network | None = None,
    ) -> None:
        network = network or Network()
        self._route = Route(base_url, check_proxy(network.proxy, base_url))
        self._origin = _url(base_url, "base URL")
        self._tls = trusting_nobody() if self._route.is_plain else client_context(network.ca_file)
        self._proxy = _proxy(self._route.proxy, network.ca_file)
        self._version = version
        self._credential = credential
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def _new_line(self) -> _Line:
        client = httpx.AsyncClient(
            base_url=self._origin,
            verify=self._tls,
            proxy=self._proxy,
            trust_env=False,
            follow_redirects=False,
            cookies=_NoCookies(),
            timeout=None,  # noqa: S113  # the deadline in `exchange` bounds the whole, not a read
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=1),
            headers={
                "Accept": "application/json, application/problem+json",
                "Accept-Encoding": "identity",
                "User-Agent": f"pulsapi-tui/{self._version}",
            },
        )
        return _Line(client)

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        deadline_s: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        credential: Secret | None = None,
    ) -> Answer:
        """Send one request, once, and read its whole answer; `credential` is another than usual.

        Raises:
            ConnectError: it was not sent.
            AddressError: it was not sent, since the base URL leads to another machine by plain
                http.
            AnswerLostError: it was, and no whole answer came within `deadline_s` seconds.
            BadAnswerError: the answer is compressed, or larger than the cap.
            RedirectError: the answer sends elsewhere.
        """
        sent_headers = dict(headers or {})
        used_credential = credential or self._credential
        if used_credential is not None:
            sent_headers["Authorization"] = f"Bearer {used_credential.reveal()}"
        async with self._places, self._on_a_line() as line:
            progress = Progress(self._route)
            try:
                async with asyncio.timeout(deadline_s):
                    request = line.client.build_request(
                        method,
                        path,
                        headers=sent_headers,
                        params=params,
                        content=content,
                        extensions={"trace": progress},
                    )
                    return await _send(line.client, request)
            except TimeoutError:
                line.is_spent = True
                failure = _timed_out(progress, deadline_s)
            except AddressError as error:
                failure = AddressError(error.user_message)
            except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ssl.SSLError) as error:
                failure = _failed(progress, error)
            finally:
                await progress.abandon()
        # Raised out here, so that httpx's error, which holds headers, is not even its context.
        raise failure

    @asynccontextmanager
    async def _on_a_line(self) -> AsyncIterator[_Line]:
        """The connection to use; one on which an exchange was given up gets no other one."""
        # The one that was used last: those that are not needed any more time out.
        line = self._idle.pop() if self._idle else self._new_line()
        self._busy.add(line)
        try:
            yield line
        except asyncio.CancelledError:
            line.is_spent = True
            raise
        finally:
            self._busy.discard(line)
            if line.is_spent:
                # A task of its own: whoever gave up once may do so again.
                closing = asyncio.create_task(line.client.aclose())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
            else:
                self._idle.append(line)

    def sign_in(self, credential: Secret) -> None:
        """Send that credential from now on."""
        self._credential = credential

    async def close(self) -> None:
        """Close every connection."""
        for line in (*self._idle, *self._busy):
            await line.client.aclose()
        await asyncio.gather(*self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def _send(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    response = await client.send(request, stream=True)
    try:
        if 300 <= response.status_code < 400 and response.status_code != 304:
            raise RedirectError(
                "The server answered with a redirect. It was not followed, since the key "
                "would go with it: check the base URL."
            )
        if response.headers.get("content-encoding", "identity") != "identity":
            raise BadAnswerError("The server sent a compressed answer, which was not asked for.")
        body = await _read(response)
        network = response.extensions["network_stream"]
        if came_with_more(response.stream, network):
            await network.aclose()
        return Answer(response.status_code, response.headers, body)
    finally:
        await response.aclose()


async def _read(response: httpx.Response) -> bytes:
    """The body, as it came. (`aiter_raw` would give the connection back with its last byte.)"""
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # an async client's
    body = bytearray()
    async for chunk in response.stream:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BadAnswerError("The server's answer is larger than any answer can be.")
    return bytes(body)


class _NoCookies(CookieJar):
    """Takes none: a server could let them, and every later request, grow without an end."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Leave them where they are."""


def _url(address: str, whose: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        # Decoding the host is what fails for a bad IDNA label.
        _ = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise AddressError(f"The {whose}'s host is not a valid one.") from None
    return url


def _proxy(proxy: str, ca_file: str) -> httpx.Proxy | None:
    """Without a context of its own, a proxy by https would get httpcore's default one."""
    if not proxy:
        return None
    tls = client_context(ca_file) if proxy.startswith("https:") else None
    return httpx.Proxy(_url(proxy, "proxy"), ssl_context=tls)


def _timed_out(progress: Progress, deadline_s: float) -> PulsapiError:
    if progress.is_unsent:
        return progress.failure(None, waited_s=deadline_s)
    return AnswerLostError(f"PulsAPI did not answer within {deadline_s:.0f} s.")


def _failed(progress: Progress, error: Exception) -> PulsapiError:
    never_sent = isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol)
    if progress.is_unsent or never_sent:
        # Of what a proxy says, only the status: three digits, by httpcore's own formatting.
        status = str(error)[:3] if isinstance(error, httpx.ProxyError) else ""
        return progress.failure(error, proxy_status=status)
    return AnswerLostError("The connection to PulsAPI was cut before its answer was complete.")
