"""All ways to deliver a key from here, behind one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from pulsapi_tui.delivery.sink import Sink
from pulsapi_tui.domain.delivery import Delivered, Preview, Target, Way
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret

FindSinks = Callable[[], Sequence[Sink]]
"""Looks for what is installed, so it runs in a thread."""


class Deliveries:
    """The real `Delivery`: hands a target to the sink of its way, in a thread."""

    def __init__(self, find_sinks: FindSinks) -> None:
        self._find_sinks = find_sinks
        self._sinks: dict[str, Sink] = {}

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        """What can be had here."""
        sinks = await asyncio.to_thread(self._find_sinks)
        ways = [(sink.way(key_name), sink) for sink in sinks]
        self._sinks = {way.id: sink for way, sink in ways}
        return tuple(way for way, _ in ways)

    def preview(self, target: Target) -> Preview:
        """What a delivery would do."""
        sink = self._sinks.get(target.way_id)
        if sink is None:
            return Preview("This way is not to be had here any more.", is_error=True)
        return sink.preview(target.values)

    async def concerns(self, target: Target) -> tuple[str, ...]:
        """What speaks against it."""
        sink = self._sink(target)
        return await asyncio.to_thread(sink.concerns, target.values)

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        """Deliver."""
        sink = await self._sink_again(target)
        return await asyncio.to_thread(partial(sink.deliver, secret, target.values))

    async def held(self, target: Target) -> Secret | None:
        """The key that stands in a target now."""
        sink = await self._sink_again(target)
        return await asyncio.to_thread(sink.held, target.values)

    async def _sink_again(self, target: Target) -> Sink:
        """The sink of a target that was chosen before this program started, too."""
        if target.way_id not in self._sinks:
            await self.ways("")
        return self._sink(target)

    def _sink(self, target: Target) -> Sink:
        preview = self.preview(target)
        if preview.is_error:
            raise DeliveryError(preview.text)
        return self._sinks[target.way_id]
