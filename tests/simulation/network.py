"""A network between the real client and the real server that carries bytes, or does not.

It sits below httpcore and beside uvicorn's protocol, at the loop's `create_connection`, and not at
httpx's transport: kept-alive connections, what counts as not sent, requests and answers cut within
a line and the parsing of what is left are the real code's then.
A connection keeps the order of its bytes, as TCP does. What comes late or twice comes by a
connection of its own, as from a proxy that holds a request and sends it (again) later; so requests
overtake each other.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any

LATEST_S = 540.0
"""No request arrives later than that after it was sent; the client counts on ten minutes."""

ADDRESS = ("127.0.0.1", 8787)
ORIGIN = "http://127.0.0.1:8787"
GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 7\r\n"
    b"Connection: close\r\n\r\n<html/>"
)

Factory = Callable[[], asyncio.Protocol]
Tell = Callable[[str], None]


class Fate(StrEnum):
    """What becomes of a connection, or of a request and its answer."""

    FINE = "fine"
    SLOW = "slow"
    REFUSED = "connections refused"
    UNHEARD = "connections never made"
    LOST = "requests lost"
    CUT = "requests cut"
    LATE = "requests late"
    TWICE = "requests twice"
    SILENT = "answers lost"
    TARDY = "answers late"
    BROKEN = "answers cut"
    GATEWAY = "answers replaced"
    """By a gateway's 502, where the server had acted."""


MUTE = (Fate.LOST, Fate.LATE, Fate.SILENT)
"""Nothing at all comes back, not even an end."""

CONNECTING = (Fate.REFUSED, Fate.UNHEARD)
ASKING = tuple(fate for fate in Fate if fate not in {Fate.FINE, *CONNECTING})
ONCE = tuple(fate for fate in ASKING if fate is not Fate.TWICE)


class Quiet:
    """What a client asks of a socket: whom it leads to, and whether it can be read."""

    family = socket.AF_INET

    def __init__(self, end: End) -> None:
        self._end = end

    def getpeername(self) -> tuple[str, int]:
        return ADDRESS

    getsockname = getpeername

    def setsockopt(self, *_: object) -> None:
        pass

    def fileno(self) -> int:
        """A descriptor that poll(2) calls readable just where this end has something to read."""
        network = self._end.link.network
        return network.readable if self._end.has_more else network.unreadable


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link
        self.protocol: asyncio.Protocol | None = None
        self._closing = self._lost = self._paused = False
        self._arrived: deque[bytes | None] = deque()

    @property
    def has_more(self) -> bool:
        """Whether there are bytes, or an end, that were not read yet."""
        return bool(self._arrived) or self._closing

    def take(self, data: bytes | None) -> None:
        """Bytes arrive, or the end of them."""
        self._arrived.append(data)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._arrived and not self._paused and not self._lost and self.protocol is not None:
            data = self._arrived.popleft()
            if data is not None:
                self.protocol.data_received(data)
            elif not self.protocol.eof_received():
                self.close()

    def fail(self) -> None:
        """The other end, or somebody between, reset the connection."""
        self._lose(ConnectionResetError("reset"))

    def die(self) -> None:
        """Whoever had this end is gone, and hears of nothing any more."""
        self._closing = self._lost = True

    def _lose(self, error: Exception | None) -> None:
        self._closing = True
        if not self._lost and self.protocol is not None:
            self._lost = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, error)

    def write(self, data: Any) -> None:
        """Send."""
        if not self._closing:
            self.link.send(self, bytes(data))

    def close(self) -> None:
        """Send what was written, and an end after it."""
        if not self._closing:
            self.link.send(self, None)
        self._lose(None)

    abort = close

    def write_eof(self) -> None:
        """Nobody here sends half an end."""

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._hand_on()

    def is_reading(self) -> bool:
        return not self._paused

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Everything written is on its way at once."""

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return Quiet(self) if name == "socket" else default


class Link:
    """A connection: two ends, and what becomes of each request on it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.client = End(self)
        self.server = End(self)
        self._fate = Fate.FINE
        self._left = 0
        """Bytes of the answer that still pass, where it is cut."""
        self._request = bytearray()
        self._is_cut = False
        self._pipes: dict[End, Pipe] = {
            self.client: Pipe(network, self.server),
            self.server: Pipe(network, self.client),
        }

    def send(self, end: End, data: bytes | None) -> None:
        """Bytes, or their end, from an end."""
        if self._is_cut:
            return
        if data is None:
            if end is self.client or self._fate not in MUTE:
                self._pipes[end].carry(None)
        elif end is self.client:
            self._ask(data)
        else:
            self._answer(data)

    def _ask(self, data: bytes) -> None:
        if not self._request:
            self._fate = self.network.fate_of_request(is_create=data.startswith(b"POST "))
            self._left = self.network.rng.randrange(1, 400)
        self._request += data
        pipe = self._pipes[self.client]
        match self._fate:
            case Fate.LOST | Fate.LATE:
                pass
            case Fate.CUT:
                pipe.carry(data[: self.network.rng.randrange(len(data))])
                self.cut()
            case Fate.SLOW:
                pipe.carry(data, self.network.rng.uniform(0.3, 6.0))
            case _:
                pipe.carry(data)
        if is_whole(self._request):
            if self._fate in {Fate.LATE, Fate.TWICE}:
                self.network.send_later(bytes(self._request))
            self._request.clear()

    def _answer(self, data: bytes) -> None:
        pipe = self._pipes[self.server]
        match self._fate:
            case Fate.SILENT:
                pass
            case Fate.TARDY:
                pipe.carry(data, self.network.rng.uniform(8.0, 60.0))
            case Fate.SLOW:
                pipe.carry(data, self.network.rng.uniform(0.3, 6.0))
            case Fate.GATEWAY:
                self._fate = Fate.SILENT
                pipe.carry(GATEWAY)
                pipe.carry(None)
            case Fate.BROKEN:
                part = data[: self._left]
                self._left -= len(part)
                pipe.carry(part)
                if not self._left:
                    self.cut()
            case _:
                pipe.carry(data)

    def cut(self) -> None:
        """By an end on both sides, or by a reset, after what is on its way."""
        self._is_cut = True
        is_reset = self.network.rng.random() < 0.5
        for pipe in self._pipes.values():
            pipe.cut(is_reset=is_reset)

    def drop(self, end: End) -> None:
        """One side is gone from one moment to the next, and the other hears it soon."""
        end.die()
        if not self._is_cut:
            self._is_cut = True
            for pipe in self._pipes.values():
                pipe.cut(is_reset=True)


