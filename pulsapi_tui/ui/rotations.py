"""What `R` does: plan a rotation, go through its steps, and keep those in flight in sight.

The turn of the Keys screen is held while a rotation is open. One that is closed goes on being
watched with every list that is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.ports import Session
from pulsapi_tui.domain.rotation import Mode, Rotation, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import zone
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.domain.verdict import Verdict, VerdictKind, judge, resolution_s
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.ui.asks import Asks, Known, OpenRotation, RotationView, RotationWish, Severity
from pulsapi_tui.ui.hand_over import HandedOver, HandOver
from pulsapi_tui.ui.literal import literal, sentence
from pulsapi_tui.ui.rotation_words import DOING, IN_HAND, choices, ended, resumed_at, said_of

READY = frozenset({VerdictKind.PROBABLY, VerdictKind.SAFE})
"""Verdicts with which an old key may be revoked without its name being typed."""

WRITE_AFTER_S = 60.0
"""So old observations may get before they are written down."""

MOST_WRITES = 4
"""Observations that are written down with one list."""

TICK_S = 1.0
"""Between two looks at both keys while a rotation is open."""


class RotationsView(Protocol):
    """What rotations need of the screen."""

    @property
    def account(self) -> Account:
        """The account of the session."""
        ...

    @property
    def key_list(self) -> KeyList:
        """The list as last read."""
        ...

    def seen(self, key: ApiKey) -> Seen:
        """What was seen of a key's uses so far."""
        ...

    def say(self, text: str, severity: Severity = "information") -> None:
        """A toast."""
        ...

    def drop(self, key_ids: Iterable[str]) -> None:
        """Take keys off the list: the server confirmed that they are gone."""
        ...

    def look_again(self, cursor_id: str | None = None) -> None:
        """Read the list again."""
        ...

    def rotating(self, keys: Mapping[str, str], count: int) -> None:
        """So many rotations are under way; which keys of them are which, by their ids."""
        ...

    def unmark(self, key_ids: Iterable[str]) -> None:
        """Take the marks off these keys."""
        ...

    def signed_in(self, account: Account) -> None:
        """The session goes on with another key of its account."""
        ...


