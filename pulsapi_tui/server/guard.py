"""The guard: what a web page or a careless client could do to a loopback server, refused first.

A server on 127.0.0.1 is reachable from every page in the user's browser. So the Host must be ours
(else a foreign name that resolves to 127.0.0.1 could read answers), and a cross-site request is
refused. Bodies are read here, whole and bounded in size and time, before the application sees the
request. (That a body is JSON is checked in `requests`, where it is known who takes a body at all.)
"""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulsapi_tui.server.problem import ProblemError

MAX_BODY_BYTES = 64 * 1024
SAME_SITE = ("same-origin", "none")


@dataclass(frozen=True)
class Limits:
    """What a connection may take: deadlines in seconds, and how many there may be."""

    header_deadline_s: float = 5.0
    body_deadline_s: float = 10.0
    answer_deadline_s: float = 10.0
    connections: int = 256


class ClientGoneError(Exception):
    """The client went away while its body was read; nobody is left to answer."""


class Guard:
    """ASGI middleware around the application; `hosts` are the `host:port` that are served."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], limits: Limits) -> None:
        self._app = app
        self._hosts = hosts
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or read its body and hand it on."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        try:
            self._check_origin(headers)
            _check_length(headers)
            if "content-length" in headers or "transfer-encoding" in headers:
                receive = _replay(await self._read_body(receive), receive)
        except ProblemError as error:
            await error.response()(scope, receive, send)
        except ClientGoneError:
            return
        else:
            await self._app(scope, receive, send)

    def _check_origin(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise _refuse(421, "misdirected", "This server is not the host that was asked for.")
        is_same_origin = headers.getlist("origin") in ([], [f"http://{hosts[0].lower()}"])
        sites = headers.getlist("sec-fetch-site")
        if not is_same_origin or any(site not in SAME_SITE for site in sites):
            raise _refuse(403, "cross_site", "Requests from other sites are refused.")

    async def _read_body(self, receive: Receive) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_deadline_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    body += message.get("body", b"")
                    if len(body) > MAX_BODY_BYTES:
                        raise _body_too_large()
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _refuse(408, "request_timeout", "The body did not arrive in time.") from None


def _check_length(headers: Headers) -> None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise _body_too_large()


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _body_too_large() -> ProblemError:
    return _refuse(413, "body_too_large", "The body is over 64 KiB.")


def _refuse(status: int, code: str, detail: str) -> ProblemError:
    # The connection is closed with it, or what is left of the body would be read to its end.
    return ProblemError(status, code, detail, headers={"Connection": "close"})
