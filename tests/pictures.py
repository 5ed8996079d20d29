"""The README's pictures and table of keys: `python -m tests.pictures` writes, tests compare.

Every screen at 100x30, from the demo's seeded keys, with the clock standing still. The one picture
of a reveal shows it masked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Delivered, Field, Preview, Target, Way
from pulsapi_tui.domain.errors import (
    AnswerLostError,
    ConnectError,
    ForbiddenRoleError,
    PlanRequiredError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account, ApiKey, CreatedKey, Plan, Role, Service
from pulsapi_tui.domain.ports import (
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
)
from pulsapi_tui.domain.rotation import Mode, Rotation, Step, StepDone, ref
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.server.seed import STORY
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.commands import Place, of

FOLDER = Path(__file__).parent.parent / "screenshots"
README = FOLDER.parent / "README.md"
SIZE = (100, 30)
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HINTS = "kY3u 8QdT fZ0w m2Ls Xc7a 9vRb Pn4e 1GhJ uT6o Wz5i bA3q Ke8r"
SECTIONS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    ("on the list", ("keys", "table", "app")),
    ("while a key is shown", ("reveal",)),
    ("while a rotation is open", ("rotate",)),
    ("everywhere", ("help",)),
)
UPGRADE_URL = "https://www.pulsapi.com/docs/billing/upgrading"

Act = Callable[[Pilot[None]], Awaitable[None]]


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
                    Field("path", "File", "~/app/.env"),
                    Field("variable", "Variable", "PULSAPI_API_KEY"),
                ),
            ),
            Way(
                id="command:pass",
                title="pass",
                fields=(Field("path", "Entry", "pulsapi/deploy-bot"),),
                note="An entry of that name is overwritten.",
            ),
            Way(id="file", title="File", fields=(Field("path", "File", "~/deploy-bot.key"),)),
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


def _keys(*names: str) -> Act:
    async def press(pilot: Pilot[None]) -> None:
        for name in names:
            await pilot.press(name)
            await pilot.pause()

    return press


def _without_toasts(act: Act) -> Act:
    async def press(pilot: Pilot[None]) -> None:
        await act(pilot)
        pilot.app.clear_notifications()
        await pilot.pause()

    return press


_MARK_THREE = ("G", "space", "k", "k", "space", "g", "j", "space")

PICTURES: dict[str, tuple[Callable[[], SeededService], Act]] = {
    "keys": (SeededService, _keys("j", "j", "j", "j", "j", "j")),
    "filter": (SeededService, _keys("slash", *"graf")),
    "marks": (SeededService, _keys(*_MARK_THREE)),
    "details": (SeededService, _keys("j", "j", "enter")),
    "create": (SeededService, _keys("n", *"Deploy bot")),
    "reveal": (SeededService, _keys("n", *"Deploy bot", "enter", "c")),
    "delivered": (
        SeededService,
        _keys("n", *"Deploy bot", "enter", "d", "enter", "enter", "enter"),
    ),
    "deliver": (SeededService, _keys("n", *"Deploy bot", "enter", "d", "down")),
    "verify": (SeededService, _keys("n", *"Deploy bot", "enter", "v")),
    "way-out": (SeededService, _keys("n", *"Deploy bot", "enter", "escape")),
    "rotate-plan": (SeededService, _keys("j", "j", "j", "j", "j", "j", "R")),
    "rotate": (Rotating, _without_toasts(_keys("j", "R"))),
    "rotate-many": (SeededService, _keys(*_MARK_THREE, "R", "enter", "enter", "enter")),
    "revoke": (SeededService, _keys("j", "j", "j", "j", "j", "j", "X")),
    "revoke-several": (SeededService, _keys(*_MARK_THREE, "X")),
    "revoke-results": (SeededService, _keys(*_MARK_THREE, "X", "3", "enter")),
    "help": (SeededService, _keys("question_mark")),
    "palette": (SeededService, _keys("ctrl+p")),
    "empty": (lambda: SeededService(empty=True), _keys()),
    "unreachable": (
        lambda: SeededService(ConnectError("PulsAPI can't be reached: no connection was made.")),
        _keys(),
    ),
    "signed-out": (
        lambda: SeededService(UnauthorizedError("", status=401, code="unauthorized")),
        _keys(),
    ),
    "free-plan": (
        lambda: SeededService(
            PlanRequiredError("", status=402, code="plan_required", upgrade_url=UPGRADE_URL),
            plan="free",
        ),
        _keys(),
    ),
    "viewer": (
        lambda: SeededService(
            ForbiddenRoleError("", status=403, code="forbidden_role"), role="viewer"
        ),
        _keys(),
    ),
}


@asynccontextmanager
async def _running(service: SeededService) -> AsyncIterator[tuple[PulsapiApp, Pilot[None]]]:
    async def connect(credential: Secret | None, retrying: Retrying) -> Session:
        journal = NoJournal()
        if service.rotation is not None:
            journal.rotations = (service.rotation,)
        return Session(service, journal, "demo", NoLastTarget(), NoLog())

    app = PulsapiApp(connect, StandingClock(), lambda _: NoClipboard(), hand_off_of())
    app.animation_level = "none"
    async with app.run_test(size=SIZE, notifications=True, tooltips=True) as pilot:
        while _is_loading(app):
            await pilot.pause(0.01)
        await pilot.pause()
        yield app, pilot


def _is_loading(app: PulsapiApp) -> bool:
    title = str(app.screen.query_one("#state-title", Static).render())
    return app.screen.has_class("-stateful") and "Reading" in title


async def draw(name: str) -> str:
    """The picture of that name, as SVG; the same on every run."""
    make, act = PICTURES[name]
    async with _running(make()) as (app, pilot):
        await act(pilot)
        await pilot.pause(0.1)
        # The app itself refuses while a key is open; this one is masked, and no key.
        return App.export_screenshot(app, title="pulsapi-tui", simplify=True) + "\n"


def with_keys_table(readme: str) -> str:
    """The README with its table of keys written from the commands."""
    tables = []
    for title, places in SECTIONS:
        rows = [
            f"| {' '.join(f'`{key}`' for key in command.shown.split(' '))} | {command.help} |"
            for command in of(*places)
        ]
        tables.append("\n".join([f"| {title} | |", "|---|---|", *rows]))
    table = "\n\n".join(tables)
    head, begin, rest = readme.partition("<!-- keys:begin")
    first_line, _, rest = rest.partition("-->\n")
    _, end, tail = rest.partition("<!-- keys:end -->")
    return f"{head}{begin}{first_line}-->\n{table}\n{end}{tail}"


async def write_all() -> None:
    """Write every picture into `screenshots/`, and the table into the README."""
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_keys_table(readme), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(await draw(name), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write_all())
