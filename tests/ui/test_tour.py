"""The tour by its keys: from start to end in a world without real time, and stopped anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from textual import events
from textual.widgets import Input

from pulsapi_tui.domain.errors import UnavailableError
from pulsapi_tui.ui import rotate_one
from pulsapi_tui.ui import tour as tour_module
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.demo_tour import BUSY_KEY, NEW_KEY, OLD_KEY, DemoTour
from pulsapi_tui.ui.keymap import check_keymap
from pulsapi_tui.ui.screens.confirm import ReportScreen
from pulsapi_tui.ui.screens.create_key import CreateKeyScreen
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.ui.screens.revoke_key import RevokeKeysScreen
from pulsapi_tui.ui.screens.rotate_key import RotateKeyScreen
from pulsapi_tui.ui.widgets.secret_field import SecretField
from pulsapi_tui.ui.widgets.tour_bar import WIDEST, TourBar
from tests.seeded import SeededAccounts, hand_off_of
from tests.toured import FOLDER, TouredWorld
from tests.ui.support import FakeClipboard, Story

OVER = "The tour is over. The demo is yours now."
STOPPED = "The tour stopped at {}. The demo is yours now."
WHOLE_TOUR_S = 120.0
OTHER_KEYS = {
    "keys.create": "Ctrl+N",
    "reveal.deliver": "F6",
    "keys.filter": "F4",
    "keys.rotate": "F8",
    "rotate.revoke_old": "F9",
    "table.bottom": "F7",
    "keys.revoke": "F12",
}


class Toured:
    """An app on tour: time goes by in its pauses alone, and at each the screen is looked at."""

    def __init__(self, size: tuple[int, int], hold_at: str) -> None:
        """`hold_at` is a caption, or what a field holds, at which the tour waits for the test."""
        self.world = TouredWorld()
        self.tour = DemoTour(1.0, self._pause)
        self.heads: list[str] = []
        self.captions: list[str] = []
        self.is_held = False
        self._hold_at = hold_at
        self._size = size
        self._begun = asyncio.Event()

    def begin(self, story: Story) -> None:
        self.story = story
        self._begun.set()

    async def _pause(self, seconds: float) -> None:
        await self._begun.wait()
        self.world.clock.move(seconds)
        page, now = self.story.keys_screen, self.world.clock.now()
        if seconds >= 1:
            page.look_again()
            await self.story.until(lambda: page.key_list.fetched_at == now, "a fresh list")
            await self.story.pilot.pause()
            self._look()
        fields = self.story.app.screen.query(Input)
        self.is_held = self._hold_at in {self.captions[-1], *(field.value for field in fields)}
        while self.is_held:  # noqa: ASYNC110  # the test lets go, or stops it
            await asyncio.sleep(0.01)

    def _look(self) -> None:
        screen = self.story.app.screen
        assert not any(field.shown for field in screen.query(SecretField))
        [bar] = screen.query(TourBar)
        assert tuple(bar.region) == (0, 0, self._size[0], 2)
        beside = [child for child in screen.children if child is not bar and child.is_on_screen]
        assert not [child for child in beside if child.region.overlaps(bar.region)]
        # Where a verdict has many lines, the first row or two scroll out of the smallest window:
        # steps that are done, and the name that is asked for below.
        most = 2 if isinstance(screen, RotateKeyScreen | RevokeKeysScreen) else 0
        for box in screen.query(".dialog"):
            assert box.max_scroll_y <= most, self.story.text
        head, caption = (row.strip("▌ ") for row in self.story.text.splitlines()[:2])
        if self.captions[-1:] != [caption]:
            self.heads.append(" ".join(head.split()))
            self.captions.append(caption)

    async def until_over(self) -> None:
        await self._until(lambda: self.tour.is_over)
        await self.story.pilot.pause()

    async def until_held(self) -> None:
        await self._until(lambda: self.is_held)

    async def stop_by(self, key: str, chapter: str) -> None:
        """Press a key where it is held."""
        await self.until_held()
        await self.story.press(key)
        await self.story.shows(STOPPED.format(chapter))

    async def _until(self, condition: Callable[[], bool]) -> None:
        """A whole tour may take longer than a story waits for one thing."""
        async with asyncio.timeout(WHOLE_TOUR_S):
            while not condition():
                assert self.story.app.is_running
                await asyncio.sleep(0.01)

    @property
    def actions(self) -> list[str]:
        return [action.action for action in self.world.log.actions]


@asynccontextmanager
async def touring(
    size: tuple[int, int] = (80, 24), *, keymap: Mapping[str, str] | None = None, hold_at: str = ""
) -> AsyncIterator[Toured]:
    """The app, with the tour just begun."""
    toured = Toured(size, hold_at or "nowhere")
    app = PulsapiApp(
        toured.world.connect,
        SeededAccounts(),
        toured.world.clock,
        lambda _: FakeClipboard(),
        hand_off_of(toured.world.delivery),
        keymap=check_keymap(dict(keymap or {}), "config.toml"),
        tour=toured.tour,
    )
    async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
        toured.begin(Story(app, pilot, FakeClipboard()))
        yield toured


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that is open looks at its keys more often than once a real second."""
    monkeypatch.setattr(rotate_one, "TICK_S", 0.01)


