"""All that is known of one key."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.content import Content
from textual.widgets import Static

from pulsapi_tui.domain.equivalents import show_line
from pulsapi_tui.domain.health import Health
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import absolute, ago
from pulsapi_tui.ui.literal import MUTED, literal, sentence

GLYPHS = {"in use": "●", "idle": "◐", "never used": "○", "this session": "◆", "rotating": "↻"}
"""Colour never stands alone: a glyph and a word go with it."""


def _when(then: datetime | None, now: datetime, timezone: tzinfo) -> str:
    return "never" if then is None else f"{absolute(then, timezone)} ({ago(then, now)})"


def describe_key(
    key: ApiKey, health: Health, now: datetime, timezone: tzinfo, script_profile: str | None
) -> Content:
    """The key in full, a line for each fact, and the command that shows the same.

    `script_profile` is what that command has to name, or nothing; None: there is none.
    """
    return sentence(
        (key.name, "bold"),
        f"\n{GLYPHS[health.condition]} {health.word}  ",
        (health.reason, MUTED),
        *((f"\n! {flagged.reason}", "$warning") for flagged in health.flags),
        ("\nCreated    ", MUTED),
        _when(key.created_at, now, timezone),
        ("\nLast used  ", MUTED),
        _when(key.last_used_at, now, timezone),
        ("\nId         ", MUTED),
        key.id,
        ("  ends in ", MUTED),
        f"…{key.hint}",
        *_script(key, script_profile),
    )


def _script(key: ApiKey, script_profile: str | None) -> tuple[str | tuple[str, str], ...]:
    if script_profile is None:
        return ()
    return ("\nScript     ", MUTED), show_line(key.id, script_profile)


class KeyDetails(Static):
    """The details of the key under the cursor: beside the table, or a bar under it."""

    DEFAULT_CSS = """
    KeyDetails {
        padding: 0 1;
        height: 7;
        overflow-x: hidden;
    }
    """

    def show(
        self,
        key: ApiKey | None,
        health: Health | None,
        now: datetime,
        zone: tzinfo,
        script_profile: str | None,
    ) -> None:
        """Show a key, or nothing."""
        if key is None or health is None:
            content = literal("")
        else:
            content = describe_key(key, health, now, zone, script_profile)
        if content != self.content:
            # Its size does not follow its content, so nothing needs to be laid out again.
            self.update(content, layout=False)
