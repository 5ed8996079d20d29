"""The server's disk loses power: what was acknowledged is there when the power is back.

A server lives on a disk that is written down, write by write. At moments of that record images are
made of what a power cut could have left, and the real store opens each of them. It must find one of
two states: that of the last answer, or, where something was under way, the one after it. One of the
images is where the next life begins. All is the seed's, down to the salts of SQLite's WAL.

Not covered: bits that flip in what was synced, and a disk that lies about a sync.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import httpx

from pulsapi_tui.server import app, creates, serve
from pulsapi_tui.server.app import build_app
from pulsapi_tui.server.auth import MintedKey, assemble_key, digest_of
from pulsapi_tui.server.serve import DATABASE_FILE, KEY_FILE, _prepare_account
from pulsapi_tui.server.store import Store, StoreUnavailableError
from tests.long.power_cuts_disk import STYLES, Disk, Image, Operation
from tests.long.power_cuts_ledger import Fact, Facts, NotWholeError, Owner, read_facts
from tests.long.power_cuts_vfs import Recorder
from tests.server.support import FakeClock

LIVES = 6
"""Of one world: what has to be compared grows with each."""
IMAGES = 40
"""Of one life."""
AGAIN = 0.1
"""How often the power fails once more while the image is opened."""
CHECKPOINTS = (3, 20, 1000)
"""Pages of the WAL after which it is brought home; 1000 is SQLite's own choice, and rarely met."""


class LostError(AssertionError):
    """A cut broke the promise; the text says what was cut where."""


class Step(NamedTuple):
    """Something that a server did: how many operations there were then, and what was true."""

    what: str
    ended: int
    facts: Facts


@dataclass
class Figures:
    """What was cut, and what came of it."""

    images: int = 0
    lives: int = 0
    again: int = 0
    under_way: int = 0
    """Images for which either state would have been right."""
    cuts: Counter[str] = field(default_factory=Counter)
    styles: Counter[str] = field(default_factory=Counter)
    fingerprint: bytes = b""
    """Of all images: the same seed makes the same ones."""

    def count(self, image: Image) -> None:
        """One image more."""
        self.images += 1
        content = hashlib.sha256(self.fingerprint)
        for name, data in image.items():
            content.update(name.encode() + hashlib.sha256(data).digest())
        self.fingerprint = content.digest()

    def __str__(self) -> str:
        cuts = ", ".join(f"{count} in {what}" for what, count in sorted(self.cuts.items()))
        styles = ", ".join(f"{count} {style}" for style, count in sorted(self.styles.items()))
        return (
            f"{self.images} power cuts in {self.lives} lives: no acknowledged create lost, no "
            f"revoke undone, none corrupt; {self.under_way} with a change under way, {self.again} "
            f"in the recovery from another one; cuts: {cuts}; of what was not synced there "
            f"survived: {styles}; fingerprint {self.fingerprint.hex()[:12]}"
        )