class Pipe:
    """One direction of a connection: in order, each thing a while after it was sent."""

    def __init__(self, network: Network, to: End) -> None:
        self._network = network
        self._to = to
        self._on_the_way: deque[tuple[float, bytes | Exception | None]] = deque()
        self._last_s = 0.0

    def carry(self, data: bytes | Exception | None, delay_s: float | None = None) -> None:
        """Let it arrive after that time, or after a short one."""
        if data == b"":
            return
        loop = asyncio.get_running_loop()
        delay_s = self._network.rng.uniform(0.0005, 0.02) if delay_s is None else delay_s
        self._last_s = max(loop.time() + delay_s, self._last_s + 1e-6)
        self._on_the_way.append((self._last_s, data))
        loop.call_at(self._last_s, self._arrive)

    def cut(self, *, is_reset: bool) -> None:
        """End it."""
        self.carry(ConnectionResetError() if is_reset else None)

    def _arrive(self) -> None:
        _, data = self._on_the_way.popleft()
        if isinstance(data, Exception):
            self._to.fail()
        else:
            self._to.take(data)


class Nobody(asyncio.Protocol):
    """Who hears the answer to a request that came late or twice."""

    def eof_received(self) -> bool:
        return True


class Network:
    """All connections of a world."""

    def __init__(self, rng: random.Random, tell: Tell) -> None:
        self.rng = rng
        self._tell = tell
        self.listener: Factory | None = None
        """Makes the server's protocol of a connection; None while it is down."""
        self.trouble = 0.0
        """The share of requests, and of connections, that something happens to."""
        self.repeats_creates = True
        """Whether a create, too, may come twice: one that does, on a server that can't tell, makes
        two keys, and no client can do anything about that."""
        self.faults: Counter[str] = Counter()
        self._links: list[Link] = []
        self.readable, writing = os.pipe()
        os.close(writing)
        self.unreadable, self._writing = os.pipe()

    def close(self) -> None:
        """Give the descriptors back."""
        for each in (self.readable, self.unreadable, self._writing):
            os.close(each)

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """A connection of the client's."""
        fate = self._draw(CONNECTING, self.trouble / 3)
        if fate is Fate.UNHEARD:
            await asyncio.Event().wait()
        await asyncio.sleep(self.rng.uniform(0.0005, 0.02))
        if fate is Fate.REFUSED or self.listener is None:
            raise ConnectionRefusedError(111, "refused")
        protocol = factory()
        assert isinstance(protocol, asyncio.Protocol)
        return self._join(self.listener, protocol).client, protocol

    def _join(self, listener: Factory, client: asyncio.Protocol) -> Link:
        link = Link(self)
        self._links = [each for each in self._links if not each.server.is_closing()]
        self._links.append(link)
        link.client.protocol = client
        client.connection_made(link.client)
        link.server.protocol = listener()
        link.server.protocol.connection_made(link.server)
        return link

    def drop_servers(self) -> None:
        """The server is gone: so are all connections."""
        for link in self._links:
            link.drop(link.server)
        self._links = []

    def drop_clients(self) -> None:
        """The program is gone: so are its connections."""
        for link in self._links:
            if not isinstance(link.client.protocol, Nobody):
                link.drop(link.client)

    def send_later(self, request: bytes) -> None:
        """Bring a whole request to the server by a connection of its own, some time."""
        # Some overtake the first one.
        overtakes = self.rng.random() < 0.3
        delay_s = 0.0 if overtakes else min(10 ** self.rng.uniform(-2, 2.7323), LATEST_S)
        asyncio.get_running_loop().call_later(delay_s, self._bring, request)

    def _bring(self, request: bytes) -> None:
        if self.listener is None:
            self._tell("a late request found no server")
            return
        self._tell("a late request arrives")
        self.faults["late arrivals"] += 1
        link = self._join(self.listener, Nobody())
        pipe = Pipe(self, link.server)
        pipe.carry(request)
        pipe.carry(None, 1.0)

    def fate_of_request(self, *, is_create: bool) -> Fate:
        """What becomes of the request that begins now."""
        is_once = is_create and not self.repeats_creates
        return self._draw(ONCE if is_once else ASKING, self.trouble)

    def _draw(self, fates: tuple[Fate, ...], share: float) -> Fate:
        if self.rng.random() >= share:
            return Fate.FINE
        fate = self.rng.choice(fates)
        self.faults[fate.value] += 1
        self._tell(fate.value)
        return fate


def is_whole(request: bytes | bytearray) -> bool:
    """Whether all bytes of a request are there."""
    head, ended, body = bytes(request).partition(b"\r\n\r\n")
    if not ended:
        return False
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return len(body) >= (lengths or [0])[0]
