"""A rotation through several lives of the program, each ended by a cut, and what must hold.

A life has the real client, journal, delivery and flow. It is killed by an exception that nothing
catches, after which no call gets through any more: what was in memory is gone, what was on disk
stays, and the kernel has freed the locks. A scripted user then starts the program again and goes
on. Between two calls of the flow, the server, the journal and the env file are looked at.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.errors import DeliveryError, JournalError, PulsapiError
from pulsapi_tui.domain.intents import SETTLED_AFTER, Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import IDEMPOTENT_CREATE, Account, CreatedKey, Service
from pulsapi_tui.domain.ports import KeyPages, OpenRotations, PageSeen
from pulsapi_tui.domain.rotation import Mode, Rotation, Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.server.auth import digest_of
from pulsapi_tui.server.store import Store
from tests.contract.cutting_proxy import CuttingProxy, Fault
from tests.contract.support import spellings
from tests.server.support import Running, TestKey, add_account
from tests.unit.support import FakeClock

PATIENCE_S = 30.0
HASTE_S = 0.2
"""The deadline of a request that is going to stall."""

LIVES = 8
PRESSES = 30
"""Of the key that goes on, in one life."""

VARIABLE = "PULSAPI_API_KEY"
T = TypeVar("T")


class Killed(BaseException):
    """The program ended here."""


class Setup(NamedTuple):
    """What is rotated, how, and on which server."""

    mode: Mode
    repeatable: bool
    """The server has `idempotent-create`."""
    own: bool
    """The key of this very session."""

    @property
    def shown(self) -> str:
        """For the name of a test."""
        server = "repeats" if self.repeatable else "sent once"
        return f"{self.mode}, {server}, {'own key' if self.own else 'ordinary key'}"


class Cuts(NamedTuple):
    """What goes wrong; places in the order of a whole run."""

    kills: frozenset[int] = frozenset()
    """Points at which the program ends."""
    disk: frozenset[int] = frozenset()
    """Points, at a write of the journal or of the env file, at which the disk fails."""
    full_from: int | None = None
    """The point from which on it stays full, until the program is started again."""
    faults: Mapping[int, Fault] = {}
    """Requests that are cut."""


class Points:
    """Every moment right before and right after a call of the flow."""

    def __init__(self, cuts: Cuts, check: Callable[[str], None]) -> None:
        self._cuts = cuts
        self._check = check
        self.labels: list[str] = []
        self.fired = 0
        self.disk_is_full = False
        self.is_dead = False
        self.journal_failed = False

    def reach(self, label: str, failure: PulsapiError | None = None) -> None:
        """Look at the world, and end the program, or fail with that, where it is wanted."""
        if self.is_dead:
            raise Killed
        number = len(self.labels)
        self.labels.append(label)
        self._check(label)
        if number in self._cuts.kills:
            self.fired += 1
            self.is_dead = True
            raise Killed
        if number == self._cuts.full_from:
            self.disk_is_full = True
        if failure is not None and (number in self._cuts.disk or self.disk_is_full):
            self.fired += 1
            self.journal_failed |= isinstance(failure, JournalError)
            raise failure

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        """The two points of a call."""
        self.reach(f"before {call}")
        yield
        self.reach(f"after {call}")

    @contextmanager
    def writing(self, call: str) -> Iterator[None]:
        """Those of a write of the journal."""
        self.reach(f"before {call}", JournalError("The journal can't be written."))
        yield
        self.reach(f"after {call}")

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """Those of a delivery, which fails before the file is written, or when it is read back."""
        self.reach("before deliver", DeliveryError("It can't be written."))
        yield
        self.reach("after deliver", DeliveryError("It can't be read back."))


class CutJournal(JournalFile):
    """The real journal, with points."""

    def __init__(self, path: Path, points: Points) -> None:
        super().__init__(path)
        self._points = points

    def put(self, intent: Intent) -> None:
        with self._points.writing(f"journal.put {intent.state}"):
            super().put(intent)

    def remove(self, request_id: str) -> None:
        with self._points.writing("journal.remove"):
            super().remove(request_id)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        with self._points.around("journal.open_intents"):
            return super().open_intents(origin, account_id)

    def claim_rotation(self, rotation: Rotation) -> None:
        with self._points.writing("journal.claim_rotation"):
            super().claim_rotation(rotation)

    def put_rotation(self, rotation: Rotation) -> None:
        with self._points.writing(f"journal.put_rotation at {rotation.step}"):
            super().put_rotation(rotation)

    def remove_rotation(self, rotation_id: str) -> None:
        with self._points.writing("journal.remove_rotation"):
            super().remove_rotation(rotation_id)

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        with self._points.around("journal.open_rotations"):
            return super().open_rotations(origin, account_id)

    def let_go(self) -> None:
        """What the kernel does for a process that was killed: the lock is free, its file stays."""
        if self._holder is not None:
            os.close(self._holder_lock)
            self._holder = None


class CutDelivery(Deliveries):
    """The real delivery into env files, with points."""

    def __init__(self, points: Points) -> None:
        super().__init__(lambda: (EnvFileSink({}),))
        self._points = points

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        with self._points.delivering():
            return await super().deliver(secret, target)

    async def held(self, target: Target) -> Secret | None:
        with self._points.around("held"):
            return await super().held(target)


class CutService:
    """The real client behind the proxy, with points; a server without a capability, if wanted."""

    def __init__(
        self,
        proxy: CuttingProxy,
        origin: str,
        credential: Secret,
        clock: FakeClock,
        points: Points,
        *,
        repeatable: bool,
    ) -> None:
        self._proxy = proxy
        self._credential = credential
        self._clock = clock
        self._points = points
        self._repeatable = repeatable
        self._patient = self._client(PATIENCE_S)
        # The journal knows a server by this: it is the same in every life.
        self.origin = origin

    def _client(self, deadline_s: float) -> PulsApiClient:
        return PulsApiClient(
            self._proxy.base_url,
            self._credential,
            self._clock,
            deadline_s=deadline_s,
            rng=random.Random(1),  # noqa: S311
        )

    @asynccontextmanager
    async def _through(self, call: str) -> AsyncIterator[PulsApiClient]:
        with self._points.around(call):
            if not self._proxy.next_stalls:
                yield self._patient
                return
            hasty = self._client(HASTE_S)
            try:
                yield hasty
            finally:
                await hasty.aclose()

    async def account(self) -> Account:
        async with self._through("account") as client:
            return self._as_wanted(await client.account())

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        async with self._through("list_keys") as client:
            return await client.list_keys(before, page_seen)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        async with self._through("create_key") as client:
            return await client.create_key(name, request_id, attempt)

    async def revoke_key(self, key_id: str) -> None:
        async with self._through("revoke_key") as client:
            await client.revoke_key(key_id)

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        async with self._through("services") as client:
            return await client.services(credential)

    async def sign_in(self, credential: Secret) -> Account:
        async with self._through("sign_in") as client:
            account = await client.sign_in(credential)
            self._credential = credential
            if client is not self._patient:
                account = await self._patient.sign_in(credential)
            return self._as_wanted(account)

    async def aclose(self) -> None:
        await self._patient.aclose()

    def _as_wanted(self, account: Account) -> Account:
        kept = account.capabilities if self._repeatable else frozenset[str]()
        return msgspec.structs.replace(account, capabilities=kept & {IDEMPOTENT_CREATE})


class World(NamedTuple):
    """The server, and its database as a second reader sees it."""

    server: Running
    store: Store


class Look(NamedTuple):
    """What the server has."""

    live: Mapping[str, str]
    """The names of the account's keys, by their ids."""
    working: frozenset[str]
    """Those of the secrets asked about that are accepted."""


