"""Tables that fit, output that can't be written, and streams that are not there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pulsapi_tui.cli import exits, output
from pulsapi_tui.cli.output import cells, shorten, table, write

HEAD = ("Name", "Id")
ROWS = [("a much longer name", "key_1"), ("鍵 🔑", "key_2")]


def test_as_wide_as_it_is() -> None:
    assert list(table(HEAD, ROWS)) == [
        "Name                Id",
        "a much longer name  key_1",
        "鍵 🔑               key_2",
    ]


@pytest.mark.parametrize("width", [1, 5, 10, 16, 17, 20, 24, 25, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(cells(line) <= width for line in table(HEAD, ROWS, width=width))


def test_the_flexible_column_gives_way_and_the_id_stays_whole() -> None:
    lines = list(table(HEAD, ROWS, flexible=0, width=20))
    assert lines[1] == "a much longe…  key_1"
    assert list(table(HEAD, ROWS, flexible=0, width=12))[1] == "a much …  k…"


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("鍵鍵", 4, "鍵鍵"),
        ("鍵鍵鍵", 4, "鍵…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("abc", 1, "…"),
    ],
)
def test_shortened_by_what_it_takes_in_a_terminal(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert output.terminal_width() is None
    monkeypatch.setenv("COLUMNS", "33")
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert output.terminal_width() == 33
    os.close(master)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "wb", buffering=0) as full, monkeypatch.context() as patch:
        stream = io.TextIOWrapper(io.BufferedWriter(full))
        patch.setattr(sys, "stdout", stream)
        with pytest.raises(exits.StoppedError, match="No space left") as stopped:
            write([b"x"])
        assert exits.of(stopped.value) == exits.FAILED
        # What is left in its buffer has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
        stream.close()


def test_nobody_to_tell_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", full)
        output.say("hello")
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_from_the_start(tmp_path: Path, closed: str) -> None:
    """No file that is opened later is taken for standard output."""
    code = (
        "from pulsapi_tui.cli.output import open_missing_streams as open_; open_(); "
        "import sys; f = open('later', 'w'); assert f.fileno() > 2; "
        "print('x'); print('y', file=sys.stderr); sys.exit(7)"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
        capture_output=True,
    )
    assert done.returncode == 7, done.stderr
    assert (tmp_path / "later").read_text() == ""
