"""The journal on disk: private, whole or not at all, safe for two instances."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.paths import journal_path, server_directory
from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.intents import Intent
from tests.unit.support import NOW, ORIGIN

EACH = 200


def _intent(request_id: str = "r1", *, name: str = "CI", account_id: str = "acct") -> Intent:
    return Intent(
        request_id=request_id,
        origin=ORIGIN,
        account_id=account_id,
        name=name,
        requested_at=NOW,
        known_ids=frozenset({"old"}),
    )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.json"


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_put_is_there_for_the_next_instance(path: Path) -> None:
    first = _intent("r1", name='tricky "name" \\ 名 🔑')
    second = msgspec.structs.replace(
        _intent("r2"), state="created", key_id="k", hint="h", requested_at=NOW + timedelta(1)
    )
    for intent in (first, second):
        journal = JournalFile(path)
        journal.put(intent)
        journal.close()
    assert JournalFile(path).open_intents(ORIGIN, "acct") == (first, second)


def test_another_instance_does_not_ask_of_what_this_one_is_at(
    journal: JournalFile, path: Path
) -> None:
    journal.put(_intent("r1"))
    other = JournalFile(path)
    assert other.open_intents(ORIGIN, "acct") == ()
    assert journal.open_intents(ORIGIN, "acct") == (_intent("r1"),)
    journal.close()
    assert other.open_intents(ORIGIN, "acct") == (_intent("r1"),)


def test_a_killed_instance_lets_go(path: Path) -> None:
    code = (
        "import os, sys, signal; from pathlib import Path; from datetime import datetime, UTC\n"
        "from pulsapi_tui.config.journal_file import JournalFile\n"
        "from pulsapi_tui.domain.intents import Intent\n"
        f"JournalFile(Path(sys.argv[1])).put(Intent(request_id='r1', origin={ORIGIN!r},"
        " account_id='acct', name='n', requested_at=datetime.now(UTC)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    [intent] = JournalFile(path).open_intents(ORIGIN, "acct")
    assert intent.request_id == "r1"
    assert sorted(each.name for each in path.parent.iterdir()) == ["journal.json", "journal.lock"]


def test_an_intent_is_replaced_by_its_request_id(journal: JournalFile) -> None:
    journal.put(_intent("r1"))
    journal.put(_intent("r2", name="else"))
    known = msgspec.structs.replace(_intent("r1"), state="created", key_id="k")
    journal.put(known)
    assert journal.open_intents(ORIGIN, "acct") == (_intent("r2", name="else"), known)


def test_accounts_and_servers_are_kept_apart(journal: JournalFile) -> None:
    journal.put(_intent("r1"))
    journal.put(_intent("r2", account_id="other"))
    assert [each.request_id for each in journal.open_intents(ORIGIN, "acct")] == ["r1"]
    assert journal.open_intents("https://elsewhere", "acct") == ()


def test_removing(journal: JournalFile, path: Path) -> None:
    journal.put(_intent("r1"))
    journal.put(_intent("r2"))
    journal.remove("r1")
    assert [each.request_id for each in journal.open_intents(ORIGIN, "acct")] == ["r2"]
    before = path.stat().st_ino
    journal.remove("never there")
    assert path.stat().st_ino == before


def test_an_absent_journal_is_empty_and_reading_writes_none(
    journal: JournalFile, path: Path
) -> None:
    assert journal.open_intents(ORIGIN, "acct") == ()
    journal.remove("r1")
    assert not path.exists()


@pytest.mark.usefixtures("open_umask")
def test_only_its_owner_can_read_it_whatever_the_umask(journal: JournalFile, path: Path) -> None:
    journal.put(_intent())
    assert _mode(path.parent) == 0o700
    journal.close()
    assert {entry.name: _mode(entry) for entry in path.parent.iterdir()} == {
        "journal.json": 0o600,
        "journal.lock": 0o600,
    }


@pytest.mark.parametrize("name", ["journal.json", "journal.lock"])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_symlink_is_refused_and_its_target_untouched(
    journal: JournalFile, path: Path, tmp_path: Path, name: str, dangling: bool
) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_text("precious")
    path.parent.mkdir()
    (path.parent / name).symlink_to(target)
    with pytest.raises(JournalError, match="No key is created without it"):
        journal.put(_intent())
    assert target.exists() is not dangling
    if not dangling:
        assert target.read_text() == "precious"
    assert (path.parent / name).is_symlink()


GOOD = msgspec.json.encode({"version": 1, "intents": [_intent()]})
DAMAGED = {
    "empty": b"",
    "cut": GOOD[:-10],
    "not JSON": b"<html>",
    "another program's": b'{"keys": []}',
    "an empty object": b"{}",
    "a list": b"[]",
    "an unknown field": GOOD[:-1] + b',"extra":1}',
    "a later version": GOOD.replace(b'"version":1', b'"version":2'),
    "no version": GOOD.replace(b'"version":1,', b""),
    "an unknown state": GOOD.replace(b'"requested"', b'"wished"'),
    "a naive type": GOOD.replace(b'"name":"CI"', b'"name":5'),
    "invalid UTF-8": GOOD.replace(b"CI", b"\xff\xfe"),
    "zeros": b"\x00" * 512,
    "too deep": b'{"version":1,"intents":[{"x":' + b"[" * 200_000,
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_or_foreign_content_is_refused_and_kept(
    journal: JournalFile, path: Path, what: str
) -> None:
    path.parent.mkdir()
    path.write_bytes(DAMAGED[what])
    calls: list[Callable[[], object]] = [
        lambda: journal.put(_intent("r9")),
        lambda: journal.remove("r1"),
        lambda: journal.open_intents(ORIGIN, "acct"),
    ]
    for call in calls:
        with pytest.raises(JournalError, match="damaged"):
            call()
    assert path.read_bytes() == DAMAGED[what]


def test_a_directory_in_its_place_is_refused(journal: JournalFile, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(JournalError, match="damaged"):
        journal.put(_intent())


def test_a_fifo_in_its_place_is_refused_at_once(journal: JournalFile, path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(JournalError, match="damaged"):
        journal.put(_intent())


def test_a_file_of_another_user_is_refused(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.put(_intent())
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(JournalError, match="belongs to another user"):
        journal.open_intents(ORIGIN, "acct")


def test_a_file_in_the_place_of_the_directory_is_refused(journal: JournalFile, path: Path) -> None:
    path.parent.write_text("in the way")
    with pytest.raises(JournalError, match="can't be opened"):
        journal.put(_intent())


WRITE_AS_NOBODY = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.errors import JournalError
from pulsapi_tui.domain.intents import Intent
intent = Intent(request_id="r", origin="o", account_id="a", name="n",
                requested_at=datetime.now(UTC))
os.fchdir(int(sys.argv[1]))
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    JournalFile(Path("journal.json")).put(intent)
except JournalError as error:
    print(error.user_message)
"""


