"""The last line: the keys of what can be done now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakSet

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from pulsapi_tui.ui.commands import in_order
from pulsapi_tui.ui.key_names import is_printable, shown_key
from pulsapi_tui.ui.literal import sentence

ALWAYS = frozenset({"app.help", "app.quit"})
"""The way to all other keys, and the way out, are there at any width."""


class Hint(NamedTuple):
    """A key and what it does."""

    key: str
    """As Textual names it."""
    display: str
    label: str
    help: str
    action: str
    enabled: bool

    @property
    def width(self) -> int:
        """In cells."""
        return cell_len(f"{self.display} {self.label}")


class KeyLine(Widget):
    """What Textual's Footer shows, in one widget, and never a word that is cut.

    The Footer makes a widget for each key whenever one of them changes, and each is styled, laid
    out and painted: at the start, that was more work than all the rest of the page.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        padding-left: 1;
        color: $footer-description-foreground;
        background: $footer-background;
        text-wrap: nowrap;
    }
    """
    hints: reactive[tuple[Hint, ...]] = reactive(())
    hovered: reactive[Hint | None] = reactive(None)

    def __init__(self) -> None:
        self._followed: WeakSet[Screen[object]] = WeakSet()
        super().__init__()

    def on_mount(self) -> None:
        """Follow the bindings of the screen, and of the dialogs over it."""
        self._come_to(self.screen)
        self.app.screen_change_signal.subscribe(self, self._come_to)

    def _come_to(self, screen: Screen[object]) -> None:
        """Follow a screen that comes to the top: once, since a signal calls for each asking."""
        if screen not in self._followed:
            self._followed.add(screen)
            screen.bindings_updated_signal.subscribe(self, self._follow)
        self._follow(screen)

    def _follow(self, screen: Screen[object]) -> None:
        if screen.app.app_focus and self.is_attached and screen is self.app.screen:
            self.call_after_refresh(self._read)

    def _read(self) -> None:
        screen, hints = self.app.screen, dict[str, Hint]()
        types = isinstance(screen.focused, Input)
        for key, (_, binding, enabled, tooltip) in in_order(screen.active_bindings).items():
            # The page dims what can't be had now, and says why; a dialog has no use for it.
            is_there = binding.show and (enabled or screen is self.screen)
            if not is_there or binding.action in hints or (types and is_printable(key)):
                continue
            display = shown_key(key) if types else self.app.get_key_display(binding)
            hints[binding.action] = Hint(
                key, display, binding.description, tooltip, binding.action, enabled
            )
        self.hints = tuple(hints.values())

    @property
    def shown(self) -> tuple[Hint, ...]:
        """Those for which there is room; the last ones give way first."""
        shown = list(self.hints)
        over = sum(hint.width + 1 for hint in shown) - 1 - self.content_size.width
        for hint in reversed(self.hints):
            if over > 0 and hint.action not in ALWAYS:
                shown.remove(hint)
                over -= hint.width + 1
        return tuple(shown)

    def render(self) -> Content:
        """One after the other."""
        parts: list[str | tuple[str, str]] = []
        for hint in self.shown:
            background = " on $block-hover-background" if hint == self.hovered else ""
            dim = "" if hint.enabled else " dim"
            parts += [
                (hint.display, f"bold $footer-key-foreground{background}{dim}"),
                (f" {hint.label}", f"$footer-description-foreground{background}{dim}"),
                " ",
            ]
        return sentence(*parts)

    def starts(self) -> Iterator[tuple[int, Hint]]:
        """The column in which each that is shown begins."""
        at = self.gutter.left
        for hint in self.shown:
            yield at, hint
            at += hint.width + 1

    def _at(self, column: int) -> Hint | None:
        return next(
            (hint for at, hint in self.starts() if at <= column < at + hint.width),
            None,
        )

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Mark what a click would do, and say what that is."""
        self.hovered = self._at(event.x)
        self.tooltip = self.hovered.help or None if self.hovered is not None else None

    def on_leave(self) -> None:
        """Unmark it."""
        self.hovered = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key; the screen says why, where it can't be had."""
        hint = self._at(event.x)
        if hint is not None:
            self.app.simulate_key(hint.key)
