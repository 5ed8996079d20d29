"""Calls that are given up at random moments, by Escape and by their deadlines: nothing is used up.

Three clients: on the real server, and on one that answers, stalls, cuts and trickles by mood, in
the clear and by TLS. After each batch fresh calls have to work, as many at once as ever, and every
key that a cancelled create has made is one that the journal names. At the end, every socket and
task is gone.

What happens is chosen by the seed; at which byte it happens is for the machine to say.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from pulsapi_tui.api._http import MAX_AT_ONCE, Answer, Transport
from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.profiles import Network
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.create import create_key, review_intents
from pulsapi_tui.flows.refresh import Snapshot, keep_fresh
from pulsapi_tui.flows.revoke import revoke_keys
from pulsapi_tui.wiring.clock import SystemClock
from tests.contract.certificates import make_certificates
from tests.contract.support import ACCOUNT, CANARY, KEY, Wire, account, bytes_of, listed_key, page
from tests.server.support import add_account, running

BATCH = 1_000
TOGETHER = 20
"""Calls under way at once: half of them wait for a place."""

PATIENCE_S = 30.0
LONGEST_S = 0.004
"""About what a call on loopback takes, so every moment of it is met."""

KINDS = ("plain", "moody", "moody, TLS")
SHARES = (5, 3, 2)


class Moody:
    """A server that answers as it likes; while it is calm, it answers when enough have asked."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = 0
        self._enough: asyncio.Event | None = None
        self.connections = 0
        self.base_url = ""

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Moody]:
        """Accept connections."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.create_task(self._serve(Wire(reader, writer)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        scheme = "https" if tls else "http"
        self.base_url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    @contextmanager
    def calm(self) -> Iterator[None]:
        """In here it answers, once as many have asked as a client may have under way."""
        self._asking, self._enough = 0, asyncio.Event()
        try:
            yield
        finally:
            self._enough = None

    async def _serve(self, wire: Wire) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while not wire.writer.is_closing():
                    await self._answer(await wire.reader.readuntil(b"\r\n\r\n"), wire)
        finally:
            wire.close()
            with suppress(OSError):
                await wire.writer.wait_closed()

    async def _answer(self, head: bytes, wire: Wire) -> None:
        if head.startswith(b"POST"):
            await wire.reader.readuntil(b"}")
        answer = _good_answer(head)
        if self._enough is not None:
            self._asking += 1
            if self._asking == MAX_AT_ONCE:
                self._enough.set()
            await self._enough.wait()
            await wire.send(answer)
            return
        part = answer[: self._rng.randrange(len(answer))]
        match self._rng.randrange(6):
            case 0:
                await wire.send(part)
                wire.close()
            case 1:
                await wire.send(part)
                wire.reset()
            case 2:
                await wire.send(part)
                # Until the client has had enough.
                await wire.reader.read()
                wire.close()
            case 3:
                for start in range(0, len(answer), 16):
                    await wire.send(answer[start : start + 16])
                    await asyncio.sleep(0)
            case _:
                await wire.send(answer)


def _good_answer(head: bytes) -> bytes:
    method, target, _ = head.split(b" ", 2)
    if method == b"DELETE":
        return bytes_of(204)
    if method == b"POST":
        return bytes_of(500)
    if target.startswith(b"/v1/account"):
        return bytes_of(200, json.dumps(ACCOUNT).encode())
    body = page(KEY) if b"api-keys" in target else {"data": [], "next_cursor": None}
    return bytes_of(200, json.dumps(body).encode())


class Silent:
    """Nobody listens to this feed."""

    def account_seen(self, account: Account) -> None:
        """Said."""

    def reading(self) -> None:
        pass

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        """Said."""

    def loaded(self, snapshot: Snapshot) -> None:
        """Said."""

    def failed(self, error: PulsapiError, next_try_s: float | None) -> None:
        """Said."""


class Haste:
    """Gives a share of all exchanges a deadline that is hard to meet."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.is_on = False
        self.deadlines = 0

    @contextmanager
    def spread(self) -> Iterator[None]:
        """In here."""
        real = Transport.exchange

        async def exchange(transport: Transport, *args: Any, **options: Any) -> Answer:
            if self.is_on and self._rng.random() < 0.3:
                self.deadlines += 1
                options["deadline_s"] = self._rng.uniform(0.0, LONGEST_S)
            return await real(transport, *args, **options)

        with patch.object(Transport, "exchange", exchange):
            yield


