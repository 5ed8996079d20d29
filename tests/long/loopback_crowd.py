"""A crowd: connections that are held half-way, each in its own manner, until they are ended."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random
from unittest import mock

from pulsapi_tui.server.guard import Limits
from pulsapi_tui.server.protocol import LimitedProtocol
from tests.long.plain_http import request
from tests.server.support import Running, TestKey, is_silent, read_to_end, wait_until

CROWD = 300
UNREAD = 2
"""Of them so many that read no answer: the system takes megabytes for each before it is felt."""
LISTS = 80
"""Asked for by one of those, in pages of 1000 keys."""


class HeldError(AssertionError):
    """A connection ended too early or not by its deadline."""


class Crowd:
    """Connections by the manner in which they are held."""

    def __init__(self, server: Running, key: TestKey, limits: Limits, rng: Random) -> None:
        self._server = server
        self._key = key
        self._limits = limits
        self._rng = rng
        self._stack = ExitStack()
        self._headers: list[socket.socket] = []
        self._trickled: list[socket.socket] = []
        self._bodies: list[socket.socket] = []
        self._closed: list[socket.socket] = []
        self._unread: list[socket.socket] = []

    def gather(self) -> None:
        """Open them all; those that read nothing last, since the oldest have to make room."""
        self._gather_half_requests()
        self.gather_unread(UNREAD)

    def gather_unread(self, count: int) -> None:
        """Open so many that read nothing, until the server feels it."""
        with paused_writing() as paused:
            for _ in range(count):
                connection = self._stack.enter_context(self._server.raw())
                connection.sendall(self._list() * LISTS)
                self._unread.append(connection)
            wait_until(lambda: len(paused) >= count)

    def _gather_half_requests(self) -> None:
        manners = (self._headers, self._trickled, self._bodies, self._closed)
        for _ in range(CROWD - UNREAD):
            # Those that close are gone at once: few, or there would be no crowd.
            (manner,) = self._rng.choices(manners, (9, 9, 9, 1))
            connection = self._stack.enter_context(self._server.raw())
            manner.append(connection)
            data = self._create(b"{")
            end = data.index(b"\r\n\r\n") + 2
            if manner is not self._bodies:
                data = data[: self._rng.randrange(end)]
            with suppress(ConnectionError):
                connection.sendall(data)
                if manner is self._closed:
                    connection.shutdown(socket.SHUT_WR)

    def outlast(self, serve_a_good_one: Callable[[], None]) -> None:
        """Let the time pass; each leaves by its deadline, and not before."""
        limits = self._limits
        for each in self._closed:
            self._must_end(each)
        serve_a_good_one()
        there = sum(map(is_silent, self._headers + self._trickled + self._bodies))
        if there + UNREAD > limits.connections:
            raise HeldError(f"{there} connections are there at once")
        self._server.leap(limits.header_deadline_s * 0.9)
        for each in self._trickled:
            with suppress(ConnectionError):
                each.sendall(b"\r\nX-Later: yes")
        serve_a_good_one()
        self._some_must_be_there(self._headers + self._trickled)
        self._server.leap(limits.header_deadline_s * 0.2)
        for each in self._headers + self._trickled:
            self._must_end(each)
        serve_a_good_one()
        self._some_must_be_there(self._bodies)
        self._server.leap(limits.body_deadline_s)
        for each in self._bodies:
            self._must_end(each)
        self._server.leap(limits.answer_deadline_s)
        for each in self._unread:
            answers = read_to_end(each).count(b"HTTP/1.1 200")
            if not 0 < answers < LISTS:
                raise HeldError(f"{answers} of {LISTS} answers that nobody read were sent")
        serve_a_good_one()

    def leave(self) -> None:
        """Close them all."""
        self._stack.close()

    def _some_must_be_there(self, held: list[socket.socket]) -> None:
        """The oldest made room, but not all."""
        if not any(is_silent(each) for each in held):
            raise HeldError("all were ended before their deadline")

    def _must_end(self, held: socket.socket) -> None:
        try:
            read_to_end(held)
        except TimeoutError:
            raise HeldError("a connection is there after its deadline") from None

    def _create(self, body: bytes) -> bytes:
        headers = [*self._own_headers(), ("Content-Type", "application/json")]
        if self._rng.random() < 0.5:
            framed = [*headers, ("Transfer-Encoding", "chunked")]
            return request("POST", "/v1/api-keys", framed) + b"14\r\n" + body
        return request("POST", "/v1/api-keys", [*headers, ("Content-Length", "20")]) + body

    def _list(self) -> bytes:
        return request("GET", "/v1/api-keys?limit=1000", self._own_headers())

    def _own_headers(self) -> list[tuple[str, str]]:
        host = f"127.0.0.1:{self._server.port}"
        return [("Host", host), ("Authorization", f"Bearer {self._key.secret!s}")]


@contextmanager
def paused_writing() -> Iterator[list[int]]:
    """Which connections wait for a client that does not read."""
    paused: list[int] = []
    pause = LimitedProtocol.pause_writing

    def noted(self: LimitedProtocol) -> None:
        pause(self)
        paused.append(self.number)

    with mock.patch.object(LimitedProtocol, "pause_writing", noted):
        yield paused
