"""The things that PulsAPI's API talks about, immutable and safe to draw.

Every text field was cleaned where the object was made (`api._wire`), but for the ids, which are
sent back as they came and hold only printable characters.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from pulsapi_tui.domain.secret import Secret

Plan = Literal["free", "pro", "enterprise"]
Role = Literal["owner", "admin", "member", "viewer"]
ServiceStatus = Literal["operational", "degraded", "partial_outage", "major_outage"]

MAX_TEXT_LENGTH = 256
"""Characters of a name; the contract has 64, and an email address can have 254."""

MAX_HINT_LENGTH = 16

IDEMPOTENT_CREATE = "idempotent-create"
"""The capability of a server where a create may be repeated (contract.md)."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who the session's key acts as."""

    id: str
    email: str
    display_name: str
    timezone: str
    """An IANA name; for display only."""
    plan: Plan
    role: Role
    authenticated_key_id: str
    """The key of this session."""
    capabilities: frozenset[str]

    @property
    def may_repeat_create(self) -> bool:
        """Whether a create that lost its answer may be sent again."""
        return IDEMPOTENT_CREATE in self.capabilities


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key as the list shows it; never with its secret.

    The limits hold where one is decoded. It can't be part of a cycle, so the garbage collector need
    not walk 100,000 of them.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    name: Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)]
    hint: Annotated[str, msgspec.Meta(max_length=MAX_HINT_LENGTH)]
    """The last characters of the secret."""
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    last_used_at: Annotated[datetime, msgspec.Meta(tz=True)] | None
    """None: not used so far, as far as the server knows."""


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in the one moment in which its secret can be had."""

    key: ApiKey
    secret: Secret


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service that the account watches."""

    id: str
    name: str
    status: ServiceStatus
    group: str | None
    updated_at: datetime
