"""A service that lets through only what its profile allows, whoever asks."""

from __future__ import annotations

from pulsapi_tui.domain.errors import OtherAccountError, ReadOnlyError
from pulsapi_tui.domain.models import Account, CreatedKey, Service
from pulsapi_tui.domain.ports import KeyPages, KeyService, PageSeen
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret


class GuardedService:
    """A `KeyService` that is one account's, and changes nothing where its profile is read-only.

    The screens and the commands ask first and say it better; this is what holds where they err.
    """

    def __init__(self, service: KeyService, profile: Profile) -> None:
        self._service = service
        self._profile = profile

    @property
    def origin(self) -> str:
        """The base URL."""
        return self._service.origin

    async def account(self) -> Account:
        """Who the key acts as. Raises `OtherAccountError` where that is not the profile's."""
        return self._checked(await self._service.account())

    async def sign_in(self, credential: Secret) -> Account:
        """Go on with another key of the same account."""
        return self._checked(await self._service.sign_in(credential))

    def _checked(self, account: Account) -> Account:
        wanted = self._profile.account_id
        if wanted and account.id != wanted:
            raise OtherAccountError(
                f"This key is of another account ({account.email}) than the profile "
                f"“{self._profile.name}” was connected to. Nothing was read or changed with it."
            )
        return account

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        """All keys."""
        return await self._service.list_keys(before, page_seen)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        """Create, where that is allowed."""
        self._may_change()
        return await self._service.create_key(name, request_id, attempt)

    async def revoke_key(self, key_id: str) -> None:
        """Revoke, where that is allowed."""
        self._may_change()
        await self._service.revoke_key(key_id)

    def _may_change(self) -> None:
        if self._profile.read_only:
            raise ReadOnlyError(
                f"“{self._profile.name}” is read-only here: nothing was sent. Start without "
                "--read-only, or change the profile."
            )

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        """The services that the account watches."""
        return await self._service.services(credential)

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._service.aclose()
