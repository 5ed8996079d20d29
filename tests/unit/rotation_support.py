"""A rotation in a unit test: a scripted service, a place in memory, the real journal on disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.delivery import Delivered, Preview, Target, Way
from pulsapi_tui.domain.errors import (
    AnswerLostError,
    ConnectError,
    DeliveryError,
    JournalError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.models import Account, CreatedKey, Service
from pulsapi_tui.domain.ports import KeyPages, OpenRotations, PageSeen
from pulsapi_tui.domain.rotation import Mode, Rotation
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.uses import Seen
from pulsapi_tui.flows.rotate import Rotator, plan
from pulsapi_tui.flows.rotation_record import Advanced, Ports
from tests.unit.support import NOW, ORIGIN, FakeClock, ScriptedService, make_account, make_key

OLD = make_key("old", "CI", hint="OLDo")
NEW = make_key("new", "CI", hint="NEWn", created_ago=timedelta(0))
OLD_SECRET = "local_TheOldSecret0123456789OLDo"
NEW_SECRET = "local_TheNewSecret9876543210NEWn"
TARGET = Target(way_id="env_file", values={"path": "~/app/.env", "variable": "KEY"})
SECOND = Target(way_id="env_file", values={"path": "~/other/.env", "variable": "KEY"})
CREATED = CreatedKey(key=NEW, secret=Secret(NEW_SECRET))

LOST = AnswerLostError("The answer was lost.")
DOWN = ConnectError("PulsAPI can't be reached.")
UNAUTHORIZED = UnauthorizedError("refused", status=401)
NO_ROOM = DeliveryError("There is no room.", output="said so")
REPEATABLE = make_account(repeatable=True)


class RotationService(ScriptedService):
    """Remembers the order of all calls, and with which key services were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.tried: list[str] = []
        self.signed_in: list[str] = []
        self.refusals: dict[str, PulsapiError] = {}
        """By the secret that services are asked for with."""
        self.sign_in_error: PulsapiError | None = None
        self.before_call: Callable[[str], None] = lambda _: None

    def _call(self, call: str) -> None:
        self.before_call(call)
        self.calls.append(call)

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        self._call("list")
        return await super().list_keys(before, page_seen)

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        self._call("create")
        return await super().create_key(name, request_id, attempt)

    async def revoke_key(self, key_id: str) -> None:
        self._call(f"revoke {key_id}")
        await super().revoke_key(key_id)

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        assert credential is not None
        secret = credential.reveal()
        self._call("services")
        self.tried.append(secret)
        if secret in self.refusals:
            raise self.refusals[secret]
        return ()

    async def sign_in(self, credential: Secret) -> Account:
        self._call("sign in")
        if self.sign_in_error is not None:
            raise self.sign_in_error
        self.signed_in.append(credential.reveal())
        return make_account(session_key_id="new")


class Shelf:
    """A `Delivery` into memory; one target holds one secret."""

    def __init__(self) -> None:
        self.held_in: dict[str, str] = {}
        self.error: PulsapiError | None = None
        self.read_error: PulsapiError | None = None
        self.during: Callable[[], None] = lambda: None
        self.delivered = 0

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        return ()

    def preview(self, target: Target) -> Preview:
        return Preview(f"Writes it into {target.values['path']}.")

    async def concerns(self, target: Target) -> tuple[str, ...]:
        return ()

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        self.during()
        if self.error is not None:
            raise self.error
        self.delivered += 1
        self.held_in[target.values["path"]] = secret.reveal()
        return Delivered(where=target.values["path"], message="Written, and read back.", output="o")

    async def held(self, target: Target) -> Secret | None:
        if self.read_error is not None:
            raise self.read_error
        text = self.held_in.get(target.values["path"], "")
        return Secret(text) if text else None


class Journal(JournalFile):
    """The real journal; calls that begin with what is in `failing` fail, as on a full disk."""

    failing: tuple[str, ...] = ()

    def _call(self, call: str) -> None:
        if self.failing and call.startswith(self.failing):
            raise JournalError("The journal can't be written.")

    def put(self, intent: Intent) -> None:
        self._call("put")
        super().put(intent)

    def remove(self, request_id: str) -> None:
        self._call("remove")
        super().remove(request_id)

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        self._call("open_intents")
        return super().open_intents(origin, account_id)

    def claim_rotation(self, rotation: Rotation) -> None:
        self._call("claim_rotation")
        super().claim_rotation(rotation)

    def put_rotation(self, rotation: Rotation) -> None:
        self._call("put_rotation")
        super().put_rotation(rotation)

    def remove_rotation(self, rotation_id: str) -> None:
        self._call("remove_rotation")
        super().remove_rotation(rotation_id)

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        return super().open_rotations(origin, account_id)


def bench_in(folder: Path, clock: FakeClock) -> Bench:
    """A bench with its journal in that folder."""
    return Bench(RotationService(), Journal(folder / "state" / "journal.json"), clock, Shelf())


class Bench:
    """One rotation, and what is written down of it."""

    def __init__(
        self, service: RotationService, journal: Journal, clock: FakeClock, shelf: Shelf
    ) -> None:
        self.service = service
        self.journal = journal
        self.clock = clock
        self.shelf = shelf
        self.account = make_account()
        self.listed = KeyList([OLD], NOW)
        self.ports = Ports(service, journal, shelf, clock)
        shelf.held_in["~/app/.env"] = OLD_SECRET
        service.creates = [CREATED]

    def begin(
        self,
        mode: Mode = Mode.OVERLAP,
        *,
        target: Target | None = TARGET,
        account: Account | None = None,
    ) -> Rotator:
        """Planned, and nothing sent."""
        self.account = account or self.account
        rotation = plan(
            OLD,
            mode=mode,
            new_name="CI",
            target=target,
            seen=Seen((), NOW),
            account=self.account,
            ports=self.ports,
        )
        return Rotator(rotation, self.account, self.ports)

    async def advance(self, rotator: Rotator, times: int = 1) -> Advanced:
        """So many steps, each of which is done but maybe the last one."""
        for _ in range(times - 1):
            advanced = await rotator.advance(self.listed)
            assert advanced.done, advanced.message
        return await rotator.advance(self.listed)

    async def until_revoke(self, rotator: Rotator) -> None:
        """Created, delivered, proven and watched."""
        assert (await self.advance(rotator, 3)).done
        rotator.stop_watching("Quiet.")

    def after_a_crash(self, account: Account | None = None) -> Rotator:
        """What the next start of the program has: the journal, and nothing in memory."""
        [rotation] = self.on_disk
        return Rotator(rotation, account or self.account, self.ports)

    @property
    def on_disk(self) -> tuple[Rotation, ...]:
        return self.journal.open_rotations(ORIGIN, "acct").here

    @property
    def intents(self) -> tuple[Intent, ...]:
        return JournalFile.open_intents(self.journal, ORIGIN, "acct")
