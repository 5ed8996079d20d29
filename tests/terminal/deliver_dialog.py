"""The dialog that asks where a key goes, by mouse: nothing in it depends on what has the focus."""

from __future__ import annotations

import time

from tests.terminal.processes import eventually
from tests.terminal.terminal import Terminal

EMPTY = "Give the path of the file."


def clear_field(terminal: Terminal, label: str) -> None:
    """Empty the path's field; then it has the focus.

    Keys that come before it has the focus are lost, and nothing else on the screen shows it.
    """

    def is_empty() -> bool:
        if terminal.shows(EMPTY):
            return True
        number, line = line_with(terminal, label)
        terminal.click(line.index(label) + 20, number)
        # To its end, and away with all of it: all the same where it was done before.
        terminal.press("\x05\x15")
        # Not at once again: these would come between the characters that are typed next.
        time.sleep(0.3)
        return terminal.shows(EMPTY)

    eventually(is_empty, "the field is empty")


def press_deliver(terminal: Terminal) -> None:
    """Click on the button."""
    number, line = line_with(terminal, "Cancel ", "Deliver")
    terminal.click(line.index("Deliver"), number)


def line_with(terminal: Terminal, *texts: str) -> tuple[int, str]:
    """The line that has these texts, with its number; waits for it."""
    found: list[tuple[int, str]] = []

    def is_there() -> bool:
        found[:] = [
            each for each in enumerate(terminal.lines) if all(text in each[1] for text in texts)
        ]
        return bool(found)

    terminal.wait_for(is_there, f"a line with {texts}")
    return found[0]
