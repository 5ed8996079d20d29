"""Commands that get a signal at a random moment: no traceback, no key without a name, no lie.

A moment is a place in the command's own course: the n-th time that it opens, renames or locks a
file of its home, connects, sends or receives. So a seed sends the signal to the same place again.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.long.reveal_kills import Account, served
from tests.server.support import Secret
from tests.terminal.processes import PATIENCE_S, call
from tests.terminal.terminal import scrubbed_environment

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)

_COUNTED = """
import asyncio, json, os, socket, sys
from pulsapi_tui import cli
at, number, home, report = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
count, quiet = 0, False
def step():
    global count, quiet
    if quiet:
        return
    count += 1
    if count == at:
        quiet = True
        os.kill(os.getpid(), number)
NAMES = {"os.rename", "os.link", "os.remove", "os.mkdir", "fcntl.flock", "socket.connect",
         "subprocess.Popen"}
def hook(event, arguments):
    of_home = event == "open" and str(arguments[0]).startswith(home)
    if event in NAMES or of_home:
        step()
def counted(name):
    real = getattr(socket.socket, name)
    def call(self, *arguments):
        step()
        done = real(self, *arguments)
        step()
        return done
    setattr(socket.socket, name, call)
counted("send")
counted("recv")
sys.addaudithook(hook)
code = cli.main(sys.argv[5:])
quiet = True
if at == 0:
    open(report, "w").write(json.dumps(count))
