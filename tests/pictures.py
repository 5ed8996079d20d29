"""The README's pictures and tables: `python -m tests.pictures` writes, tests compare.

Every screen at 100x30, from the demo's seeded keys, with the clock standing still. The pictures of
a reveal show it masked. `python -m tests.pictures --all` draws every screen at four sizes in both
themes besides, into a folder for each theme.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from pulsapi_tui.cli import exits
from pulsapi_tui.domain.errors import (
    ConnectError,
    ForbiddenRoleError,
    PlanRequiredError,
    UnauthorizedError,
)
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.command_table import COMMANDS, Place
from pulsapi_tui.ui.literal import sentence
from pulsapi_tui.ui.screens.confirm import ReportScreen
from pulsapi_tui.ui.screens.orphan import OrphanScreen
from pulsapi_tui.ui.screens.progress import ProgressScreen
from pulsapi_tui.ui.themes import DARK, LIGHT
from pulsapi_tui.ui.widgets.keys_table import KeysTable
from tests import cast
from tests.seeded import (
    DEMO,
    NOW,
    PROFILES,
    NoClipboard,
    Rotating,
    SeededAccounts,
    SeededService,
    StandingClock,
    connector_to,
    hand_off_of,
)

FOLDER = Path(__file__).parent.parent / "screenshots"
README = FOLDER.parent / "README.md"
SIZE = (100, 30)
SIZES = ((60, 16), (80, 24), SIZE, (160, 50))
THEMES = {"dark": DARK.name, "light": LIGHT.name}
"""Those of our own, by the folders of their pictures."""
SECTIONS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    ("on the list", ("keys", "table", "app")),
    ("while a key is shown", ("reveal",)),
    ("while a rotation is open", ("rotate",)),
    ("on the profiles", ("profiles",)),
    ("everywhere", ("help",)),
)
UPGRADE_URL = "https://www.pulsapi.com/docs/billing/upgrading"
KEY_NAMES = {"enter", "escape", "down", "space", "slash", "question_mark", "ctrl+p"}
Act = Callable[[Pilot[None]], Awaitable[None]]


def _keys(*names: str) -> Act:
    """Keys one after the other, and text, which is pasted."""

    async def press(pilot: Pilot[None]) -> None:
        for name in names:
            if len(name) == 1 or name in KEY_NAMES:
                await pilot.press(name)
            else:
                pilot.app.post_message(events.Paste(name))
            await pilot.pause()

    return press


def _created(*names: str) -> Act:
    """Create a key, have it listed, and press these keys."""

    async def press(pilot: Pilot[None]) -> None:
        await _keys("n", "Deploy bot", "enter")(pilot)
        table = pilot.app.screen_stack[0].query_one(KeysTable)
        while all(key.name != "Deploy bot" for key in table.keys):
            await pilot.pause(0.01)
        await _keys(*names)(pilot)

    return press


def _without_toasts(act: Act) -> Act:
    async def press(pilot: Pilot[None]) -> None:
        await act(pilot)
        pilot.app.clear_notifications()
        await pilot.pause()

    return press


def _push(make: Callable[[], Screen[Any]]) -> Act:
    """What opens only where something went wrong."""

    async def push(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(make())
        # One that opens by itself takes no answer at first.
        while pilot.app.screen.query(Button).first().disabled:
            await pilot.pause(0.05)
        await pilot.pause()

    return push


def _orphan() -> OrphanScreen:
    key = ApiKey(id="key_13", name="Deploy bot", hint="q7Zd", created_at=NOW, last_used_at=None)
    why = (
        "It was created here, and the answer with its secret never came: the connection was lost "
        "after it was asked for."
    )
    return OrphanScreen(key, why, NOW)


def _failures() -> ReportScreen:
    body = sentence(
        ("✗ Nightly backup report", "bold"),
        "  PulsAPI did not answer within 10 s, and the list could not be read again either. What "
        "became of it is not known.",
    )
    return ReportScreen("Revoked 1 of 2", body, danger=True)


_MARK_THREE = ("G", "space", "k", "k", "space", "g", "j", "space")


async def _clean_up(pilot: Pilot[None]) -> None:
    await pilot.app.run_action("screen.clean_up")
    await pilot.pause()


PICTURES: dict[str, tuple[Callable[[], SeededService | None], Act]] = {
    "welcome": (lambda: None, _keys()),
    "connect": (lambda: None, _keys("enter", "an-example-that-is-no-key")),
    "save-profile": (lambda: None, _keys("enter", "an-example-that-is-no-key", "enter")),
    "profiles": (SeededService, _keys("p")),
    "production": (SeededService, _keys("j", "j", "j", "j", "j", "j")),
    "production-revoke": (SeededService, _keys("j", "j", "j", "j", "j", "j", "X")),
    "keys": (SeededService, _keys("j", "j", "j", "j", "j", "j")),
    "filter": (SeededService, _keys("slash", *"graf")),
    "marks": (SeededService, _keys(*_MARK_THREE)),
    "details": (SeededService, _keys("j", "j", "enter")),
    "create": (SeededService, _keys("n", "Deploy bot")),
    "reveal": (SeededService, _created("c")),
    "delivered": (
        SeededService,
        _created("d", "enter", "enter", "enter"),
    ),
    "deliver": (SeededService, _created("d", "down")),
    "verify": (SeededService, _created("v")),
    "way-out": (SeededService, _created("escape")),
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

MORE: dict[str, tuple[Callable[[], SeededService | None], Act]] = {
    "sign-in": (
        lambda: SeededService(UnauthorizedError("", status=401, code="unauthorized")),
        _keys("enter"),
    ),
    "vague": (SeededService, _keys("n", *"test")),
    "duplicate": (SeededService, _keys("n", "Grafana exporter")),
    "rotating": (Rotating, _keys("j")),
    "rotate-deliver": (SeededService, _keys("j", "j", "j", "j", "j", "j", "R", "enter")),
    "rotate-many-deliver": (SeededService, _keys(*_MARK_THREE, "R")),
    "abandon": (Rotating, _without_toasts(_keys("j", "R", "a"))),
    "quit": (Rotating, _without_toasts(_keys("q"))),
    "nothing-found": (SeededService, _keys("slash", *"zzz")),
    "bad-filter": (SeededService, _keys("slash", *"is:old")),
    "clean-up": (SeededService, _clean_up),
    "orphan": (SeededService, _push(_orphan)),
    "help-search": (SeededService, _keys("question_mark", "slash", "copy id")),
    "palette-search": (SeededService, _keys("ctrl+p", "graf")),
    "progress": (SeededService, _push(lambda: ProgressScreen("Revoking 40 API keys", 40))),
    "report": (SeededService, _push(_failures)),
}
"""What the README does not show."""


@asynccontextmanager
async def opened(
    name: str, size: tuple[int, int] = SIZE, theme: str = DARK.name
) -> AsyncIterator[tuple[PulsapiApp, Pilot[None]]]:
    """The app with the screen of that picture on top."""
    make, act = (PICTURES | MORE)[name]
    profile = PROFILES.profiles[0] if name.startswith("produc") else DEMO
    async with _running(make(), profile, size, theme) as (app, pilot):
        await act(pilot)
        # The palette's field is Textual's own, and blinks.
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause(0.1)
        yield app, pilot


@asynccontextmanager
async def _running(
    service: SeededService | None, profile: Profile, size: tuple[int, int], theme: str
) -> AsyncIterator[tuple[PulsapiApp, Pilot[None]]]:
    app = PulsapiApp(
        None if service is None else connector_to(service, profile),
        SeededAccounts(),
        StandingClock(),
        lambda _: NoClipboard(),
        hand_off_of(),
        theme=theme,
    )
    app.animation_level = "none"
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        while _is_loading(app):
            await pilot.pause(0.01)
        await pilot.pause()
        yield app, pilot


def _is_loading(app: PulsapiApp) -> bool:
    title = str(app.screen.query_one("#state-title", Static).render())
    return app.screen.query_one("#state").display and "Reading" in title


async def draw(name: str) -> str:
    """The picture of that name, as SVG; the same on every run."""
    async with opened(name) as (app, _):
        return picture(app)


def picture(app: PulsapiApp) -> str:
    """What the app shows now, as SVG."""
    # The app itself refuses while a key is open; this one is masked, and no key.
    return App.export_screenshot(app, title="pulsapi-tui", simplify=True) + "\n"


def with_tables(readme: str) -> str:
    """The README with its tables of keys and of exit codes written from the code."""
    return _filled(_filled(readme, "keys", _keys_table()), "exits", _exits_table())


def _filled(readme: str, name: str, table: str) -> str:
    head, begin, rest = readme.partition(f"<!-- {name}:begin")
    first_line, _, rest = rest.partition("-->\n")
    _, end, tail = rest.partition(f"<!-- {name}:end -->")
    return f"{head}{begin}{first_line}-->\n{table}\n{end}{tail}"


def _exits_table() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items()]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows])


def _keys_table() -> str:
    """The commands, as they are without a keymap."""
    tables = []
    for title, places in SECTIONS:
        rows = [
            f"| {_in_code(command.shown)} | {command.help} | `{command.id}` |"
            for command in COMMANDS
            if command.place in places
        ]
        tables.append("\n".join([f"| {title} | | id in the keymap |", "|---|---|---|", *rows]))
    return "\n\n".join(tables)


def _in_code(keys: str) -> str:
    return keys if keys == "Palette" else " ".join(f"`{key}`" for key in keys.split(" "))


async def write_all() -> None:
    """Write every picture and the cast into `screenshots/`, and the tables into the README."""
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_tables(readme), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(await draw(name), encoding="utf-8")
    await cast.write()


async def draw_all_sizes(name: str) -> AsyncIterator[tuple[Path, str]]:
    """The picture of that name at every size in both themes, each with where it belongs."""
    for folder, theme in THEMES.items():
        async with opened(name, SIZES[0], theme) as (app, pilot):
            for width, height in SIZES:
                await pilot.resize_terminal(width, height)
                await pilot.pause(0.1)
                yield FOLDER / folder / f"{name}-{width}x{height}.svg", picture(app)


async def write_all_sizes() -> None:
    """Write every screen at every size in both themes."""
    for folder in THEMES:
        (FOLDER / folder).mkdir(exist_ok=True)
        for old in (FOLDER / folder).glob("*.svg"):
            old.unlink()
    for name in PICTURES | MORE:
        async for path, drawn in draw_all_sizes(name):
            path.write_text(drawn, encoding="utf-8")


async def _main(arguments: list[str]) -> None:
    await write_all()
    if arguments == ["--all"]:
        await write_all_sizes()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
