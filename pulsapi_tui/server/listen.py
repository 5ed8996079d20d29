"""Running the server: a socket on loopback, uvicorn on it, and Last Used written behind."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from pulsapi_tui.server.app import build_app
from pulsapi_tui.server.guard import Guard, Limits
from pulsapi_tui.server.protocol import limited_protocol
from pulsapi_tui.server.store import Store, StoreUnavailableError

FLUSH_INTERVAL_S = 0.5


class ListenError(Exception):
    """The server can't listen there; its text is a line for the user."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def check_listen(host: str, port: int) -> str:
    """The loopback address for this host.

    Raises `ListenError` (exit code 2) for a host that is not loopback (the server speaks plain HTTP
    and knows no other protection of its own) and for a port outside of 0 to 65535.
    """
    if not 0 <= port <= 65535:
        raise ListenError(f"--port must be 0 to 65535 (0 takes a free one), not {port}", 2)
    if host == "localhost":
        return "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ListenError(
            f"--host must be a loopback address (127.0.0.1, ::1 or localhost), not {host!r}:"
            " the server speaks plain HTTP",
            2,
        )
    return host


def open_socket(host: str, port: int) -> socket.socket:
    """A bound socket; raises `ListenError` (1 where the port is in use, 2 as `check_listen`)."""
    address = check_listen(host, port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named. Left on, an answer waits
    # for the client's delayed ACK, since uvicorn writes it in two parts: 44 ms instead of 0.2.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        # Two servers may bind one port with SO_REUSEADDR; only one may listen on it.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or "the address can't be used"
        hint = ". Choose another one: --port N" if error.errno == errno.EADDRINUSE else ""
        raise ListenError(f"can't listen on {address} port {port}: {reason}{hint}", 1) from None
    return listener


def base_url(listener: socket.socket) -> str:
    """The URL under which this socket is served."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allowed_hosts(listener: socket.socket) -> frozenset[str]:
    """The Host headers that mean this socket."""
    own = base_url(listener).removeprefix("http://")
    port = own.rpartition(":")[2]
    hosts = {own, f"localhost:{port}"}
    # Clients leave out http's default port.
    return frozenset(hosts | {host.rpartition(":")[0] for host in hosts if port == "80"})


class LocalServer(uvicorn.Server):
    """Uvicorn that tells when it accepts connections and leaves signals to its owner."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the demo and `serve` treat signals differently."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections, then say so."""
        await super().startup(sockets)
        self._on_started()


def make_server(
    store: Store,
    listener: socket.socket,
    on_started: Callable[[], None],
    limits: Limits | None = None,
    report: Callable[[str], None] | None = None,
) -> LocalServer:
    """The server on this socket; run it with `run_server`. `report` is told of faults."""
    limits = limits or Limits()
    app: ASGIApp = Guard(build_app(store, report), allowed_hosts(listener), limits)
    config = uvicorn.Config(
        app,
        http=limited_protocol(limits),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        # Uvicorn's own log shows paths and tracebacks; `report` says what is to be said.
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
    )
    return LocalServer(config, on_started)


async def run_server(server: LocalServer, store: Store, listener: socket.socket) -> None:
    """Serve until `server.should_exit` is set, with Last Used written behind."""
    writing_behind = asyncio.create_task(write_behind(store))
    try:
        await server.serve(sockets=[listener])
    finally:
        writing_behind.cancel()


async def write_behind(store: Store, interval_s: float = FLUSH_INTERVAL_S) -> None:
    """Write noted uses twice a second, in chunks, so that no request waits for more than one.

    All at once takes the tail of the answers from about 17 to about 56 ms.
    """
    while True:
        await asyncio.sleep(interval_s)
        await write_all_uses(store)


async def write_all_uses(store: Store) -> None:
    """Write what is noted, with a turn for others after each chunk; try later where it can't be."""
    has_more = True
    while has_more:
        try:
            has_more = store.flush_uses()
        except StoreUnavailableError:
            return
        await asyncio.sleep(0)
