"""The rules for a key's name: what is refused, and what is allowed but warned of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from pulsapi_tui.domain.text import clean

MAX_LENGTH = 64
"""Characters after trimming (contract.md, `POST /v1/api-keys`)."""

EXAMPLES = ("CI/CD Pipeline", "Internal Dashboard")
"""The page's own examples."""

VAGUE_REASON = "A vague name: in a year, nobody will know what to revoke."

VAGUE = frozenset(
    {
        "test",
        "testing",
        "key",
        "api key",
        "apikey",
        "my key",
        "new key",
        "temp",
        "tmp",
        "foo",
        "asdf",
    }
)

_LONGEST_VAGUE = 12
_LONGEST_SLUG = 63
_LOOKS_LIKE_A_KEY = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9_\-.=+/]{24,}")


class NameVerdict(NamedTuple):
    """What is to be said of a name. `error` forbids it; `warning` does not."""

    name: str
    """The name as it would be sent: trimmed."""
    error: str | None
    warning: str | None


def slug(name: str) -> str:
    """A key's name as a word: ASCII lower-case letters, digits and single dashes in between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:_LONGEST_SLUG].rstrip("-") or "key"


def is_vague(name: str) -> bool:
    """Whether a name says nothing of what the key is for; `Test-2` says no more than `test`."""
    if len(name) > _LONGEST_VAGUE:
        return False
    if name and name.isascii() and not any(map(str.isalnum, name)):
        return True
    spaced = name.casefold().replace("-", " ").replace("_", " ").replace(".", " ")
    return spaced.strip("0123456789 ") in VAGUE


def check_name(text: str, taken: Collection[str] = ()) -> NameVerdict:
    """Judge a name as typed. `taken` are the names that other keys of the account have."""
    name = text.strip()
    if not name:
        return NameVerdict(name, "Give the key a name that says what it is for.", None)
    if len(name) > MAX_LENGTH:
        over = len(name) - MAX_LENGTH
        return NameVerdict(
            name, f"{over} character{'s' * (over > 1)} too long: {MAX_LENGTH} at the most.", None
        )
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name):
        return NameVerdict(name, "A name can't hold control characters or line breaks.", None)
    if clean(name) != name:
        return NameVerdict(name, "A name can't hold characters that can't be seen.", None)
    if _LOOKS_LIKE_A_KEY.fullmatch(name):
        return NameVerdict(
            name, "This looks like a key, not like a name: everybody can read a name.", None
        )
    if name in taken:
        return NameVerdict(
            name, None, "Another key has this name: you could not tell which one to revoke."
        )
    if is_vague(name):
        return NameVerdict(name, None, VAGUE_REASON)
    return NameVerdict(name, None, None)
