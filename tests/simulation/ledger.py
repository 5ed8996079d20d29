"""The reference model: what the server has, told from its answers, and what people know of it.

Each invariant has a name. What breaks one is kept (the server would answer 500 to an exception from
in here), and ends the world at the end of the operation.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pulsapi_tui.domain.rotation import Mode
from tests.contract.support import spellings
from tests.simulation.server import Answered

INVARIANTS = {
    "no-unknown-live-key": "a live key is shown, stored, or named by the journal",
    "acknowledged-is-kept": "a key that was acknowledged works until somebody asks for its revoke",
    "revoked-stays-revoked": "nothing that was revoked, or replaced, works or is listed again",
    "claimed-dead-is-dead": "a revoke is claimed only of a key that is dead",
    "one-key-per-create": "a create makes at most one key",
    "no-effect-after-revoke": "a key that is dead gets 401 and changes nothing",
    "revoked-on-request-only": "no key is revoked that nobody asked to revoke",
    "stored-is-never-called-lost": "a key that is known to be stored is offered as lost to nobody",
    "a-working-key-in-each-place": "a rotation always leaves a working key in its place",
    "no-secret-in-the-journal": "the journal never holds a secret",
    "every-operation-ends": "every operation ends, within the sum of its deadlines",
    "all-is-settled": "once the line is good again, all that was open comes to an end",
}


def digest_of(secret: str) -> str:
    """How a secret is called here."""
    return hashlib.sha256(secret.encode()).hexdigest()


class LiveKey(NamedTuple):
    """A key that the server has."""

    name: str
    digest: str


class Ledger:
    """What must be so."""

    def __init__(self, database: Path, broken: Callable[[str, str], None]) -> None:
        self._path = database
        self._db: sqlite3.Connection | None = None
        self._broken = broken
        self.checked: Counter[str] = Counter()
        self.live: dict[str, LiveKey] = {}
        """By id."""
        self._by_digest: dict[str, str] = {}
        self.revoked: set[str] = set()
        self._creates: dict[str, str] = {}
        self.secrets: list[str] = []
        """All that were made, oldest first."""
        self.asked: set[str] = set()
        """Keys that somebody asked to revoke."""

    def holds(self, invariant: str, is_so: object, detail: str = "") -> None:
        """Check an invariant."""
        self.checked[invariant] += 1
        if not is_so:
            self._broken(invariant, detail)

    # What the server has

    def begin(self, secrets: Collection[str]) -> None:
        """Take what is there as given."""
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self.secrets += secrets
        for key_id, key in self._rows().items():
            self._keep(key_id, key)

    def close(self) -> None:
        """Let go of the database."""
        if self._db is not None:
            self._db.close()

    def _rows(self) -> dict[str, LiveKey]:
        assert self._db is not None
        found = self._db.execute("SELECT id, name, digest FROM keys WHERE revoked_at IS NULL")
        return {key_id: LiveKey(name, digest.hex()) for key_id, name, digest in found}

    def works(self, digest: str) -> bool:
        """Whether a secret is one of a live key."""
        return digest in self._by_digest

    def _keep(self, key_id: str, key: LiveKey) -> None:
        before = self.live.get(key_id)
        if before is not None:
            self._by_digest.pop(before.digest, None)
        self.live[key_id] = key
        self._by_digest[key.digest] = key_id

    def _drop(self, key_id: str) -> None:
        self.revoked.add(key_id)
        before = self.live.pop(key_id, None)
        if before is not None:
            self._by_digest.pop(before.digest, None)

    def heard(self, answer: Answered) -> None:
        """An answer of the server: its effect, and whether it may be."""
        caller = self._by_digest.get(digest_of(answer.bearer))
        if answer.status == 401:
            self.holds("acknowledged-is-kept", caller is None, f"{caller} got 401")
        elif answer.status < 500 and answer.status != 408:
            self.holds(
                "no-effect-after-revoke", caller, f"a dead key got {answer.status} {answer.path}"
            )
        if answer.method == "POST" and answer.status == 201:
            self._created(answer)
        if answer.method == "DELETE":
            self._revoked(answer)
        if answer.method != "GET" or answer.status == 401:
            self.look(may_have_acted=answer.status >= 500 and caller is not None)

    def _created(self, answer: Answered) -> None:
        made = msgspec.json.decode(answer.body, type=dict[str, Any])
        key_id = str(made["id"])
        first = self._creates.setdefault(answer.request_id, key_id)
        self.holds("one-key-per-create", first == key_id, f"{first} and {key_id}")
        self.holds("revoked-stays-revoked", key_id not in self.revoked, key_id)
        self.secrets.append(str(made["key"]))
        self._keep(key_id, LiveKey(str(made["name"]), digest_of(self.secrets[-1])))

    def _revoked(self, answer: Answered) -> None:
        key_id = answer.path.rpartition("/")[2]
        if answer.status == 204:
            self.holds("revoked-on-request-only", key_id in self.asked, key_id)
            self._drop(key_id)

    def look(self, *, may_have_acted: bool = False) -> None:
        """Compare the database itself with what was told; a 503 may have left an effect."""
        rows = self._rows()
        if rows != self.live and may_have_acted:
            for key_id in self.live.keys() & self.asked - rows.keys():
                self._drop(key_id)
            for key_id in rows.keys() - self.live.keys() - self.revoked:
                self._keep(key_id, rows[key_id])
            for key_id in self.live.keys() & rows.keys():
                self._keep(key_id, rows[key_id])
        back = rows.keys() & self.revoked
        self.holds("revoked-stays-revoked", not back, f"{sorted(back)} are back")
        self.holds("acknowledged-is-kept", self.live.keys() <= rows.keys(), "a key is gone")
        self.holds("no-effect-after-revoke", rows.keys() <= self.live.keys() | back, "a key more")
        changed = [key_id for key_id in self.live if rows.get(key_id) not in {self.live[key_id]}]
        self.holds("acknowledged-is-kept", not changed, f"{changed} are not what they were")

    # What people know

    def check_known(self, known: Collection[str], journal: Mapping[str, Any]) -> None:
        """Every live key: its secret is among `known`, or the journal names it."""
        named = {each["new"]["id"] for each in journal["rotations"] if each["new"]}
        named |= {each["key_id"] for each in journal["intents"]}
        for key_id, key in self.live.items():
            if key.digest in known or key_id in named:
                self.checked["no-unknown-live-key"] += 1
                continue
            self.holds(
                "no-unknown-live-key",
                any(
                    each["key_id"] is None
                    and each["name"] == key.name
                    and key_id not in each["known_ids"]
                    for each in journal["intents"]
                ),
                f"{key_id} “{key.name}”",
            )

    def check_places(self, places: Mapping[str, str], journal: Mapping[str, Any]) -> None:
        """Each place has a key that works, unless its old key was to be revoked first."""
        first = {
            each["target"]["values"]["path"]
            for each in journal["rotations"]
            if each["mode"] == Mode.REVOKE_FIRST and each["target"]
        }
        for path, digest in places.items():
            if path not in first:
                self.holds("a-working-key-in-each-place", self.works(digest), path)

    def check_secrets(self, journal: bytes, *, all_of_them: bool = False) -> None:
        """The journal has no secret, and the newest ones in no other spelling either."""
        text = journal.decode()
        found = any(secret[6:49] in text for secret in self.secrets[-40:])
        spelled = self.secrets if all_of_them else self.secrets[-1:]
        found |= any(each in text for secret in spelled for each in spellings(secret))
        self.holds("no-secret-in-the-journal", not found)
