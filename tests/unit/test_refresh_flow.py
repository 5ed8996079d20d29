"""Signing in, and a list that stays fresh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from pulsapi_tui.domain import errors
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.flows import refresh
from pulsapi_tui.flows.refresh import (
    EVERY_S,
    FIRST_RETRY_S,
    LAST_RETRY_S,
    SHARE,
    Snapshot,
    keep_fresh,
    load,
    next_refresh_s,
    next_try_s,
)
from tests.unit.support import NOW, FakeClock, ScriptedService, make_account, make_key, pages_of

DOWN = errors.ConnectError("down")
REVOKED = errors.UnauthorizedError("revoked", status=401)
GENEROUS_S = 20.0


class Observer:
    """Writes down what it is told, and can be waited for."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.pages: list[tuple[int, int]] = []
        self.snapshots: list[Snapshot] = []
        self.failures: list[tuple[errors.PulsapiError, float | None]] = []
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def account_seen(self, account: Account) -> None:
        self.accounts.append(account)

    def reading(self) -> None:
        pass

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        self.pages.append((len(keys), total))

    def loaded(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        self.told.put_nowait("loaded")

    def failed(self, error: errors.PulsapiError, next_try_s: float | None) -> None:
        self.failures.append((error, next_try_s))
        self.told.put_nowait("failed")

    async def next(self) -> str:
        async with asyncio.timeout(GENEROUS_S):
            return await self.told.get()


@pytest.fixture
def observer() -> Observer:
    return Observer()


class Feed:
    """`keep_fresh`, running."""

    def __init__(self, service: ScriptedService, clock: FakeClock, observer: Observer) -> None:
        self.wake = asyncio.Event()
        self.task = asyncio.create_task(keep_fresh(service, clock, observer, self.wake))


@pytest.fixture
async def start_feed(
    service: ScriptedService, clock: FakeClock, observer: Observer
) -> AsyncIterator[Callable[[], Feed]]:
    started: list[Feed] = []

    def start() -> Feed:
        started.append(Feed(service, clock, observer))
        return started[-1]

    yield start
    for feed in started:
        feed.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await feed.task


async def test_the_first_load_asks_for_the_account_and_all_keys(
    service: ScriptedService, clock: FakeClock, observer: Observer
) -> None:
    pages = pages_of(make_key("a"), make_key("b"))
    service.listings = [pages]
    snapshot = await load(service, clock, None, observer)
    assert observer.accounts == [make_account()]
    assert observer.pages == [(2, 2)]
    assert service.listed_since == [None]
    assert snapshot.keys.keys == pages.keys
    assert snapshot.keys.fetched_at == NOW
    assert snapshot.account == make_account()


async def test_the_account_is_known_even_if_the_list_fails(
    service: ScriptedService, clock: FakeClock, observer: Observer
) -> None:
    service.listings = [DOWN]
    with pytest.raises(errors.ConnectError):
        await load(service, clock, None, observer)
    assert observer.accounts == [make_account()]


async def test_an_unchanged_list_is_the_same_tuple_with_a_new_time(
    service: ScriptedService, clock: FakeClock, observer: Observer
) -> None:
    service.listings = [pages_of(make_key("a"))]
    first = await load(service, clock, None, observer)
    clock.advance(4)
    second = await load(service, clock, first, observer)
    assert service.listed_since == [None, first.pages]
    assert second.keys.keys is first.keys.keys
    assert second.keys.fetched_at == clock.now() != first.keys.fetched_at
    assert len(observer.accounts) == 1
    assert len(observer.pages) == 1


async def test_a_changed_list_is_taken_over(
    service: ScriptedService, clock: FakeClock, observer: Observer
) -> None:
    one, two = pages_of(make_key("a")), pages_of(make_key("b"))
    longer = type(one)((*one.pages, *two.pages))
    service.listings = [one, two, longer, one]
    snapshot = await load(service, clock, None, observer)
    for pages in (two, longer, one):
        snapshot = await load(service, clock, snapshot, observer)
        assert snapshot.keys.keys == pages.keys


@pytest.mark.parametrize(
    ("took_s", "wait_s"), [(0.0, EVERY_S), (EVERY_S / SHARE, EVERY_S), (1.0, SHARE), (5.0, 100.0)]
)
def test_a_long_listing_is_read_more_seldom(took_s: float, wait_s: float) -> None:
    assert next_refresh_s(took_s) == wait_s


def test_tries_come_at_doubling_distances_up_to_half_a_minute() -> None:
    waits = [next_try_s(failures, DOWN) for failures in range(1, 8)]
    assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert next_try_s(900, DOWN) == LAST_RETRY_S


def test_retry_after_makes_it_longer_but_never_shorter() -> None:
    def busy(asked_for_s: float | None) -> errors.PulsapiError:
        return errors.RateLimitedError("x", status=429, code="", retry_after_s=asked_for_s)

    assert next_try_s(1, busy(90.0)) == 90.0
    assert next_try_s(1, busy(0.0)) == FIRST_RETRY_S
    assert next_try_s(1, busy(None)) == FIRST_RETRY_S
    assert next_try_s(1, errors.UnavailableError("x", status=503, retry_after_s=45.0)) == 45.0


def test_a_key_that_is_not_accepted_is_not_tried_again() -> None:
    assert next_try_s(1, REVOKED) is None


async def test_it_reads_again_by_itself(
    monkeypatch: pytest.MonkeyPatch, start_feed: Callable[[], Feed], observer: Observer
) -> None:
    monkeypatch.setattr(refresh, "EVERY_S", 0.001)
    start_feed()
    assert [await observer.next() for _ in range(4)] == ["loaded"] * 4


async def test_wake_asks_for_it_now(start_feed: Callable[[], Feed], observer: Observer) -> None:
    feed = start_feed()
    assert await observer.next() == "loaded"
    feed.wake.set()
    assert await observer.next() == "loaded"
    assert not feed.wake.is_set()


async def test_a_wake_during_a_listing_is_not_lost(
    service: ScriptedService, start_feed: Callable[[], Feed], observer: Observer
) -> None:
    running: list[Feed] = []

    def changed_under_way() -> None:
        if len(service.listed_since) == 1:
            running[0].wake.set()

    service.on_list = changed_under_way
    running.append(start_feed())
    assert [await observer.next() for _ in range(2)] == ["loaded", "loaded"]


async def test_failures_count_up_and_one_success_starts_anew(
    service: ScriptedService, start_feed: Callable[[], Feed], observer: Observer
) -> None:
    service.accounts = [DOWN, DOWN, make_account()]
    service.listings = [pages_of(), DOWN, pages_of()]
    feed = start_feed()
    said = []
    for _ in range(5):
        said.append(await observer.next())
        feed.wake.set()
    assert said == ["failed", "failed", "loaded", "failed", "loaded"]
    assert observer.failures == [(DOWN, 2.0), (DOWN, 4.0), (DOWN, 2.0)]


async def test_a_revoked_session_waits_to_be_asked(
    service: ScriptedService, start_feed: Callable[[], Feed], observer: Observer
) -> None:
    service.accounts = [REVOKED, make_account()]
    feed = start_feed()
    assert await observer.next() == "failed"
    assert observer.failures == [(REVOKED, None)]
    assert not feed.task.done()
    feed.wake.set()
    assert await observer.next() == "loaded"


async def test_the_pace_follows_what_the_listing_took(
    service: ScriptedService,
    clock: FakeClock,
    start_feed: Callable[[], Feed],
    observer: Observer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def pace(took_s: float) -> float:
        asked.append(took_s)
        return 1000.0

    monkeypatch.setattr(refresh, "next_refresh_s", pace)
    service.on_list = lambda: clock.advance(3.0)
    start_feed()
    assert await observer.next() == "loaded"
    assert asked == [3.0]
