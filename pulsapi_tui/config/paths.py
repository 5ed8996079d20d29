"""Where files lie, by the conventions of the platform."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "pulsapi-tui"


def journal_path() -> Path:
    """The journal of creates that are not over."""
    return Path(platformdirs.user_state_path(APP)) / "journal.json"


def settings_path() -> Path:
    """The user's own settings."""
    return Path(platformdirs.user_config_path(APP)) / "config.toml"


def last_target_path() -> Path:
    """Where keys were delivered to last."""
    return Path(platformdirs.user_state_path(APP)) / "last-targets.toml"


def action_log_path() -> Path:
    """What was done, for later."""
    return Path(platformdirs.user_state_path(APP)) / "actions.jsonl"


def server_directory() -> Path:
    """The data of `pulsapi-tui serve`."""
    return Path(platformdirs.user_data_path(APP)) / "server"


def profiles_path() -> Path:
    """The user's profiles."""
    return Path(platformdirs.user_config_path(APP)) / "profiles.toml"


def credentials_directory() -> Path:
    """The credentials that are kept in files."""
    return Path(platformdirs.user_config_path(APP)) / "credentials"
