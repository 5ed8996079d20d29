"""Whatever the server writes: shown literally, nothing fired, nothing raw, columns in line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import pytest
from wcwidth import wcswidth, wcwidth

from tests.hostile_text import ALL, EVERY_TRICK, JOINED, LITERAL, PAYLOAD, is_raw
from tests.terminal.conftest import Machine
from tests.terminal.fake_pulsapi import NEW_SECRET, SESSION_KEY, Answers, serving
from tests.terminal.screen import cells
from tests.terminal.stream import tokens_of
from tests.terminal.terminal import Terminal

pytestmark = pytest.mark.thorough

POINTER_SHAPE = "OSC 22"
"""Sent by Textual itself, where the mouse enters a button."""

HARMLESS = tuple(f"harmless {number}" for number in range(len(ALL)))


def answers_of(names: Iterable[str], text: str | None) -> Answers:
    """All the server's texts: `text`, or harmless ones."""
    if text is None:
        return Answers(list(names))
    return Answers(
        list(names),
        hint=text[:4],
        email=text,
        display_name=text,
        timezone=text,
        detail=text,
        code=text,
        new_name=text,
    )


def start(machine: Machine, url: str, lines: int = 60) -> Terminal:
    """The program against the fake, with every row on the screen."""
    terminal = machine.start(lines=lines, PULSAPI_BASE_URL=url, PULSAPI_API_KEY=SESSION_KEY)
    terminal.until("Created ▼", "1 d ago", "● live")
    return terminal


def go_everywhere(terminal: Terminal, count: int) -> None:
    """Each place that shows a text of the server's."""
    for number in range(1, count):
        terminal.press("j")
        terminal.until(f"key_{number:04}")
    terminal.press("enter")
    terminal.until("─ API key ─", "Close")
    terminal.press("escape")
    terminal.gone("─ API key ─")
    # Several at once: the dialog lists them, and the report gives each its reason.
    terminal.press("g", "space", "space", "space")
    terminal.until("3 marked")
    terminal.press("X")
    terminal.until("Revoke 3 API keys", "To go on, type 3")
    terminal.press("3", "enter")
    terminal.until("Revoked 0 of 3")
    terminal.press("enter")
    terminal.gone("Revoked 0 of 3")
    # The first create is refused, the second one answers with a name of its own.
    terminal.press("n")
    terminal.until("What is the key for?")
    terminal.press("Release bot", "enter")
    terminal.until("Not created", "refused the name")
    terminal.press("enter")
    terminal.until("What is the key for?", "Release bot")
    terminal.press("enter")
    terminal.until("API key created")
    terminal.press("m")
    terminal.until(NEW_SECRET)
    terminal.press("escape")
    terminal.until("Nothing has proven yet")
    terminal.press("tab", "enter")
    terminal.until("It could not be revoked")
    terminal.paste(NEW_SECRET)
    terminal.until("Verified")
    terminal.press("ctrl+q")
    assert terminal.status() == 0


def drawn(terminal: Terminal) -> tuple[set[str], str]:
    """The kinds of what the program sent, and all the text in it."""
    tokens = tokens_of(terminal.raw)
    kinds = {token.kind for token in tokens}
    return kinds, "".join(token.raw for token in tokens if token.is_text)


def strings(kinds: set[str]) -> set[str]:
    """The kinds that carry a text: clipboard, title, link, passthrough."""
    return {kind for kind in kinds if kind.startswith(("OSC", "string"))}


