"""One world: a server, a network, a person and many starts of a program, from one seed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter, deque
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.server.store import Store
from tests.server.support import TestKey, add_account
from tests.simulation.belongings import Belongings
from tests.simulation.ledger import Ledger
from tests.simulation.life import Life, Thread
from tests.simulation.loop import StuckError, VirtualClock, VirtualLoop, seeded
from tests.simulation.network import LATEST_S, Network
from tests.simulation.person import Person
from tests.simulation.server import Answered, Server

LONGEST_S = 300.0
"""No operation takes longer: three tries of several requests of 10 s, and the waits between."""

PLACES = ("session", "web", "worker")
TROUBLES = (0.0, 0.05, 0.15, 0.4)
SETTLED_S = 601.0
LAST_STEPS = 80


class BrokenError(AssertionError):
    """An invariant does not hold."""


class Figures(NamedTuple):
    """What happened in a world."""

    operations: int
    kills: int
    faults: Counter[str]
    checked: Counter[str]
    trace: str
    """The digest of all that happened, in its order."""


class World:
    """One of them; `run` it once. `told` is how much of its end a failure tells; None: all."""

    def __init__(self, folder: Path, seed: str, operations: int, told: int | None = 40) -> None:
        self._seed = seed
        self._wanted = operations
        self.rng = random.Random(seed)  # noqa: S311  # a simulation
        self._folder = folder
        self._loop = VirtualLoop()
        self._clock = VirtualClock(self._loop)
        database = folder / "server.sqlite"
        self.ledger = Ledger(database, self._broke)
        self._network = Network(self.rng, self._tell)
        self._repeatable = self._network.repeats_creates = self.rng.random() < 0.75
        self._server = Server(
            database,
            self._network,
            self._clock,
            self.rng,
            self._heard,
            is_idempotent=self._repeatable,
        )
        self._has = Belongings(folder)
        self._operations = self._kills = 0
        self._began_s: float | None = None
        self._kill_at: int | None = None
        self._life: Life | None = None
        self._person: Person | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_calm = False
        self._trace = hashlib.sha256()
        self._last: deque[str] = deque(maxlen=told)
        self._broken: list[str] = []
        self._journal_seen = b""
        self._journal: dict[str, Any] = {"intents": [], "rotations": []}

    def run(self) -> Figures:
        """Live through it. Raises `BrokenError`, with the last that happened."""
        self._loop.connect = self._network.connect
        self._loop.on_turn = self._turn
        try:
            with (
                seeded(self._loop, self.rng),
                asyncio.Runner(loop_factory=lambda: self._loop) as it,
            ):
                try:
                    it.run(self._live())
                except StuckError as error:
                    self._broken.append(str(error))
        finally:
            self.ledger.close()
            self._network.close()
        self._raise()
        faults = self._network.faults + self._server.counts
        return Figures(
            self._operations, self._kills, faults, self.ledger.checked, self._trace.hexdigest()
        )

    # The course of things

    async def _live(self) -> None:
        self._populate()
        self._server.start()
        while self._operations < self._wanted and not self._broken:
            self._network.trouble = self.rng.choice(TROUBLES)
            self._server.failing = self._network.trouble / 20
            await self._be(self._use)
        self._is_calm = True
        self._network.trouble = self._server.failing = 0.0
        await asyncio.sleep(LATEST_S + 60)
        if self._server.store is None:
            self._server.start()
        if not self._broken:
            await self._be(self._settle)
        self._server.kill()

    def _populate(self) -> None:
        path = self._folder / "server.sqlite"
        store = Store(path, self._clock.epoch_s)
        keys: list[TestKey] = add_account(store, "acc", keys=len(PLACES))
        store.close()
        for place, key in zip(PLACES, keys, strict=True):
            self._has.put(self._has.file(place), key.secret.strip())
            self._has.closed.add(key.id)
        self.ledger.begin([key.secret.strip() for key in keys])

    async def _be(self, course: Any) -> None:
        """One start of the program, until it is left or killed."""
        self._began_s = self._kill_at = None
        thread = Thread(self.rng, self._kill, self._look)
        thread.may_break = not self._is_calm
        credential = Secret(self._has.read(self._has.file("session")))
        self._life = Life(
            self._folder,
            credential,
            self._clock,
            self.rng,
            thread,
            self._has.written,
            repeatable=self._repeatable,
        )
        self._person = Person(self, self._life, self._has)
        self._task = asyncio.create_task(course(self._person))
        await asyncio.wait([self._task])
        if not thread.is_cut:
            self._life.journal.close()
            await self._life.service.aclose()
            error = self._task.exception()
            if error is not None:
                self._broke("no-uncaught-error", f"{type(error).__name__}: {error}")
                raise error
        elif not self._task.cancelled():
            self._task.exception()
        self._person = self._life = self._task = None
        self._look()

    async def _use(self, person: Person) -> None:
        if not await person.start():
            await asyncio.sleep(self.rng.uniform(0.0, 60.0))
            return
        for _ in range(self.rng.randint(3, 40)):
            if self._broken:
                return
            await person.do_something()
            await asyncio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        kind = self.rng.random()
        if kind < 0.6:
            return self.rng.uniform(0.0, 1.0)
        return self.rng.uniform(1.0, 20.0) if kind < 0.97 else self.rng.uniform(60.0, 700.0)

    async def _settle(self, person: Person) -> None:
        """The line is good: what is open comes to its end."""
        assert await person.start(), "no start on a good line"
        for _ in range(LAST_STEPS):
            for rotation_id in person.rotations:
                await person.do("rotate", partial(person.step, rotation_id))
            await person.do("open ends", person.go_through_open_ends)
            self._look()
            if not self._journal["intents"] and not self._journal["rotations"]:
                break
            await asyncio.sleep(SETTLED_S / 10)
        self.ledger.holds("all-is-settled", not self._journal["intents"], "creates are open")
        self.ledger.holds("all-is-settled", not self._journal["rotations"], "rotations are open")
        known = self._has.digests
        unknown = [id_ for id_, key in self.ledger.live.items() if key.digest not in known]
        self.ledger.holds("all-is-settled", not unknown, f"{unknown} live, and nobody has them")
        self.ledger.check_secrets(self._journal_seen, all_of_them=True)

    # What the person and the program tell

    def begin(self, operation: str) -> None:
        """An operation begins; now it is known whether, and when, it is cut."""
        self._operations += 1
        self._began_s = self._loop.time()
        self._tell(f"{self._operations} {operation}")
        if self._is_calm:
            return
        if self.rng.random() < 0.08:
            self._kill_at = self._loop.turns + int(10 ** self.rng.uniform(0.0, 2.4))
        if self.rng.random() < 0.03:
            self._loop.call_later(self.rng.uniform(0.0, 2.0), self._restart_server)

    def end(self, what: str) -> None:
        """It is over."""
        self._tell(what)
        self._began_s = None
        self._look()
        self.ledger.checked["every-operation-ends"] += 1

    def _restart_server(self) -> None:
        if self._server.store is None or self._is_calm:
            return
        self._tell("the server is killed")
        self._server.kill()
        self._loop.call_later(10 ** self.rng.uniform(-2, 1.5), self._start_server)

    def _start_server(self) -> None:
        if self._server.store is None:
            self._tell("the server starts")
            self._server.start()
            self.ledger.look()

    def _turn(self) -> None:
        if self._kill_at is not None and self._loop.turns >= self._kill_at:
            self._kill()
        elif self._began_s is not None and self._loop.time() - self._began_s > LONGEST_S:
            self._broke("every-operation-ends", f"not after {LONGEST_S:.0f} s")
            self._kill()

    def _kill(self) -> None:
        """End the program here and now."""
        self._kill_at = self._began_s = None
        if self._life is None or self._task is None or self._life.thread.is_cut:
            return
        if self._task.done():
            return
        self._kills += 1
        self._tell("the program is killed")
        self._life.die()
        self._person = None
        self._network.drop_clients()
        self._task.cancel()
        self._look()

    def _heard(self, answer: Answered) -> None:
        self._tell(f"{answer.method} {answer.path} {answer.status}")
        self.ledger.heard(answer)
        if answer.method != "GET":
            self._look()

    def _look(self) -> None:
        """Look at what people and the journal know, and at what stands in each place."""
        path = self._folder / "state" / "journal.json"
        raw = path.read_bytes() if path.exists() else b""
        if raw != self._journal_seen:
            self._journal_seen = raw
            self._journal = msgspec.json.decode(raw)
            self.ledger.check_secrets(raw)
        in_hand = set() if self._person is None else self._person.in_hand
        self.ledger.check_known(self._has.digests | in_hand, self._journal)
        self.ledger.check_places(self._has.files, self._journal)

    # The trace

    def _tell(self, line: str) -> None:
        text = f"{self._loop.time():.6f} {line}"
        self._trace.update(text.encode())
        self._last.append(text)

    def _broke(self, invariant: str, detail: str) -> None:
        self._broken.append(f"{invariant}: {detail}\n" + "\n".join(self._last))

    def _raise(self) -> None:
        if self._broken:
            again = f"python -m tests.simulation {self._seed} {self._wanted}"
            raise BrokenError(f"{self._broken[0]}\nAgain: {again}")
