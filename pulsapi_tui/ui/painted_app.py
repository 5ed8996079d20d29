"""An app that sends its terminal what changed, and no more than the line can take."""

from __future__ import annotations

import os

from rich.console import RenderableType
from rich.control import Control
from textual import events
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer

from pulsapi_tui.ui.erasing import erases_in_colour
from pulsapi_tui.ui.painter import Painter
from pulsapi_tui.ui.stylesheet import KeptStylesheet

_LOOK_AGAIN_S = 0.02


class PaintedApp(App[None]):
    """Draws by a `Painter`.

    While the terminal has not taken the frames before, no other one is made: what was wanted
    meanwhile is drawn together when it has. So a slow line shows the newest state and not each one
    before it, and a key press never waits for the line.

    Textual has no public name for what its driver still has to write, for its compositor and for
    the colours of its console; its version is pinned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())
        self._painter = Painter(erases=erases_in_colour(os.environ))
        self._cursor_is_at = Offset(-1, -1)
        self._catching_up: Timer | None = None

    def on_mount(self) -> None:
        """What was there before a suspension is gone after it."""
        self.app_resume_signal.subscribe(self, lambda _: self.draw_anew())

    def on_resize(self, _: events.Resize) -> None:
        """A terminal of another size moves what it shows, each in its own way."""
        self._painter.forget()

    def refresh_css(self, animate: bool = True) -> None:
        """Before there is a screen, only take over the colours.

        The theme asks for it as soon as the app starts: all styles would be parsed for nothing, and
        then once more for the screen.
        """
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def draw_anew(self) -> None:
        """Draw the whole screen: the terminal shows something else than what was sent."""
        self._painter.forget()
        self._cursor_is_at = Offset(-1, -1)
        self.refresh()

    def write_to_terminal(self, data: str) -> None:
        """Send a sequence to the terminal as it is; for the clipboard only."""
        # Textual's copy_to_clipboard keeps the text and can't wrap the sequence for tmux.
        if self._driver is not None:
            self._driver.write(data)
            self._driver.flush()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if not isinstance(renderable, CompositorUpdate) or self._driver is None:
            super()._display(screen, renderable)
        elif self._catching_up is None and self._is_line_busy():
            self._catching_up = self.set_interval(_LOOK_AGAIN_S, self._catch_up)
            self.post_display_hook()
        elif self._batch_count or self._catching_up or not self._running or self._closed:
            self.post_display_hook()
        else:
            self._paint(renderable)
            self.post_display_hook()

    def _paint(self, update: CompositorUpdate) -> None:
        driver = self._driver
        if driver is None or self.is_headless:
            return
        try:
            painted = self._painter.paint(update, self.size.width, self.console._color_system)  # noqa: SLF001
        except Exception as error:
            self._handle_exception(error)
            return
        cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
        if not painted and cursor == self._cursor_is_at:
            return
        self._cursor_is_at = cursor
        painted += Control.move_to(*cursor).segment.text
        driver.write(f"{SYNC_START}{painted}{SYNC_END}" if self._sync_available else painted)
        driver.flush()

    def _is_line_busy(self) -> bool:
        """Whether a frame waits to be written while the terminal does not take the one before."""
        writer = getattr(self._driver, "_writer_thread", None)
        return writer is not None and writer._queue.qsize() > 0  # noqa: SLF001

    def _catch_up(self) -> None:
        if self._catching_up is None or self._is_line_busy():
            return
        self._catching_up.stop()
        self._catching_up = None
        compositor = self.screen._compositor  # noqa: SLF001
        update = compositor.render_update(full=True, screen_stack=self._background_screens)
        self._display(self.screen, update)
