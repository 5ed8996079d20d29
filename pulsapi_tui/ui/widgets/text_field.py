"""A line to type into that takes its keys in the order in which they came."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.binding import Binding
from textual.widgets import Input


def _actions() -> dict[str, str]:
    """What each key of a field does, as Textual has it."""
    bindings = [Binding(*each) if isinstance(each, tuple) else each for each in Input.BINDINGS]
    return {key: binding.action for binding in bindings for key in binding.key.split(",")}


class TextField(Input):
    """An `Input` whose Backspace can't be overtaken by the letter after it.

    Textual inserts a letter at once, but hands a key that is bound up to the app first: of keys
    that come in one read, as they do over a slow line, it would run after the letters behind it,
    and in whatever field has the focus by then. The cursor does not blink: that sends bytes.
    """

    _ACTIONS = _actions()

    def __init__(self, value: str | None = None, **options: Any) -> None:
        """`options` are those of `Input`."""
        super().__init__(value, **options)
        self.cursor_blink = False

    async def on_key(self, event: events.Key) -> None:
        """Run what a key of this field does, in its turn."""
        action = self._ACTIONS.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.run_action(action)
