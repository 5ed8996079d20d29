"""The demo: sessions with a server of our own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
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
from pulsapi_tui.wiring.demo_server import DemoServer
from pulsapi_tui.wiring.sessions import open_service


class DemoConnector:
    """Sessions with a demo's server."""

    def __init__(
        self,
        server: DemoServer,
        clock: Clock,
        *,
        read_only: bool = False,
        tour_key: str = "",
    ) -> None:
        """A key of the name `tour_key` goes beside the env file of the demo's integration."""
        self._profile = Profile(name="demo", read_only=read_only)
        self._clock = clock
        self._tour_key = tour_key
        self._server = server
        self._lines = server.lines()
        self._hello: _Hello | None = None
        self._hearing = threading.Lock()
        self._tell: Callable[[str], None] = _ignore
        self._news = threading.Thread(target=self._read_news, name="demo news", daemon=True)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    def tell(self, tell: Callable[[str], None]) -> None:
        """Tell, from another thread, what becomes of the traffic that the demo makes."""
        self._tell = tell

    async def __call__(self, credential: Secret | None, retrying: Retrying) -> Session:
        """Open a session, once the server is up."""
        hello = await asyncio.to_thread(self._hear_hello)
        profile = msgspec.structs.replace(self._profile, base_url=hello.base_url)
        service = await open_service(profile, credential or hello.key, self._clock, retrying)
        last_target = LastTargetFile(hello.directory / "last-targets.toml", "demo")
        if hello.env_file:
            # The one integration of the demo that reads its key from a file.
            last_target.remember(_env_file(hello.env_file), "CI/CD Pipeline")
            if self._tour_key:
                path = Path(hello.env_file).with_name("deploy.env")
                last_target.remember(_env_file(str(path)), self._tour_key)
        journal = JournalFile(hello.directory / "journal.json")
        log = ActionLogFile(hello.directory / "actions.jsonl")
        return Session(service, journal, profile, "the demo itself", last_target, log, True)

    def _hear_hello(self) -> _Hello:
        """Kept even where nobody waits for it any more: it is said once."""
        with self._hearing:
            if self._hello is None:
                self._hello = self._read_hello()
                self._news.start()
            return self._hello

    def _read_hello(self) -> _Hello:
        try:
            fields = msgspec.json.decode(next(self._lines, b""))
            return _Hello(
                fields["base_url"],
                Secret(fields["key"]),
                Path(fields["directory"]),
                str(fields["env_file"]),
            )
        except (msgspec.DecodeError, ValueError, KeyError, TypeError):
            pass
        raise ConnectError("The demo's server could not be started.")

    def _read_news(self) -> None:
        """Each line is an integration whose calls now get another status."""
        for line in self._lines:
            news = msgspec.json.decode(line)
            if news["event"] == "reload":
                self._tell(f"The demo's “{news['name']}” has read its new key from the env file.")
                continue
            what = "401 Unauthorized" if news["status"] == 401 else f"status {news['status']}"
            self._tell(f"The demo's traffic: “{news['name']}” now gets {what}.")

    def stop(self) -> None:
        """End the server."""
        self._tell = _ignore
        self._server.stop()
        if self._news.is_alive():
            self._news.join()
        self._server.close()


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
