"""The clock of this machine jumps, both ways, by seconds and by years: that makes nothing safe.

A create whose answer was lost is looked for all the same, a key in use is neither quiet nor idle,
and no wait or age is negative. The server, the client and the journal are real.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import AnswerLostError
from pulsapi_tui.domain.health import Judge
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, CreatedKey
from pulsapi_tui.domain.ports import KeyService
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.rotation import KeyRef, Rotation
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.times import ago, span
from pulsapi_tui.domain.typed import word_to_type
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.flows.create import Unresolved, create_key
from pulsapi_tui.flows.guarded import GuardedService
from pulsapi_tui.flows.open_ends import OpenEnds, open_ends
from pulsapi_tui.flows.rotation_verdict import READY, verdict_of
from pulsapi_tui.server.store import Store
from pulsapi_tui.wiring import clock as clock_module
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.sessions import open_service
from tests.server.support import Running, TestKey, add_account, running
from tests.unit.test_journal_rotations import make_rotation

JUMPS = tuple(
    sign * size
    for size in (
        timedelta(seconds=1),
        timedelta(minutes=11),
        timedelta(hours=37),
        timedelta(days=40),
        timedelta(days=3_653),
    )
    for sign in (1, -1)
)
NAME = "Late one"


@dataclass
class Figures:
    """What was seen, and what was wrong."""

    jumps: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.jumps} jumps of the clock (1 s to 10 years, both ways, also over a restart)"


class _Clock(datetime):
    """This machine's clock, and how far it has jumped."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


class _LosesCreates(GuardedService):
    """Each create leaves, and its answer is lost; it may still reach the server later."""

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        raise AnswerLostError("The connection was cut.")


class _World:
    """One account at a running server, and one machine whose clock jumps."""

    def __init__(self, server: Running, folder: Path, number: int) -> None:
        self._server = server
        keys = server.with_store(lambda store: add_account(store, f"a{number}", keys=3))
        self.session, self.old, self.new = keys
        self.clock = SystemClock()
        self.journal = JournalFile(folder / f"{number}" / "journal.json")
        self._account_id = f"a{number}"
        self._profile = Profile(name="here", base_url=server.url)
        self.service: KeyService
        self.account: Account

    async def sign_in(self) -> None:
        """As at a start of the program."""
        self.service = await open_service(
            self._profile, Secret(str(self.session.secret)), self.clock
        )
        self.account = await self.service.account()

    async def list_keys(self) -> KeyList:
        """The list as the program reads it."""
        pages = await self.service.list_keys()
        return KeyList(pages.keys, self.clock.now())

    async def ends(self) -> OpenEnds:
        """What the journal says of a fresh list."""
        return open_ends(
            await self.list_keys(), self.account, self.service.origin, self.journal, self.clock
        )

    def use(self, key: TestKey, ago_s: float) -> None:
        """The server notes a use of a key."""

        def touch(store: Store) -> None:
            with store.writing() as transaction:
                transaction.touch([(key.id, store.now_ms() - int(ago_s * 1000))])

        self._server.with_store(touch)

    def arrive(self) -> None:
        """The create that was on its way reaches the server."""
        with self._server.client(self.session.secret) as client:
            client.post("/v1/api-keys", json={"name": NAME}).raise_for_status()

    async def lose_a_create(self) -> bool:
        """Create a key whose answer is lost; whether that is known."""
        outcome = await create_key(
            NAME,
            account=msgspec.structs.replace(self.account, capabilities=frozenset()),
            listed=await self.list_keys(),
            service=_LosesCreates(self.service, self._profile),
            journal=self.journal,
            clock=self.clock,
        )
        return isinstance(outcome, Unresolved)

    def rotation(self) -> Rotation:
        """A rotation that is watched; the old key had a use every ten seconds, as it has now."""
        now = self.clock.now()
        uses = tuple(now - timedelta(seconds=10 * each) for each in range(6, 0, -1))
        return msgspec.structs.replace(
            make_rotation(account_id=self._account_id),
            old=KeyRef(self.old.id, "old", "wxyz"),
            new=KeyRef(self.new.id, "new", "abcd"),
            stored=True,
            watch=Watch(
                since=now - timedelta(minutes=5),
                tried_at=None,
                old_uses=uses,
                new_uses=(),
                seen_from=now - timedelta(minutes=10),
            ),
        )


def jump(folder: Path, times: int, seed: int) -> Figures:
    """Let the clock jump so many times, while it runs and between two starts."""
    chance = random.Random(seed)  # noqa: S311  # moments
    figures = Figures()
    with running(folder / "clock.sqlite") as server:
        kinds = list(itertools.product(JUMPS, (False, True)))
        chance.shuffle(kinds)
        for turn, (by, restarts) in enumerate(itertools.islice(itertools.cycle(kinds), times)):
            world = _World(server, folder, turn)
            with closing(world.journal), pytest.MonkeyPatch.context() as patch:
                patch.setattr(_Clock, "ahead", chance.choice(JUMPS) if restarts else timedelta())
                patch.setattr(clock_module, "datetime", _Clock)
                patch.setattr(SystemClock, "_heard", None)
                wrong = asyncio.run(_story(world, by, restarts, patch))
            figures.jumps += 1
            when = "between two starts" if restarts else "while it runs"
            figures.wrong += [f"jump {turn} by {by} {when}: {each}" for each in wrong]
    return figures


async def _story(
    world: _World, by: timedelta, restarts: bool, patch: pytest.MonkeyPatch
) -> list[str]:
    await world.sign_in()
    listed = await world.list_keys()
    wrong = [] if await world.lose_a_create() else ["the lost create was not noticed"]
    rotation = world.rotation()
    patch.setattr(_Clock, "ahead", _Clock.ahead + by)
    if restarts:
        patch.setattr(SystemClock, "_heard", None)
        await world.service.aclose()
        await world.sign_in()
    world.use(world.old, 2)
    world.use(world.new, 0)
    wrong += _negative(world, listed)
    wrong += await _too_sure(world, rotation)
    wrong += await _forgotten(world)
    await world.service.aclose()
    return wrong


def _negative(world: _World, listed: KeyList) -> list[str]:
    now = world.clock.now()
    said = (span((now - listed.fetched_at).total_seconds()), ago(listed.fetched_at, now))
    return [f"an age of {each}" for each in said if "-" in each]


async def _too_sure(world: _World, rotation: Rotation) -> list[str]:
    listed = await world.list_keys()
    old = listed.by_id[world.old.id]
    wrong = []
    verdict = verdict_of(rotation, listed)
    if verdict is None or verdict.kind in READY:
        wrong.append(f"a key used 2 s ago is said to be {verdict}")
    if word_to_type([old], world.clock.now()) is None:
        wrong.append("a key used 2 s ago can be revoked without its name")
    judge = Judge(world.clock.now(), world.session.id)
    if judge.is_idle(old) or judge.is_due(old):
        wrong.append("a key used 2 s ago and made today is called idle or due")
    return wrong


async def _forgotten(world: _World) -> list[str]:
    ends = await world.ends()
    wrong = [] if ends.waiting else ["a create that may still arrive is forgotten"]
    world.arrive()
    ends = await world.ends()
    return wrong if ends.orphans else [*wrong, "a key that nobody has is not named"]
