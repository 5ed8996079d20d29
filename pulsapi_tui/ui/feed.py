"""The session of the Keys screen, and what is said of the line to the server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Protocol

from pulsapi_tui.domain.errors import (
    CredentialError,
    ForbiddenRoleError,
    PlanRequiredError,
    PulsapiError,
)
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clock, Connector, RetryNotice, Session
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import span
from pulsapi_tui.flows.refresh import Snapshot, keep_fresh
from pulsapi_tui.ui.states import could_not_start, no_credential, state_for
from pulsapi_tui.ui.widgets.state_panel import State

SLOW_AFTER_S = 3.0
"""A reading that takes longer is said to be under way: `live` is not true any more."""


class FeedView(Protocol):
    """What the feed tells the screen."""

    def session_opened(self, session: Session) -> None:
        """A session is open; nothing was asked of it yet."""
        ...

    def account_seen(self, account: Account) -> None:
        """The account is known."""
        ...

    def keys_seen(self, keys: KeyList, *, whole: bool) -> None:
        """A list, or the first part of it."""
        ...

    def refused(self, state: State) -> None:
        """There is nothing to be had, until something changes."""
        ...

    def unreachable(self, state: State) -> None:
        """The line is down; the feed goes on trying."""
        ...

    def line(self, text: str, *, trouble: bool = False) -> None:
        """How the server is reached just now."""
        ...


class Feed:
    """Opens a session, keeps the list fresh, and says how that goes."""

    def __init__(self, clock: Clock, view: FeedView) -> None:
        self._clock = clock
        self._view = view
        self._session: Session | None = None
        self._account: Account | None = None
        self._fetched: KeyList | None = None
        self._next_try_at: float | None = None
        self._has_loaded = False
        self._began_at = 0.0
        self._slow: asyncio.TimerHandle | None = None
        self.wake = asyncio.Event()
        """Set it to have the list read now."""

    @property
    def _way(self) -> str:
        """By which proxy the server is reached, if by one."""
        proxy = self._session.profile.network.proxy if self._session else ""
        return f" by {proxy.split('://', 1)[-1]}" if proxy else ""

    @property
    def origin(self) -> str:
        """The base URL, as far as it is known."""
        return self._session.service.origin if self._session else "https://api.pulsapi.com"

    async def run(self, connect: Connector, credential: Secret | None) -> None:
        """Until cancelled. It only reads, so it may be cancelled at any time."""
        self._account = self._fetched = self._next_try_at = None
        try:
            session = await connect(credential, self._retrying)
        except CredentialError as error:
            self._view.refused(no_credential(error, was_typed=credential is not None))
            return
        except PulsapiError as error:
            self._view.refused(could_not_start(error))
            return
        self._session = session
        self._view.session_opened(session)
        try:
            await keep_fresh(session.service, self._clock, self, self.wake)
        finally:
            self._answered()
            session.journal.close()
            await session.service.aclose()

    def forget(self) -> None:
        """Another account is going to be opened."""
        self._session = None

    def reading(self) -> None:
        """A reading begins: it is said where it takes long."""
        self._answered()
        self._began_at = self._clock.monotonic()
        self._slow = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._say_slow)

    def _say_slow(self) -> None:
        took_s = self._clock.monotonic() - self._began_at
        self._view.line(f"reading for {took_s:.0f} s", trouble=True)
        self._slow = asyncio.get_running_loop().call_later(1.0, self._say_slow)

    def _answered(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def account_seen(self, account: Account) -> None:
        """The account is known, whatever becomes of the list."""
        self._account = account
        self._view.account_seen(account)

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        """The first listing has come so far: its first page is shown at once."""
        if self._fetched is None and total > len(keys):
            self._fetched = KeyList(keys, self._clock.now())
            self._view.keys_seen(self._fetched, whole=False)
        self.reading()
        self._view.line(f"reading {len(keys):,} of {total:,}")

    def loaded(self, snapshot: Snapshot) -> None:
        """The list is fresh."""
        self._answered()
        if not self._has_loaded:
            # What is there by now stays. A collection that walked over all of it, keys and classes,
            # would hold a key press up for several frames.
            self._has_loaded = True
            gc.freeze()
        self._next_try_at = None
        self._fetched = snapshot.keys
        self._view.line(f"● live{self._way}")
        self._view.keys_seen(snapshot.keys, whole=True)

    def failed(self, error: PulsapiError, next_try_s: float | None) -> None:
        """It is not."""
        self._answered()
        state = state_for(error, self._account, self.origin)
        if next_try_s is None or isinstance(error, PlanRequiredError | ForbiddenRoleError):
            self._next_try_at = self._fetched = None
            self._view.line("")
            self._view.refused(state)
            return
        self._next_try_at = self._clock.monotonic() + next_try_s
        self._view.unreachable(state)
        self.count_down()

    def count_down(self) -> None:
        """Say how long it is to the next try, and how old the list is; once a second."""
        if self._next_try_at is None:
            return
        wait_s = max(0, round(self._next_try_at - self._clock.monotonic()))
        age = ""
        if self._fetched is not None:
            age_s = (self._clock.now() - self._fetched.fetched_at).total_seconds()
            age = f"list {span(age_s)} old · "
        self._view.line(f"⚡ unreachable · {age}next try in {wait_s} s", trouble=True)

    def _retrying(self, notice: RetryNotice) -> None:
        if self._slow is not None:
            # Else it is another request that is tried again.
            self.reading()
        text = f"try {notice.attempt} in {notice.wait_s:.0f} s: {notice.reason}"
        self._view.line(text, trouble=True)
