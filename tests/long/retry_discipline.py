"""What is sent again, when, and how often: the real client and flows, by a clock that jumps.

Each cell is a status, a body and a Retry-After, met by a listing, a revoke, a create and the feed
that keeps the list fresh. What is expected is written here a second time, apart from the code.
Then come outages: hours of them, of each kind, with the requests counted.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from pulsapi_tui.api._retry import retry_delay_s
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import AnswerLostError, PulsapiError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.flows.create import create_key
from pulsapi_tui.flows.refresh import EVERY_S, keep_fresh
from pulsapi_tui.flows.revoke import revoke_keys
from tests.contract.support import (
    ACCOUNT,
    KEY,
    NOW,
    Request,
    account,
    bytes_of,
    listed_key,
    page,
)
from tests.long.retry_line import Line, Observer, Sent, skipping

REFUSALS = (400, 401, 402, 403, 404, 405, 408, 409, 410, 418, 422, 425, 429)
STATUSES = (202, 302, *REFUSALS, 500, 501, 502, 503, 504, 520, 599)
BODIES: dict[str, bytes] = {
    "no body": b"",
    "HTML": b"<html>busy</html>",
    "rate_limited": b'{"code": "rate_limited", "detail": "x"}',
    "unauthorized": b'{"code": "unauthorized"}',
    "another code": b'{"code": "slow_down"}',
}
RETRY_AFTER: dict[str, tuple[tuple[str, ...], float | None]] = {
    "none": ((), None),
    "0": (("0",), 0.0),
    "7 s": (("7",), 7.0),
    "60 s": (("60",), 60.0),
    "61 s": (("61",), 61.0),
    "10^9 s": (("1000000000",), 1e9),
    "400 digits": (("9" * 400,), 1e9),
    "a date": (("Tue, 24 Nov 2026 12:00:30 GMT",), 30.0),
    "a date of another clock": (("Tue, 24 Nov 2026 10:00:30 GMT",), 30.0),
    "a far date": (("Wed, 24 Nov 2027 12:00:00 GMT",), 365 * 86_400.0),
    "a past date": (("Tue, 24 Nov 2020 12:00:00 GMT",), 0.0),
    "a word": (("soon",), None),
    "less than nothing": (("-5",), None),
    "both": (("7", "Tue, 24 Nov 2026 12:00:30 GMT"), 30.0),
    "both, turned round": (("Tue, 24 Nov 2026 12:00:05 GMT", "50"), 50.0),
    "a word and 7 s": (("soon", "7"), 7.0),
}
"""The fields, and the seconds that they ask for from the first answer on."""

REFRESHES = 3
OUTAGE_S = 8 * 3600.0
LOOKS_S = (60.0, 600.0, 3600.0, OUTAGE_S)
REPEATS = 2
"""In a whole outage: those of the first refresh that fails."""

AT_MOST = 1.1
"""Requests for each refresh of an outage that has had twenty; fewer can't afford two repeats."""

REVOKES = 200
RUNS_OUT_AT = 1.63
"""Of a Kolmogorov-Smirnov distance times the root of the count: 1 in 100 by chance."""


class Cell(NamedTuple):
    """An answer that comes to everything."""

    status: int
    body: str
    retry_after: str

    @property
    def asked_for_s(self) -> float | None:
        """What it asks for; an answer that is no "no" asks for nothing."""
        return RETRY_AFTER[self.retry_after][1] if self.status >= 400 else None

    @property
    def may_pass(self) -> bool:
        """Whether the policy calls it a passing one."""
        if self.status < 400 or self.status >= 500:
            return self.status >= 500
        if self.body in {"rate_limited", "unauthorized"}:
            return self.body == "rate_limited"
        return self.status == 429

    @property
    def tries(self) -> int:
        """Of a GET or a DELETE."""
        return 3 if self.may_pass and (self.asked_for_s or 0.0) <= 60.0 else 1

    @property
    def is_final(self) -> bool:
        """Whether no refresh follows: the key is not accepted."""
        if self.body in {"rate_limited", "unauthorized"}:
            return 400 <= self.status < 500 and self.body == "unauthorized"
        return self.status == 401 and self.body != "another code"

    def answer(self) -> bytes:
        """Its bytes."""
        lines = [f"Retry-After: {text}" for text in RETRY_AFTER[self.retry_after][0]]
        if self.retry_after == "a date of another clock":
            lines.append("Date: Tue, 24 Nov 2026 10:00:00 GMT")
        return bytes_of(self.status, BODIES[self.body], *lines)


