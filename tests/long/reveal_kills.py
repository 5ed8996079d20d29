"""The program is killed while a key is made, shown or on its way: the next start names that key.

What counts is what the server says. A key that it lists, besides the session's own, must be named
by the dialog of the next start, or lie where it was delivered to. A kill before the request got
there leaves no key, so nothing has to be named.
"""

from __future__ import annotations

import json
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.server.support import finish, read_url, start_serve
from tests.terminal.deliver_dialog import clear_field, press_deliver
from tests.terminal.processes import call, eventually, files_with, is_running
from tests.terminal.terminal import PROGRAM, Terminal, scrubbed_environment
from tests.terminal.test_main_story import create, show

SIGNALS = (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)
SESSION = "Owner's key"
QUESTION = "A key without an owner"


@dataclass
class Figures:
    """What came of the kills."""

    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    never_made: int = 0
    named: int = 0
    stored: int = 0
    """Not named, since the key lies where it was delivered to, and works."""
    revoked: int = 0
    unnamed: list[str] = field(default_factory=list)
    """Keys that the server has and nobody named, with the moment of the kill."""

    def __str__(self) -> str:
        by_signal = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items()))
        by_moment = ", ".join(f"{count} {name}" for name, count in sorted(self.moments.items()))
        return (
            f"{self.kills.total()} kills ({by_signal}); moments: {by_moment}; "
            f"{self.never_made} left no key, {self.named} keys were named at the next start and "
            f"{self.revoked} of them revoked there, {self.stored} lay where they were delivered "
            f"to, {len(self.unnamed)} had no name: {self.unnamed}"
        )


class Account:
    """The account at `pulsapi-tui serve`, as its owner sees it over HTTP."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self._port = int(url.rpartition(":")[2])

    def others(self) -> dict[str, str]:
        """The ids of the keys besides the session's own, by their names."""
        status, page = call(self._port, "GET", "/v1/api-keys?limit=1000", self.key)
        assert status == 200
        return {key["name"]: key["id"] for key in page["data"] if key["name"] != SESSION}

    def revoke(self, key_id: str) -> None:
        """Revoke a key that is stored somewhere."""
        assert call(self._port, "DELETE", f"/v1/api-keys/{key_id}", self.key)[0] == 204

    def accepts(self, secret: str) -> bool:
        """Whether a key works."""
        status: int = call(self._port, "GET", "/v1/services", secret)[0]
        return status == 200


class Life:
    """One start of the program after the other, with one home."""

    def __init__(self, account: Account, folder: Path, rng: random.Random) -> None:
        self._account = account
        self.rng = rng
        self._home = folder / "home"
        self._scratch = folder / "tmp"
        self._store = folder / "store"
        for each in (self._home, self._scratch, self._store):
            each.mkdir()
        self._terminal: Terminal | None = None
        self._last = ""
        """The moment of the last kill."""
        self.secret: str | None = None
        self.figures = Figures()

    @property
    def terminal(self) -> Terminal:
        """The one that runs."""
        assert self._terminal is not None
        return self._terminal

    def start(self) -> None:
        """Start the program."""
        environment = scrubbed_environment(
            self._home,
            self._scratch,
            PULSAPI_BASE_URL=self._account.url,
            PULSAPI_API_KEY=self._account.key,
        )
        self._terminal = Terminal([PROGRAM], environment, 80, 24)
        # The list is read: now it is known whether there is something to ask about.
        self.terminal.until("● live")

    def close(self) -> None:
        """Kill what runs."""
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    # What the last start left

    def settle(self) -> None:
        """Look at the keys that the kills left: each is named, or stored, or forgotten."""
        left = self._account.others()
        self.figures.never_made += bool(self._last) and not left
        for name, key_id in left.items():
            if self._is_stored(name):
                self._settle_stored(name, key_id)
            elif self._is_named(name):
                self.figures.named += 1
                self._revoke(name)
            else:
                self.figures.unnamed.append(f"{name} ({self._last})")
                self._account.revoke(key_id)
        self._last = ""

    def _is_named(self, name: str) -> bool:
        with suppress(AssertionError):
            self.terminal.until(QUESTION, f"{name} ", "Revoke it")
            return True
        return False

    def _revoke(self, name: str) -> None:
        """It takes no answer at first, so it is clicked until it takes one."""
        eventually(lambda: self._takes_answer(name), f"“{name}” is revoked")
        if name not in self._account.others():
            self.figures.revoked += 1

    def _takes_answer(self, name: str) -> bool:
        for line, text in enumerate(self.terminal.lines):
            if "Revoke it" in text:
                self.terminal.click(text.index("Revoke it"), line)
        return self.terminal.shows(f"Revoked “{name}”")

    def path(self, name: str) -> Path:
        """Where a key of that name is delivered to."""
        return self._store / f"{name.replace(' ', '-')}.env"

    def _is_stored(self, name: str) -> bool:
        """Whether the file that was chosen has a key that works."""
        with suppress(FileNotFoundError):
            found = re.search("=(local_[0-9A-Za-z]+)", self.path(name).read_text())
            return found is not None and self._account.accepts(found[1])
        return False

    def _settle_stored(self, name: str, key_id: str) -> None:
        """Stored: that it is asked about all the same is allowed, and needs no answer here."""
        self.figures.stored += 1
        self.path(name).unlink()
        if self._is_written_down(name):
            self._is_named(name)
            self._revoke(name)
        else:
            self._account.revoke(key_id)

    def _is_written_down(self, name: str) -> bool:
        """Whether the journal says that it is not over."""
        journals = [json.loads(path.read_text()) for path in self._home.rglob("journal*.json")]
        return any(each["name"] == name for journal in journals for each in journal["intents"])

    # A create, and its end

    def die(self, number: signal.Signals, name: str) -> None:
        """Create a key, and be killed at a random moment."""
        moment = self.rng.choice(sorted(MOMENTS))
        self.secret = None
        MOMENTS[moment](self, name)
        pid = self.terminal.pid
        self.terminal.signal(number)
        # Not its status: that waits for a whole frame, which there may never be.
        eventually(lambda: not is_running(pid), f"it ends by {number.name}, {moment}")
        self.close()
        if self.secret is not None:
            assert not files_with(self.secret, self._home, self._scratch), moment
        self.figures.kills[number.name] += 1
        self.figures.moments[moment] += 1
        self._last = moment


