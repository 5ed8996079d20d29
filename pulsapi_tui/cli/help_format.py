"""How `--help` is set: as argparse does it, from less. Imports nothing heavy."""

from __future__ import annotations

import argparse
import os


class Filled(argparse.HelpFormatter):
    """As argparse has it, but for `shutil`, which brings three compressors along."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class AsWritten(Filled, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a description and of what stands below the options."""


def _columns() -> int:
    """The terminal's width as `shutil.get_terminal_size` finds it."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
