"""What is written down before and after a create, so that no live key goes unnamed.

An intent holds ids, a name and times, never a secret.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

SETTLED_AFTER = timedelta(minutes=10)
"""A request that has not shown up by then never will: the time in which the contract lets a
create be repeated, and far beyond the server's deadline for a body."""

IntentState = Literal["requested", "created", "replaced"]


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A create that is not over: asked for and not answered, or answered and not yet stored.

    Or a key that stood where its successor went, and that was kept: who has it now is not known.
    """

    request_id: str
    """Sent as `Idempotency-Key`."""
    origin: str
    """The base URL that the create went to."""
    account_id: str
    name: str
    requested_at: datetime
    state: IntentState = "requested"
    key_id: str | None = None
    """Known once the server answered."""
    hint: str | None = None
    target: str | None = None
    """Where a delivery was on its way to, for people; it may or may not have got there."""
    rotation_id: str | None = None
    """The rotation that this key is the successor of."""
    known_ids: frozenset[str] = frozenset()
    """Keys of this name that were listed before the request, or were dealt with since: none of them
    can be this one.
    """
    is_dealt_with: bool = False
    """A key that may be this one was revoked, or has an owner. One more that turns up is named all
    the same.
    """