def _wait_a_moment(life: Life, at_most_s: float) -> None:
    # No moment is wrong here.
    time.sleep(life.rng.uniform(0, at_most_s))


def _with_the_request(life: Life, name: str) -> None:
    _ready_to_create(life, name)
    life.terminal.press("enter")


def _at_the_request(life: Life, name: str) -> None:
    _with_the_request(life, name)
    _wait_a_moment(life, 0.15)


def _ready_to_create(life: Life, name: str) -> None:
    life.terminal.press("n")
    life.terminal.until("What is the key for?")
    life.terminal.press(name)
    life.terminal.until("Good.")


def _masked(life: Life, name: str) -> None:
    create(life.terminal, name)
    _wait_a_moment(life, 0.05)


def _shown(life: Life, name: str) -> None:
    create(life.terminal, name)
    life.secret = show(life.terminal)


def _showing(life: Life, name: str) -> None:
    create(life.terminal, name)
    life.terminal.press("m")
    _wait_a_moment(life, 0.05)


def _copying(life: Life, name: str) -> None:
    create(life.terminal, name)
    life.terminal.press("c")
    _wait_a_moment(life, 0.1)


def _copied(life: Life, name: str) -> None:
    _shown(life, name)
    life.terminal.press("c")
    life.terminal.until("Not confirmed")


def _verifying(life: Life, name: str) -> None:
    create(life.terminal, name)
    life.terminal.press("v")
    life.terminal.until("Paste the key here")


def _half_a_paste(life: Life, name: str) -> None:
    _shown(life, name)
    life.terminal.press("v")
    life.terminal.until("Paste the key here")
    assert life.secret is not None
    half = life.secret[: life.rng.randrange(1, len(life.secret))]
    life.terminal.press(f"\x1b[200~{half}")
    _wait_a_moment(life, 0.05)


def _choosing_a_place(life: Life, name: str) -> None:
    create(life.terminal, name)
    life.terminal.press("d")
    life.terminal.until("Where does", "Env file")
    _wait_a_moment(life, 0.05)


def _delivering(life: Life, name: str) -> None:
    _choosing_a_place(life, name)
    clear_field(life.terminal, "Path ")
    life.terminal.press(str(life.path(name)))
    life.terminal.until(f"{life.path(name).stem}.env")
    press_deliver(life.terminal)
    _wait_a_moment(life, 1.0)


def _delivered(life: Life, name: str) -> None:
    _delivering(life, name)
    life.terminal.until("read back.")


MOMENTS: dict[str, Callable[[Life, str], None]] = {
    "with the request": _with_the_request,
    "at the request": _at_the_request,
    "masked": _masked,
    "while m is pressed": _showing,
    "shown": _shown,
    "while it is copied": _copying,
    "shown and copied": _copied,
    "asked for a paste": _verifying,
    "in half a paste": _half_a_paste,
    "at the choice of a place": _choosing_a_place,
    "while it is delivered": _delivering,
    "delivered": _delivered,
}


@contextmanager
def served(folder: Path) -> Iterator[Account]:
    """The server of `pulsapi-tui serve`, on a free port."""
    process = start_serve(folder)
    try:
        url = read_url(process)
        yield Account(url, (folder / "owner.key").read_text().strip())
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)


def kill_often(folder: Path, numbers: Sequence[signal.Signals], seed: int) -> Figures:
    """Kill the program once with each of these signals."""
    rng = random.Random(seed)  # noqa: S311  # moments, no secrets
    with served(folder / "server") as account:
        life = Life(account, folder, rng)
        try:
            for turn, number in enumerate(numbers, 1):
                life.start()
                life.settle()
                life.die(number, f"Release bot {turn}")
            life.start()
            life.settle()
        finally:
            life.close()
        assert account.others() == {}
    return life.figures


def signals_at_random(times: int, seed: int) -> list[signal.Signals]:
    """As many of each signal as go, in a random order."""
    numbers = [SIGNALS[turn % len(SIGNALS)] for turn in range(times)]
    random.Random(seed).shuffle(numbers)  # noqa: S311  # an order
    return numbers


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises AssertionError where a key had no name."""
    began = time.monotonic()
    figures = kill_often(folder, signals_at_random(times, seed), seed)
    text = f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
    assert not figures.unnamed, text
    return text
