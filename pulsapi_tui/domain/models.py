"""The things that PulsAPI's API talks about, immutable and safe to draw.

Every text field was cleaned where the object was made (`api._wire`), but for the ids, which are
sent back as they came and hold only printable characters.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from pulsapi_tui.domain.secret import Secret

Plan = Literal["free", "pro", "enterprise"]
Role = Literal["owner", "admin", "member", "viewer"]
ServiceStatus = Literal["operational", "degraded", "partial_outage", "major_outage"]

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

    It can't be part of a cycle, so the garbage collector need not walk 100,000 of them.
    """

    id: str
    name: str
    hint: str
    """The last characters of the secret."""
    created_at: datetime
    last_used_at: datetime | None
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