# Cells


async def _list(line: Line, folder: Path) -> None:
    with suppress(PulsapiError):
        await line.client.list_keys()


async def _revoke(line: Line, folder: Path) -> None:
    with suppress(PulsapiError):
        await line.client.revoke_key("key_1")


async def _create(line: Line, folder: Path, *, repeatable: bool = False) -> None:
    await create_key(
        "CI",
        account=account(repeatable=repeatable),
        listed=KeyList([], NOW),
        service=line.client,
        journal=JournalFile(folder / "journal.json"),
        clock=line.clock,
    )


async def _create_again(line: Line, folder: Path) -> None:
    await _create(line, folder, repeatable=True)


async def _feed(line: Line, folder: Path) -> None:
    observer = Observer(REFRESHES)
    feed = asyncio.create_task(keep_fresh(line.client, line.clock, observer, asyncio.Event()))
    await observer.done.wait()
    # One that is not accepted is not tried again, however long one waits.
    await asyncio.sleep(3600.0 if observer.failures < REFRESHES else 0.0)
    feed.cancel()
    await asyncio.gather(feed, return_exceptions=True)


def _expected(cell: Cell, action: str) -> dict[str, int]:
    """How many requests of each method."""
    if action == "feed":
        # What one refresh repeated for nothing is not repeated by those after it. A far date is
        # past when it was waited for, so then there is something to repeat.
        has_passed = cell.may_pass and cell.retry_after == "a far date"
        tries = 3 if has_passed else cell.tries
        return {"GET": 1 if cell.is_final else tries + REFRESHES - 1}
    if action in {"list", "revoke"}:
        return {"GET" if action == "list" else "DELETE": cell.tries}
    in_doubt = cell.status < 400 or cell.status >= 500
    if not in_doubt:
        return {"POST": 1}
    repeats = action == "create, repeatable" and (cell.asked_for_s or 0.0) <= 60.0
    return {"POST": 3 if repeats else 1, "GET": cell.tries}


ACTIONS: dict[str, Callable[[Line, Path], Awaitable[None]]] = {
    "list": _list,
    "revoke": _revoke,
    "create": _create,
    "create, repeatable": _create_again,
    "feed": _feed,
}


def _judge(cell: Cell, action: str, sent: Sequence[Sent]) -> None:
    """Raise AssertionError where a promise is broken."""
    where = f"{action}, {cell}"
    assert Counter(each.method for each in sent) == _expected(cell, action), (where, sent)
    _, asked_for_s = RETRY_AFTER[cell.retry_after]
    if cell.status < 400 or asked_for_s is None:
        return
    is_date = "date" in cell.retry_after or cell.retry_after.startswith("both")
    for method in ("GET", "DELETE", "POST"):
        times = [each.at_s for each in sent if each.method == method]
        first = next(each.at_s for each in sent)
        for earlier, later in itertools.pairwise(times):
            # A date is one moment; so many seconds begin with each answer.
            due_at = first + asked_for_s if is_date else earlier + asked_for_s
            assert later >= due_at - 1e-5, (where, sent)


def check_cells(folder: Path, cells: Sequence[Cell], seed: int) -> int:
    """Each action in each cell; how many there were."""
    count = 0
    with patch.object(os, "fsync", lambda _: None):
        for cell, (action, run) in itertools.product(cells, ACTIONS.items()):
            count += 1
            place = folder / f"cell-{count}"
            line = skipping(partial(_meet, cell, run, place), seed + count)
            _judge(cell, action, line.sent)
    return count


async def _meet(
    cell: Cell, run: Callable[[Line, Path], Awaitable[None]], place: Path, line: Line
) -> None:
    line.will(lambda _: cell.answer())
    await run(line, place)


# Outages


def _healthy(request: Request) -> bytes:
    if request.method == "DELETE":
        return bytes_of(204)
    body = ACCOUNT if request.target == "/v1/account" else page(KEY)
    return bytes_of(200, json.dumps(body).encode())


OUTAGES: dict[str, bytes | None] = {"503": bytes_of(503), "resets": b"", "stalls": None}


