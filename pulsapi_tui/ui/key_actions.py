"""What a command of the Keys screen does: ask, call the flow, report.

Straight-line coroutines, run by workers of the Keys screen and never owned by a modal, so that a
dialog that closes can't cancel a request that was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.permissions import NOTHING_CHANGES
from pulsapi_tui.domain.ports import Clock, Delivery, Session
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.create import (
    Created,
    NotCreated,
    Orphaned,
    Unresolved,
    create_key,
)
from pulsapi_tui.flows.deliver import what_is_replaced
from pulsapi_tui.flows.record import Recorder
from pulsapi_tui.flows.revoke import RevokeOutcome, RevokeState, revoke_keys, why_not
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.ui.asks import Asks, OrphanChoice
from pulsapi_tui.ui.commands import press
from pulsapi_tui.ui.hand_over import HandedOver, HandOver
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.many_rotations import ManyRotations
from pulsapi_tui.ui.orphans import Orphans, OrphansView
from pulsapi_tui.ui.rotate_one import RotateOne
from pulsapi_tui.ui.rotations import Rotations, RotationsView

LIST_LAG = timedelta(seconds=3)
"""A list read this long after a create was asked for after it, too."""


class KeysView(OrphansView, RotationsView, Protocol):
    """What the actions need of the screen."""

    def doing(self, text: str) -> None:
        """Show what is under way, or nothing."""
        ...


class KeyActions:
    """The actions of one session. One at a time."""

    def __init__(
        self, session: Session, clock: Clock, asks: Asks, delivery: Delivery, view: KeysView
    ) -> None:
        self._session = session
        self._clock = clock
        self._asks = asks
        self._view = view
        self._recorder = Recorder(session, clock, lambda: view.account, self._say_unwritable)
        self._hand_over = HandOver(
            session, delivery, asks, self._discard, self._recorder, self._replaced
        )
        ports = Ports(session.service, session.journal, delivery, clock, self._recorder.rotated)
        self.rotations = Rotations(session, ports, view)
        self._one = RotateOne(session, ports, asks, self._hand_over, self.rotations, view)
        self._many = ManyRotations(ports, asks, self.rotations, view, self._replaced)
        self._turn = asyncio.Lock()
        self._orphans = Orphans(session, clock, asks, self._revoke_orphan, view, self._recorder)
        self.under_way: str | None = None
        """What would be lost sight of by quitting now, as a sentence."""

    @property
    def busy(self) -> bool:
        """Whether an action is going on."""
        return self._turn.locked()

    @property
    def in_hand(self) -> str | None:
        """The key that is not known to be stored, for a sentence."""
        return self._hand_over.in_hand or self.rotations.in_hand

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that are here, stored or not."""
        shown = self._hand_over.secret
        return [*self.rotations.secrets, *(() if shown is None else (shown,))]

    # Create

    async def create(self) -> None:
        """Ask for a name, create, and hand the key over."""
        async with self._turn:
            draft = ""
            while True:
                wanted = await self._asks.new_key(self._view.key_list.names, draft)
                if wanted is None:
                    return
                draft = wanted.name
                target = None
                if wanted.deliver:
                    target = await self._hand_over.choose(wanted.name)
                    if target is None:
                        continue
                if await self._create(wanted.name, target):
                    return

    async def _create(self, name: str, target: Target | None) -> bool:
        """Create a key of that name; False asks for the name again."""
        with self._under_way(f"creating “{name}”"):
            outcome = await create_key(
                name,
                account=self._view.account,
                listed=self._view.key_list,
                service=self._session.service,
                journal=self._session.journal,
                clock=self._clock,
            )
        self._recorder.created(name, outcome)
        match outcome:
            case Created(created, intent):
                self._view.look_again(created.key.id)
                await self._hand(created, intent, target)
                return True
            case NotCreated(error):
                await self._asks.report(
                    "Not created", literal(f"No key was made. {error.user_message}"), danger=True
                )
                return False
            case Orphaned(error, orphan, intent):
                self._view.look_again(orphan.id)
                why = (
                    f"{error.user_message} The key was made all the same, and its answer, with "
                    "the secret in it, is lost."
                )
                return await self._orphans.resolve(intent, orphan, why) is not OrphanChoice.REVOKE
            case Unresolved(error, _):
                self._view.look_again()
                await self._asks.report("Not known", _unresolved(name, error), danger=True)
                return True

    async def _hand(self, created: CreatedKey, intent: Intent, target: Target | None) -> None:
        """Deliver the key, or show it; it is in hand until it is stored or revoked."""
        name = created.key.name
        self._orphans.own.add(intent.request_id)
        began_at = self._clock.now()
        with self._under_way(f"handing over “{name}”"):
            if target is None:
                handed_over = await self._hand_over.show(created, intent)
            else:
                handed_over = await self._hand_over.deliver_unseen(created, intent, target)
        if handed_over is not HandedOver.DELIVERED:
            self._orphans.forget(intent)
        if handed_over is HandedOver.REVOKED:
            self._view.say(f"Discarded and revoked “{name}”.")
            return
        listed = self._view.key_list
        if created.key.id not in listed.by_id and listed.fetched_at - began_at > LIST_LAG:
            self._view.say(
                f"The key of “{name}” is stored, but it is not listed any more: "
                "it was revoked elsewhere.",
                "error",
            )
        elif handed_over is HandedOver.VERIFIED:
            self._view.say(f"Verified: what you pasted is the key of “{name}”.")

    def _replaced(self, held: Secret) -> str:
        own = self._view.account.authenticated_key_id
        return what_is_replaced(held, self._view.key_list.keys, own)

    async def _discard(self, key: ApiKey) -> RevokeOutcome:
        [outcome] = await self._revoke([key], "Discarded before it was stored.")
        return outcome

    async def _revoke_orphan(self, key: ApiKey) -> RevokeOutcome:
        [outcome] = await self._revoke([key], "It had no owner.")
        return outcome

    def _say_unwritable(self) -> None:
        self._view.say(
            "The log of actions can't be written, so what is done now is not in it. "
            "All else works as ever.",
            "warning",
        )

    # Orphans

    async def review(self, *, may_ask: bool = True) -> None:
        """Hold the journal against the fresh list, unless an action is going on.

        Unless it `may_ask`, nothing is asked of the user, who is at something else.
        """
        self.rotations.observe()
        if may_ask and not self._turn.locked():
            async with self._turn:
                self.rotations.load()
                await self._orphans.review(self.rotations.every)

    async def decide_about_orphans(self) -> None:
        """Ask again about the keys without an owner that were put off; say so if there is none."""
        async with self._turn:
            self.rotations.load()
            self._orphans.ask_again()
            all_owned = await self._orphans.review(self.rotations.every)
        if lost := self.rotations.without_secret:
            self._view.say(
                f"Nobody is known to have {', '.join(lost)}. To go on with the rotation, "
                f"{press('keys.rotate')} on it.",
                "warning",
            )
        elif all_owned:
            self._view.say("Every key has an owner, as far as this program knows.")
        elif self._session.profile.read_only:
            self._view.say(NOTHING_CHANGES, "warning")

    # Rotate

    async def rotate(self, keys: Sequence[ApiKey]) -> None:
        """Rotate one key, or several by one plan."""
        async with self._turn:
            with self._under_way("rotating"):
                if len(keys) == 1:
                    await self._one.rotate(keys[0])
                else:
                    await self._many.rotate(keys)
            # One that was abandoned may have left a key without an owner.
            await self._orphans.review(self.rotations.every)

    async def finish_rotations(self) -> None:
        """Revoke the old keys of all rotations that look safe."""
        async with self._turn:
            with self._under_way("rotations are being finished"):
                await self._many.finish_ready()

    # Revoke

    async def revoke(self, keys: Sequence[ApiKey], *, clean_up: bool = False) -> None:
        """Ask, revoke each, report what the server confirmed.

        `clean_up` where the program chose the keys.
        """
        async with self._turn:
            refusals = [reason for key in keys if (reason := self._why_not(key))]
            if refusals:
                others = " Unmark it to revoke the others." if len(keys) > 1 else ""
                await self._asks.report("Not from here", literal(refusals[0] + others))
                return
            hidden = self._view.hidden_by_filter(keys)
            if not await self._asks.revoke(
                keys, self._clock.now(), clean_up=clean_up, hidden=hidden
            ):
                return
            outcomes = await self._revoke(keys)
            if len(outcomes) == 1 and outcomes[0].state is RevokeState.REVOKED:
                self._view.say(f"Revoked “{keys[0].name}”: it answers 401 from now on.")
                return
            await self._asks.report(
                _summary(outcomes), _results(outcomes), danger=not all(o.is_dead for o in outcomes)
            )

    def _why_not(self, key: ApiKey) -> str | None:
        if self.rotations.is_rotating(key.id):
            return (
                f"“{key.name}” is being rotated. To go on, or to abandon that, "
                f"{press('keys.rotate')} on it."
            )
        return why_not(key, self._view.account)

    async def _revoke(self, keys: Sequence[ApiKey], why: str = "") -> tuple[RevokeOutcome, ...]:
        done = 0
        noted: set[str] = set()

        def progress(outcome: RevokeOutcome) -> None:
            nonlocal done
            done += 1
            # What is certain is written down at once; the rest when the list was read again.
            if outcome.state is not RevokeState.UNKNOWN:
                noted.add(outcome.key.id)
                self._recorder.revoked(outcome, why)
            if len(keys) > 1:
                self._view.doing(f"Revoking {len(keys)} keys: {done} answered")

        what = f"“{keys[0].name}”" if len(keys) == 1 else f"{len(keys)} keys"
        with self._under_way(f"revoking {what}"):
            outcomes = await revoke_keys(
                keys,
                account=self._view.account,
                service=self._session.service,
                progress=progress,
            )
        for outcome in outcomes:
            if outcome.key.id not in noted:
                self._recorder.revoked(outcome, why)
        dead = [outcome.key for outcome in outcomes if outcome.is_dead]
        self._view.drop({key.id for key in dead})
        self._orphans.settle(dead)
        self._view.look_again()
        return outcomes

    @contextmanager
    def _under_way(self, what: str) -> Iterator[None]:
        before, self.under_way = self.under_way, what
        self._view.doing(f"{what[0].upper()}{what[1:]}…")
        try:
            yield
        finally:
            self.under_way = before
        # Not where it was cancelled: then the screen is going away.
        self._view.doing("")