sys.exit(code)
"""

ENDS = {
    signal.SIGINT: {0, 1, 7, 130},
    signal.SIGTERM: {0, 1, 7, 143, -signal.SIGTERM},
    signal.SIGHUP: {0, 1, 7, 129, -signal.SIGHUP},
    signal.SIGKILL: {0, -signal.SIGKILL},
}
"""How a command may end that got such a signal; it may also have been through already."""


@dataclass
class Figures:
    """What came of the signals."""

    sent: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        by_signal = ", ".join(f"{count} {name}" for name, count in sorted(self.sent.items()))
        ends = ", ".join(f"{count} {what}" for what, count in sorted(self.ends.items()))
        return f"{self.sent.total()} signals in commands ({by_signal}): {ends}"


class User:
    """Somebody who runs commands against one account."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account = account
        self._folder = folder
        self._steps: dict[str, int] = {}
        self.move("first")

    def move(self, where: str) -> None:
        """To a new home, where nothing is open yet: of many open ends, not each one is named."""
        self.home = self._folder / f"home-{where}"
        (self.home / "tmp").mkdir(parents=True)

    def run(self, at: int, number: int, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command, which gets a signal at its `at`th step; never, where that is 0."""
        return subprocess.run(
            [
                *(sys.executable, "-c", _COUNTED, str(at), str(number), str(self.home)),
                *(str(self._folder / "steps"), *argv),
            ],
            env=scrubbed_environment(
                self.home,
                self.home / "tmp",
                PULSAPI_BASE_URL=self.account.url,
                PULSAPI_API_KEY=self.account.key,
            ),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def words_of(self, verb: str, name: str) -> list[str]:
        """The command."""
        return ["keys", *(word.replace("NAME", name) for word in VERBS[verb].words)]

    def steps_of(self, verb: str) -> int:
        """How many steps such a command has; found out once."""
        if verb not in self._steps:
            name = f"first-{verb}"
            if VERBS[verb].begins_with_key:
                self.make(name)
            done = self.run(0, 0, self.words_of(verb, name))
            assert done.returncode == 0, done.stderr
            self._steps[verb] = json.loads((self._folder / "steps").read_text())
        return self._steps[verb]

    def make(self, name: str) -> Secret:
        """A key that was made before, and delivered to its env file."""
        made = self._call("POST", "/v1/api-keys", {"name": name})
        path = self.env_file(name)
        path.write_text(f"PULSAPI_API_KEY={made['key']}\n")
        path.chmod(0o600)
        return Secret(made["key"])

    def live(self, name: str) -> int:
        """How many keys of that name there are."""
        listed = self._call("GET", "/v1/api-keys?limit=1000")
        return sum(each["name"] == name for each in listed["data"])

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        port = int(self.account.url.rpartition(":")[2])
        status, answer = call(port, method, path, self.account.key, body)
        assert status in {200, 201}
        return answer

    def env_file(self, name: str) -> Path:
        """Where a key of that name is to go."""
        return self.home / f"{name}.env"

    def stored(self, name: str) -> Secret | None:
        """The key that lies there."""
        path = self.env_file(name)
        found = re.search("=(local_[0-9A-Za-z]+)", path.read_text()) if path.exists() else None
        return None if found is None else Secret(found[1])

    def works(self, secret: Secret | None) -> bool:
        """Whether the server takes it."""
        return secret is not None and self.account.accepts(secret)

    def is_named(self, name: str) -> bool:
        """Whether the next command names it."""
        done = self.run(0, 0, ["check"])
        assert "Traceback" not in done.stderr
        return f"“{name}”" in done.stderr


def _after_create(user: User, name: str, _: Secret | None, is_done: bool) -> str:
    if user.works(user.stored(name)):
        return "a key delivered"
    assert not is_done, "said to be delivered, and is not"
    if user.live(name) == 0:
        return "no key made"
    assert user.is_named(name), "a key that nobody names"
    return "a key named by the next command"


def _after_rotate(user: User, name: str, old: Secret | None, is_done: bool) -> str:
    stored = user.stored(name)
    assert user.works(stored), "what is stored does not work"
    if stored != old:
        return "a successor delivered"
    assert not is_done, "said to be rotated, and is not"
    if user.live(name) == 1:
        return "no successor made"
    assert user.is_named(name), "a successor that nobody names"
    return "a successor named by the next command"


def _after_revoke(user: User, name: str, old: Secret | None, is_done: bool) -> str:
    if user.works(old):
        assert not is_done, "said to be revoked, and is not"
        return "a key kept"
    return "a key revoked"


class _Verb(NamedTuple):
    words: tuple[str, ...]
    """After `keys`; the name of the key comes in the place of NAME."""
    begins_with_key: bool
    judge: Callable[[User, str, Secret | None, bool], str]


VERBS = {
    "create": _Verb(("create", "NAME", "--to", "env:NAME.env"), False, _after_create),
    "rotate": _Verb(("rotate", "NAME", "--to", "env:NAME.env", "--yes"), True, _after_rotate),
    "revoke": _Verb(("revoke", "NAME", "--yes"), True, _after_revoke),
}


def send_signals(folder: Path, times: int, seed: int) -> Figures:
    """So many commands, each of which gets one signal."""
    chance = random.Random(seed)  # noqa: S311  # moments
    figures = Figures()
    with served(folder / "server") as account:
        user = User(account, folder)
        for turn in range(times):
            number = SIGNALS[turn % len(SIGNALS)]
            verb = chance.choice(sorted(VERBS))
            _one(figures, user, verb, number, chance, f"{verb}-{turn}")
    return figures


def _one(
    figures: Figures,
    user: User,
    verb: str,
    number: signal.Signals,
    chance: random.Random,
    name: str,
) -> None:
    steps = user.steps_of(verb)
    at = chance.randint(1, steps)
    user.move(name)
    old = user.make(name) if VERBS[verb].begins_with_key else None
    done = user.run(at, number, user.words_of(verb, name))
    figures.sent[number.name] += 1
    moment = f"{verb}, {number.name} at step {at} of {steps}"
    if "Traceback" in done.stderr or done.returncode not in ENDS[number]:
        figures.wrong.append(f"{moment}: ended by {done.returncode}: {done.stderr[-1500:]}")
    try:
        figures.ends[VERBS[verb].judge(user, name, old, done.returncode == 0)] += 1
    except AssertionError as error:
        figures.wrong.append(f"{moment}, ended by {done.returncode}: {error} {done.stderr[-500:]}")
