"""Sign in and keep the list fresh."""

from __future__ import annotations

import msgspec

from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Clock, KeyPages, KeyService, PageSeen

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


async def load(
    service: KeyService, clock: Clock, before: Snapshot | None, page_seen: PageSeen | None = None
) -> Snapshot:
    """Read the account, the first time, and the keys; raises `PulsapiError`.

    Where nothing changed, the snapshot holds the same key objects as before.
    """
    account = before.account if before is not None else await service.account()
    pages = await service.list_keys(before.pages if before else None, page_seen)
    unchanged = before is not None and _same(before.pages, pages)
    keys = before.keys.keys if before is not None and unchanged else pages.keys
    return Snapshot(account, KeyList(keys, clock.now()), pages)


def _same(before: KeyPages, after: KeyPages) -> bool:
    return len(before.pages) == len(after.pages) and all(
        old is new for old, new in zip(before.pages, after.pages, strict=True)
    )


def next_refresh_s(listing_took_s: float) -> float:
    """Seconds until the next refresh."""
    return max(EVERY_S, SHARE * listing_took_s)


def next_try_s(failures: int, error: PulsapiError) -> float:
    """Seconds until the next try after so many failures in a row; Retry-After counts."""
    asked_for_s = getattr(error, "retry_after_s", None) or 0.0
    return float(max(asked_for_s, min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** (failures - 1))))
