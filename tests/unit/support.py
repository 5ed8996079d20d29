"""Small stand-ins for the clock and for a server that fails on cue, and makers of values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.models import IDEMPOTENT_CREATE, Account, ApiKey, CreatedKey, Service
from pulsapi_tui.domain.ports import KeyPage, KeyPages, PageSeen
from pulsapi_tui.domain.secret import Secret

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ORIGIN = "http://127.0.0.1:9"
_T = TypeVar("_T")
CANARY = "local_CanaryCanaryCanary0123456789"


def make_key(
    key_id: str = "k1",
    name: str = "CI/CD Pipeline",
    *,
    hint: str = "wxyz",
    created_ago: timedelta = timedelta(days=90),
    used_ago: timedelta | None = None,
) -> ApiKey:
    """A key, by its age and the time since its last use."""
    return ApiKey(
        id=key_id,
        name=name,
        hint=hint,
        created_at=NOW - created_ago,
        last_used_at=None if used_ago is None else NOW - used_ago,
    )


def make_account(*, repeatable: bool = False, session_key_id: str = "session") -> Account:
    """An owner on a pro plan, on a server with or without `idempotent-create`."""
    return Account(
        id="acct",
        email="o@example.com",
        display_name="O",
        timezone="UTC",
        plan="pro",
        role="owner",
        authenticated_key_id=session_key_id,
        capabilities=frozenset({IDEMPOTENT_CREATE} if repeatable else ()),
    )


def pages_of(*keys: ApiKey, etag: str | None = None) -> KeyPages:
    """One page."""
    return KeyPages((KeyPage(keys, None, etag, len(keys)),))


class FakeClock:
    """Time that passes only by `sleep` and by hand."""

    def __init__(self) -> None:
        self.time = NOW
        self.ticks = 0.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.ticks += seconds


class ScriptedService:
    """A `KeyService` that answers each call with the next thing of its script.

    A script is used up from its front; its last entry stays. An exception is raised.
    """

    def __init__(self) -> None:
        self.creates: list[CreatedKey | PulsapiError] = []
        self.listings: list[KeyPages | PulsapiError] = [pages_of()]
        self.accounts: list[Account | PulsapiError] = [make_account()]
        self.revokes: dict[str, PulsapiError | None] = {}
        self.sent: list[tuple[str, str, int]] = []
        self.revoked: list[str] = []
        self.listed_since: list[KeyPages | None] = []
        self.busy = 0
        self.busiest = 0
        self.on_create: Callable[[], None] = lambda: None
        self.on_list: Callable[[], None] = lambda: None

    @property
    def origin(self) -> str:
        return ORIGIN

    async def account(self) -> Account:
        return _next(self.accounts)

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        self.listed_since.append(before)
        self.on_list()
        pages = _next(self.listings)
        if page_seen is not None:
            page_seen(pages.keys, len(pages.keys))
        return pages

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        self.sent.append((name, request_id, attempt))
        self.on_create()
        return _next(self.creates)

    async def revoke_key(self, key_id: str) -> None:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        self.revoked.append(key_id)
        error = self.revokes.get(key_id)
        if error is not None:
            raise error

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        return ()

    async def sign_in(self, credential: Secret) -> Account:
        return _next(self.accounts)

    async def aclose(self) -> None:
        return None


def _next(script: list[_T | PulsapiError]) -> _T:
    step = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(step, PulsapiError):
        raise step
    return step


def made(key: ApiKey) -> CreatedKey:
    """The answer to a create."""
    return CreatedKey(key=key, secret=Secret(CANARY))


def ids(keys: Iterable[ApiKey]) -> list[str]:
    """Their ids, in order."""
    return [key.id for key in keys]
