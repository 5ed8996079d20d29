"""`Asks`, with the real dialogs: the one place that knows both the screens and what they ask.

A dialog is imported when it is asked for: the page is drawn without it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.content import Content

if TYPE_CHECKING:
    from pulsapi_tui.domain.delivery import Preview, Target
    from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
    from pulsapi_tui.domain.ports import Clipboard, HandOff, Store
    from pulsapi_tui.domain.profiles import Profile, ProfileList
    from pulsapi_tui.domain.rotation import Rotation
    from pulsapi_tui.domain.secret import Secret
    from pulsapi_tui.ui.asks import (
        ConnectField,
        Connection,
        Known,
        NewKey,
        OpenProfiles,
        OpenProgress,
        OpenReveal,
        OpenRotation,
        OrphanChoice,
        PlanLine,
        ProfileWanted,
        RotationWanted,
    )
    from pulsapi_tui.ui.widgets.dialog import Dialog

Result = TypeVar("Result")

_SCREENS = (
    "abandon",
    "confirm",
    "connect",
    "create_key",
    "deliver_key",
    "orphan",
    "profiles",
    "progress",
    "reveal_key",
    "revoke_key",
    "rotate_key",
    "rotate_many",
    "rotate_plan",
    "save_profile",
    "sign_in",
)


class Dialogs:
    """Each method waits for its dialog, so it is called from a worker."""

    def __init__(self, app: App[Any], clipboard: Clipboard, hand_off: HandOff) -> None:
        self._app = app
        self._clipboard = clipboard
        self._hand_off = hand_off
        self._profile: Profile | None = None
        self._script_profile: str | None = ""

    def about(self, profile: Profile, script_profile: str | None) -> None:
        """What is asked from now on bears the mark of that profile."""
        self._profile, self._script_profile = profile, script_profile

    async def get_ready(self) -> None:
        """Import the dialogs, so that the first one comes as fast as the next."""
        await asyncio.to_thread(_import_screens)

    async def _ask(self, screen: Dialog[Result]) -> Result | None:
        self._mark(screen)
        return await self._wait_for(screen)

    async def _wait_for(self, screen: Dialog[Result]) -> Result | None:
        self._make_way()
        return await self._app.push_screen_wait(screen)

    async def _open(self, screen: Dialog[Any]) -> None:
        self._make_way()
        await self._app.push_screen(screen)

    def _make_way(self) -> None:
        """Close a help or a palette that is open: what comes now would stand over it for good."""
        if getattr(self._app.screen, "GIVES_WAY", False):
            self._app.screen.dismiss(None)

    def _mark(self, screen: Dialog[Any]) -> None:
        screen.profile, screen.script_profile = self._profile, self._script_profile

    async def connection(
        self, draft: Connection, problem: str, at: ConnectField
    ) -> Connection | None:
        """A server and a key of it."""
        from pulsapi_tui.ui.screens.connect import ConnectScreen

        # Not of this profile: it bears no mark.
        return await self._wait_for(ConnectScreen(draft, problem, at))

    async def new_profile(
        self,
        account: Account,
        wanted: ProfileWanted,
        taken: Sequence[str],
        stores: Sequence[Store],
        problem: str,
    ) -> ProfileWanted | None:
        """How to save the profile of a key that was tried."""
        from pulsapi_tui.ui.screens.save_profile import SaveProfileScreen

        screen = SaveProfileScreen(account, wanted, taken, stores, problem)
        return await self._wait_for(screen)

    async def profiles(self, listed: ProfileList, opened: str, opened_from: str) -> OpenProfiles:
        """Show the profiles."""
        from pulsapi_tui.ui.screens.profiles import ProfilesScreen

        screen = ProfilesScreen(listed, opened, opened_from)
        await self._open(screen)
        return screen

    async def new_key(self, taken: Collection[str], draft: str) -> NewKey | None:
        """The name of a new key, and where it goes."""
        from pulsapi_tui.ui.screens.create_key import CreateKeyScreen

        return await self._ask(CreateKeyScreen(taken, draft))

    async def target(
        self, key_name: str, before: Target | None, *, correct: bool = False
    ) -> Target | None:
        """Where to deliver a key to."""
        from pulsapi_tui.ui.screens.deliver_key import DeliverKeyScreen

        delivery = self._hand_off.delivery
        ways = await delivery.ways(key_name)
        what = ("the key ", (key_name, "bold"))
        screen = DeliverKeyScreen(what, ways, before, delivery.preview, correct=correct)
        return await self._ask(screen)

    async def reveal(self, created: CreatedKey, origin: str, note: Content | None) -> OpenReveal:
        """Show a key once."""
        from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen

        screen = RevealKeyScreen(created, origin, self._clipboard, self._hand_off, note)
        self._mark(screen)
        await self._open(screen)
        return screen

    async def confirm(self, title: str, body: Content, *, confirm: str) -> bool:
        """Whether to go on all the same."""
        from pulsapi_tui.ui.screens.confirm import ConfirmScreen

        return await self._ask(ConfirmScreen(title, body, confirm=confirm)) is True

    async def revoke(
        self,
        keys: Sequence[ApiKey],
        now: datetime,
        *,
        clean_up: bool = False,
        known: Known | None = None,
        hidden: str = "",
    ) -> bool:
        """Whether to revoke these keys."""
        from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen

        is_production = self._profile is not None and self._profile.production
        screen = RevokeKeysScreen(
            keys,
            now,
            clean_up=clean_up,
            known=known,
            must_type=is_production,
            hidden=hidden,
        )
        confirmed = await self._ask(screen)
        return confirmed is True

    async def report(
        self, title: str, body: Content, *, danger: bool = False, unasked: bool = False
    ) -> None:
        """Something that must be read."""
        from pulsapi_tui.ui.screens.confirm import ReportScreen

        screen = ReportScreen(title, body, danger=danger, unasked=unasked)
        await self._ask(screen)

    async def orphan(self, key: ApiKey, why: str, now: datetime) -> OrphanChoice:
        """What to do with a key without an owner."""
        from pulsapi_tui.ui.asks import OrphanChoice
        from pulsapi_tui.ui.screens.orphan import OrphanScreen

        choice = await self._ask(OrphanScreen(key, why, now))
        return choice or OrphanChoice.LATER

    async def rotation_plan(
        self, key: ApiKey, now: datetime, *, is_own: bool
    ) -> RotationWanted | None:
        """How to rotate a key."""
        from pulsapi_tui.ui.screens.rotate_plan import RotatePlanScreen

        return await self._ask(RotatePlanScreen(key, now, is_own=is_own))

    async def rotation(self, key_name: str) -> OpenRotation:
        """Open a rotation."""
        from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen

        screen = RotateKeyScreen(key_name)
        self._mark(screen)
        await self._open(screen)
        return screen

    async def target_for_many(self, keys: Sequence[ApiKey], before: Target | None) -> Target | None:
        """Where the successors of these keys go."""
        from pulsapi_tui.flows.rotate_many import STAND_IN, targets_for, templates
        from pulsapi_tui.ui.screens.deliver_key import DeliverKeyScreen

        delivery = self._hand_off.delivery
        ways = templates(await delivery.ways(STAND_IN))

        def preview(target: Target) -> Preview:
            return delivery.preview(targets_for(keys[:1], target)[0])

        what = f"each of the {len(keys)} successors"
        return await self._ask(DeliverKeyScreen((what,), ways, before, preview))

    async def plan_of_many(
        self, lines: Sequence[PlanLine], concerns: Sequence[str], now: datetime
    ) -> bool:
        """Whether to rotate these keys like this."""
        from pulsapi_tui.ui.screens.rotate_many import RotateManyScreen

        screen = RotateManyScreen(lines, concerns, now)
        return await self._ask(screen) is True

    async def progress(self, title: str, total: int) -> OpenProgress:
        """Show how far something has come."""
        from pulsapi_tui.ui.screens.progress import ProgressScreen

        screen = ProgressScreen(title, total)
        self._mark(screen)
        await self._open(screen)
        return screen

    async def abandon(self, rotation: Rotation, *, may_still_come: bool) -> bool | None:
        """How to end a rotation early."""
        from pulsapi_tui.ui.screens.abandon import AbandonScreen

        return await self._ask(AbandonScreen(rotation, may_still_come=may_still_come))

    async def another_key(self, origin: str) -> Secret | None:
        """A credential to go on with."""
        from pulsapi_tui.ui.screens.sign_in import SignInScreen

        return await self._ask(SignInScreen(origin))


def _import_screens() -> None:
    import pulsapi_tui.flows.rotate_many  # noqa: F401

    for name in _SCREENS:
        importlib.import_module(f"pulsapi_tui.ui.screens.{name}")
