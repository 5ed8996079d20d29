"""Rotations that end early, in two windows, or beside a key of one name: no key without a name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.health import SUCCESSOR
from pulsapi_tui.domain.intents import SETTLED_AFTER
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import ApiKey, CreatedKey
from pulsapi_tui.domain.rotation import Mode, Step, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.abandon import what_is_lost
from pulsapi_tui.flows.create import create_key
from pulsapi_tui.flows.open_ends import OpenEnds, open_ends, settle_keys
from pulsapi_tui.flows.rotate import Rotator
from tests.unit.rotation_support import (
    CREATED,
    DOWN,
    LOST,
    NEW,
    NEW_SECRET,
    NO_ROOM,
    OLD,
    OLD_SECRET,
    SECOND,
    UNAUTHORIZED,
    Bench,
    Journal,
    Shelf,
    bench_in,
)
from tests.unit.support import NOW, ORIGIN, FakeClock, make_account, make_key, pages_of

OTHERS = make_key("others", "CI", hint="OTHR", created_ago=timedelta(seconds=-5))
"""Made by somebody else, after the one that is rotated to."""


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return bench_in(tmp_path, clock)


def ends(bench: Bench, *keys: ApiKey) -> OpenEnds:
    """What is open, where the list has these keys."""
    listed = KeyList(list(keys), bench.clock.now())
    return open_ends(listed, bench.account, ORIGIN, bench.journal, bench.clock)


async def lose_a_create(bench: Bench, *listed: ApiKey) -> None:
    """One of the same name, outside any rotation, whose answer never came."""
    bench.service.creates, bench.service.listings = [LOST], [DOWN]
    await create_key(
        "CI",
        account=bench.account,
        listed=KeyList(list(listed), bench.clock.now()),
        service=bench.service,
        journal=bench.journal,
        clock=bench.clock,
    )


async def begin_with_a_lost_create(bench: Bench) -> Rotator:
    """A rotation whose create was answered to nobody."""
    bench.service.creates, bench.service.listings = [LOST], [DOWN]
    rotator = bench.begin()
    assert not (await bench.advance(rotator)).done
    return rotator


class Killed(BaseException):
    """The program, by SIGKILL."""


async def be_killed_after_the_write(
    bench: Bench, rotator: Rotator, monkeypatch: pytest.MonkeyPatch
) -> Rotator:
    """A delivery writes, and nothing of that is written down; what the next start goes on with."""
    real = bench.shelf.deliver

    async def deliver(secret: Secret, target: Target) -> Delivered:
        await real(secret, target)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench.shelf, "deliver", deliver)
        with pytest.raises(Killed):
            await bench.advance(rotator)
    return bench.after_a_crash()


async def fail_after_the_write(bench: Bench, rotator: Rotator) -> None:
    """A delivery that says that it failed, and has overwritten the old key."""

    def write() -> None:
        bench.shelf.held_in["~/app/.env"] = NEW_SECRET

    bench.shelf.during, bench.shelf.error = write, NO_ROOM
    assert not (await bench.advance(rotator)).done
    bench.shelf.during, bench.shelf.error = (lambda: None), None


# What is said, and what is left behind


async def test_abandoned_without_its_successor(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    abandoned = await rotator.abandon(keep_both=False)
    assert abandoned.message == "The successor “CI” (…NEWn) is revoked."
    assert bench.service.revoked == ["new"]
    assert (bench.on_disk, bench.intents) == ((), ())


async def test_abandoned_with_both_keys(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    abandoned = await rotator.abandon(keep_both=True)
    assert abandoned.message == (
        "Both keys are kept, and both work. Nobody is known to have “CI” (…NEWn)."
    )
    assert bench.service.revoked == []
    assert bench.on_disk == ()
    assert [each.key_id for each in bench.intents] == ["new"], "the next start names it"


async def test_abandoned_before_anything_was_made(bench: Bench) -> None:
    abandoned = await bench.begin().abandon(keep_both=False)
    assert abandoned.message == "No successor was made. The old key “CI” (…OLDo) works on."
    assert (bench.on_disk, bench.service.calls) == ((), [])


@pytest.mark.parametrize("keep_both", [True, False])
async def test_the_log_has_the_successor_that_was_abandoned(bench: Bench, keep_both: bool) -> None:
    noted: list[tuple[str, str]] = []
    bench.ports = bench.ports._replace(note=lambda action, key, *_: noted.append((action, key.id)))
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    assert (await rotator.abandon(keep_both=keep_both)).done
    assert noted[-1] == ("rotate.abandon", "new")


async def test_a_replaced_key_is_one_of_its_server(bench: Bench) -> None:
    """Two servers may give one id."""
    elsewhere = "https://other.example"
    for origin in (ORIGIN, elsewhere):
        rotator = bench.begin()
        bench.shelf.held_in["~/app/.env"] = OLD_SECRET
        bench.service.creates = [CREATED]
        await bench.advance(rotator, 3)
        rotator.rotation = msgspec.structs.replace(rotator.rotation, origin=origin)
        assert (await rotator.abandon(keep_both=True)).done
    for origin in (ORIGIN, elsewhere):
        assert [
            each.key_id for each in JournalFile.open_intents(bench.journal, origin, "acct")
        ] == ["old"]


@pytest.mark.parametrize("keep_both", [True, False])
async def test_an_old_key_that_was_replaced_is_named(bench: Bench, keep_both: bool) -> None:
    """It works on, and its only copy that is known of was overwritten by the successor."""
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    assert what_is_lost(rotator.rotation) == (
        "Written, and read back. The old key stood there: nobody may have it any more."
    )
    abandoned = await bench.after_a_crash().abandon(keep_both=keep_both)
    assert abandoned.done
    assert (
        "It had taken the place of “CI” (…OLDo), which works on, and counts as a key without an "
        "owner now." in abandoned.message
    )
    assert ("a dead key stands" in abandoned.message) is not keep_both
    assert [(each.state, each.key_id) for each in bench.intents] == [("replaced", "old")]
    found = ends(bench, OLD)
    assert found.unowned == {"old"}


async def test_an_old_key_that_can_t_be_written_down_is_told(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    bench.journal.failing = ("put",)
    abandoned = await rotator.abandon(keep_both=False)
    assert "revoke that one, unless you have it elsewhere" in abandoned.message


async def test_an_old_key_that_still_stands_there_has_an_owner(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.error = NO_ROOM
    assert not (await bench.advance(rotator)).done
    assert rotator.rotation.old_was_there
    abandoned = await rotator.abandon(keep_both=False)
    assert abandoned.message == "The successor “CI” (…NEWn) is revoked."
    assert bench.intents == ()


async def test_an_old_key_that_stood_elsewhere_has_an_owner(bench: Bench) -> None:
    rotator = bench.begin(target=SECOND)
    await bench.advance(rotator, 3)
    assert what_is_lost(rotator.rotation).endswith("Once it is revoked, a dead key stands there.")
    abandoned = await rotator.abandon(keep_both=False)
    assert abandoned.message.endswith("is revoked. Where it was delivered, a dead key stands.")
    assert bench.intents == ()


async def _cut_in_create(bench: Bench) -> Rotator:
    """The server made the successor, and nobody saw its answer."""
    bench.service.creates = [LOST]
    bench.service.listings = [DOWN]
    assert not (await bench.advance(bench.begin())).done
    return bench.after_a_crash()


@pytest.mark.parametrize("keep_both", [True, False])
async def test_a_successor_that_nobody_saw_is_found_before_it_is_abandoned(
    bench: Bench, keep_both: bool
) -> None:
    again = await _cut_in_create(bench)
    bench.service.listings = [pages_of(OLD, NEW)]
    assert await again.look_for_successor() is None
    assert what_is_lost(again.rotation).startswith("Nobody is known to have the successor's")
    abandoned = await again.abandon(keep_both=keep_both)
    assert abandoned.done
    assert (bench.service.revoked == ["new"]) is not keep_both
    assert ("Nobody is known to have “CI” (…NEWn)" in abandoned.message) is keep_both
    assert [each.key_id for each in bench.intents] == (["new"] if keep_both else [])
    assert bench.on_disk == ()


async def test_a_successor_that_may_still_come_is_not_called_unmade(bench: Bench) -> None:
    again = await _cut_in_create(bench)
    bench.service.listings = [pages_of(OLD)] * 2
    assert await again.look_for_successor() is None
    assert again.may_still_come
    abandoned = await again.abandon(keep_both=True)
    assert abandoned.message.startswith("It is not known whether a successor was made")
    found = ends(bench, OLD, NEW)
    assert found.unowned == {"new"}


async def test_nothing_is_abandoned_while_the_list_can_t_be_read(bench: Bench) -> None:
    again = await _cut_in_create(bench)
    bench.service.listings = [DOWN] * 2
    for keep_both in (True, False):
        abandoned = await again.abandon(keep_both=keep_both)
        assert (abandoned.done, abandoned.error) == (False, DOWN)
    assert (len(bench.on_disk), len(bench.intents)) == (1, 1)


async def test_a_successor_that_a_list_shows_is_recognised(bench: Bench) -> None:
    again = await _cut_in_create(bench)
    listed = KeyList([OLD, NEW], NOW)
    found = ends(bench, OLD, NEW)
    assert found.rotating["new"] == SUCCESSOR
    assert found.unowned == {"new"}
    assert found.orphans == ()
    again.recognise(KeyList([OLD], NOW))
    assert again.rotation.new is None
    again.recognise(listed)
    assert again.rotation.new == ref(NEW)
    assert bench.on_disk == (again.rotation,)


async def test_the_answer_to_a_create_that_is_under_way_is_waited_for(bench: Bench) -> None:
    rotator = bench.begin()
    listed = KeyList([OLD, NEW], NOW)
    seen: list[object] = []

    def look(_: str) -> None:
        rotator.recognise(listed)
        seen.append(rotator.rotation.new)

    bench.service.before_call = look
    assert (await bench.advance(rotator)).done
    assert seen == [None]


async def test_a_successor_that_lives_is_not_abandoned(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.service.revokes["new"] = DOWN
    assert not (await rotator.abandon(keep_both=False)).done
    assert (len(bench.on_disk), len(bench.intents)) == (1, 1)


@pytest.mark.parametrize("is_revoked", [True, False], ids=["revoked", "maybe revoked"])
async def test_the_last_key_is_not_revoked(bench: Bench, is_revoked: bool) -> None:
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    if not is_revoked:
        bench.service.revokes["old"] = LOST
        bench.service.listings = [DOWN]
    assert (await bench.advance(rotator)).done is is_revoked
    abandoned = await rotator.abandon(keep_both=False)
    assert not abandoned.done
    assert "there would be no key that works" in abandoned.message
    assert "new" not in bench.service.revoked
    assert len(bench.on_disk) == 1
    kept = await rotator.abandon(keep_both=True)
    assert kept.message.startswith(
        "The successor “CI” (…NEWn) is kept. The old key “CI” (…OLDo) is revoked, or may be."
    )
    # As long as a list still has it.
    named = ends(bench, OLD, NEW)
    assert named.unowned == (set() if is_revoked else {"old"})


# The old key lives, and stands nowhere


@pytest.mark.parametrize("fault", [DOWN, LOST], ids=["refused", "lost"])
async def test_an_old_key_whose_revoke_was_only_asked_for(
    bench: Bench, fault: errors.PulsapiError
) -> None:
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    bench.service.revokes["old"], bench.service.listings = fault, [DOWN]
    assert not (await bench.advance(rotator)).done
    abandoned = await rotator.abandon(keep_both=True)
    assert ends(bench, OLD, NEW).unowned == {"old"}, abandoned.message


async def test_the_target_is_changed_after_it_was_written(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    await fail_after_the_write(bench, rotator)
    await rotator.deliver_to(SECOND)
    assert (await bench.advance(rotator, 2)).done
    abandoned = await rotator.abandon(keep_both=True)
    assert OLD_SECRET not in bench.shelf.held_in.values()
    assert ends(bench, OLD, NEW).unowned == {"old"}, abandoned.message


async def test_the_target_is_changed_after_a_kill(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.account = make_account(repeatable=True)
    rotator = bench.begin()
    await bench.advance(rotator)
    again = await be_killed_after_the_write(bench, rotator, monkeypatch)
    await again.deliver_to(SECOND)
    second = msgspec.structs.replace(NEW, hint="NEW2")
    bench.service.creates = [CreatedKey(key=second, secret=Secret("local_AnotherSecretNEW2"))]
    assert (await bench.advance(again)).done
    abandoned = await again.abandon(keep_both=True)
    assert ends(bench, OLD, NEW).unowned == {"old"}, abandoned.message


class EnvFiles(Shelf):
    """Into real env files."""

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        return EnvFileSink().deliver(secret, target.values)

    async def held(self, target: Target) -> Secret | None:
        return EnvFileSink().held(target.values)


async def test_a_variable_that_is_assigned_twice(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"KEY=something-older\nKEY={OLD_SECRET}\n")
    bench.ports = bench.ports._replace(delivery=EnvFiles())
    values = {"path": str(file), "variable": "KEY"}
    rotator = bench.begin(target=Target(way_id="env_file", values=values))
    await bench.advance(rotator, 3)
    assert OLD_SECRET not in file.read_text()
    abandoned = await rotator.abandon(keep_both=True)
    assert ends(bench, OLD, NEW).unowned == {"old"}, abandoned.message


async def test_a_place_that_can_t_be_read_proves_nothing(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.error = NO_ROOM
    assert not (await bench.advance(rotator)).done
    bench.shelf.read_error = NO_ROOM
    abandoned = await rotator.abandon(keep_both=False)
    assert bench.shelf.held_in["~/app/.env"] == OLD_SECRET
    assert "It may have taken the place of" in abandoned.message


async def test_a_replaced_key_that_is_rotated_again_is_left_to_that(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    await rotator.abandon(keep_both=False)
    assert [key.id for _, key in ends(bench, OLD).orphans] == ["old"]
    bench.begin()
    assert ends(bench, OLD).orphans == ()


async def test_a_replaced_key_is_written_down_once(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    bench.journal.failing = ("remove_rotation",)
    assert "do not go on with it" in (await rotator.abandon(keep_both=True)).message
    bench.journal.failing = ()
    assert (await bench.after_a_crash().abandon(keep_both=True)).done
    assert [each.state for each in bench.intents] == ["replaced"]


# The successor is stored, and nobody saw that


async def test_what_is_stored_is_not_called_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    again = await be_killed_after_the_write(bench, rotator, monkeypatch)
    assert await again.look_for_successor() is None
    assert "Nobody is known" not in what_is_lost(again.rotation)
    assert "Nobody is known" not in (await again.abandon(keep_both=True)).message


async def test_the_only_key_that_works_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotator = bench.begin(Mode.REVOKE_FIRST)
    bench.service.listings = [pages_of()]
    assert (await bench.advance(rotator, 3)).done
    again = await be_killed_after_the_write(bench, rotator, monkeypatch)
    abandoned = await again.abandon(keep_both=False)
    assert "there would be no key that works" in abandoned.message
    assert bench.service.revoked == ["old"]


async def test_a_proven_key_is_not_asked_about_after_all(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.during = lambda: setattr(bench.journal, "failing", ("remove",))
    assert (await bench.advance(rotator)).done
    bench.journal.failing = ()
    assert (await bench.advance(rotator)).done
    rotator.stop_watching("Quiet.")
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    bench.service.listings = [pages_of(NEW)]
    assert (await bench.advance(rotator, 2)).done
    assert ends(bench, NEW).unowned == set()


async def test_what_is_abandoned_and_not_struck_off_revokes_nothing_later(bench: Bench) -> None:
    rotator = bench.begin(Mode.AT_ONCE)
    assert (await bench.advance(rotator, 3)).done
    bench.journal.failing = ("remove_rotation",)
    assert (await rotator.abandon(keep_both=False)).done
    bench.journal.failing = ()
    bench.service.creates = [CREATED]
    again = bench.after_a_crash()
    assert again.rotation.step is Step.CREATE
    assert bench.service.revoked == ["new"]


# Two windows


def two_windows(bench: Bench) -> tuple[Rotator, Rotator]:
    """Both have read the same rotation."""
    path = bench.journal._path  # noqa: SLF001
    bench.journal.close()
    journals = [Journal(path), Journal(path)]
    read = [journal.open_rotations(ORIGIN, "acct").here[0] for journal in journals]
    first, second = (
        Rotator(rotation, bench.account, bench.ports._replace(journal=journal))
        for rotation, journal in zip(read, journals, strict=True)
    )
    return first, second


async def test_a_window_that_is_behind_abandons_nothing(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    first, second = two_windows(bench)
    assert (await second.advance(bench.listed)).done
    abandoned = await first.abandon(keep_both=False)
    assert (abandoned.done, bench.service.revoked) == (False, ["old"])
    assert abandoned.message.startswith("Nothing was changed.")


async def test_a_window_that_is_behind_replaces_nothing(bench: Bench) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(NEW, OLD)]
    await bench.advance(bench.begin())
    first, second = two_windows(bench)
    second.handed_over("Its owner has it.")
    assert not (await first.replace()).done
    assert bench.service.revoked == []


# Keys of one name


@pytest.mark.parametrize("keep_both", [True, False])
async def test_of_two_that_it_can_be_none_is_taken(bench: Bench, keep_both: bool) -> None:
    rotator = await begin_with_a_lost_create(bench)
    rotator.recognise(KeyList([OLD, NEW, OTHERS], bench.clock.now()))
    assert rotator.rotation.new is None
    bench.service.listings = [pages_of(OLD, NEW, OTHERS)] * 2
    assert "Abandon the rotation" in (await bench.advance(rotator)).message
    abandoned = await rotator.abandon(keep_both=keep_both)
    assert abandoned.message.startswith("It is not known whether a successor was made")
    assert bench.service.revoked == []
    assert ends(bench, OLD, NEW, OTHERS).unowned == {"others"}, "the newest is asked about first"
    assert settle_keys([OTHERS], bench.account, ORIGIN, bench.journal) is None
    assert ends(bench, OLD, NEW, OTHERS).unowned == {"new"}


async def test_a_key_of_the_same_name_does_not_end_the_watch(bench: Bench) -> None:
    rotator = await begin_with_a_lost_create(bench)
    assert settle_keys([OTHERS], bench.account, ORIGIN, bench.journal) is None
    bench.service.listings = [pages_of(OLD, NEW)]
    abandoned = await rotator.abandon(keep_both=True)
    assert ends(bench, OLD, NEW).unowned == {"new"}, abandoned.message


async def test_a_key_that_two_creates_can_have_made_is_asked_about_once(bench: Bench) -> None:
    await lose_a_create(bench)
    await lose_a_create(bench)
    assert ends(bench, NEW).unowned == {"new"}
    assert settle_keys([NEW], bench.account, ORIGIN, bench.journal) is None
    assert ends(bench, NEW).unowned == set()
    assert ends(bench, NEW, OTHERS).unowned == {"others"}


async def test_a_later_create_of_the_same_name_does_not_hide_it(bench: Bench) -> None:
    rotator = await begin_with_a_lost_create(bench)
    bench.clock.advance(SETTLED_AFTER.total_seconds() - 60)
    await lose_a_create(bench, OLD, NEW)
    bench.clock.advance(61)
    bench.service.listings = [pages_of(OLD, NEW)]
    abandoned = await rotator.abandon(keep_both=True)
    assert ends(bench, OLD, NEW).unowned == {"new"}, abandoned.message


async def test_what_turned_up_since_is_not_revoked_unasked(bench: Bench) -> None:
    rotator = await begin_with_a_lost_create(bench)
    bench.service.listings = [pages_of(OLD), pages_of(OLD, NEW)]
    assert await rotator.look_for_successor() is None
    abandoned = await rotator.abandon(keep_both=False)
    assert (abandoned.done, bench.service.revoked) == (False, [])
    assert abandoned.message == "There is a successor now: “CI” (…NEWn)."


async def test_a_recognised_successor_that_is_gone_is_forgotten(bench: Bench) -> None:
    rotator = await begin_with_a_lost_create(bench)
    rotator.recognise(KeyList([OLD, NEW], bench.clock.now()))
    bench.clock.advance(SETTLED_AFTER.total_seconds() + 1)
    bench.service.listings = [pages_of(OLD)]
    assert "No successor was made" in (await bench.advance(rotator)).message
    assert rotator.rotation.new is None


async def test_a_refused_revoke_leaves_no_doubt(bench: Bench) -> None:
    rotator = bench.begin(Mode.REVOKE_FIRST)
    bench.service.revokes["old"] = DOWN
    assert not (await bench.advance(rotator)).done
    abandoned = await rotator.abandon(keep_both=True)
    assert abandoned.message == "No successor was made. The old key “CI” (…OLDo) works on."
