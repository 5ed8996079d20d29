"""What is wrong with how a screen looks: what is cut, what scrolls, and what is too faint.

The normal tests look at each screen at the two smallest sizes, and at its contrast in the light
theme, which has less of it to spare; with PULSAPI_TUI_ALL_SIZES set, at all sizes and in both
themes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from rich.cells import cell_len
from rich.style import Style
from textual.command import CommandPalette
from textual.content import Content
from textual.dom import DOMNode
from textual.geometry import Offset, Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, DataTable, Input, OptionList, Static
from textual.widgets._toast import ToastRack
from textual.widgets._toggle_button import ToggleButton

from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.literal import ELLIPSIS
from pulsapi_tui.ui.themes import LIGHT
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.key_line import KeyLine
from pulsapi_tui.ui.widgets.too_small import MIN_HEIGHT, MIN_WIDTH
from tests import pictures

ALL = "PULSAPI_TUI_ALL_SIZES" in os.environ
SIZES = pictures.SIZES if ALL else pictures.SIZES[:2]
THEMES = tuple(pictures.THEMES.values()) if ALL else (LIGHT.name,)

AA = 4.5
"""The least contrast of text that WCAG's level AA asks for."""

NO_TEXT = dict.fromkeys(range(0x2500, 0x25A0))
"""Lines and blocks."""


def _may_scroll(widget: DOMNode) -> bool:
    """What has as many lines as there is data, or is there to be read through."""
    return isinstance(widget, (DataTable, OptionList)) or widget.id in {"names", "lines", "help"}


def cut(screen: Screen[object]) -> list[str]:
    """What can't be read or pressed whole, and what scrolls and should not."""
    if isinstance(screen, CommandPalette):
        # Textual's own, as it is.
        return []
    shown = [each for each in screen.query(Widget) if each.is_on_screen and each.visible]
    return [
        f"{widget!r}: {problem}"
        for widget in shown
        if not any(isinstance(each, ToastRack) or _may_scroll(each) for each in widget.ancestors)
        for problem in (
            *_outside(screen, widget),
            *_too_long(widget),
            *_scrolling(widget),
            *_shortened(widget),
        )
    ]


def lost_buttons(screen: Screen[object]) -> list[str]:
    """Buttons that are not whole: even where much else has to be scrolled to, they are there."""
    return [
        f"{button!r}: {problem}"
        for button in screen.query(Button)
        if all(each.display for each in button.ancestors_with_self if isinstance(each, Widget))
        for problem in (*_outside(screen, button), *_too_long(button))
    ]


def _outside(screen: Screen[object], widget: Widget) -> Iterator[str]:
    geometry = screen.find_widget(widget)
    if geometry.clip.intersection(geometry.region) != geometry.region:
        yield f"{geometry.region} is not all in {geometry.clip}"


def _too_long(widget: Widget) -> Iterator[str]:
    width, height = widget.content_size
    text = ""
    if isinstance(widget, (Button, ToggleButton)):
        text = str(widget.label) + " " * (4 if isinstance(widget, ToggleButton) else 0)
    elif isinstance(widget, Input) and not widget.value:
        text = widget.placeholder
    elif isinstance(widget, Static):
        content = Content(str(widget.content))
        folds = widget.styles.text_wrap == "wrap"
        lines = content.wrap(width) if folds and width else content.split()
        if content and (len(lines) > height or max(line.cell_length for line in lines) > width):
            yield f"{str(content)!r} in {width}x{height}"
    if cell_len(text) > width:
        yield f"{text!r} in {width}"


def _shortened(widget: Widget) -> Iterator[str]:
    """What a dialog does not tell to its end, in a terminal that is not small."""
    if isinstance(widget.screen, Dialog) and isinstance(widget, Static):
        ends = [line for line in str(widget.content).splitlines() if line.endswith(ELLIPSIS)]
        if ends and not widget.screen.has_class("-short"):
            yield f"shortened: {ends}"


def _scrolling(widget: Widget) -> Iterator[str]:
    if not _may_scroll(widget) and any(widget.scrollbars_enabled):
        yield "scrollbars"
    if not _may_scroll(widget) and widget.scroll_offset != Offset(0, 0):
        yield f"scrolled to {widget.scroll_offset}"


def faint(screen: Screen[object]) -> set[str]:
    """Text whose contrast is too low; of what is disabled, and of what is under a dialog, none."""
    boxes = [box.region for box in screen.query(".dialog, #--container")] or [screen.region]
    disabled = [each.region for each in screen.query(Widget) if each.is_disabled]
    # Keys that can't be pressed now are dim.
    disabled += [
        Region(line.region.x + at, line.region.y, hint.width, 1)
        for line in screen.query(KeyLine)
        for at, hint in line.starts()
        if not hint.enabled
    ]
    found = set()
    for y, strip in enumerate(screen._compositor.render_strips()):  # noqa: SLF001
        x = 0
        for text, style, _ in strip:
            at = Offset(x, y)
            x += cell_len(text)
            readable = text.translate(NO_TEXT).strip()
            if not readable or style is None or not boxes[0].contains_point(at):
                continue
            if any(region.contains_point(at) for region in disabled):
                continue
            ratio = contrast(style)
            if ratio < AA:
                found.add(f"{readable!r} at {at}: {ratio:.2f}, {style}")
    return found


def contrast(style: Style) -> float:
    """The contrast ratio of WCAG 2 between a style's two colours."""
    assert style.color is not None
    assert style.bgcolor is not None
    lights = []
    for colour in (style.color, style.bgcolor):
        channels = [value / 255 for value in colour.get_truecolor()]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


async def problems(app: PulsapiApp, pilot: Pilot[None]) -> list[str]:
    """All that is wrong with the screen on top, at the sizes and in the themes."""
    found = []
    for width, height in SIZES:
        if app.size != (width, height):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        found += [f"{width}x{height} {problem}" for problem in cut(app.screen)]
    if ALL:
        await pilot.resize_terminal(MIN_WIDTH, MIN_HEIGHT)
        await pilot.pause()
        found += [f"tiny {problem}" for problem in lost_buttons(app.screen)]
    for theme in THEMES:
        if app.theme != theme:
            app.theme = theme
            await pilot.pause()
        found += [f"{theme} {problem}" for problem in sorted(faint(app.screen))]
    return found
