"""How a session is opened: against a server, or against a demo of our own.

What is slow to import is imported here, late and in a thread: the first frame comes before it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pulsapi_tui.api.origin import check_base_url
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.config.paths import action_log_path, journal_path, last_target_path
from pulsapi_tui.config.settings import RecipeSettings, Settings
from pulsapi_tui.delivery.command import CommandSink
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.delivery.recipes import RECIPES, Recipe, available, mistake
from pulsapi_tui.delivery.recorders import TerminalRecorders
from pulsapi_tui.delivery.routes import ClipboardPolicy, Route
from pulsapi_tui.delivery.secret_file import SecretFileSink
from pulsapi_tui.delivery.sink import Sink
from pulsapi_tui.domain.delivery import Field, Target
from pulsapi_tui.domain.errors import ConnectError, SettingsError
from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.ports import Clock, HandOff, Retrying, Session
from pulsapi_tui.domain.secret import Secret

if TYPE_CHECKING:
    from pulsapi_tui.api.client import PulsApiClient


class SystemClock:
    """The real `Clock`."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def _client(base_url: str, credential: Secret, clock: Clock, retrying: Retrying) -> PulsApiClient:
    from pulsapi_tui.api.client import PulsApiClient

    return PulsApiClient(base_url, credential, clock, retrying=retrying)


def hand_off(settings: Settings) -> HandOff:
    """Ways to store a key from here, as the user's settings have them.

    Raises:
        SettingsError: a recipe of the user's own can't work.
    """
    timeout_s = settings.delivery.timeout_s
    recipes = [*map(_recipe, settings.delivery.recipes), *RECIPES]
    if timeout_s is not None:
        recipes = [msgspec.structs.replace(each, timeout_s=timeout_s) for each in recipes]

    def find_sinks() -> Sequence[Sink]:
        commands = [CommandSink(each, os.environ) for each in available(recipes, os.environ)]
        return (EnvFileSink(), *commands, SecretFileSink())

    recorders = TerminalRecorders(os.environ, sys.platform)
    return HandOff(Deliveries(find_sinks), recorders, settings.reveal.mask_after_s)


def _recipe(own: RecipeSettings) -> Recipe:
    recipe = Recipe(
        id=own.id,
        title=own.title or own.id,
        argv=own.argv,
        fields=tuple(Field(each.id, each.label, each.default) for each in own.fields),
        note=own.note,
    )
    problem = mistake(recipe)
    if problem is not None:
        raise SettingsError(f"config.toml: the recipe “{own.id}” can't work. {problem}")
    return recipe


def clipboard_policy(settings: Settings) -> ClipboardPolicy:
    """The routes of a copy, as the user's settings have them."""
    return ClipboardPolicy(
        force=tuple(map(Route, settings.clipboard.force)),
        forbid=frozenset(map(Route, settings.clipboard.forbid)),
    )


def health_limits(settings: Settings) -> HealthLimits:
    """From when on a key is worth a word, as the user's settings have it."""
    return HealthLimits(
        idle_after=timedelta(days=settings.health.idle_after_d),
        due_after=timedelta(days=settings.health.due_after_d),
    )


class RemoteConnector:
    """Sessions with a server that runs already."""

    def __init__(self, base_url: str, credential: Secret, clock: Clock) -> None:
        self._base_url = check_base_url(base_url)
        self._credential = credential
        self._clock = clock

    async def __call__(self, credential: Secret | None, retrying: Retrying) -> Session:
        """Open a session."""
        service = await asyncio.to_thread(
            _client, self._base_url, credential or self._credential, self._clock, retrying
        )
        host = self._base_url.split("://", 1)[1]
        last_target = LastTargetFile(last_target_path(), host)
        log = ActionLogFile(action_log_path())
        return Session(service, JournalFile(journal_path()), host, last_target, log)


class DemoConnector:
    """Sessions with a demo: a server of our own in a child process, with a throw-away database.

    The child is started at once, so that its start hides behind ours. It lives as long as the pipe
    to its standard input, which the kernel closes however this process ends. Its key comes by the
    pipe from its standard output.
    """

    def __init__(self, arguments: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pulsapi_tui.server.demo", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # The user's own key is no business of the demo's.
            env={name: value for name, value in os.environ.items() if name != "PULSAPI_API_KEY"},
        )
        self._hello: _Hello | None = None
        self._tell: Callable[[str], None] = _ignore
        self._news = threading.Thread(target=self._read_news, name="demo news", daemon=True)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def tell(self, tell: Callable[[str], None]) -> None:
        """Tell, from another thread, what becomes of the traffic that the demo makes."""
        self._tell = tell

    async def __call__(self, credential: Secret | None, retrying: Retrying) -> Session:
        """Open a session, once the server is up."""
        if self._hello is None:
            self._hello = await asyncio.to_thread(self._read_hello)
        hello = self._hello
        service = await asyncio.to_thread(
            _client, hello.base_url, credential or hello.key, self._clock, retrying
        )
        last_target = LastTargetFile(hello.directory / "last-targets.toml", "demo")
        if hello.env_file:
            # The one integration of the demo that reads its key from a file.
            values = {"path": hello.env_file, "variable": "PULSAPI_API_KEY"}
            last_target.preset(Target(way_id="env_file", values=values), "CI/CD Pipeline")
        journal = JournalFile(hello.directory / "journal.json")
        log = ActionLogFile(hello.directory / "actions.jsonl")
        return Session(service, journal, "demo", last_target, log)

    def _read_hello(self) -> _Hello:
        line = self._process.stdout.readline() if self._process.stdout else b""
        try:
            fields = json.loads(line)
            hello = _Hello(
                fields["base_url"],
                Secret(fields["key"]),
                Path(fields["directory"]),
                str(fields["env_file"]),
            )
        except (ValueError, KeyError, TypeError):
            hello = None
        if hello is None:
            raise ConnectError("The demo's server could not be started.")
        self._news.start()
        return hello

    def _read_news(self) -> None:
        """Each line is an integration whose calls now get another status."""
        for line in self._process.stdout or ():
            news = json.loads(line)
            if news["event"] == "reload":
                self._tell(f"The demo's “{news['name']}” has read its new key from the env file.")
                continue
            what = "401 Unauthorized" if news["status"] == 401 else f"status {news['status']}"
            self._tell(f"The demo's traffic: “{news['name']}” now gets {what}.")

    def stop(self) -> None:
        """End the server."""
        self._tell = _ignore
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._news.is_alive():
            self._news.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _ignore(_: str) -> None:
    pass


class _Hello:
    """What the demo's server says first."""

    def __init__(self, base_url: str, key: Secret, directory: Path, env_file: str) -> None:
        self.base_url = base_url
        self.key = key
        self.directory = directory
        self.env_file = env_file
