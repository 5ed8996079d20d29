"""Settings › API Keys: the page itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.widgets import Button, DataTable

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import (
    Accounts,
    Clipboard,
    Clock,
    Connector,
    Delivery,
    Session,
)
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.availability import AvailabilityScreen
from pulsapi_tui.ui.commands import bindings
from pulsapi_tui.ui.states import LOADING
from pulsapi_tui.ui.widgets.key_details import describe_key
from pulsapi_tui.ui.widgets.keys_table import KeysTable

if TYPE_CHECKING:
    from pulsapi_tui.ui.asks import Asks
    from pulsapi_tui.ui.key_actions import KeyActions

_REVIEWING = "asking about a key without an owner"
"""What is under way where no command is."""


class KeysScreen(AvailabilityScreen):
    """The page: the keys of the account, and the commands on them.

    Wiring and one-line actions: what a command does is in `KeyActions`, and what the API says in
    the flows.
    """

    BINDINGS: ClassVar = bindings("keys")
    AUTO_FOCUS = "KeysTable"

    def __init__(
        self,
        connect: Connector | None,
        accounts: Accounts,
        clock: Clock,
        asks: Asks,
        clipboard: Clipboard,
        delivery: Delivery,
        limits: HealthLimits | None = None,
    ) -> None:
        super().__init__(connect, accounts, clock, asks, limits)
        self._clipboard = clipboard
        self._delivery = delivery
        self._actions: KeyActions | None = None

    def open_account(self, connect: Connector) -> None:
        """Go on with another account; nothing of the one before is kept."""
        self._actions = None
        super().open_account(connect)

    def session_opened(self, session: Session) -> None:
        """Act in that session from now on."""
        self._actions = None
        super().session_opened(session)

    # What would be lost

    @property
    def under_way(self) -> str | None:
        """What quitting now would leave behind."""
        under_way = self._actions.under_way if self._actions else None
        count = self._listing.rotations
        return under_way or (f"{count} rotation{'s' * (count != 1)}" if count else None)

    @property
    def in_hand(self) -> str | None:
        """The key that is not known to be stored, if there is one."""
        return self._actions.in_hand if self._actions else None

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that are here, stored or not."""
        return self._actions.secrets if self._actions else []

    # Commands

    def _free(self) -> KeyActions | None:
        """The actions, unless one is going on."""
        actions = self._actions_of_session() if self._account is not None else None
        if actions is not None and actions.busy:
            self.say(f"Please wait: still {actions.under_way or _REVIEWING}.", "warning")
            return None
        return actions

    def _actions_of_session(self) -> KeyActions | None:
        """Made when they are first needed: the list is shown without them."""
        if self._actions is None and self._session is not None:
            from pulsapi_tui.ui.key_actions import KeyActions

            self._actions = KeyActions(self._session, self._clock, self._asks, self._delivery, self)
        return self._actions

    async def _ask(self, command: Coroutine[Any, Any, object]) -> None:
        """Run a command that opens a dialog, and hold the keys back until the dialog is there.

        What is typed right after belongs to it.
        """
        worker = self.run_worker(command)
        await self._hold_keys_while(lambda: not worker.is_finished)

    def _chosen(self) -> list[ApiKey]:
        """The marked keys, or the one under the cursor."""
        marked = [key for key in self.key_list.keys if key.id in self._listing.marked]
        at_cursor = self.query_one(KeysTable).key_at_cursor
        return marked or ([at_cursor] if at_cursor is not None else [])

    async def action_create_key(self) -> None:
        """Create a key."""
        if (actions := self._free()) is not None:
            await self._ask(actions.create())

    async def action_revoke_keys(self) -> None:
        """Revoke the marked keys, or the one under the cursor."""
        keys = self._chosen()
        if keys and (actions := self._free()) is not None:
            await self._ask(actions.revoke(keys))

    async def action_rotate_keys(self) -> None:
        """Rotate the marked keys, or the one under the cursor; or go on with its rotation."""
        keys = self._chosen()
        if keys and (actions := self._free()) is not None:
            await self._ask(actions.rotate(keys))

    async def action_decide_about_orphans(self) -> None:
        """Ask again about the keys without an owner."""
        if (actions := self._free()) is not None:
            await self._ask(actions.decide_about_orphans())

    async def action_finish_rotations(self) -> None:
        """Revoke the old keys of all rotations that look safe."""
        if (actions := self._free()) is not None:
            await self._ask(actions.finish_rotations())

    async def action_clean_up(self) -> None:
        """Mark the idle keys and no others, and ask as for any revoke of several."""
        if (actions := self._free()) is None:
            return
        idle = self._listing.idle_keys()
        if not idle:
            self.say("No key is idle: there is nothing to clean up.")
            return
        self._listing.marked = {key.id for key in idle}
        self._marks_changed()
        await self._ask(actions.revoke(idle, clean_up=True))

    @work
    async def review(self) -> None:
        await self._make_filter()
        if self._actions is None:
            await asyncio.to_thread(_import_actions)
            await self._asks.get_ready()
        if (actions := self._actions_of_session()) is not None:
            await actions.review(may_ask=self.is_active)

    @work
    async def action_sign_in(self) -> None:
        """Go on with another key."""
        if self._connect is None:
            return
        secret = await self._asks.another_key(self.origin)
        if secret is not None:
            self._refused = False
            self._show_state(LOADING)
            self._run_feed(self._connect, secret)

    async def action_profiles(self) -> None:
        """Open another account, or change how one is marked."""
        if self._may_switch():
            await self._ask(self._profiles.choose())

    def other_profiles(self) -> tuple[str, ...]:
        """The profiles that are not open."""
        opened = self._session.profile.name if self._session is not None else ""
        return tuple(name for name in self._profiles.names() if name != opened)

    def open_profile(self, name: str) -> None:
        """Open that account, if nothing of this one is going on."""
        if self._may_switch():
            self._profiles.open(name)

    async def action_connect(self) -> None:
        """Connect to an account."""
        if self._may_switch():
            await self._ask(self._profiles.connect())

    def _may_switch(self) -> bool:
        """Whether nothing of this account is going on."""
        if self._actions is None:
            return True
        if self._actions.in_hand is not None:
            self.say(f"The key {self._actions.in_hand} is not stored yet.", "warning")
            return False
        if self._actions.busy:
            self.say(f"Please wait: still {self._actions.under_way or _REVIEWING}.", "warning")
            return False
        return True

    @on(DataTable.RowSelected)
    async def action_show_details(self) -> None:
        """The key under the cursor, in full; from the filter, Enter goes to the list."""
        if self.is_typing_filter:
            # At once, so that the next key is the list's already.
            text = await self._typed_filter()
            self.set_focus(self.query_one(KeysTable))
            await self._apply_filter(text)
            return
        key = self.query_one(KeysTable).key_at_cursor
        if key is not None:
            health = self._listing.health(key)
            body = describe_key(key, health, self._listing.now, self._zone, self._script_profile)
            await self._ask(self._asks.report("API key", body))

    @work
    async def action_copy_id(self) -> None:
        """Copy the id of the key under the cursor."""
        key = self.query_one(KeysTable).key_at_cursor
        if key is not None:
            copied = await self._clipboard.copy(Secret(key.id))
            self.say(f"The id of “{key.name}”. {copied.message}")

    def action_refresh_now(self) -> None:
        """Read the list now."""
        self._feed.wake.set()

    @on(Button.Pressed, "#state-button, #state-other")
    async def _act_on_state(self, event: Button.Pressed) -> None:
        match str(event.button.label):
            case "Create API key":
                await self.action_create_key()
            case "Enter another key":
                self.action_sign_in()
            case "Connect":
                await self.action_connect()
            case "Try the demo":
                self._profiles.demo()
            case "Profiles":
                await self.action_profiles()
            case "Try again" if self._connect is not None:
                self.open_account(self._connect)
            case _:
                self.action_refresh_now()


def _import_actions() -> None:
    """What the commands need and the list does not."""
    import pulsapi_tui.ui.key_actions
    import pulsapi_tui.ui.profile_actions  # noqa: F401