class Run:
    """One rotation, from its plan to its end, through as many lives as it takes."""

    def __init__(
        self, setup: Setup, cuts: Cuts, world: World, directory: Path, proxy: CuttingProxy
    ) -> None:
        self.setup = setup
        server = world.server
        self._port = server.port
        self._store = world.store
        self._proxy = proxy
        self._account_id = directory.name
        self._keys: list[TestKey] = server.with_store(
            lambda store: add_account(store, directory.name, keys=3)
        )
        self._session = self._keys[0]
        self._old = self._keys[0] if setup.own else self._keys[1]
        self._clock = FakeClock()
        self.points = Points(cuts, self._check)
        self._rotator: Rotator | None = None
        self._lost: set[str] = set()
        self._origin = server.url
        self._state = directory / "state"
        self._env_file = directory / ".env"
        self._env_file.write_text(f"# kept\n{VARIABLE}={self._old.secret.strip()}\nOTHER=1\n")
        self._env_file.chmod(0o600)
        self._journal_seen = b""
        self._journal_now: Mapping[str, list[dict[str, Any]]] = {"intents": [], "rotations": []}

    @property
    def made(self) -> int:
        """How many keys the server made."""
        return len(self._proxy.minted)

    @property
    def fired(self) -> int:
        """How many cuts there really were."""
        return self.points.fired + self._proxy.cuts

    async def to_its_end(self) -> None:
        """Live and be killed, until the rotation is over; then look at what is left."""
        for _ in range(LIVES):
            self._clock.advance(2)
            if await self._live():
                break
        else:
            raise AssertionError(f"not over after {LIVES} lives")
        self._check_end()

    async def _live(self) -> bool:
        self.points.is_dead = self.points.disk_is_full = False
        journal = CutJournal(self._state / "journal.json", self.points)
        service = CutService(
            self._proxy,
            self._origin,
            self._credential(),
            self._clock,
            self.points,
            repeatable=self.setup.repeatable,
        )
        ports = Ports(service, journal, CutDelivery(self.points), self._clock)
        try:
            return await self._use(ports)
        except Killed:
            return False
        finally:
            self._rotator = None
            journal.let_go()
            await service.aclose()

    def _credential(self) -> Secret:
        """What the user starts the program with."""
        is_dead = self._session.secret not in self._look(self._session.secret).working
        return Secret(self._in_env_file() if is_dead else self._session.secret)

    # The scripted user

    async def _use(self, ports: Ports) -> bool:
        """One life; whether it found the rotation over."""
        account = await _insist(ports.service.account)
        listed = await self._list(ports)
        found = ports.journal.open_rotations(self._origin, account.id)
        assert found.elsewhere == (), "the killed one still holds its rotation"
        if found.here:
            [rotation] = found.here
        elif self._old.id not in listed.by_id:
            return True
        else:
            assert not self._proxy.minted, "a key was made, and its rotation is not written down"
            try:
                rotation = await self._plan(listed, account, ports)
            except JournalError:
                return False
        self._rotator = Rotator(rotation, account, ports)
        await self._press_on(self._rotator, listed, ports)
        return False

    async def _list(self, ports: Ports) -> KeyList:
        pages = await _insist(ports.service.list_keys)
        return KeyList(pages.keys, self._clock.now())

    async def _plan(self, listed: KeyList, account: Account, ports: Ports) -> Rotation:
        await ports.delivery.ways("")
        old = listed.by_id[self._old.id]
        target = Target(
            way_id="env_file", values={"path": str(self._env_file), "variable": VARIABLE}
        )
        return plan(
            old,
            mode=self.setup.mode,
            # The hardest name: a lost answer's key must not be taken for the old one.
            new_name=old.name,
            target=target,
            seen=Seen((), self._clock.now()),
            account=account,
            ports=ports,
        )

    async def _press_on(self, rotator: Rotator, listed: KeyList, ports: Ports) -> None:
        for _ in range(PRESSES):
            before = rotator.rotation.step
            if before is Step.WATCH:
                rotator.observe(listed)
                rotator.stop_watching("The user goes on.")
                continue
            advanced = await rotator.advance(listed)
            self.points.reach(f"between two presses, at {rotator.rotation.step}")
            if advanced.done and rotator.rotation.is_over:
                return
            if advanced.done:
                continue
            if self.points.disk_is_full and "Nothing was sent" in advanced.message:
                return
            if before is Step.DELIVER and rotator.created is None:
                assert rotator.rotation.new is not None
                self._lost.add(rotator.rotation.new.id)
                await rotator.replace()
                listed = await self._list(ports)
            elif "still be on its way" in advanced.message:
                self._clock.advance(SETTLED_AFTER.total_seconds())
        raise AssertionError(f"no end at {rotator.rotation.step} after {PRESSES} presses")

    # What must hold

    def _look(self, *secrets: str) -> Look:
        with self._store.reading() as transaction:
            keys, _ = transaction.page(self._account_id, 100, None)
            works = frozenset(
                secret
                for secret in secrets
                if transaction.authenticate(digest_of(secret)) is not None
            )
        return Look({key.id: key.name for key in keys}, works)

    def _in_env_file(self) -> str:
        [line] = [
            line
            for line in self._env_file.read_text().splitlines()
            if line.startswith(f"{VARIABLE}=")
        ]
        return line.partition("=")[2]

    def _journal(self) -> Mapping[str, list[dict[str, Any]]]:
        path = self._state / "journal.json"
        raw = path.read_bytes() if path.exists() else b""
        if raw != self._journal_seen:
            self._journal_seen = raw
            text = raw.decode()
            given = [key.secret for key in self._keys]
            for secret in [
                *given,
                *(each for made in self._proxy.minted.values() for each in made),
            ]:
                assert not any(each in text for each in spellings(secret)), "a secret is on disk"
            self._journal_now = msgspec.json.decode(raw)
        return self._journal_now

    def _check(self, label: str) -> None:
        journal = self._journal()
        in_file = self._in_env_file()
        rotator = self._rotator
        in_hand = rotator.created.secret.reveal() if rotator and rotator.created else ""
        known = {self._old.secret, in_file, in_hand} - {""}
        look = self._look(*known)
        is_stored = any(each["stored"] for each in journal["rotations"])
        if self.setup.mode is not Mode.REVOKE_FIRST:
            assert look.working, f"{label}: no known key works"
        elif is_stored:
            assert in_file in look.working, f"{label}: the stored key is dead"
        elif in_hand:
            assert in_hand in look.working, f"{label}: the key in hand is dead"
        self._check_named(label, journal, look, in_file)
        self._check_revoked(label, look, in_file)

    def _check_named(
        self,
        label: str,
        journal: Mapping[str, list[dict[str, Any]]],
        look: Look,
        in_file: str,
    ) -> None:
        """Every live key that was made is written down, or stored."""
        named = {each["new"]["id"] for each in journal["rotations"] if each["new"]}
        named |= {each["key_id"] for each in journal["intents"]}
        named |= {made for made, secrets in self._proxy.minted.items() if secrets[-1] == in_file}
        for key_id in set(look.live) - {key.id for key in self._keys} - named:
            assert any(
                each["key_id"] is None
                and each["name"] == look.live[key_id]
                and key_id not in each["known_ids"]
                for each in journal["intents"]
            ), f"{label}: a live key is named nowhere"

    def _check_revoked(self, label: str, look: Look, in_file: str) -> None:
        bystanders = {key.id for key in self._keys} - {self._old.id}
        assert bystanders <= set(look.live), f"{label}: another key was revoked"
        seen = self._proxy.seen
        revoked = {
            each.path.rpartition("/")[2]: number
            for number, each in reversed(list(enumerate(seen)))
            if (each.method, each.status) == ("DELETE", 204)
        }
        assert set(revoked) <= {self._old.id} | self._lost, (
            f"{label}: revoked, and not named as lost"
        )
        if self._old.id in revoked and self.setup.mode is not Mode.REVOKE_FIRST:
            tried = {
                each.bearer
                for each in seen[: revoked[self._old.id]]
                if each.path.startswith("/v1/services") and each.status == 200
            }
            assert in_file in tried, (
                f"{label}: the old key was revoked before the new one was tried"
            )

    def _check_end(self) -> None:
        in_file = self._in_env_file()
        journal = self._journal()
        assert journal["rotations"] == []
        candidates = {self._old.id, *self._proxy.minted}
        [alive] = candidates & set(self._look().live)
        assert alive != self._old.id
        assert self._proxy.minted[alive][-1] == in_file
        assert {each["key_id"] for each in journal["intents"]} <= (
            {alive} if self.points.journal_failed else set()
        )
        # Each cut costs at most one key.
        assert self.made <= 1 + self.fired
        assert self._get("/v1/services", in_file)[0] == 200
        assert self._get("/v1/services", self._old.secret)[0] == 401
        listed = {key["id"] for key in self._get("/v1/api-keys", in_file)[1]["data"]}
        assert alive in listed
        assert self._old.id not in listed
        assert self._env_file.read_text() == f"# kept\n{VARIABLE}={in_file}\nOTHER=1\n"

    def _get(self, path: str, secret: str) -> tuple[int, Any]:
        """Ask the server itself."""
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
            answer = connection.getresponse()
            return answer.status, msgspec.json.decode(answer.read())


async def _insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again where the answer was cut, as who starts a program does."""
    for _ in range(5):
        try:
            return await ask()
        except PulsapiError:
            await asyncio.sleep(0)
    return await ask()
