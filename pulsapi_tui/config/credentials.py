"""Where the credentials of profiles are kept: one place for each, and none in its stead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import TypeVar

from pulsapi_tui.config.credential_file import FileStore
from pulsapi_tui.config.key_store import KeyStore, how_to_give_it
from pulsapi_tui.domain.credential import check_credential
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.ports import Store
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean

T = TypeVar("T")


class StoredCredentials:
    """The real `Credentials`. `may_prompt` where a command may use the terminal."""

    def __init__(
        self, directory: Path, environment: Mapping[str, str], *, may_prompt: bool = False
    ) -> None:
        self._environment = environment
        self._may_prompt = may_prompt
        self._files = FileStore(directory)
        self._stores: dict[Kept, KeyStore] = {
            Kept.FILE: self._files,
            Kept.ENVIRONMENT: _EnvironmentStore(),
        }

    def _store(self, kept: Kept) -> KeyStore:
        """Made when it is asked for: the first frame comes without what most accounts don't use."""
        if kept is Kept.COMMAND and kept not in self._stores:
            from pulsapi_tui.config.credential_command import CommandStore

            self._stores[kept] = CommandStore(self._environment, may_prompt=self._may_prompt)
        elif kept is Kept.KEYRING and kept not in self._stores:
            from pulsapi_tui.config.keyring_store import KeyringStore

            self._stores[kept] = KeyringStore(self._environment)
        return self._stores[kept]

    async def stores(self) -> tuple[Store, ...]:
        """What could keep a credential here, safest first."""

        def look(_: Event) -> tuple[Store, ...]:
            return tuple(Store(kept, self._store(kept).problem()) for kept in Kept)

        return await _apart(look)

    def source(self, kept: Kept, profile_name: str, argv: tuple[str, ...] = ()) -> CredentialSource:
        """The source that a profile of that name would have."""
        is_command, is_file = kept is Kept.COMMAND, kept is Kept.FILE
        return CredentialSource(
            kept,
            argv if is_command else (),
            self._files.path_for(profile_name) if is_file else "",
        )

    async def read(self, profile: Profile) -> Secret:
        """The credential, checked for what a header can carry."""
        return await _apart(lambda given_up: self.read_now(profile, given_up))

    async def keep(self, profile: Profile, credential: Secret) -> None:
        """Bring it to its source and read it back."""
        await _apart(lambda given_up: self.keep_now(profile, credential, given_up))

    async def forget(self, profile: Profile) -> None:
        """Remove it from its source, as far as that is ours."""
        store = self._store(profile.source.kept)
        await _apart(lambda given_up: store.forget(profile, given_up))

    def read_now(self, profile: Profile, given_up: Event | None = None) -> Secret:
        """What `read` does, in this thread; `given_up` ends it early."""
        key = self._store(profile.source.kept).read(profile, given_up or Event())
        try:
            return check_credential(key)
        except CredentialError as error:
            problem = error.user_message
        raise CredentialError(f"From {clean(profile.source.words)}: {problem}")

    def keep_now(self, profile: Profile, credential: Secret, given_up: Event | None = None) -> None:
        """What `keep` does, in this thread; `given_up` ends it early."""
        check_credential(credential)
        self._store(profile.source.kept).keep(profile, credential, given_up or Event())


async def _apart(call: Callable[[Event], T]) -> T:
    """In a thread, which is told when nobody waits for it any more."""
    given_up = Event()
    try:
        return await asyncio.to_thread(call, given_up)
    except asyncio.CancelledError:
        given_up.set()
        raise


class _EnvironmentStore:
    """Nothing is kept: whoever starts the program has the key, and reads it before us."""

    def problem(self) -> str:
        return ""

    def read(self, profile: Profile, given_up: Event) -> Secret:
        raise CredentialError(
            f"The profile “{profile.name}” takes its key from PULSAPI_API_KEY, which is not set. "
            f"Set it. Or have the key kept. {how_to_give_it(profile)}"
        )

    def keep(self, profile: Profile, credential: Secret, given_up: Event) -> None:
        pass

    def forget(self, profile: Profile, given_up: Event) -> None:
        pass
