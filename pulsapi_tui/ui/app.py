"""The app: themes, screens, leaving, and the crash screen. Wiring only."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.binding import Binding
from textual.command import Provider
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerFailed

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.ports import Accounts, Clipboard, Clock, Connector, HandOff
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean, clean_lines
from pulsapi_tui.ui.commands import Keys, Place, bindings, key_of, use_keys
from pulsapi_tui.ui.dialogs import Dialogs
from pulsapi_tui.ui.keymap import textual_keymap
from pulsapi_tui.ui.literal import sentence
from pulsapi_tui.ui.painted_app import PaintedApp
from pulsapi_tui.ui.screens.keys import KeysScreen
from pulsapi_tui.ui.themes import DARK, LIGHT
from pulsapi_tui.ui.widgets.too_small import MIN_HEIGHT, MIN_WIDTH

if TYPE_CHECKING:
    from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
    from pulsapi_tui.ui.tour import Tour

LEAVE_WITHIN_S = 3.0

LOST_TERMINAL_EXIT = 129
"""As a shell reports SIGHUP."""

ERASE_SCREEN = "\x1b[2J"


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


def shown_key(screen: Screen[Any]) -> RevealKeyScreen | None:
    """The screen, if it shows a key. One that was never imported can't be open."""
    if "pulsapi_tui.ui.screens.reveal_key" not in sys.modules:
        return None
    from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen

    return screen if isinstance(screen, RevealKeyScreen) else None