def test_an_unwritable_directory_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    """In a process of its own, which stops being root: root may write anywhere."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o555)
    # By its descriptor, as only root may come by the directories above it.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        child = subprocess.run(
            [sys.executable, "-c", WRITE_AS_NOBODY, str(descriptor)],
            pass_fds=[descriptor],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(descriptor)
    assert "can't be opened (Permission denied)" in child.stdout, child.stderr
    assert list(directory.iterdir()) == []


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failing_disk_leaves_the_old_file_whole(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    journal.put(_intent("r1"))
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, step, _full)
        with pytest.raises(JournalError, match=r"can't be written \(No space left on device\)"):
            journal.put(_intent("r2"))
        with pytest.raises(JournalError):
            journal.remove("r1")
    assert path.read_bytes() == before
    journal.close()
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["journal.json", "journal.lock"]
    journal.put(_intent("r2"))
    assert len(journal.open_intents(ORIGIN, "acct")) == 2


def test_a_directory_that_can_t_be_synced_is_said(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fail_for_directories(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            _full()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_directories)
    with pytest.raises(JournalError, match="can't be written"):
        journal.put(_intent())
    journal.close()
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["journal.json", "journal.lock"]


def test_no_reader_ever_sees_a_half_written_file(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step of a write, what lies under the journal's name is whole, old or new."""
    journal.put(_intent("r1"))
    seen: list[int] = []
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def look(step: str) -> None:
        contents = msgspec.json.decode(path.read_bytes())
        seen.append(len(contents["intents"]))
        steps.append(step)

    def fsync(descriptor: int) -> None:
        look("fsync")
        real_fsync(descriptor)
        look("synced")

    def replace(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        look("replace")
        assert msgspec.json.decode((path.parent / source).read_bytes())["version"] == 1
        real_replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        look("replaced")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    journal.put(_intent("r2"))
    assert steps == ["fsync", "synced", "replace", "replaced", "fsync", "synced"]
    assert seen == [1, 1, 1, 2, 2, 2]


def test_a_lock_that_can_t_be_had_is_said(
    journal: JournalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", _full)
    with pytest.raises(JournalError, match="can't be locked"):
        journal.put(_intent())


@pytest.mark.parametrize("step", ["unlink", "scandir"])
def test_a_lock_that_can_t_be_removed_is_no_error(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It is held by nobody any more, and removed by the next instance."""
    with monkeypatch.context() as patch:
        patch.setattr(os, step, _full)
        journal.put(_intent())
        journal.close()
    other = JournalFile(path)
    assert len(other.open_intents(ORIGIN, "acct")) == 1
    other.put(_intent("r2"))
    other.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["journal.json", "journal.lock"]


def test_a_holder_that_can_t_be_looked_at_is_not_taken_for_dead(
    journal: JournalFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.put(_intent())
    real = os.open

    def fail(name: str | Path, flags: int, *arguments: int, **options: int) -> int:
        if Path(name).name.startswith("journal-"):
            _full()
        return real(name, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(JournalError, match="can't be read"):
        JournalFile(path).open_intents(ORIGIN, "acct")


def test_no_descriptor_is_left_open(journal: JournalFile, path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    journal.put(_intent())
    journal.open_intents(ORIGIN, "acct")
    path.write_text("damaged")
    with pytest.raises(JournalError):
        journal.put(_intent())
    journal.close()
    assert len(os.listdir("/dev/fd")) == before


WRITE_MANY = f"""
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.intents import Intent
os.fsync = lambda descriptor: None  # the order of writes is under test, not the disk
journal, who = JournalFile(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range({EACH}):
    journal.put(Intent(request_id=f"{{who}}{{number}}", origin="{ORIGIN}", account_id="acct",
                       name="CI", requested_at=datetime.now(UTC)))
    if number % 2:
        journal.remove(f"{{who}}{{number}}")
"""


def test_two_processes_at_once_lose_nothing(path: Path) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WRITE_MANY, str(path), who],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for who in "ab"
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [writer.wait(60) for writer in writers] == [0, 0]
    kept = {each.request_id for each in JournalFile(path).open_intents(ORIGIN, "acct")}
    assert kept == {f"{who}{number}" for who in "ab" for number in range(0, EACH, 2)}


def test_a_killed_holder_frees_the_lock(journal: JournalFile, path: Path) -> None:
    path.parent.mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, time\n"
            "lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n"
            "fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "print(flush=True)\n"
            "time.sleep(600)\n",
            str(path.with_suffix(".lock")),
        ],
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        holder.wait(60)
        journal.put(_intent())
    assert len(journal.open_intents(ORIGIN, "acct")) == 1


def test_the_journal_may_vanish_between_two_calls(journal: JournalFile, path: Path) -> None:
    journal.put(_intent("r1"))
    shutil.rmtree(path.parent)
    journal.put(_intent("r2"))
    assert [each.request_id for each in journal.open_intents(ORIGIN, "acct")] == ["r2"]


def test_files_lie_where_the_platform_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("XDG directories are Linux's")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert journal_path() == tmp_path / "s" / "pulsapi-tui" / "journal.json"
    assert server_directory() == tmp_path / "d" / "pulsapi-tui" / "server"
