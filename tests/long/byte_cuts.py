"""A create, a revoke and a listing, cut at every byte of their exchanges: no key is lost.

The real client, flows and journal, and the real server behind a proxy. After each cut the program
is started again on a line that works: then the server's keys and what the user was told of them
have to be the same. Deadlines pass without being waited for (`skipping_loop`).
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import PulsapiError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import KeyPages
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.create import (
    Created,
    CreateOutcome,
    NotCreated,
    Orphaned,
    create_key,
    review_intents,
)
from pulsapi_tui.flows.revoke import RevokeState, revoke_keys
from pulsapi_tui.server.auth import digest_of, mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.rows import KeyRow
from pulsapi_tui.server.store import Store
from tests.long.byte_proxy import ByteProxy, Cut, Extent, Kind, Lengths, Side
from tests.long.skipping_loop import Exchanges, LoopClock, run_skipping
from tests.server.support import Running, TestKey, add_account, running

NAME = "key 1"
"""What is created has the name of a key that is there already."""

ACCOUNT_ID = "cuts"


class Figures:
    """What came of the cuts."""

    def __init__(self) -> None:
        self.ends: dict[str, Counter[str]] = {}
        self.lost_by_a_plain_client = 0
        self.sent_once = 0
        """Creates without the capability, cut once: what a plain client would do, too."""

    def note(self, operation: str, end: str) -> None:
        """One cut, and how it ended."""
        self.ends.setdefault(operation, Counter())[end] += 1

    def __str__(self) -> str:
        total = sum(ends.total() for ends in self.ends.values())
        parts = (
            f"{operation}: " + ", ".join(f"{count} {end}" for end, count in ends.most_common())
            for operation, ends in self.ends.items()
        )
        share = self.lost_by_a_plain_client / max(self.sent_once, 1)
        return (
            f"{total} cuts, no key lost, doubled or misnamed. {'; '.join(parts)}. A plain client "
            f"would have lost {self.lost_by_a_plain_client} live keys in {self.sent_once} creates "
            f"({share:.0%})"
        )


class World:
    """A server, its account, and the program on a line to it."""

    def __init__(
        self, server: Running, store: Store, proxy: ByteProxy, session: TestKey, folder: Path
    ) -> None:
        self._server = server
        self._store = store
        self.proxy = proxy
        self._session = session
        self.folder = folder
        self.clock = LoopClock()
        self.figures = Figures()

    @asynccontextmanager
    async def start(self) -> AsyncIterator[tuple[PulsApiClient, JournalFile]]:
        """The program, from its start to its end."""
        client = PulsApiClient(
            self.proxy.base_url,
            Secret(self._session.secret.strip()),
            self.clock,
            rng=random.Random(1),  # noqa: S311  # jitter, no secret
        )
        with closing(JournalFile(self.folder / "journal.json")) as journal:
            try:
                yield client, journal
            finally:
                await client.aclose()

    def live(self) -> set[str]:
        """The ids of the account's keys, as the database has them."""
        with self._store.reading() as transaction:
            keys, _ = transaction.page(ACCOUNT_ID, 1_000, None)
        return {key.id for key in keys}

    def accepts(self, secret: Secret) -> bool:
        """Whether a key works."""
        with self._store.reading() as transaction:
            return transaction.authenticate(digest_of(secret.reveal())) is not None

    def add_key(self) -> str:
        """Another key of the same name; its id."""
        minted = mint_key()
        row = KeyRow(
            id=new_key_id(),
            account_id=ACCOUNT_ID,
            digest=minted.digest,
            name=NAME,
            hint=minted.hint,
            created_at=self._store.now_ms(),
        )
        with self._store.writing() as transaction:
            transaction.add_keys([row])
        return row.id


async def _listed(world: World, client: PulsApiClient) -> KeyList:
    keys = (await client.list_keys()).keys
    return KeyList(keys, world.clock.now())


