"""On a line of 300 ms and 2 KB/s, keys act on what a person meant by them, in their order."""

from __future__ import annotations

import sys

import pytest

from tests.terminal.conftest import Machine
from tests.terminal.processes import call
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_states import Served, served

__all__ = ["served"]

LATENCY_MS, BYTES_PER_S = "300", "2048"


@pytest.fixture
def far(machine: Machine, served: Served) -> Terminal:
    """The page, at the far end of the line, with keys that nobody uses meanwhile."""
    for number in range(12):
        status, _ = call(
            served.port, "POST", "/v1/api-keys", served.key, {"name": f"Worker {number:02}"}
        )
        assert status == 201
    line = [sys.executable, "-m", "tests.terminal.slow_line", LATENCY_MS, BYTES_PER_S]
    terminal = machine.run(
        [*line, PROGRAM],
        PULSAPI_API_KEY=served.key,
        PULSAPI_BASE_URL=served.url,
        PYTHONPATH=":".join(filter(None, sys.path)),
    )
    terminal.until("Worker 00", "● live")
    return terminal


def _asked_about(terminal: Terminal, name: str) -> None:
    """The dialog names that key, and no other one."""
    terminal.until("Revoke API key", f"│  {name}  …")
    terminal.press("escape")
    terminal.gone("Revoke API key")


@pytest.mark.thorough
def test_keys_typed_ahead_act_on_the_rows_that_they_led_to(far: Terminal) -> None:
    far.press("j", "j", "X")
    _asked_about(far, "Worker 09")
    far.press("j" * 40, "k" * 5, "X")
    _asked_about(far, "Worker 04")


@pytest.mark.thorough
def test_a_new_order_on_its_way_does_not_move_a_destructive_key_to_another_row(
    far: Terminal,
) -> None:
    far.press("j", "j", "j", "S", "X")
    _asked_about(far, "Worker 08")
    far.press("S", "j", "X")
    _asked_about(far, "Worker 07")


@pytest.mark.thorough
def test_a_list_that_changed_meanwhile_does_not_either(far: Terminal, served: Served) -> None:
    far.press("j", "j", "j", "j")
    status, _ = call(served.port, "POST", "/v1/api-keys", served.key, {"name": "From elsewhere"})
    assert status == 201
    far.press("r", "X")
    _asked_about(far, "Worker 07")


def test_what_is_typed_into_the_filter_arrives_whole(far: Terminal) -> None:
    far.press("/", "worker 1", "0", "enter", "X")
    _asked_about(far, "Worker 10")
    far.press("space")
    far.until("1 marked", "1 shown")
