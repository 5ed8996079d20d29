"""What every place for a credential has to do, and how what it gave is looked at."""

from __future__ import annotations

from threading import Event
from typing import NamedTuple, Protocol

from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret

MOST_BYTES = 8 * 1024
"""No key is longer."""


class KeyStore(Protocol):
    """A place for credentials. Everything raises `CredentialError`, and ends when given up."""

    def problem(self) -> str:
        """Why it can't be used here, as a sentence; empty where it can."""
        ...

    def read(self, profile: Profile, given_up: Event) -> Secret:
        """The credential as it stands there."""
        ...

    def keep(self, profile: Profile, credential: Secret, given_up: Event) -> None:
        """Bring it there, and read it back."""
        ...

    def forget(self, profile: Profile, given_up: Event) -> None:
        """Remove it, as far as it is ours."""
        ...


class Found(NamedTuple):
    """What was found in the place of a key: the key, or what is wrong, never both.

    So that an error is raised where nothing is alive that holds the text of the key.
    """

    key: Secret | None
    problem: str = ""
    """The rest of a sentence: `it …`."""


def key_in(data: bytes) -> Found:
    """The key that is the whole of a text, but for one line break at its end."""
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    if not text.strip():
        return Found(None, "is empty")
    if len(data) > MOST_BYTES:
        return Found(None, f"is longer than {MOST_BYTES // 1024} KiB")
    lines = len((text + b".").splitlines())
    if lines > 1:
        return Found(None, f"has {lines} lines, and a key is one")
    return Found(Secret(text.decode(errors="replace")))


def how_to_give_it(profile: Profile) -> str:
    """What to do where there is no key."""
    return f"Give it again: pulsapi-tui profiles set-key {profile.name}"
