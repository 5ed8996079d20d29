"""The real `Accounts`."""

from __future__ import annotations

import os
from collections.abc import Callable

from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.config.paths import credentials_directory, profiles_path
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Clock
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.access import access_to
from pulsapi_tui.wiring.demo import DemoConnector
from pulsapi_tui.wiring.demo_server import DemoServer
from pulsapi_tui.wiring.sessions import RemoteConnector, open_service


def profiles_here() -> ProfilesFile:
    """The user's profiles."""
    return ProfilesFile(profiles_path())


def credentials_here(*, may_prompt: bool = False) -> StoredCredentials:
    """The places of this machine; `may_prompt` where a command may use the terminal."""
    return StoredCredentials(credentials_directory(), os.environ, may_prompt=may_prompt)


class LocalAccounts:
    """The profiles of this user. `stop` ends the demo, if one was started."""

    def __init__(self, clock: Clock, *, read_only: bool) -> None:
        self.profiles = profiles_here()
        self.credentials = credentials_here()
        self._clock = clock
        self._tell: Callable[[str], None] | None = None
        self._read_only = read_only
        self._demo: DemoConnector | None = None

    def tell(self, tell: Callable[[str], None]) -> None:
        """Tell, from another thread, what becomes of the demo's traffic."""
        self._tell = tell

    def connector(self, profile: Profile) -> RemoteConnector:
        """Opens sessions with a saved profile."""
        return RemoteConnector(access_to(profile), self.credentials, self._clock)

    def demo(self) -> DemoConnector:
        """Opens sessions with the demo."""
        if self._demo is None:
            self._demo = DemoConnector(DemoServer(), self._clock, read_only=self._read_only)
            if self._tell is not None:
                self._demo.tell(self._tell)
        return self._demo

    async def ask(self, profile: Profile, credential: Secret) -> Account:
        """One call with that key."""
        service = await open_service(profile, credential, self._clock)
        try:
            return await service.account()
        finally:
            await service.aclose()

    def stop(self) -> None:
        """End what was started."""
        if self._demo is not None:
            self._demo.stop()
