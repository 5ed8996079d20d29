"""Where a secret could turn up inside the program: workers, messages, errors, logs, screens.

Through Textual's Pilot, with the real ways to deliver, to copy and to call, at each of their
failures. What others can see of a running program is in tests/terminal/test_canary.py.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote

import pytest
from textual.message import Message
from textual.widgets import Input, Static

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.config.settings import DeliverySettings, RecipeSettings, Settings
from pulsapi_tui.delivery.clipboard import TerminalClipboard
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.models import ApiKey, CreatedKey, Service
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.app import PulsapiApp
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen
from pulsapi_tui.wiring.clock import SystemClock
from pulsapi_tui.wiring.hand_off import hand_off
from tests.canary import Canary
from tests.contract.support import FakeClock, RawServer, Script, cut, printed, whole
from tests.seeded import NOW, NoJournal, NoLastTarget, SeededAccounts, SeededService, hand_off_of
from tests.ui.support import FakeClipboard, Story, connector_of

pytestmark = pytest.mark.thorough

NAME = "Deploy bot"


class Recorded:
    """All that went by while a story went on."""

    def __init__(self, canary: Canary) -> None:
        self.canary = canary
        self.messages: list[str] = []
        self.workers: list[str] = []
        self.tasks: set[str] = set()
        self.errors: list[BaseException] = []
        self.log: list[str] = []
        self.written: list[object] = []
        self.app: PulsapiApp | None = None

    def message(self, message: Message) -> None:
        """What each message says of itself, and what is at work then."""
        self.messages.append(f"{message!r} {vars(message)!r} {list(message.__rich_repr__())!r}")
        if self.app is not None:
            for worker in self.app.workers:
                texts = (worker.name, worker.group, worker.description, worker.error)
                self.workers.append(f"{worker!r} {texts!r}")
        # Their reprs are long.
        if len(self.messages) % 50 == 0:
            self.tasks.update(f"{task!r} {task.get_name()}" for task in asyncio.all_tasks())


class CanaryService(SeededService):
    """Gives the canary out; a try is a real call, to a server that does what it is told."""

    def __init__(self, canary: Canary, client: PulsApiClient) -> None:
        super().__init__()
        self._canary = canary
        self._client = client

    async def create_key(self, name: str, request_id: str, attempt: int) -> CreatedKey:
        key = ApiKey(id="key_13", name=name, hint="q7Zd", created_at=NOW, last_used_at=None)
        self._keys.insert(0, key)
        return CreatedKey(key=key, secret=Secret(self._canary.secret))

    async def services(self, credential: Secret | None = None) -> tuple[Service, ...]:
        return await self._client.services(credential)


class NotedJournal(NoJournal):
    """Keeps what it was given."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def put(self, intent: object) -> None:
        self._recorded.written.append(intent)


