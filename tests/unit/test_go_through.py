"""A rotation without a person at it: where it halts, and what it leaves behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.domain import errors
from pulsapi_tui.domain.rotation import Mode, Step
from pulsapi_tui.flows.go_through import Halt, Halted, go_through, take_back
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Advanced
from tests.unit.rotation_support import (
    CREATED,
    DOWN,
    LOST,
    NEW_SECRET,
    NO_ROOM,
    OLD_SECRET,
    REPEATABLE,
    TARGET,
    UNAUTHORIZED,
    Bench,
    bench_in,
)
from tests.unit.support import FakeClock, pages_of


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return bench_in(tmp_path, clock)


class Hall:
    """What goes by while a rotation goes on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.steps: list[Step] = []
        self.shown: list[str] = []
        self.show_error: errors.PulsapiError | None = None
        self.stop = asyncio.Event()
        self.stop_after: Step | None = None
        self._calls = 0
        bench.service.before_call = self._count

    async def show(self, rotator: Rotator) -> Advanced:
        """The screen, or standard output."""
        assert rotator.created is not None
        if self.show_error is not None:
            return Advanced(False, self.show_error.user_message, error=self.show_error)
        self.shown.append(rotator.created.secret.reveal())
        return Advanced(True, "Shown.")

    def progress(self, step: Step, advanced: Advanced) -> None:
        """Note it."""
        assert advanced.done
        self.steps.append(step)
        if step is self.stop_after:
            self.stop.set()

    def _count(self, _: str) -> None:
        self._calls += 1
        assert self._calls < 50, "it goes on for ever"

    async def go(self, rotator: Rotator, *, may_revoke: bool = False) -> Halted:
        """As far as it goes."""
        return await go_through(
            rotator,
            self.bench.listed,
            show=self.show,
            progress=self.progress,
            stop=self.stop,
            may_revoke=may_revoke,
        )


@pytest.fixture
def hall(bench: Bench) -> Hall:
    return Hall(bench)


async def test_overlap_halts_at_the_watch(bench: Bench, hall: Hall) -> None:
    halted = await hall.go(bench.begin(), may_revoke=True)
    assert (halted.halt, halted.step) == (Halt.WATCHED, Step.WATCH)
    assert hall.steps == [Step.CREATE, Step.DELIVER, Step.PROVE]
    assert bench.shelf.held_in[TARGET.values["path"]] == NEW_SECRET


@pytest.mark.parametrize("may_revoke", [True, False])
async def test_the_old_key_goes_only_where_that_was_decided(
    bench: Bench, hall: Hall, may_revoke: bool
) -> None:
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    halted = await hall.go(bench.begin(Mode.AT_ONCE), may_revoke=may_revoke)
    assert halted.halt is (Halt.OVER if may_revoke else Halt.WATCHED)
    assert ("revoke old" in bench.service.calls) is may_revoke
    assert len(bench.on_disk) == (not may_revoke)


async def test_revoke_first_ends_with_the_proof(bench: Bench, hall: Hall) -> None:
    halted = await hall.go(bench.begin(Mode.REVOKE_FIRST), may_revoke=True)
    assert (halted.halt, hall.steps[-1]) == (Halt.OVER, Step.PROVE)
    assert bench.on_disk == ()


async def test_without_a_target_it_is_shown_and_then_stored(bench: Bench, hall: Hall) -> None:
    rotator = bench.begin(target=None)
    assert (await hall.go(rotator)).halt is Halt.WATCHED
    assert hall.shown == [NEW_SECRET]
    assert rotator.rotation.stored
    assert bench.intents == ()


async def test_what_can_t_be_shown_is_taken_back(bench: Bench, hall: Hall) -> None:
    hall.show_error = NO_ROOM
    rotator = bench.begin(target=None)
    halted = await hall.go(rotator)
    assert (halted.halt, halted.message) == (Halt.UNDELIVERED, "There is no room.")
    assert (await take_back(rotator)).done
    assert bench.service.revoked == ["new"]
    assert bench.on_disk == ()
    assert bench.intents == ()


async def test_a_failed_delivery_halts_with_the_successor_in_hand(bench: Bench, hall: Hall) -> None:
    bench.shelf.error = NO_ROOM
    rotator = bench.begin()
    halted = await hall.go(rotator)
    assert (halted.halt, halted.output) == (Halt.UNDELIVERED, "said so")
    assert rotator.in_hand
    assert (await take_back(rotator)).done
    assert bench.on_disk == ()