class PulsapiApp(PaintedApp):
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
        self._keys_screen = KeysScreen(
            connect, accounts, clock, dialogs, self._copier, hand_off.delivery, limits
        )

    def get_default_screen(self) -> Screen[None]:
        """The page, as it fits this terminal from its first frame on."""
        width, height = self.size
        fitting = {_fitting(width, _WIDTHS), _fitting(height, _HEIGHTS)}
        self._keys_screen.add_class(*fitting, update=False)
        return self._keys_screen

    def on_mount(self) -> None:
        """Watch the ways in which a terminal can go away."""
        self._watch_signals()
        if self._tour is not None:
            self._tour.begin(self, self._keys_screen)
        self.call_after_refresh(_collect_garbage_again)

    def write_to_terminal(self, data: str) -> None:
        """Send a sequence to the terminal as it is; for the clipboard only."""
        # Textual's copy_to_clipboard keeps the text and can't wrap the sequence for tmux.
        if self._driver is not None:
            self._driver.write(data)
            self._driver.flush()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a selection by the same routes as everything else; the app keeps none of it."""
        if text:
            self._copy_selection(Secret(text))

    @work
    async def _copy_selection(self, text: Secret) -> None:
        copied = await self._copier.copy(text)
        self._keys_screen.say(f"Selection: {copied.message}")

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
                self.call_from_thread(self._keys_screen.say, clean(text), "warning")

    def action_help_quit(self) -> None:
        """What Ctrl+C says, since it quits elsewhere."""
        reveal = shown_key(self.screen) is not None
        quits = key_of("app.quit") or "Ctrl+Q"
        self._keys_screen.say("Press Esc for the way out." if reveal else f"Press {quits} to quit.")

    def get_key_display(self, binding: Binding) -> str:
        """The key as everywhere else; Textual would write one from a keymap in its own way."""
        if binding.id is not None and binding.id in self._own_keys:
            return key_of(binding.id)
        return super().get_key_display(binding)

    # Help and palette

    def action_help(self) -> None:
        """Help for the screen that has the focus."""
        from pulsapi_tui.ui.screens.help import HelpScreen
        from pulsapi_tui.ui.screens.profiles import ProfilesScreen
        from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen

        places: tuple[Place, ...] = ("keys", "table", "help", "app")
        if shown_key(self.screen) is not None:
            places = ("reveal", "help")
        elif isinstance(self.screen, RotateKeyScreen):
            places = ("rotate", "help")
        elif isinstance(self.screen, ProfilesScreen):
            places = ("profiles", "help")
        self.push_screen(HelpScreen(places, self._keys_screen.origin))

    def action_command_palette(self) -> None:
        """The palette, on the page; a dialog has its own keys."""
        if self.screen is self._keys_screen:
            from pulsapi_tui.ui.palette import Palette

            self.push_screen(Palette())

    def search_themes(self) -> None:
        """Every theme, in a palette that sends no more than ours."""
        from textual.theme import ThemeProvider

        from pulsapi_tui.ui.palette import Palette

        self.push_screen(Palette([ThemeProvider], "A theme…"))

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Refuse while a secret is on the screen."""
        if any(shown_key(screen) is not None for screen in self.screen_stack):
            raise RuntimeError("no screenshot while a key is shown")
        return super().export_screenshot(title=title, simplify=simplify)

    # Leaving

    async def action_quit(self) -> None:
        """Quit, asking where something is under way. Never past a key that is shown."""
        self._quit()

    @work
    async def _quit(self) -> None:
        if (reveal := shown_key(self.screen)) is not None:
            # In its turn: Ctrl+Q comes by here even before that screen has what is on it.
            reveal.call_later(reveal.action_leave)
            return
        if self._keys_screen.in_hand is not None:
            self._keys_screen.say(
                f"The key {self._keys_screen.in_hand} is not stored yet. Go back to it first.",
                "warning",
            )
            return
        under_way = self._keys_screen.under_way
        if under_way is not None:
            from pulsapi_tui.ui.screens.confirm import ConfirmScreen

            body = sentence(
                "Something is under way: ",
                (under_way, "bold"),
                ".\nIt is written down, and looked at again at the next start.",
            )
            question = ConfirmScreen(
                "Quit?",
                body,
                confirm="Quit",
                still=lambda: self._keys_screen.under_way == under_way,
            )
            if not await self.push_screen_wait(question):
                return
        self.exit()

    def _watch_signals(self) -> None:
        """Leave on a signal and at the end of the terminal, with nothing left on it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.leave, 128 + number)
        if self._driver is not None and not self.is_headless:
            threading.Thread(
                target=self._wait_for_hangup, args=(loop,), name="hangup", daemon=True
            ).start()

    def _wait_for_hangup(self, loop: asyncio.AbstractEventLoop) -> None:
        """With SIGHUP ignored, a terminal that went away shows only as the end of its input."""
        poll = select.poll()
        poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, 0)
        poll.poll()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self.leave, LOST_TERMINAL_EXIT)

    def leave(self, return_code: int) -> None:
        """Blank the secret, let a frame out, and go; by force where the app no longer answers."""
        deadline = threading.Timer(LEAVE_WITHIN_S, os._exit, (return_code,))
        deadline.daemon = True
        deadline.start()
        notes = self._unproven()
        for screen in self.screen_stack:
            if (reveal := shown_key(screen)) is not None:
                reveal.blank()
                # A widget tells its screen late that it changed: the last frame may miss it.
                self.write_to_terminal(ERASE_SCREEN)
                self.draw_anew()
        lost = return_code == LOST_TERMINAL_EXIT
        message = Text("\n".join(notes)) if notes and not lost else None
        self.call_after_refresh(self.exit, None, return_code, message)

    def _unproven(self) -> list[str]:
        """A sentence for the key that is in hand and not known to be stored."""
        in_hand = self._keys_screen.in_hand
        if in_hand is None:
            return []
        return [
            f"The key {in_hand} was created and is not known to be stored: if you do not have "
            "it, revoke it. The next start asks about it."
        ]

    # Crashing

    def _handle_exception(self, error: Exception) -> None:
        # While the app ends, the widgets are gone before the workers that would tell them.
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self.is_running or not isinstance(cause, NoMatches):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """A traceback without locals, which could hold a secret, and without raw text."""
        self.bell()
        lines = ["pulsapi-tui has a bug and had to stop.", *self._unproven()]
        report = clean_lines(traceback.format_exc())
        if all(secret.is_safe_beside(report) for secret in self._keys_screen.secrets):
            lines.append(report)
        else:
            lines.append("What went wrong is left out here: its text holds the key.")
        self._exit_renderables.append(Text("\n".join(lines)))
        self._close_messages_no_wait()
