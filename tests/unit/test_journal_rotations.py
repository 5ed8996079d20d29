"""Rotations on disk: claimed once, gone on with by one instance, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import JournalError, RotationUnderWayError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.rotation import KeyRef, Mode, Rotation, Step
from pulsapi_tui.domain.verdict import Watch
from tests.unit.faults import FAULTS, failing_at, killed_at_each_step
from tests.unit.support import CANARY, NOW, ORIGIN


def make_rotation(
    rotation_id: str = "t1",
    old_id: str = "old",
    *,
    new_id: str | None = None,
    account_id: str = "acct",
    origin: str = ORIGIN,
) -> Rotation:
    return Rotation(
        id=rotation_id,
        origin=origin,
        account_id=account_id,
        mode=Mode.OVERLAP,
        old=KeyRef(old_id, 'tricky "name" \\ 名', "wxyz"),
        new_name="CI",
        target=Target(way_id="env_file", values={"path": "~/.env", "variable": "KEY"}),
        where="KEY in ~/.env",
        started_at=NOW,
        step=Step.CREATE,
        new=None if new_id is None else KeyRef(new_id, "CI", "abcd"),
        watch=Watch(since=NOW, tried_at=None, old_uses=(NOW,), new_uses=(), seen_from=NOW),
    )


FIRST = make_rotation()
INTENT = Intent(request_id="r1", origin=ORIGIN, account_id="acct", name="CI", requested_at=NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.json"


def here(journal: JournalFile) -> tuple[Rotation, ...]:
    return journal.open_rotations(ORIGIN, "acct").here


def elsewhere(journal: JournalFile) -> tuple[Rotation, ...]:
    return journal.open_rotations(ORIGIN, "acct").elsewhere


def end(journal: JournalFile, path: Path) -> JournalFile:
    """The next start of the program."""
    journal.close()
    return JournalFile(path)


def test_what_is_written_is_there_for_the_next_instance(journal: JournalFile, path: Path) -> None:
    journal.claim_rotation(FIRST)
    begun = FIRST.begin(NOW, NOW + timedelta(minutes=10))
    journal.put_rotation(begun)
    assert here(journal) == (begun,)
    again = end(journal, path)
    assert again.open_rotations(ORIGIN, "acct") == ((begun,), ())
    done = msgspec.structs.replace(begun.finish(NOW, "Created."), new=KeyRef("n", "CI", "abcd"))
    again.put_rotation(done)
    assert here(end(again, path)) == (done,)


def test_rotations_are_in_the_order_of_their_last_write(journal: JournalFile) -> None:
    second = make_rotation("t2", "other")
    journal.claim_rotation(FIRST)
    journal.claim_rotation(second)
    assert here(journal) == (FIRST, second)


def test_accounts_and_servers_are_kept_apart(journal: JournalFile) -> None:
    journal.claim_rotation(FIRST)
    journal.claim_rotation(make_rotation("t2", account_id="other"))
    journal.claim_rotation(make_rotation("t3", origin="https://elsewhere"))
    assert here(journal) == (FIRST,)


def test_intents_and_rotations_do_not_disturb_each_other(journal: JournalFile) -> None:
    journal.put(INTENT)
    journal.claim_rotation(FIRST)
    journal.remove("r1")
    assert here(journal) == (FIRST,)
    journal.put(INTENT)
    journal.remove_rotation("t1")
    assert journal.open_intents(ORIGIN, "acct") == (INTENT,)
    assert here(journal) == ()


def test_removing_one_that_is_not_there_writes_nothing(journal: JournalFile, path: Path) -> None:
    journal.claim_rotation(FIRST)
    before = path.stat().st_ino
    journal.remove_rotation("never there")
    assert path.stat().st_ino == before


@pytest.mark.parametrize("key_id", ["old", "new"])
def test_a_key_is_in_one_rotation_as_the_old_or_the_new_one(
    journal: JournalFile, key_id: str
) -> None:
    under_way = make_rotation(new_id="new")
    journal.claim_rotation(under_way)
    with pytest.raises(
        RotationUnderWayError,
        match=r"is being rotated already, since 2026-11-24 12:00 UTC\. Open it and go on\.",
    ):
        journal.claim_rotation(make_rotation("t2", key_id))
    assert here(journal) == (under_way,)


def test_a_second_window_is_refused_and_told_where_it_is(journal: JournalFile, path: Path) -> None:
    journal.claim_rotation(FIRST)
    other = JournalFile(path)
    assert (here(other), elsewhere(other)) == ((), (FIRST,))
    with pytest.raises(RotationUnderWayError, match="Another window of this program is at it"):
        other.claim_rotation(make_rotation("t2"))
    with pytest.raises(RotationUnderWayError, match="Another window of this program is at it"):
        other.put_rotation(FIRST.begin(NOW))
    assert here(journal) == (FIRST,)


def test_of_two_windows_that_found_it_one_goes_on(journal: JournalFile, path: Path) -> None:
    """Both read it after the first one was closed; what the slower one knows is old by then."""
    journal.claim_rotation(FIRST)
    quick, slow = end(journal, path), JournalFile(path)
    assert here(quick) == here(slow) == (FIRST,)
    begun = FIRST.begin(NOW)
    quick.put_rotation(begun)
    with pytest.raises(RotationUnderWayError, match="Another window of this program is at it"):
        slow.put_rotation(begun)
    quick.close()
    assert here(slow) == (begun,)
    with pytest.raises(RotationUnderWayError, match=r"went on with the rotation .* meanwhile"):
        slow.put_rotation(begun)
    assert here(slow) == (begun,)
    JournalFile(path).put_rotation(begun.finish(NOW, "Created."))


def test_one_that_another_window_ended_is_not_begun_again(journal: JournalFile, path: Path) -> None:
    journal.claim_rotation(FIRST)
    quick, slow = end(journal, path), JournalFile(path)
    assert here(slow) == (FIRST,)
    quick.put_rotation(FIRST)
    quick.remove_rotation("t1")
    quick.close()
    with pytest.raises(RotationUnderWayError, match="meanwhile"):
        slow.put_rotation(FIRST.begin(NOW))
    assert here(slow) == ()


def test_a_journal_that_vanished_does_not_stop_who_is_at_it(
    journal: JournalFile, path: Path
) -> None:
    journal.claim_rotation(FIRST)
    here(journal)
    path.unlink()
    journal.put_rotation(FIRST.begin(NOW))
    assert here(journal) == (FIRST.begin(NOW),)


def test_a_key_that_one_create_made_is_no_other_one_s(journal: JournalFile, path: Path) -> None:
    """Also where the other one is another window's."""
    other = JournalFile(path)
    namesake = msgspec.structs.replace(INTENT, request_id="r2", known_ids=frozenset({"a"}))
    stranger = msgspec.structs.replace(INTENT, request_id="r3", name="else")
    foreign = msgspec.structs.replace(INTENT, request_id="r4", account_id="other")
    for intent in (namesake, stranger, foreign):
        other.put(intent)
    journal.put(msgspec.structs.replace(INTENT, state="created", key_id="made"))
    assert other.open_intents(ORIGIN, "acct") == (
        msgspec.structs.replace(namesake, known_ids=frozenset({"a", "made"})),
        stranger,
    )
    assert other.open_intents(ORIGIN, "other") == (foreign,)


