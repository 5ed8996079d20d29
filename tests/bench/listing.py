"""Listing 100,000 keys, against httpx alone that fetches the same pages and reads nothing in them.

Alone: `python -m tests.bench.listing`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import httpx

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.clock import SystemClock
from tests.bench.alone import run_alone
from tests.bench.quick_server import PAGE, serving
from tests.bench.ratio import Ratio

KEYS = 100_000
LISTINGS = 4
"""Of each in a turn, in turns: a single one is over within another's burst."""


def ratios(turns: int, folder: Path) -> Iterator[Ratio]:
    """The whole listing, and how soon its first page is there."""
    ours, first, peer = [], [], []
    with serving(KEYS, 0) as port:
        url = f"http://127.0.0.1:{port}"
        for _ in range(turns):
            own: list[tuple[float, float]] = []
            alone: list[float] = []
            for number in range(LISTINGS):
                if number % 2:
                    alone.append(asyncio.run(_httpx_alone(url)))
                own.append(asyncio.run(_own(url)))
                if not number % 2:
                    alone.append(asyncio.run(_httpx_alone(url)))
            ours.append(fmean(whole for whole, _ in own))
            first.append(fmean(soon for _, soon in own))
            peer.append(fmean(alone))
    yield Ratio("listing 100,000 keys", ours, "httpx alone", peer, "ms", 1.3)
    yield Ratio("the first page of 100,000 keys", first, "the listing", ours, "ms", 0.05)


async def _own(url: str) -> tuple[float, float]:
    client = PulsApiClient(url, Secret("local_" + "0" * 49), SystemClock())
    await client.account()
    seen: list[float] = []

    def page_seen(keys: Sequence[ApiKey], total: int) -> None:
        seen.append(time.perf_counter())

    started = time.perf_counter()
    pages = await client.list_keys(None, page_seen)
    took = time.perf_counter() - started
    assert sum(len(page.keys) for page in pages.pages) == KEYS
    await client.aclose()
    return took * 1000, (seen[0] - started) * 1000


async def _httpx_alone(url: str) -> float:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await client.get("/v1/account")
        started = time.perf_counter()
        for start in range(0, KEYS, PAGE):
            cursor = {"cursor": str(start)} if start else {}
            answer = await client.get("/v1/api-keys", params={"limit": str(PAGE), **cursor})
            assert answer.content
        return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    run_alone(ratios)
