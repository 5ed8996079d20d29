"""What the database holds, as immutable values. Times are milliseconds since the epoch."""

import msgspec

from pulsapi_tui.server.wire import Plan, Role


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is stored."""

    id: str
    email: str
    display_name: str
    timezone: str
    plan: Plan
    role: Role


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored: its digest, never its secret. Times in epoch ms.

    A key that is not `listed` works like any other and is in no list: the demo's own credential for
    an account that has no keys.
    """

    id: str
    account_id: str
    digest: bytes
    name: str
    hint: str
    created_at: int
    last_used_at: int | None = None
    listed: bool = True


class Caller(msgspec.Struct, frozen=True):
    """Whom an authenticated request acts as, and with which key."""

    account: AccountRow
    key_id: str
    is_first_use: bool


class CreateRow(msgspec.Struct, frozen=True):
    """An earlier create under the same Idempotency-Key, and what became of its key."""

    key: KeyRow
    attempt: int
    created_at: int
    is_revoked: bool


class Position(msgspec.Struct, frozen=True):
    """Where a page ended: the last key's time (epoch ms) and its number."""

    created_at: int
    seq: int
