"""What each kind of place must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pulsapi_tui.domain.delivery import Delivered, Preview, Way
from pulsapi_tui.domain.secret import Secret


class Sink(Protocol):
    """A kind of place. The methods block, so they run in a thread."""

    def way(self, key_name: str) -> Way:
        """What must be told, with defaults for a key of that name."""
        ...

    def preview(self, values: Mapping[str, str]) -> Preview:
        """What a delivery would do, from the values alone; asks nothing of the machine."""
        ...

    def concerns(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """What speaks against it, as sentences. Raises `DeliveryError` where it can't work."""
        ...

    def deliver(self, secret: Secret, values: Mapping[str, str]) -> Delivered:
        """Deliver; returns only what is known to be true. Raises `DeliveryError`."""
        ...

    def held(self, values: Mapping[str, str]) -> Secret | None:
        """The key that stands there now, where that can be read; else None.

        Raises:
            DeliveryError: it can't be read.
        """
        ...
