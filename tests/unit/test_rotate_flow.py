"""A rotation step by step: what is written down before and after each, and what is said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.domain import errors
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.rotation import Mode, Rotation, Step, ref
from pulsapi_tui.domain.secret import Secret
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
    REPEATABLE,
    SECOND,
    TARGET,
    UNAUTHORIZED,
    Bench,
    bench_in,
)
from tests.unit.support import NOW, ORIGIN, FakeClock, make_account, make_key, pages_of

OWN = make_account(session_key_id="old")


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return bench_in(tmp_path, clock)


def states(bench: Bench, calls: str) -> list[tuple[Step, bool]]:
    """Fill with the step, and whether it is begun, that the disk has at each of those calls."""
    seen: list[tuple[Step, bool]] = []

    def look(call: str) -> None:
        if call.startswith(calls):
            [rotation] = bench.on_disk
            seen.append((rotation.step, rotation.begun_at is not None))

    bench.service.before_call = look
    return seen


# The whole way


@pytest.mark.parametrize(
    ("mode", "calls"),
    [
        (Mode.OVERLAP, ["create", "services", "revoke old", "list", "services"]),
        (Mode.AT_ONCE, ["create", "services", "revoke old", "list", "services"]),
        (Mode.REVOKE_FIRST, ["revoke old", "list", "create", "services"]),
    ],
)
async def test_each_mode_has_its_order(bench: Bench, mode: Mode, calls: list[str]) -> None:
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    rotator = bench.begin(mode)
    while not rotator.rotation.is_over:
        if rotator.rotation.step is Step.WATCH:
            rotator.stop_watching("Quiet.")
            continue
        assert (await bench.advance(rotator)).done
    assert bench.service.calls == calls
    assert bench.service.revoked == ["old"]
    assert bench.shelf.held_in["~/app/.env"] == NEW_SECRET
    assert [each.step for each in rotator.rotation.done] == list(rotator.rotation.steps)
    assert (bench.on_disk, bench.intents) == ((), ())
    assert rotator.created is None


async def test_each_step_is_on_disk_before_its_request(bench: Bench) -> None:
    seen = states(bench, "")
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    await bench.advance(rotator, 2)
    assert seen == [
        (Step.CREATE, True),
        (Step.PROVE, True),
        (Step.REVOKE, True),
        (Step.CONFIRM, True),
        (Step.CONFIRM, True),
    ]


async def test_each_step_is_on_disk_after_its_answer(bench: Bench) -> None:
    rotator = bench.begin()
    expected = [Step.DELIVER, Step.PROVE, Step.WATCH]
    for step in expected:
        await bench.advance(rotator)
        assert bench.on_disk == (rotator.rotation,)
        assert (rotator.rotation.step, rotator.rotation.begun_at) == (step, None)
    rotator.stop_watching("Quiet.")
    assert bench.on_disk == (rotator.rotation,)
    assert rotator.rotation.done[-1].what == "Quiet."
    await bench.advance(rotator)
    assert [each.step for each in bench.on_disk] == [Step.CONFIRM]


def test_a_plan_is_written_down_and_nothing_is_sent(bench: Bench) -> None:
    rotator = bench.begin()
    assert bench.on_disk == (rotator.rotation,)
    assert rotator.rotation.where == "Writes it into ~/app/.env."
    assert rotator.rotation.old == ref(OLD)
    assert (rotator.rotation.step, rotator.rotation.begun_at) == (Step.CREATE, None)
    assert bench.service.calls == []


def test_a_key_is_rotated_once_at_a_time(bench: Bench) -> None:
    bench.begin()
    with pytest.raises(errors.RotationUnderWayError, match="is being rotated already"):
        bench.begin()
    assert len(bench.on_disk) == 1


def test_a_plan_that_can_t_be_written_is_none(bench: Bench) -> None:
    bench.journal.failing = ("claim_rotation",)
    with pytest.raises(errors.JournalError):
        bench.begin()


@pytest.mark.parametrize("step", [Step.CREATE, Step.DELIVER, Step.PROVE, Step.REVOKE, Step.CONFIRM])
async def test_what_can_t_be_written_down_is_not_begun(bench: Bench, step: Step) -> None:
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    rotator = bench.begin()
    while rotator.rotation.step is not step:
        if rotator.rotation.step is Step.WATCH:
            rotator.stop_watching("Quiet.")
        else:
            await bench.advance(rotator)
    before, delivered = list(bench.service.calls), bench.shelf.delivered
    bench.journal.failing = ("put_rotation",)
    advanced = await bench.advance(rotator)
    assert not advanced.done
    assert advanced.message == "Nothing was sent. The journal can't be written."
    assert (bench.service.calls, bench.shelf.delivered) == (before, delivered)
    bench.journal.failing = ()
    assert (await bench.advance(rotator)).done


# Create


async def test_a_create_has_a_deadline_on_disk(bench: Bench) -> None:
    seen: list[Rotation] = []
    bench.service.on_create = lambda: seen.extend(bench.on_disk)
    rotator = bench.begin()
    advanced = await bench.advance(rotator)
    assert advanced.message == "Created …NEWn."
    [rotation] = seen
    assert (rotation.begun_at, rotation.deadline_at) == (NOW, NOW + SETTLED_AFTER)
    assert rotator.rotation.deadline_at is None
    [intent] = bench.intents
    assert (intent.rotation_id, intent.key_id) == (rotation.id, "new")
    assert (rotator.rotation.new, rotator.in_hand) == (ref(NEW), True)


async def test_a_refused_create_is_no_step(bench: Bench) -> None:
    bench.service.creates = [
        errors.RateLimitedError("Slower.", status=429, code="", retry_after_s=1)
    ]
    rotator = bench.begin()
    advanced = await bench.advance(rotator)
    assert (advanced.done, advanced.message) == (False, "No key was made. Slower.")
    assert isinstance(advanced.error, errors.RateLimitedError)
    assert [(each.step, each.begun_at) for each in bench.on_disk] == [(Step.CREATE, None)]
    assert bench.intents == ()


async def test_a_lost_answer_whose_key_is_listed_names_it(bench: Bench) -> None:
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(NEW, OLD)]
    rotator = bench.begin()
    advanced = await bench.advance(rotator)
    assert not advanced.done
    assert "“CI” (…NEWn) is there, but its secret is not in hand" in advanced.message
    assert (rotator.rotation.step, rotator.rotation.new) == (Step.DELIVER, ref(NEW))
    assert not rotator.in_hand
    assert bench.on_disk == (rotator.rotation,)


async def test_an_unresolved_create_is_looked_for_and_never_sent_again(bench: Bench) -> None:
    bench.service.creates = [LOST, CREATED]
    rotator = bench.begin()
    assert "not known whether a successor was made" in (await bench.advance(rotator)).message
    advanced = await bench.advance(rotator)
    assert "its answer never came" in advanced.message
    assert "in 10 min at the latest" in advanced.message
    bench.service.listings = [DOWN]
    assert "The list can't be read." in (await bench.advance(rotator)).message
    bench.service.listings = [pages_of(OLD)]
    bench.clock.advance(SETTLED_AFTER.total_seconds() - 1)
    assert "in 1 s at the latest" in (await bench.advance(rotator)).message
    bench.clock.advance(1)
    assert "No successor was made." in (await bench.advance(rotator)).message
    assert len(bench.service.sent) == 1
    assert bench.intents == ()
    assert (await bench.advance(rotator)).done
    assert len(bench.service.sent) == 2


async def test_it_shows_up_later(bench: Bench) -> None:
    bench.service.creates = [LOST]
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.service.listings = [pages_of(NEW, OLD)]
    assert "is not in hand any more" in (await bench.advance(rotator)).message
    assert rotator.rotation.new == ref(NEW)
    assert len(bench.service.sent) == 1


async def test_a_server_that_repeats_gives_another_secret_after_a_crash(bench: Bench) -> None:
    bench.account = REPEATABLE
    bench.service.creates = [LOST, LOST, LOST, CREATED]
    rotator = bench.begin()
    assert not (await bench.advance(rotator)).done
    advanced = await bench.advance(bench.after_a_crash())
    assert advanced.done
    [*_, (_, first, third), (_, again, fourth)] = bench.service.sent
    assert first == again
    assert fourth > third


async def test_a_journal_that_can_t_be_read_begins_no_second_create(bench: Bench) -> None:
    bench.service.creates = [LOST, CREATED]
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.journal.failing = ("open_intents",)
    advanced = await bench.advance(rotator)
    assert (advanced.done, len(bench.service.sent)) == (False, 1)
    assert "Nothing was sent." in advanced.message


async def test_a_key_that_another_create_made_is_not_taken_for_this_one_s(bench: Bench) -> None:
    """Two keys of one name are rotated side by side; the other's successor is the newest."""
    others = make_key("others", "CI", created_ago=timedelta(0))
    rotator = bench.begin()
    request = {"origin": ORIGIN, "account_id": "acct", "name": "CI", "requested_at": NOW}
    other = msgspec.convert({**request, "request_id": "other"}, Intent)
    bench.service.on_create = lambda: bench.journal.put(other)
    bench.service.creates = [LOST]
    bench.service.listings = [pages_of(others, OLD)]
    advanced = await bench.advance(rotator)
    assert "not known whether" in advanced.message, "the other one's answer is still to come"
    bench.journal.put(msgspec.structs.replace(other, state="created", key_id="others"))
    assert "its answer never came" in (await bench.advance(rotator)).message
    bench.journal.remove("other")
    assert "its answer never came" in (await bench.advance(rotator)).message
    bench.service.listings = [pages_of(others, NEW, OLD)]
    await bench.advance(rotator)
    assert rotator.rotation.new == ref(NEW)


