"""A private file, whole or not at all, whatever fails and whenever we are killed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsapi_tui import files
from pulsapi_tui.files import NotSyncedError, create_file, open_directory, replace_file
from tests.unit.faults import (
    FAULTS,
    NOBODY,
    failing_at,
    killed_at_each_step,
    needs_root,
    open_descriptors,
    temporary_names,
    tiny_disk,
)

OLD = b"old text\n"
NEW = b"new-secret-text " * 500
STALE = files.PREFIX + "0123456789abcdef"


@pytest.fixture(params=["unnamed", "named"])
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With unnamed files, and as where there are none."""
    if request.param == "named":
        monkeypatch.setattr(files, "_O_TMPFILE", None)
    return str(request.param)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    with open_directory(tmp_path) as descriptor:
        yield descriptor


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
@pytest.mark.usefixtures("variant")
def test_only_its_owner_can_read_it_whatever_the_umask(
    directory: int, tmp_path: Path, umask: int
) -> None:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "old").chmod(0o644)
    before = os.umask(umask)
    try:
        replace_file(directory, "old", NEW)
        create_file(directory, "made", NEW)
    finally:
        os.umask(before)
    for name in ("old", "made"):
        assert (tmp_path / name).read_bytes() == NEW
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert (tmp_path / name).stat().st_nlink == 1
    assert sorted(os.listdir(tmp_path)) == ["made", "old"]


@pytest.mark.usefixtures("variant")
def test_an_empty_file(directory: int, tmp_path: Path) -> None:
    create_file(directory, "made", b"")
    assert (tmp_path / "made").read_bytes() == b""


