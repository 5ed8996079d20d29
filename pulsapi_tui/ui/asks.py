"""What a screen may ask the user, without knowing the dialogs that ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, tzinfo
from enum import Enum
from typing import Literal, NamedTuple, Protocol

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Store
from pulsapi_tui.domain.profiles import Kept, Network, Profile, ProfileList
from pulsapi_tui.domain.rotation import Mode, Rotation
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import Verdict

Severity = Literal["information", "warning", "error"]
"""How loud a toast is."""


class NewKey(NamedTuple):
    """What was asked for in Create."""

    name: str
    deliver: bool
    """Straight to where it belongs, without being shown."""


class Wish(Enum):
    """What the user wants of a key that is shown."""

    DELIVER = "deliver"
    TRY = "try"
    DISCARD = "discard"
    """Revoke it."""
    VERIFIED = "verified"
    """It was pasted back, so it is somewhere else than here: close."""
    DONE = "done"
    """It was delivered: close."""


class OpenReveal(Protocol):
    """A key that is shown, until it is shut. It wishes; whoever opened it acts and tells."""

    async def wish(self) -> Wish:
        """The next wish; no other comes until the answer was told."""
        ...

    def tell(self, answer: Content, *, stored: bool = False) -> None:
        """Show what came of the wish; `stored` once the key is known to be somewhere else."""
        ...

    def shut(self) -> None:
        """Close it."""
        ...


class Known(NamedTuple):
    """What a rotation knows of the old key that is to be revoked."""

    text: str
    """The verdict, as sentences."""
    is_early: bool
    """It is not known to be quiet: the name has to be typed."""


class RotationWanted(NamedTuple):
    """What was asked for in the plan of a rotation."""

    mode: Mode
    new_name: str
    deliver: bool
    """To where it belongs, without being shown; else it is shown once."""


class RotationWish(Enum):
    """What the user wants of a rotation that is open."""

    GO_ON = "go on"
    REVOKE_OLD = "revoke the old key"
    REPLACE = "replace the successor"
    """Its secret is lost: revoke it, and create another one."""
    HAVE_IT = "I have it"
    OTHER_TARGET = "deliver elsewhere"
    SHOW = "show it"
    ABANDON = "abandon"
    CLOSE = "close"
    """It stays in flight."""


class RotationView(NamedTuple):
    """What is shown of a rotation."""

    rotation: Rotation
    old: ApiKey | None
    """As the list has them."""
    new: ApiKey | None
    verdict: Verdict | None
    said: Content
    now: datetime
    zone: tzinfo
    choices: tuple[RotationWish, ...]
    """Empty while a step is under way."""


class OpenRotation(Protocol):
    """A rotation on the screen, until it is shut."""

    async def wish(self) -> RotationWish:
        """The next wish."""
        ...

    def show(self, view: RotationView) -> None:
        """Draw it as it is now."""
        ...

    def shut(self) -> None:
        """Close it."""
        ...


class PlanLine(NamedTuple):
    """A key of a plan for several."""

    key: ApiKey
    where: str
    """Where its successor goes, in words."""


class OpenProgress(Protocol):
    """A progress bar on the screen, until it is shut."""

    @property
    def stop(self) -> asyncio.Event:
        """Set once the user wants no other one to be begun."""
        ...

    def advance(self, done: int, text: str) -> None:
        """So many are answered; `text` is about the last one."""
        ...

    def shut(self) -> None:
        """Close it."""
        ...


class Connection(NamedTuple):
    """What was typed in Connect, untested."""

    base_url: str
    key: Secret | None = None
    argv: tuple[str, ...] = ()
    """The command that prints the key, where it was not pasted."""
    network: Network = Network()


ConnectField = Literal["key", "base-url"]
"""Where what was wrong with a connection can be mended."""


class ProfileWanted(NamedTuple):
    """How a profile is to be saved."""

    name: str
    production: bool
    read_only: bool
    kept: Kept


class ProfileAct(Enum):
    """What can be wished of a profile."""

    OPEN = "open"
    CONNECT = "connect"
    """Another account."""
    PRODUCTION = "production"
    """Mark it, or take the mark off."""
    COLOUR = "colour"
    """The next colour."""
    USE = "use"
    """Make it the current one."""
    READ_ONLY = "read_only"
    REMOVE = "remove"


class ProfileWish(NamedTuple):
    """What is wished of which profile."""

    act: ProfileAct
    name: str


class OpenProfiles(Protocol):
    """The profiles on the screen, until they are shut."""

    async def wish(self) -> ProfileWish | None:
        """The next wish, or None for the end; no other comes until the answer was told."""
        ...

    def tell(self, listed: ProfileList, said: str) -> None:
        """Show them as they are now, and what came of the wish."""
        ...

    def shut(self) -> None:
        """Close."""
        ...


class OrphanChoice(Enum):
    """What to do with a live key whose secret is not known to be stored."""

    LATER = "later"
    KEEP = "keep"
    """The user has it."""
    REVOKE = "revoke"


class Asks(Protocol):
    """Dialogs, as coroutines. None and False mean that the user went back."""

    async def get_ready(self) -> None:
        """Do beforehand what the first question would have to wait for."""
        ...

    def about(self, profile: Profile, script_profile: str | None) -> None:
        """What is asked from now on is about the keys of that profile, and bears its mark.

        `script_profile` is what a command has to name to mean it, or nothing; None: none can.
        """
        ...

    async def connection(
        self, draft: Connection, problem: str, at: ConnectField
    ) -> Connection | None:
        """A server and a key of it; `problem` is what was wrong with the draft, in which field."""
        ...

    async def new_profile(
        self,
        account: Account,
        wanted: ProfileWanted,
        taken: Sequence[str],
        stores: Sequence[Store],
        problem: str,
    ) -> ProfileWanted | None:
        """How to save the profile of a key that was tried."""
        ...

    async def profiles(self, listed: ProfileList, opened: str, opened_from: str) -> OpenProfiles:
        """Show the profiles; `opened` is that of this session, by the key from `opened_from`."""
        ...

    async def new_key(self, taken: Collection[str], draft: str) -> NewKey | None:
        """The name of a new key, and where it goes."""
        ...

    async def target(
        self, key_name: str, before: Target | None, *, correct: bool = False
    ) -> Target | None:
        """Where to deliver a key to; `before` is where one went last.

        `correct`: it is where this one was to go, and can't as it is.
        """
        ...

    async def reveal(self, created: CreatedKey, origin: str, note: Content | None) -> OpenReveal:
        """Show a key once. `note` says what went wrong before."""
        ...

    async def confirm(self, title: str, body: Content, *, confirm: str) -> bool:
        """Whether to go on all the same."""
        ...

    async def revoke(
        self,
        keys: Sequence[ApiKey],
        now: datetime,
        *,
        clean_up: bool = False,
        known: Known | None = None,
        hidden: str = "",
    ) -> bool:
        """Whether to revoke these keys.

        `clean_up` where the program chose them; `known` where a rotation has watched them;
        `hidden` says which of them the filter hides.
        """
        ...

    async def report(
        self, title: str, body: Content, *, danger: bool = False, unasked: bool = False
    ) -> None:
        """Something that must be read; `unasked` where it comes when something is done."""
        ...

    async def orphan(self, key: ApiKey, why: str, now: datetime) -> OrphanChoice:
        """What to do with a key that has no owner; `why` says how it came to that."""
        ...

    async def rotation_plan(
        self, key: ApiKey, now: datetime, *, is_own: bool
    ) -> RotationWanted | None:
        """How to rotate a key; `is_own` where it is this session's."""
        ...

    async def rotation(self, key_name: str) -> OpenRotation:
        """Open a rotation."""
        ...

    async def target_for_many(self, keys: Sequence[ApiKey], before: Target | None) -> Target | None:
        """Where the successors of these keys go: a target with places for each key's name."""
        ...

    async def plan_of_many(
        self, lines: Sequence[PlanLine], concerns: Sequence[str], now: datetime
    ) -> bool:
        """Whether to rotate these keys like this."""
        ...

    async def progress(self, title: str, total: int) -> OpenProgress:
        """Show how far something has come."""
        ...

    async def abandon(self, rotation: Rotation, *, may_still_come: bool) -> bool | None:
        """How to end a rotation early: True keeps both keys, False revokes the successor."""
        ...

    async def another_key(self, origin: str) -> Secret | None:
        """A credential to go on with."""
        ...
