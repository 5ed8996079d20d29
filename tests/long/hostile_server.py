"""A server that breaks every rule, against every call of the real client, over real sockets.

Each answer is made anew from a seed and its number. Whatever it is: the call ends, by a value or by
a `PulsapiError`; a change that may have been made is never said not to have been; the client works
afterwards; no text that acts on a terminal is in what came out; and memory stays bounded, since the
cap sits before everything that decodes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import msgspec

from pulsapi_tui.api import client as client_module
from pulsapi_tui.api._http import MAX_BODY_BYTES
from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.api.probe import Probed, probe
from pulsapi_tui.domain.errors import BadAnswerError, NetworkError, ProblemError, PulsapiError
from pulsapi_tui.domain.ports import KeyPage, RetryNotice
from pulsapi_tui.domain.secret import Secret
from tests.contract.support import (
    ACCOUNT,
    CANARY,
    KEY,
    MINTED,
    NOW,
    FakeClock,
    RawServer,
    Request,
    Script,
    Wire,
    bytes_of,
    cut,
    minted,
    page,
    printed,
    spellings,
    whole,
)
from tests.hostile_text import raw_in
from tests.long.hostile_answers import HEAVY, KINDS, MIB, Good

DEADLINE_S = 1.0
HEAVY_DEADLINE_S = 5.0
"""Long enough for the largest answer that is read: it is the cap that is measured."""
PATIENCE_S = 60.0
"""No call gets near it; one that has no end fails."""
AT_ONCE = 24
MAX_MEMORY = 16 * MAX_BODY_BYTES
"""For one answer, the server's own copies in this process among them."""
MAX_KEPT = MIB
"""For all that is left of many answers."""
MAX_MARKS = 3

SERVICE = {
    "id": "svc_1",
    "name": "Stripe",
    "status": "operational",
    "group": "Payments",
    "updated_at": "2026-11-24T12:00:00Z",
}
SERVICES = {"data": [SERVICE], "next_cursor": None}
_OTHER = Secret("local_another_key_0123456789abcdef")


class Call(NamedTuple):
    """A call of the client, and what it should get."""

    make: Callable[[PulsApiClient], Awaitable[object]]
    good: Good
    first: tuple[Script, ...] = ()
    """Answered before the hostile one."""
    changes: bool = False
    by_another_key: bool = False


async def _probe(client: PulsApiClient) -> Probed:
    return await probe(client.origin, Secret(CANARY), NOW, deadline_s=DEADLINE_S)


async def _list_twice(client: PulsApiClient) -> object:
    return await client.list_keys(await client.list_keys())


_PAGE = Good(200, page(KEY, {**KEY, "id": "key_2", "last_used_at": "2026-11-23T12:00:00Z"}))
_ACCOUNT = Good(200, {**ACCOUNT, "capabilities": []})

CALLS: dict[str, Call] = {
    "account": Call(lambda client: client.account(), _ACCOUNT),
    "sign in": Call(lambda client: client.sign_in(_OTHER), _ACCOUNT, by_another_key=True),
    "probe": Call(_probe, _ACCOUNT),
    "list": Call(lambda client: client.list_keys(), _PAGE),
    "second page": Call(
        lambda client: client.list_keys(), _PAGE, (whole(200, page(KEY, cursor="2")),)
    ),
    "list again": Call(_list_twice, _PAGE, (whole(200, page(KEY), 'ETag: "one"'),)),
    "create": Call(
        lambda client: client.create_key("CI", "request", 1), Good(201, minted()), changes=True
    ),
    "revoke": Call(lambda client: client.revoke_key("key_1"), Good(204, None), changes=True),
    "services": Call(lambda client: client.services(), Good(200, SERVICES)),
    "services by another key": Call(
        lambda client: client.services(_OTHER), Good(200, SERVICES), by_another_key=True
    ),
}


class BrokenPromiseError(AssertionError):
    """A promise did not hold."""


@dataclass
class Figures:
    """What came of the answers."""

    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    notices: list[RetryNotice] = field(default_factory=list)
    peak: int = 0
    peak_at: str = ""
    kept: int = 0
    longest_s: float = 0.0

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        return (
            f"{self.kinds.total()} answers of {len(self.kinds)} kinds to {len(CALLS)} calls: "
            f"{outcomes}; no other error, nothing raw in what came out; most memory for one "
            f"answer {self.peak / MIB:.1f} MiB ({self.peak_at}), {self.kept / MIB:.1f} MiB kept; "
            f"longest call {self.longest_s:.1f} s"
        )


# What must hold of what came out


