"""`pulsapi-tui log`: what was done on this machine, as a table for people or lines for programs."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.paths import action_log_path
from pulsapi_tui.domain.actions import Action

HEAD = ("Time", "Action", "Key", "Id", "Outcome")
_GAP = "  "


def print_log(*, limit: int | None, as_json: bool) -> None:
    """Print the log, oldest first; the last `limit` lines of it. Raises `ActionLogError`."""
    actions = ActionLogFile(action_log_path()).read()
    if limit is not None:
        actions = actions[-limit:]
    if not actions:
        print("Nothing was done here yet: the log is empty.", file=sys.stderr)  # noqa: T201
        return
    # A reader that went away (`log | head -1`) is not an error.
    with suppress(BrokenPipeError):
        for line in as_json_lines(actions) if as_json else as_table(actions):
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.flush()


def as_json_lines(actions: Sequence[Action]) -> Iterator[bytes]:
    """One object a line, with the fields of `Action`; times in UTC."""
    return map(msgspec.json.encode, actions)


def as_table(actions: Sequence[Action]) -> Iterator[bytes]:
    """Columns under a head, their widths by what stands in them."""
    rows = [HEAD, *map(_row, actions)]
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (
            text + " " * (width - _cells(text)) for text, width in zip(row, widths, strict=True)
        )
        yield _GAP.join(padded).rstrip().encode(sys.stdout.encoding or "utf-8", "replace")


def _row(action: Action) -> tuple[str, str, str, str, str]:
    # The zone of this machine, as it was on that day.
    when = action.at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return when, action.action, action.key_name, action.key_id or "–", action.outcome


def _cells(text: str) -> int:
    """The columns that a text takes in a terminal."""
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