async def test_it_creates_delivers_rotates_and_revokes() -> None:
    """In the smallest window that everything works in."""
    async with touring((60, 16)) as toured:
        await toured.until_over()
        await toured.story.shows(OVER)
        assert not [bar for each in toured.story.app.screen_stack for bar in each.query(TourBar)]
        assert toured.story.app.screen is toured.story.keys_screen
        names = toured.story.names
    assert toured.world.service.revoked == [BUSY_KEY, OLD_KEY]
    assert names.count(NEW_KEY) == names.count(BUSY_KEY) == 1
    assert OLD_KEY not in names
    assert set(toured.world.delivery.files) == {f"{FOLDER}/deploy.env", f"{FOLDER}/ci.env"}
    assert toured.actions == [
        "create",
        "deliver",
        "prove",
        *(f"rotate.{step}" for step in ("create", "deliver", "prove", "revoke", "confirm")),
        "revoke",
    ]
    assert max(map(cell_len, toured.captions)) <= WIDEST
    assert not [caption for caption in toured.captions if caption.endswith("…")]
    assert toured.heads[0] == "Tour 1/4 Create press n any key stops it"
    assert "Tour 3/4 Rotate press R any key stops it" in toured.heads
    assert toured.heads[-1] == "Tour 4/4 Revoke any key stops it"


@pytest.mark.thorough
async def test_it_presses_and_names_the_keys_of_the_keymap() -> None:
    async with touring((160, 50), keymap=OTHER_KEYS) as toured:
        await toured.until_over()
        await toured.story.shows(OVER)
    assert toured.world.service.revoked == [BUSY_KEY, OLD_KEY]
    for key in OTHER_KEYS.values():
        assert any(f"press {key} " in head for head in toured.heads), key


async def test_it_does_not_begin_without_a_key_that_it_needs() -> None:
    async with touring(keymap={"keys.refresh": ""}) as toured:
        await toured.until_over()
        await toured.story.shows("The tour needs a key for “keys.refresh”: your keymap has none.")
    assert toured.actions == []


# Stopping


@pytest.mark.parametrize("key", ["q", "n", "escape", "enter", "X", "ctrl+p"])
async def test_any_key_stops_it_and_does_nothing_else(key: str) -> None:
    async with touring(hold_at="A key begins with a name that says what it is for.") as toured:
        story = toured.story
        await toured.until_held()
        await story.press(key)
        await story.shows(STOPPED.format("Create"))
        assert story.app.screen is story.keys_screen
        assert not story.app.screen.query(TourBar)
        # From here on the keys are the person's.
        await story.press("n")
        await story.until(lambda: isinstance(story.app.screen, CreateKeyScreen), "the dialog")
        await story.type("Mine")
        assert story.app.screen.query_one("#name", Input).value == "Mine"
    assert toured.actions == []


async def test_a_click_and_a_paste_stop_it_too() -> None:
    for stop in (
        events.Paste("key_01"),
        events.MouseDown(None, 70, 23, 0, 0, 1, False, False, False),
    ):
        async with touring(hold_at="A key begins with a name that says what it is for.") as toured:
            await toured.until_held()
            toured.story.app.post_message(stop)
            await toured.story.shows(STOPPED.format("Create"))
        assert toured.actions == []


