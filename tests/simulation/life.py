"""One start of the program, as far as it can be ended at any moment: its journal and its client."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.delivery import Delivered, Target
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import OpenRotations
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.rotation import Rotation
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.guarded import GuardedService
from pulsapi_tui.flows.rotation_record import Ports
from tests.simulation.loop import VirtualClock
from tests.simulation.network import ORIGIN


class Killed(BaseException):
    """The program ended here."""


class Thread:
    """What a life hangs by."""

    def __init__(self, rng: random.Random, kill: Callable[[], None], look: Callable[[], None]):
        self._rng = rng
        self._kill = kill
        self._look = look
        self.is_cut = False
        self.may_break = True

    def pull(self, share: float = 0.0) -> None:
        """Go no further where the program is dead, or where it dies here, and look otherwise."""
        if self.is_cut:
            raise Killed
        self._look()
        if self.may_break and self._rng.random() < share:
            self._kill()
            raise Killed


AT_A_WRITE = 0.004
"""The share of writes right before or after which the program is killed."""


class MortalJournal(JournalFile):
    """The real journal; a dead program writes nothing into it."""

    def __init__(self, path: Path, thread: Thread) -> None:
        super().__init__(path)
        self._thread = thread

    def put(self, intent: Intent) -> None:
        self._thread.pull(AT_A_WRITE)
        super().put(intent)
        self._thread.pull(AT_A_WRITE)

    def remove(self, request_id: str) -> None:
        self._thread.pull(AT_A_WRITE)
        super().remove(request_id)
        self._thread.pull(AT_A_WRITE)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        self._thread.pull()
        return super().open_intents(origin, account_id)

    def claim_rotation(self, rotation: Rotation) -> None:
        self._thread.pull(AT_A_WRITE)
        super().claim_rotation(rotation)
        self._thread.pull(AT_A_WRITE)

    def put_rotation(self, rotation: Rotation) -> None:
        self._thread.pull(AT_A_WRITE)
        super().put_rotation(rotation)
        self._thread.pull(AT_A_WRITE)

    def remove_rotation(self, rotation_id: str) -> None:
        self._thread.pull(AT_A_WRITE)
        super().remove_rotation(rotation_id)
        self._thread.pull(AT_A_WRITE)

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        self._thread.pull()
        return super().open_rotations(origin, account_id)

    def let_go(self) -> None:
        """What the kernel does for a process that was killed: the lock is free, its file stays."""
        if self._holder is not None:
            os.close(self._holder_lock)
            self._holder = None


class MortalDelivery(Deliveries):
    """The real delivery into env files; a dead program writes nothing into them."""

    def __init__(self, thread: Thread, written: Callable[[Target], None]) -> None:
        super().__init__(lambda: (EnvFileSink({}),))
        self._thread = thread
        self._written = written

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        self._thread.pull(AT_A_WRITE)
        delivered = await super().deliver(secret, target)
        self._written(target)
        self._thread.pull(AT_A_WRITE)
        return delivered


class Service(PulsApiClient):
    """The real client; of a server that has `idempotent-create`, or is said not to have it."""

    repeatable = True

    async def account(self) -> Account:
        account = await super().account()
        return account if self.repeatable else msgspec.structs.replace(account, capabilities=())

    async def sign_in(self, credential: Secret) -> Account:
        account = await super().sign_in(credential)
        return account if self.repeatable else msgspec.structs.replace(account, capabilities=())


class Life:
    """What the flows need of the world, as long as this start of the program lasts."""

    def __init__(
        self,
        folder: Path,
        credential: Secret,
        clock: VirtualClock,
        rng: random.Random,
        thread: Thread,
        written: Callable[[Target], None],
        *,
        repeatable: bool,
    ) -> None:
        self.thread = thread
        self.clock = clock
        self.journal = MortalJournal(folder / "state" / "journal.json", thread)
        self.client = Service(ORIGIN, credential, clock, rng=random.Random(rng.random()))  # noqa: S311
        self.client.repeatable = repeatable
        self.service = GuardedService(self.client, Profile(name="simulated"))
        self.delivery = MortalDelivery(thread, written)
        self.ports = Ports(self.service, self.journal, self.delivery, clock)

    def die(self) -> None:
        """From now on, nothing that this life does has an effect."""
        self.thread.is_cut = True
        self.journal.let_go()
