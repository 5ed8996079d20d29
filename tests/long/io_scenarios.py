"""What is read and written on this machine: each file's calls, and what may be found afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NamedTuple

import msgspec

from pulsapi_tui.config import action_log
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.credential_file import FileStore
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.config.settings import read_settings
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.delivery.secret_file import SecretFileSink
from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.profiles import Kept, Profile
from pulsapi_tui.domain.secret import Secret
from tests.unit.rotation_support import SECOND, TARGET
from tests.unit.support import CANARY, NOW, ORIGIN
from tests.unit.test_journal_rotations import FIRST, make_rotation

OLD_KEY = "local_AnOlderKey0123456789"


class Scenario(NamedTuple):
    """One call on one file."""

    prepare: Callable[[Path], object]
    act: Callable[[Path], object]
    """Raises `PulsapiError` or returns False where it says no; what it read, or None for done."""
    look: Callable[[Path], object]
    """What the next start of the program finds."""
    may_be_silent: bool = False
    """A convenience: a failure is not said, and then nothing may have changed, or all."""
    may_be_done_twice: bool = True
    """To do it again changes nothing more."""


_OTHER_WINDOWS: list[JournalFile] = []


def _journal(folder: Path) -> JournalFile:
    return JournalFile(folder / "journal.json")


def _intent(request_id: str) -> Intent:
    return Intent(
        request_id=request_id, origin=ORIGIN, account_id="acct", name="CI", requested_at=NOW
    )


def _with_journal(work: Callable[[JournalFile], object]) -> Callable[[Path], object]:
    def act(folder: Path) -> object:
        journal = _journal(folder)
        try:
            return work(journal)
        finally:
            journal.close()

    return act


def _fill_journal(journal: JournalFile) -> None:
    journal.put(_intent("r1"))
    journal.claim_rotation(FIRST)


def _read_journal(journal: JournalFile) -> object:
    intents = sorted(each.request_id for each in journal.open_intents(ORIGIN, "acct"))
    rotations = journal.open_rotations(ORIGIN, "acct").here
    return intents, sorted((each.id, each.step) for each in rotations)


def _journals(work: Callable[[JournalFile], object], may_be_done_twice: bool = True) -> Scenario:
    return Scenario(
        _with_journal(_fill_journal),
        _with_journal(work),
        _with_journal(_read_journal),
        may_be_done_twice=may_be_done_twice,
    )


def _hold_journal(folder: Path) -> None:
    """Another window is at both; it lives until the folder is used anew."""
    for each in _OTHER_WINDOWS:
        each.close()
    _OTHER_WINDOWS[:] = [_journal(folder)]
    _fill_journal(_OTHER_WINDOWS[0])


def _profiles(folder: Path) -> ProfilesFile:
    return ProfilesFile(folder / "profiles.toml")


def _fill_profiles(folder: Path) -> None:
    for name in ("one", "two"):
        _profiles(folder).put(Profile(name=name), make_current=True)


def _edits(work: Callable[[ProfilesFile], object], may_be_done_twice: bool = True) -> Scenario:
    return Scenario(
        _fill_profiles,
        lambda folder: work(_profiles(folder)),
        lambda folder: _profiles(folder).read(),
        may_be_done_twice=may_be_done_twice,
    )


def _credentials(folder: Path) -> tuple[StoredCredentials, Profile]:
    credentials = StoredCredentials(folder / "credentials", {})
    return credentials, Profile(name="prod", source=credentials.source(Kept.FILE, "prod"))


def _keep(folder: Path, key: str) -> None:
    credentials, profile = _credentials(folder)
    credentials.keep_now(profile, Secret(key))


def _kept(folder: Path) -> object:
    credentials, profile = _credentials(folder)
    if not Path(profile.source.path).exists():
        return None
    return credentials.read_now(profile)


def _read_key(folder: Path) -> object:
    credentials, profile = _credentials(folder)
    return credentials.read_now(profile)


def _targets(folder: Path) -> LastTargetFile:
    return LastTargetFile(folder / "last-targets.toml", "demo")


def _look_at_targets(folder: Path) -> tuple[Target | None, ...]:
    return tuple(_targets(folder).last(name) for name in ("a", "b", "any"))


def _fill_targets(folder: Path) -> None:
    _targets(folder).remember(TARGET, "a")
    _targets(folder).remember(SECOND, "b")


def _log(folder: Path) -> ActionLogFile:
    return ActionLogFile(folder / "actions.jsonl")


def _append(folder: Path, name: str) -> bool:
    action = Action(
        at=NOW,
        who="o@example.com",
        profile="demo",
        origin=ORIGIN,
        action="revoke",
        key_id="k1",
        key_name=name,
        hint="wxyz",
        outcome="revoked",
    )
    return _log(folder).append(action)


def _append_to_long(folder: Path) -> bool:
    before, action_log.MAX_BYTES = action_log.MAX_BYTES, 100
    try:
        return _append(folder, "second")
    finally:
        action_log.MAX_BYTES = before


def _names(folder: Path) -> list[str]:
    return [each.key_name for each in _log(folder).read()]


def _write_settings(folder: Path) -> None:
    (folder / "config.toml").write_text("[reveal]\nmask_after_s = 7\n")
    (folder / "config.toml").chmod(0o600)


def _settings(folder: Path) -> object:
    return read_settings(folder / "config.toml")


ENV = b"# mine\nPULSAPI_API_KEY=old\nB=2\n"


def _env_values(folder: Path) -> dict[str, str]:
    return {"path": str(folder / ".env"), "variable": "PULSAPI_API_KEY"}


def _deliver(folder: Path) -> None:
    EnvFileSink({}).deliver(Secret(CANARY), _env_values(folder))


def _held(folder: Path) -> Secret | None:
    return EnvFileSink({}).held(_env_values(folder))


def _env_text(folder: Path) -> bytes | None:
    path = folder / ".env"
    return path.read_bytes() if path.exists() else None


def _file_values(folder: Path) -> dict[str, str]:
    return {"path": str(folder / "a.key")}


def _make_key_file(folder: Path) -> None:
    SecretFileSink({}).deliver(Secret(CANARY), _file_values(folder))


def _key_file(folder: Path) -> bytes | None:
    path = folder / "a.key"
    return path.read_bytes() if path.exists() else None


def _nothing(folder: Path) -> None:
    pass


SCENARIOS: dict[str, Scenario] = {
    "journal: first intent": Scenario(
        _nothing,
        _with_journal(lambda journal: journal.put(_intent("r1"))),
        _with_journal(_read_journal),
    ),
    "journal: intent": _journals(lambda journal: journal.put(_intent("r2"))),
    "journal: intent over": _journals(lambda journal: journal.remove("r1")),
    "journal: claim": _journals(
        lambda journal: journal.claim_rotation(make_rotation("t2", "other")),
        may_be_done_twice=False,
    ),
    "journal: rotation": _journals(lambda journal: journal.put_rotation(FIRST.begin(NOW))),
    "journal: rotation over": _journals(lambda journal: journal.remove_rotation("t1")),
    "journal: read": _journals(_read_journal),
    "journal: another window's": Scenario(
        _hold_journal, _with_journal(_read_journal), _with_journal(_read_journal)
    ),
    "profiles: first": Scenario(
        _nothing,
        lambda folder: _profiles(folder).put(Profile(name="one")),
        lambda folder: _profiles(folder).read(),
    ),
    "profiles: add": _edits(lambda profiles: profiles.put(Profile(name="three"))),
    "profiles: change": _edits(
        lambda profiles: profiles.change(
            "one", lambda each: msgspec.structs.replace(each, read_only=True)
        )
    ),
    "profiles: use": _edits(lambda profiles: profiles.use("one")),
    "profiles: remove": _edits(lambda profiles: profiles.remove("one"), may_be_done_twice=False),
    "profiles: read": _edits(lambda profiles: profiles.read()),
    "credentials: first": Scenario(_nothing, lambda folder: _keep(folder, CANARY), _kept),
    "credentials: keep": Scenario(
        lambda folder: _keep(folder, OLD_KEY), lambda folder: _keep(folder, CANARY), _kept
    ),
    "credentials: forget": Scenario(
        lambda folder: _keep(folder, OLD_KEY),
        lambda folder: FileStore(folder / "credentials").forget(_credentials(folder)[1], Event()),
        _kept,
    ),
    "credentials: read": Scenario(lambda folder: _keep(folder, OLD_KEY), _read_key, _kept),
    "settings: read": Scenario(_write_settings, _settings, _settings),
    "last targets: first": Scenario(
        _nothing,
        lambda folder: _targets(folder).remember(TARGET, "a"),
        _look_at_targets,
        may_be_silent=True,
    ),
    "last targets: remember": Scenario(
        _fill_targets,
        lambda folder: _targets(folder).remember(SECOND, "c"),
        _look_at_targets,
        may_be_silent=True,
    ),
    "action log: first": Scenario(
        _nothing, lambda folder: _append(folder, "first"), _names, may_be_done_twice=False
    ),
    "action log: append": Scenario(
        lambda folder: _append(folder, "first"),
        lambda folder: _append(folder, "second"),
        _names,
        may_be_done_twice=False,
    ),
    "action log: move aside": Scenario(
        lambda folder: _append(folder, "first"), _append_to_long, _names, may_be_done_twice=False
    ),
    "action log: read": Scenario(lambda folder: _append(folder, "first"), _names, _names),
    "env file: new": Scenario(_nothing, _deliver, _env_text),
    "env file: replace": Scenario(
        lambda folder: (folder / ".env").write_bytes(ENV), _deliver, _env_text
    ),
    "env file: read": Scenario(_deliver, _held, _env_text),
    "key file: new": Scenario(_nothing, _make_key_file, _key_file, may_be_done_twice=False),
    "key file: read": Scenario(
        _make_key_file, lambda folder: SecretFileSink({}).held(_file_values(folder)), _key_file
    ),
}
