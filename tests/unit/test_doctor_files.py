"""Files: each complaint has a line that ends it."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.paths import journal_path, settings_path
from pulsapi_tui.config.settings import read_settings
from pulsapi_tui.doctor.checks import Check, Status
from pulsapi_tui.doctor.files import files_checks
from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.rotation import KeyRef, Mode, Rotation, Step
from pulsapi_tui.domain.verdict import Watch
from tests.unit.support import NOW, ORIGIN


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A space, so that an unquoted path in a mending line would not do.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "my config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "my state"))
    for path in (settings_path(), journal_path()):
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o700)


def look() -> dict[str, Check]:
    """The checks by their names."""
    problem = None
    try:
        read_settings(settings_path())
    except SettingsError as error:
        problem = error
    return {check.name: check for check in files_checks(problem)}


def intent(request_id: str, account_id: str = "acct") -> Intent:
    return Intent(
        request_id=request_id,
        origin=ORIGIN,
        account_id=account_id,
        name="CI",
        requested_at=NOW - timedelta(days=1),
    )


def rotation(rotation_id: str) -> Rotation:
    return Rotation(
        id=rotation_id,
        origin=ORIGIN,
        account_id="third",
        mode=Mode.OVERLAP,
        old=KeyRef("k", "CI", "wxyz"),
        new_name="CI",
        target=None,
        where="",
        started_at=NOW,
        step=Step.CREATE,
        watch=Watch(since=NOW, tried_at=None, old_uses=(), new_uses=(), seen_from=NOW),
    )


def put(*intents: Intent) -> JournalFile:
    journal = JournalFile(journal_path())
    for each in intents:
        journal.put(each)
    return journal


def config(text: str, mode: int = 0o600) -> None:
    settings_path().write_text(text, encoding="utf-8")
    settings_path().chmod(mode)


def write_journal(text: str, mode: int) -> None:
    journal_path().write_text(text, encoding="utf-8")
    journal_path().chmod(mode)


def replace_by_file(directory: Path) -> None:
    directory.rmdir()
    directory.touch()


def statuses() -> dict[str, Status]:
    return {name: check.status for name, check in look().items()}


def test_nothing_there_is_well_and_stays_nothing() -> None:
    for path in (settings_path(), journal_path()):
        path.parent.rmdir()
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
    try:
        assert set(statuses().values()) == {Status.OK}
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert not settings_path().parent.exists()
    assert not journal_path().parent.exists()


COMPLAINTS: dict[str, tuple[str, Status, Callable[[], object]]] = {
    "a config.toml that others can write": (
        "config.toml",
        Status.FAIL,
        lambda: config("", 0o666),
    ),
    "an open config directory": (
        "config directory",
        Status.WARN,
        lambda: settings_path().parent.chmod(0o755),
    ),
    "an open state directory": (
        "state directory",
        Status.WARN,
        lambda: journal_path().parent.chmod(0o750),
    ),
    "a file in the place of the state directory": (
        "state directory",
        Status.FAIL,
        lambda: replace_by_file(journal_path().parent),
    ),
    "a journal that others can read": (
        "journal",
        Status.WARN,
        lambda: write_journal('{"version":1,"intents":[]}', 0o644),
    ),
    "a damaged journal": (
        "journal",
        Status.FAIL,
        lambda: write_journal('{"version":1,"int', 0o600),
    ),
    "a journal that is a link": (
        "journal",
        Status.FAIL,
        lambda: journal_path().symlink_to("/nowhere"),
    ),
}


@pytest.mark.parametrize("what", COMPLAINTS)
def test_the_mending_line_ends_the_complaint(what: str) -> None:
    name, status, spoil = COMPLAINTS[what]
    spoil()
    check = look()[name]
    assert check.status is status, check
    assert str(settings_path().parent.parent) in check.found or "state" in check.found
    subprocess.run(["sh", "-c", check.mend], check=True, timeout=60)
    assert look()[name].status is Status.OK, look()[name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[clipboard", "not valid TOML"),
        ("[clipbord]", "clipboard"),
        ("[reveal]\nmask_after_s = 0", "mask_after_s"),
    ],
)
def test_settings_that_do_not_hold(text: str, said: str) -> None:
    config(text)
    check = look()["config.toml"]
    assert check.status is Status.FAIL
    assert said in check.found
    assert check.mend.startswith("${EDITOR:-vi} '")
    config("")
    assert look()["config.toml"].status is Status.OK


def test_open_creates_are_counted_over_all_accounts() -> None:
    put(intent("r1"), intent("r2"), intent("r3", "other")).close()
    check = look()["journal"]
    assert check.status is Status.WARN
    assert check.found.startswith("Open: 3 creates. ")
    assert check.mend == "start pulsapi-tui: it asks about each"
    journal = put()
    for request_id in ("r1", "r2"):
        journal.remove(request_id)
    journal.put_rotation(rotation("t"))
    assert look()["journal"].found.startswith("Open: 1 create. "), "another is at the rotation"
    journal.close()
    assert look()["journal"].found.startswith("Open: 1 create and 1 rotation. ")
    journal.remove_rotation("t")
    check = look()["journal"]
    assert check.found.startswith("Open: 1 create. ")
    assert check.mend == "start pulsapi-tui: it asks about it"
    journal.remove("r3")
    assert look()["journal"].status is Status.OK


def test_a_create_that_a_running_program_is_at_is_not_open() -> None:
    journal = put(intent("r1"))
    assert look()["journal"].status is Status.OK
    journal.close()
    assert look()["journal"].status is Status.WARN


def test_what_it_finds_does_not_change_the_journal() -> None:
    put(intent("r1")).close()
    before = journal_path().read_bytes()
    look()
    assert journal_path().read_bytes() == before


def test_what_belongs_to_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    put(intent("r1")).close()
    config("")
    me = os.geteuid()
    if me == 0:
        for path in (settings_path(), journal_path()):
            os.chown(path, 1, -1)
            os.chown(path.parent, 1, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    checks = look()
    for name in ("config.toml", "config directory", "state directory", "journal"):
        assert checks[name].status is Status.FAIL, checks[name]
        assert "another user" in checks[name].found
        assert checks[name].mend.startswith('sudo chown "$(id -u)" ')


@pytest.mark.parametrize(("soft", "status"), [(0, Status.OK), (4096, Status.WARN)])
def test_core_files(soft: int, status: Status) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] not in {resource.RLIM_INFINITY} and before[1] < soft:
        pytest.skip("core files are off for good here")
    resource.setrlimit(resource.RLIMIT_CORE, (soft, before[1]))
    try:
        assert look()["core files"].status is status
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
