"""Which commands of the page can be had now, and why the others can't."""

from __future__ import annotations

from textual import events

from pulsapi_tui.domain.permissions import NOTHING_CHANGES, why_no_changes
from pulsapi_tui.ui.account_screen import AccountScreen
from pulsapi_tui.ui.command_table import COMMANDS
from pulsapi_tui.ui.commands import actions_of_page, press
from pulsapi_tui.ui.states import LOADING
from pulsapi_tui.ui.widgets.keys_table import KeysTable

_CHANGES = frozenset(command.action for command in COMMANDS if command.changes)

# The three ways to sort are one action, with another column each.
_NEEDS_LIST = frozenset(
    command.action.partition("(")[0] for command in COMMANDS if command.needs_list
)


class AvailabilityScreen(AccountScreen):
    """Knows what the role, the plan, the profile and the list allow; the commands come on top."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what can't be done now; the panel in the middle says why.

        While the filter is open, every key belongs to it but Escape and Enter, which leave it.
        """
        if self.is_typing_filter:
            return action in {"back", "show_details"}
        if action == "show_details" and not isinstance(self.focused, KeysTable):
            return False
        if action in _CHANGES and self._session is not None and self._session.profile.read_only:
            return False
        if action in _CHANGES and self._why_no_changes is not None:
            return None
        if action in _NEEDS_LIST and self._has_no_list:
            return None if self._is_to_come else False
        return True

    @property
    def _has_no_list(self) -> bool:
        return self._refused or self._listing.keys is None

    @property
    def _is_to_come(self) -> bool:
        """Whether a list is being read, and comes without the user."""
        return self._connect is not None and (not self._refused or self._state is LOADING)

    @property
    def _why_no_changes(self) -> str | None:
        """Why nothing can be created, rotated or revoked, if that is so."""
        read_only = self._session is not None and self._session.profile.read_only
        if read_only:
            return NOTHING_CHANGES
        return why_no_changes(self._account) if self._account is not None else None

    def why_not(self, action: str) -> str | None:
        """Why a command can't be had now, where that is worth a sentence."""
        if action in _CHANGES and (reason := self._why_no_changes) is not None:
            return reason
        if action.partition("(")[0] not in _NEEDS_LIST or not self._has_no_list:
            return None
        if self._connect is None:
            return f"There are no keys to do that with yet: to connect, {press('keys.profiles')}."
        title = f": {self._state.title}" if self._state is not None else ""
        return f"There is no list of keys to do that with{title.rstrip('…')}."

    def on_key(self, event: events.Key) -> None:
        """Say why, where a key is one of a command that can't be had."""
        bound = self.active_bindings.get(event.key)
        if bound is None or not bound.enabled:
            reason = self.why_not(actions_of_page().get(event.key, ""))
            if reason is not None and not self.is_typing_filter:
                self.say(reason, "warning")
