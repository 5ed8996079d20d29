"""`keys revoke` against the real server: only what it confirmed is called dead."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsapi_tui.api._retry import MAX_TRIES
from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.cli import exits
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.wiring.accounts import profiles_here
from tests.contract.cli_support import OpenShop, Shop, at_a_terminal, cutting, from_on, shops
from tests.contract.cutting_proxy import Fault, Place, Way
from tests.server.support import Running, running

NOT_SENT = Fault(Place.BEFORE, Way.FIN)
LOST = Fault(Place.ACTED, Way.FIN)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server") / "pulsapi.sqlite") as server:
        yield server


@pytest.fixture
def open_shop(
    server: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> OpenShop:
    return shops(server, tmp_path, monkeypatch, capfd)


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop()


def test_by_id_and_by_name(shop: Shop) -> None:
    one, two = shop.add_key("one"), shop.add_key("two")
    kept = shop.add_key("three")
    ran = shop.run("keys", "revoke", one.id, "two", one.id, "--yes")
    assert (ran.code, ran.err) == (exits.DONE, "")
    head, *rows = ran.out.splitlines()
    assert head.split() == ["Name", "Id", "Result", "Reason"]
    assert [row.split() for row in rows] == [
        ["one", one.id, "revoked"],
        ["two", two.id, "revoked"],
    ]
    assert [shop.status_of(each.secret) for each in (one, two, kept)] == [401, 401, 200]
    assert sorted(shop.log) == [("revoke", "one", "revoked"), ("revoke", "two", "revoked")]


def test_ids_from_standard_input_and_a_line_for_each(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [shop.add_key(f"key {number}") for number in range(12)]
    text = "\n".join(["", *(key.id for key in keys), ""])
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    ran = shop.run("keys", "revoke", "-", "--yes", "--json")
    assert (ran.code, ran.err) == (exits.DONE, "")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert lines == [
        {"id": key.id, "name": f"key {number}", "state": "revoked", "reason": ""}
        for number, key in enumerate(keys)
    ]


def test_no_ids_are_nothing_to_do(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    ran = shop.run("keys", "revoke", "-", "--yes")
    assert (ran.code, ran.out) == (exits.DONE, "")
    assert "nothing was revoked" in ran.err


def test_one_that_is_not_there_stops_all(shop: Shop) -> None:
    key = shop.add_key("one")
    ran = shop.run("keys", "revoke", key.id, "nothing", "--yes")
    assert (ran.code, ran.out) == (exits.NOT_FOUND, "")
    assert shop.status_of(key.secret) == 200


def test_the_key_of_this_session_stops_all(shop: Shop) -> None:
    key = shop.add_key("one")
    ran = shop.run("keys", "revoke", key.id, "session", "--yes")
    assert (ran.code, ran.out) == (exits.NOT_ALLOWED, "")
    assert "Rotate it instead" in ran.said
    assert shop.status_of(key.secret) == 200


def test_one_that_is_not_there_leaves_the_others_alone_and_says_so(shop: Shop) -> None:
    key = shop.add_key("one")
    ran = shop.run("keys", "revoke", "--yes", "one", "nope")
    assert (ran.code, ran.out) == (exits.NOT_FOUND, "")
    assert ran.said.startswith(
        "pulsapi-tui: Nothing was revoked. No key has the id or the name “no"
    )
    assert shop.status_of(key.secret) == 200


def test_a_key_that_is_rotating_is_refused(shop: Shop) -> None:
    key = shop.add_key("one")
    assert shop.run("keys", "rotate", "one", "--to", "env:.env").code == exits.DONE
    ran = shop.run("keys", "revoke", key.id, "--yes")
    assert (ran.code, ran.out) == (exits.NOT_ALLOWED, "")
    finish, abandon = ran.err.splitlines()[-2:]
    # Each stands at the end of its line, as it is.
    assert finish.endswith(f": pulsapi-tui keys rotate --finish {key.id}")
    assert abandon.endswith(f": pulsapi-tui keys rotate --abandon=revoke-new {key.id}")
    assert shop.status_of(key.secret) == 200
    ended = shop.run(*abandon.partition(": pulsapi-tui ")[2].split(), "--yes")
    assert ended.code == exits.DONE
    assert shop.run("keys", "revoke", key.id, "--yes").code == exits.DONE, "no rotation any more"


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_dry_run_revokes_nothing(shop: Shop, form: tuple[str, ...]) -> None:
    key = shop.add_key("one")
    ran = shop.run("keys", "revoke", key.id, "--dry-run", *form)
    assert ran.code == exits.DONE
    assert key.id in ran.out
    assert "Dry run" in ran.err
    if form:
        assert ran.json["state"] == "would_be_revoked"
    assert shop.status_of(key.secret) == 200
    assert shop.log == []


# Asking


def test_without_a_terminal_it_needs_a_yes(shop: Shop) -> None:
    key = shop.add_key("one")
    ran = shop.run("keys", "revoke", key.id)
    assert (ran.code, ran.out) == (exits.NOT_CONFIRMED, "")
    assert "--yes" in ran.err
    assert shop.status_of(key.secret) == 200


@pytest.mark.parametrize(
    ("used_d", "count", "typed", "revokes"),
    [
        (30, 1, "y\n", True),
        (30, 1, "\n", False),
        (30, 1, "\x04", False),
        (0.1, 1, "y\n", False),
        (0.1, 1, "key 0\n", True),
        (30, 2, "2\n", True),
        (30, 2, "y\n", False),
    ],
)
def test_at_a_terminal_it_asks_as_the_dialog_does(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    used_d: float,
    count: int,
    typed: str,
    revokes: bool,
) -> None:
    keys = [shop.add_key(f"key {number}", used_d=used_d) for number in range(count)]
    with at_a_terminal(monkeypatch, typed) as tty:
        ran = shop.run("keys", "revoke", *(key.id for key in keys))
        shown = tty.shown()
    assert all(key.id in shown for key in keys)
    assert "for good?" in shown
    assert ran.code == (exits.DONE if revokes else exits.NOT_CONFIRMED)
    assert [shop.status_of(key.secret) for key in keys] == [401 if revokes else 200] * count


def test_a_production_profile_always_asks_for_the_word(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = shop.add_key("one", used_d=30)
    profiles_here().put(Profile(name="live", base_url=shop.url, production=True))
    for typed, code in (("y\n", exits.NOT_CONFIRMED), ("one\n", exits.DONE)):
        with at_a_terminal(monkeypatch, typed) as tty:
            ran = shop.run("--profile", "live", "keys", "revoke", key.id)
            shown = tty.shown()
        assert ran.code == code
        assert "PRODUCTION (live)" in shown


# What is known


def test_a_key_that_is_still_listed_is_not_called_dead(shop: Shop, server: Running) -> None:
    key = shop.add_key("one")
    with cutting(server, dict.fromkeys(range(3, 3 + MAX_TRIES), NOT_SENT)) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "revoke", key.id, "--yes", "--json")
    assert ran.code == exits.FAILED
    assert ran.json["state"] == "not_revoked"
    assert "still listed" in ran.json["reason"]
    assert "0 of 1 revoked" in ran.err


def test_an_answer_that_is_lost_is_looked_up(shop: Shop, server: Running) -> None:
    key = shop.add_key("one")
    with cutting(server, dict.fromkeys(range(3, 3 + MAX_TRIES), LOST)) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "revoke", key.id, "--yes", "--json")
    assert ran.code == exits.DONE
    assert ran.json["state"] == "already_gone"
    assert shop.log == [("revoke", "one", "already gone")]


def test_what_is_not_known_is_said_to_be(shop: Shop, server: Running) -> None:
    key = shop.add_key("one")
    with cutting(server, from_on(3, LOST)) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "revoke", key.id, "--yes", "--json")
    assert ran.code == exits.NOT_KNOWN
    assert ran.json["state"] == "not_known"
    assert shop.log == [("revoke", "one", "not known")]


# Signals


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_begins_no_other_one_and_tells_what_is_known(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    keys = [shop.add_key(f"key {number}") for number in range(60)]
    original = PulsApiClient.revoke_key
    sent: list[str] = []
    signals = [signal.SIGTERM] * times

    async def revoke_key(self: PulsApiClient, key_id: str) -> None:
        sent.append(key_id)
        await original(self, key_id)
        while len(sent) >= 10 and signals:
            os.kill(os.getpid(), signals.pop())

    monkeypatch.setattr(PulsApiClient, "revoke_key", revoke_key)
    ran = shop.run("keys", "revoke", *(key.id for key in keys), "--yes", "--json")
    said = {line["id"]: line["state"] for line in map(json.loads, ran.out.splitlines())}
    dead = {key.id for key in keys} - shop.listed().keys()
    assert {key_id for key_id, state in said.items() if state == "revoked"} <= dead
    assert 0 < len(dead) < 60
    if times == 1:
        assert ran.code == exits.by_signal(signal.SIGTERM)
        assert said.keys() == {key.id for key in keys}
        assert {key_id for key_id, state in said.items() if state == "revoked"} == dead
    else:
        assert ran.code == exits.NOT_KNOWN
        assert "Ended while revoking" in ran.said
