"""A clock that stands still, a service that follows a script, a real journal on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulsapi_tui.config.journal_file import JournalFile
from tests.unit.support import FakeClock, ScriptedService


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def journal(tmp_path: Path) -> JournalFile:
    return JournalFile(tmp_path / "state" / "journal.json")
