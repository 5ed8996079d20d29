"""A secret is nowhere but in the one field that shows it. Every new path gets a line here.

Errors, logs and the wire are in tests/contract/test_leaks.py; processes, files and the terminal in
tests/terminal.
"""

from __future__ import annotations

import base64
import pickle
from pathlib import Path

import pytest
from textual import events
from textual.message import Message
from textual.widgets import Input

from pulsapi_tui.domain.profiles import ProfileList
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.wiring.demo_server import DemoServer
from tests.seeded import SeededAccounts, SeededService, StandingClock, hand_off_of
from tests.server.support import wait_until
from tests.ui.support import FakeClipboard, Story, connector_of, story_of

CANARY = "an-example-that-is-no-key"
"""What the seeded service gives out."""


OF_A_FIELD = (events.Paste, Input.Blurred, Input.Changed, Input.Submitted)


def holds_canary(text: str) -> bool:
    """Whether a text holds the secret in one of its forms."""
    forms = (
        CANARY,
        CANARY.encode().hex(),
        base64.b64encode(CANARY.encode()).decode().rstrip("="),
    )
    return any(form in text for form in forms)


async def open_reveal(story: Story) -> None:
    """Create a key."""
    await story.shows("● live")
    await story.press("n")
    await story.paste("Deploy bot")
    await story.press("enter")
    await story.shows("Shown this once")


async def test_workers_messages_and_the_apps_clipboard() -> None:
    seen: list[str] = []

    def hook(message: Message) -> None:
        seen.append(repr(message))

    app = PulsapiApp(
        connector_of(SeededService()),
        SeededAccounts(),
        StandingClock(),
        lambda _: FakeClipboard(),
        hand_off_of(),
    )
    clipboard = FakeClipboard()
    async with app.run_test(
        size=(100, 30), notifications=True, tooltips=True, message_hook=hook
    ) as pilot:
        story = Story(app, pilot, clipboard)
        await open_reveal(story)
        await story.press("m", "c", "m")
        descriptions = [f"{worker!r} {worker.description}" for worker in app.workers]
        await story.press("v")
        await story.paste("not the key")
        await story.press("enter", "escape", "escape", "tab", "enter")
        await story.shows("Discarded")
        assert app.clipboard == ""
        assert not holds_canary(story.text)
        assert descriptions
        assert not any(map(holds_canary, descriptions))
        assert len(seen) > 100
        assert not [text for text in seen if holds_canary(text)]


async def test_a_key_that_is_connected_with_is_in_its_field_and_its_store_alone() -> None:
    """Textual's messages of a field hold what was typed; what records them is refused."""
    seen: list[str] = []

    def hook(message: Message) -> None:
        if not isinstance(message, OF_A_FIELD):
            seen.append(repr(message))

    accounts = SeededAccounts(ProfileList())
    app = PulsapiApp(None, accounts, StandingClock(), lambda _: FakeClipboard(), hand_off_of())
    async with app.run_test(
        size=(100, 30), notifications=True, tooltips=True, message_hook=hook
    ) as pilot:
        story = Story(app, pilot, FakeClipboard())
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        await story.paste(CANARY)
        shown = [story.text]
        descriptions = [f"{worker!r} {worker.description}" for worker in app.workers]
        await story.press("enter")
        await story.shows("It works")
        shown.append(story.text)
        descriptions += [f"{worker!r} {worker.description}" for worker in app.workers]
        await story.press("enter")
        await story.shows("● live")
        shown += [story.text, *story.toasts]
        assert accounts.credentials.kept["pulsapi"] == Secret(CANARY)
        assert app.clipboard == ""
        assert len(seen) > 100
        assert not [text for text in (*seen, *shown, *descriptions) if holds_canary(text)]
        assert not holds_canary(repr(accounts.profiles.listed))


async def test_no_screenshot_while_a_key_is_open() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await open_reveal(story)
        await story.press("m")
        with pytest.raises(RuntimeError, match="no screenshot"):
            story.app.export_screenshot()
        with pytest.raises(RuntimeError, match="no screenshot"):
            story.app.save_screenshot()
        await story.press("ctrl+p")
        assert isinstance(story.app.screen, RevealKeyScreen), "no palette over the key"


async def test_a_crash_prints_no_locals(capsys: pytest.CaptureFixture[str]) -> None:
    def crash() -> None:
        local = CANARY
        raise ZeroDivisionError(f"{len(local)}\x1b]52;c;eA==\x07")

    async def crash_in_reveal() -> None:
        async with story_of(connector_of(SeededService())) as story:
            await open_reveal(story)
            await story.press("m")
            story.app.call_later(crash)
            while story.app.is_running:
                await story.pilot.pause(0.01)

    with pytest.raises(ZeroDivisionError):
        await crash_in_reveal()
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert not holds_canary(text)
    assert "ZeroDivisionError" in text
    assert "Deploy bot" in text, "the key that may be lost is named"
    assert "\x1b]52" not in text


async def test_a_crash_whose_own_text_holds_the_key_is_told_without_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def crash() -> None:
        raise ZeroDivisionError(f"cannot divide {CANARY}")

    async def crash_in_reveal() -> None:
        async with story_of(connector_of(SeededService())) as story:
            await open_reveal(story)
            story.app.call_later(crash)
            while story.app.is_running:
                await story.pilot.pause(0.01)

    with pytest.raises(ZeroDivisionError):
        await crash_in_reveal()
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert not holds_canary(text)
    assert "its text holds the key" in " ".join(text.split())
    assert "Deploy bot" in text


async def test_nothing_is_left_of_it_after_leaving() -> None:
    async with story_of(connector_of(SeededService())) as story:
        await open_reveal(story)
        await story.press("m")
        assert CANARY in story.text
        screen = story.app.screen
        assert isinstance(screen, RevealKeyScreen)
        screen.blank()
        await story.pilot.pause()
        assert CANARY not in story.text


def test_the_users_key_is_not_in_the_demos_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSAPI_API_KEY", CANARY)
    monkeypatch.setenv("PULSAPI_MARK", "seen")
    server = DemoServer()
    try:
        path = Path(f"/proc/{server.pid}/environ")
        # Empty for a moment, while the process is still being made.
        wait_until(lambda: path.read_text() != "")
        environment = path.read_text()
        assert "PULSAPI_MARK=seen" in environment
        assert not holds_canary(environment)
    finally:
        server.stop()
        server.close()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(CANARY), protocol)
