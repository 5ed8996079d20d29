"""A revoke means now: after its 204 nobody gets in with the key, and nothing it does comes later.

Two servers share one database, so neither can know from its memory what the other one does; all of
them are processes of their own, as are the callers, with several threads each. They use a key in
every manner that there is, on both servers, until it is refused, and meanwhile it is revoked. Two
things are looked at: when each accepted call began (one clock for all processes), and the order in
which the database itself wrote down what was committed.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.rows import KeyRow
from pulsapi_tui.server.store import Store
from tests.long.plain_http import Connection, request
from tests.server.support import DEADLINE_S, Secret, TestKey, add_account

CALLERS = 2
MANNERS = ("services", "account", "api-keys", "create", "repeat", "revoke")
ACCOUNT = "acc_race"
KEYS_OF_A_WORLD = 100
VICTIMS = 12
AUDIT = """
CREATE TABLE audit (seq INTEGER PRIMARY KEY, what TEXT, actor TEXT);
CREATE TRIGGER audit_create AFTER INSERT ON keys BEGIN
    INSERT INTO audit (what, actor) VALUES ('create', new.name);
END;
CREATE TRIGGER audit_repeat AFTER UPDATE OF digest ON keys BEGIN
    INSERT INTO audit (what, actor) VALUES ('repeat', new.name);
END;
CREATE TRIGGER audit_revoke AFTER UPDATE OF revoked_at ON keys WHEN old.revoked_at IS NULL BEGIN
    INSERT INTO audit (what, actor) VALUES ('revoke', new.name);
    INSERT INTO audit (what, actor) VALUES ('revoked', new.id);
END;
CREATE TRIGGER audit_use AFTER UPDATE OF last_used_at ON keys BEGIN
    INSERT INTO audit (what, actor) VALUES ('use', new.id);
END;
"""
"""Written by the database, in the order of the commits; what a key makes and ends bears its id."""


class LateError(AssertionError):
    """A revoked key was accepted, or did something."""


@dataclass
class Figures:
    """What was seen."""

    races: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    late_probes: int = 0
    late_effects: int = 0
    window_s: float = 0.0
    """The longest time after a 204 at which a call began that was accepted."""
    nearest_s: float = 1e9
    """The shortest time after a 204 at which a call began that was refused."""

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        effects = ", ".join(f"{count} {what}" for what, count in sorted(self.effects.items()))
        return (
            f"{self.statuses.total()} probes ({statuses}) in {self.races} races: "
            f"{self.late_probes} begun after the 204 were accepted, {self.late_effects} of "
            f"{self.effects.total()} effects ({effects}) were committed after the revoke; longest "
            f"window {self.window_s * 1000:.1f} ms, nearest probe {self.nearest_s * 1e6:.0f} us "
            f"after the 204"
        )


class Process:
    """A process that takes and says JSON lines."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.long.revoke_now_process", *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> Any:
        """The next line."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def tell(self, what: object) -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(what)}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        try:
            self._process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class World:
    """Two servers on one database, and callers."""

    def __init__(self, database: Path, keys: int, stack: ExitStack) -> None:
        self._database = database
        with closing(Store(database)) as store:
            (self._manager,) = add_account(store, ACCOUNT)
            self.keys = _add_keys(store, "acting", keys)
            self._victims = {
                key.id: [victim.id for victim in _add_keys(store, key.id, VICTIMS)]
                for key in self.keys
            }
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(AUDIT)
        servers = [self._start(stack, "serve", str(database)) for _ in range(2)]
        self._callers = [self._start(stack, "call") for _ in range(CALLERS)]
        self._ports = [int(server.hear()) for server in servers]

    def _start(self, stack: ExitStack, *arguments: str) -> Process:
        return stack.enter_context(closing(Process(*arguments)))

    def race(self, key: TestKey, rng: Random, figures: Figures) -> None:
        """Use a key in every manner, and revoke it meanwhile."""
        for number, caller in enumerate(self._callers):
            caller.tell(
                {
                    "name": f"caller-{number}",
                    "ports": rng.sample(self._ports, 2),
                    "key_id": key.id,
                    "secret": str(key.secret),
                    "victims": self._victims[key.id],
                    "manners": rng.sample(MANNERS, 3),
                }
            )
        for caller in self._callers:
            assert caller.hear() == "begun"
        self._revoke(key, rng.choice(self._ports))
        revoked_at = time.monotonic()
        for seen in [caller.hear() for caller in self._callers]:
            figures.statuses.update(seen["statuses"])
            if seen["last_accepted"] > revoked_at:
                figures.late_probes += 1
                figures.window_s = max(figures.window_s, seen["last_accepted"] - revoked_at)
            after = [at - revoked_at for at in seen["refused_from"] if at > revoked_at]
            figures.nearest_s = min([figures.nearest_s, *after])
        figures.races += 1

    def _revoke(self, key: TestKey, port: int) -> None:
        own = [("Host", f"127.0.0.1:{port}")]
        own.append(("Authorization", f"Bearer {self._manager.secret!s}"))
        data = request("DELETE", f"/v1/api-keys/{key.id}", own)
        with closing(Connection(port)) as connection:
            # A server that waits for the other one's lock may say 503: then it is not revoked.
            while (status := connection.ask(data).status) == 503:
                pass
        assert status == 204

    def count_effects(self, figures: Figures) -> None:
        """What each key did before its revoke, and after."""
        with closing(sqlite3.connect(self._database)) as connection:
            audit = connection.execute("SELECT seq, what, actor FROM audit").fetchall()
        revoked = {actor: seq for seq, what, actor in audit if what == "revoked"}
        for seq, what, actor in audit:
            if what != "revoked" and actor in revoked:
                figures.effects[what] += 1
                figures.late_effects += seq > revoked[actor]


def _add_keys(store: Store, name: str, count: int) -> list[TestKey]:
    made = []
    with store.writing() as transaction:
        for _ in range(count):
            minted = mint_key()
            key = KeyRow(
                id=new_key_id(),
                account_id=ACCOUNT,
                digest=minted.digest,
                name=name,
                hint=minted.hint,
                created_at=store.now_ms(),
            )
            transaction.add_keys([key])
            made.append(TestKey(key.id, Secret(minted.secret)))
    return made


def race_often(folder: Path, times: int, seed: int) -> Figures:
    """Revoke so many keys, or until one was accepted too late; the figures, whatever they are."""
    rng = Random(seed)  # noqa: S311 - choices
    figures = Figures()
    for first in range(0, times, KEYS_OF_A_WORLD):
        with ExitStack() as stack:
            keys = min(KEYS_OF_A_WORLD, times - first)
            world = World(folder / f"race{first}.sqlite", keys, stack)
            for key in world.keys:
                if not figures.late_probes:
                    world.race(key, rng, figures)
            world.count_effects(figures)
        if figures.late_probes or figures.late_effects:
            break
    return figures


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises LateError where a revoke did not count at once."""
    began = time.monotonic()
    figures = race_often(folder, times, seed)
    text = f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
    if figures.late_probes or figures.late_effects:
        raise LateError(text)
    return text
