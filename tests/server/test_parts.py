"""The pure parts: keys, the SLA's sums, the seed."""

import copy
import random
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import pulsapi_tui
from pulsapi_tui.server import services
from pulsapi_tui.server.auth import (
    assemble_key,
    digest_from_header,
    digest_of,
    is_well_formed,
    mint_key,
)
from pulsapi_tui.server.problem import ProblemError
from pulsapi_tui.server.requests import read_name, read_position, write_cursor
from pulsapi_tui.server.rows import Position
from pulsapi_tui.server.seed import STORY, DemoSecrets, seed_demo
from pulsapi_tui.server.services import SERVICES, Incident, WatchedService, budget_min
from pulsapi_tui.server.store import Store
from pulsapi_tui.server.wire import CreatedKey, Key, Window

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_well_formed(random_bytes: bytes) -> None:
    minted = assemble_key(random_bytes)
    assert len(minted.secret) == 6 + 43 + 6
    assert is_well_formed(minted.secret)
    assert minted.hint == minted.secret[-4:]
    assert digest_from_header([f"Bearer {minted.secret}"]) == minted.digest
    assert len(minted.digest) == 32


@given(st.integers(6, 54), st.sampled_from("0aZ_-é\x00"))
def test_a_changed_character_breaks_the_checksum(position: int, character: str) -> None:
    secret = assemble_key(bytes(range(32))).secret
    changed = secret[:position] + character + secret[position + 1 :]
    assert is_well_formed(changed) == (changed == secret)


@given(st.text(max_size=60))
def test_any_header_is_read_without_an_error(text: str) -> None:
    assert digest_from_header([text]) is None
    assert digest_from_header([f"Bearer {text}"]) is None


def test_two_minted_keys_differ() -> None:
    assert len({mint_key().secret for _ in range(100)}) == 100


def test_secrets_are_in_no_repr() -> None:
    minted = mint_key()
    created = CreatedKey(id="1", name="n", hint="h", created_at=NOW, key=minted.secret)
    secrets = DemoSecrets(minted.secret, ())
    for value in (minted, created, secrets, [minted], {"k": created}, copy.copy(minted)):
        assert minted.secret not in f"{value!r} {value}"


def documented_pattern() -> re.Pattern[str]:
    openapi = yaml.safe_load(Path(pulsapi_tui.__file__).with_name("openapi.yaml").read_text())
    return re.compile(openapi["components"]["schemas"]["NewKey"]["properties"]["name"]["pattern"])


_PATTERN = documented_pattern()
_EDGES = st.text(" \t\n\x85\xa0\u1680\u200b\u2028\u3000\ufeffa\U0001f511", max_size=4)


@given(_EDGES, st.one_of(st.text(max_size=66), st.text("ab ", min_size=58, max_size=68)), _EDGES)
def test_a_name_is_accepted_as_documented(start: str, middle: str, end: str) -> None:
    text = start + middle + end
    body = msgspec.json.encode({"name": text})
    if _PATTERN.fullmatch(text):
        assert read_name(body) == text.strip()
    else:
        with pytest.raises(ProblemError, match="invalid_name"):
            read_name(body)


@given(st.integers(0, 2**52), st.integers(0, 2**52))
def test_a_cursor_is_read_as_it_was_written(created_at: int, seq: int) -> None:
    position = Position(created_at, seq)
    assert read_position(write_cursor(position)) == position


def test_the_documented_budget() -> None:
    """PulsAPI's docs: 99.9 % over 30 days with 20 minutes down leaves 23.2 minutes."""
    assert budget_min("30d", 99.9, 20) == 23.2
    row = next(row for row in services.sla_rows("30d") if row.service_id == "svc_npm")
    assert (row.sla_target_pct, row.sla_source) == (99.9, "default")
    assert (row.downtime_budget_min, row.breached) == (23.2, False)


def test_a_degraded_minute_counts_half() -> None:
    trouble = tuple(
        Incident(1, status, 10)
        for status in ("operational", "degraded", "partial_outage", "major_outage")
    )
    service = WatchedService("s", "S", None, (1, 2, 3), incidents=trouble)
    assert services.downtime_min(service, "7d") == 0 + 5 + 10 + 10
    old = replace(service, incidents=(Incident(8, "major_outage", 10),))
    assert services.downtime_min(old, "7d") == 0
    assert services.downtime_min(old, "30d") == 10


def test_a_custom_target_wins_over_the_vendors() -> None:
    service = WatchedService("s", "S", None, (1, 2, 3), custom_target_pct=99, vendor_target_pct=98)
    assert services.target_of(service) == (99, "custom")
    assert services.target_of(replace(service, custom_target_pct=None)) == (98, "vendor")


@pytest.mark.parametrize("window", ["7d", "30d", "90d"])
def test_a_breach_is_an_uptime_below_its_target(window: Window) -> None:
    rows = services.sla_rows(window)
    assert len(rows) == len(SERVICES)
    for row in rows:
        assert row.breached == (row.downtime_budget_min < 0)
        assert row.breached == (round(row.uptime_pct - row.sla_target_pct, 3) < 0)
    if window != "7d":
        assert {row.breached for row in rows} == {True, False}


def seeded(tmp_path: Path, name: str, keys: int = 12, empty: bool = False) -> list[Key]:
    chance = random.Random(1)  # noqa: S311 - the same hints each time
    with closing(Store(tmp_path / name)) as store:
        seed_demo(store, NOW, keys, empty=empty, mint=lambda: assemble_key(chance.randbytes(32)))
        with store.reading() as transaction:
            listed, _ = transaction.page("acc_northwind", 1000, None)
            assert transaction.count("acc_northwind") == len(listed)
    return listed


def test_the_story_is_told(tmp_path: Path) -> None:
    keys = seeded(tmp_path, "demo")
    assert len(keys) == len(STORY) == 12
    assert keys[0].name == "pulsapi-tui on dana's laptop"
    names = [key.name for key in keys]
    assert names.count("Grafana exporter") == 2
    by_name = {key.name: key for key in keys}
    used = by_name["CI/CD Pipeline"].last_used_at
    assert used is not None
    assert NOW - used < timedelta(minutes=1)
    assert by_name["Terraform drift check"].last_used_at is None
    idle = by_name["Contractor: Q2 SLA review"].last_used_at
    assert idle is not None
    assert NOW - idle > timedelta(days=90)
    for key in keys:
        assert key.last_used_at is None or key.created_at <= key.last_used_at <= NOW


def test_the_seed_is_the_same_on_every_run(tmp_path: Path) -> None:
    assert seeded(tmp_path, "first", keys=300) == seeded(tmp_path, "second", keys=300)


@pytest.mark.parametrize(
    ("keys", "empty", "listed"), [(3, False, 3), (500, False, 500), (9, True, 0), (0, False, 0)]
)
def test_as_many_keys_as_asked(tmp_path: Path, keys: int, empty: bool, listed: int) -> None:
    assert len(seeded(tmp_path, "demo", keys=keys, empty=empty)) == listed


def test_the_session_key_of_an_empty_account_works_unlisted(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "demo")) as store:
        secrets = seed_demo(store, NOW, empty=True)
        with store.reading() as transaction:
            caller = transaction.authenticate(digest_of(secrets.session_key))
            assert caller is not None
            assert transaction.page(caller.account.id, 10, None) == ([], None)
        assert secrets.integrations == ()
        # Revoking it must not count a listed key down.
        with store.writing() as transaction:
            assert transaction.revoke(caller.account.id, caller.key_id, store.now_ms())
            assert transaction.count(caller.account.id) == 0
