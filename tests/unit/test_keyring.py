"""The system's keyring: a real one, or a sentence; nothing in the clear in its stead."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsapi_tui.config import keyring_store
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.config.keyring_store import ACCEPTED, LOCKED, KeyringStore
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY
from tests.unit.test_credentials import refused

KEY = Secret(CANARY)
PROFILE = Profile(name="prod", source=CredentialSource(Kept.KEYRING))


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bus, and nothing of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)


def problem(**environment: str) -> str:
    """Why it can't be used; a read says the same."""
    credentials = StoredCredentials(Path("nowhere"), environment)
    stores = {each.kept: each.problem for each in asyncio.run(credentials.stores())}
    for act in (
        lambda: credentials.read_now(PROFILE),
        lambda: credentials.keep_now(PROFILE, KEY),
        lambda: asyncio.run(credentials.forget(PROFILE)),
    ):
        assert refused(act) == stores[Kept.KEYRING]
    return stores[Kept.KEYRING]


# --- where there is none ------------------------------------------------------------------------


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert problem().endswith("In the folder of the clone, run: pip install -e '.[keyring]'")


def test_without_a_service_as_over_ssh() -> None:
    assert problem() == (
        "No keyring of the system answers here, as over a plain ssh. Choose another store for the "
        "key."
    )


# --- what the settings of the package can't do ---------------------------------------------------

WEAK = (
    "keyring.backends.null.Keyring",
    "keyring.backends.fail.Keyring",
    "keyrings.alt.file.PlaintextKeyring",
    "keyrings.alt.file.EncryptedKeyring",
    "spying_keyring.Keyring",
)
NOT_OURS = "name a back end that is no keyring of the system. Choose another store"

_SPY = """
from pathlib import Path
Path(__file__).with_suffix(".seen").write_text("imported")
"""


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that tells when it was imported."""
    (tmp_path / "spying_keyring.py").write_text(_SPY)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "spying_keyring.seen"
    sys.modules.pop("spying_keyring", None)


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_back_end_in_the_environment(
    name: str, spy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    assert NOT_OURS in problem(PYTHON_KEYRING_BACKEND=name)
    assert not spy.exists(), "it is not even imported"


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_back_end_in_the_settings_file(name: str, spy: Path, tmp_path: Path) -> None:
    settings = tmp_path / "config" / "python_keyring" / "keyringrc.cfg"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[backend]\ndefault-keyring={name}\nkeyring-path={tmp_path}\n")
    assert NOT_OURS in problem()
    assert not spy.exists()
    settings.write_text("[backend\n")
    assert "keyringrc.cfg can't be read" in problem()


@pytest.mark.parametrize("name", [*ACCEPTED, keyring_store._CHAINER])  # noqa: SLF001
def test_a_real_back_end_may_be_named(name: str) -> None:
    assert "No keyring of the system answers here" in problem(PYTHON_KEYRING_BACKEND=name)


def test_only_keyrings_of_systems_are_taken() -> None:
    for name in ACCEPTED:
        assert not any(each in name for each in ("null", "fail", "chainer", "alt", "plain"))


# --- one that misbehaves -------------------------------------------------------------------------


class FakeRing:
    """A keyring that fails on cue."""

    def __init__(self, act: Callable[[], str | None]) -> None:
        self._act = act

    def get_password(self, service: str, name: str) -> str | None:
        return self._act()

    def set_password(self, service: str, name: str, password: str) -> None:
        pass

    def delete_password(self, service: str, name: str) -> None:
        pass


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], str | None]], None]:
    def use(act: Callable[[], str | None]) -> None:
        monkeypatch.setattr(keyring_store, "backend", lambda _: FakeRing(act))

    return use


def credentials() -> StoredCredentials:
    return StoredCredentials(Path("nowhere"), {})


UseRing = Callable[[Callable[[], str | None]], None]


def test_one_that_waits_for_its_password_is_not_waited_for(
    ring: UseRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyringStore, "TIMEOUT_S", 0.05)
    waiting = threading.Event()

    def wait() -> str:
        waiting.wait()
        return CANARY

    ring(wait)
    try:
        sentence = refused(lambda: credentials().read_now(PROFILE))
    finally:
        waiting.set()
    assert "did not answer within 0.05 s: it may be waiting for its password" in sentence


async def test_who_gives_up_does_not_wait(ring: UseRing) -> None:
    asked, waiting = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        waiting.wait()

    ring(wait)
    reading = asyncio.create_task(credentials().read(PROFILE))
    try:
        await asyncio.to_thread(asked.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        # The thread that waited for the keyring's is over: else the loop could not be closed.
        await asyncio.get_running_loop().shutdown_default_executor()
    finally:
        waiting.set()


def test_its_errors_are_not_quoted(ring: UseRing) -> None:
    def fail() -> None:
        raise RuntimeError(f"cannot store {CANARY}")

    ring(fail)
    sentence = refused(lambda: credentials().keep_now(PROFILE, KEY))
    assert "The system's keyring failed (RuntimeError)." in sentence


def test_a_lock_is_named(ring: UseRing) -> None:
    class KeyringLocked(Exception):  # noqa: N818  # so is keyring's own
        pass

    def fail() -> None:
        raise KeyringLocked

    ring(fail)
    assert refused(lambda: credentials().read_now(PROFILE)) == LOCKED


@pytest.mark.parametrize("held", [None, "", "another-key"])
def test_what_reads_back_differently_was_not_kept(ring: UseRing, held: str | None) -> None:
    ring(lambda: held)
    sentence = refused(lambda: credentials().keep_now(PROFILE, KEY))
    assert "on reading it back it is another one" in sentence


def test_what_is_still_there_is_not_forgotten(ring: UseRing) -> None:
    ring(lambda: CANARY)
    sentence = refused(lambda: asyncio.run(credentials().forget(PROFILE)))
    assert "still has the key of “prod”. Remove it there: it is filed under pulsapi-tui" in sentence


# --- a real one ----------------------------------------------------------------------------------

_SCRIPT = """
import asyncio, json, os, sys
from contextlib import closing
from pathlib import Path
import secretstorage
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
from pulsapi_tui.domain.secret import Secret
key = Secret(sys.stdin.read())
profile = Profile(name="prod", source=CredentialSource(Kept.KEYRING))
def credentials(**more):
    return StoredCredentials(Path("nowhere"), {**os.environ, **more})