PROCESS = """
import os, signal, sys
from pathlib import Path
import msgspec
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import RotationUnderWayError
from pulsapi_tui.domain.rotation import Rotation
rotation = msgspec.json.decode(sys.argv[2], type=Rotation)
try:
    JournalFile(Path(sys.argv[1])).claim_rotation(rotation)
except RotationUnderWayError as error:
    print(error.user_message, flush=True)
else:
    print("claimed", flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def _start(path: Path, rotation: Rotation) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(path), msgspec.json.encode(rotation).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _kill(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_two_processes_and_the_death_of_one(path: Path) -> None:
    first = _start(path, FIRST)
    assert _said(first) == "claimed"
    second = _start(path, make_rotation("t2"))
    assert "Another window of this program is at it." in _said(second)
    _kill(first)
    journal = JournalFile(path)
    assert here(journal) == (FIRST,), "the kernel has freed its lock"
    with pytest.raises(RotationUnderWayError, match="Open it and go on"):
        journal.claim_rotation(make_rotation("t3"))
    journal.put_rotation(FIRST.begin(NOW))
    assert here(journal) == (FIRST.begin(NOW),)
    _kill(second)
    journal.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["journal.json", "journal.lock"]


def test_of_many_that_claim_at_once_one_gets_it(path: Path) -> None:
    path.parent.mkdir()
    processes = [_start(path, make_rotation(f"t{number}")) for number in range(4)]
    said = [_said(process) for process in processes]
    for process in processes:
        _kill(process)
    assert said.count("claimed") == 1
    assert len(here(JournalFile(path))) == 1


def test_an_older_journal_is_read_and_kept(journal: JournalFile, path: Path) -> None:
    """One that was written before there were rotations."""
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode({"version": 1, "intents": [INTENT]}))
    assert here(journal) == ()
    journal.claim_rotation(FIRST)
    assert journal.open_intents(ORIGIN, "acct") == (INTENT,)
    assert here(journal) == (FIRST,)


@pytest.mark.parametrize(
    ("field", "value"),
    [("step", "wish"), ("mode", 5), ("holder", "../../x"), ("watch", None), ("done", [{}])],
)
def test_a_damaged_rotation_is_refused_and_kept(
    journal: JournalFile, path: Path, field: str, value: object
) -> None:
    journal.claim_rotation(FIRST)
    contents = json.loads(path.read_bytes())
    contents["rotations"][0][field] = value
    path.write_text(json.dumps(contents))
    before = path.read_bytes()
    for call in (
        lambda: here(journal),
        lambda: journal.claim_rotation(make_rotation("t2", "other")),
        lambda: journal.put_rotation(FIRST),
        lambda: journal.remove_rotation("t1"),
    ):
        with pytest.raises(JournalError, match="damaged"):
            call()
    assert path.read_bytes() == before


def test_it_has_no_place_for_a_secret(journal: JournalFile, path: Path) -> None:
    """Every field of a rotation is an id, a name, a time or a place; a stranger is refused."""
    journal.claim_rotation(make_rotation(new_id="new").begin(NOW).finish(NOW, "Created …abcd."))
    contents = json.loads(path.read_bytes())
    assert set(contents["rotations"][0]) == {*Rotation.__struct_fields__, "holder"}
    assert set(contents["rotations"][0]["new"]) == {"id", "name", "hint"}
    assert CANARY not in path.read_text()


# Disks that fail, and processes that are killed


def _writes(journal: JournalFile, write: str) -> None:
    match write:
        case "claim":
            journal.claim_rotation(make_rotation("t2", "other"))
        case "put":
            journal.put_rotation(FIRST.begin(NOW))
        case "remove":
            journal.remove_rotation("t1")


AFTER = {
    "claim": (FIRST, make_rotation("t2", "other")),
    "put": (FIRST.begin(NOW),),
    "remove": (),
}


@pytest.mark.parametrize("write", AFTER)
@pytest.mark.parametrize("code", FAULTS)
def test_every_error_of_the_disk_leaves_it_whole(tmp_path: Path, write: str, code: int) -> None:
    """The n-th step fails, for each n: the old contents or the new ones, and the truth is said."""
    for at in range(1, 100):
        path = tmp_path / str(at) / "journal.json"
        journal = JournalFile(path)
        journal.claim_rotation(FIRST)
        failed = False
        with failing_at(at, code) as countdown:
            try:
                _writes(journal, write)
            except JournalError:
                failed = True
        found = here(journal)
        assert found in ((FIRST,), AFTER[write])
        assert failed or found == AFTER[write]
        journal.close()
        assert sorted(os.listdir(path.parent)) == ["journal.json", "journal.lock"]
        if not countdown.is_over:
            break
    else:
        raise AssertionError("the steps have no end")
    assert at > 5


ACT = """
import msgspec
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.rotation import Rotation
os.fsync = lambda descriptor: None  # the order of writes is under test, not the disk
FIRST, SECOND = msgspec.json.decode({rotations!r}, type=list[Rotation])
def prepare(directory):
    journal = JournalFile(directory / "journal.json")
    journal.claim_rotation(FIRST)
    journal.close()