class Rotations:
    """The rotations of one session."""

    def __init__(
        self,
        session: Session,
        ports: Ports,
        asks: Asks,
        hand_over: HandOver,
        view: RotationsView,
    ) -> None:
        self._session = session
        self._clock = ports.clock
        self._asks = asks
        self._hand_over = hand_over
        self._view = view
        self._ports = ports
        self._rotators: dict[str, Rotator] = {}
        self._elsewhere: tuple[Rotation, ...] = ()
        self._told = False

    # In flight

    @property
    def in_hand(self) -> str | None:
        """A successor whose secret is here and nowhere else, for a sentence."""
        for rotator in self._rotators.values():
            if rotator.in_hand and rotator.rotation.new is not None:
                return rotator.rotation.new.shown
        return None

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that are here, stored or not."""
        rotators = self._rotators.values()
        return [each.created.secret for each in rotators if each.created is not None]

    @property
    def ids(self) -> frozenset[str]:
        """The rotations that this program is at."""
        return frozenset(self._rotators)

    def load(self) -> None:
        """Read what the journal has; says once what was left from before."""
        try:
            found = self._session.journal.open_rotations(
                self._session.service.origin, self._view.account.id
            )
        except JournalError:
            return
        self._elsewhere = found.elsewhere
        # Another window may have ended what was left to it.
        here = {rotation.id for rotation in found.here}
        for rotation_id, rotator in list(self._rotators.items()):
            if rotation_id not in here and not rotator.in_hand:
                del self._rotators[rotation_id]
        for rotation in found.here:
            if rotation.id not in self._rotators:
                self._rotators[rotation.id] = Rotator(rotation, self._view.account, self._ports)
        if found.here and not self._told:
            names = ", ".join(rotation.old.shown for rotation in found.here[:3])
            more = f" and {len(found.here) - 3} more" if len(found.here) > 3 else ""
            self._view.say(f"Rotations under way: {names}{more}. Press R on a key to go on.")
        self._told = True
        self._show_marks()

    def observe(self) -> None:
        """See what a fresh list says of the keys in flight."""
        now = self._clock.monotonic()
        due: list[Rotator] = []
        for rotator in self._rotators.values():
            rotator.observe(self._view.key_list)
            since = rotator.unwritten_since
            if since is not None and now - since >= WRITE_AFTER_S:
                due.append(rotator)
        # Each is a write that waits for the disk: a few with every list, the rest with the next.
        for rotator in due[:MOST_WRITES]:
            rotator.write_down()

    def _show_marks(self) -> None:
        rotations = [
            *(rotator.rotation for rotator in self._rotators.values()),
            *self._elsewhere,
        ]
        keys = {rotation.old.id: "old key" for rotation in rotations}
        keys |= {each.new.id: "successor" for each in rotations if each.new is not None}
        self._view.rotating(keys, len(rotations))

    def take(self, rotators: Iterable[Rotator]) -> None:
        """Keep rotations that were begun elsewhere in this program in sight."""
        for rotator in rotators:
            self._rotators[rotator.rotation.id] = rotator
        self._show_marks()

    def let_go(self) -> None:
        """Forget those that are over."""
        over = [key for key, each in self._rotators.items() if each.rotation.is_over]
        for rotation_id in over:
            del self._rotators[rotation_id]
        self._show_marks()

    def watched(self) -> list[Rotator]:
        """Those whose old key is being watched."""
        return [each for each in self._rotators.values() if each.rotation.step is Step.WATCH]

    def is_rotating(self, key_id: str) -> bool:
        """Whether a key is in a rotation, here or in another window."""
        return self.of(key_id) is not None or any(each.involves(key_id) for each in self._elsewhere)

    def of(self, key_id: str) -> Rotator | None:
        """The rotation that a key is in."""
        return next(
            (each for each in self._rotators.values() if each.rotation.involves(key_id)), None
        )

    # One rotation

    async def rotate(self, key: ApiKey) -> None:
        """Go on with the rotation that a key is in, or plan one."""
        self.load()
        rotator = self.of(key.id)
        if rotator is not None:
            await self._go_through(rotator, resumed=True)
            return
        rotator = await self._plan(key)
        if rotator is not None:
            self._rotators[rotator.rotation.id] = rotator
            self._show_marks()
            await self._go_through(rotator, resumed=False)

    async def _plan(self, key: ApiKey) -> Rotator | None:
        while True:
            is_own = key.id == self._view.account.authenticated_key_id
            wanted = await self._asks.rotation_plan(key, self._clock.now(), is_own=is_own)
            if wanted is None:
                return None
            target: Target | None = None
            if wanted.deliver:
                target = await self._hand_over.choose(wanted.new_name, (key.hint,))
                if target is None:
                    continue
            if wanted.mode is Mode.REVOKE_FIRST and not await self._asks.revoke(
                [key], self._clock.now()
            ):
                continue
            try:
                rotation = plan(
                    key,
                    mode=wanted.mode,
                    new_name=wanted.new_name,
                    target=target,
                    seen=self._view.seen(key),
                    account=self._view.account,
                    ports=self._ports,
                )
            except JournalError as error:
                await self._asks.report("Not rotated", literal(error.user_message), danger=True)
                return None
            return Rotator(rotation, self._view.account, self._ports)

    async def _go_through(self, rotator: Rotator, *, resumed: bool) -> None:
        """Have the rotation open until it is over, abandoned, or closed by the user."""
        screen = await self._asks.rotation(rotator.rotation.old.name)
        await self._until_done_with(rotator, screen, resumed=resumed)
        # Not where this was cancelled: then the screens are going away.
        self._show_marks()
        screen.shut()

    async def _until_done_with(
        self, rotator: Rotator, screen: OpenRotation, *, resumed: bool
    ) -> None:
        said: Content | None = resumed_at(rotator.rotation)
        if not resumed:
            said = await self._advance(rotator, screen)
        while True:
            self._paint(rotator, screen, said)
            wish = await self._next_wish(screen)
            if wish is None:
                if rotator.rotation.id in self._rotators:
                    rotator.observe(self._view.key_list)
            elif wish is not RotationWish.CLOSE:
                said = await self._grant(wish, rotator, screen) or said
            elif rotator.in_hand and rotator.rotation.id in self._rotators:
                said = sentence((IN_HAND, "$warning"))
            else:
                return

    async def _next_wish(self, screen: OpenRotation) -> RotationWish | None:
        try:
            async with asyncio.timeout(TICK_S):
                return await screen.wish()
        except TimeoutError:
            return None

    async def _grant(
        self, wish: RotationWish, rotator: Rotator, screen: OpenRotation
    ) -> Content | None:
        """Do what the user wants; what is to be said of it."""
        match wish:
            case RotationWish.GO_ON:
                return await self._advance(rotator, screen)
            case RotationWish.REVOKE_OLD:
                return await self._revoke_old(rotator, screen)
            case RotationWish.REPLACE:
                said = await self._replace(rotator, screen)
                return said or await self._advance(rotator, screen)
            case RotationWish.HAVE_IT:
                rotator.handed_over("Its owner has it.")
                return await self._advance(rotator, screen)
            case RotationWish.OTHER_TARGET:
                target = await self._hand_over.choose(
                    rotator.rotation.new_name, (rotator.rotation.old.hint,)
                )
                if target is None:
                    return None
                rotator.deliver_to(target)
                return await self._advance(rotator, screen)
            case RotationWish.SHOW:
                return await self._show(rotator, screen)
            case RotationWish.ABANDON:
                return await self._abandon(rotator, screen)
        return None

    async def _advance(self, rotator: Rotator, screen: OpenRotation) -> Content:
        """Step after step, until one needs the user."""
        while True:
            rotation = rotator.rotation
            if rotation.step is Step.DELIVER and rotation.target is None and rotator.in_hand:
                return await self._show(rotator, screen)
            self._paint(rotator, screen, literal(DOING[rotation.step]), busy=True)
            advanced = await rotator.advance(self._view.key_list)
            if rotation.step is Step.DELIVER and advanced.done and rotation.target is not None:
                self._session.last_target.remember(rotation.target, rotation.new_name)
            self._follow(rotator)
            if not advanced.done:
                return said_of(advanced)
            if rotator.rotation.step is Step.WATCH:
                # The verdict speaks from here on; what was done stands at the steps.
                return literal("")
            if rotator.rotation.is_over:
                self._rotators.pop(rotation.id, None)
                return sentence((f"✓ {ended(rotator.rotation)}", "bold $success"))
            if rotator.rotation.step is Step.REVOKE and rotation.mode is Mode.AT_ONCE:
                return await self._revoke_old(rotator, screen) or said_of(advanced)

    def _follow(self, rotator: Rotator) -> None:
        """Let the page follow what a step did."""
        rotation = rotator.rotation
        if rotator.account is not self._view.account:
            self._view.signed_in(rotator.account)
        if rotation.is_done(Step.REVOKE):
            self._view.drop([rotation.old.id])
        self._show_marks()
        self._view.look_again()

    async def _revoke_old(self, rotator: Rotator, screen: OpenRotation) -> Content | None:
        old = self._view.key_list.by_id.get(rotator.rotation.old.id)
        verdict = self.verdict(rotator)
        known = None
        if verdict is not None:
            known = Known(
                f"{verdict.headline}. {verdict.reason}", is_early=verdict.kind not in READY
            )
        if old is not None and not await self._asks.revoke([old], self._clock.now(), known=known):
            return None
        rotator.stop_watching(verdict.headline if verdict else "Gone from the list already.")
        return await self._advance(rotator, screen)

    async def _show(self, rotator: Rotator, screen: OpenRotation) -> Content:
        created, intent = rotator.created, rotator.intent
        if created is None or intent is None:
            return literal("Its secret is not in hand any more.")
        match await self._hand_over.show(created, intent, (rotator.rotation.old.hint,)):
            case HandedOver.REVOKED:
                rotator.discarded()
                return literal("Discarded and revoked. The old key works on.")
            case HandedOver.VERIFIED:
                rotator.handed_over("Shown, and pasted back.")
            case HandedOver.DELIVERED:
                rotator.handed_over("Shown, and delivered.")
        return await self._advance(rotator, screen)

    async def _replace(self, rotator: Rotator, screen: OpenRotation) -> Content | None:
        """Replace a lost successor; what went wrong, if it did."""
        self._paint(rotator, screen, literal("Revoking the lost successor…"), busy=True)
        replaced = await rotator.replace()
        self._follow(rotator)
        return None if replaced.done else said_of(replaced)

    async def _abandon(self, rotator: Rotator, screen: OpenRotation) -> Content | None:
        keep_both = await self._asks.abandon(rotator.rotation)
        if keep_both is None:
            return None
        self._paint(rotator, screen, literal("Abandoning…"), busy=True)
        abandoned = await rotator.abandon(keep_both=keep_both)
        if abandoned.done:
            self._rotators.pop(rotator.rotation.id, None)
            if not keep_both and rotator.rotation.new is not None:
                self._view.drop([rotator.rotation.new.id])
        self._follow(rotator)
        return said_of(abandoned)

    # What is shown

    def verdict(self, rotator: Rotator) -> Verdict | None:
        """Whether the old key can be revoked; None where that is no question yet, or any more."""
        listed = self._view.key_list
        rotation = rotator.rotation
        old = listed.by_id.get(rotation.old.id)
        new = listed.by_id.get(rotation.new.id) if rotation.new is not None else None
        if not rotation.stored or old is None or rotation.is_done(Step.REVOKE):
            return None
        return judge(rotation.watch, old, new, listed.fetched_at, resolution_s(listed.keys))

    def _paint(
        self,
        rotator: Rotator,
        screen: OpenRotation,
        said: Content | None,
        *,
        busy: bool = False,
    ) -> None:
        listed = self._view.key_list
        rotation = rotator.rotation
        screen.show(
            RotationView(
                rotation=rotation,
                old=listed.by_id.get(rotation.old.id),
                new=listed.by_id.get(rotation.new.id) if rotation.new is not None else None,
                verdict=self.verdict(rotator),
                said=said or literal(""),
                now=self._clock.now(),
                zone=zone(self._view.account.timezone),
                choices=() if busy else choices(rotator, is_open=rotation.id in self._rotators),
            )
        )
