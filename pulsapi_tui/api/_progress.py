"""How far an exchange came: what was never sent is known not to have been, and what stopped it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum, auto
from typing import Any, NamedTuple

from pulsapi_tui.api.origin import is_loopback
from pulsapi_tui.api.tls import handshake_problem
from pulsapi_tui.domain.errors import AddressError, ConnectError, NotTrustedError


class Stage(Enum):
    """Where an exchange is."""

    UNKNOWN = auto()
    """Nothing was heard of it: it counts as sent."""
    CONNECTING = auto()
    """To the server, or to the proxy where there is one."""
    HANDSHAKE = auto()
    """TLS with the same."""
    TUNNEL = auto()
    """The proxy was asked for a way to the server."""
    INNER_HANDSHAKE = auto()
    """TLS with the server, through the proxy."""
    SENT = auto()
    """The request was begun."""


_STAGES = {
    "connection.connect_tcp": Stage.CONNECTING,
    "connection.start_tls": Stage.HANDSHAKE,
    "proxy.start_tls": Stage.INNER_HANDSHAKE,
}


class Route(NamedTuple):
    """From here to the server."""

    server: str
    """The base URL."""
    proxy: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the key goes there in the clear."""
        return self.server.startswith("http:")


class Progress:
    """Follows one exchange by what httpcore tells of it (its `trace` extension).

    Of what it is told it keeps the connection, and no header. An event that is not known counts as
    sent, and sent it stays.

    Raises:
        AddressError: plain http came to another machine, as where a resolver says that of
            `localhost`; nothing was sent there.
    """

    def __init__(self, route: Route) -> None:
        self.stage = Stage.UNKNOWN
        self._route = route
        self._asks_proxy = False
        self._stream: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event: `connection.connect_tcp.started` and the like."""
        what, _, state = event.rpartition(".")
        if self.stage is Stage.SENT:
            return
        if what in _STAGES:
            self.stage = _STAGES[what]
        else:
            request = info.get("request")
            if request is not None:
                self._asks_proxy = bool(self._route.proxy) and request.method == b"CONNECT"
            self.stage = Stage.TUNNEL if self._asks_proxy else Stage.SENT
        if self.stage is Stage.CONNECTING and state == "complete":
            self._stream = info["return_value"]
            self._check_loopback()

    def _check_loopback(self) -> None:
        address = self._stream.get_extra_info("server_addr")
        if self._route.is_plain and not (address and is_loopback(str(address[0]))):
            raise AddressError(
                f"{self._route.server} leads to another machine here, and plain http would send "
                "the key in the clear: use http://127.0.0.1, or https. Nothing was sent."
            )

    async def abandon(self) -> None:
        """Close a connection by which nothing was sent: cut in its handshake, nobody else does."""
        if self.is_unsent and self._stream is not None:
            with suppress(OSError):
                await self._stream.aclose()

    @property
    def is_unsent(self) -> bool:
        """Whether nothing of the request can have gone out."""
        return self.stage not in {Stage.UNKNOWN, Stage.SENT}

    def failure(
        self,
        cause: BaseException | None,
        *,
        proxy_status: str = "",
        waited_s: float | None = None,
    ) -> ConnectError:
        """What to say of an exchange that was not sent.

        `cause` is looked at only. `proxy_status` is what the proxy answered, where it did;
        `waited_s` is how long was waited, where that is why.
        """
        route = self._route
        late = "" if waited_s is None else f" within {waited_s:.0f} s"
        match self.stage:
            case Stage.HANDSHAKE:
                return _handshake_failure(cause, route.proxy or route.server, late)
            case Stage.TUNNEL:
                return ConnectError(_refused_tunnel(route.proxy, proxy_status, late))
            case Stage.INNER_HANDSHAKE:
                by_proxy = f" (By the proxy {route.proxy}.)"
                return _handshake_failure(cause, route.server, late, by_proxy)
        whom = f"The proxy {route.proxy}" if route.proxy else "PulsAPI"
        return ConnectError(f"{whom} can't be reached: no connection could be made{late}.")


def _handshake_failure(
    cause: BaseException | None, whose: str, late: str, by_proxy: str = ""
) -> ConnectError:
    error = _tls_error(cause)
    untrusted = isinstance(error, ssl.SSLCertVerificationError)
    kind = NotTrustedError if untrusted else ConnectError
    return kind(handshake_problem(error, whose, late) + by_proxy)


def _refused_tunnel(proxy: str, status: str, late: str) -> str:
    if late:
        return f"The proxy {proxy} did not answer{late}. Nothing was sent to PulsAPI."
    if status == "407":
        return (
            f"The proxy {proxy} wants a name and a password (status 407), and none is ever sent to "
            "a proxy. Nothing was sent to PulsAPI."
        )
    if status:
        return f"The proxy {proxy} made no way to PulsAPI (status {status}). Nothing was sent."
    return (
        f"The proxy {proxy} gave no answer that a proxy gives: check its address. Nothing was "
        "sent to PulsAPI."
    )


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The error of TLS behind another one."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