# Deliver


async def test_the_intent_is_there_until_the_successor_is_stored(bench: Bench) -> None:
    during: list[Intent] = []
    bench.shelf.during = lambda: during.extend(bench.intents)
    rotator = bench.begin()
    advanced = await bench.advance(rotator, 2)
    assert (advanced.message, advanced.output) == ("Written, and read back.", "o")
    assert [(each.key_id, each.target) for each in during] == [
        ("new", "Writes it into ~/app/.env.")
    ]
    assert bench.intents == ()
    assert (rotator.rotation.stored, rotator.in_hand) == (True, False)
    assert rotator.rotation.watch.since == bench.clock.now()


async def test_a_failed_delivery_keeps_the_secret_in_hand(bench: Bench) -> None:
    bench.shelf.error = NO_ROOM
    rotator = bench.begin()
    advanced = await bench.advance(rotator, 2)
    assert advanced == (False, "There is no room.", "said so", NO_ROOM)
    assert (rotator.in_hand, rotator.created) == (True, CREATED)
    assert len(bench.intents) == 1
    bench.shelf.error = None
    await rotator.deliver_to(SECOND)
    assert [(each.target, each.where) for each in bench.on_disk] == [
        (SECOND, "Writes it into ~/other/.env.")
    ]
    assert (await bench.advance(rotator)).done
    assert bench.shelf.held_in == {"~/app/.env": OLD_SECRET, "~/other/.env": NEW_SECRET}


