"""The app: themes, screens, help and palette. Wiring only."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.binding import Binding
from textual.command import Provider
from textual.screen import Screen

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.ports import Accounts, Clipboard, Clock, Connector, HandOff
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean, clean_lines
from pulsapi_tui.ui.command_table import Place
from pulsapi_tui.ui.commands import Keys, bindings, key_of, use_keys
from pulsapi_tui.ui.dialogs import Dialogs
from pulsapi_tui.ui.keymap import textual_keymap
from pulsapi_tui.ui.leaving import LeavingApp, open_reveal
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.themes import DARK, LIGHT
from pulsapi_tui.ui.widgets.too_small import MIN_HEIGHT, MIN_WIDTH

if TYPE_CHECKING:
    from pulsapi_tui.ui.tour import Tour

_WIDTHS = [
    (0, "-tiny"),
    (MIN_WIDTH, "-slim"),
    (56, "-narrow"),
    (76, "-normal"),
    (120, "-wide"),
]
_HEIGHTS = [(0, "-flat"), (MIN_HEIGHT, "-short"), (22, "-tall")]

ClipboardMaker = Callable[[Callable[[str], None]], Clipboard]
"""Makes the clipboard, given the way to write to the terminal."""


def _collect_garbage_again() -> None:
    """Where the start turned it off. What was imported stays, and is never looked at again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _palette_commands() -> type[Provider]:
    from pulsapi_tui.ui.palette import Commands

    return Commands


def _palette_places() -> type[Provider]:
    from pulsapi_tui.ui.palette import Places

    return Places


def _fitting(size: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    return next(name for least, name in reversed(breakpoints) if size >= least)


class PulsapiApp(LeavingApp):
    """PulsAPI's API keys."""

    TITLE = "PulsAPI API keys"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {_palette_commands, _palette_places}
    # Textual loads the stylesheet of a pushed screen, but not that of the first one.
    CSS_PATH: ClassVar = ["app.tcss", "screens/keys.tcss"]
    BINDINGS: ClassVar = bindings("help", "app")
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(
        self,
        connect: Connector | None,
        accounts: Accounts,
        clock: Clock,
        make_clipboard: ClipboardMaker,
        hand_off: HandOff,
        limits: HealthLimits | None = None,
        *,
        keymap: Mapping[str, Keys] | None = None,
        theme: str = DARK.name,
        tour: Tour | None = None,
    ) -> None:
        """Open `connect`, or the welcome where there is nothing to open yet.

        `keymap` and `theme` are those of the user's settings, already checked. `tour` begins once
        there is a page.
        """
        super().__init__()
        self._own_keys = keymap or {}
        use_keys(self._own_keys)
        self.set_keymap(textual_keymap(self._own_keys))
        self._tour = tour
        # Before anything is styled: a change later styles all of it again.
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = theme
        self._copier = make_clipboard(self.write_to_terminal)
        dialogs = Dialogs(self, self._copier, hand_off)
        self.page = KeysScreen(
            connect, accounts, clock, dialogs, self._copier, hand_off.delivery, limits
        )

    def get_default_screen(self) -> Screen[None]:
        """The page, as it fits this terminal from its first frame on."""
        width, height = self.size
        fitting = {_fitting(width, _WIDTHS), _fitting(height, _HEIGHTS)}
        self.page.add_class(*fitting, update=False)
        return self.page

    def on_mount(self) -> None:
        """Begin the tour, if there is one."""
        if self._tour is not None:
            self._tour.begin(self, self.page)
        self.call_after_refresh(_collect_garbage_again)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a selection by the same routes as everything else; the app keeps none of it."""
        if text:
            self._copy_selection(Secret(text))

    @work
    async def _copy_selection(self, text: Secret) -> None:
        copied = await self._copier.copy(text)
        self.page.say(f"Selection: {copied.message}")

    async def on_event(self, event: events.Event) -> None:
        """Clean what is pasted: a field draws its text as it is, escape sequences and all."""
        if self._tour is not None and self._tour.takes(event):
            return
        if isinstance(event, events.Paste) and not event.is_forwarded:
            event.text = clean_lines(event.text)
        await super().on_event(event)

    def news(self, text: str) -> None:
        """Show news from another thread, if the app still runs."""
        if self.is_running:
            with suppress(RuntimeError):
                self.call_from_thread(self.page.say, clean(text), "warning")

    def action_help_quit(self) -> None:
        """What Ctrl+C says, since it quits elsewhere."""
        reveal = open_reveal(self.screen) is not None
        quits = key_of("app.quit") or "Ctrl+Q"
        self.page.say("Press Esc for the way out." if reveal else f"Press {quits} to quit.")

    def get_key_display(self, binding: Binding) -> str:
        """The key as everywhere else; Textual would write one from a keymap in its own way."""
        if binding.id is not None and binding.id in self._own_keys:
            return key_of(binding.id)
        return super().get_key_display(binding)

    def action_draw_anew(self) -> None:
        """Where another program wrote on the terminal, nothing else tells that it did."""
        self.draw_anew()

    # Help and palette

    def action_help(self) -> None:
        """Help for the screen that has the focus."""
        from pulsapi_tui.ui.screens.help import HelpScreen, Line, Topic
        from pulsapi_tui.ui.screens.profiles import ProfilesScreen
        from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
        from pulsapi_tui.ui.widgets.dialog import Dialog

        screen, about = self.screen, None
        places: tuple[Place, ...] = ("keys", "table", "help", "app")
        if open_reveal(screen) is not None:
            places = ("reveal", "help")
        elif isinstance(screen, RotateKeyScreen):
            places = ("rotate", "help")
        elif isinstance(screen, ProfilesScreen):
            places = ("profiles", "help")
        elif isinstance(screen, Dialog):
            places = ("help",)
            if screen.HELP:
                about = Topic(screen.dialog_title, [Line("", screen.HELP)])
        self.push_screen(HelpScreen(places, self.page.origin, about))

    def action_command_palette(self) -> None:
        """The palette, on the page; a dialog has its own keys."""
        if self.screen is self.page:
            from pulsapi_tui.ui.palette import Palette

            self.push_screen(Palette())

    def search_themes(self) -> None:
        """Every theme, in a palette that sends no more than ours."""
        from textual.theme import ThemeProvider

        from pulsapi_tui.ui.palette import Palette

        self.push_screen(Palette([ThemeProvider], "A theme…"))

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Refuse while a secret is on the screen."""
        if any(open_reveal(screen) is not None for screen in self.screen_stack):
            raise RuntimeError("no screenshot while a key is shown")
        return super().export_screenshot(title=title, simplify=simplify)
