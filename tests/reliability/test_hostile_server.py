"""An answer of each kind to each call; `python -m tests.long hostile-server` has more."""

from __future__ import annotations

from pathlib import Path

from tests.long import hostile_server
from tests.long.hostile_answers import KINDS


def test_no_answer_gets_through(tmp_path: Path) -> None:
    """Any call ends by a value or an error of ours, clean, in bounded memory."""
    figure = hostile_server.figure(tmp_path, len(KINDS) * len(hostile_server.CALLS), 1)
    assert "answers of" in figure
    assert "nothing raw" in figure
