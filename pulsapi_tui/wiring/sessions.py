"""How a session with a server that runs already is opened.

What is slow to import is imported here, late and in a thread: the first frame comes before it.
"""

from __future__ import annotations

import asyncio
import sys

from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.config.paths import action_log_path, journal_path, last_target_path
from pulsapi_tui.domain.ports import Clock, Credentials, KeyService, Retrying, Session
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.guarded import GuardedService
from pulsapi_tui.wiring.access import Access
from pulsapi_tui.wiring.clock import SystemClock


async def open_service(
    profile: Profile, credential: Secret, clock: Clock, retrying: Retrying | None = None
) -> KeyService:
    """PulsAPI as that profile sees it. Raises `CredentialError`."""
    return await asyncio.to_thread(_service, profile, credential, clock, retrying)


def _service(
    profile: Profile, credential: Secret, clock: Clock, retrying: Retrying | None
) -> KeyService:
    # httpx has a command line of its own, and takes it for missing then. It would import click, and
    # of rich what no screen needs.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from pulsapi_tui.api.client import PulsApiClient

    client = PulsApiClient(
        profile.base_url,
        credential,
        clock,
        network=profile.network,
        retrying=retrying,
        hear_time=clock.hear if isinstance(clock, SystemClock) else _hear_nothing,
    )
    return GuardedService(client, profile)


def _hear_nothing(date: str) -> None:
    """A clock that a test has made takes its time from nobody."""


class RemoteConnector:
    """Sessions with one account."""

    def __init__(self, access: Access, credentials: Credentials, clock: Clock) -> None:
        self._access = access
        self._credentials = credentials
        self._clock = clock

    async def __call__(self, credential: Secret | None, retrying: Retrying) -> Session:
        """Open a session."""
        profile = self._access.profile
        credential_from = "what was typed" if credential else self._access.credential_from
        key = credential or await self._access.credential(self._credentials)
        service = await open_service(profile, key, self._clock, retrying)
        return Session(
            service,
            JournalFile(journal_path()),
            profile,
            credential_from,
            LastTargetFile(last_target_path(), profile.name),
            ActionLogFile(action_log_path()),
        )
