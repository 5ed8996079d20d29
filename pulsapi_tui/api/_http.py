"""HTTP itself: the only importer of httpx.

What httpx 0.28 leaves to its user is done here: a wall-clock deadline around every exchange (its
own timeouts are per read), a cap on the raw bytes before anything decodes them, no pool limit (a
cancelled connect loses a slot of a capped pool for good) but a semaphore of our own, no redirects,
no environment proxies, no logging of what the server sent, and own errors raised without httpx's
as their context, since those hold header values.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from pulsapi_tui.domain.errors import (
    AnswerLostError,
    BadAnswerError,
    ConnectError,
    CredentialError,
    NetworkError,
    RedirectError,
)
from pulsapi_tui.domain.secret import Secret

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A page of 1,000 keys with 64 wide characters each stays under 1 MiB."""

MAX_AT_ONCE = 10
"""httpx gets slower with concurrency; 8 to 12 requests at once were the quickest."""

for _name in ("httpx", "httpcore.connection", "httpcore.http11"):
    # At DEBUG they print headers and broken lines as they came, a secret among them or not.
    logging.getLogger(_name).disabled = True


class Answer(NamedTuple):
    """A whole answer; headers by their lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One origin, one credential or none, one client. `close` it when done.

    Raises:
        CredentialError: httpx can't make a URL of the base URL's host.
    """

    def __init__(self, base_url: str, credential: Secret | None, *, version: str) -> None:
        tls: ssl.SSLContext | bool = (
            ssl.create_default_context() if base_url.startswith("https:") else False
        )
        try:
            origin = httpx.URL(base_url)
            # Decoding the host is what fails for a bad IDNA label.
            _ = origin.host
        except (httpx.InvalidURL, UnicodeError):
            raise CredentialError("The base URL's host is not a valid one.") from None
        self._client = httpx.AsyncClient(
            base_url=origin,
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113  # the deadline in `exchange` bounds the whole, not a read
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=MAX_AT_ONCE),
            headers={
                "Accept": "application/json, application/problem+json",
                "Accept-Encoding": "identity",
                "User-Agent": f"pulsapi-tui/{version}",
            },
        )
        self._credential = credential
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

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
            AnswerLostError: it was, and no whole answer came within `deadline_s` seconds.
            BadAnswerError: the answer is compressed, or larger than the cap.
            RedirectError: the answer sends elsewhere.
        """
        sent_headers = dict(headers or {})
        used_credential = credential or self._credential
        if used_credential is not None:
            sent_headers["Authorization"] = f"Bearer {used_credential.reveal()}"
        async with self._places:
            try:
                async with asyncio.timeout(deadline_s):
                    request = self._client.build_request(
                        method, path, headers=sent_headers, params=params, content=content
                    )
                    return await self._send(request)
            except TimeoutError:
                failure: NetworkError = AnswerLostError(
                    f"PulsAPI did not answer within {deadline_s:.0f} s."
                )
            except (httpx.ConnectError, httpx.UnsupportedProtocol):
                failure = ConnectError("PulsAPI can't be reached: no connection could be made.")
            except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL):
                failure = AnswerLostError(
                    "The connection to PulsAPI was cut before its answer was complete."
                )
        # Raised out here, so that httpx's error, which holds headers, is not even its context.
        raise failure

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            if 300 <= response.status_code < 400 and response.status_code != 304:
                raise RedirectError(
                    "The server answered with a redirect. It was not followed, since the key "
                    "would go with it: check the base URL."
                )
            if response.headers.get("content-encoding", "identity") != "identity":
                raise BadAnswerError(
                    "The server sent a compressed answer, which was not asked for."
                )
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise BadAnswerError("The server's answer is larger than any answer can be.")
            return Answer(response.status_code, response.headers, bytes(body))
        finally:
            await response.aclose()

    def sign_in(self, credential: Secret) -> None:
        """Send that credential from now on."""
        self._credential = credential

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
