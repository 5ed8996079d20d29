"""Settings › API Keys: the page itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Button, DataTable, Footer, Input

from pulsapi_tui.domain.errors import ForbiddenRoleError, PlanRequiredError, PulsapiError
from pulsapi_tui.domain.health import Condition, Health, judge
from pulsapi_tui.domain.key_list import KeyList, SortColumn
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Clipboard, Clock, Connector, RetryNotice
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import ago, span, zone
from pulsapi_tui.flows.refresh import Snapshot, keep_fresh
from pulsapi_tui.ui.arrangement import Arrangement
from pulsapi_tui.ui.asks import Asks
from pulsapi_tui.ui.commands import bindings
from pulsapi_tui.ui.key_actions import KeyActions, Severity
from pulsapi_tui.ui.states import EMPTY, LOADING, NOTHING_FOUND, state_for
from pulsapi_tui.ui.widgets.header_line import HeaderLine
from pulsapi_tui.ui.widgets.key_details import GLYPHS, KeyDetails, describe_key
from pulsapi_tui.ui.widgets.keys_table import KeyRow, KeysTable, column_of
from pulsapi_tui.ui.widgets.state_panel import State, StatePanel
from pulsapi_tui.ui.widgets.status_line import StatusLine
from pulsapi_tui.ui.widgets.too_small import TooSmall

_TONES = {
    Condition.IN_USE: "keys-table--in-use",
    Condition.IDLE: "keys-table--idle",
    Condition.NEVER_USED: "keys-table--never-used",
    Condition.SESSION: "keys-table--session",
}
_NEEDS_LIST = frozenset(
    {
        "create_key",
        "revoke_keys",
        "copy_id",
        "filter",
        "mark",
        "mark_all",
        "sort_next",
        "sort_reverse",
        "sort_by",
    }
)


class KeysScreen(Screen[None]):
    """The table, its details, and the commands on keys.

    Wiring and one-line actions: what a command does is in `KeyActions`, what the API says in the
    flows.
    """

    BINDINGS: ClassVar = bindings("keys")
    AUTO_FOCUS = "KeysTable"

    def __init__(self, connect: Connector, clock: Clock, asks: Asks, clipboard: Clipboard) -> None:
        super().__init__()
        self._connect = connect
        self._clock = clock
        self._asks = asks
        self._clipboard = clipboard
        self._arrangement = Arrangement()
        self._actions: KeyActions | None = None
        self._account: Account | None = None
        self._list: KeyList | None = None
        self._origin = ""
        self._label = ""
        self._marked: set[str] = set()
        self._gone: set[str] = set()
        self._wake = asyncio.Event()
        self._now = clock.now()
        self._zone: tzinfo = UTC
        self._refused = False
        self._trouble: PulsapiError | None = None
        self._next_try_at = 0.0
        self._ticker: Timer | None = None
        self._cursor_id: str | None = None

    def compose(self) -> ComposeResult:
        """Header, list, footer."""
        yield HeaderLine()
        yield StatusLine()
        yield Input(placeholder="Filter by name, hint or id", id="filter", compact=True)
        with Container(id="body"):
            yield KeysTable(self._describe, id="keys")
            yield KeyDetails(id="details")
        yield StatePanel(id="state")
        yield Footer(compact=True, show_command_palette=False)
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the shell at once; the server comes after the first frame."""
        self.query_one("#filter", Input).cursor_blink = False
        self._ticker = self.set_interval(1.0, self._tick, pause=True)
        self._show_state(LOADING)
        self._run_feed(None)

    # The session and its feed

    @work(exclusive=True, group="feed")
    async def _run_feed(self, credential: Secret | None) -> None:
        """Open a session and keep the list fresh; only reads, so it may be exclusive."""
        try:
            session = await self._connect(credential, self._retrying)
        except PulsapiError as error:
            self._refuse(error)
            return
        self._origin = session.service.origin
        self._actions = KeyActions(session, self._clock, self._asks, self)
        self.query_one(HeaderLine).show(session.label, None)
        self._label = session.label
        try:
            await keep_fresh(session.service, self._clock, self, self._wake)
        finally:
            await session.service.aclose()

    def account_seen(self, account: Account) -> None:
        """The feed knows the account."""
        self._account = account
        self._zone = zone(account.timezone)
        self.query_one(HeaderLine).show(self._label, account)

    def page_seen(self, keys: Sequence[ApiKey], total: int) -> None:
        """The feed has a part of the first listing: show what there is."""
        if self._list is None and total > len(keys):
            self._list = KeyList(keys, self._clock.now())
            self._rearrange()
        self.query_one(StatusLine).show_server(f"reading {len(keys):,} of {total:,}")

    def loaded(self, snapshot: Snapshot) -> None:
        """The feed has a fresh list."""
        self._trouble, self._refused = None, False
        if self._ticker is not None:
            self._ticker.pause()
        self.query_one(StatusLine).show_server("● live")
        self._take(snapshot.keys)
        self._review()

    def failed(self, error: PulsapiError, next_try_s: float | None) -> None:
        """The feed could not read: keep the rows where only the line is down."""
        if next_try_s is None or isinstance(error, PlanRequiredError | ForbiddenRoleError):
            self._refuse(error)
            return
        self._trouble = error
        self._next_try_at = self._clock.monotonic() + next_try_s
        if self._list is None:
            self._show_state(state_for(error, self._account, self._origin))
        if self._ticker is not None:
            self._ticker.resume()
        self._tick()

    def _refuse(self, error: PulsapiError) -> None:
        """The server says no: there is nothing to show, and rows would be a lie."""
        self._refused = True
        self._list = None
        self._trouble = None
        if self._ticker is not None:
            self._ticker.pause()
        status = self.query_one(StatusLine)
        status.show_list("")
        status.show_server("")
        self._show_state(state_for(error, self._account, self._origin))
        self.refresh_bindings()

    def _retrying(self, notice: RetryNotice) -> None:
        text = f"try {notice.attempt} in {notice.wait_s:.0f} s: {notice.reason}"
        self.query_one(StatusLine).show_server(text, trouble=True)

    def _tick(self) -> None:
        """Count down while the server is away."""
        wait_s = max(0, round(self._next_try_at - self._clock.monotonic()))
        age = ""
        if self._list is not None:
            age_s = (self._clock.now() - self._list.fetched_at).total_seconds()
            age = f"list {span(age_s)} old · "
        text = f"⚡ unreachable · {age}next try in {wait_s} s"
        self.query_one(StatusLine).show_server(text, trouble=True)

    # What is shown

    def _take(self, fresh: KeyList) -> None:
        """Take over a fresh list, less what was revoked while it was on its way."""
        keys = fresh.keys
        self._gone &= fresh.by_id.keys()
        if self._gone:
            keys = tuple(key for key in keys if key.id not in self._gone)
        unchanged = self._list is not None and self._list.keys is keys
        if unchanged and self._list is not None:
            self._list.fetched_at = fresh.fetched_at
        else:
            self._list = KeyList(keys, fresh.fetched_at)
            self._marked &= self._list.by_id.keys()
        self._rearrange()
        self.refresh_bindings()

    @work(exclusive=True, group="arrange")
    async def _rearrange(self) -> None:
        """Sort and filter, then let the table follow."""
        if self._list is None:
            return
        shown = await self._arrangement.arrange(self._list.keys)
        self._now = self._clock.now()
        table = self.query_one(KeysTable)
        table.show_keys(shown, self._arrangement.sorted_by, self._cursor_id)
        if table.key_at_cursor is not None and table.key_at_cursor.id == self._cursor_id:
            self._cursor_id = None
        if not len(self._list):
            self._show_state(EMPTY)
        elif not shown:
            self._show_state(NOTHING_FOUND)
        else:
            self._show_state(None)
        self._show_counts()
        self._show_details()

    def _show_state(self, state: State | None) -> None:
        panel = self.query_one(StatePanel)
        if state is not None:
            panel.show(state)
        self.set_class(state is not None, "-stateful")
        if state is not None and state.button and not self.query_one("#filter").has_focus:
            self.query_one("#state-button").focus()
        elif state is None and self.focused is None:
            self.query_one(KeysTable).focus()

    def _show_counts(self) -> None:
        if self._list is None:
            return
        total = len(self._list)
        parts = [f"{total:,} key{'s' * (total != 1)}"]
        if self._arrangement.needle:
            parts.append(f"{self.query_one(KeysTable).row_count:,} shown")
        if self._marked:
            parts.append(f"{len(self._marked)} marked")
        self.query_one(StatusLine).show_list(" · ".join(parts))

    def _health(self, key: ApiKey) -> Health:
        session_id = self._account.authenticated_key_id if self._account else ""
        duplicates = self._list.duplicate_names if self._list else ()
        return judge(key, self._now, session_id, duplicates)

    def _describe(self, key: ApiKey) -> KeyRow:
        health = self._health(key)
        return KeyRow(
            name=key.name,
            created=ago(key.created_at, self._now),
            last_used="never" if key.last_used_at is None else ago(key.last_used_at, self._now),
            health=f"{GLYPHS[health.condition]} {health.word}",
            tone=_TONES[health.condition],
            marked=key.id in self._marked,
        )

    @on(DataTable.RowHighlighted)
    def _show_details(self) -> None:
        key = self.query_one(KeysTable).key_at_cursor
        health = self._health(key) if key is not None else None
        self.query_one(KeyDetails).show(key, health, self._now, self._zone)

    # What the actions ask of the screen

    @property
    def account(self) -> Account:
        """The account of the session; actions run only once there is one."""
        if self._account is None:
            raise RuntimeError("no account yet")
        return self._account

    @property
    def key_list(self) -> KeyList:
        """The list as last read."""
        return self._list or KeyList((), self._clock.now())

    @property
    def origin(self) -> str:
        """The base URL of the session."""
        return self._origin or "https://api.pulsapi.com"

    @property
    def under_way(self) -> str | None:
        """What quitting now would leave behind."""
        return self._actions.under_way if self._actions else None

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast, drawn as it is."""
        self.notify(text, severity=severity, markup=False)

    def doing(self, text: str) -> None:
        """Show what is under way, where the counts are."""
        if text:
            self.query_one(StatusLine).show_list(text)
        else:
            self._show_counts()

    def drop(self, key_ids: Iterable[str]) -> None:
        """Take keys off the list."""
        self._gone |= set(key_ids)
        self._marked -= self._gone
        if self._list is not None and self._gone:
            kept = tuple(key for key in self._list.keys if key.id not in self._gone)
            self._list = KeyList(kept, self._list.fetched_at)
            self._rearrange()

    def look_again(self, cursor_id: str | None = None) -> None:
        """Read the list now."""
        self._cursor_id = cursor_id or self._cursor_id
        self._wake.set()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what can't be done now; the panel in the middle says why.

        While the filter is open, every key belongs to it but Escape.
        """
        if self.is_mounted and self.query_one("#filter").has_focus and action != "back":
            return False
        if action == "show_details" and not self.query_one(KeysTable).has_focus:
            return False
        if action in _NEEDS_LIST and (self._refused or self._list is None):
            return None
        return True

    def _free(self) -> KeyActions | None:
        """The actions, unless one is going on."""
        if self._actions is None or self._account is None:
            return None
        if self._actions.busy:
            self.say(f"Please wait: still {self._actions.under_way or 'busy'}.", "warning")
            return None
        return self._actions

    async def _ask(self, command: Coroutine[Any, Any, None]) -> None:
        """Run a command that opens a dialog, and hold the keys back until the dialog is there.

        What is typed right after belongs to it.
        """
        worker = self.run_worker(command)
        while self.is_active and not worker.is_finished:  # noqa: ASYNC110  # a turn or two
            await asyncio.sleep(0)

    async def action_create_key(self) -> None:
        """Create a key."""
        if (actions := self._free()) is not None:
            await self._ask(actions.create())

    async def action_revoke_keys(self) -> None:
        """Revoke the marked keys, or the one under the cursor."""
        keys = [key for key in self.query_one(KeysTable).keys if key.id in self._marked]
        if not keys and (key := self.query_one(KeysTable).key_at_cursor) is not None:
            keys = [key]
        if keys and (actions := self._free()) is not None:
            await self._ask(actions.revoke(keys))

    @work
    async def _review(self) -> None:
        if self._actions is not None:
            await self._actions.review()

    @work
    async def action_sign_in(self) -> None:
        """Go on with another key."""
        secret = await self._asks.another_key(self.origin)
        if secret is not None:
            self._refused = False
            self._show_state(LOADING)
            self._run_feed(secret)

    @on(DataTable.RowSelected)
    async def action_show_details(self) -> None:
        """The key under the cursor, in full."""
        key = self.query_one(KeysTable).key_at_cursor
        if key is not None:
            body = describe_key(key, self._health(key), self._now, self._zone)
            await self._ask(self._asks.report("API key", body))

    @work
    async def action_copy_id(self) -> None:
        """Copy the id of the key under the cursor."""
        key = self.query_one(KeysTable).key_at_cursor
        if key is not None:
            copied = await self._clipboard.copy(Secret(key.id))
            self.say(f"Id of “{key.name}”: {copied.message}")

    def action_refresh_now(self) -> None:
        """Read the list now."""
        self._wake.set()

    def action_mark(self) -> None:
        """Mark or unmark, and go on to the next key."""
        table = self.query_one(KeysTable)
        if table.key_at_cursor is not None:
            self._marked ^= {table.key_at_cursor.id}
            table.repaint_changed()
            table.action_cursor_down()
            self._show_counts()

    def action_mark_all(self) -> None:
        """Mark all keys that are shown."""
        self._marked |= {key.id for key in self.query_one(KeysTable).keys}
        self._marks_changed()

    def action_back(self) -> None:
        """Close the filter; else clear the marks."""
        field = self.query_one("#filter", Input)
        if field.display:
            field.clear()
            field.display = False
            self.query_one(KeysTable).focus()
        elif self._marked:
            self._marked.clear()
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.query_one(KeysTable).repaint_changed()
        self._show_counts()

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)

    @on(Input.Changed, "#filter")
    def _filter_as_typed(self, event: Input.Changed) -> None:
        self._arrangement.needle = event.value.strip()
        self._rearrange()

    @on(Input.Submitted, "#filter")
    def _keep_filter(self) -> None:
        self.query_one(KeysTable).focus()

    def action_sort_next(self) -> None:
        """Sort by the next column."""
        self._arrangement.sort_next()
        self._rearrange()

    def action_sort_reverse(self) -> None:
        """Reverse the order."""
        self._arrangement.sort_by(self._arrangement.column)
        self._rearrange()

    def action_sort_by(self, column: str) -> None:
        """Sort by a column, or the other way round."""
        self._arrangement.sort_by(SortColumn(column))
        self._rearrange()

    @on(DataTable.HeaderSelected)
    def _sort_by_header(self, event: DataTable.HeaderSelected) -> None:
        column = column_of(event.column_key)
        if column is not None:
            self._arrangement.sort_by(column)
            self._rearrange()

    @on(Button.Pressed, "#state-button")
    async def _act_on_state(self, event: Button.Pressed) -> None:
        match str(event.button.label):
            case "Create API key":
                await self.action_create_key()
            case "Enter another key":
                self.action_sign_in()
            case _:
                self.action_refresh_now()
