"""What `R` does to one key: plan its rotation, go through the steps, and act on what is wished.

The turn of the Keys screen is held while a rotation is open. One that is closed goes on being
watched with every list that is read.
"""

from __future__ import annotations

import asyncio

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import Session
from pulsapi_tui.domain.rotation import Mode, Step
from pulsapi_tui.domain.times import zone
from pulsapi_tui.flows.abandon import old_is
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.flows.rotation_verdict import READY, why_revoked
from pulsapi_tui.ui.asks import Asks, Known, OpenRotation, RotationView, RotationWish
from pulsapi_tui.ui.hand_over import HandedOver, HandOver
from pulsapi_tui.ui.literal import literal, sentence
from pulsapi_tui.ui.rotation_words import DOING, IN_HAND, choices, ended, resumed_at, said_of
from pulsapi_tui.ui.rotations import Rotations, RotationsView

TICK_S = 1.0
"""Between two looks at both keys while a rotation is open."""


class RotateOne:
    """The rotation that is open."""

    def __init__(
        self,
        session: Session,
        ports: Ports,
        asks: Asks,
        hand_over: HandOver,
        rotations: Rotations,
        view: RotationsView,
    ) -> None:
        self._session = session
        self._clock = ports.clock
        self._ports = ports
        self._asks = asks
        self._hand_over = hand_over
        self._rotations = rotations
        self._view = view

    async def rotate(self, key: ApiKey) -> None:
        """Go on with the rotation that a key is in, or plan one."""
        self._rotations.load()
        rotator = self._rotations.of(key.id)
        if rotator is not None:
            await self._go_through(rotator, resumed=True)
            return
        rotator = await self._plan(key)
        if rotator is not None:
            self._rotations.take([rotator])
            await self._go_through(rotator, resumed=False)

    async def _plan(self, key: ApiKey) -> Rotator | None:
        while True:
            is_own = key.id == self._view.account.authenticated_key_id
            wanted = await self._asks.rotation_plan(key, self._clock.now(), is_own=is_own)
            if wanted is None:
                return None
            target: Target | None = None
            if wanted.deliver:
                target = await self._hand_over.choose(wanted.new_name, (key.hint,), is_own=is_own)
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
        self._rotations.show_marks()
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
                if self._rotations.is_open(rotator):
                    rotator.observe(self._view.key_list)
            elif wish is not RotationWish.CLOSE:
                granted = await self._grant(wish, rotator, screen)
                said = said if granted is None else granted
            elif rotator.in_hand and self._rotations.is_open(rotator):
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
                await rotator.deliver_to(target)
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
                self._rotations.end(rotator)
                if rotator.rotation.new is not None:
                    self._view.look_again(rotator.rotation.new.id)
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
        self._rotations.show_marks()
        self._view.look_again()

    async def _revoke_old(self, rotator: Rotator, screen: OpenRotation) -> Content | None:
        old = self._view.key_list.by_id.get(rotator.rotation.old.id)
        verdict = self._rotations.verdict(rotator)
        known = None
        if verdict is not None:
            known = Known(
                f"{verdict.headline}. {verdict.reason}", is_early=verdict.kind not in READY
            )
        if old is not None and not await self._asks.revoke([old], self._clock.now(), known=known):
            return None
        rotator.stop_watching(why_revoked(verdict))
        return await self._advance(rotator, screen)

    async def _show(self, rotator: Rotator, screen: OpenRotation) -> Content:
        created, intent = rotator.created, rotator.intent
        if created is None or intent is None:
            return literal("Its secret is not in hand any more.")
        # Where the old key stands, it is named: an end before its revoke would leave it nowhere.
        match await self._hand_over.show(created, intent):
            case HandedOver.REVOKED:
                rotator.discarded()
                return literal(f"Discarded and revoked. {old_is(rotator.rotation)}")
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
        if rotator.may_still_come:
            self._paint(rotator, screen, literal("Looking for the successor…"), busy=True)
        unknown = await rotator.look_for_successor()
        if unknown is not None:
            return said_of(unknown)
        keep_both = await self._asks.abandon(
            rotator.rotation, may_still_come=rotator.may_still_come
        )
        if keep_both is None:
            return None
        self._paint(rotator, screen, literal("Abandoning…"), busy=True)
        new = rotator.rotation.new
        abandoned = await rotator.abandon(keep_both=keep_both)
        if abandoned.done:
            self._rotations.end(rotator)
            if not keep_both and new is not None:
                self._view.drop([new.id])
        self._follow(rotator)
        return said_of(abandoned)

    # What is shown

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
        is_open = self._rotations.is_open(rotator)
        screen.show(
            RotationView(
                rotation=rotation,
                old=listed.by_id.get(rotation.old.id),
                new=listed.by_id.get(rotation.new.id) if rotation.new is not None else None,
                verdict=self._rotations.verdict(rotator) if is_open else None,
                said=said or literal(""),
                now=self._clock.now(),
                zone=zone(self._view.account.timezone),
                choices=() if busy else choices(rotator, is_open=is_open),
            )
        )
