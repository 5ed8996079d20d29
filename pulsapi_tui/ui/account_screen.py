"""The list of keys of an account: which one is open, and what its server tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from textual import work
from textual.timer import Timer

from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Accounts, Clock, Connector, Session
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import zone
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.ui.feed import Feed
from pulsapi_tui.ui.list_screen import ListScreen
from pulsapi_tui.ui.states import LOADING, WELCOME, signing_in
from pulsapi_tui.ui.widgets.header_line import HeaderLine
from pulsapi_tui.ui.widgets.keys_table import KeysTable
from pulsapi_tui.ui.widgets.state_panel import State
from pulsapi_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from pulsapi_tui.ui.asks import Asks, Severity
    from pulsapi_tui.ui.profile_actions import ProfileActions

SAID_AFTER_S = 0.3
"""After so long without an answer it is said to whom the session signs in, and with what."""


class AccountScreen(ListScreen):
    """Shows the account that is open, on live data; what is done with its keys is added on top.

    What is known of the keys is in `Listing`, the line to the server in `Feed`.
    """

    def __init__(
        self,
        connect: Connector | None,
        accounts: Accounts,
        clock: Clock,
        asks: Asks,
        limits: HealthLimits | None = None,
    ) -> None:
        super().__init__(clock, WELCOME if connect is None else LOADING, limits)
        self._clock = clock
        self._asks = asks
        self._connect = connect
        self._feed = Feed(clock, self)
        self._session: Session | None = None
        self._accounts = accounts
        self._account: Account | None = None
        self._refused = False
        self._ticker: Timer | None = None

    @cached_property
    def _profiles(self) -> ProfileActions:
        from pulsapi_tui.ui.profile_actions import ProfileActions

        return ProfileActions(self._accounts, self._asks, self)

    def on_mount(self) -> None:
        """Show the shell at once; the server comes after the first frame."""
        self._ticker = self.set_interval(1.0, self._tick, pause=True)
        if self._connect is None:
            self._show_state(WELCOME)
        else:
            # Not before the frame: importing the client keeps the interpreter busy.
            self.call_after_refresh(self._run_feed, self._connect, None)

    # What the feed tells

    @work(exclusive=True, group="feed")
    async def _run_feed(self, connect: Connector, credential: Secret | None) -> None:
        await self._feed.run(connect, credential)

    def open_account(self, connect: Connector) -> None:
        """Go on with another account; nothing of the one before is kept."""
        self._connect = connect
        self._session = self._account = None
        # What they say is of the account before.
        self.app.clear_notifications()
        self._feed.forget()
        self._cursor_id = None
        self._listing.start_over()
        self.refused(LOADING)
        self.query_one(HeaderLine).show(None, None)
        self._run_feed(connect, None)

    def session_opened(self, session: Session) -> None:
        """Show whose session it is going to be."""
        self._session = session
        self._script_profile = self._profiles.to_be_named(session)
        self._asks.about(session.profile, self._script_profile)
        self.set_timer(SAID_AFTER_S, self._say_who_signs_in)
        self._show_header()

    def _say_who_signs_in(self) -> None:
        """Where an answer takes long; mostly there are keys by now."""
        if self._state is LOADING and self._session is not None:
            self._show_state(signing_in(self._session.profile, self._session.credential_from))

    def account_seen(self, account: Account) -> None:
        """Show the account."""
        self._account = account
        self._zone = zone(account.timezone)
        self._listing.session_key_id = account.authenticated_key_id
        self._show_header()
        self.refresh_bindings()

    def profile_changed(self, profile: Profile) -> None:
        """The profile of this session has another mark."""
        if self._session is not None:
            self._session = self._session._replace(profile=profile)
            self._asks.about(profile, self._script_profile)
            self._show_header()
            self.refresh_bindings()

    def _show_header(self) -> None:
        profile = self._session.profile if self._session is not None else None
        self.query_one(HeaderLine).show(profile, self._account)

    def keys_seen(self, keys: KeyList, *, whole: bool) -> None:
        """Show keys; once there are all of them, look for those without an owner."""
        had_none = self._refused or self._listing.keys is None
        self._refused = False
        self._count_down(False)
        self._listing.take(keys)
        self._rearrange()
        if had_none:
            self.refresh_bindings()
        if whole:
            # Not before the frame: the keys are to be seen first.
            self.call_after_refresh(self.review)

    def review(self) -> object:
        """Look at what earlier runs left open; here, nothing."""
        return None

    def refused(self, state: State) -> None:
        """There is nothing to show, and rows would be a lie."""
        self._refused = True
        self._count_down(False)
        self._listing.forget()
        self._show_counts()
        self._show_state(state)
        self.refresh_bindings()

    def unreachable(self, state: State) -> None:
        """Keep the rows, if there are any."""
        self._count_down(True)
        if self._listing.keys is None:
            self._show_state(state)

    def line(self, text: str, *, trouble: bool = False) -> None:
        """Show how the server is reached."""
        self.query_one(StatusLine).show_server(text, trouble=trouble)

    def _count_down(self, on: bool) -> None:
        if self._ticker is not None:
            (self._ticker.resume if on else self._ticker.pause)()

    def _tick(self) -> None:
        """While the server is away, time goes on."""
        self._feed.count_down()
        self._listing.tick()
        self.query_one(KeysTable).repaint_changed()

    # What is asked of the screen

    @property
    def session(self) -> Session | None:
        """The session that is open, if one is."""
        return self._session

    @property
    def account(self) -> Account:
        """The account of the session; actions run only once there is one."""
        if self._account is None:
            raise RuntimeError("no account yet")
        return self._account

    @property
    def key_list(self) -> KeyList:
        """The list as last read."""
        return self._listing.keys or KeyList((), self._clock.now())

    @property
    def origin(self) -> str:
        """The base URL of the session."""
        return self._feed.origin

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast, drawn as it is."""
        self.notify(text, severity=severity, markup=False)

    def doing(self, text: str) -> None:
        """Show what is under way, where the counts are."""
        self._doing = text
        self._show_counts()

    def seen(self, key: ApiKey) -> Seen:
        """What was seen of a key's uses so far."""
        return self._listing.uses.of(key, self._clock.now())

    def rotating(self, keys: Mapping[str, str], count: int) -> None:
        """So many rotations are under way, with these keys."""
        before = self._listing.rotating, self._listing.rotations
        self._listing.rotating, self._listing.rotations = dict(keys), count
        if before != (self._listing.rotating, count):
            self.query_one(KeysTable).repaint_changed()
            self._show_counts()
            self._show_details()

    def signed_in(self, account: Account) -> None:
        """The session goes on with another key of its account."""
        self._account = account
        self._listing.session_key_id = account.authenticated_key_id
        self.query_one(KeysTable).repaint_changed()

    def unmark(self, key_ids: Iterable[str]) -> None:
        """Take the marks off these keys."""
        self._listing.marked -= set(key_ids)
        self._marks_changed()

    def drop(self, key_ids: Iterable[str]) -> None:
        """Take keys off the list."""
        self._listing.drop(key_ids)
        self._rearrange()

    def put_off(self, key_id: str) -> None:
        """Keep in sight that this key has no owner."""
        self._listing.unowned.add(key_id)
        self._marks_changed()
        self._show_details()

    def has_owner(self, key_id: str) -> None:
        """This key has an owner, or its owner says so."""
        self._listing.unowned.discard(key_id)
        self._marks_changed()
        self._show_details()

    def look_again(self, cursor_id: str | None = None) -> None:
        """Read the list now."""
        self._cursor_id = cursor_id or self._cursor_id
        self._feed.wake.set()
