"""Helpers of the server's tests: real servers in a thread, real processes, raw sockets."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.guard import Limits
from pulsapi_tui.server.listen import LocalServer, base_url, make_server, open_socket, run_server
from pulsapi_tui.server.rows import AccountRow, KeyRow
from pulsapi_tui.server.store import Store
from pulsapi_tui.server.wire import Plan, Role

DEADLINE_S = 10.0
_monotonic = time.monotonic
T = TypeVar("T")


class Secret(str):
    """A key in a test: pytest prints the repr of what an assertion compares."""

    def __repr__(self) -> str:
        return "<key>"


@dataclass(frozen=True)
class TestKey:
    """A key that was put into a store for a test."""

    __test__ = False
    id: str
    secret: Secret = field(repr=False)


class FakeClock:
    """A clock that stands still until it is moved; epoch seconds."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time can be moved on: what is due then happens, and nobody waits."""

    leapt_s = 0.0

    def time(self) -> float:
        """The loop's clock; the simulation sets that of `time` to its own while it runs."""
        return _monotonic() + self.leapt_s


def add_account(
    store: Store, account_id: str, plan: Plan = "pro", role: Role = "owner", keys: int = 1
) -> list[TestKey]:
    """An account with this many keys, each with its secret."""
    account = AccountRow(
        id=account_id,
        email=f"{account_id}@example.test",
        display_name=account_id,
        timezone="UTC",
        plan=plan,
        role=role,
    )
    made = []
    with store.writing() as transaction:
        transaction.add_account(account)
        for number in range(keys):
            minted = mint_key()
            key = KeyRow(
                id=new_key_id(),
                account_id=account_id,
                digest=minted.digest,
                name=f"key {number}",
                hint=minted.hint,
                created_at=store.now_ms() - 1_000_000 + number,
            )
            transaction.add_keys([key])
            made.append(TestKey(key.id, Secret(minted.secret)))
    return made


@dataclass(frozen=True)
class Running:
    """A server that runs in a thread of its own."""

    url: str
    port: int
    _loop: LeapingLoop
    _store: Store

    def with_store(self, work: Callable[[Store], T]) -> T:
        """Do this with the server's own store, in the server's thread."""

        async def run() -> T:
            return work(self._store)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(DEADLINE_S)

    def leap(self, seconds: float) -> None:
        """Move the server's clock for its deadlines; all that was due by then has happened."""

        async def leap() -> None:
            self._loop.leapt_s += seconds
            # A deadline cancels a task, whose own end takes a few turns more.
            for _ in range(10):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(leap(), self._loop).result(DEADLINE_S)

    def client(self, secret: str | None = None) -> httpx.Client:
        """A client that presents this key."""
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=DEADLINE_S)

    def raw(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)


@contextmanager
def running(
    path: Path, limits: Limits | None = None, clock: Callable[[], float] = time.time
) -> Iterator[Running]:
    """The real server on this database, on a free port."""
    started = threading.Event()
    parts: list[tuple[LocalServer, Store]] = []
    loop = LeapingLoop()
    listener = open_socket("127.0.0.1", 0)

    async def main() -> None:
        with closing(Store(path, clock)) as store:
            server = make_server(store, listener, started.set, limits)
            parts.append((server, store))
            await run_server(server, store, listener)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(DEADLINE_S)
        _, store = parts[0]
        yield Running(base_url(listener), int(listener.getsockname()[1]), loop, store)
    finally:
        for server, _ in parts:
            server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), _what_goes_on(loop, thread)


def _what_goes_on(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> str:
    """Why a server does not end: what its tasks wait for, and where its thread is."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001
    return "\n".join([*map(repr, asyncio.all_tasks(loop)), *traceback.format_stack(frame)])


def wait_until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; fail at the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)


def is_silent(connection: socket.socket) -> bool:
    """Whether the connection is open, and nothing came."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        connection.settimeout(DEADLINE_S)
    return False


def read_to_end(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection (or resets it)."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """One whole answer from a connection that may stay open: its status and body."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        assert chunk, "closed before an answer"
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < (lengths or [0])[0]:
        body += connection.recv(65536)
    return int(head.split(b" ")[1]), body


def error_code(response: httpx.Response) -> str:
    """The `code` of a problem, which must be well-formed."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert {"type", "title", "detail"} <= problem.keys()
    return str(problem["code"])


_SERVE = "import sys; from pathlib import Path; from pulsapi_tui.server.serve import serve; "
_SERVE += "sys.exit(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))"


def start_serve(data_dir: Path, host: str = "127.0.0.1", port: int = 0) -> subprocess.Popen[str]:
    """`serve` as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", _SERVE, host, str(port), str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_demo(*options: str) -> subprocess.Popen[bytes]:
    """The demo's child, with pipes, as the application starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "pulsapi_tui.server.demo", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def read_line(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """The next JSON line that a demo's child says."""
    assert process.stdout is not None
    line: dict[str, str] = json.loads(process.stdout.readline())
    return line


def read_url(process: subprocess.Popen[str]) -> str:
    """The URL that `serve` says it listens on."""
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("PulsAPI (local) listens on http://"), first
    return first.split()[-1]


def finish(process: subprocess.Popen[str]) -> int:
    """Wait for a process's end; its exit code."""
    process.communicate(timeout=DEADLINE_S)
    return process.returncode
