"""HTTP itself: the only importer of httpx, and of httpcore below it.

A request goes to a connection of httpcore at once. httpx's client and the pool in between would
cost as much as all the rest of a request, and do nothing that is wanted here: they follow
redirects, keep cookies, read proxies from the environment, and a cancelled connect loses them a
place in a capped pool for good. So a connection has one exchange at a time, and no other one after
one that was not whole, or on which more came than the answer. A semaphore is the limit.

What httpcore leaves to its user is done here: a wall-clock deadline around every exchange (its own
timeouts are per read), a cap on the raw bytes before anything decodes them, no logging of what the
server sent, no claim that a request was sent when it was not, and own errors raised without
httpcore's as their context, since those hold header values.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote, urlencode

import httpcore
import httpx

from pulsapi_tui.api._headers import decoded, encoded
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
"""Requests under way together, each on a connection of its own."""

KEEP_ALIVE_S = 5.0
"""A connection that waited longer is not used again: the server may be about to close it."""

for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    # At DEBUG they print headers and broken lines as they came, a secret among them or not.
    logging.getLogger(_name).disabled = True


class Answer(NamedTuple):
    """A whole answer; headers by their lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Line:
    """A connection, for one exchange at a time."""

    def __init__(self, connection: httpcore.AsyncConnectionInterface) -> None:
        self.connection = connection
        self.was_used = False
        self.is_spent = False
        """An exchange on it is not whole, or was more than that: it gets no other one."""

    @property
    def is_stale(self) -> bool:
        """Whether the server closed it, or it waited for too long."""
        return self.connection.is_closed() or self.connection.has_expired()


class Transport:
    """One origin, one credential or none, a connection for each request at once. `close` it.

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
        url = _url(base_url, "base URL")
        self._origin = httpcore.Origin(url.raw_scheme, url.raw_host, _port(url))
        self._connections = _maker(self._route, network.ca_file)
        self._headers = [
            (b"Host", url.netloc),
            (b"Accept", b"application/json, application/problem+json"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", f"pulsapi-tui/{version}".encode("ascii")),
        ]
        self._credential = credential
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

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
        progress = Progress(self._route)
        async with self._places, self._on_a_line() as line:
            request = self._request(method, path, params, content)
            request.headers += encoded(headers or {})
            used_credential = credential or self._credential
            if used_credential is not None:
                request.headers += encoded({"Authorization": f"Bearer {used_credential.reveal()}"})
            if not line.was_used:
                # On one that is connected, what goes out is the request.
                request.extensions["trace"] = progress
            try:
                async with asyncio.timeout(deadline_s):
                    return await _send(line, request)
            except TimeoutError:
                failure = _timed_out(progress, deadline_s)
            except AddressError as error:
                failure = AddressError(error.user_message)
            except _FAILURES as error:
                failure = _failed(progress, error)
            finally:
                await progress.abandon()
        # Raised out here, so that httpcore's error, which holds headers, is not even its context.
        raise failure

    def _request(
        self, method: str, path: str, params: Mapping[str, str] | None, content: bytes | None
    ) -> httpcore.Request:
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        to, target = self._origin, (path + query).encode("ascii")
        headers = list(self._headers)
        if content is not None:
            headers.append((b"Content-Length", str(len(content)).encode("ascii")))
        url = httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=target)
        return httpcore.Request(method, url, headers=headers, content=content)

    @asynccontextmanager
    async def _on_a_line(self) -> AsyncIterator[_Line]:
        """The connection to use; one on which an exchange was not whole gets no other one."""
        line = self._take_line()
        self._busy.add(line)
        try:
            yield line
        finally:
            self._busy.discard(line)
            if line.is_spent:
                self._close_soon(line)
            else:
                self._idle.append(line)

    def _take_line(self) -> _Line:
        # The one that was used last: those that are not needed any more get stale.
        while self._idle:
            line = self._idle.pop()
            if not line.is_stale:
                return line
            self._close_soon(line)
        return _Line(self._connections.create_connection(self._origin))

    def _close_soon(self, line: _Line) -> None:
        # A task of its own: whoever gave up once may do so again.
        closing = asyncio.create_task(line.connection.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def sign_in(self, credential: Secret) -> None:
        """Send that credential from now on."""
        self._credential = credential

    async def close(self) -> None:
        """Close every connection."""
        for line in (*self._idle, *self._busy):
            await line.connection.aclose()
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


_FAILURES = (
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,
)


async def _send(line: _Line, request: httpcore.Request) -> Answer:
    line.is_spent = True
    response = await line.connection.handle_async_request(request)
    try:
        if 300 <= response.status < 400 and response.status != 304:
            raise RedirectError(
                "The server answered with a redirect. It was not followed, since the key "
                "would go with it: check the base URL."
            )
        headers = decoded(response.headers)
        if headers.get("content-encoding", "identity") != "identity":
            raise BadAnswerError("The server sent a compressed answer, which was not asked for.")
        body = await _read(response)
        has_more = came_with_more(response.stream, response.extensions["network_stream"])
    finally:
        await response.aclose()
    line.was_used = True
    line.is_spent = has_more
    return Answer(response.status, headers, body)


async def _read(response: httpcore.Response) -> bytes:
    """The body, as it came."""
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BadAnswerError("The server's answer is larger than any answer can be.")
    return bytes(body)


def _url(address: str, whose: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        # Decoding the host is what fails for a bad IDNA label.
        _ = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise AddressError(f"The {whose}'s host is not a valid one.") from None
    return url


def _port(url: httpx.URL) -> int:
    return {"http": 80, "https": 443}[url.scheme] if url.port is None else url.port


def _maker(route: Route, ca_file: str) -> httpcore.AsyncConnectionPool:
    """What makes connections on that route. As a pool it is not used."""
    tls = trusting_nobody() if route.is_plain else client_context(ca_file)
    if not route.proxy:
        return httpcore.AsyncConnectionPool(ssl_context=tls, keepalive_expiry=KEEP_ALIVE_S)
    proxy = _url(route.proxy, "proxy")
    # Without a context of its own, a proxy by https would get httpcore's default one.
    proxy_tls = client_context(ca_file) if proxy.scheme == "https" else None
    return httpcore.AsyncHTTPProxy(
        httpcore.URL(scheme=proxy.raw_scheme, host=proxy.raw_host, port=_port(proxy), target=b"/"),
        ssl_context=tls,
        proxy_ssl_context=proxy_tls,
        keepalive_expiry=KEEP_ALIVE_S,
    )


def _timed_out(progress: Progress, deadline_s: float) -> PulsapiError:
    if progress.is_unsent:
        return progress.failure(None, waited_s=deadline_s)
    return AnswerLostError(f"PulsAPI did not answer within {deadline_s:.0f} s.")


def _failed(progress: Progress, error: Exception) -> PulsapiError:
    never_sent = isinstance(error, httpcore.ConnectError | httpcore.UnsupportedProtocol)
    if progress.is_unsent or never_sent:
        # Of what a proxy says, only the status: three digits, by httpcore's own formatting.
        status = str(error)[:3] if isinstance(error, httpcore.ProxyError) else ""
        return progress.failure(error, proxy_status=status)
    return AnswerLostError("The connection to PulsAPI was cut before its answer was complete.")
