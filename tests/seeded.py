"""The demo's seeded keys and all that stands around them, without a server, a disk or a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Delivered, Field, Preview, Target, Way
from pulsapi_tui.domain.errors import (
    AnswerLostError,
    ConnectError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Plan, Role, Service
from pulsapi_tui.domain.ports import (
    Connector,
    Copied,
    Delivery,
    HandOff,
    KeyPage,
    KeyPages,
    OpenRotations,
    PageSeen,
    Recorders,
    Retrying,
    Session,
    Store,
)
from pulsapi_tui.domain.profiles import Colour, CredentialSource, Kept, Profile, ProfileList
from pulsapi_tui.domain.rotation import Mode, Rotation, Step, StepDone, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.server.seed import STORY

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HINTS = "kY3u 8QdT fZ0w m2Ls Xc7a 9vRb Pn4e 1GhJ uT6o Wz5i bA3q Ke8r"


class StandingClock:
    """It is always half past nine."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class NoJournal:
    """Nothing is left from before, unless a rotation is given to it."""

    rotations: tuple[Rotation, ...] = ()

    def put(self, intent: Intent) -> None:
        pass

    def remove(self, request_id: str) -> None:
        pass

    def open_intents(self, origin: str, account_id: str) -> tuple[Intent, ...]:
        return ()

    def claim_rotation(self, rotation: Rotation) -> None:
        pass

    def put_rotation(self, rotation: Rotation) -> None:
        pass

    def remove_rotation(self, rotation_id: str) -> None:
        pass

    def open_rotations(self, origin: str, account_id: str) -> OpenRotations:
        return OpenRotations(self.rotations, ())

    def close(self) -> None:
        pass


class NoClipboard:
    """Nothing is copied."""

    async def copy(self, secret: Secret) -> Copied:
        return Copied(confirmed=False, message="Sent to your terminal's clipboard.")


class NoRecorders:
    """Nobody writes down what the terminal shows."""

    async def active(self) -> tuple[str, ...]:
        return ()


class NoLastTarget:
    """Nothing was delivered before."""

    def last(self, key_name: str) -> Target | None:
        return None

    def remember(self, target: Target, key_name: str) -> None:
        pass


class NoLog:
    """What was done, kept for as long as the test runs."""

    def __init__(self) -> None:
        self.actions: list[Action] = []

    def append(self, action: Action) -> bool:
        self.actions.append(action)
        return True

    def read(self) -> tuple[Action, ...]:
        return tuple(self.actions)


class SeededDelivery:
    """Three ways, the same on every machine; nothing is written and nothing is run."""

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        return (
            Way(
                id="env_file",
                title="Env file",
                fields=(
                    Field("path", "Path", "~/app/.env"),
                    Field("variable", "Variable", "PULSAPI_API_KEY"),
                ),
            ),
            Way(
                id="command:pass",
                title="pass",
                fields=(Field("path", "Entry", "pulsapi/deploy-bot"),),
                note="An entry of that name is overwritten.",
            ),
            Way(id="file", title="File", fields=(Field("path", "Path", "~/deploy-bot.key"),)),
        )

    def preview(self, target: Target) -> Preview:
        path = target.values.get("path", "")
        if not path:
            return Preview("Say which file.", is_error=True)
        if target.way_id == "command:pass":
            return Preview(f"Runs: pass insert -m {path}  (the key goes to its standard input)")
        if target.way_id == "file":
            return Preview(f"Writes the key into {path} (0600), and reads it back.")
        variable = target.values["variable"]
        return Preview(f"Writes {variable} into {path} (0600), and reads it back.")

    async def concerns(self, target: Target) -> tuple[str, ...]:
        return ()

    async def held(self, target: Target) -> Secret | None:
        return None

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        where = f"{target.values['variable']} in {target.values['path']}"
        return Delivered(
            where=where,
            message=f"Written to {target.values['path']} as {target.values['variable']}, "
            "and read back.",
        )


