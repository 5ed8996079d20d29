"""A command at work: the account that it is for, and what it needs of the world."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.advice import next_step, told
from pulsapi_tui.cli.interrupts import Interrupts
from pulsapi_tui.cli.open_ends import tell_keys, tell_rotations_of
from pulsapi_tui.cli.output import say
from pulsapi_tui.config.settings import Settings
from pulsapi_tui.domain.errors import JournalError, PulsapiError, ReadOnlyError
from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.permissions import why_no_changes
from pulsapi_tui.domain.ports import Delivery, RetryNotice, Session
from pulsapi_tui.flows.open_ends import OpenEnds, open_ends
from pulsapi_tui.flows.record import Recorder
from pulsapi_tui.wiring.access import Access
from pulsapi_tui.wiring.accounts import credentials_here
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.hand_off import hand_off, health_limits
from pulsapi_tui.wiring.sessions import RemoteConnector


class Work:
    """One command. Nothing is asked of the server before `sign_in`."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        access: Access,
        settings: Settings,
        interrupts: Interrupts,
    ) -> None:
        self.arguments = arguments
        self.access = access
        self.interrupts = interrupts
        self.clock = SystemClock()
        self.delivery: Delivery = hand_off(settings).delivery
        self.limits: HealthLimits = health_limits(settings)
        self.ends = OpenEnds()
        """What was left open before; known once the keys were read."""
        self._session: Session | None = None
        self._account: Account | None = None
        self._recorder: Recorder | None = None

    @property
    def profile(self) -> str:
        """The profile's name, for a command that would not mean it anyway; else empty."""
        return self.arguments.profile or ""

    def told(self, error: PulsapiError) -> str:
        """What went wrong, and the next step."""
        return told(error, self.access, self.arguments)

    def next_step(self, error: PulsapiError | None) -> str:
        """What to do about an error; empty where there is none, or its message is all."""
        return "" if error is None else next_step(error, self.access, self.arguments)

    @property
    def session(self) -> Session:
        """Open after `sign_in`."""
        if self._session is None:
            raise RuntimeError("not signed in")
        return self._session

    @property
    def account(self) -> Account:
        """Known after `sign_in`."""
        if self._account is None:
            raise RuntimeError("not signed in")
        return self._account

    @account.setter
    def account(self, account: Account) -> None:
        self._account = account

    @property
    def recorder(self) -> Recorder:
        """Writes down what is done."""
        if self._recorder is None:
            self._recorder = Recorder(
                self.session, self.clock, lambda: self.account, _say_unwritable
            )
        return self._recorder

    async def sign_in(self) -> Account:
        """Open the session. Raises `PulsapiError`."""
        connector = RemoteConnector(self.access, credentials_here(), self.clock)
        self._session = await connector(None, _tell_retry)
        self._account = await self._session.service.account()
        return self._account

    async def sign_in_to_change(self) -> Account:
        """The same for a command that changes something.

        Raises:
            ReadOnlyError: nothing may be changed here; nothing was sent.
            StoppedError: the plan or the role does not allow it; only the account was asked for.
        """
        if self.access.profile.read_only:
            raise ReadOnlyError(
                f"“{self.access.profile.name}” is read-only here: nothing was sent. Leave out "
                "--read-only, or change the profile."
            )
        account = await self.sign_in()
        reason = why_no_changes(account)
        if reason is not None:
            raise exits.StoppedError(f"{reason} Nothing was changed.", exits.NOT_ALLOWED)
        return account

    async def list_keys(self, *, tell_rotations: bool = True) -> KeyList:
        """Read the keys, and tell what earlier runs left open. Raises `PulsapiError`."""
        pages = await self.session.service.list_keys()
        listed = KeyList(pages.keys, self.clock.now())
        try:
            self.ends = open_ends(
                listed,
                self.account,
                self.session.service.origin,
                self.session.journal,
                self.clock,
            )
        except JournalError as error:
            say(f"pulsapi-tui: {error.user_message}")
        tell_keys(self.ends, self.profile)
        if tell_rotations:
            tell_rotations_of(self.ends, self.profile)
        return listed

    async def close(self) -> None:
        """Give everything back."""
        if self._session is not None:
            self._session.journal.close()
            with suppress(PulsapiError):
                await self._session.service.aclose()


def _tell_retry(notice: RetryNotice) -> None:
    if sys.stderr.isatty():
        say(f"{notice.reason} Trying again in {notice.wait_s:.1f} s.")


def _say_unwritable() -> None:
    say("The log of actions can't be written, so what is done now is not in it.")