async def test_stopped_while_it_types_it_types_no_further() -> None:
    async with touring(hold_at="Depl") as toured:
        story = toured.story
        await toured.stop_by("x", "Create")
        toured.is_held = False
        worker = toured.tour._worker  # noqa: SLF001
        await story.until(lambda: worker is not None and worker.is_finished, "it walks no further")
        assert story.app.screen.query_one("#name", Input).value == "Depl"
        await story.type("oy it")
        assert story.app.screen.query_one("#name", Input).value == "Deploy it"


async def test_stopped_with_a_key_in_hand_nothing_is_lost() -> None:
    async with touring(hold_at="It goes where it belongs without being shown.") as toured:
        story = toured.story
        await toured.stop_by("escape", "Deliver")
        assert isinstance(story.app.screen, RevealKeyScreen)
        assert not story.app.screen.has_class("-leaving")
        await story.press("ctrl+q")
        await story.shows("Nothing has proven yet that you have this key.")


@pytest.mark.thorough
async def test_stopped_before_a_revoke_nothing_is_revoked() -> None:
    async with touring(hold_at="Revoked, and then proven dead.") as toured:
        story = toured.story
        await toured.stop_by("enter", "Rotate")
        assert isinstance(story.app.screen, RevokeKeysScreen)
        await story.press("escape", "escape")
        await story.shows("1 rotation under way")
    assert toured.world.service.revoked == []


async def test_ctrl_c_stops_it_and_says_what_it_always_says() -> None:
    async with touring(hold_at="A key begins with a name that says what it is for.") as toured:
        await toured.stop_by("ctrl+c", "Create")
        await toured.story.shows("Press q to quit.")


async def test_ctrl_q_quits() -> None:
    async with touring(hold_at="A key begins with a name that says what it is for.") as toured:
        await toured.until_held()
        toured.story.app.post_message(events.Key("ctrl+q", None))
        while toured.story.app.is_running:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)


async def test_a_letter_of_its_own_that_was_under_way_is_dropped() -> None:
    async with touring(hold_at="Depl") as toured:
        story = toured.story
        await toured.until_held()
        own = events.Key("o", "o")
        toured.tour._on_its_way = own  # noqa: SLF001
        story.app.post_message(events.Key("x", "x"))
        story.app.post_message(own)
        await story.shows(STOPPED.format("Create"))
        assert story.app.screen.query_one("#name", Input).value == "Depl"


# When something does not come


async def test_what_does_not_come_is_said_and_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour_module, "PATIENCE_S", 5.0)
    async with touring() as toured:

        async def refuse(*_: object) -> None:
            raise UnavailableError("", status=503, code="unavailable")

        monkeypatch.setattr(toured.world.service, "create_key", refuse)
        await toured.until_over()
        await toured.story.shows(
            "The tour stopped at Create: the key was not created. The demo is yours now."
        )
        assert isinstance(toured.story.app.screen, ReportScreen)
    assert "deliver" not in toured.actions


@pytest.mark.thorough
async def test_it_delivers_nowhere_but_where_the_demo_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tour_module, "PATIENCE_S", 5.0)
    async with touring(hold_at="It goes where it belongs without being shown.") as toured:
        await toured.until_held()
        session = toured.story.keys_screen.session
        assert session is not None
        monkeypatch.setattr(type(session.last_target), "last", lambda *_: None)
        toured.is_held = False
        await toured.until_over()
        await toured.story.shows("the demo has no place for this key")
    assert set(toured.world.delivery.files) == {f"{FOLDER}/ci.env"}


async def test_it_is_for_the_demo_only() -> None:
    toured = Toured((80, 24), "nowhere")
    world = toured.world

    async def connect(*arguments: object) -> object:
        session = await world.connect(*arguments)  # type: ignore[arg-type]
        return session._replace(is_demo=False)

    app = PulsapiApp(
        connect,  # type: ignore[arg-type]
        SeededAccounts(),
        world.clock,
        lambda _: FakeClipboard(),
        hand_off_of(world.delivery),
        tour=toured.tour,
    )
    async with app.run_test(notifications=True, tooltips=True) as pilot:
        toured.begin(Story(app, pilot, FakeClipboard()))
        await toured.until_over()
        await toured.story.shows("it is for the demo only")
    assert toured.captions == []
