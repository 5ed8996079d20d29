"""What is done to profiles: connect a new account, open another one, mark, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from pulsapi_tui.domain.errors import AddressError, ConnectError, CredentialError, PulsapiError
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Accounts, Connector, Session, Store
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    Colour,
    CredentialSource,
    Kept,
    Profile,
    ProfileList,
    suggested_name,
)
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.connect import connect
from pulsapi_tui.ui.asks import (
    Asks,
    ConnectField,
    Connection,
    ProfileAct,
    ProfileWanted,
    ProfileWish,
    Severity,
)
from pulsapi_tui.ui.literal import sentence


class ProfilesView(Protocol):
    """What is needed of the screen."""

    @property
    def session(self) -> Session | None:
        """The session that is open, if one is."""
        ...

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast."""
        ...

    def doing(self, text: str) -> None:
        """Show what is under way, or nothing."""
        ...

    def open_account(self, connect: Connector) -> None:
        """Go on with another account; nothing of the one before is kept."""
        ...

    def profile_changed(self, profile: Profile) -> None:
        """The profile of this session has another mark."""
        ...


class ProfileActions:
    """Asks, acts, reports. A session that is open is not touched until one is opened."""

    def __init__(self, accounts: Accounts, asks: Asks, view: ProfilesView) -> None:
        self._accounts = accounts
        self._asks = asks
        self._view = view
        self._opens_again = ""
        """The profile that is open, where it allows something else than when it was opened."""

    # Connect

    async def connect(self) -> bool:
        """Ask for a server and a key, try it, and save it as a profile; False where that ended."""
        draft, problem = Connection(DEFAULT_BASE_URL), ""
        at: ConnectField = "key"
        while True:
            asked = await self._asks.connection(draft, problem, at)
            if asked is None:
                return False
            draft, problem = asked, ""
            profile = Profile(
                name="new",
                base_url=draft.base_url,
                source=CredentialSource(Kept.COMMAND, draft.argv) if draft.argv else _TYPED,
                network=draft.network,
            )
            self._view.doing("Trying the key…")
            try:
                key = draft.key or await self._accounts.credentials.read(profile)
                account = await self._accounts.ask(profile, key)
            except PulsapiError as error:
                problem = error.user_message
                is_there = isinstance(error, AddressError) or type(error) is ConnectError
                at = "base-url" if is_there else "key"
                if type(error) is ConnectError:
                    problem += f" The base URL is {profile.base_url}: look at its host and port."
                continue
            finally:
                self._view.doing("")
            if await self._save(profile, key, account):
                return True

    async def _save(self, profile: Profile, key: Secret, account: Account) -> bool:
        """Save the profile as the user wants it, and open it; False goes back."""
        names = self.names()
        host = profile.base_url.split("://", 1)[-1].split(":")[0].strip("[]/")
        stores = await self._stores(profile)
        wanted = ProfileWanted(
            name=suggested_name(host, names),
            production=False,
            read_only=False,
            kept=next(store.kept for store in stores if not store.problem),
        )
        problem = self._saved_already(profile, account)
        while True:
            asked = await self._asks.new_profile(account, wanted, names, stores, problem)
            if asked is None:
                return False
            wanted = asked
            source = self._accounts.credentials.source(
                wanted.kept, wanted.name, profile.source.argv
            )
            try:
                saved, _ = await connect(
                    msgspec.structs.replace(
                        profile,
                        name=wanted.name,
                        production=wanted.production,
                        read_only=wanted.read_only,
                        source=source,
                    ),
                    key,
                    self._accounts,
                )
            except PulsapiError as error:
                problem = error.user_message
                continue
            self._opens_again = ""
            self._view.open_account(self._accounts.connector(saved))
            self._view.say(f"Saved as “{saved.name}”.")
            return True

    def _saved_already(self, profile: Profile, account: Account) -> str:
        """Whether there is a profile of that account, as a sentence."""
        try:
            listed = self._accounts.profiles.read().profiles
        except PulsapiError:
            return ""
        for each in listed:
            if (each.account_id, each.base_url) == (account.id, profile.base_url):
                return f"This account is the profile “{each.name}” already."
        return ""

    async def _stores(self, profile: Profile) -> tuple[Store, ...]:
        """Where its key can be kept: where it came from, or any other place, safest first."""
        if profile.source.argv:
            return (Store(Kept.COMMAND),)
        found = await self._accounts.credentials.stores()
        return tuple(store for store in found if store.kept is not Kept.COMMAND)

    def names(self) -> tuple[str, ...]:
        """Those of the profiles; none where they can't be read."""
        try:
            return tuple(profile.name for profile in self._accounts.profiles.read().profiles)
        except PulsapiError:
            # What is wrong with the file is said where the new one is to be written.
            return ()

    def to_be_named(self, session: Session) -> str | None:
        """What a command has to name to mean that account; empty where it is meant anyway.

        None for the demo, which no command can reach.
        """
        if session.is_demo:
            return None
        profile = session.profile
        try:
            listed = self._accounts.profiles.read()
        except PulsapiError:
            return ""
        is_meant = listed.get(profile.name) is None or listed.current == profile.name
        return "" if is_meant else profile.name

    def demo(self) -> None:
        """Open the demo."""
        self._view.open_account(self._accounts.demo())

    def open(self, name: str) -> None:
        """Open the profile of that name; what can't be read is said."""
        self._opens_again = ""
        try:
            profile = self._accounts.profiles.read().get(name)
        except PulsapiError as error:
            self._view.say(error.user_message, "error")
            return
        if profile is not None:
            self._view.open_account(self._accounts.connector(profile))

    # The list of them

    async def choose(self) -> None:
        """Show the profiles until one is opened, or until it is closed."""
        session = self._view.session
        opened = session.profile.name if session is not None else ""
        opened_from = session.credential_from if session is not None else ""
        try:
            listed = self._accounts.profiles.read()
        except PulsapiError as error:
            await self._asks.report("Profiles", sentence(error.user_message), danger=True)
            return
        screen = await self._asks.profiles(listed, opened, opened_from)
        while True:
            wish = await screen.wish()
            if wish is None or wish.act in {ProfileAct.OPEN, ProfileAct.CONNECT}:
                screen.shut()
                break
            try:
                said = await self._grant(listed, wish)
                listed = self._accounts.profiles.read()
            except PulsapiError as error:
                said = f"✗ {error.user_message}"
            screen.tell(listed, said)
        if wish is not None and wish.act is ProfileAct.CONNECT:
            if not await self.connect():
                await self.choose()
        elif wish is not None or self._opens_again:
            self.open(self._opens_again if wish is None else wish.name)

    async def _grant(self, listed: ProfileList, wish: ProfileWish) -> str:
        """Do it; what is to be said of it."""
        profile = listed.get(wish.name)
        if profile is None:
            return ""
        if wish.act is ProfileAct.REMOVE:
            return await self._remove(profile)
        if wish.act is ProfileAct.USE:
            self._accounts.profiles.use(profile.name)
            return f"“{profile.name}” is opened from now on where no other one is asked for."
        changed = self._accounts.profiles.change(wish.name, _CHANGES[wish.act])
        session = self._view.session
        if session is None or session.profile.name != changed.name:
            return ""
        if wish.act is ProfileAct.READ_ONLY:
            self._opens_again = changed.name
            return "It is open: it is opened anew when you close this, and that holds then."
        self._view.profile_changed(changed)
        return ""

    async def _remove(self, profile: Profile) -> str:
        session = self._view.session
        if session is not None and session.profile.name == profile.name:
            return "It is open: open another one first."
        copy = (
            f"The key in {profile.source.words} is deleted with it; if it is nowhere else, it is "
            "lost, and stays live at PulsAPI until it is revoked there."
            if profile.source.is_ours
            else f"The key itself, in {profile.source.words}, is left as it is."
        )
        body = sentence("Profile ", (profile.name, "bold"), f" at {profile.base_url}.\n\n{copy}")
        if not await self._asks.confirm("Remove this profile?", body, confirm="Remove"):
            return ""
        self._accounts.profiles.remove(profile.name)
        try:
            await self._accounts.credentials.forget(profile)
        except CredentialError as error:
            return f"Removed, but its key is still there. {error.user_message}"
        return f"Removed “{profile.name}”."


_TYPED = CredentialSource(Kept.ENVIRONMENT)


def _next_colour(profile: Profile) -> Profile:
    colours = list(Colour)
    place = (colours.index(profile.colour) + 1) % len(colours)
    return msgspec.structs.replace(profile, colour=colours[place])


_CHANGES: dict[ProfileAct, Callable[[Profile], Profile]] = {
    ProfileAct.PRODUCTION: lambda each: msgspec.structs.replace(
        each, production=not each.production
    ),
    ProfileAct.READ_ONLY: lambda each: msgspec.structs.replace(each, read_only=not each.read_only),
    ProfileAct.COLOUR: _next_colour,
}