class World:
    """A server's data through several lives."""

    def __init__(self, folder: Path, name: str, store_type: type[Store], figures: Figures) -> None:
        self._folder = folder
        self._name = name
        self._store_type = store_type
        self._figures = figures
        self._rng = random.Random(name)  # noqa: S311 - chance, and keys that open nothing
        self._clock = FakeClock()
        self._recorder = Recorder(self._rng)
        self._image: Image = {}
        self._facts: Facts = {}
        self._secrets: dict[bytes, str] = {}

    def live(self, images: int) -> None:
        """Live once, cut it so often, and go on with one of the images."""
        with self._recorder.installed(), self._seeded():
            operations, steps = self._record()
            disk = Disk(self._image)
            moments = sorted(self._rng.randrange(len(operations) + 1) for _ in range(images))
            chosen = self._rng.randrange(images)
            following = (self._image, self._facts)
            for number, (since, moment) in enumerate(zip([0, *moments], moments, strict=False)):
                for operation in operations[since:moment]:
                    disk.apply(operation)
                image, facts = self._cut(disk, moment, steps)
                if number == chosen:
                    following = (image, facts)
            self._image, self._facts = following
        self._figures.lives += 1

    def _record(self) -> tuple[list[Operation], list[Step]]:
        folder = self._put("live", self._image)
        steps: list[Step] = []
        with self._recorder.recording(folder, self._image) as operations:
            asyncio.run(self._work(folder, operations, steps))
        return operations, steps

    async def _work(self, folder: Path, operations: list[Operation], steps: list[Step]) -> None:
        """What a server does, from its start to its end."""

        def note(what: str) -> None:
            steps.append(Step(what, len(operations), facts))

        facts = self._facts
        note("nothing")
        with closing(self._store_type(folder / DATABASE_FILE, self._clock)) as store:
            store.pragma(f"wal_autocheckpoint={self._rng.choice(CHECKPOINTS)}")
            note("start")
            _prepare_account(store, folder / KEY_FILE)
            own_id = self._sign_up(store, folder)
            facts = self._facts
            note("first start" if len(facts) == 1 else "start")
            transport = httpx.ASGITransport(build_app(store))
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                owner = Owner(client, store, self._rng, facts, self._secrets, own_id)
                todo = [owner.sign_in, *[owner.act] * self._rng.randrange(25)]
                for each in todo:
                    self._clock.now += 0.01
                    what = await each()
                    facts = owner.facts
                    note(what)
        note("close")

    def _sign_up(self, store: Store, folder: Path) -> str:
        """The id of the key in the owner's file, which is the first fact of all."""
        secret = (folder / KEY_FILE).read_text().strip()
        digest = digest_of(secret)
        with store.reading() as transaction:
            caller = transaction.authenticate(digest)
        if caller is None:
            raise LostError(f"{self._name}: the owner's file has no key that works")
        self._secrets[digest] = secret
        if not self._facts:
            self._facts = {caller.key_id: Fact("Owner's key", digest)}
        return caller.key_id

    def _cut(self, disk: Disk, moment: int, steps: list[Step]) -> tuple[Image, Facts]:
        answered = sum(step.ended <= moment for step in steps)
        now, later = steps[answered - 1], steps[min(answered, len(steps) - 1)]
        style = self._rng.choice(STYLES)
        image = disk.cut(style, self._rng)
        where = f"{self._name}, operation {moment} of {steps[-1].ended}, {later.what}, {style}"
        self._figures.cuts[later.what] += 1
        self._figures.styles[style] += 1
        self._figures.under_way += now.ended < moment and now.facts != later.facts
        facts = self._look_at(image, (now.facts, later.facts), where)
        if self._rng.random() < AGAIN:
            self._cut_again(image, facts, where)
        return image, facts

    def _cut_again(self, image: Image, facts: Facts, where: str) -> None:
        folder = self._put("again", image)
        with self._recorder.recording(folder, image) as operations:
            self._store_type(folder / DATABASE_FILE, self._clock).close()
        disk = Disk(image)
        moment = self._rng.randrange(len(operations) + 1)
        for operation in operations[:moment]:
            disk.apply(operation)
        style = self._rng.choice(STYLES)
        second = disk.cut(style, self._rng)
        self._figures.again += 1
        self._look_at(second, (facts,), f"{where}; again at {moment} of {len(operations)}, {style}")

    def _look_at(self, image: Image, allowed: tuple[Facts, ...], where: str) -> Facts:
        """What the real store finds there; raises where that is not allowed."""
        folder = self._put("image", image)
        self._figures.count(image)
        try:
            with closing(self._store_type(folder / DATABASE_FILE, self._clock)) as store:
                found = read_facts(folder / DATABASE_FILE)
                with store.reading() as transaction:
                    works = {
                        id_
                        for id_, fact in found.items()
                        if transaction.authenticate(fact.digest) is not None
                    }
        except (StoreUnavailableError, NotWholeError, sqlite3.DatabaseError) as error:
            raise LostError(f"{where}: {error}") from error
        if works != {id_ for id_, fact in found.items() if not fact.is_revoked}:
            raise LostError(f"{where}: a revoked key works, or a live one does not")
        if found not in allowed:
            raise LostError(f"{where}: {difference(allowed[0], found)}")
        in_file = digest_of(image.get(KEY_FILE, b"").decode().strip())
        if found and in_file not in {fact.digest for fact in found.values()}:
            raise LostError(f"{where}: nobody has the owner's key")
        return found

    def _put(self, name: str, image: Image) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file, data in image.items():
            (folder / file).write_bytes(data)
        return folder

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Keys and ids by the seed."""

        def mint() -> MintedKey:
            return assemble_key(self._rng.randbytes(32))

        def new_id() -> str:
            return f"key_{self._rng.randbytes(8).hex()}"

        with ExitStack() as stack:
            for module in (app, serve):
                stack.enter_context(mock.patch.object(module, "mint_key", mint))
            for module in (creates, serve):
                stack.enter_context(mock.patch.object(module, "new_key_id", new_id))
            yield


def difference(wanted: Facts, found: Facts) -> str:
    """How two states differ: ids and what is true of them, no secrets and no digests."""

    def told(fact: Fact | None) -> str:
        if fact is None:
            return "no key"
        return f"revoked {fact.is_revoked}, used {fact.is_used}, request {fact.request}"

    return "; ".join(
        f"{id_}: acknowledged {told(wanted.get(id_))}, found {told(found.get(id_))}"
        + (", another secret" if id_ in wanted and id_ in found else "")
        for id_ in sorted(wanted.keys() | found.keys())
        if wanted.get(id_) != found.get(id_)
    )


def cut_often(folder: Path, times: int, seed: int, store_type: type[Store] = Store) -> Figures:
    """Cut so often; raises LostError at the first loss."""
    figures = Figures()
    number = 0
    while figures.images < times:
        world = World(folder, f"seed {seed}, world {number}", store_type, figures)
        for _ in range(LIVES):
            if figures.images < times:
                world.live(min(IMAGES, times - figures.images))
        number += 1
    return figures


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises LostError where something was lost."""
    began = time.monotonic()
    figures = cut_often(folder, times, seed)
    return f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