@pytest.mark.usefixtures("variant")
def test_short_writes_are_gone_on_with(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data)[:7]))
    replace_file(directory, "file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW


@pytest.mark.usefixtures("variant")
def test_a_disk_that_takes_nothing_is_an_error(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(OSError, match="Input/output"):
        replace_file(directory, "file", NEW)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("what", ["replace", "create"])
def test_what_gets_its_name_is_on_disk(
    directory: int, variant: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The text is synced before the name is given, the name after it."""
    steps: list[str] = []
    real_fsync, real_link, real_replace = os.fsync, os.link, os.replace

    def fsync(file: int) -> None:
        real_fsync(file)
        status = os.fstat(file)
        if not stat.S_ISDIR(status.st_mode):
            assert status.st_size == len(NEW)
        steps.append("directory" if stat.S_ISDIR(status.st_mode) else "file")

    def link(*arguments: str, **options: int) -> None:
        real_link(*arguments, **options)  # type: ignore[arg-type]
        steps.append("link")

    def replace(*arguments: str, **options: int) -> None:
        real_replace(*arguments, **options)  # type: ignore[arg-type]
        steps.append("replace")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "replace", replace)
    (replace_file if what == "replace" else create_file)(directory, "file", NEW)
    naming = ["replace"] if what == "replace" else []
    if what == "create" or variant == "unnamed":
        naming = ["link", *naming]
    assert steps == ["file", *naming, "directory"]


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("what", ["replace", "create"])
def test_each_step_may_fail(tmp_path: Path, variant: str, code: int, what: str) -> None:
    descriptors = open_descriptors()
    seen = set()
    for at in range(1, 100):
        place = tmp_path / str(at)
        place.mkdir()
        if what == "replace":
            (place / "file").write_bytes(OLD)
        failure: OSError | None = None
        with open_directory(place) as directory, failing_at(at, code) as countdown:
            try:
                write = replace_file if what == "replace" else create_file
                write(directory, "file", NEW)
            except OSError as error:
                failure = error
        held = (place / "file").read_bytes() if (place / "file").exists() else b""
        kept = OLD if what == "replace" else b""
        assert temporary_names(place) == []
        assert open_descriptors() == descriptors
        if not countdown.is_over:
            assert held == NEW
            assert failure is None
            break
        seen.add(countdown.steps[at - 1])
        if code == 0:
            assert held == NEW
        elif isinstance(failure, NotSyncedError):
            assert held == NEW
            assert countdown.steps[-2:] == ["replace", "fsync"]
        else:
            assert failure is not None
            assert failure.errno == code
            assert held == kept
    expected = {"open", "write", "fsync"}
    if what == "replace":
        expected |= {"replace"}
    if variant == "unnamed" or what == "create":
        expected |= {"link"}
    assert seen == expected


KILLED = {
    "replace": """
def prepare(directory):
    (directory / "file").write_bytes(b"old text\\n")
def act(directory):
    with files.open_directory(directory) as opened:
        files.replace_file(opened, "file", b"new-secret-text " * 500)
""",
    "create": """
def prepare(directory):
    pass
def act(directory):
    with files.open_directory(directory) as opened:
        files.create_file(opened, "file", b"new-secret-text " * 500)
""",
}


@pytest.mark.parametrize("what", KILLED)
def test_killed_at_each_step(tmp_path: Path, variant: str, what: str) -> None:
    places = killed_at_each_step(KILLED[what], tmp_path, variant)
    assert len(places) > 8
    left = 0
    for place in places:
        held = (place / "file").read_bytes() if (place / "file").exists() else b""
        assert held in ((OLD if what == "replace" else b""), NEW)
        others = set(os.listdir(place)) - {"file"}
        assert len(others) <= 1
        assert others == set(temporary_names(place))
        left += len(others)
        with open_directory(place) as directory:
            replace_file(directory, "file", b"next")
        assert os.listdir(place) == ["file"]
        assert (place / "file").stat().st_nlink == 1
    # Only between the naming and the renaming, where there are unnamed files.
    assert left <= 1 or variant == "named"


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT])
def test_where_there_are_no_unnamed_files(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = os.open

    def refuse(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if name == ".":
            raise OSError(code, os.strerror(code))
        return real(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    replace_file(directory, "file", NEW)
    create_file(directory, "made", NEW)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "file": NEW,
        "made": NEW,
    }


def test_where_an_unnamed_file_can_t_be_named(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def refuse(source: str, target: str, **options: int) -> None:
        if source.startswith("/proc/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        real(source, target, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", refuse)
    replace_file(directory, "file", NEW)
    create_file(directory, "made", NEW)
    assert sorted(os.listdir(tmp_path)) == ["file", "made"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "directory", "pipe"])
@pytest.mark.usefixtures("variant")
def test_creating_never_overwrites(directory: int, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "made"
    (tmp_path / "other").write_bytes(OLD)
    match kind:
        case "file":
            target.write_bytes(OLD)
        case "link":
            target.symlink_to("other")
        case "dangling":
            target.symlink_to("nowhere")
        case "directory":
            target.mkdir()
        case "pipe":
            os.mkfifo(target)
    before = target.lstat()
    with pytest.raises(FileExistsError):
        create_file(directory, "made", NEW)
    after = target.lstat()
    assert (before.st_ino, before.st_mode, before.st_size) == (
        after.st_ino,
        after.st_mode,
        after.st_size,
    )
    assert sorted(os.listdir(tmp_path)) == ["made", "other"]
    assert (tmp_path / "other").read_bytes() == OLD


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
@pytest.mark.usefixtures("variant")
def test_the_check_stops_the_renaming(
    directory: int, tmp_path: Path, failure: type[BaseException]
) -> None:
    (tmp_path / "file").write_bytes(OLD)

    def check() -> None:
        [scratch] = temporary_names(tmp_path)
        assert (tmp_path / scratch).read_bytes() == NEW
        raise failure

    with pytest.raises(failure):
        replace_file(directory, "file", NEW, check=check)
    assert (tmp_path / "file").read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file"]


@needs_root
@pytest.mark.usefixtures("variant")
def test_the_group_is_kept(directory: int, tmp_path: Path) -> None:
    replace_file(directory, "file", NEW, group=NOBODY)
    assert (tmp_path / "file").stat().st_gid == NOBODY
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


@pytest.mark.usefixtures("variant")
def test_a_group_that_can_t_be_kept_stops_nothing(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", refuse)
    replace_file(directory, "file", NEW, group=NOBODY)
    assert (tmp_path / "file").read_bytes() == NEW


@pytest.mark.usefixtures("variant")
def test_a_file_system_without_permissions_gets_no_secret(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fchmod
    monkeypatch.setattr(os, "fchmod", lambda file, _: real(file, 0o755))
    written: list[int] = []
    real_write = os.write

    def write_seen(file: int, data: bytes) -> int:
        written.append(file)
        return real_write(file, data)

    monkeypatch.setattr(os, "write", write_seen)
    for write in (replace_file, create_file):
        with pytest.raises(OSError, match="keeps no permissions"):
            write(directory, "file", NEW)
    assert written == []
    assert os.listdir(tmp_path) == []
    replace_file(directory, "file", NEW, must_be_private=False)
    assert (tmp_path / "file").read_bytes() == NEW


def test_stale_names_of_ours_are_removed_and_nothing_else(directory: int, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(OLD)
    kept = [
        files.PREFIX + "notes",
        files.PREFIX + "0123456789abcdef.txt",
        files.PREFIX + "0123456789ABCDEF",
        "x" + STALE,
    ]
    for name in kept:
        (tmp_path / name).write_bytes(OLD)
    link = tmp_path / (files.PREFIX + "1" * 16)
    link.symlink_to("precious")
    pipe = tmp_path / (files.PREFIX + "2" * 16)
    os.mkfifo(pipe)
    folder = tmp_path / (files.PREFIX + "3" * 16)
    folder.mkdir()
    (tmp_path / STALE).write_bytes(NEW)
    replace_file(directory, "file", NEW)
    assert set(os.listdir(tmp_path)) == {
        "file", "precious", link.name, pipe.name, folder.name, *kept,
    }  # fmt: skip
    assert precious.read_bytes() == OLD


@needs_root
def test_a_stale_name_of_another_user_is_left_alone(directory: int, tmp_path: Path) -> None:
    (tmp_path / STALE).write_bytes(NEW)
    os.chown(tmp_path / STALE, NOBODY, NOBODY)
    create_file(directory, "made", NEW)
    assert sorted(os.listdir(tmp_path)) == [STALE, "made"]


def test_a_file_that_is_still_being_written_is_left_alone(directory: int, tmp_path: Path) -> None:
    with (tmp_path / STALE).open("wb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        replace_file(directory, "file", NEW)
        assert sorted(os.listdir(tmp_path)) == [STALE, "file"]
    replace_file(directory, "file", NEW)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.usefixtures("variant")
def test_a_write_of_another_instance_survives_ours(directory: int, tmp_path: Path) -> None:
    with open_directory(tmp_path) as other:
        replace_file(directory, "a", NEW, check=lambda: replace_file(other, "b", NEW))
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.usefixtures("variant")
def test_a_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "64k") as disk, open_directory(disk) as directory:
        (disk / "file").write_bytes(OLD)
        for write in (replace_file, create_file):
            with pytest.raises(OSError, match="No space left") as caught:
                write(directory, "file" if write is replace_file else "made", b"x" * 100_000)
            assert caught.value.errno == errno.ENOSPC
        assert (disk / "file").read_bytes() == OLD
        assert os.listdir(disk) == ["file"]
        replace_file(directory, "file", NEW)
        assert (disk / "file").read_bytes() == NEW


def test_a_directory_that_can_t_be_synced(
    directory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file is taken back; a replaced one can't be."""
    real = os.fsync

    def fail_for_directories(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file)

    monkeypatch.setattr(os, "fsync", fail_for_directories)
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(NotSyncedError) as caught:
        replace_file(directory, "file", NEW)
    assert caught.value.__context__ is None
    with pytest.raises(OSError, match="Input/output"):
        create_file(directory, "made", NEW)
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == NEW
