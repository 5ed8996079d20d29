"""A key in a file of its own: whole, private, and never over another file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pulsapi_tui.delivery.secret_file import SecretFileSink
from pulsapi_tui.domain.delivery import Delivered, Preview
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.names import slug
from pulsapi_tui.domain.secret import Secret
from tests.unit.faults import (
    FAULTS,
    NOBODY,
    failing_at,
    fill,
    killed_at_each_step,
    needs_root,
    open_descriptors,
    temporary_names,
    tiny_disk,
)
from tests.unit.support import CANARY

KEY = Secret(CANARY)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def deliver(path: Path | str = "~/ci.key", secret: Secret = KEY) -> Delivered:
    return SecretFileSink().deliver(secret, {"path": str(path)})


def refused(path: Path | str = "~/ci.key") -> str:
    with pytest.raises(DeliveryError) as caught:
        deliver(path)
    assert caught.value.__context__ is None
    assert CANARY not in repr(caught.value)
    return caught.value.user_message


def test_a_file_with_the_key_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        delivered = deliver()
    finally:
        os.umask(before)
    assert delivered == Delivered(
        where="~/ci.key", message="Written to ~/ci.key (0600), and read back."
    )
    assert (home / "ci.key").read_text() == CANARY
    assert stat.S_IMODE((home / "ci.key").stat().st_mode) == 0o600
    assert os.listdir(home) == ["ci.key"]


@pytest.mark.parametrize("text", ["a'b\"c$`\\#", "schlüssel", "a b\n", "\ud800"])
def test_any_text_is_kept(home: Path, text: str) -> None:
    if text == "\ud800":
        # Not to be read back as text, so it is no success; nor is it a crash.
        with pytest.raises(DeliveryError, match="does not hold the key"):
            deliver(secret=Secret(text))
        return
    deliver(secret=Secret(text))
    assert (home / "ci.key").read_bytes() == text.encode()


@pytest.mark.parametrize("name", ["CI/CD Pipeline", "../../etc/passwd", "名前", ""])
def test_the_name_comes_from_the_key(name: str) -> None:
    [field] = SecretFileSink().way(name).fields
    assert (field.id, field.default) == ("path", f"~/{slug(name)}.key")


def test_the_way_and_the_preview(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = SecretFileSink()
    way = sink.way("CI")
    assert (way.id, way.title) == ("file", "File")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    assert sink.preview({"path": "~/ci.key"}) == Preview(
        "Creates ~/ci.key (0600) with the key alone, and reads it back."
    )
    assert sink.preview({"path": "a\x1bb"}).is_error
    assert sink.preview({}) == Preview("Give the path of the file.", is_error=True)
    with pytest.raises(DeliveryError, match="Give the path"):
        sink.concerns({"path": ""})


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "directory", "pipe"])
def test_what_is_there_is_never_overwritten(home: Path, kind: str) -> None:
    path = home / "ci.key"
    (home / "other").write_text("precious")
    match kind:
        case "file":
            path.write_text("precious")
        case "link":
            path.symlink_to("other")
        case "dangling":
            path.symlink_to("nowhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    before = path.lstat()
    sentence = refused()
    assert sentence == "~/ci.key is there already and is never overwritten. Choose another name."
    with pytest.raises(DeliveryError, match="is there already"):
        SecretFileSink().concerns({"path": str(path)})
    after = path.lstat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert (home / "other").read_text() == "precious"
    assert sorted(os.listdir(home)) == ["ci.key", "other"]


def test_concerns_change_nothing(home: Path) -> None:
    assert SecretFileSink().concerns({"path": "~/ci.key"}) == ()
    assert os.listdir(home) == []


@needs_root
def test_a_directory_of_another_user_is_refused(home: Path) -> None:
    (home / "theirs").mkdir()
    os.chown(home / "theirs", NOBODY, NOBODY)
    assert "belongs to another user" in refused("~/theirs/ci.key")
    assert os.listdir(home / "theirs") == []


def test_a_directory_that_all_may_change_is_refused(home: Path) -> None:
    (home / "open").mkdir()
    (home / "open").chmod(0o777)
    assert "Everybody may change files" in refused("~/open/ci.key")
    assert "does not exist" in refused("~/nowhere/ci.key")


def test_a_full_disk(home: Path) -> None:
    with tiny_disk(home / "disk", "16k") as disk:
        fill(disk)
        assert "the disk is full" in refused(disk / "ci.key")
        assert os.listdir(disk) == ["fill"]


@pytest.mark.parametrize("code", FAULTS)
def test_each_step_may_fail(home: Path, code: int) -> None:
    descriptors = open_descriptors()
    for at in range(1, 100):
        directory = home / str(at)
        directory.mkdir()
        failure = None
        with failing_at(at, code) as countdown:
            try:
                deliver(directory / "ci.key")
            except DeliveryError as error:
                failure = error
        assert open_descriptors() == descriptors
        assert temporary_names(directory) == []
        if failure is None or "was written, but" in failure.user_message:
            assert (directory / "ci.key").read_text() == CANARY
        else:
            assert os.listdir(directory) == []
        if not countdown.is_over:
            assert failure is None
            break
        assert (failure is None) == (code == 0)
    assert at > 6


DELIVER = """
from pulsapi_tui.delivery.secret_file import SecretFileSink
from pulsapi_tui.domain.secret import Secret
def act(directory):
    SecretFileSink().deliver(Secret(%r), {"path": str(directory / "ci.key")})
def prepare(directory):
    pass
"""


@pytest.mark.parametrize("variant", ["unnamed", "named"])
def test_killed_at_each_step(home: Path, variant: str) -> None:
    directories = killed_at_each_step(DELIVER % CANARY, home, variant)
    assert len(directories) > 8
    for directory in directories:
        path = directory / "ci.key"
        if path.exists():
            assert path.read_text() == CANARY
            assert "is there already" in refused(path)
        else:
            deliver(path)
        assert os.listdir(directory) == ["ci.key"]


@pytest.mark.parametrize("text", [None, "", "other", CANARY + "\n"])
def test_what_reads_back_differently_is_no_success(
    home: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    real = os.link

    def link(*arguments: str, **options: int) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        (home / "ci.key").unlink()
        if text is not None:
            (home / "ci.key").write_text(text)

    monkeypatch.setattr(os, "link", link)
    assert "was written, but on reading it back it does not hold the key" in refused()
