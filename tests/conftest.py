"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where PULSAPI_TUI_SKIP_NOTHING is set, a test that misses a program has failed."""
    report = yield
    missing = report.skipped and "not installed" in str(report.longrepr)
    if missing and os.environ.get("PULSAPI_TUI_SKIP_NOTHING") == "1":
        report.outcome = "failed"
    return report
