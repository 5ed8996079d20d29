"""The program with so many keys, without a server: `python -m tests.bench.many_keys COUNT`."""

from __future__ import annotations

import sys
from datetime import timedelta

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.ui.app import PulsapiApp
from tests.seeded import (
    NOW,
    NoClipboard,
    SeededAccounts,
    SeededService,
    StandingClock,
    connector_to,
    hand_off_of,
)


def many_keys(count: int) -> list[ApiKey]:
    """So many keys, newest first."""
    return [
        ApiKey(
            id=f"key_{number:06}",
            name=f"{('payments', 'search', 'billing')[number % 3]}-worker-{number}",
            hint="a1B2",
            created_at=NOW - timedelta(minutes=number),
            last_used_at=None if number % 5 == 0 else NOW - timedelta(minutes=number % 9000),
        )
        for number in range(count)
    ]


class ManyKeys(SeededService):
    """Has those keys."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._keys = many_keys(count)


def app_with(count: int) -> PulsapiApp:
    """The program, where it is always half past nine."""
    app = PulsapiApp(
        connector_to(ManyKeys(count)),
        SeededAccounts(),
        StandingClock(),
        lambda _: NoClipboard(),
        hand_off_of(),
    )
    app.animation_level = "none"
    return app


if __name__ == "__main__":
    app_with(int(sys.argv[1])).run()
