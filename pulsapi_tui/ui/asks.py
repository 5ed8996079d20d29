"""What a screen may ask the user, without knowing the dialogs that ask it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.secret import Secret


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


class OrphanChoice(Enum):
    """What to do with a live key whose secret is not known to be stored."""

    LATER = "later"
    KEEP = "keep"
    """The user has it."""
    REVOKE = "revoke"


class Asks(Protocol):
    """Dialogs, as coroutines. None and False mean that the user went back."""

    async def new_key(self, taken: Collection[str], draft: str) -> NewKey | None:
        """The name of a new key, and where it goes."""
        ...

    async def target(self, key_name: str, before: Target | None) -> Target | None:
        """Where to deliver a key to; `before` is where one went last, or was to go just now."""
        ...

    async def reveal(self, created: CreatedKey, origin: str, note: Content | None) -> OpenReveal:
        """Show a key once. `note` says what went wrong before."""
        ...

    async def confirm(self, title: str, body: Content, *, confirm: str) -> bool:
        """Whether to go on all the same."""
        ...

    async def revoke(self, keys: Sequence[ApiKey], now: datetime) -> bool:
        """Whether to revoke these keys."""
        ...

    async def report(
        self, title: str, body: Content, *, danger: bool = False, unasked: bool = False
    ) -> None:
        """Something that must be read; `unasked` where it comes when something is done."""
        ...

    async def orphan(self, key: ApiKey, why: str, now: datetime) -> OrphanChoice:
        """What to do with a key that has no owner; `why` says how it came to that."""
        ...

    async def another_key(self, origin: str) -> Secret | None:
        """A credential to go on with."""
        ...
