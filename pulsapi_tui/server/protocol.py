"""HTTP/1.1 on a connection, with the limits that uvicorn does not have.

Uvicorn waits for ever for the rest of a header, for the first byte of a connection, and for a
client that does not read its answers. Here each header and each answer has a deadline, and there
are never more than so many connections: one too many, and the oldest one that waits for its client
makes room, so that half-sent requests and unread answers can't lock out whole ones.
"""

import asyncio
import itertools

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pulsapi_tui.server.guard import Limits
from pulsapi_tui.server.problem import invalid_request, unavailable

_numbers = itertools.count()


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=…)` with these limits."""
    return type("BoundLimitedProtocol", (LimitedProtocol,), {"limits": limits})


class LimitedProtocol(H11Protocol):
    """Uvicorn's h11 protocol with deadlines and a bound on connections."""

    limits = Limits()
    number = 0
    has_requested = False
    header_timer: asyncio.TimerHandle | None = None
    answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it where none can make room."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what TCP servers give
        super().connection_made(transport)
        self.number = next(_numbers)
        self._watch_header()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and start or end the watch over a header."""
        super().data_received(data)
        self._watch_header()

    def on_response_complete(self) -> None:
        """Go on to the next request; watch it where its first bytes came with the last one.

        Every answer is written whole by now, so what is not sent of it waits for its reader alone.
        """
        super().on_response_complete()
        self._watch_answer()
        if self.conn.trailing_data[0]:
            self._watch_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_watch()
        if self.answer_timer is not None:
            self.answer_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP as a problem, like everything else; `msg` is not repeated."""
        refusal = invalid_request("This is not an HTTP/1.1 request.")
        headers = [("Content-Type", "application/problem+json"), ("Connection", "close")]
        body = refusal.body()
        headers.append(("Content-Length", str(len(body))))
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._watch_answer()

    def is_still_sending(self) -> bool:
        """Whether this connection waits for (more of) a request, and not for an answer."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and self.conn.our_state in (
            h11.IDLE,
            h11.SEND_RESPONSE,
        )

    def is_unread(self) -> bool:
        """Whether there is something of an answer that the client does not take."""
        return self.transport.get_write_buffer_size() > 0

    def _watch_header(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self.has_requested = True
            self._stop_watch()
        elif self.header_timer is None:
            self.header_timer = self.loop.call_later(
                self.limits.header_deadline_s, self.transport.close
            )

    def _stop_watch(self) -> None:
        if self.header_timer is not None:
            self.header_timer.cancel()
            self.header_timer = None

    def _watch_answer(self) -> None:
        # The system takes megabytes before anything is left here, from a client that reads nothing.
        if self.answer_timer is None and self.is_unread():
            self.answer_timer = self.loop.call_later(
                self.limits.answer_deadline_s, self._end_unread_answer
            )

    def _end_unread_answer(self) -> None:
        self.answer_timer = None
        if self.is_unread():
            # Not `close`, which would wait until all is sent.
            self.transport.abort()

    def _make_room(self) -> None:
        others = (
            peer
            for peer in self.connections
            if isinstance(peer, LimitedProtocol)
            and peer is not self
            and (peer.is_still_sending() or peer.is_unread())
        )
        # Those that were never of use, or are no more, go before those that are kept alive.
        oldest = min(
            others,
            key=lambda peer: (peer.has_requested and not peer.is_unread(), peer.number),
            default=None,
        )
        if oldest is not None:
            oldest.transport.abort()
            self.connections.discard(oldest)
        else:
            body = unavailable().body()
            self.transport.write(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
                b"Retry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                % len(body)
                + body
            )
            self.transport.close()
