"""Fixtures of the stories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.demo import DemoConnector
from pulsapi_tui.wiring.demo_server import DemoServer
from tests.ui.support import Story, story_of


@pytest.fixture
def demo() -> Iterator[Callable[..., DemoConnector]]:
    """Start demos; they end with the test."""
    started: list[DemoConnector] = []

    def start(*arguments: str) -> DemoConnector:
        connector = DemoConnector(DemoServer(arguments), SystemClock())
        started.append(connector)
        return connector

    yield start
    for connector in started:
        connector.stop()


@pytest.fixture
async def story(demo: Callable[..., DemoConnector]) -> AsyncIterator[Story]:
    """The demo's page, with its twelve keys on it."""
    async with story_of(demo()) as running:
        await running.shows("CI/CD Pipeline")
        await running.shows("● live")
        yield running
