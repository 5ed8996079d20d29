"""All that is known of one key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.widgets import Static

from pulsapi_tui.domain.equivalents import show_line
from pulsapi_tui.domain.health import Health
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import absolute, ago
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.widgets.use_plot import plot

GLYPHS = {"in use": "●", "idle": "◐", "never used": "○", "this session": "◆", "rotating": "↻"}
"""Colour never stands alone: a glyph and a word go with it."""

NO_OWNER = "no owner"
"""In the place of a key's condition: nobody is known to have its secret."""


def in_words(health: Health) -> str:
    """A key's condition as it is drawn."""
    glyph = "!" if health.word == NO_OWNER else GLYPHS[health.condition]
    return f"{glyph} {health.word}"


ROOMY_FROM = 140
"""So many columns of the terminal leave room beside the table for spaces, and for the uses."""

_Pieces = tuple[str | tuple[str, str], ...]


class Described(NamedTuple):
    """A key, and what its details are made of."""

    key: ApiKey
    health: Health
    now: datetime
    zone: tzinfo
    script_profile: str | None
    """What a command that shows the key has to name, or nothing; None: there is none."""
    seen: Seen


def _when(then: datetime | None, now: datetime, timezone: tzinfo) -> str:
    return "never" if then is None else f"{absolute(then, timezone)} ({ago(then, now)})"


def describe_key(
    key: ApiKey, health: Health, now: datetime, timezone: tzinfo, script_profile: str | None
) -> Content:
    """The key in full, a line for each fact, and the command that shows the same.

    `script_profile` is what that command has to name, or nothing; None: there is none.
    """
    script = () if script_profile is None else (_SCRIPT, show_line(key.id, script_profile))
    return sentence(
        *_head(key, health, "  "), *_flags(health), *_facts(key, now, timezone), *script
    )


_SCRIPT = ("\nScript     ", MUTED)


def _head(key: ApiKey, health: Health, space: str) -> _Pieces:
    word = f"\n{in_words(health)}{space}"
    if health.word == NO_OWNER:
        return (key.name, "bold"), (f"{word}{health.reason}", "$warning")
    return (key.name, "bold"), word, (health.reason, MUTED)


def _flags(health: Health) -> _Pieces:
    return tuple((f"\n! {flagged.reason}", "$warning") for flagged in health.flags)


def _facts(key: ApiKey, now: datetime, timezone: tzinfo) -> _Pieces:
    return (
        ("\nCreated    ", MUTED),
        _when(key.created_at, now, timezone),
        ("\nLast used  ", MUTED),
        _when(key.last_used_at, now, timezone),
        ("\nId         ", MUTED),
        key.id,
        ("  ends in ", MUTED),
        f"…{key.hint}",
    )


def _roomy(shown: Described) -> Content:
    """With space between what belongs together, and with the uses that were seen."""
    key, health = shown.key, shown.health
    script: _Pieces = ()
    if shown.script_profile is not None:
        script = (("\n\nScript", "bold"), f"\n{show_line(key.id, shown.script_profile)}")
    facts = sentence(*_head(key, health, "\n"), *_flags(health), "\n")
    facts += sentence(*_facts(key, shown.now, shown.zone), "\n\n")
    return facts + plot(shown.seen, shown.now, shown.zone) + sentence(*script)


def _from_long_to_short(shown: Described, *, roomy: bool) -> Iterator[Content]:
    """What is left out first is what can be had elsewhere."""
    key, health = shown.key, shown.health
    if roomy:
        yield _roomy(shown)
    yield describe_key(key, health, shown.now, shown.zone, shown.script_profile)
    yield describe_key(key, health, shown.now, shown.zone, None)
    yield sentence(*_head(key, health, "  "), *_flags(health))
    yield sentence(*_head(key, health, "  "))


class KeyDetails(Static):
    """The details of the key under the cursor: beside the table, or a bar under it."""

    DEFAULT_CSS = """
    KeyDetails {
        padding: 0 1;
        height: 7;
        overflow-x: hidden;
    }
    """
    _shown: Described | None = None

    def show(self, shown: Described | None) -> None:
        """Show a key, or nothing."""
        if shown != self._shown:
            self._shown = shown
            self._write()

    def on_resize(self, event: events.Resize) -> None:
        """There may be room for more now, or for less."""
        self._write()

    def _write(self) -> None:
        shown, size = self._shown, self.content_size
        content = literal("")
        if shown is not None:
            roomy = self.app.size.width >= ROOMY_FROM
            for content in _from_long_to_short(shown, roomy=roomy):
                if len(content.wrap(max(1, size.width))) <= size.height:
                    break
        if content != self.content:
            # Its size does not follow its content, so nothing needs to be laid out again.
            self.update(content, layout=False)
