"""What the flows need of the world outside, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Delivered, Preview, Target, Way
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Service
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile, ProfileList
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.domain.secret import Secret


class KeyPages(msgspec.Struct, frozen=True):
    """A listing, with what is needed to ask only for what changed since."""

    pages: tuple[KeyPage, ...]

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        """All keys, newest first."""
        return tuple(chain.from_iterable(page.keys for page in self.pages))


class KeyPage(msgspec.Struct, frozen=True):
    """One page as the server sent it."""

    keys: tuple[ApiKey, ...]
    next_cursor: str | None
    etag: str | None
    total: int


PageSeen = Callable[[Sequence[ApiKey], int], None]
"""Called with the keys so far and the total, after each page."""


class RetryNotice(msgspec.Struct, frozen=True):
    """A request failed and is tried again."""

    reason: str
    """A sentence for the user."""
    wait_s: float
    attempt: int
    """The try that comes next, from 2."""


class KeyService(Protocol):
    """PulsAPI, as far as keys go. Every call raises `PulsapiError` and ends by its deadline."""

    @property
    def origin(self) -> str:
        """The base URL."""
        ...

    async def account(self) -> Account:
        """Who the session's key acts as."""
        ...

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        """All keys. Pages that did not change since `before` are the same objects as there."""
        ...

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        """Send one create, once. Repeating it is the caller's decision."""
        ...

    async def revoke_key(self, key_id: str) -> None:
        """Revoke; returns only when the server confirmed it."""
        ...

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        """The services that the account watches; asked with another key, where one is given."""
        ...

    async def sign_in(self, credential: Secret) -> Account:
        """Go on with another key of the same account, once the server has accepted it."""
        ...

    async def aclose(self) -> None:
        """Give the connections back."""
        ...


class Session(NamedTuple):
    """A server, as one account, and the journal of what was asked of it."""

    service: KeyService
    journal: RotationJournal
    profile: Profile
    """Of the user's own, or made up: for the demo, or for what the environment says."""
    credential_from: str
    """Where its key comes from, for a sentence: `the system's keyring`."""
    last_target: LastTarget
    """Where a key of this profile went last."""
    log: ActionLog
    """What was done here, for later."""
    is_demo: bool = False
    """No command reaches it, and it ends with the program."""


Retrying = Callable[[RetryNotice], None]


class Connector(Protocol):
    """Opens a session. None means the credential that the program was started with."""

    async def __call__(self, credential: Secret | None, retrying: Retrying) -> Session:
        """Open it; nothing is asked of the server yet. Raises `PulsapiError`."""
        ...


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Journal(Protocol):
    """Where intents are kept. Every write is on disk when it returns; raises `JournalError`."""

    def put(self, intent: Intent) -> None:
        """Write an intent, replacing the one with its request id."""
        ...

    def remove(self, request_id: str) -> None:
        """Forget an intent that is over."""
        ...

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        """The intents of one account, oldest first, but those that another instance is at."""
        ...

    def close(self) -> None:
        """Let go of what this instance was at."""
        ...


class RotationJournal(Journal, Protocol):
    """Where rotations are kept, too; the promises are the same."""

    def claim_rotation(self, rotation: Rotation) -> None:
        """Write a new rotation down; raises `RotationUnderWayError` where its key is in one."""
        ...

    def put_rotation(self, rotation: Rotation) -> None:
        """Write a rotation, replacing the one with its id."""
        ...

    def remove_rotation(self, rotation_id: str) -> None:
        """Forget a rotation that is over."""
        ...

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        """The rotations of one account, oldest first."""
        ...


class OpenRotations(NamedTuple):
    """The rotations that are written down."""

    here: tuple[Rotation, ...]
    """Those that this instance may go on with."""
    elsewhere: tuple[Rotation, ...]
    """Those that another instance, still alive, is at."""


class Copied(msgspec.Struct, frozen=True):
    """What is known after a copy."""

    confirmed: bool
    """Read back and equal."""
    message: str
    """Names the route and what is known, for the user."""
    sent: bool = True
    """Whether it went out at all; False where every route failed, or there is none."""


class Clipboard(Protocol):
    """Ways to a clipboard."""

    async def copy(self, secret: Secret) -> Copied:
        """Copy by the best route of where the program runs; never raises for a failed route."""
        ...