async def test_without_a_target_it_is_shown(bench: Bench) -> None:
    rotator = bench.begin(target=None)
    assert rotator.rotation.where == ""
    advanced = await bench.advance(rotator, 2)
    assert (advanced.done, advanced.message) == (
        False,
        "It is to be shown: take it to where it belongs.",
    )
    rotator.handed_over("Shown, and pasted back.")
    assert (rotator.rotation.step, rotator.rotation.stored) == (Step.PROVE, True)
    assert bench.intents == ()
    assert (await bench.advance(rotator)).done
    assert bench.service.tried == [NEW_SECRET]


async def test_a_successor_that_its_owner_discarded_is_made_anew(bench: Bench) -> None:
    rotator = bench.begin(target=None)
    await bench.advance(rotator)
    rotator.discarded()
    assert (rotator.created, rotator.intent, rotator.in_hand) == (None, None, False)
    assert [(each.step, each.new, each.done) for each in bench.on_disk] == [(Step.CREATE, None, ())]


async def test_after_a_crash_it_is_found_where_it_was_to_go(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.held_in["~/app/.env"] = NEW_SECRET
    again = bench.after_a_crash()
    advanced = await bench.advance(again)
    assert (advanced.done, advanced.message) == (True, "Found where it was to go, and read back.")
    assert bench.intents == ()
    assert again.rotation.stored
    assert len(bench.service.sent) == 1


@pytest.mark.parametrize("held", [OLD_SECRET, ""], ids=["the old one", "nothing"])
async def test_a_secret_of_another_hint_is_not_the_successor(bench: Bench, held: str) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.held_in["~/app/.env"] = held
    again = bench.after_a_crash()
    advanced = await bench.advance(again)
    assert not advanced.done
    assert "its secret is not in hand any more. Replace it" in advanced.message
    assert not again.rotation.stored
    assert len(bench.intents) == 1


async def test_a_target_that_can_t_be_read_stores_nothing(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    bench.shelf.read_error = NO_ROOM
    assert not (await bench.advance(bench.after_a_crash())).done


async def test_its_owner_has_it_after_all(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    again = bench.after_a_crash()
    again.handed_over("Its owner has it.")
    assert bench.intents == ()
    advanced = await bench.advance(again)
    assert (advanced.done, bench.service.tried) == (True, [])
    assert "Not tried from here" in advanced.message


async def test_a_lost_secret_is_minted_again_where_the_server_can(bench: Bench) -> None:
    bench.account = REPEATABLE
    rotator = bench.begin()
    await bench.advance(rotator)
    again = msgspec.structs.replace(NEW, hint="2ndx")
    bench.service.creates = [CreatedKey(key=again, secret=Secret("local_TheSecond2ndx"))]
    bench.clock.advance(5)
    resumed = bench.after_a_crash()
    assert (await bench.advance(resumed)).done
    assert bench.shelf.held_in["~/app/.env"] == "local_TheSecond2ndx"
    assert resumed.rotation.new == ref(again)


async def test_a_lost_successor_is_replaced(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    again = bench.after_a_crash()
    replaced = await again.replace()
    assert replaced.message == "The lost successor is revoked. Another one will be created."
    assert bench.service.revoked == ["new"]
    assert bench.intents == ()
    assert [(each.step, each.new) for each in bench.on_disk] == [(Step.CREATE, None)]
    assert (await bench.advance(again, 2)).done


async def test_a_successor_that_can_t_be_revoked_is_not_forgotten(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator)
    again = bench.after_a_crash()
    bench.service.revokes["new"] = DOWN
    replaced = await again.replace()
    assert not replaced.done
    assert replaced.message == "The successor was not revoked. PulsAPI can't be reached."
    assert again.rotation.new == ref(NEW)
    assert len(bench.intents) == 1


# Prove


async def test_a_key_that_gets_401_is_not_proven(bench: Bench) -> None:
    bench.service.refusals[NEW_SECRET] = UNAUTHORIZED
    rotator = bench.begin()
    advanced = await bench.advance(rotator, 3)
    assert not advanced.done
    assert "does not accept this key" in advanced.message
    assert rotator.rotation.step is Step.PROVE
    assert bench.service.revoked == []


async def test_after_a_crash_what_is_stored_is_tried(bench: Bench) -> None:
    await bench.advance(bench.begin(), 2)
    again = bench.after_a_crash()
    assert (await bench.advance(again)).done
    assert bench.service.tried == [NEW_SECRET]
    assert again.rotation.watch.tried_at == bench.clock.now()


async def test_another_secret_in_its_place_is_not_tried(bench: Bench) -> None:
    await bench.advance(bench.begin(), 2)
    bench.shelf.held_in["~/app/.env"] = OLD_SECRET
    bench.listed = KeyList([msgspec.structs.replace(NEW, last_used_at=NOW), OLD], NOW)
    advanced = await bench.advance(bench.after_a_crash())
    assert (advanced.done, advanced.message) == (True, "In use: just now.")
    assert bench.service.tried == []


async def test_a_session_goes_on_with_the_successor_of_its_own_key(bench: Bench) -> None:
    rotator = bench.begin(account=OWN)
    assert (await bench.advance(rotator, 3)).done
    assert bench.service.signed_in == [NEW_SECRET]
    assert rotator.account.authenticated_key_id == "new"
    rotator.stop_watching("Quiet.")
    assert (await bench.advance(rotator)).done
    assert bench.service.revoked == ["old"]


async def test_a_session_that_can_t_go_on_stays_with_its_key(bench: Bench) -> None:
    bench.service.sign_in_error = DOWN
    rotator = bench.begin(account=OWN)
    advanced = await bench.advance(rotator, 3)
    assert (advanced.done, advanced.error) == (False, DOWN)
    assert "could not go on with the successor" in advanced.message
    assert rotator.rotation.step is Step.PROVE


# Watch


async def test_a_list_adds_what_was_seen(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    used = [
        msgspec.structs.replace(key, last_used_at=NOW + timedelta(seconds=1)) for key in (NEW, OLD)
    ]
    before = bench.on_disk
    rotator.observe(KeyList(used, NOW))
    assert rotator.unwritten_since is not None
    assert bench.on_disk == before, "a key in use would be a write with every list"
    rotator.write_down()
    assert rotator.unwritten_since is None
    [rotation] = bench.on_disk
    assert rotation.watch.old_uses == rotation.watch.new_uses == (NOW + timedelta(seconds=1),)
    before = rotator.rotation
    rotator.observe(KeyList(used, NOW))
    rotator.observe(KeyList([], NOW))
    assert rotator.rotation is before


async def test_what_is_over_is_not_brought_back_by_what_is_seen_after(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.advance(rotator, 3)
    assert (await rotator.abandon(keep_both=True)).done
    rotator.observe(
        KeyList([msgspec.structs.replace(OLD, last_used_at=NOW + timedelta(seconds=1))], NOW)
    )
    rotator.write_down()
    assert list(bench.on_disk) == []


async def test_the_watch_ends_when_the_user_says_so(bench: Bench) -> None:
    rotator = bench.begin()
    rotator.stop_watching("Too early.")
    assert rotator.rotation.done == ()
    await bench.advance(rotator, 3)
    advanced = await bench.advance(rotator)
    assert (advanced.done, advanced.message) == (False, "The old key is being watched.")
    assert rotator.rotation.begun_at is None


# Revoke and confirm


async def test_a_failed_revoke_is_tried_again(bench: Bench) -> None:
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    bench.service.revokes["old"] = DOWN
    advanced = await bench.advance(rotator)
    assert (advanced.done, rotator.rotation.step) == (False, Step.REVOKE)
    assert advanced.message == "The old key was not revoked. PulsAPI can't be reached."
    bench.service.revokes["old"] = LOST
    bench.service.listings = [pages_of(NEW)]
    advanced = await bench.advance(rotator)
    assert advanced.done
    assert "The list, read again, no longer has it." in advanced.message


async def test_a_session_does_not_revoke_the_key_that_it_is_signed_in_with(bench: Bench) -> None:
    rotator = bench.begin(account=OWN)
    await bench.until_revoke(rotator)
    bench.shelf.held_in["~/app/.env"] = OLD_SECRET
    again = bench.after_a_crash(OWN)
    advanced = await bench.advance(again)
    assert not advanced.done
    assert "signed in with the old key. Start it with the successor" in advanced.message
    assert bench.service.revoked == []
    bench.shelf.held_in["~/app/.env"] = NEW_SECRET
    bench.service.sign_in_error = DOWN
    assert "could not go on" in (await bench.advance(again)).message
    assert bench.service.revoked == []
    bench.service.sign_in_error = None
    assert (await bench.advance(again)).done
    assert again.account.authenticated_key_id == "new"


async def _until_confirm(bench: Bench) -> Rotator:
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    assert (await bench.advance(rotator)).done
    return rotator


async def test_an_old_key_that_is_still_listed_is_revoked_again(bench: Bench) -> None:
    rotator = await _until_confirm(bench)
    bench.service.listings = [pages_of(NEW, OLD)]
    advanced = await bench.advance(rotator)
    assert not advanced.done
    assert advanced.message == "The list still has the old key “CI” (…OLDo): it still works."
    assert [each.step for each in bench.on_disk] == [Step.REVOKE]
    assert (await bench.advance(rotator)).done
    assert bench.service.revoked == ["old", "old"]


async def test_an_old_key_that_is_still_answered_is_not_dead(bench: Bench) -> None:
    rotator = await _until_confirm(bench)
    advanced = await bench.advance(rotator)
    assert not advanced.done
    assert "PulsAPI still answers 200 to it" in advanced.message
    bench.service.refusals[OLD_SECRET] = UNAUTHORIZED
    advanced = await bench.advance(rotator)
    assert advanced.message == ("The list, read again, no longer has it. It gets 401 Unauthorized.")
    assert rotator.rotation.is_over


async def test_without_the_old_secret_the_list_has_to_do(bench: Bench) -> None:
    await _until_confirm(bench)
    again = bench.after_a_crash()
    bench.service.listings = [DOWN, pages_of(NEW)]
    assert "The list can't be read." in (await bench.advance(again)).message
    advanced = await bench.advance(again)
    assert (advanced.done, advanced.message) == (True, "The list, read again, no longer has it.")


async def test_an_answer_that_says_nothing_claims_nothing(bench: Bench) -> None:
    rotator = await _until_confirm(bench)
    bench.service.refusals[OLD_SECRET] = DOWN
    assert (await bench.advance(rotator)).message == "The list, read again, no longer has it."


# What a well-known program for rotating keys did wrong


async def test_no_overlap(bench: Bench) -> None:
    """It deleted the old key and made the new one then; here the old one works until the last."""
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    assert bench.service.revoked == []
    assert bench.shelf.held_in["~/app/.env"] == NEW_SECRET
    assert rotator.rotation.stored


async def test_the_new_key_is_tried_before_the_old_one_is_revoked(bench: Bench) -> None:
    bench.service.refusals[NEW_SECRET] = UNAUTHORIZED
    rotator = bench.begin(Mode.AT_ONCE)
    await bench.advance(rotator, 2)
    for _ in range(5):
        assert not (await bench.advance(rotator)).done
    assert bench.service.revoked == []
    del bench.service.refusals[NEW_SECRET]
    await bench.advance(rotator, 2)
    assert bench.service.calls.index("services") < bench.service.calls.index("revoke old")


async def test_a_secret_that_can_t_be_stored_is_not_thrown_away(bench: Bench) -> None:
    """It threw the fresh secret away when storing failed, while its key stayed live."""
    bench.shelf.error = NO_ROOM
    rotator = bench.begin()
    await bench.advance(rotator, 2)
    assert rotator.created is not None
    assert rotator.created.secret.reveal() == NEW_SECRET
    assert rotator.in_hand
    assert [each.new for each in bench.on_disk] == [ref(NEW)], "and its key is named"
    bench.shelf.error = None
    assert (await bench.advance(rotator)).done
    assert len(bench.service.sent) == 1


async def test_two_keys_do_not_block_the_next_try(bench: Bench) -> None:
    """A failed delete left two keys, of which it made a limit that stopped every later rotation."""
    rotator = bench.begin()
    await bench.until_revoke(rotator)
    bench.service.revokes["old"] = DOWN
    assert not (await bench.advance(rotator)).done
    again = bench.after_a_crash()
    bench.service.revokes.clear()
    assert (await bench.advance(again, 2)).done
    assert bench.on_disk == ()
    assert len(bench.service.sent) == 1


@pytest.mark.parametrize("steps", range(6))
async def test_there_is_a_journal(bench: Bench, steps: int) -> None:
    """It kept none: whatever stopped it, nobody knew of the keys that it left."""
    rotator = bench.begin()
    for _ in range(steps):
        if rotator.rotation.step is Step.WATCH:
            rotator.stop_watching("Quiet.")
        else:
            await bench.advance(rotator)
    if not rotator.rotation.is_over:
        assert bench.on_disk == (rotator.rotation,)
        made = "new" if steps else None
        assert (rotator.rotation.new.id if rotator.rotation.new else None) == made
    assert rotator.rotation.target == TARGET
