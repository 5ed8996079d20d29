"""Several instances at all files at once, some of them killed: what was confirmed is there.

Each instance changes what is its own in files that they all share, and says what was confirmed
to it. At the end, the last confirmed state of each has to be found, and nothing torn.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.delivery.env_text import assigned
from tests.unit.faults import temporary_names
from tests.unit.support import ORIGIN

INSTANCES = 3
KINDS = ("journal", "profiles", "log", "targets", "env")

_INSTANCE = """
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.config.last_target import LastTargetFile
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.actions import Action
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.domain.secret import Secret
folder, who, seed, origin = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
chance, now = random.Random(seed), datetime.now(UTC)
journal = JournalFile(folder / "state" / "journal.json")
profiles = ProfilesFile(folder / "config" / "profiles.toml")
log = ActionLogFile(folder / "log" / "actions.jsonl")
targets = LastTargetFile(folder / "data" / "last-targets.toml", who)
env = EnvFileSink({})
def work(kind, number):
    match kind:
        case "journal":
            journal.put(Intent(request_id=who, origin=origin, account_id="acct", name=str(number),
                               requested_at=now))
        case "profiles":
            profiles.put(Profile(name=who, account_id=str(number)))
        case "log":
            if not log.append(Action(at=now, who=who, profile="", origin=origin, action="revoke",
                                     key_id=str(number), key_name="n", hint="", outcome="revoked")):
                raise SystemExit("the log was not written")
        case "targets":
            targets.remember(Target(way_id="env_file", values={"n": str(number)}), "a")
        case "env":
            env.deliver(Secret(f"k{number}"), {"path": str(folder / ".env"), "variable": who})
print("ready", flush=True)
sys.stdin.readline()
for number in range(1, 1_000_000):
    kind = chance.choice(sys.argv[5:])
    work(kind, number)
    print(kind, number, flush=True)
"""


@dataclass
class Figures:
    """What came of it."""

    confirmed: Counter[str] = field(default_factory=Counter)
    kills: int = 0

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.confirmed.items()))
        return (
            f"{INSTANCES} instances at once, {self.kills} kills: {self.confirmed.total()} writes "
            f"confirmed ({kinds}), none lost or torn"
        )


def run_together(folder: Path, writes: int, seed: int) -> Figures:
    """Let the instances write until each of them has confirmed so many, then kill them."""
    chance = random.Random(seed)  # noqa: S311  # moments
    figures = Figures()
    for each in ("state", "config", "log", "data"):
        (folder / each).mkdir(mode=0o700)
    last: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        names = [f"i{number}" for number in range(INSTANCES)]
        running = {name: stack.enter_context(_instance(folder, name, seed)) for name in names}
        for process in running.values():
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running.values():
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for name in names:
            _listen(running[name], chance.randint(writes // 2, writes), name, last, figures)
    _check(folder, last)
    return figures


def _listen(
    process: subprocess.Popen[str],
    lines: int,
    name: str,
    last: dict[tuple[str, str], int],
    figures: Figures,
) -> None:
    """Hear so many lines, kill it, and hear what it said before it died."""
    assert process.stdout is not None
    for _ in range(lines):
        _take(process.stdout.readline(), name, last, figures)
    process.kill()
    figures.kills += 1
    for line in process.stdout:
        _take(line, name, last, figures)


def _take(line: str, name: str, last: dict[tuple[str, str], int], figures: Figures) -> None:
    assert line, "an instance ended by itself"
    if line.endswith("\n"):
        kind, number = line.split()
        last[name, kind] = int(number)
        figures.confirmed[kind] += 1


@contextmanager
def _instance(folder: Path, name: str, seed: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _INSTANCE, str(folder), name, f"{name} {seed}", ORIGIN, *KINDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def _check(folder: Path, last: dict[tuple[str, str], int]) -> None:
    """A kill comes between a write and its confirmation: it may be one further, never behind."""
    found = _found(folder)
    for (name, kind), number in last.items():
        assert found.get((name, kind), 0) >= number, f"{kind} of {name}: confirmed and lost"
    assert json.loads((folder / "state" / "journal.json").read_text())["version"] == 1
    # One more write of each kind tidies up what the killed ones left.
    for each in ("state", "config"):
        assert len(temporary_names(folder / each)) <= INSTANCES


def _found(folder: Path) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for intent in JournalFile(folder / "state" / "journal.json").open_intents(ORIGIN, "acct"):
        found[intent.request_id, "journal"] = int(intent.name)
    for profile in ProfilesFile(folder / "config" / "profiles.toml").read().profiles:
        found[profile.name, "profiles"] = int(profile.account_id)
    for action in ActionLogFile(folder / "log" / "actions.jsonl").read():
        found[action.who, "log"] = int(action.key_id)
    for number in range(INSTANCES):
        name = f"i{number}"
        target = LastTargetFile(folder / "data" / "last-targets.toml", name).last("a")
        if target is not None:
            found[name, "targets"] = int(target.values["n"])
        for value in assigned((folder / ".env").read_bytes(), name):
            found[name, "env"] = int(value.decode().removeprefix("k"))
    return found