def test_nothing_of_it_reaches_the_terminal(machine: Machine) -> None:
    """A harmless run over the same places sends every kind of sequence that this one does."""
    with serving(answers_of(HARMLESS, None)) as url:
        terminal = start(machine, url)
        go_everywhere(terminal, len(HARMLESS))
        harmless_kinds, _ = drawn(terminal)
    with serving(answers_of(ALL, EVERY_TRICK)) as url:
        terminal = start(machine, url)
        go_everywhere(terminal, len(ALL))
        kinds, text = drawn(terminal)
    assert "unfinished" not in kinds
    assert "CSI m" in harmless_kinds
    assert kinds <= harmless_kinds
    assert strings(harmless_kinds) <= {POINTER_SHAPE}
    raw = sorted({ascii(char) for char in text if is_raw(char)})
    assert not raw
    # The joiner is let through between two pictures, and nowhere else.
    joined = re.findall("(?=(.\N{ZERO WIDTH JOINER}.))", text)
    assert joined
    assert all({unicodedata.category(char) for char in pair} == {"So", "Cf"} for pair in joined)
    assert "\N{COMBINING ACUTE ACCENT}" * 4 not in text
    assert PAYLOAD in text, "the payload is not even shown as text: the test proves nothing"


def disagree(name: str) -> bool:
    """Whether the width of a text is not the sum of its characters', which is all that pyte knows.

    By wcwidth: joined emoji, flags, skin tones and a text drawn as an emoji.
    """
    return wcswidth(name) != sum(max(0, wcwidth(char)) for char in name)


def test_it_is_shown_literally_and_in_columns(machine: Machine) -> None:
    """Created starts at one cell on every row, and markup is text."""
    assert {name for name in ALL if all(map(str.isprintable, name)) and disagree(name)} <= set(
        JOINED
    )
    with serving(answers_of(ALL, "text")) as url:
        terminal = start(machine, url)
        screen = terminal.screens.alternate
        rows = [cells(screen, row) for row in range(screen.lines)]
        text = terminal.text
    header = next(n for n, row in enumerate(rows) if "".join(row).startswith("  Name "))
    start_cell = next(
        n for n in range(screen.columns) if "".join(rows[header][n:]).startswith("Created")
    )
    for number, name in enumerate(ALL):
        row = rows[header + 1 + number]
        if name not in JOINED:
            assert "".join(row[start_cell:]).startswith(f"{number + 1:>2} d ago"), (
                ascii(name),
                row,
            )
            assert row[start_cell - 1] == " "
    width = start_cell - 4
    for name in LITERAL:
        if wcswidth(name) <= width:
            assert name in text, name
    assert "漢" * 10 + "漢…" in text or "漢漢…" in text
    assert "W" * (width - 1) + "…" in text


@pytest.mark.parametrize(
    ("key", "place"), [("y", "The id of “{}”"), ("enter", "─ API key ─"), ("X", "Revoke API key")]
)
def test_clicking_on_markup_fires_nothing(machine: Machine, key: str, place: str) -> None:
    """In the row, in a toast and in a dialog: a name is no link."""
    name = "[@click=app.quit]x[/]"
    with serving(answers_of([name, name], None)) as url:
        terminal = start(machine, url, lines=30)
        terminal.press(key)
        terminal.until(place.format(name))
        assert terminal.text.count(name) >= 3
        for line, text in enumerate(terminal.lines):
            if name in text:
                terminal.click(text.index(name), line)
                terminal.click(text.index(name) + len("[@click=app.quit]"), line)
        terminal.press("escape", "?")
        terminal.until("Help")
        terminal.press("escape")


def test_a_hostile_secret(machine: Machine) -> None:
    """A key must stay as it is, so one that can't be shown as it is gets refused."""
    answers = Answers(["one"], new_secret=f"local_\x1b]52;c;{PAYLOAD}\x07\x9b2J\u202e0123456789")
    answers.creates.append("no refusal first")
    with serving(answers) as url:
        terminal = start(machine, url, lines=30)
        terminal.press("n")
        terminal.until("What is the key for?")
        terminal.press("Release bot", "enter")
        terminal.until("Not known", "It is written down")
        terminal.press("enter")
        terminal.gone("Not known")
        terminal.press("q")
        assert terminal.status() == 0
        kinds, text = drawn(terminal)
    assert strings(kinds) <= {POINTER_SHAPE}
    assert not any(is_raw(char) for char in text)
    assert "control 9b" not in kinds
