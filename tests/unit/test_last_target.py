"""The last target of a profile is kept; what goes wrong with it is forgotten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.domain.delivery import Target

ENV = Target(way_id="env_file", values={"path": "~/äpp/.env", "variable": "A_B"})
PASS = Target(way_id="command:pass", values={"path": "a \"quoted\" 'name'"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "last-targets.toml"


def test_nothing_at_first(path: Path) -> None:
    assert LastTargetFile(path, "demo").last() is None
    assert not path.parent.exists()


def test_each_profile_has_its_own(path: Path) -> None:
    LastTargetFile(path, "demo").remember(ENV)
    LastTargetFile(path, "api.pulsapi.com").remember(PASS)
    assert LastTargetFile(path, "demo").last() == ENV
    assert LastTargetFile(path, "api.pulsapi.com").last() == PASS
    LastTargetFile(path, "demo").remember(PASS)
    assert LastTargetFile(path, "demo").last() == PASS
    assert LastTargetFile(path, "staging").last() is None


def test_it_is_private(path: Path) -> None:
    before = os.umask(0)
    try:
        LastTargetFile(path, "demo").remember(ENV)
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
    assert it.last() is None
    it.remember(ENV)
    assert it.last() == ENV


def test_bytes_that_are_no_text_are_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff")
    assert LastTargetFile(path, "demo").last() is None


def test_a_fifo_is_not_waited_for(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert LastTargetFile(path, "demo").last() is None


def test_where_it_can_t_be_kept_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    it = LastTargetFile(tmp_path / "file" / "last-targets.toml", "demo")
    it.remember(ENV)
    assert it.last() is None
