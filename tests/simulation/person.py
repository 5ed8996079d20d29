"""A person at the program: does one thing after the other by a seed, and answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError, JournalError, PulsapiError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey
from pulsapi_tui.domain.ports import KeyPages
from pulsapi_tui.domain.rotation import Mode, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.create import Created, NotCreated, Orphaned, Unresolved, create_key
from pulsapi_tui.flows.deliver import deliver_key
from pulsapi_tui.flows.open_ends import open_ends, revoke_unowned, settle_keys
from pulsapi_tui.flows.revoke import RevokeOutcome, revoke_keys
from pulsapi_tui.flows.rotate import Rotator, plan
from tests.simulation.belongings import NAMES, VARIABLE, Belongings
from tests.simulation.ledger import Ledger, digest_of
from tests.simulation.life import Life
from tests.simulation.network import ORIGIN

KEYS_AT_MOST = 12
KEPT_BOTH = 0.02
"""The share of steps at which a rotation is ended with both keys."""


class Stage(Protocol):
    """The world, as a person needs it."""

    rng: random.Random
    ledger: Ledger

    def begin(self, operation: str) -> None:
        """An operation begins."""
        ...

    def end(self, what: str) -> None:
        """It is over; what came of it."""
        ...


class Person:
    """At one start of the program."""

    def __init__(self, stage: Stage, life: Life, has: Belongings) -> None:
        self._stage = stage
        self._rng = stage.rng
        self._ledger = stage.ledger
        self._life = life
        self._has = has
        self._shown: set[str] = set()
        self._rotators: dict[str, Rotator] = {}
        self._account: Account | None = None
        self._pages: KeyPages | None = None
        self._keys = KeyList((), life.clock.now())

    @property
    def in_hand(self) -> set[str]:
        """The secrets that the program has, as digests."""
        created = (each.created for each in self._rotators.values())
        return self._shown | {_digest(each.secret) for each in created if each is not None}

    @property
    def account(self) -> Account:
        """Who one is signed in as."""
        assert self._account is not None
        return self._account

    # A start, and what is done after it

    async def start(self) -> bool:
        """Sign in, read the list, and take up the rotations; False where that can't be had."""
        self._stage.begin("start")
        try:
            self._account = await self._life.service.account()
            await self._list()
            found = self._life.journal.open_rotations(ORIGIN, self.account.id)
        except PulsapiError as error:
            self._stage.end(type(error).__name__)
            return False
        assert found.elsewhere == (), "a program that was killed still holds its rotation"
        for rotation in found.here:
            self._rotators[rotation.id] = Rotator(rotation, self.account, self._life.ports)
        self._stage.end(f"{len(self._keys.keys)} keys, {len(self._rotators)} rotations")
        return True

    async def do_something(self) -> None:
        """One thing, by chance."""
        choices: dict[str, tuple[Callable[[], Awaitable[str]], int]] = {
            "create": (self.create, 5),
            "revoke": (self.revoke, 3),
            "list": (self.read_list, 3),
            "open ends": (self.go_through_open_ends, 4),
            "rotate": (self.rotate, 10),
            "try a key": (self.try_any, 4),
        }
        [name] = self._rng.choices(list(choices), [weight for _, weight in choices.values()])
        await self.do(name, choices[name][0])

    async def do(self, name: str, work: Callable[[], Awaitable[str]]) -> str:
        """One thing, counted and watched."""
        self._stage.begin(name)
        what = await work()
        self._stage.end(what)
        return what

    async def _list(self) -> None:
        self._pages = await self._life.service.list_keys(self._pages)
        self._keys = KeyList(self._pages.keys, self._life.clock.now())

    async def read_list(self) -> str:
        """Read the list again."""
        try:
            await self._list()
        except PulsapiError as error:
            return type(error).__name__
        return f"{len(self._keys.keys)} keys"

    # Create

    async def create(self) -> str:
        """Create a key, and take it away, have it delivered, or discard it."""
        if len(self._ledger.live) >= KEYS_AT_MOST:
            return await self.revoke()
        name = self._rng.choice([*NAMES, self._has.last_name, self._has.last_name])
        self._has.last_name = name
        outcome = await create_key(
            name,
            account=self.account,
            listed=self._keys,
            service=self._life.service,
            journal=self._life.journal,
            clock=self._life.clock,
        )
        match outcome:
            case Created(created, intent):
                return await self._take_over(created, intent)
            case Orphaned(_, orphan, intent):
                return f"lost {orphan.id}, {await self._resolve(intent, orphan)}"
            case NotCreated(error) | Unresolved(error):
                return f"{type(outcome).__name__}: {type(error).__name__}"

    async def _take_over(self, created: CreatedKey, intent: Intent) -> str:
        digest = _digest(created.secret)
        self._shown.add(digest)
        self._works(created)
        await asyncio.sleep(self._rng.uniform(0.0, 5.0))
        self._works(created)
        how = self._rng.random()
        if how < 0.25:
            outcome = await self._revoke_unowned(created.key, intent)
            if outcome.is_dead:
                self._shown.remove(digest)
                return f"discarded {created.key.id}"
        elif how < 0.5:
            target = self._target(self._has.file(f"drop-{created.key.id}"))
            try:
                await deliver_key(
                    created.secret,
                    intent,
                    target,
                    delivery=self._life.delivery,
                    journal=self._life.journal,
                )
            except DeliveryError as error:
                raise AssertionError(error.user_message) from None
            self._shown.remove(digest)
            self._has.closed.add(created.key.id)
            return f"delivered {created.key.id}"
        self._has.held[created.key.id] = digest
        self._forget(intent, created.key.id)
        self._shown.remove(digest)
        return f"shown {created.key.id}"

    def _works(self, created: CreatedKey) -> None:
        is_live = self._ledger.works(_digest(created.secret))
        self._ledger.holds("acknowledged-is-kept", is_live, f"{created.key.id} was just made")

    def _forget(self, intent: Intent, key_id: str) -> None:
        self._life.journal.remove(intent.request_id)
        self._has.closed.add(key_id)

    def _target(self, path: str) -> Target:
        return Target(way_id="env_file", values={"path": path, "variable": VARIABLE})

    # Revoke, and what nobody has

    async def revoke(self) -> str:
        """Revoke up to three keys."""
        busy = {key_id for each in self._rotators.values() for key_id in _ids(each)}
        served = set(self._has.files.values())
        free = [
            key
            for key in self._keys.keys
            if key.id not in busy
            and key.id != self.account.authenticated_key_id
            and key.id in self._has.closed
            and self._digest_of(key.id) not in served
        ]
        keys = self._rng.sample(free, min(len(free), self._rng.randint(1, 3)))
        self._ledger.asked.update(key.id for key in keys)
        outcomes = await revoke_keys(keys, account=self.account, service=self._life.service)
        self._claimed(outcomes)
        dead = [outcome.key for outcome in outcomes if outcome.is_dead]
        error = settle_keys(dead, self.account, ORIGIN, self._life.journal)
        assert error is None
        return ", ".join(f"{outcome.key.id} {outcome.state.value}" for outcome in outcomes)

    def _digest_of(self, key_id: str) -> str:
        key = self._ledger.live.get(key_id)
        return "" if key is None else key.digest

    def _claimed(self, outcomes: tuple[RevokeOutcome, ...]) -> None:
        for outcome in outcomes:
            if outcome.is_dead:
                self._dead(outcome.key.id)

    def _dead(self, key_id: str) -> None:
        is_dead = key_id in self._ledger.revoked
        self._ledger.holds("claimed-dead-is-dead", is_dead, key_id)

    async def go_through_open_ends(self) -> str:
        """Read the list, and answer the questions about keys without an owner."""
        try:
            await self._list()
            found = open_ends(
                self._keys, self.account, ORIGIN, self._life.journal, self._life.clock
            )
        except JournalError as error:
            raise AssertionError(error.user_message) from None
        except PulsapiError as error:
            return type(error).__name__
        answers = [f"{len(found.waiting)} waiting"]
        for intent, orphan in found.orphans:
            answers.append(f"{orphan.id} {await self._resolve(intent, orphan)}")
        return ", ".join(answers)

    async def _resolve(self, intent: Intent, orphan: ApiKey) -> str:
        self._ledger.holds(
            "stored-is-never-called-lost", orphan.id not in self._has.closed, orphan.id
        )
        if self._digest_of(orphan.id) in self._has.digests:
            self._forget(intent, orphan.id)
            return "had"
        if self._rng.random() < 0.3:
            return "left for later"
        outcome = await self._revoke_unowned(orphan, intent)
        return outcome.state.value

    async def _revoke_unowned(self, key: ApiKey, intent: Intent) -> RevokeOutcome:
        self._ledger.asked.add(key.id)
        outcome = await revoke_unowned(
            key,
            intent,
            account=self.account,
            service=self._life.service,
            journal=self._life.journal,
        )
        self._claimed((outcome,))
        return outcome

    # Keys in use

    async def try_any(self) -> str:
        """A call with any key that there ever was; the server's answer is judged by the ledger."""
        secret = Secret(self._rng.choice(self._ledger.secrets[-30:]))
        try:
            await self._life.service.services(secret)
        except PulsapiError as error:
            return type(error).__name__
        return "accepted"

    # Rotate

    async def rotate(self) -> str:
        """A step of a rotation, or a new one."""
        if not self._rotators or (len(self._rotators) < 3 and self._rng.random() < 0.3):
            return self._plan()
        return await self.step(self._rng.choice(sorted(self._rotators)))

    @property
    def rotations(self) -> list[str]:
        """Those that are under way."""
        return sorted(self._rotators)

    def _plan(self) -> str:
        path = self._rng.choice(sorted(self._has.files))
        wanted = self._has.files[path]
        old = next((key for key in self._keys.keys if self._digest_of(key.id) == wanted), None)
        if old is None or any(old.id in _ids(each) for each in self._rotators.values()):
            return "no key to rotate"
        is_own = old.id == self.account.authenticated_key_id
        mode = self._rng.choice(
            [each for each in Mode if not (is_own and each is Mode.REVOKE_FIRST)]
        )
        # Whoever has an env file knows what was in it.
        self._has.held[old.id] = wanted
        try:
            rotation = plan(
                old,
                mode=mode,
                new_name=old.name,
                target=self._target(path),
                seen=Seen((), self._life.clock.now()),
                account=self.account,
                ports=self._life.ports,
            )
        except JournalError as error:
            return type(error).__name__
        self._rotators[rotation.id] = Rotator(rotation, self.account, self._life.ports)
        return f"{mode.value} of {old.id}"

    async def step(self, rotation_id: str) -> str:
        """Press on, and answer what it asks."""
        rotator = self._rotators[rotation_id]
        before = rotator.rotation.step
        if before is Step.WATCH:
            rotator.observe(self._keys)
            rotator.stop_watching("Decided.")
        if rotator.rotation.stored and self._rng.random() < KEPT_BOTH:
            return await self._keep_both(rotator)
        if rotator.rotation.step is Step.REVOKE:
            self._ledger.asked.add(rotator.rotation.old.id)
        advanced = await rotator.advance(self._keys)
        # The key of the session may be another one now.
        self._account = rotator.account
        if advanced.done and rotator.rotation.is_over:
            self._over(rotator)
            return f"{before.value}, over"
        if not advanced.done and before is Step.DELIVER and rotator.created is None:
            return await self._replace(rotator)
        return f"{before.value}, {'done' if advanced.done else advanced.message}"

    def _over(self, rotator: Rotator) -> None:
        rotation = rotator.rotation
        assert rotation.new is not None
        assert rotation.target is not None
        self._dead(rotation.old.id)
        stored = self._has.files[rotation.target.values["path"]]
        self._ledger.holds(
            "a-working-key-in-each-place",
            self._digest_of(rotation.new.id) == stored,
            f"the rotation of {rotation.old.id} is over",
        )
        self._has.closed.add(rotation.new.id)
        del self._rotators[rotation.id]

    async def _keep_both(self, rotator: Rotator) -> str:
        abandoned = await rotator.abandon(keep_both=True)
        assert abandoned.done, abandoned.message
        self._has.closed.update(_ids(rotator))
        self._given_up(rotator)
        return "both are kept"

    def _given_up(self, rotator: Rotator) -> None:
        """Where its successor took its place, the old key is asked about."""
        del self._rotators[rotator.rotation.id]
        old_id = rotator.rotation.old.id
        intents = self._life.journal.open_intents(ORIGIN, self.account.id)
        if any((each.state, each.key_id) == ("replaced", old_id) for each in intents):
            self._has.closed.discard(old_id)

    async def _replace(self, rotator: Rotator) -> str:
        """The successor's secret is lost."""
        new = rotator.rotation.new
        assert new is not None
        self._ledger.holds("stored-is-never-called-lost", new.id not in self._has.closed, new.id)
        self._ledger.asked.add(new.id)
        if self._rng.random() < 0.3 and not rotator.rotation.old_may_be_dead:
            advanced = await rotator.abandon(keep_both=False)
            if advanced.done:
                self._given_up(rotator)
        else:
            advanced = await rotator.replace()
        if advanced.done:
            self._dead(new.id)
        return f"lost {new.id}, {'taken back' if advanced.done else advanced.message}"


def _digest(secret: Secret) -> str:
    return digest_of(secret.reveal())


def _ids(rotator: Rotator) -> set[str]:
    new = rotator.rotation.new
    return {rotator.rotation.old.id} | (set() if new is None else {new.id})