async def _next_start(world: World, account: Account, wanted: set[str]) -> None:
    """Exactly these keys are named, they can be revoked, and then nothing is left to be said."""
    world.proxy.mend()
    before = world.live() - wanted
    async with world.start() as (client, journal):
        keys = await _listed(world, client)
        found = review_intents(keys, account, client.origin, journal, world.clock)
        orphans = [orphan for _, orphan in found.orphans]
        assert {orphan.id for orphan in orphans} == wanted, "the next start names other keys"
        outcomes = await revoke_keys(orphans, account=account, service=client)
        assert all(outcome.state is RevokeState.REVOKED for outcome in outcomes)
        assert world.live() == before, "not revoked, or more than that"
        if found.orphans or found.waiting:
            await world.clock.sleep(SETTLED_AFTER.total_seconds())
            keys = await _listed(world, client)
            review_intents(keys, account, client.origin, journal, world.clock)
        assert journal.open_intents(client.origin, account.id) == (), "an intent stays for ever"


# A create


async def cut_create(world: World, cut: Cut | None, account: Account) -> str:
    """Cut it, or not; how it ended."""
    before = world.live()
    async with world.start() as (client, journal):
        listed = await _listed(world, client)
        world.proxy.arm(cut)
        outcome = await create_key(
            NAME,
            account=account,
            listed=listed,
            service=client,
            journal=journal,
            clock=world.clock,
        )
        world.proxy.disarm()
        made = world.live() - before
        _judge_create(world, outcome, made)
        await world.proxy.deliver_late()
    late = world.live() - before
    assert made <= late, "a key is gone that nobody revoked"
    assert len(late) <= 1, "one create made several keys"
    if isinstance(outcome, Created):
        assert world.accepts(outcome.created.secret), "what arrived late killed the key in hand"
    if isinstance(outcome, NotCreated):
        assert not late, "it was made all the same, later"
    await _next_start(world, account, late)
    if cut is not None and cut.extent is Extent.ONE and not account.may_repeat_create:
        world.figures.sent_once += 1
        world.figures.lost_by_a_plain_client += bool(late) and not isinstance(outcome, Created)
    return _end_of_create(outcome, late)


def _judge_create(world: World, outcome: CreateOutcome, made: set[str]) -> None:
    match outcome:
        case Created(created, _):
            assert made == {created.key.id}, "another key than the one that is shown"
            assert world.accepts(created.secret), "what is shown does not work"
        case NotCreated(_):
            assert not made, "it was made all the same"
        case Orphaned(_, orphan, _):
            assert made == {orphan.id}, "the wrong key is named"
        case _:
            pass


def _end_of_create(outcome: CreateOutcome, late: set[str]) -> str:
    match outcome:
        case Created():
            return "secret shown"
        case NotCreated():
            return "proven not made"
        case Orphaned():
            return "orphan named at once"
    return "orphan named at the next start" if late else "not made, settled after ten minutes"


# A revoke


async def cut_revoke(world: World, cut: Cut | None, account: Account) -> str:
    """Cut it; what was claimed."""
    key_id = world.add_key()
    before = world.live()
    async with world.start() as (client, _):
        key = (await _listed(world, client)).by_id[key_id]
        world.proxy.arm(cut)
        [outcome] = await revoke_keys([key], account=account, service=client)
        world.proxy.disarm()
        is_live = key_id in world.live()
        assert not (outcome.is_dead and is_live), "claimed, and the key lives"
        if outcome.state is RevokeState.NOT_REVOKED:
            assert is_live, "the key is called alive, and is dead"
        await world.proxy.deliver_late()
        world.proxy.mend()
        # On the same connections, if any are left.
        assert set((await _listed(world, client)).by_id) == world.live()
        [again] = await revoke_keys([key], account=account, service=client)
        assert again.state is RevokeState.REVOKED
        assert world.live() == before - {key_id}
    return outcome.state.value


# A listing


async def cut_list(world: World, cut: Cut | None, account: Account) -> str:
    """Cut the first listing of a start."""
    return await _cut_list(world, cut, account, again=False)


async def cut_list_again(world: World, cut: Cut | None, account: Account) -> str:
    """Cut a refresh, which would be told that nothing changed."""
    return await _cut_list(world, cut, account, again=True)