class NotedTarget(NoLastTarget):
    """Keeps what it was given."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def remember(self, target: Target, key_name: str) -> None:
        self._recorded.written.append(target)


class Stage(NamedTuple):
    """An open key, and what surrounds it."""

    story: Story
    recorded: Recorded
    server: RawServer
    folder: Path


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def _settings(folder: Path, canary: Canary) -> Settings:
    """Commands: one that echoes the key in many forms and fails, one that hangs."""
    raw = canary.secret.encode()
    half = len(raw) // 2
    lines = [
        *(base64.b64encode(b"?" * shift + raw + b"!!") for shift in range(3)),
        base64.urlsafe_b64encode(raw),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        quote(raw, safe="").encode(),
        json.dumps(canary.secret).encode(),
        b"\x1b[31m" + raw[:half] + b"\x1b[0m" + raw[half:],
        raw[:half],
        raw[half:],
    ]
    forms = folder / "forms"
    forms.write_bytes(b"\n" + b"\n".join(lines) + b"\n")
    echo = _script(folder / "echo", f"cat >&2; cat {forms} >&2; exit 3")
    hang = _script(folder / "hang", "cat >&2; exec sleep 60")
    gone = _script(folder / "gone", "kill -9 $$")
    recipes = tuple(RecipeSettings(id=Path(path).name, argv=(path,)) for path in (echo, hang, gone))
    return Settings(delivery=DeliverySettings(timeout_s=2, recipes=recipes))


@asynccontextmanager
async def staged(folder: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Stage]:
    """The app with a key that is open and masked."""
    canary = Canary()
    recorded = Recorded(canary)
    tools = folder / "tools"
    tools.mkdir()
    environment = {
        "PATH": f"{tools}:{os.environ.get('PATH', os.defpath)}",
        "TMUX": "/nowhere,1,0",
        "DISPLAY": ":987",
        "TERM": "xterm-256color",
    }
    _script(tools / "tmux", "cat > /dev/null; exit 1")
    _script(tools / "xclip", "cat > /dev/null; exit 1")
    delivery = hand_off(_settings(folder, canary)).delivery
    inner = delivery.deliver

    async def deliver(secret: Secret, target: Target) -> object:
        try:
            return await inner(secret, target)
        except BaseException as error:
            recorded.errors.append(error)
            raise

    delivery.deliver = deliver  # type: ignore[method-assign, assignment]
    async with RawServer().listening() as server:
        client = PulsApiClient(server.base_url, Secret(Canary().secret), FakeClock())
        connect = connector_of(
            CanaryService(canary, client), NotedJournal(recorded), NotedTarget(recorded)
        )
        app = PulsapiApp(
            connect,
            SeededAccounts(),
            SystemClock(),
            lambda write: TerminalClipboard(write, environment=environment),
            hand_off_of(delivery, mask_after_s=3600),
        )
        recorded.app = app
        caplog.set_level(logging.DEBUG)
        async with (
            aclosing(client),
            app.run_test(
                size=(100, 40), notifications=True, tooltips=True, message_hook=recorded.message
            ) as pilot,
        ):
            story = Story(app, pilot, FakeClipboard())
            await story.shows("● live")
            await story.press("n")
            await story.paste(NAME)
            await story.press("enter")
            await story.shows("Shown this once")
            yield Stage(story, recorded, server, folder)


# Places


def _locals(trace: TracebackType | None) -> str:
    """What a report with locals would print of the program's own frames."""
    parts = []
    while trace is not None:
        if "pulsapi_tui" in trace.tb_frame.f_code.co_filename:
            parts.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    return "\n".join(parts)


def _attributes(thing: object) -> str:
    """The repr of each attribute; of the program's own objects, also of theirs."""
    parts = [repr(thing)]
    for name, value in getattr(thing, "__dict__", {}).items():
        parts.append(f"{name} = {value!r}")
        if type(value).__module__.startswith("pulsapi_tui"):
            parts += [f"{name}.{inner} = {each!r}" for inner, each in _inner(value)]
    return "\n".join(parts)


def _inner(value: object) -> list[tuple[str, object]]:
    return list(getattr(value, "__dict__", {}).items())


def _widgets(stage: Stage) -> str:
    parts = []
    for screen in stage.story.app.screen_stack:
        for widget in (screen, *screen.query("*")):
            texts = (widget.tooltip, widget.border_title, widget.name, widget.classes)
            parts.append(f"{widget!r} {texts!r}\n{_attributes(widget)}")
    return "\n".join(parts)


def _fields(stage: Stage) -> str:
    app = stage.story.app
    return "\n".join(
        f"{field.value} {field!r}" for screen in app.screen_stack for field in screen.query(Input)
    )


def _statics(stage: Stage) -> str:
    return "\n".join(
        str(label.render())
        for screen in stage.story.app.screen_stack
        for label in screen.query(Static)
    )


