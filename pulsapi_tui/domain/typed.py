"""What must be typed before keys are revoked, on a screen or at a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pulsapi_tui.domain.health import used_recently
from pulsapi_tui.domain.models import ApiKey


def word_to_type(keys: Sequence[ApiKey], now: datetime, *, must_type: bool = False) -> str | None:
    """What must be typed to go on: the count, the name, or nothing.

    A name that a keyboard can't type is replaced by the key's last characters. `must_type` asks
    for it also where the key was not used lately.
    """
    if len(keys) > 1:
        return str(len(keys))
    key = keys[0]
    if not must_type and not used_recently(key, now):
        return None
    return key.name if key.name.isascii() and key.name.isprintable() else key.hint
