"""The last target of a profile is kept; what goes wrong with it is forgotten."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from pulsapi_tui.config import last_target
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.files import open_directory, replace_file

ENV = Target(way_id="env_file", values={"path": "~/äpp/.env", "variable": "A_B"})
PASS = Target(way_id="command:pass", values={"path": "a \"quoted\" 'name'"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "last-targets.toml"


def test_nothing_at_first(path: Path) -> None:
    assert LastTargetFile(path, "demo").last("CI") is None
    assert not path.parent.exists()


def test_each_profile_has_its_own(path: Path) -> None:
    LastTargetFile(path, "demo").remember(ENV, "CI")
    LastTargetFile(path, "api.pulsapi.com").remember(PASS, "CI")
    assert LastTargetFile(path, "demo").last("CI") == ENV
    assert LastTargetFile(path, "api.pulsapi.com").last("CI") == PASS
    LastTargetFile(path, "demo").remember(PASS, "CI")
    assert LastTargetFile(path, "demo").last("CI") == PASS
    assert LastTargetFile(path, "staging").last("CI") is None


def test_a_key_goes_where_its_name_went_before(path: Path) -> None:
    it = LastTargetFile(path, "demo")
    it.remember(ENV, "CI")
    it.remember(PASS, "Deploy bot")
    assert it.last("CI") == ENV
    assert it.last("Deploy bot") == PASS
    assert it.last("a new one") is None, "there stands another key"


def test_a_file_that_must_be_new_is_not_offered_again(path: Path) -> None:
    it = LastTargetFile(path, "demo")
    it.remember(Target(way_id="file", values={"path": "~/ci.key"}), "CI")
    assert it.last("CI") is None
    assert it.last("a new one") is None


def test_names_are_not_kept_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_target, "MOST_NAMES", 5)
    it = LastTargetFile(path, "demo")
    for number in range(5 + 2):
        it.remember(ENV, f"key {number}")
    assert it.last("key 1") is None
    assert it.last("key 2") == ENV


def test_it_is_private(path: Path) -> None:
    before = os.umask(0)
    try:
        LastTargetFile(path, "demo").remember(ENV, "CI")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "[targets", "targets = 1", '[targets.demo]\nway_id = "a"\n'])
def test_what_is_damaged_is_nothing(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    it = LastTargetFile(path, "demo")
    assert it.last("CI") is None
    it.remember(ENV, "CI")
    assert it.last("CI") == ENV


def test_bytes_that_are_no_text_are_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff")
    assert LastTargetFile(path, "demo").last("CI") is None


def test_a_fifo_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert LastTargetFile(path, "demo").last("CI") is None


def test_where_it_can_t_be_kept_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    it = LastTargetFile(tmp_path / "file" / "last-targets.toml", "demo")
    it.remember(ENV, "CI")
    assert it.last("CI") is None


def test_what_can_t_be_read_just_now_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a passing error would make it forget all that it knew."""
    it = LastTargetFile(path, "demo")
    it.remember(ENV, "CI")

    def fail(name: str, flags: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(last_target, "_without_waiting", fail)
        assert it.last("CI") is None
        it.remember(PASS, "other")
    assert it.last("CI") == ENV
    assert it.last("other") is None


def test_it_is_changed_under_the_lock_of_all_instances(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[str] = []

    def replace(directory: int, name: str, data: bytes, *, must_be_private: bool) -> None:
        with open_directory(path.parent) as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        writes.append(name)
        replace_file(directory, name, data, must_be_private=must_be_private)

    monkeypatch.setattr(last_target, "replace_file", replace)
    LastTargetFile(path, "demo").remember(ENV, "CI")
    assert writes == [path.name]