PROBES: dict[str, Callable[[Stage], str]] = {
    "messages": lambda stage: "\n".join(stage.recorded.messages),
    "workers": lambda stage: "\n".join(stage.recorded.workers),
    "tasks": lambda stage: "\n".join(stage.recorded.tasks),
    "the log at DEBUG": lambda stage: "\n".join(stage.recorded.log),
    "the app's clipboard": lambda stage: stage.story.app.clipboard,
    "toasts": lambda stage: "\n".join(stage.story.toasts),
    "the screen": lambda stage: stage.story.text,
    "labels": _statics,
    "fields": _fields,
    "widgets and their attributes": _widgets,
    "the app's attributes": lambda stage: _attributes(stage.story.app),
    "errors and their chains": lambda stage: "\n".join(map(printed, stage.recorded.errors)),
    "reports of errors": lambda stage: "\n".join(
        line for error in stage.recorded.errors for line in traceback.format_exception(error)
    ),
    "locals under errors": lambda stage: "\n".join(
        _locals(error.__traceback__) for error in stage.recorded.errors
    ),
    "what commands said": lambda stage: "\n".join(
        error.output for error in stage.recorded.errors if isinstance(error, DeliveryError)
    ),
    "the journal and the last target": lambda stage: repr(stage.recorded.written),
    "names of threads": lambda _: repr(threading.enumerate()),
    "this process's environment": lambda _: repr(dict(os.environ)),
    "requests: paths, bodies and other headers": lambda stage: repr(
        [
            (
                request.method,
                request.target,
                {name: it for name, it in request.headers.items() if name != "authorization"},
                request.body,
            )
            for request in stage.server.requests
        ]
    ),
}


def look(stage: Stage, caplog: pytest.LogCaptureFixture, after: str) -> int:
    """Look everywhere; gives the number of forms x places."""
    stage.recorded.log += [
        f"{record.name} {record.getMessage()} {vars(record)!r}" for record in caplog.records
    ]
    stage.recorded.tasks.update(map(repr, asyncio.all_tasks()))
    canary = stage.recorded.canary
    for name, probe in PROBES.items():
        forms = canary.found_in(probe(stage))
        assert not forms, f"after {after}: the key is in {name} ({forms})"
    return len(PROBES) * len(canary.forms)


def test_an_error_with_the_key_would_be_found() -> None:
    """The probes for errors see what an error drags along, and what its frames hold."""
    canary = Canary()

    def failing() -> None:
        held = canary.secret
        raise DeliveryError("no secret here", output=f"{len(held)}")

    with pytest.raises(DeliveryError) as caught:
        failing()
    error = caught.value
    assert not canary.found_in(printed(error))
    assert canary.found_in(repr(caught.traceback[-1].frame.f_locals))
    error.add_note(canary.secret)
    assert canary.found_in(printed(error))


