"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Everything, or what a person waits for."""
    parser.addoption(
        "--thorough", action="store_true", help="run the tests that are marked thorough, too"
    )


def pytest_configure() -> None:
    """Take nothing over from the shell that tests are started in.

    Signals that are ignored in the background and by `nohup`, and a wish for no colours: the
    pictures have them.
    """
    os.environ.pop("NO_COLOR", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --thorough, leave out what is marked so, unless it was asked for by name."""
    if config.getoption("--thorough") or any("::" in argument for argument in config.args):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("thorough")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where PULSAPI_TUI_SKIP_NOTHING is set, a test that misses a program has failed."""
    report = yield
    missing = report.skipped and "not installed" in str(report.longrepr)
    if missing and os.environ.get("PULSAPI_TUI_SKIP_NOTHING") == "1":
        report.outcome = "failed"
    return report