async def _cut_list(world: World, cut: Cut | None, account: Account, *, again: bool) -> str:
    """The journal has a create whose key nobody has: the list is needed to name it."""
    async with world.start() as (client, journal):
        known = frozenset(world.live())
        journal.put(
            Intent(
                request_id="request-1",
                origin=client.origin,
                account_id=account.id,
                name=NAME,
                requested_at=world.clock.now(),
                known_ids=known,
            )
        )
        orphan_id = world.add_key()
        pages: KeyPages | None = await client.list_keys() if again else None
        world.proxy.arm(cut)
        try:
            keys = KeyList((await client.list_keys(pages)).keys, world.clock.now())
        except PulsapiError:
            end = "error, and nothing was concluded"
        else:
            end = "whole list"
            assert set(keys.by_id) == world.live(), "a list that is none"
            found = review_intents(keys, account, client.origin, journal, world.clock)
            assert [orphan.id for _, orphan in found.orphans] == [orphan_id]
        world.proxy.disarm()
        await world.proxy.deliver_late()
    await _next_start(world, account, {orphan_id})
    return end


class Operation(NamedTuple):
    """What is cut, and where."""

    method: str
    repeatable: bool
    run: Callable[[World, Cut | None, Account], Coroutine[Any, Any, str]]


OPERATIONS: dict[str, Operation] = {
    "create": Operation("POST", False, cut_create),
    "create, repeatable": Operation("POST", True, cut_create),
    "revoke": Operation("DELETE", False, cut_revoke),
    "revoke, repeatable": Operation("DELETE", True, cut_revoke),
    "list": Operation("GET", False, cut_list),
    "list, repeatable": Operation("GET", True, cut_list),
    "list again": Operation("GET", False, cut_list_again),
}


def cuts_of(method: str, lengths: Lengths) -> Iterator[Cut]:
    """Every cut of an exchange of these lengths."""
    for extent, kind in itertools.product(Extent, Kind):
        for at in range(lengths.request):
            yield Cut(method, Side.REQUEST, at, kind, extent)
        if kind is not Kind.LATE:
            # Cut after its last byte, too.
            for at in range(lengths.answer + 1):
                yield Cut(method, Side.ANSWER, at, kind, extent)


async def _all_cuts(world: World, times: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # a choice
    async with world.start() as (client, _):
        account = await client.account()
    for name, operation in OPERATIONS.items():
        kept = account.capabilities if operation.repeatable else frozenset[str]()
        as_wanted = msgspec.structs.replace(account, capabilities=kept)
        await operation.run(world, None, as_wanted)
        cuts = list(cuts_of(operation.method, world.proxy.whole[operation.method]))
        for cut in cuts if times >= len(cuts) else rng.sample(cuts, times):
            try:
                end = await operation.run(world, cut, as_wanted)
            except AssertionError as error:
                raise AssertionError(f"{name}, {cut}: {error}") from error
            world.figures.note(name, end)


@contextmanager
def _quick_disk() -> Iterator[None]:
    """The order of the journal's writes is under test, not the disk."""
    with patch.object(os, "fsync", lambda _: None):
        yield


def cut_everywhere(folder: Path, times: int, seed: int) -> Figures:
    """So many cuts of each operation, or all of them."""
    exchanges = Exchanges()
    path = folder / "server.sqlite"
    with running(path) as server, closing(Store(path)) as store, exchanges.counted(), _quick_disk():
        session, _ = server.with_store(lambda store: add_account(store, ACCOUNT_ID, keys=2))

        async def main() -> Figures:
            async with AsyncExitStack() as stack:
                proxy = ByteProxy(server.port, exchanges, seed)
                await stack.enter_async_context(proxy.listening())
                world = World(server, store, proxy, session, folder)
                await _all_cuts(world, times, seed)
                return world.figures

        return run_skipping(main(), lambda: exchanges.only_wait)


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it, with `times` cuts of each operation; the figure as a sentence."""
    return f"{cut_everywhere(folder, times, seed)} (seed {seed})"