class Load(NamedTuple):
    """What one outage has cost."""

    kind: str
    requests: list[float]
    refreshes: list[float]

    def ratio(self, until_s: float) -> float:
        """Requests for each refresh, up to then."""
        return self._count(self.requests, until_s) / self._count(self.refreshes, until_s)

    def share(self, until_s: float) -> float:
        """Requests, measured by what the feed sends where nothing is wrong."""
        return self._count(self.requests, until_s) / (1.0 + until_s // EVERY_S)

    def _count(self, times: Sequence[float], until_s: float) -> int:
        return sum(at <= until_s for at in times)


def outage(kind: str, length_s: float, seed: int) -> Load:
    """The feed through an outage and out of it."""
    loads: list[Load] = []

    async def main(line: Line) -> None:
        line.will(_healthy)
        observer = Observer()
        feed = asyncio.create_task(keep_fresh(line.client, line.clock, observer, asyncio.Event()))
        await asyncio.sleep(60.0)
        assert observer.loads > 10
        began_at, already = line.clock.monotonic(), len(line.sent)
        line.will(lambda _: OUTAGES[kind])
        await asyncio.sleep(length_s)
        requests = [each.at_s - began_at for each in line.sent[already:]]
        loads.append(Load(kind, requests, [at - began_at for at in observer.failed_at]))
        line.will(_healthy)
        before = observer.loads
        await asyncio.sleep(120.0)
        assert observer.loads > before, f"{kind}: it did not come back"
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)

    skipping(main, seed)
    [load] = loads
    for count, at_s in enumerate(load.refreshes, 1):
        sent = sum(each <= at_s for each in load.requests)
        assert sent <= count + REPEATS, f"{kind}: {sent} requests for {count} refreshes"
        assert count < 20 or sent <= AT_MOST * count, f"{kind}: {sent} requests for {count}"
    return load


def revokes_in_an_outage(seed: int) -> int:
    """How many requests it takes to fail to revoke many keys."""

    async def main(line: Line) -> None:
        line.will(lambda _: OUTAGES["503"])
        keys = [listed_key()] * REVOKES
        outcomes = await revoke_keys(keys, account=account(repeatable=False), service=line.client)
        assert not any(outcome.is_dead for outcome in outcomes)

    sent = skipping(main, seed).sent
    count = sum(each.method == "DELETE" for each in sent)
    assert count <= REVOKES * AT_MOST, f"{count} requests for {REVOKES} revokes"
    return count


def check_jitter(seed: int) -> float:
    """How far the waits are from evenly spread, as a share of what chance allows."""
    rng = random.Random(seed)  # noqa: S311  # jitter, no secret
    error = AnswerLostError("x")
    waits = sorted((retry_delay_s("GET", error, 1, rng) or 0.0) / 0.5 for _ in range(2_000))
    count = len(waits)
    gap = max(max(at / count - wait, wait - (at - 1) / count) for at, wait in enumerate(waits, 1))
    share = gap * math.sqrt(count) / RUNS_OUT_AT
    assert share < 1.0, f"jitter is not even: {share:.2f}"
    return share


def cells_at_random(per_hundred: int, seed: int) -> list[Cell]:
    """So many of each hundred cells; all of them for 100."""
    cells = [Cell(*each) for each in itertools.product(STATUSES, BODIES, RETRY_AFTER)]
    if per_hundred >= 100:
        return cells
    rng = random.Random(seed)  # noqa: S311  # a choice
    return rng.sample(cells, max(1, len(cells) * per_hundred // 100))


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it all, with `times` of each hundred cells; the figure as a sentence."""
    cells = check_cells(folder, cells_at_random(times, seed), seed)
    loads = [outage(kind, OUTAGE_S, seed) for kind in OUTAGES]
    said = "; ".join(
        f"{load.kind}: " + ", ".join(f"{load.ratio(at):.2f} in {at / 60:.0f} min" for at in LOOKS_S)
        for load in loads
    )
    first_minute = max(load.share(60.0) for load in loads)
    revokes = revokes_in_an_outage(seed)
    return (
        f"{cells} cells (status, body, Retry-After, action), none against the policy: never "
        f"earlier than Retry-After, no POST repeated below the flow. Requests for each refresh of "
        f"an outage: {said} (3.00 without a budget); the first minute has {first_minute:.2f} times "
        f"the requests of a minute without an outage. {revokes} requests for {REVOKES} revokes in "
        f"an outage. Jitter: {check_jitter(seed):.2f} of what chance allows. (seed {seed})"
    )