class Churn:
    """The clients, what they are asked, and what is left of it."""

    def __init__(
        self,
        clients: dict[str, PulsApiClient],
        moody: Sequence[Moody],
        journal: JournalFile,
        rng: random.Random,
    ) -> None:
        self._clients = clients
        self._moody = moody
        self._journal = journal
        self._rng = rng
        self.haste = Haste(rng)
        self.account = account(repeatable=True)
        self.ends: Counter[str] = Counter()
        self.named = 0
        self._names = 0

    async def batch(self, count: int) -> None:
        """Begin so many calls and give each up at a random moment."""
        self.haste.is_on = True
        for start in range(0, count, TOGETHER):
            together = range(min(TOGETHER, count - start))
            await asyncio.gather(*(self._give_up() for _ in together))
        self.haste.is_on = False

    async def _give_up(self) -> None:
        call = asyncio.ensure_future(self._call())
        if self._rng.random() < 0.5:
            for _ in range(self._rng.randrange(40)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(self._rng.uniform(0.0, LONGEST_S))
        call.cancel()
        [end] = await asyncio.gather(call, return_exceptions=True)
        if isinstance(end, BaseException) and not isinstance(
            end, PulsapiError | asyncio.CancelledError
        ):
            raise end
        self.ends["over before" if end is None else type(end).__name__] += 1

    async def _call(self) -> None:
        kind = self._rng.choices(KINDS, SHARES)[0]
        client = self._clients[kind]
        calls: list[Callable[[], Awaitable[object]]] = [
            client.account,
            client.list_keys,
            client.services,
            lambda: client.revoke_key("key_of_nobody"),
            lambda: keep_fresh(client, SystemClock(), Silent(), asyncio.Event()),
            lambda: revoke_keys([listed_key()] * 3, account=self.account, service=client),
        ]
        weights = [4, 4, 4, 4, 2, 1]
        if kind == "plain":
            calls.append(self._create)
            weights.append(1)
        await self._rng.choices(calls, weights)[0]()

    async def _create(self) -> None:
        self._names += 1
        await create_key(
            f"Release bot {self._names}",
            account=self.account,
            listed=KeyList([], SystemClock().now()),
            service=self._clients["plain"],
            journal=self._journal,
            clock=SystemClock(),
        )

    async def check(self) -> None:
        """Fresh calls work, all places are free, and no key is without a name."""
        async with asyncio.timeout(PATIENCE_S):
            for moody, kind in zip(self._moody, KINDS[1:], strict=True):
                await self._check_places(moody, self._clients[kind])
            await asyncio.gather(
                *(self._clients["plain"].services() for _ in range(2 * MAX_AT_ONCE))
            )
            await self._check_keys()

    async def _check_places(self, moody: Moody, client: PulsApiClient) -> None:
        """As many at once as ever, and then once more on the same connections.

        Lost ones count among those that are kept, so that others would have to be closed. On a
        machine that stands still for seconds they are too old to be used again: it may try thrice.
        """
        for _ in range(4):
            before = moody.connections
            with moody.calm():
                await asyncio.gather(*(client.account() for _ in range(MAX_AT_ONCE)))
            if moody.connections == before:
                return
        raise AssertionError("connections are lost")

    async def _check_keys(self) -> None:
        client = self._clients["plain"]
        clock = SystemClock()
        keys = KeyList((await client.list_keys()).keys, clock.now())
        found = review_intents(keys, self.account, client.origin, self._journal, clock)
        named = [orphan for _, orphan in found.orphans]
        others = {key.id for key in keys.keys if key.name.startswith("Release bot")}
        assert {key.id for key in named} == others, "a key that nobody names"
        outcomes = await revoke_keys(named, account=self.account, service=client)
        assert all(outcome.is_dead for outcome in outcomes)
        for intent, _ in found.orphans:
            self._journal.remove(intent.request_id)
        self.named += len(named)


def descriptors() -> int:
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


async def _until(is_so: Callable[[], bool], what: str) -> None:
    for _ in range(int(PATIENCE_S / 0.01)):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(what)


async def _churn(folder: Path, base_url: str, secret: str, times: int, seed: int) -> Churn:
    rng = random.Random(seed)  # noqa: S311  # moments, no secrets
    certificates = make_certificates(folder)
    journal = JournalFile(folder / "journal.json")
    tasks_before = len(asyncio.all_tasks())
    sockets_before = descriptors()
    async with AsyncExitStack() as servers:
        moody = (Moody(rng), Moody(rng))
        await servers.enter_async_context(moody[0].listening())
        await servers.enter_async_context(moody[1].listening(certificates.right))
        places = [
            (base_url, secret, Network()),
            (moody[0].base_url, CANARY, Network()),
            (moody[1].base_url, CANARY, certificates.network),
        ]
        clients = {
            kind: PulsApiClient(url, Secret(key), SystemClock(), network=network)
            for kind, (url, key, network) in zip(KINDS, places, strict=True)
        }
        churn = Churn(clients, moody, journal, rng)
        servers.enter_context(churn.haste.spread())
        # Both ends of what the clients keep open are in this process; with the two that listen,
        # and the journal's lock.
        kept = 2 * MAX_AT_ONCE * len(clients) + 3
        for start in range(0, times, BATCH):
            await churn.batch(min(BATCH, times - start))
            await churn.check()
            await _until(
                lambda: descriptors() <= sockets_before + kept, "more sockets than are of use"
            )
        for client in clients.values():
            await client.aclose()
    with closing(journal):
        await _until(lambda: len(asyncio.all_tasks()) <= tasks_before, "tasks are left")
    await _until(lambda: descriptors() <= sockets_before, "sockets are left")
    return churn


def churn(folder: Path, times: int, seed: int) -> Churn:
    """Give up so many calls. Raises AssertionError where something was used up."""
    with running(folder / "server.sqlite") as server, patch.object(os, "fsync", lambda _: None):
        [session] = server.with_store(lambda store: add_account(store, "acct_1"))
        return asyncio.run(_churn(folder, server.url, session.secret.strip(), times, seed))


async def _plain_httpx(base_url: str, secret: str, seed: int) -> int:
    """How many of ten fresh calls work with httpx alone, after two thousand short deadlines."""
    rng = random.Random(seed)  # noqa: S311  # moments, no secrets
    headers = {"Authorization": f"Bearer {secret}"}
    limits = httpx.Limits(max_connections=MAX_AT_ONCE)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits) as client:

        async def hurry() -> None:
            for _ in range(80):
                with suppress(TimeoutError, httpx.HTTPError):
                    async with asyncio.timeout(rng.uniform(0.0, 0.01)):
                        await client.get("/v1/services")

        await asyncio.gather(*(hurry() for _ in range(25)))
        worked = 0
        for _ in range(10):
            with suppress(httpx.HTTPError):
                worked += (await client.get("/v1/services", timeout=1.0)).is_success
        return worked


def plain_httpx(folder: Path, seed: int) -> int:
    """The same with nothing but httpx and a limit of connections."""
    with running(folder / "plain.sqlite") as server:
        [session] = server.with_store(lambda store: add_account(store, "acct_1"))
        return asyncio.run(_plain_httpx(server.url, session.secret.strip(), seed))


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence."""
    done = churn(folder, times, seed)
    ends = ", ".join(f"{count} {end}" for end, count in done.ends.most_common())
    return (
        f"{done.ends.total()} calls given up ({ends}; {done.haste.deadlines} deadlines that are "
        f"hard to meet): after each {BATCH} all {MAX_AT_ONCE} places were free and fresh calls "
        f"worked, {done.named} keys of cancelled creates were named, no socket, task or place was "
        f"left. With httpx alone {plain_httpx(folder, seed)} of 10 fresh calls work after 2,000. "
        f"(seed {seed})"
    )
