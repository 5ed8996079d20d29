"""The ways out of the program: asked for, by a signal, with the terminal, and by a bug."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import WorkerFailed

from pulsapi_tui.domain.text import clean_lines
from pulsapi_tui.ui.literal import sentence
from pulsapi_tui.ui.painted_app import PaintedApp
from pulsapi_tui.ui.screens.keys import KeysScreen

if TYPE_CHECKING:
    from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen

LEAVE_WITHIN_S = 3.0

LOST_TERMINAL_EXIT = 129
"""As a shell reports SIGHUP."""

ERASE_SCREEN = "\x1b[2J"


def open_reveal(screen: Screen[Any]) -> RevealKeyScreen | None:
    """The screen, if it shows a key. One that was never imported can't be open."""
    if "pulsapi_tui.ui.screens.reveal_key" not in sys.modules:
        return None
    from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen

    return screen if isinstance(screen, RevealKeyScreen) else None


class LeavingApp(PaintedApp):
    """An app that loses no key, whichever way it is left."""

    page: KeysScreen
    """It knows what is under way and what is in hand."""

    async def action_quit(self) -> None:
        """Quit, asking where something is under way. Never past a key that is shown."""
        self._quit()

    @work
    async def _quit(self) -> None:
        if (reveal := open_reveal(self.screen)) is not None:
            # In its turn: Ctrl+Q comes by here even before that screen has what is on it.
            reveal.call_later(reveal.action_leave)
            return
        if self.page.in_hand is not None:
            self.page.say(
                f"The key {self.page.in_hand} is not stored yet. Go back to it first.",
                "warning",
            )
            return
        under_way = self.page.under_way
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
                still=lambda: self.page.under_way == under_way,
            )
            if not await self.push_screen_wait(question):
                return
        self.exit()

    def on_mount(self) -> None:
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
            if (reveal := open_reveal(screen)) is not None:
                reveal.blank()
                # A widget tells its screen late that it changed: the last frame may miss it.
                self.write_to_terminal(ERASE_SCREEN)
                self.draw_anew()
        lost = return_code == LOST_TERMINAL_EXIT
        message = Text("\n".join(notes)) if notes and not lost else None
        self.call_after_refresh(self.exit, None, return_code, message)

    def _unproven(self) -> list[str]:
        """A sentence for the key that is in hand and not known to be stored."""
        in_hand = self.page.in_hand
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
        if all(secret.is_safe_beside(report) for secret in self.page.secrets):
            lines.append(report)
        else:
            lines.append("What went wrong is left out here: its text holds the key.")
        self._exit_renderables.append(Text("\n".join(lines)))
        self._close_messages_no_wait()
