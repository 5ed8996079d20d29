"""A profile: an account at a server, how it is marked, and where its credential comes from."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from pulsapi_tui.domain.errors import NoSuchProfileError
from pulsapi_tui.domain.text import clean

DEFAULT_BASE_URL = "https://api.pulsapi.com"
"""Documented by PulsAPI (contract.md)."""

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
"""A profile's name: it stands in commands, in a file's name and in the header."""

NAME_RULE = "1 to 32 of: a to z, 0 to 9, “.”, “_”, “-”; a letter or digit first"


class Kept(StrEnum):
    """Where a credential is kept, safest first. One for each profile: nothing falls back."""

    COMMAND = "command"
    """A command prints it, as that of a password manager does; nothing is kept here."""
    KEYRING = "keyring"
    """The system's keyring."""
    FILE = "file"
    """A file of mode 0600."""
    ENVIRONMENT = "environment"
    """Nowhere: `PULSAPI_API_KEY` has to be set."""


class Colour(StrEnum):
    """What a profile is marked with; its name is always beside it."""

    NONE = ""
    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"


class CredentialSource(msgspec.Struct, frozen=True):
    """Where the credential of a profile comes from. Holds no secret."""

    kept: Kept = Kept.ENVIRONMENT
    argv: tuple[str, ...] = ()
    """Of the command, where it is one; no shell is involved."""
    path: str = ""
    """Of the file, where it is one; absolute."""

    @property
    def is_ours(self) -> bool:
        """Whether this program writes to it."""
        return self.kept in {Kept.KEYRING, Kept.FILE}

    @property
    def words(self) -> str:
        """For a sentence: `the key comes from …`."""
        match self.kept:
            case Kept.COMMAND:
                return f"the output of “{' '.join(self.argv)}”"
            case Kept.KEYRING:
                return "the system's keyring"
            case Kept.FILE:
                return f"the file {self.path}"
            case Kept.ENVIRONMENT:
                return "PULSAPI_API_KEY"


class Network(msgspec.Struct, frozen=True):
    """How a server is reached, where that is not simply directly."""

    ca_file: str = ""
    """PEM certificates that are trusted besides the system's."""
    proxy: str = ""
    """`http://host:port`; never taken from the environment, and only for https."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a server. Holds no secret."""

    name: str
    base_url: str = DEFAULT_BASE_URL
    production: bool = False
    """Marked as such on every screen, and in every dialog that destroys something."""
    colour: Colour = Colour.NONE
    read_only: bool = False
    """Nothing can be changed through it."""
    source: CredentialSource = CredentialSource()
    network: Network = Network()
    account_id: str = ""
    """The account that it was connected to; a key of another one is refused. Empty: any."""


class ProfileList(msgspec.Struct, frozen=True):
    """The profiles of this user, in the order in which they were added."""

    profiles: tuple[Profile, ...] = ()
    current: str = ""
    """The name of the one that is used where none is asked for; empty where there is none."""

    def get(self, name: str) -> Profile | None:
        """The profile of that name."""
        return next((each for each in self.profiles if each.name == name), None)

    def named(self, name: str) -> Profile:
        """The profile of that name. Raises `NoSuchProfileError`."""
        profile = self.get(name)
        if profile is not None:
            return profile
        hint = nearest(name, [each.name for each in self.profiles])
        raise NoSuchProfileError(f"There is no profile “{clean(name)}”; {hint}")


def nearest(name: str, names: Sequence[str]) -> str:
    """What there is in the place of a profile that there is not, as the end of a sentence."""
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean “{near[0]}”?"
    if names:
        return f"there are: {', '.join(names)}."
    return "there is no profile yet. Make one: pulsapi-tui profiles add"


def suggested_name(host: str, taken: tuple[str, ...] = ()) -> str:
    """A free name for a profile at that host."""
    labels = [label for label in host.lower().split(".") if label not in {"api", "www", "com"}]
    word = re.sub(r"[^a-z0-9._-]", "-", labels[0] if labels else host.lower()).strip(".-_")
    word = word[:24] or "pulsapi"
    if re.fullmatch(r"[0-9-]+", word) or word == "localhost":
        word = "local"
    numbered = (f"{word}-{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (word, *numbered) if each not in taken)
