"""What goes over the wire, as openapi.yaml says it: the answers and the body of a create."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

Plan = Literal["free", "pro", "enterprise"]
Role = Literal["owner", "admin", "member", "viewer"]
Status = Literal["operational", "degraded", "partial_outage", "major_outage"]
SlaSource = Literal["custom", "vendor", "default"]
Window = Literal["7d", "30d", "90d"]


def timestamp(epoch_ms: int) -> datetime:
    """Milliseconds since the epoch as a moment in UTC (RFC 3339 with Z once it is encoded)."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who a key acts as."""

    id: str
    email: str
    display_name: str
    timezone: str
    plan: Plan
    role: Role
    authenticated_key_id: str
    capabilities: tuple[str, ...]


class Key(msgspec.Struct, frozen=True):
    """A key as it is listed: never with its secret."""

    id: str
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None


class KeyPage(msgspec.Struct, frozen=True):
    """A page of keys, newest first."""

    data: list[Key]
    next_cursor: str | None
    total: int


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in the one answer that shows its secret."""

    id: str
    name: str
    hint: str
    created_at: datetime
    last_used_at: None = None
    key: str

    def __repr__(self) -> str:
        return "CreatedKey(<redacted>)"


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a create."""

    name: str


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service that the account watches."""

    id: str
    name: str
    status: Status
    group: str | None
    updated_at: datetime


class ServicePage(msgspec.Struct, frozen=True):
    """All services."""

    data: list[Service]
    next_cursor: None = None


class SlaRow(msgspec.Struct, frozen=True, kw_only=True):
    """A service's uptime against its target; percentages of 100, latencies in ms, budget in min."""

    service_id: str
    service_name: str
    status: Status
    uptime_pct: float
    sla_target_pct: float
    sla_source: SlaSource
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    downtime_budget_min: float
    breached: bool


class SlaReport(msgspec.Struct, frozen=True):
    """A row per service over a rolling window."""

    window: Window
    data: list[SlaRow]
