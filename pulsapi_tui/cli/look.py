"""What the user's settings say of keys and colours, checked before a screen is drawn.

The screens' own rules are imported where something is to be checked: `doctor` comes without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pulsapi_tui.config.paths import settings_path
from pulsapi_tui.config.settings import Settings

if TYPE_CHECKING:
    from pulsapi_tui.ui.commands import Keys


class Look(NamedTuple):
    """Keys and colours that can be had."""

    keymap: dict[str, Keys]
    theme: str


def look_of(settings: Settings) -> Look:
    """The look that the settings ask for.

    Raises:
        SettingsError: there is no such theme, or the keymap would lose something.
    """
    from pulsapi_tui.ui.keymap import check_keymap
    from pulsapi_tui.ui.themes import check_theme

    source = str(settings_path())
    theme = check_theme(settings.appearance.theme, source)
    return Look(check_keymap(settings.keymap, source), theme)


def check_look(settings: Settings) -> None:
    """Refuse what the screens would refuse; what is not set needs no look. Raises as `look_of`."""
    if settings.keymap or settings.appearance.theme:
        look_of(settings)
