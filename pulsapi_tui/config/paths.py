"""Where files lie, by the conventions of the platform."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "pulsapi-tui"


def journal_path() -> Path:
    """The journal of creates that are not over."""
    return Path(platformdirs.user_state_path(APP)) / "journal.json"


def server_directory() -> Path:
    """The data of `pulsapi-tui serve`."""
    return Path(platformdirs.user_data_path(APP)) / "server"
