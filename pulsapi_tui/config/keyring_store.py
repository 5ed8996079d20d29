"""Credentials in the system's keyring, by the `keyring` package, which is an extra.

That package takes whatever back end its settings name, a file in the clear among them. Here only
the keyrings of systems are taken, and what the settings name can narrow that, never widen it.
"""

from __future__ import annotations

import importlib
import importlib.util
import queue
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from pulsapi_tui.config.key_store import how_to_give_it
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "pulsapi-tui"
"""What our entries are filed under; the user name is the profile's."""

SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105  # a name
ACCEPTED = (
    SECRET_SERVICE,
    "keyring.backends.kwallet.DBusKeyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
)
_CHAINER = "keyring.backends.chainer.ChainerBackend"
"""All that work here in a row: that is what is looked for anyway, among the accepted ones."""

_DEFAULT_COLLECTION = "/org/freedesktop/secrets/aliases/default"
_ANOTHER_STORE = "Choose another store for the key, or mend that."
LOCKED = "The system's keyring is locked, or its password was not given. Unlock it and try again."


class _Unusable(Exception):  # noqa: N818  # never seen outside: it becomes a problem
    """Why there is no keyring to be used, as sentences."""


class KeyringStore:
    """The system's keyring, asked in a thread of its own: it may wait for a password."""

    TIMEOUT_S = 60.0
    """A person may have to type a password meanwhile."""
    PROBE_TIMEOUT_S = 5.0

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def problem(self) -> str:
        """Why it can't be used here."""

        def look() -> None:
            backend(self._environment)

        return _bounded(look, self.PROBE_TIMEOUT_S, Event()).problem

    def read(self, profile: Profile, given_up: Event) -> Secret:
        """The key that the keyring has."""
        key = self._ask(lambda ring: _held(ring, profile.name), given_up)
        if key is None:
            raise CredentialError(
                f"The system's keyring has no key of “{profile.name}”. {how_to_give_it(profile)}"
            )
        return key

    def keep(self, profile: Profile, credential: Secret, given_up: Event) -> None:
        """Put it into the keyring, and read it back."""

        def put(ring: KeyringBackend) -> Secret | None:
            ring.set_password(SERVICE, profile.name, credential.reveal())
            return _held(ring, profile.name)

        if self._ask(put, given_up) != credential:
            raise CredentialError(
                "The system's keyring took the key, but on reading it back it is another one. "
                f"{_ANOTHER_STORE}"
            )

    def forget(self, profile: Profile, given_up: Event) -> None:
        """Take it out of the keyring."""

        def delete(ring: KeyringBackend) -> Secret | None:
            if _held(ring, profile.name) is not None:
                ring.delete_password(SERVICE, profile.name)
            return _held(ring, profile.name)

        if self._ask(delete, given_up) is not None:
            raise CredentialError(
                f"The system's keyring still has the key of “{profile.name}”. Remove it there: it "
                f"is filed under {SERVICE}."
            )

    def _ask(
        self, ask: Callable[[KeyringBackend], Secret | None], given_up: Event
    ) -> Secret | None:
        answer = _bounded(lambda: ask(backend(self._environment)), self.TIMEOUT_S, given_up)
        if answer.problem:
            raise CredentialError(answer.problem)
        return answer.key


class _Answer(NamedTuple):
    key: Secret | None = None
    problem: str = ""


def _bounded(call: Callable[[], Secret | None], timeout_s: float, given_up: Event) -> _Answer:
    """What a call gave, or why it gave nothing; one that hangs is left behind."""
    answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    thread = Thread(target=lambda: answers.put(_answer(call)), name="keyring", daemon=True)
    thread.start()
    until = time.monotonic() + timeout_s
    while thread.is_alive() and not given_up.is_set() and time.monotonic() < until:
        thread.join(0.05)
    if answers.empty():
        return _Answer(
            problem=f"The system's keyring did not answer within {timeout_s:g} s: it may be "
            "waiting for its password. Unlock it and try again."
        )
    return answers.get()


def _answer(call: Callable[[], Secret | None]) -> _Answer:
    """Its errors are told by their kind: their text could hold anything."""
    try:
        return _Answer(call())
    except _Unusable as error:
        return _Answer(problem=str(error))
    except Exception as error:
        kind = type(error).__name__
    if kind == "KeyringLocked":
        return _Answer(problem=LOCKED)
    return _Answer(problem=f"The system's keyring failed ({kind}). {_ANOTHER_STORE}")


def _held(ring: KeyringBackend, name: str) -> Secret | None:
    text = ring.get_password(SERVICE, name)
    return Secret(text) if text else None


def backend(environment: Mapping[str, str]) -> KeyringBackend:
    """The best keyring of this system. Raises `_Unusable`."""
    if importlib.util.find_spec("keyring") is None:
        raise _Unusable(
            "The system's keyring needs a package that is not here. In the "
            "folder of the clone, run: pip install -e '.[keyring]'"
        )
    chosen = _chosen(environment)
    if chosen and chosen not in ACCEPTED:
        raise _Unusable(
            "The settings of the keyring package name a back end that is no keyring of the "
            f"system. {_ANOTHER_STORE}"
        )
    kinds = [(name, _kind(name)) for name in ([chosen] if chosen else ACCEPTED)]
    usable = [(kind.priority, name, kind) for name, kind in kinds if kind is not None]
    if not usable:
        raise _Unusable(
            "No keyring of the system answers here, as over a plain ssh. Choose another store for "
            "the key."
        )
    _, name, kind = max(usable, key=lambda each: each[0])
    ring = kind()
    if name != SECRET_SERVICE:
        return ring
    _check_secret_service(environment)
    # Never the collection that lasts for a session only, whatever its settings say.
    return ring.with_properties(preferred_collection=_DEFAULT_COLLECTION)


def _chosen(environment: Mapping[str, str]) -> str:
    """The back end that the user's settings of the keyring package name; empty where none."""
    from keyring.util.platform_ import config_root

    chosen = environment.get("PYTHON_KEYRING_BACKEND", "")
    if not chosen:
        import configparser

        settings = configparser.RawConfigParser()
        try:
            settings.read(config_root() / "keyringrc.cfg", encoding="utf-8")
            chosen = settings.get("backend", "default-keyring", fallback="").strip()
        except (configparser.Error, UnicodeError):
            raise _Unusable(f"The file keyringrc.cfg can't be read. {_ANOTHER_STORE}") from None
    return "" if chosen == _CHAINER else chosen


def _kind(name: str) -> type[KeyringBackend] | None:
    """A back end, where it works here."""
    module, _, name = name.rpartition(".")
    try:
        kind: type[KeyringBackend] = getattr(importlib.import_module(module), name)
        return kind if kind.viable else None
    except Exception:
        # What is missing is told in many ways.
        return None


def _check_secret_service(environment: Mapping[str, str]) -> None:
    """Raise `_Unusable` where it would need a person, and can't ask one."""
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        try:
            is_locked = secretstorage.Collection(bus, _DEFAULT_COLLECTION).is_locked()
        except secretstorage.exceptions.ItemNotFoundException:
            is_locked = None
    if is_locked is None:
        raise _Unusable(f"The system's keyring was never set up. {_ANOTHER_STORE}")
    if is_locked and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise _Unusable(
            "The system's keyring is locked, and nothing here can ask for its password. Unlock it, "
            "or choose another store for the key."
        )
