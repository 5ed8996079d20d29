"""The demo: a session with a server of our own, in a child process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import ConnectError
from pulsapi_tui.domain.ports import Clock, Retrying, Session
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.wiring.access import KEY_VARIABLE
from pulsapi_tui.wiring.sessions import open_service


class DemoConnector:
    """Sessions with a demo: a server of our own in a child process, with a throw-away database.

    The child is started at once, so that its start hides behind ours. It lives as long as the pipe
    to its standard input, which the kernel closes however this process ends. Its key comes by the
    pipe from its standard output.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        clock: Clock,
        *,
        read_only: bool = False,
        tour_key: str = "",
    ) -> None:
        """A key of the name `tour_key` goes beside the env file of the demo's integration."""
        self._profile = Profile(name="demo", read_only=read_only)
        self._clock = clock
        self._tour_key = tour_key
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pulsapi_tui.server.demo", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # The user's own key is no business of the demo's.
            env={name: value for name, value in os.environ.items() if name != KEY_VARIABLE},
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
        profile = msgspec.structs.replace(self._profile, base_url=hello.base_url)
        service = await open_service(profile, credential or hello.key, self._clock, retrying)
        last_target = LastTargetFile(hello.directory / "last-targets.toml", "demo")
        if hello.env_file:
            # The one integration of the demo that reads its key from a file.
            last_target.preset(_env_file(hello.env_file), "CI/CD Pipeline")
            if self._tour_key:
                path = Path(hello.env_file).with_name("deploy.env")
                last_target.preset(_env_file(str(path)), self._tour_key)
        journal = JournalFile(hello.directory / "journal.json")
        log = ActionLogFile(hello.directory / "actions.jsonl")
        return Session(service, journal, profile, "the demo itself", last_target, log, True)

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


def _env_file(path: str) -> Target:
    return Target(way_id="env_file", values={"path": path, "variable": "PULSAPI_API_KEY"})


def _ignore(_: str) -> None:
    pass


class _Hello:
    """What the demo's server says first."""

    def __init__(self, base_url: str, key: Secret, directory: Path, env_file: str) -> None:
        self.base_url = base_url
        self.key = key
        self.directory = directory
        self.env_file = env_file
