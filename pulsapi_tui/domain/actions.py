"""What this program did to a key, as it is written down: ids, names and times, never a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done or tried, and what is known to have come of it."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    who: str
    """The account, as the server said: its e-mail and id."""
    profile: str
    origin: str
    """The base URL."""
    action: str
    """`create`, `deliver`, `prove`, `revoke`, or `rotate.` and a step."""
    key_id: str
    """Empty where none was made, or none is known."""
    key_name: str
    hint: str
    outcome: str
    """A word or two: `created`, `revoked`, `already gone`, `not known`, `failed` …"""
    detail: str = ""
    """A sentence, where there is more to say."""
