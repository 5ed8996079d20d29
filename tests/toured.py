"""A world for the tour without a server, a disk or a real clock: time goes by only in its pauses.

As in the demo, an integration calls every two seconds, reads its env file every few seconds, and
goes on with the key that it finds there.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.errors import UnauthorizedError
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Service
from pulsapi_tui.domain.ports import Connector, KeyPages, PageSeen, Retrying, Session
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.demo_tour import BUSY_KEY, NEW_KEY
from tests.seeded import DEMO, NOW, NoJournal, NoLog, SeededDelivery, SeededService

FOLDER = "/tmp/pulsapi-demo/integrations"  # noqa: S108  # drawn, never opened
CALLS_EVERY_S = 2
RELOADS_AFTER_S = 5
NEW_HINTS = ("q7Zd", "t4Wn")


def _secret(hint: str) -> Secret:
    return Secret(f"an-example-that-is-no-key-{hint}")


class MovingClock:
    """Stands, and is moved."""

    def __init__(self) -> None:
        self._moved_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=int(self._moved_s))

    def monotonic(self) -> float:
        return self._moved_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        self._moved_s += seconds


class ToldLastTarget:
    """Where the demo says that keys of these names go."""

    _FILES: ClassVar = {NEW_KEY: "deploy.env", BUSY_KEY: "ci.env"}

    def last(self, key_name: str) -> Target | None:
        path = f"{FOLDER}/{self._FILES[key_name]}"
        return Target(way_id="env_file", values={"path": path, "variable": "PULSAPI_API_KEY"})

    def remember(self, target: Target, key_name: str) -> None:
        pass


class TouredDelivery(SeededDelivery):
    """Env files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, Secret] = {}

    async def held(self, target: Target) -> Secret | None:
        return self.files.get(target.values["path"])

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        self.files[target.values["path"]] = secret
        return await super().deliver(secret, target)


class TouredService(SeededService):
    """The demo's keys, and one integration that uses one of them."""

    def __init__(self, clock: MovingClock, delivery: TouredDelivery) -> None:
        super().__init__()
        self._clock = clock
        self._files = delivery.files
        self._tried: dict[str, datetime] = {}
        self._old = next(key for key in self._keys if key.name == BUSY_KEY)
        self._env_file = f"{FOLDER}/ci.env"
        self._files[self._env_file] = _secret(self._old.hint)
        self._reloads_at: datetime | None = None
        self.revoked: list[str] = []

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        self._keys = [self._as_used_now(key) for key in self._keys]
        return await super().list_keys(before, page_seen)

    def _as_used_now(self, key: ApiKey) -> ApiKey:
        now = self._clock.now()
        called_at = now - timedelta(seconds=int(now.timestamp()) % CALLS_EVERY_S)
        used = [use for use in (key.last_used_at, self._tried.get(key.id)) if use is not None]
        if key.id == (self._old.id if self._reads_old(now) else self._successor_id):
            used.append(called_at)
        if key.id == "key_01":
            used.append(now)
        return msgspec.structs.replace(key, last_used_at=max(used, default=None))

    def _reads_old(self, now: datetime) -> bool:
        if self._files[self._env_file].ends_in(self._old.hint):
            return True
        if self._reloads_at is None:
            self._reloads_at = now + timedelta(seconds=RELOADS_AFTER_S)
        return now < self._reloads_at

    @property
    def _successor_id(self) -> str:
        held = self._files[self._env_file]
        return next((key.id for key in self._keys if held.ends_in(key.hint)), "")

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        hint = NEW_HINTS[len(self._keys) + len(self.revoked) - 12]
        now = self._clock.now()
        key = ApiKey(id=f"key_{hint}", name=name, hint=hint, created_at=now, last_used_at=None)
        self._keys.insert(0, key)
        return CreatedKey(key=key, secret=_secret(hint))

    async def revoke_key(self, key_id: str) -> None:
        self.revoked += [key.name for key in self._keys if key.id == key_id]
        await super().revoke_key(key_id)

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        if credential is not None:
            tried = [key for key in self._keys if credential.ends_in(key.hint)]
            if not tried:
                raise UnauthorizedError("", status=401, code="unauthorized")
            self._tried[tried[0].id] = self._clock.now()
        return await super().services()

    async def sign_in(self, credential: Secret) -> Account:
        return await self.account()


class TouredWorld:
    """All of it together."""

    def __init__(self) -> None:
        self.clock = MovingClock()
        self.delivery = TouredDelivery()
        self.service = TouredService(self.clock, self.delivery)
        self.log = NoLog()

    @property
    def connect(self) -> Connector:
        """Opens a session that is the demo's."""

        async def connect(credential: Secret | None, retrying: Retrying) -> Session:
            return Session(
                self.service,
                NoJournal(),
                DEMO,
                "the demo itself",
                ToldLastTarget(),
                self.log,
                is_demo=True,
            )

        return connect