def act(directory):
    journal = JournalFile(directory / "journal.json")
    match {write!r}:
        case "claim":
            journal.claim_rotation(SECOND)
        case "put":
            [rotation] = journal.open_rotations(FIRST.origin, FIRST.account_id).here
            journal.put_rotation(rotation.begin(rotation.started_at))
        case "remove":
            journal.remove_rotation(FIRST.id)
"""


@pytest.mark.parametrize("variant", ["unnamed", "named"])
@pytest.mark.parametrize("write", AFTER)
def test_a_kill_at_any_step_leaves_it_whole(tmp_path: Path, write: str, variant: str) -> None:
    rotations = msgspec.json.encode([FIRST, make_rotation("t2", "other")])
    code = ACT.format(rotations=rotations, write=write)
    directories = killed_at_each_step(code, tmp_path, variant)
    assert len(directories) > 5
    found = [here(JournalFile(each / "journal.json")) for each in directories]
    assert set(map(repr, found)) == {repr((FIRST,)), repr(AFTER[write])}
    assert found[-1] == AFTER[write]
    for directory in directories:
        journal = JournalFile(directory / "journal.json")
        journal.claim_rotation(make_rotation("t9", "ninth"))
        journal.close()
        assert sorted(os.listdir(directory)) == ["journal.json", "journal.lock"]


def test_no_room_is_said(journal: JournalFile) -> None:
    journal.claim_rotation(FIRST)
    with failing_at(3, errno.ENOSPC), pytest.raises(JournalError, match="No key is created"):
        journal.put_rotation(FIRST.begin(NOW))
