"""Whether the terminal fills what it erases with the colour of the background."""

from __future__ import annotations

from collections.abc import Mapping


def erases_in_colour(environment: Mapping[str, str]) -> bool:
    """As terminfo has it (`bce`); not where that is not known.

    GNU screen mostly does not, and what it runs may be told that it is another terminal.
    """
    if "STY" in environment or not environment.get("TERM"):
        return False
    try:
        import curses

        curses.setupterm(environment["TERM"], 2)
        return curses.tigetflag("bce") == 1
    except (ImportError, OSError, curses.error):
        return False
