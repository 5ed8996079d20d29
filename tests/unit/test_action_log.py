"""The log of actions on disk: private, appended to line by line, safe for two instances."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config import action_log
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.paths import action_log_path
from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.errors import ActionLogError
from tests.unit.support import NOW, ORIGIN

EACH = 500


def _action(name: str = "CI", *, outcome: str = "revoked", detail: str = "") -> Action:
    return Action(
        at=NOW,
        who="o@example.com (acct)",
        profile="demo",
        origin=ORIGIN,
        action="revoke",
        key_id="k1",
        key_name=name,
        hint="wxyz",
        outcome=outcome,
        detail=detail,
    )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(log: ActionLogFile) -> list[str]:
    return [action.key_name for action in log.read()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "actions.jsonl"


@pytest.fixture
def log(path: Path) -> ActionLogFile:
    return ActionLogFile(path)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_appended_is_there_for_the_next_instance(path: Path) -> None:
    first = _action('tricky "name" \\ 名 🔑')
    second = msgspec.structs.replace(_action(), at=NOW + timedelta(1), outcome="not known")
    for action in (first, second):
        assert ActionLogFile(path).append(action)
    assert ActionLogFile(path).read() == (first, second)
    assert path.read_bytes().count(b"\n") == 2


def test_reading_makes_nothing(log: ActionLogFile, path: Path) -> None:
    assert log.read() == ()
    assert not path.parent.exists()
    path.parent.mkdir()
    assert log.read() == ()
    assert list(path.parent.iterdir()) == []


def test_a_log_whose_lock_is_gone_is_read(log: ActionLogFile, path: Path) -> None:
    log.append(_action("kept"))
    path.with_suffix(".lock").unlink()
    assert _names(log) == ["kept"]


@pytest.mark.usefixtures("open_umask")
def test_only_its_owner_can_read_it_whatever_the_umask(log: ActionLogFile, path: Path) -> None:
    assert log.append(_action())
    assert _mode(path.parent) == 0o700
    assert {entry.name: _mode(entry) for entry in path.parent.iterdir()} == {
        "actions.jsonl": 0o600,
        "actions.lock": 0o600,
    }


def test_a_file_that_others_could_read_is_closed_to_them(log: ActionLogFile, path: Path) -> None:
    log.append(_action())
    path.chmod(0o644)
    assert log.append(_action())
    assert _mode(path) == 0o600


@pytest.mark.parametrize("name", ["actions.jsonl", "actions.lock"])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_symlink_is_refused_and_its_target_untouched(
    log: ActionLogFile, path: Path, tmp_path: Path, name: str, dangling: bool
) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_text("precious")
    path.parent.mkdir()
    (path.parent / name).symlink_to(target)
    assert not log.append(_action())
    with pytest.raises(ActionLogError, match="can't be read"):
        log.read()
    assert target.exists() is not dangling
    if not dangling:
        assert target.read_text() == "precious"


@pytest.mark.parametrize("name", ["actions.jsonl", "actions.lock"])
def test_a_fifo_is_refused_and_not_waited_for(log: ActionLogFile, path: Path, name: str) -> None:
    path.parent.mkdir()
    os.mkfifo(path.parent / name)
    assert not log.append(_action())
    with pytest.raises(ActionLogError, match="can't be read"):
        log.read()


def test_a_file_of_another_user_is_refused(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(_action())
    before = path.read_bytes()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert not log.append(_action())
    with pytest.raises(ActionLogError, match="belongs to another user"):
        log.read()
    assert path.read_bytes() == before


def test_a_file_in_the_place_of_the_directory_is_no_reason_to_raise(
    log: ActionLogFile, path: Path
) -> None:
    path.parent.write_text("in the way")
    assert not log.append(_action())


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_torn_last_line_spoils_neither_what_was_nor_what_comes(
    log: ActionLogFile, path: Path, cut: int
) -> None:
    for name in ("first", "torn"):
        log.append(_action(name))
    path.write_bytes(path.read_bytes()[:-cut])
    whole = ["first", "torn"] if cut == 1 else ["first"]
    assert _names(log) == whole
    assert log.append(_action("next"))
    assert _names(log) == [*whole, "next"]
    assert log.append(_action("last"))
    assert _names(log) == [*whole, "next", "last"]


FOREIGN = {
    "zeros": b"\x00" * 512,
    "a list": b"[]",
    "an empty object": b"{}",
    "a time without a zone": msgspec.json.encode(_action()).replace(b"Z", b"", 1),
    "invalid UTF-8": msgspec.json.encode(_action("x")).replace(b'"x"', b'"\xff"'),
    "too deep": b'{"at":' + b"[" * 200_000,
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_line_that_is_none_of_ours_is_left_out_and_kept(
    log: ActionLogFile, path: Path, what: str
) -> None:
    log.append(_action("first"))
    with path.open("ab") as stream:
        stream.write(FOREIGN[what] + b"\n")
    log.append(_action("last"))
    assert _names(log) == ["first", "last"]
    assert FOREIGN[what] in path.read_bytes()


def test_what_stands_in_the_file_is_cleaned_before_anybody_draws_it(log: ActionLogFile) -> None:
    log.append(_action("a\x1b]52;c;eA==\x07\u202eb"))
    [name] = _names(log)
    assert name == "a\N{REPLACEMENT CHARACTER}]52;c;eA==" + "\N{REPLACEMENT CHARACTER}" * 2 + "b"


def test_a_long_log_is_moved_aside_and_one_is_kept(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action_log, "MAX_BYTES", 600)
    names = [f"n{number:02}" for number in range(12)]
    for name in names:
        assert log.append(_action(name))
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "actions.jsonl",
        "actions.jsonl.1",
        "actions.lock",
    ]
    kept = _names(log)
    assert kept == names[-len(kept) :]
    assert len(kept) > len(path.read_bytes().splitlines()), "the older part is read, too"
    assert _mode(path.with_name("actions.jsonl.1")) == 0o600


def test_a_log_that_can_t_be_moved_aside_grows_on(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action_log, "MAX_BYTES", 100)
    path.parent.mkdir()
    path.with_name("actions.jsonl.1").mkdir()
    assert all(log.append(_action()) for _ in range(3))
    assert path.read_bytes().count(b"\n") == 3


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["write", "fsync", "open"])
def test_a_failing_disk_is_said_by_the_answer(
    log: ActionLogFile, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    log.append(_action("first"))
    with monkeypatch.context() as patch:
        patch.setattr(os, step, _full)
        assert log.append(_action("lost")) is False
    assert log.append(_action("next"))
    assert [name for name in _names(log) if name != "lost"] == ["first", "next"]


def test_a_write_that_came_half_is_taken_back(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(_action("first"))
    before = path.read_bytes()
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: real(file, data[: len(data) // 2]))
        assert not log.append(_action("half"))
    assert path.read_bytes() == before


def test_every_write_is_made_under_the_lock(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, writes = os.write, 0

    def write(file: int, data: bytes) -> int:
        nonlocal writes
        writes += 1
        with path.with_suffix(".lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    assert log.append(_action())
    assert log.append(_action())
    assert writes == 2, "a line is one write"


def test_without_locks_nothing_is_written(
    log: ActionLogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", _full)
    assert not log.append(_action())
    assert not path.exists()


def test_no_descriptor_is_left_open(log: ActionLogFile, path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    log.append(_action())
    log.read()
    path.unlink()
    path.mkdir()
    assert not log.append(_action())
    with pytest.raises(ActionLogError):
        log.read()
    assert len(os.listdir("/dev/fd")) == before


APPEND = f"""
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from pulsapi_tui.config import action_log
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.domain.actions import Action
action_log.MAX_BYTES = int(sys.argv[4])
log, who, count = ActionLogFile(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
if count:
    os.fsync = lambda descriptor: None  # the order of writes is under test, not the disk
print("ready", flush=True)
sys.stdin.readline()
number = 0
while not count or number < count:
    kept = log.append(Action(
        at=datetime.now(UTC), who=who, profile="", origin="{ORIGIN}", action="revoke",
        key_id=str(number), key_name="n" * 300, hint="", outcome="revoked"))
    assert kept
    number += 1
    if not count:
        print(number, flush=True)
"""


def _appender(
    stack: ExitStack, path: Path, who: str, count: int, max_bytes: int = action_log.MAX_BYTES
) -> subprocess.Popen[str]:
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), who, str(count), str(max_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("moves", [0, 1])
def test_two_processes_at_once_lose_nothing_and_tear_nothing(path: Path, moves: int) -> None:
    """Also where the log becomes too long in the middle, and one of the two moves it aside."""
    max_bytes = 300_000 if moves else action_log.MAX_BYTES
    with ExitStack() as stack:
        writers = [_appender(stack, path, who, EACH, max_bytes) for who in "ab"]
        for writer in writers:
            _go(writer)
        assert [writer.wait(60) for writer in writers] == [0, 0]
    parts = sorted(path.parent.glob("actions.jsonl*"))
    assert len(parts) == 1 + moves
    lines = [line for part in parts for line in part.read_bytes().splitlines()]
    assert len(lines) == 2 * EACH
    assert all(msgspec.json.decode(line) for line in lines)
    seen = [(action.who, int(action.key_id)) for action in ActionLogFile(path).read()]
    for who in "ab":
        assert [number for author, number in seen if author == who] == list(range(EACH))


def test_a_kill_in_the_middle_loses_nothing_that_was_confirmed(
    log: ActionLogFile, path: Path
) -> None:
    confirmed = 0
    for who in "abc":
        with ExitStack() as stack:
            process = _appender(stack, path, who, 0)
            _go(process)
            assert process.stdout is not None
            for _ in range(20):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            # What it still said before it died was confirmed, too.
            confirmed = 20 + sum(1 for line in process.stdout if line.endswith("\n"))
            process.wait(60)
        seen = [int(action.key_id) for action in log.read() if action.who == who]
        assert seen == list(range(len(seen)))
        assert len(seen) >= confirmed
    assert log.append(_action("after"))
    assert _names(log)[-1] == "after"


def test_a_killed_holder_frees_the_lock(log: ActionLogFile, path: Path) -> None:
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
        assert log.append(_action())
    assert _names(log) == ["CI"]


def test_it_lies_where_the_platform_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("XDG directories are Linux's")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert action_log_path() == tmp_path / "pulsapi-tui" / "actions.jsonl"
