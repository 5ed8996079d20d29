"""What earlier runs left open: found, told apart, and brought to an end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.flows.open_ends import OpenEnds, open_ends, revoke_unowned, settle_keys
from tests.unit.rotation_support import DOWN, Bench, bench_in
from tests.unit.support import NOW, ORIGIN, FakeClock, ids, make_account, make_key, pages_of

ACCOUNT = make_account()


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return bench_in(tmp_path, clock)


def intent(name: str, *, key_id: str | None = None, rotation_id: str | None = None) -> Intent:
    """A create that is open."""
    return Intent(
        request_id=f"request of {name}",
        origin=ORIGIN,
        account_id="acct",
        name=name,
        requested_at=NOW - timedelta(minutes=1),
        state="requested" if key_id is None else "created",
        key_id=key_id,
        rotation_id=rotation_id,
    )


def found(bench: Bench, *names: str) -> OpenEnds:
    """What is open, where the list has keys of those names as ids."""
    listed = KeyList([make_key(name, name) for name in names], NOW)
    return open_ends(listed, ACCOUNT, ORIGIN, bench.journal, bench.clock)


def test_keys_without_an_owner_and_creates_without_an_answer(bench: Bench) -> None:
    bench.journal.put(intent("lost", key_id="lost"))
    bench.journal.put(intent("asked for"))
    ends = found(bench, "lost", "other")
    assert ids(key for _, key in ends.orphans) == ["lost"]
    assert [each.name for each in ends.waiting] == ["asked for"]
    assert ends.rotating == {}


def test_a_successor_is_its_rotations_and_no_key_without_an_owner(bench: Bench) -> None:
    rotator = bench.begin()
    bench.journal.put(intent("CI", key_id="new", rotation_id=rotator.rotation.id))
    ends = found(bench, "new", "old")
    assert ends.orphans == ()
    assert [each.id for each in ends.rotations.here] == [rotator.rotation.id]
    assert ends.rotating == {"old": "old key"}


async def test_both_keys_of_a_rotation_are_rotating(bench: Bench) -> None:
    await bench.advance(bench.begin())
    assert found(bench, "new", "old").rotating == {"old": "old key", "new": "successor"}


async def test_a_key_that_nobody_has_is_revoked_and_forgotten(bench: Bench) -> None:
    open_one = intent("lost", key_id="lost")
    bench.journal.put(open_one)
    key = make_key("lost")
    bench.service.revokes["lost"] = DOWN
    ports = {"account": ACCOUNT, "service": bench.service, "journal": bench.journal}
    outcome = await revoke_unowned(key, open_one, **ports)  # type: ignore[arg-type]
    assert not outcome.is_dead
    assert [each.name for each in bench.intents] == ["lost"]
    bench.service.revokes.clear()
    outcome = await revoke_unowned(key, open_one, **ports)  # type: ignore[arg-type]
    assert outcome.is_dead
    assert not bench.intents


async def test_a_dead_key_that_can_t_be_struck_off_is_dead_all_the_same(bench: Bench) -> None:
    open_one = intent("lost", key_id="lost")
    bench.journal.put(open_one)
    bench.journal.failing = ("remove",)
    bench.service.listings = [pages_of()]
    outcome = await revoke_unowned(
        make_key("lost"),
        open_one,
        account=ACCOUNT,
        service=bench.service,
        journal=bench.journal,
    )
    assert outcome.is_dead
    assert outcome.reason == "The journal can't be written."


def test_dead_keys_are_forgotten_and_others_are_not(bench: Bench) -> None:
    bench.journal.put(intent("dead", key_id="dead"))
    bench.journal.put(intent("alive", key_id="alive"))
    bench.journal.put(intent("unanswered"))
    bench.journal.put(intent("other"))
    dead = [make_key("dead"), make_key("found", "unanswered", created_ago=timedelta(0))]
    assert settle_keys(dead, ACCOUNT, ORIGIN, bench.journal) is None
    assert {each.name: each.is_dealt_with for each in bench.intents} == {
        "alive": False,
        "other": False,
        "unanswered": True,
    }
    late = KeyList([*dead, make_key("late", "unanswered", created_ago=timedelta(0))], NOW)
    ends = open_ends(late, ACCOUNT, ORIGIN, bench.journal, bench.clock)
    assert ends.unowned == {"late"}, "what may have been another's does not end the watch"
    bench.journal.failing = ("open_intents",)
    alive = [make_key("alive")]
    assert settle_keys(alive, ACCOUNT, ORIGIN, bench.journal) is not None