def hand_off_of(
    delivery: Delivery | None = None,
    recorders: Recorders | None = None,
    mask_after_s: float = 30.0,
) -> HandOff:
    """A hand-off that touches nothing of this machine."""
    return HandOff(delivery or SeededDelivery(), recorders or NoRecorders(), mask_after_s)


DEMO = Profile(name="demo")
PROFILES = ProfileList(
    (
        Profile(
            name="acme",
            production=True,
            account_id="acc_northwind",
            source=CredentialSource(Kept.COMMAND, ("pass", "show", "pulsapi/acme")),
        ),
        Profile(
            name="staging",
            base_url="https://api.staging.acme.example",
            colour=Colour.BLUE,
            source=CredentialSource(Kept.KEYRING),
        ),
        Profile(
            name="client",
            read_only=True,
            source=CredentialSource(Kept.FILE, path="~/.config/pulsapi-tui/credentials/client"),
        ),
    ),
    "acme",
)


class SeededProfiles:
    """Three profiles, kept for as long as the picture takes."""

    def __init__(self, listed: ProfileList = PROFILES) -> None:
        self.listed = listed

    def read(self) -> ProfileList:
        return self.listed

    def put(self, profile: Profile, *, make_current: bool = False) -> None:
        others = tuple(each for each in self.listed.profiles if each.name != profile.name)
        current = profile.name if make_current else self.listed.current
        self.listed = ProfileList((*others, profile), current)

    def change(self, name: str, change: Callable[[Profile], Profile]) -> Profile:
        profiles = tuple(
            change(each) if each.name == name else each for each in self.listed.profiles
        )
        self.listed = ProfileList(profiles, self.listed.current)
        return next(each for each in profiles if each.name == name)

    def use(self, name: str) -> None:
        self.listed = ProfileList(self.listed.profiles, name)

    def remove(self, name: str) -> None:
        kept = tuple(each for each in self.listed.profiles if each.name != name)
        self.listed = ProfileList(kept, self.listed.current)


class SeededCredentials:
    """A keyring that is not to be had, and a file; kept in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Secret] = {}

    async def stores(self) -> tuple[Store, ...]:
        return (
            Store(Kept.COMMAND),
            Store(Kept.KEYRING, "There is no keyring here, as over a plain ssh."),
            Store(Kept.FILE),
            Store(Kept.ENVIRONMENT),
        )

    def source(self, kept: Kept, profile_name: str, argv: tuple[str, ...] = ()) -> CredentialSource:
        return CredentialSource(kept, argv)

    async def read(self, profile: Profile) -> Secret:
        return self.kept.get(profile.name) or Secret("an-example-that-is-no-key")

    async def keep(self, profile: Profile, credential: Secret) -> None:
        self.kept[profile.name] = credential

    async def forget(self, profile: Profile) -> None:
        self.kept.pop(profile.name, None)


class SeededAccounts:
    """The accounts of the pictures: every key of theirs is good."""

    def __init__(self, listed: ProfileList = PROFILES) -> None:
        self.profiles = SeededProfiles(listed)
        self.credentials = SeededCredentials()

    def connector(self, profile: Profile) -> Connector:
        return connector_to(SeededService(), profile)

    def demo(self) -> Connector:
        return connector_to(SeededService(), DEMO)

    async def ask(self, profile: Profile, credential: Secret) -> Account:
        return await SeededService().account()


def connector_to(service: SeededService, profile: Profile = DEMO) -> Connector:
    """Opens sessions with that service."""

    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        journal = NoJournal()
        if service.rotation is not None:
            journal.rotations = (service.rotation,)
        return Session(service, journal, profile, profile.source.words, NoLastTarget(), NoLog())

    return connect


class SeededService:
    """The demo's keys, without a server. `refusal` is what every listing answers."""

    origin = "http://127.0.0.1:8787"
    rotation: Rotation | None = None

    def __init__(
        self,
        refusal: PulsapiError | None = None,
        *,
        plan: Plan = "pro",
        role: Role = "owner",
        empty: bool = False,
    ) -> None:
        self._refusal = refusal
        self._plan: Plan = plan
        self._role: Role = role
        self._keys = [] if empty else _seeded_keys()

    async def account(self) -> Account:
        if isinstance(self._refusal, ConnectError | UnauthorizedError):
            raise self._refusal
        return Account(
            id="acc_northwind",
            email="dana@northwind.example",
            display_name="Dana Brandt",
            timezone="Europe/Berlin",
            plan=self._plan,
            role=self._role,
            authenticated_key_id="key_01",
            capabilities=frozenset(),
        )

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        if self._refusal is not None:
            raise self._refusal
        return KeyPages((KeyPage(tuple(self._keys), None, None, len(self._keys)),))

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        key = ApiKey(id="key_13", name=name, hint="q7Zd", created_at=NOW, last_used_at=None)
        self._keys.insert(0, key)
        return CreatedKey(key=key, secret=Secret("an-example-that-is-no-key"))

    async def revoke_key(self, key_id: str) -> None:
        if key_id == "key_11":
            raise AnswerLostError("PulsAPI did not answer within 10 s.")
        self._keys = [key for key in self._keys if key.id != key_id]

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        return tuple(
            Service(
                id=f"svc_{number}",
                name=name,
                status="operational",
                group=None,
                updated_at=NOW,
            )
            for number, name in enumerate(("Stripe", "GitHub", "Cloudflare"))
        )

    async def sign_in(self, credential: Secret) -> Account:
        return await self.account()

    async def aclose(self) -> None:
        pass


