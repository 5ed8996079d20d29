"""The demo's account: keys whose names, ages and last uses tell a story. All of it is made up."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pulsapi_tui.server.auth import MintedKey, mint_key
from pulsapi_tui.server.rows import AccountRow, KeyRow
from pulsapi_tui.server.store import Store
from pulsapi_tui.server.traffic import Integration
from pulsapi_tui.server.wire import Plan, Role

DEFAULT_KEYS = 12
_ACCOUNT_ID = "acc_northwind"
_MIN, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class StoryKey:
    """A key of the story: ages in seconds before now; `calls_every_s` where the demo uses it."""

    name: str
    created_age_s: float
    used_age_s: float | None
    calls_every_s: float | None = None
    has_env_file: bool = False
    """The demo's integration reads this key from an env file, and so can be rotated."""


SESSION_KEY = StoryKey("pulsapi-tui on dana's laptop", 40, 1)
STORY: tuple[StoryKey, ...] = (
    SESSION_KEY,
    StoryKey("CI/CD Pipeline", 203 * _DAY + 5 * _HOUR, 4, calls_every_s=2, has_env_file=True),
    StoryKey("Internal Dashboard", 148 * _DAY + 2 * _HOUR, 3 * _MIN, calls_every_s=5),
    StoryKey("Status page widget", 61 * _DAY + 7 * _HOUR, 26 * _MIN, calls_every_s=20),
    StoryKey("Nightly backup report", 312 * _DAY + 11 * _HOUR, 9 * _HOUR + 12 * _MIN),
    StoryKey("Grafana exporter", 19 * _DAY + 3 * _HOUR, 48),
    StoryKey("Grafana exporter", 402 * _DAY + 6 * _HOUR, 20 * _DAY),
    StoryKey("Contractor: Q2 SLA review", 236 * _DAY + 9 * _HOUR, 171 * _DAY + 4 * _HOUR),
    StoryKey("Terraform drift check", 6 * _DAY + 2 * _HOUR, None),
    StoryKey("On-call phone shortcut", 88 * _DAY + 14 * _HOUR, 2 * _DAY + 3 * _HOUR),
    StoryKey("Slack /status bot", 530 * _DAY + 8 * _HOUR, 51 * _MIN),
    StoryKey("old-jenkins (to be removed)", 977 * _DAY + 1 * _HOUR, 388 * _DAY),
)

_TEAMS = (
    "payments",
    "checkout",
    "search",
    "catalog",
    "billing",
    "mobile",
    "data",
    "platform",
    "sre",
)
_SERVICES = (
    "api",
    "worker",
    "gateway",
    "scheduler",
    "exporter",
    "dashboard",
    "backup",
    "status-bot",
)
_HINT_CHARS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENVIRONMENTS = ("prod", "staging", "dev", "eu-west", "us-east", "ci")
_ROUND = len(_TEAMS) * len(_SERVICES) * len(_ENVIRONMENTS)


@dataclass(frozen=True)
class DemoSecrets:
    """The keys that the demo itself uses; they are nowhere else, and not in its repr."""

    session_key: str = field(repr=False)
    integrations: tuple[Integration, ...] = field(repr=False)


def seed_demo(
    store: Store,
    now: datetime,
    keys: int = DEFAULT_KEYS,
    plan: Plan = "pro",
    role: Role = "owner",
    empty: bool = False,
    mint: Callable[[], MintedKey] = mint_key,
    directory: Path | None = None,
) -> DemoSecrets:
    """Fill an empty store with the demo's account and `keys` keys in all, the session's included.

    Ages are relative to `now`, and the same on every run. With `empty` (or no keys) the list has no
    key: the session's key then works and is not listed. An integration's env file lies
    below `directory`. `mint` is replaced where a test or a screenshot wants the same hints.
    """
    now_ms = int(now.timestamp() * 1000)
    minted = {story: mint() for story in STORY}
    account = AccountRow(
        id=_ACCOUNT_ID,
        email="dana@northwind.example",
        display_name="Dana Brandt",
        timezone="Europe/Berlin",
        plan=plan,
        role=role,
    )
    is_empty = empty or keys < 1
    listed = STORY[:1] if is_empty else STORY[:keys]
    rows = [
        _story_row(number, story, minted[story], now_ms, not is_empty)
        for number, story in enumerate(listed)
    ]
    with store.writing() as transaction:
        transaction.add_account(account)
        # Reversed: of two keys of one age, the one that is stored later is the newer one.
        transaction.add_keys(_filler_rows(0 if is_empty else keys - len(rows), now_ms))
        transaction.add_keys(reversed(rows))
    integrations = tuple(
        Integration(
            story.name,
            minted[story].secret,
            story.calls_every_s,
            directory / "integrations" / "ci.env"
            if directory is not None and story.has_env_file
            else None,
        )
        for story in listed
        if story.calls_every_s is not None
    )
    return DemoSecrets(minted[SESSION_KEY].secret, integrations)


def _story_row(
    number: int, story: StoryKey, minted: MintedKey, now_ms: int, is_listed: bool
) -> KeyRow:
    used_age_s = story.used_age_s
    return KeyRow(
        id=f"key_{0xDE300 + number:016x}",
        account_id=_ACCOUNT_ID,
        digest=minted.digest,
        name=story.name,
        hint=minted.hint,
        created_at=now_ms - int(story.created_age_s * 1000),
        last_used_at=None if used_age_s is None else now_ms - int(used_age_s * 1000),
        listed=is_listed,
    )


def _filler_rows(count: int, now_ms: int) -> Iterator[KeyRow]:
    """Keys that nobody holds: their digest is of nothing. The same ones on every run."""
    chance = random.Random(20_261_124)  # noqa: S311 - names and ages, no secrets
    for number in range(count):
        age_s = chance.randint(2 * _HOUR, 1100 * _DAY)
        used_age_s = None if chance.random() < 0.12 else int(age_s * chance.random() ** 4)
        round_ = number // _ROUND
        suffix = f" {round_ + 1}" if round_ else ""
        yield KeyRow(
            id=f"key_{chance.getrandbits(64):016x}",
            account_id=_ACCOUNT_ID,
            digest=chance.randbytes(32),
            name="-".join(map(chance.choice, (_TEAMS, _SERVICES, _ENVIRONMENTS))) + suffix,
            hint="".join(chance.choices(_HINT_CHARS, k=4)),
            created_at=now_ms - age_s * 1000,
            last_used_at=None if used_age_s is None else now_ms - used_age_s * 1000,
        )