def tried(act):
    try:
        return act()
    except CredentialError as error:
        return error.user_message
def stored():
    with closing(secretstorage.dbus_init()) as bus:
        items = secretstorage.Collection(bus).get_all_items()
        return [[each.get_attributes(), each.get_secret() == key.reveal().encode()]
                for each in items]
def problem(**more):
    stores = asyncio.run(credentials(**more).stores())
    return next(each.problem for each in stores if each.kept == "keyring")
"""


def in_session(home: Path, start: str, code: str, **environment: str) -> dict[str, Any]:
    """What the code leaves in `told`, run beside a real keyring daemon on a bus of its own."""
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    (home / ".cache").mkdir(parents=True, exist_ok=True)
    # The key comes on standard input, so that no process list shows it.
    script = f"{_SCRIPT}\ntold = {{}}\n{code}\nprint(json.dumps(told))"
    python = (sys.executable, "-c", script)
    daemon = f"{start} --components=secrets >/dev/null 2>&1"
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", f'{daemon}; exec "$@"', "sh", *python],
        input=CANARY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **environment},
    )
    assert done.returncode == 0, done.stderr
    assert CANARY not in done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


UNLOCKED = "printf pw | gnome-keyring-daemon --unlock"
LOCKED_ONE = "gnome-keyring-daemon --start"


def test_a_real_keyring_keeps_a_key(tmp_path: Path) -> None:
    told = in_session(
        tmp_path / "home",
        UNLOCKED,
        """
told["problem"] = problem()
told["missing"] = tried(lambda: credentials().read_now(profile))
credentials().keep_now(profile, Secret("an-older-key"))
credentials().keep_now(profile, key)
told["read"] = credentials().read_now(profile) == key
told["stored"] = stored()
weak = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
told["weak"] = tried(lambda: credentials(**weak).read_now(profile))
os.environ["KEYRING_PROPERTY_PREFERRED_COLLECTION"] = "/org/freedesktop/secrets/collection/session"
told["read anyway"] = credentials().read_now(profile) == key
asyncio.run(credentials().forget(profile))
asyncio.run(credentials().forget(profile))
told["left"] = stored()
""",
    )
    assert told["problem"] == ""
    assert told["missing"] == (
        "The system's keyring has no key of “prod”. Give it again: pulsapi-tui profiles set-key "
        "prod"
    )
    assert told["read"] is True
    [[attributes, is_the_key]] = told["stored"]
    assert is_the_key is True
    assert (attributes["service"], attributes["username"]) == ("pulsapi-tui", "prod")
    assert NOT_OURS in told["weak"]
    assert told["read anyway"] is True, "in the lasting collection, whatever the settings say"
    assert told["left"] == []


def test_a_real_keyring_that_is_locked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    in_session(home, UNLOCKED, "credentials().keep_now(profile, key)")
    told = in_session(
        home,
        LOCKED_ONE,
        """
told["problem"] = problem()
told["read"] = tried(lambda: credentials().read_now(profile))
told["asked"] = tried(lambda: credentials(DISPLAY=":4711").read_now(profile))
""",
    )
    assert "is locked, and nothing here can ask for its password" in told["problem"]
    assert told["read"] == told["problem"]
    assert told["asked"] == LOCKED


def test_a_real_keyring_that_was_never_set_up(tmp_path: Path) -> None:
    told = in_session(
        tmp_path / "home",
        LOCKED_ONE,
        """
told["problem"] = problem()
told["read"] = tried(lambda: credentials().read_now(profile))
""",
    )
    assert "was never set up" in told["problem"]
    assert told["read"] == told["problem"]


def test_an_error_is_of_our_own_kind() -> None:
    with pytest.raises(CredentialError):
        asyncio.run(credentials().read(PROFILE))
