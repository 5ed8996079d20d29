"""From created to stored: show the key, bring it to where it belongs, and let go only then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum

from textual.content import Content

from pulsapi_tui.domain.delivery import PROFILE_WAY, Delivered, Target
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.ports import Delivery, Session
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.deliver import check_profile_target, deliver_key, try_key
from pulsapi_tui.flows.record import Recorder, Subject
from pulsapi_tui.flows.revoke import RevokeOutcome
from pulsapi_tui.ui.asks import Asks, OpenReveal, Wish
from pulsapi_tui.ui.literal import MUTED, literal, sentence


class HandedOver(Enum):
    """How a key left this program."""

    DELIVERED = "delivered"
    VERIFIED = "verified"
    """Pasted back."""
    REVOKED = "revoked"
    """Discarded by the user, and dead."""


Revoke = Callable[[ApiKey], Awaitable[RevokeOutcome]]


class HandOver:
    """The hand-over of one key at a time, in one session."""

    def __init__(
        self,
        session: Session,
        delivery: Delivery,
        asks: Asks,
        revoke: Revoke,
        recorder: Recorder,
        replaced: Callable[[Secret], str],
    ) -> None:
        """`replaced` says what a delivery to where a key stands takes away."""
        self._session = session
        self._replaced = replaced
        self._delivery = delivery
        self._asks = asks
        self._revoke = revoke
        self._recorder = recorder
        self.in_hand: str | None = None
        """The key that is in hand and not known to be stored, for a sentence."""
        self.secret: Secret | None = None
        """The secret that is here, stored or not."""

    # Where it goes

    async def choose(
        self, key_name: str, replaces: Collection[str] = (), *, is_own: bool = False
    ) -> Target | None:
        """Ask for a target, and whether what speaks against it matters.

        `replaces` are the hints of keys that may stand there already, and may be replaced. `is_own`
        where this program is to sign in with the key.
        """
        target = self._session.last_target.last(key_name)
        if is_own and self._session.profile.source.is_ours:
            target = Target(way_id=PROFILE_WAY, values={"profile": self._session.profile.name})
        correct = False
        while True:
            target = await self._asks.target(key_name, target, correct=correct)
            if target is None or await self._agreed(target, replaces):
                return target
            correct = True

    async def _agreed(self, target: Target, replaces: Collection[str]) -> bool:
        try:
            check_profile_target(target, self._session.profile)
            concerns = await self._delivery.concerns(target)
            held = await self._delivery.held(target)
        except DeliveryError as error:
            await self._asks.report("Can't go there", _failure(error), danger=True)
            return False
        if held is not None and not any(map(held.ends_in, replaces)):
            concerns = (*concerns, self._replaced(held))
        if not concerns:
            return True
        body = sentence(
            self._delivery.preview(target).text,
            *(part for concern in concerns for part in ("\n\n", (f"! {concern}", "$warning"))),
        )
        return await self._asks.confirm("Deliver there?", body, confirm="Deliver all the same")

    # The two ways of a new key

    async def deliver_unseen(
        self, created: CreatedKey, intent: Intent, target: Target
    ) -> HandedOver:
        """Deliver a key without ever showing it; where that fails, show it."""
        with self._holding(created):
            try:
                delivered = await self._deliver(created, intent, target)
            except DeliveryError as error:
                return await self._show(created, intent, _failure(error))
        name = (created.key.name, "bold")
        body = sentence(name, "\n", *_success(delivered))
        await self._asks.report("Delivered", body, unasked=True)
        return HandedOver.DELIVERED

    async def show(
        self, created: CreatedKey, intent: Intent, replaces: Collection[str] = ()
    ) -> HandedOver:
        """Show a key until it is stored, or revoked; see `choose` for `replaces`."""
        with self._holding(created):
            return await self._show(created, intent, None, replaces)

    async def _show(
        self,
        created: CreatedKey,
        intent: Intent,
        note: Content | None,
        replaces: Collection[str] = (),
    ) -> HandedOver:
        reveal = await self._asks.reveal(created, self._session.service.origin, note)
        while True:
            match await reveal.wish():
                case Wish.DELIVER:
                    await self._deliver_shown(reveal, created, intent, replaces)
                case Wish.TRY:
                    tried = await try_key(created.secret, self._session.service)
                    self._recorder.tried(created.key, tried, created.secret)
                    glyph, style = ("✓", "$success") if tried.works else ("✗", "$error")
                    reveal.tell(sentence((f"{glyph} {tried.message}", style)))
                case Wish.DISCARD:
                    outcome = await self._revoke(created.key)
                    if outcome.is_dead:
                        reveal.shut()
                        return HandedOver.REVOKED
                    reveal.tell(
                        sentence((f"✗ It could not be revoked: {outcome.reason}", "$error"))
                    )
                case Wish.VERIFIED:
                    self._recorder.note("prove", Subject.of(created.key), "pasted back")
                    reveal.shut()
                    return HandedOver.VERIFIED
                case Wish.DONE:
                    reveal.shut()
                    return HandedOver.DELIVERED

    async def _deliver_shown(
        self,
        reveal: OpenReveal,
        created: CreatedKey,
        intent: Intent,
        replaces: Collection[str],
    ) -> None:
        target = await self.choose(created.key.name, (created.key.hint, *replaces))
        if target is None:
            reveal.tell(literal(""))
            return
        try:
            delivered = await self._deliver(created, intent, target)
        except DeliveryError as error:
            reveal.tell(_failure(error))
            return
        self.in_hand = None
        reveal.tell(sentence(*_success(delivered)), stored=True)

    async def _deliver(self, created: CreatedKey, intent: Intent, target: Target) -> Delivered:
        subject, secret = Subject.of(created.key), created.secret
        try:
            delivered = await deliver_key(
                secret,
                intent,
                target,
                delivery=self._delivery,
                journal=self._session.journal,
            )
        except DeliveryError as error:
            detail = f"{error.user_message} ({self._delivery.preview(target).text})"
            self._recorder.note("deliver", subject, "failed", detail, secret)
            raise
        self._recorder.note("deliver", subject, "delivered", f"To {delivered.where}.", secret)
        self._session.last_target.remember(target, created.key.name)
        return delivered

    @contextmanager
    def _holding(self, created: CreatedKey) -> Iterator[None]:
        self.in_hand = f"“{created.key.name}” (…{created.key.hint})"
        self.secret = created.secret
        yield
        # Not where it ended otherwise: then the key is still in hand, and has to be named.
        self.in_hand = self.secret = None


def _success(delivered: Delivered) -> tuple[str | tuple[str, str], ...]:
    said = (("\n" + delivered.output, MUTED),) if delivered.output else ()
    return ((f"✓ {delivered.message}", "$success"), *said)


def _failure(error: DeliveryError) -> Content:
    said = (("\n" + error.output, MUTED),) if error.output else ()
    return sentence((f"✗ {error.user_message}", "$error"), *said)
