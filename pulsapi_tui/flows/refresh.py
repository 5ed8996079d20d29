"""Sign in and keep the list fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from pulsapi_tui.domain.errors import OtherAccountError, PulsapiError, UnauthorizedError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clock, KeyPages, KeyService

EVERY_S = 4.0
"""Between two refreshes, where a listing is quick."""

SHARE = 20.0
"""A listing may take at most a twentieth of the time: a long list is read more seldom."""

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 30.0


class Snapshot(msgspec.Struct, frozen=True):
    """The account and its keys, as last read."""

    account: Account
    keys: KeyList
    pages: KeyPages


class FeedObserver(Protocol):
    """Who wants to know what `keep_fresh` finds."""

    def reading(self) -> None:
        """A reading begins."""
        ...

    def account_seen(self, account: Account) -> None:
        """The account is known, whatever becomes of the list."""
        ...

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        """The first listing has come so far."""
        ...

    def loaded(self, snapshot: Snapshot) -> None:
        """The list is fresh."""
        ...

    def failed(self, error: PulsapiError, next_try_s: float | None) -> None:
        """It is not; the next try comes by itself, or only when it is asked for."""
        ...


async def load(
    service: KeyService, clock: Clock, before: Snapshot | None, observer: FeedObserver
) -> Snapshot:
    """Read the account, the first time, and the keys; raises `PulsapiError`.

    Where nothing changed, the snapshot holds the same tuple of keys as before.
    """
    if before is None:
        account = await service.account()
        observer.account_seen(account)
        pages = await service.list_keys(None, observer.page_seen)
        return Snapshot(account, KeyList(pages.keys, clock.now()), pages)
    pages = await service.list_keys(before.pages)
    keys = before.keys.keys if _same(before.pages, pages) else pages.keys
    return Snapshot(before.account, KeyList(keys, clock.now()), pages)


def _same(before: KeyPages, after: KeyPages) -> bool:
    return len(before.pages) == len(after.pages) and all(
        old is new for old, new in zip(before.pages, after.pages, strict=True)
    )


def next_refresh_s(listing_took_s: float) -> float:
    """Seconds until the next refresh."""
    return max(EVERY_S, SHARE * listing_took_s)


def next_try_s(failures: int, error: PulsapiError) -> float | None:
    """Seconds until the next try after so many failures in a row; Retry-After counts.

    None for a key that is not accepted, or is another account's: trying again can't help, another
    key can.
    """
    if isinstance(error, UnauthorizedError | OtherAccountError):
        return None
    asked_for_s = error.retry_after_s or 0.0
    return float(max(asked_for_s, min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** (failures - 1))))


async def keep_fresh(
    service: KeyService, clock: Clock, observer: FeedObserver, wake: asyncio.Event
) -> None:
    """Read the list again and again, until cancelled; `wake` asks for it now."""
    snapshot: Snapshot | None = None
    failures = 0
    while True:
        wake.clear()
        started = clock.monotonic()
        observer.reading()
        try:
            snapshot = await load(service, clock, snapshot, observer)
        except PulsapiError as error:
            failures += 1
            wait_s = next_try_s(failures, error)
            observer.failed(error, wait_s)
        else:
            failures = 0
            wait_s = next_refresh_s(clock.monotonic() - started)
            observer.loaded(snapshot)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await wake.wait()
