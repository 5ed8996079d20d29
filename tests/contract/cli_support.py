"""The command line in this very process, against a real server that may be cut off."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from pulsapi_tui import cli
from pulsapi_tui.api import _retry
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.flows import create
from pulsapi_tui.server.auth import mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.rows import AccountRow, KeyRow
from pulsapi_tui.server.store import Store
from pulsapi_tui.server.wire import Plan, Role
from tests.contract.cutting_proxy import CuttingProxy, Fault
from tests.server.support import DEADLINE_S, Running, Secret, TestKey
from tests.terminal.processes import call

DAY_MS = 86_400_000

LOOKS_LIKE_A_KEY = re.compile("local_[0-9A-Za-z]{20}")
"""What the local server gives out."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        [line] = self.out.splitlines()
        return json.loads(line)

    @property
    def said(self) -> str:
        """What was said, wherever its lines break."""
        return " ".join(self.err.split())


class Shop:
    """An account of its own at the server, and a machine of its own to run commands on."""

    def __init__(
        self,
        server: Running,
        account_id: str,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        plan: Plan = "pro",
        role: Role = "owner",
    ) -> None:
        self.server = server
        self.account_id = account_id
        self.home = home
        self.url = server.url
        self.monkeypatch = monkeypatch
        self._capfd = capfd
        self.session = self._open_account(plan, role)
        """The key that commands sign in with."""

    # The server's side

    def _open_account(self, plan: Plan, role: Role) -> TestKey:
        row = AccountRow(
            id=self.account_id,
            email=f"{self.account_id}@example.test",
            display_name=self.account_id,
            timezone="UTC",
            plan=plan,
            role=role,
        )

        def add(store: Store) -> None:
            with store.writing() as transaction:
                transaction.add_account(row)

        self.server.with_store(add)
        return self.add_key("session")

    def add_key(self, name: str, *, age_d: float = 1, used_d: float | None = None) -> TestKey:
        """A key, created and last used so many days ago."""
        minted = mint_key()
        now_ms = self.server.with_store(lambda store: store.now_ms())
        row = KeyRow(
            id=new_key_id(),
            account_id=self.account_id,
            digest=minted.digest,
            name=name,
            hint=minted.hint,
            created_at=now_ms - int(age_d * DAY_MS),
            last_used_at=None if used_d is None else now_ms - int(used_d * DAY_MS),
        )

        def add(store: Store) -> None:
            with store.writing() as transaction:
                transaction.add_keys([row])

        self.server.with_store(add)
        return TestKey(row.id, Secret(minted.secret))

    def status_of(self, secret: str) -> int:
        """What the server answers to a key."""
        return call(self.server.port, "GET", "/v1/services", secret)[0]

    def listed(self) -> dict[str, str]:
        """The names of the keys that live, by their ids."""
        path = "/v1/api-keys?limit=1000"
        _, answer = call(self.server.port, "GET", path, self.session.secret)
        return {key["id"]: key["name"] for key in answer["data"]}

    # The command's side

    def run(self, *argv: str, key: str | None = None, env: Mapping[str, str] | None = None) -> Ran:
        """Run the program, in this process."""
        self._capfd.readouterr()
        self.monkeypatch.setenv("PULSAPI_API_KEY", self.session.secret if key is None else key)
        self.monkeypatch.setenv("PULSAPI_BASE_URL", self.url)
        for name, value in (env or {}).items():
            self.monkeypatch.setenv(name, value)
        try:
            code = cli.main(list(argv))
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = self._capfd.readouterr()
        assert "Traceback" not in err
        # Only what is asked for goes out, and only to standard output.
        self.check_no_secret(err if "--reveal" in argv else out + err)
        return Ran(code, out, err)

    def check_no_secret(self, text: str) -> None:
        """Nothing in there looks like a key of this server."""
        assert LOOKS_LIKE_A_KEY.search(text) is None, "a secret was written"

    # What is kept here

    @property
    def state(self) -> Path:
        """Where the journal and the log lie."""
        return self.home / ".local/state/pulsapi-tui"

    @property
    def intents(self) -> tuple[Intent, ...]:
        """The creates that are open."""
        journal = JournalFile(self.state / "journal.json")
        return journal.open_intents(self.url, self.account_id)

    @property
    def log(self) -> list[tuple[str, str, str]]:
        """What was written down: action, name, outcome."""
        actions: tuple[Action, ...] = ActionLogFile(self.state / "actions.jsonl").read()
        return [(each.action, each.key_name, each.outcome) for each in actions]


class OpenShop(Protocol):
    """Opens a shop for a test."""

    def __call__(self, plan: Plan = "pro", role: Role = "owner") -> Shop:
        """With an account of that plan, and a session of that role."""
        ...


def shops(
    server: Running,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> OpenShop:
    """Set the process up as a user's, in `home`, and without the waits of real life."""
    # What it does to the process can't be undone.
    monkeypatch.setattr(cli, "leave_no_core", lambda: None)
    # What survives a power cut is shown elsewhere.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(create, "PAUSE_S", 0.0)
    monkeypatch.setattr(_retry, "BASE_S", 0.0)
    for name in list(os.environ):
        if name.startswith(("XDG_", "PULSAPI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)

    def open_shop(plan: Plan = "pro", role: Role = "owner") -> Shop:
        account_id = f"acc_{next(_numbers)}"
        return Shop(server, account_id, home, monkeypatch, capfd, plan, role)

    return open_shop


def from_on(number: int, fault: Fault) -> dict[int, Fault]:
    """That fault for every request from that one on, until it is cleared: repeats don't count."""
    return dict.fromkeys(range(number, number + 100), fault)


@contextmanager
def cutting(server: Running, faults: Mapping[int, Fault]) -> Iterator[CuttingProxy]:
    """A proxy before the server, in a thread of its own."""
    proxy = CuttingProxy(server.port, faults)
    started = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        async with proxy.listening():
            loops.append((asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert started.wait(DEADLINE_S)
        yield proxy
    finally:
        for loop, stop in loops:
            loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


class Tty:
    """A terminal that a person sits at: what will be typed is typed before it is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
        self._master, slave = os.openpty()
        self._streams = (
            os.fdopen(os.dup(slave), "r"),
            os.fdopen(os.dup(slave), "w"),
        )
        os.close(slave)
        os.write(self._master, typed.encode())
        monkeypatch.setattr(sys, "stdin", self._streams[0])
        monkeypatch.setattr(sys, "stderr", self._streams[1])

    def shown(self) -> str:
        """All that it shows, and its end."""
        self._streams[1].flush()
        os.set_blocking(self._master, False)
        text = b""
        with suppress(OSError):
            while chunk := os.read(self._master, 65536):
                text += chunk
        for stream in self._streams:
            stream.close()
        os.close(self._master)
        return " ".join(text.decode().split())


@contextmanager
def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> Iterator[Tty]:
    """Standard input and the messages are at a terminal."""
    with monkeypatch.context() as patch:
        yield Tty(patch, typed)
