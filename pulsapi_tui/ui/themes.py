"""Two themes of our own. Every theme of Textual can be had from the palette, and by its name."""

from __future__ import annotations

import difflib

from textual.theme import BUILTIN_THEMES, Theme

from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.text import clean

DARK = Theme(
    name="pulsapi-dark",
    primary="#4cc9a7",
    secondary="#7aa2f7",
    accent="#4cc9a7",
    warning="#e0af68",
    error="#f7768e",
    success="#7fd88f",
    foreground="#d5dbe8",
    background="#11141c",
    surface="#171b26",
    panel="#1f2534",
    dark=True,
    variables={
        "block-cursor-background": "#2b4a52",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "button-focus-text-style": "bold underline",
        "block-cursor-blurred-background": "#242b3a",
        "block-cursor-blurred-foreground": "#d5dbe8",
        "footer-key-foreground": "#4cc9a7",
        "button-color-foreground": "#0b1512",
        "input-selection-background": "#35566b",
        "border": "#4cc9a7",
        "border-blurred": "#2c3446",
        "scrollbar": "#33415c",
        "scrollbar-background": "#1a1f2b",
    },
)

LIGHT = Theme(
    name="pulsapi-light",
    primary="#08705a",
    secondary="#2f5fd0",
    accent="#08705a",
    warning="#8f5a00",
    error="#b3203c",
    success="#1d7a34",
    foreground="#1c2330",
    background="#f4f6fa",
    surface="#ffffff",
    panel="#e6eaf2",
    dark=False,
    variables={
        "block-cursor-background": "#bfe3da",
        "block-cursor-foreground": "#0b1512",
        "block-cursor-text-style": "bold",
        "button-focus-text-style": "bold underline",
        "block-cursor-blurred-background": "#dfe5ef",
        "block-cursor-blurred-foreground": "#1c2330",
        "footer-key-foreground": "#08705a",
        "button-color-foreground": "#ffffff",
        "input-selection-background": "#b5cbee",
        "border": "#08705a",
        "border-blurred": "#c3ccdb",
        "scrollbar": "#a9b8cf",
        "scrollbar-background": "#edf0f6",
    },
)


def check_theme(wanted: str, source: str) -> str:
    """The name of the theme that `[appearance]` in the file `source` asks for; ours for none.

    Raises:
        SettingsError: there is no such theme.
    """
    names = (DARK.name, LIGHT.name, *BUILTIN_THEMES)
    if wanted in {"", *names}:
        return wanted or DARK.name
    near = difflib.get_close_matches(wanted.lower(), names, n=1)
    hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(names)}."
    raise SettingsError(f"{source}: [appearance] has no theme “{clean(wanted[:40])}”; {hint}")