def _texts_in(value: object) -> Iterable[str]:
    """All that could be drawn of a value; cursors and ETags go back as they came, and never are."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, PulsapiError):
        yield printed(value)
    elif isinstance(value, KeyPage):
        yield from _texts_in(value.keys)
    elif isinstance(value, msgspec.Struct):
        for each in msgspec.structs.astuple(value):
            yield from _texts_in(each)
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from _texts_in(each)
    elif hasattr(value, "pages"):
        yield from _texts_in(value.pages)


def _check_texts(value: object) -> None:
    for text in _texts_in(value):
        raw = raw_in(text)
        assert not raw, f"raw text came out: {raw}"
        assert not text.endswith("\u200d"), "a joiner at the end joins what is drawn after it"
        assert len(text) <= 4096, f"a text of {len(text)} characters came out"
        assert "\u0301" * (MAX_MARKS + 1) not in text, "a pile of marks came out"


def _check_error(error: PulsapiError, call: Call, *, was_sent: bool) -> None:
    said = printed(error)
    # The server may say any key that it knows; the one that it was just sent is left out.
    secrets = (MINTED,) if call.by_another_key else (MINTED, CANARY)
    echoed = [each for secret in secrets for each in spellings(secret) if each in said]
    assert not echoed, "a secret is in the error"
    if not call.changes or not was_sent or error.may_have_acted:
        return
    no = isinstance(error, ProblemError) and 400 <= error.status < 500
    assert no, f"{type(error).__name__}: said not to have been made, and may have been"


# One answer


class Case:
    """An answer of a kind to a call; the same for the same seed and number."""

    def __init__(self, seed: int, number: int, *, heavy: bool) -> None:
        kinds = HEAVY if heavy else KINDS
        self.rng = Random(f"{seed} {number} {heavy}")  # noqa: S311  # answers, no secrets
        self.kind = sorted(kinds)[number % len(kinds)]
        names = sorted(CALLS)
        self.name = names[number // len(kinds) % len(names)]
        self.call = CALLS[self.name]
        self.deadline_s = HEAVY_DEADLINE_S if heavy else DEADLINE_S
        self.scripts = (*self.call.first, kinds[self.kind](self.rng, self.call.good))
        self.what = f"{self.kind} to {self.name} (seed {seed}, answer {number}, heavy: {heavy})"

    async def run(self, server: RawServer, figures: Figures) -> None:
        """Answer the call like that. Raises `BrokenPromiseError` where a promise does not hold."""
        server.requests.clear()
        server.will(*self.scripts)
        client = PulsApiClient(
            server.base_url,
            Secret(CANARY),
            FakeClock(),
            retrying=figures.notices.append,
            deadline_s=self.deadline_s,
            rng=self.rng,
        )
        began = time.monotonic()
        async with aclosing(client):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    outcome = await self._outcome(client, server)
                figures.longest_s = max(figures.longest_s, time.monotonic() - began)
                await self._goes_on(client, server)
            except Exception as error:
                raise BrokenPromiseError(
                    f"{self.what}: {type(error).__name__}: {error!a}"
                ) from error
        figures.kinds[self.kind] += 1
        figures.outcomes[outcome] += 1

    async def _outcome(self, client: PulsApiClient, server: RawServer) -> str:
        try:
            value = await self.call.make(client)
        except PulsapiError as error:
            _check_texts(error)
            _check_error(error, self.call, was_sent=bool(server.requests))
            return type(error).__name__
        _check_texts(value)
        return "answers taken"

    async def _goes_on(self, client: PulsApiClient, server: RawServer) -> None:
        """The client still works, and with the same server."""
        server.will(whole(200, ACCOUNT))
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    assert (await client.account()).id == "acct_1"
                    return
                except NetworkError as error:
                    # Such a short deadline may pass on a machine that has much to do.
                    if " within " not in error.user_message:
                        raise


# All of them


async def _many(seed: int, times: int, figures: Figures) -> None:
    """The small ones, as many at once as there are servers."""
    numbers = iter(range(times))

    async def work() -> None:
        async with RawServer().listening() as server:
            for number in numbers:
                await Case(seed, number, heavy=False).run(server, figures)

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, times))))


async def _measured(seed: int, times: int, figures: Figures) -> None:
    """The large ones, one by one, with the memory that each takes."""
    for number in range(times):
        case = Case(seed, number, heavy=True)
        async with RawServer().listening() as server:
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            await case.run(server, figures)
        peak = tracemalloc.get_traced_memory()[1] - before
        if peak > figures.peak:
            figures.peak, figures.peak_at = peak, f"{case.kind}, {case.name}"
        if peak > MAX_MEMORY:
            raise BrokenPromiseError(
                f"{case.what}: {peak / MIB:.0f} MiB, and {MAX_MEMORY / MIB:.0f} are allowed"
            )


async def _kept(figures: Figures, rounds: int = 12) -> None:
    """One client, and answers that want to be remembered: texts, cookies, ETags."""
    async with RawServer().listening() as server:
        client = PulsApiClient(server.base_url, Secret(CANARY), FakeClock(), deadline_s=20.0)
        async with aclosing(client):
            before = 0
            for number in range(rounds):
                text = f"{number}\u00e9" * 60_000
                cookies = [f"Set-Cookie: {number}-{each}={'x' * 90}" for each in range(20)]
                key = {**KEY, "name": text, "hint": "\N{ROCKET}\u200d" * 40}
                server.will(whole(200, page(key), f'ETag: "{"e" * 20_000}"', *cookies))
                _check_texts(await client.list_keys())
                server.requests.clear()
                gc.collect()
                if number == rounds // 3:
                    before = tracemalloc.get_traced_memory()[0]
            figures.kept = max(0, tracemalloc.get_traced_memory()[0] - before)
            server.will(whole(200, ACCOUNT))
            await client.account()
            asked = sum(map(len, server.requests[-1].headers.values()))
    assert asked < 1000, f"a request of {asked} bytes of headers: what a server said goes back"
    if figures.kept > MAX_KEPT:
        raise BrokenPromiseError(f"{figures.kept / MIB:.1f} MiB are kept of {rounds} answers")


class _PassingClock(FakeClock):
    """A minute goes by with each look."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return 60.0 * self.looks