async def test_after_revoke_first_taking_back_goes_on(bench: Bench, hall: Hall) -> None:
    bench.shelf.error = NO_ROOM
    rotator = bench.begin(Mode.REVOKE_FIRST)
    assert (await hall.go(rotator, may_revoke=True)).halt is Halt.UNDELIVERED
    assert (await take_back(rotator)).done
    [rotation] = bench.on_disk
    assert (rotation.step, rotation.new) == (Step.CREATE, None)
    bench.shelf.error = None
    assert (await hall.go(rotator, may_revoke=True)).halt is Halt.OVER


async def test_a_create_that_made_nothing(bench: Bench, hall: Hall) -> None:
    bench.service.creates = [DOWN]
    rotator = bench.begin()
    halted = await hall.go(rotator)
    assert (halted.halt, halted.error) == (Halt.NOTHING_MADE, DOWN)
    assert (await take_back(rotator)).done
    assert bench.service.revoked == []
    assert bench.on_disk == ()


async def test_a_create_of_which_nothing_is_known(bench: Bench, hall: Hall) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [DOWN]
    assert (await hall.go(bench.begin())).halt is Halt.NOT_KNOWN
    assert len(bench.on_disk) == len(bench.intents) == 1


async def test_a_create_whose_answer_was_lost(bench: Bench, hall: Hall) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(CREATED.key)]
    halted = await hall.go(bench.begin())
    assert (halted.halt, halted.step) == (Halt.LOST, Step.CREATE)
    bench.service.creates = [CREATED]
    again = await hall.go(bench.after_a_crash())
    assert (again.halt, again.step) == (Halt.LOST, Step.DELIVER)


async def test_a_secret_that_is_minted_again_is_shown(bench: Bench, hall: Hall) -> None:
    bench.account = REPEATABLE
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(CREATED.key)]
    assert (await hall.go(bench.begin(target=None))).halt is Halt.LOST
    bench.service.creates = [CREATED]
    assert (await hall.go(bench.after_a_crash())).halt is Halt.WATCHED
    assert hall.shown == [NEW_SECRET]


async def _settled(bench: Bench, hall: Hall) -> Rotator:
    """A create of long ago that made nothing."""
    bench.service.creates = [LOST]
    bench.service.listings = [DOWN]
    assert (await hall.go(bench.begin())).halt is Halt.NOT_KNOWN
    bench.clock.advance(3600)
    bench.service.creates = [CREATED]
    bench.service.listings = [pages_of()]
    return bench.after_a_crash()


async def test_a_create_that_is_settled_is_made_anew(bench: Bench, hall: Hall) -> None:
    assert (await hall.go(await _settled(bench, hall))).halt is Halt.WATCHED


async def test_what_can_t_be_struck_off_is_not_tried_for_ever(bench: Bench, hall: Hall) -> None:
    rotator = await _settled(bench, hall)
    bench.journal.failing = ("remove",)
    assert (await hall.go(rotator)).halt is Halt.NOTHING_MADE


@pytest.mark.parametrize(
    ("stop_after", "halt"),
    [(None, Halt.STOPPED), (Step.CREATE, Halt.UNDELIVERED), (Step.DELIVER, Halt.STOPPED)],
)
async def test_stopped_between_two_steps(
    bench: Bench, hall: Hall, stop_after: Step | None, halt: Halt
) -> None:
    hall.stop_after = stop_after
    if stop_after is None:
        hall.stop.set()
    assert (await hall.go(bench.begin())).halt is halt


async def test_a_proof_that_fails_can_be_tried_again(bench: Bench, hall: Hall) -> None:
    bench.service.refusals[NEW_SECRET] = DOWN
    assert (await hall.go(bench.begin())).halt is Halt.FAILED
    bench.service.refusals.clear()
    assert (await hall.go(bench.after_a_crash())).halt is Halt.WATCHED


async def test_a_list_that_can_t_be_read_leaves_the_old_key_in_doubt(
    bench: Bench, hall: Hall
) -> None:
    bench.service.listings = [DOWN]
    halted = await hall.go(bench.begin(Mode.AT_ONCE), may_revoke=True)
    assert (halted.halt, halted.step) == (Halt.NOT_KNOWN, Step.CONFIRM)


async def test_a_rotation_that_lacks_a_step_does_not_go_on_for_ever(
    bench: Bench, hall: Hall
) -> None:
    rotator = bench.begin(Mode.AT_ONCE)
    rotator.rotation = msgspec.structs.replace(rotator.rotation, step=Step.REVOKE)
    assert (await hall.go(rotator, may_revoke=True)).halt is Halt.OVER
