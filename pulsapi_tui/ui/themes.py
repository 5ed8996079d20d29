"""Two themes of our own. Every theme of Textual can be had from the palette."""

from __future__ import annotations

from textual.theme import Theme

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
    boost="#252c3d",
    dark=True,
    variables={
        "block-cursor-background": "#2b4a52",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "button-focus-text-style": "bold underline",
        "block-cursor-blurred-background": "#242b3a",
        "block-cursor-blurred-foreground": "#d5dbe8",
        "footer-key-foreground": "#4cc9a7",
        "border": "#4cc9a7",
        "border-blurred": "#2c3446",
    },
)

LIGHT = Theme(
    name="pulsapi-light",
    primary="#0b7a63",
    secondary="#2f5fd0",
    accent="#0b7a63",
    warning="#8f5a00",
    error="#b3203c",
    success="#1d7a34",
    foreground="#1c2330",
    background="#f4f6fa",
    surface="#ffffff",
    panel="#e6eaf2",
    boost="#dfe5ef",
    dark=False,
    variables={
        "block-cursor-background": "#bfe3da",
        "block-cursor-foreground": "#0b1512",
        "block-cursor-text-style": "bold",
        "button-focus-text-style": "bold underline",
        "block-cursor-blurred-background": "#dfe5ef",
        "block-cursor-blurred-foreground": "#1c2330",
        "footer-key-foreground": "#0b7a63",
        "border": "#0b7a63",
        "border-blurred": "#c3ccdb",
    },
)