class Rotating(SeededService):
    """A rotation is under way: the successor is in use, and the old key has become quiet."""

    def __init__(self) -> None:
        super().__init__()
        old = next(key for key in self._keys if key.name == "CI/CD Pipeline")
        quiet_from = NOW - timedelta(minutes=42)
        new = msgspec.structs.replace(
            old,
            id="key_13",
            hint="q7Zd",
            created_at=NOW - timedelta(minutes=58),
            last_used_at=NOW - timedelta(seconds=9),
        )
        self._keys[self._keys.index(old)] = msgspec.structs.replace(old, last_used_at=quiet_from)
        self._keys.insert(0, new)
        uses = tuple(quiet_from - timedelta(minutes=5 * ago) for ago in range(5, -1, -1))
        watch = Watch(
            since=NOW - timedelta(minutes=58),
            tried_at=NOW - timedelta(minutes=58),
            old_uses=uses,
            new_uses=(NOW - timedelta(minutes=3), NOW - timedelta(seconds=9)),
            seen_from=uses[0],
        )
        done = (
            (Step.CREATE, "Created …q7Zd."),
            (Step.DELIVER, "Written to ~/app/.env as PULSAPI_API_KEY, and read back."),
            (Step.PROVE, "It works: GET /v1/services answered 200 with this key, 3 services."),
        )
        self.rotation = Rotation(
            id="rotation",
            origin=self.origin,
            account_id="acc_northwind",
            mode=Mode.OVERLAP,
            old=ref(old),
            new=ref(new),
            new_name=old.name,
            target=None,
            where="",
            started_at=NOW - timedelta(minutes=58),
            step=Step.WATCH,
            stored=True,
            watch=watch,
            done=tuple(StepDone(step, NOW - timedelta(minutes=58), what) for step, what in done),
        )


def _seeded_keys() -> list[ApiKey]:
    keys = [
        ApiKey(
            id=f"key_{number:02}",
            name=story.name,
            hint=hint,
            created_at=NOW - timedelta(seconds=story.created_age_s),
            last_used_at=None
            if story.used_age_s is None
            else NOW - timedelta(seconds=story.used_age_s),
        )
        for number, (story, hint) in enumerate(zip(STORY, HINTS.split(), strict=True), 1)
    ]
    return sorted(keys, key=lambda key: key.created_at, reverse=True)
