"""What a web page or a program on this computer might send to the local server: nothing gets in.

Two halves. *Variants*: requests with the owner's real key, of which one thing is wrong (the host,
the site that they come from, the content type, the target). None may enter a handler; what is
good, with the same decorations, must. *Crowds*: 300 connections that send half requests or read no
answers. A good client is served all the while, and each of them ends by its deadline: the server's
clock is moved on, so nobody waits, and nothing depends on the machine's speed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest import mock

from starlette.types import Receive, Scope, Send

from pulsapi_tui.server.app import Methods
from pulsapi_tui.server.guard import Limits
from tests.long.loopback_crowd import CROWD, Crowd
from tests.long.loopback_variants import CONTENT_TYPE, GOOD, Variant, variants
from tests.long.plain_http import Connection, request
from tests.server.support import add_account, running

VARIANTS_PER_CROWD = 2000
LIMITS = Limits(header_deadline_s=1000, body_deadline_s=2000, answer_deadline_s=4000)
"""Far apart, and far from what a run takes; the number of connections is the real one."""
REFUSALS = {400, 403, 404, 415, 421}


class EnteredError(AssertionError):
    """Something bad got in, or something good did not."""


@dataclass
class Figures:
    """What was sent, and what came of it."""

    refused: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    good: int = 0
    created: int = 0
    crowds: int = 0
    served: int = 0
    """Good requests amid a crowd."""

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.refused.items()))
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.refused.total()} bad requests with a good key ({kinds}): 0 entered a handler "
            f"or had an effect (answers: {statuses}), and {self.good} good ones among them were "
            f"served; {self.crowds} crowds of {CROWD} held connections: each ended by its "
            f"deadline, {self.served} good requests served amid them, 0 refused"
        )


@contextmanager
def counted_handlers() -> Iterator[list[str]]:
    """What enters a handler, by its path."""
    entered: list[str] = []
    enter = Methods.__call__

    async def counted(self: Methods, scope: Scope, receive: Receive, send: Send) -> None:
        entered.append(scope["path"])
        await enter(self, scope, receive, send)

    with mock.patch.object(Methods, "__call__", counted):
        yield entered


def try_variants(folder: Path, times: int, seed: int, figures: Figures) -> None:
    """Send so many requests, good ones among them."""
    rng = Random(seed)  # noqa: S311 - choices
    with counted_handlers() as entered, running(folder / f"variants{seed}.sqlite") as server:
        (key,) = server.with_store(lambda store: add_account(store, "owner"))
        connection = Connection(server.port)
        for variant in variants(rng, times, server.port, key.secret):
            entered.clear()
            status = connection.ask(variant.data).status
            _judge(variant, status, len(entered), figures)
        headers = [
            ("Host", f"localhost:{server.port}"),
            ("Authorization", f"Bearer {key.secret!s}"),
        ]
        page = connection.ask(request("GET", "/v1/api-keys?limit=1", headers)).body
        connection.close()
    if b'"total":%d}' % (figures.created + 1) not in page:
        raise EnteredError("there are other keys than the good requests created")


def _judge(variant: Variant, status: int, entered: int, figures: Figures) -> None:
    if variant.kind == GOOD:
        if entered != 1 or status != (201 if variant.creates else 200):
            raise EnteredError(f"a good request got {status}: {variant.shown()}")
        figures.good += 1
        figures.created += variant.creates
        return
    figures.refused[variant.kind] += 1
    figures.statuses[status] += 1
    if status not in REFUSALS or (entered and variant.kind != CONTENT_TYPE):
        raise EnteredError(f"{variant.kind}: {status}, {entered} entered: {variant.shown()}")


def hold_a_crowd(folder: Path, seed: int, figures: Figures) -> None:
    """Hold 300 connections until the server ends them."""
    rng = Random(seed)  # noqa: S311 - choices
    with running(folder / f"crowd{seed}.sqlite", LIMITS) as server:
        key = server.with_store(lambda store: add_account(store, "owner", keys=1000))[0]

        def serve_good_ones() -> None:
            for _ in range(5):
                with server.client(key.secret) as client:
                    status = client.get("/v1/account").status_code
                if status != 200:
                    raise EnteredError(f"a good client got {status} amid a crowd")
                figures.served += 1

        crowd = Crowd(server, key, LIMITS, rng)
        try:
            crowd.gather()
            crowd.outlast(serve_good_ones)
        finally:
            crowd.leave()
    figures.crowds += 1


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises AssertionError where something got in."""
    began = time.monotonic()
    figures = Figures()
    for number, first in enumerate(range(0, times, VARIANTS_PER_CROWD)):
        figures.created = 0
        some = min(VARIANTS_PER_CROWD, times - first)
        try_variants(folder, some, seed * 10_000 + number, figures)
        hold_a_crowd(folder, seed * 10_000 + number, figures)
    return f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