def _unresolved(name: str, error: PulsapiError) -> Content:
    return sentence(
        error.user_message,
        " The list does not show a key ",
        (f"“{name}”", "bold"),
        ", or could not be read, so it is not known whether one was made. It is written down: "
        "this program looks again whenever the list is read, now and at its next start, names "
        "the key if it turns up, and offers to revoke it.",
    )


def _summary(outcomes: Sequence[RevokeOutcome]) -> str:
    dead = sum(outcome.is_dead for outcome in outcomes)
    return f"Revoked {dead} of {len(outcomes)}"


_GLYPHS = {
    RevokeState.REVOKED: ("✓", "$success"),
    RevokeState.GONE: ("✓", "$success"),
    RevokeState.NOT_REVOKED: ("✗", "$error"),
    RevokeState.UNKNOWN: ("?", "$warning"),
}


def _results(outcomes: Sequence[RevokeOutcome]) -> Content:
    parts: list[str | tuple[str, str]] = []
    for outcome in outcomes:
        glyph, style = _GLYPHS[outcome.state]
        parts += ["\n" if parts else "", (f"{glyph} ", style), (outcome.key.name, "bold")]
        parts += [(f"  …{outcome.key.hint}", MUTED), f"  {outcome.state.value}. {outcome.reason}"]
    return sentence(*parts)
