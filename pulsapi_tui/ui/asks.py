"""What a screen may ask the user, without knowing the dialogs that ask it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

from textual.content import Content

from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.secret import Secret


class RevealOutcome(Enum):
    """How a reveal ended."""

    PROVEN = "proven"
    """The key was pasted back: it is somewhere else than here."""
    DISCARD = "discard"
    """The user wants it revoked."""


class OrphanChoice(Enum):
    """What to do with a live key whose secret is not known to be stored."""

    LATER = "later"
    KEEP = "keep"
    """The user has it."""
    REVOKE = "revoke"


class Asks(Protocol):
    """Dialogs, as coroutines. None and False mean that the user went back."""

    async def key_name(self, taken: Collection[str], draft: str) -> str | None:
        """The name of a new key."""
        ...

    async def reveal(self, created: CreatedKey, note: str) -> RevealOutcome:
        """Show a key once. `note` is a sentence on what went wrong before, or empty."""
        ...

    async def revoke(self, keys: Sequence[ApiKey], now: datetime) -> bool:
        """Whether to revoke these keys."""
        ...

    async def report(self, title: str, body: Content, *, danger: bool = False) -> None:
        """Something that must be read."""
        ...

    async def orphan(self, key: ApiKey, why: str, now: datetime) -> OrphanChoice:
        """What to do with a key that has no owner; `why` says how it came to that."""
        ...

    async def another_key(self, origin: str) -> Secret | None:
        """A credential to go on with."""
        ...