class Delivery(Protocol):
    """Ways to bring a key to where it belongs without showing it."""

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        """What can be had here, with defaults for a key of that name; tools not here are left out.

        Env file and file come first.
        """
        ...

    def preview(self, target: Target) -> Preview:
        """What a delivery would do, from the target alone; asks nothing of the machine."""
        ...

    async def concerns(self, target: Target) -> tuple[str, ...]:
        """What speaks against it, as sentences; changes nothing. Raises `DeliveryError`."""
        ...

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        """Deliver; returns only what is known to be true. Raises `DeliveryError`."""
        ...

    async def held(self, target: Target) -> Secret | None:
        """The key that stands in a target now, where a target can be read; else None.

        Raises `DeliveryError`.
        """
        ...


class ActionLog(Protocol):
    """What this program did, line by line; nothing that was written is changed."""

    def append(self, action: Action) -> bool:
        """Write a line; False where it could not be written. Never raises."""
        ...

    def read(self) -> tuple[Action, ...]:
        """All that is kept, oldest first. Raises `ActionLogError`."""
        ...


class LastTarget(Protocol):
    """The target that was delivered to last, kept per profile."""

    def last(self, key_name: str) -> Target | None:
        """Where a key of that name went last; None where that is not known, or no help."""
        ...

    def remember(self, target: Target, key_name: str) -> None:
        """Keep it; what can't be kept is forgotten without a word."""
        ...


class Recorders(Protocol):
    """Who writes down what this terminal shows."""

    async def active(self) -> tuple[str, ...]:
        """A sentence for each that is known to be at it right now; never raises."""
        ...


class HandOff(NamedTuple):
    """What a key needs between created and stored."""

    delivery: Delivery
    recorders: Recorders
    mask_after_s: float
    """A key that is shown is masked again after so many seconds."""


class Profiles(Protocol):
    """The profiles of this user, in a file of the app's own."""

    def read(self) -> ProfileList:
        """All of them. Raises `ProfilesError`."""
        ...

    def put(self, profile: Profile, *, make_current: bool = False) -> None:
        """Add it, or replace the one of its name; it is on disk then. Raises `ProfilesError`."""
        ...

    def change(self, name: str, change: Callable[[Profile], Profile]) -> Profile:
        """Change it as it is on disk at that moment, and return it. Raises `ProfilesError`."""
        ...

    def use(self, name: str) -> None:
        """Make it the current one. Raises `ProfilesError`, also where there is no such profile."""
        ...

    def remove(self, name: str) -> None:
        """Forget it; its credential is not touched. Raises `ProfilesError`."""
        ...


class Store(NamedTuple):
    """A place that could keep a credential here."""

    kept: Kept
    problem: str = ""
    """Why it can't be used here, as a sentence; empty where it can."""


class Credentials(Protocol):
    """Where the credentials of profiles are kept. A source that fails is never replaced by another.

    Every method raises `CredentialError` and nothing else.
    """

    async def stores(self) -> tuple[Store, ...]:
        """What could keep a credential here, safest first."""
        ...

    def source(self, kept: Kept, profile_name: str, argv: tuple[str, ...] = ()) -> CredentialSource:
        """The source that a profile of that name would have."""
        ...

    async def read(self, profile: Profile) -> Secret:
        """The credential, checked for what a header can carry."""
        ...

    async def keep(self, profile: Profile, credential: Secret) -> None:
        """Bring it to its source and read it back; what can't be written to has to hold it already.

        A credential that stood there is replaced.
        """
        ...

    async def forget(self, profile: Profile) -> None:
        """Remove it from its source, as far as that is ours: the keyring, or our own file."""
        ...


class Accounts(Protocol):
    """The accounts that can be opened from here, and new ones."""

    @property
    def profiles(self) -> Profiles:
        """Those that are saved."""
        ...

    @property
    def credentials(self) -> Credentials:
        """Where their keys are."""
        ...

    def connector(self, profile: Profile) -> Connector:
        """Opens sessions with a saved profile, by the key of its own source."""
        ...

    def demo(self) -> Connector:
        """Opens sessions with the demo, which is started now."""
        ...

    async def ask(self, profile: Profile, credential: Secret) -> Account:
        """One call: whether that server accepts that key, and as whom. Raises `PulsapiError`."""
        ...