async def test_each_probe_of_the_app_finds_something(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another canary, where a careless program would have put the key."""
    async with staged(tmp_path, caplog) as stage:
        app, planted = stage.story.app, Canary()
        app.notify(planted.secret, markup=False)
        app._clipboard = planted.secret  # noqa: SLF001
        await stage.story.until(lambda: stage.story.toasts, "the toast")
        app.screen.query_one("#use", Static).update(planted.word)
        app.screen.query_one("#paste", Input).value = planted.secret
        app.sub_title = planted.secret
        app.screen.query_one("#copy").tooltip = planted.secret
        logging.getLogger("x").debug(planted.secret)
        task = asyncio.create_task(asyncio.sleep(60), name=planted.secret)
        app.run_worker(asyncio.sleep(60), description=planted.secret)
        await stage.story.press("m", "m")
        stage.recorded.log += [record.getMessage() for record in caplog.records]
        for name in (
            *("messages", "workers", "tasks", "the log at DEBUG", "the app's clipboard"),
            *("toasts", "the screen", "labels", "fields", "widgets and their attributes"),
            "the app's attributes",
        ):
            assert planted.found_in(PROBES[name](stage)), name
        task.cancel()


COMMANDS = {
    "a delivery by a command that fails and echoes": "failed with exit code 3",
    "a delivery by a command that hangs": "did not end within 2 s",
    "a delivery by a command that is killed": "was ended by signal SIGKILL",
}


async def deliver(stage: Stage, way: int) -> None:
    """Deliver by a way of the menu."""
    await stage.story.press("d")
    await stage.story.shows("Where does")
    await stage.story.press(*["down"] * way, "enter")


async def test_a_delivery_that_fails(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Neither in the error, nor in what is made of it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    cells = 0
    async with staged(tmp_path, caplog) as stage:
        for way, (failure, shows) in enumerate(COMMANDS.items(), 1):
            await deliver(stage, way)
            await stage.story.shows(shows)
            cells += look(stage, caplog, failure)
            assert len(stage.recorded.errors) == way
        assert "[the key]" in PROBES["what commands said"](stage)

        # What stands where it goes is read, and named by nothing but a hint.
        (work / ".env").write_text(f"PULSAPI_API_KEY=x{stage.recorded.canary.word}x\n")
        (work / ".env").chmod(0o600)
        await deliver(stage, 0)
        await stage.story.press("enter", "enter")
        await stage.story.shows("stands there already")
        cells += look(stage, caplog, "a place where something else stands")
        await stage.story.press("escape")
        await stage.story.shows("Where does")
        await stage.story.press("escape")
        (work / ".env").unlink()

        # Between the question and the answer, the file becomes a link.
        await deliver(stage, 0)
        await stage.story.press("enter")
        (work / ".env").symlink_to(tmp_path / "elsewhere")
        await stage.story.press("enter")
        await stage.story.shows("is a link")
        cells += look(stage, caplog, "a delivery into a link")
    record_property("cells", cells)


ECHO = "you sent Authorization: Bearer {}"


def _tries(canary: Canary) -> dict[str, tuple[Script, str]]:
    echo = ECHO.format(canary.secret)
    problem = {"title": echo, "x": echo, "type": echo}
    return {
        "401": (whole(401, problem), "answered 401"),
        "403": (whole(403, problem), "with this key failed"),
        "500": (whole(500, problem), "status 500"),
        "no JSON": (whole(200, echo.encode()), "not what PulsAPI documents"),
        "no HTTP": (cut(f"{echo}\r\n\r\n".encode()), "was cut"),
        "a bad header": (cut(f"HTTP/1.1 200 OK\r\n{echo}\x00\r\n\r\n".encode()), "was cut"),
        "a redirect": (whole(302, b"", f"Location: /?{quote(canary.secret)}"), "redirect"),
    }


async def test_a_try_that_fails(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
) -> None:
    """The server echoes what it was sent."""
    cells = 0
    async with staged(tmp_path, caplog) as stage:
        for name, (script, shows) in _tries(stage.recorded.canary).items():
            stage.server.will(script)
            await stage.story.press("t")
            await stage.story.shows(shows)
            assert (
                stage.server.requests[-1]
                .headers["authorization"]
                .endswith(stage.recorded.canary.secret)
            )
            cells += look(stage, caplog, f"a try answered by {name}")
            await stage.story.press("m", "m")
    record_property("cells", cells)


async def test_a_copy_that_fails_and_a_picture(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
) -> None:
    """No tool takes it. Of an open key there is no picture; a later one has none of it."""
    cells = 0
    async with staged(tmp_path, caplog) as stage:
        story = stage.story
        await story.press("c")
        await story.shows("Not confirmed")
        cells += look(stage, caplog, "a copy where tmux fails")
        for form in ("export_screenshot", "save_screenshot", "deliver_screenshot"):
            with pytest.raises(RuntimeError, match="no screenshot"):
                getattr(story.app, form)()
        await story.press("escape")
        await story.shows("Nothing has proven yet")
        await story.press("tab", "enter")
        await story.shows("Discarded")
        assert not isinstance(story.app.screen, RevealKeyScreen)
        assert not stage.recorded.canary.found_in(story.app.export_screenshot())
        cells += look(stage, caplog, "a discard")
    record_property("cells", cells)


@pytest.mark.parametrize("field", ["code", "detail"])
async def test_a_try_that_fails_with_the_key_as_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    """What the server says of the reason is shown, but not the key that it was sent."""
    async with staged(tmp_path, caplog) as stage:
        problem = {"code": "invalid_name", field: stage.recorded.canary.secret}
        stage.server.will(whole(422, problem))
        await stage.story.press("t")
        await stage.story.shows("with this key failed")
        look(stage, caplog, f"a try refused with the key as its {field}")