async def _endless_lists(figures: Figures) -> None:
    """A list that has no end, its pages full or slow: it ends by its size, and by the time."""
    pages = 0

    async def ever_on(request: Request, wire: Wire) -> None:
        nonlocal pages
        pages += 1
        text = json.dumps(page({**KEY, "name": "x" * 60_000}, cursor=f"cursor {pages}"))
        await wire.send(bytes_of(200, text.encode()))

    limits = patch.multiple(client_module, MAX_LISTING_BYTES=MIB, MAX_PAGES=100)
    for clock in (FakeClock(), _PassingClock()):
        async with RawServer().listening() as server:
            server.will(ever_on)
            client = PulsApiClient(server.base_url, Secret(CANARY), clock, deadline_s=20.0)
            pages = 0
            async with aclosing(client):
                with limits, suppress(BadAnswerError):
                    await client.list_keys()
                    raise BrokenPromiseError("a list without an end was taken")
        if pages > 30:
            raise BrokenPromiseError(f"a list without an end was read for {pages} pages")
        figures.kinds["lists without an end"] += 1
        figures.outcomes["BadAnswerError"] += 1


async def _no_after_doubt(figures: Figures) -> None:
    """A revoke is cut, and its repeat gets a no: the first one may have been carried out."""
    for status in (400, 401, 402, 403, 404, 409, 422, 429):
        async with RawServer().listening() as server:
            server.will(cut(b""), whole(status, {}))
            client = PulsApiClient(server.base_url, Secret(CANARY), FakeClock(), deadline_s=20.0)
            async with aclosing(client):
                try:
                    await client.revoke_key("key_1")
                except PulsapiError as error:
                    if not error.may_have_acted:
                        problem = f"cut, then {status}: a revoke is said not to have been made"
                        raise BrokenPromiseError(problem) from error
                    figures.outcomes[type(error).__name__] += 1
        figures.kinds["a no after a cut"] += 1


async def _run(seed: int, times: int, heavy: int, figures: Figures) -> None:
    loop_errors: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: loop_errors.append(ascii(context.get("exception") or context["message"]))
    )
    await _many(seed, times, figures)
    tracemalloc.start()
    try:
        await _measured(seed, heavy, figures)
        await _kept(figures)
        await _endless_lists(figures)
        await _no_after_doubt(figures)
    finally:
        tracemalloc.stop()
    _check_texts([notice.reason for notice in figures.notices])
    if loop_errors:
        raise BrokenPromiseError(f"errors that nobody caught: {loop_errors[:3]}")


def figure(folder: Path, times: int, seed: int) -> str:
    """So many small answers, and a twentieth of them large ones; the figure as a sentence.

    Raises `BrokenPromiseError`, which names the seed and the number of the answer.
    """
    began = time.monotonic()
    figures = Figures()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(_run(seed, times, max(len(HEAVY), times // 20), figures))
    return f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
