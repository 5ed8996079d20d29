"""`keys create` against the real server: whatever fails, no live key is left that nobody names."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.cli import exits, reveal
from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.flows.create import ATTEMPTS
from tests.contract.cli_support import OpenShop, Shop, at_a_terminal, cutting, from_on, shops
from tests.contract.cutting_proxy import Fault, Place, Way
from tests.server.support import Running, running

NAME = "Deploy bot"
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


def stored(path: str = ".env", variable: str = "PULSAPI_API_KEY") -> str:
    """The key that stands in an env file."""
    [line] = [line for line in Path(path).read_text().splitlines() if line.startswith(variable)]
    return line.partition("=")[2]


def recipe(shop: Shop, script: str) -> None:
    """A program of the user's own, that keys can go to."""
    program = shop.home / "own-store"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    settings = shop.home / ".config/pulsapi-tui/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f'[[delivery.recipes]]\nid = "own"\nargv = ["{program}", "{{path}}"]\n'
        '[[delivery.recipes.fields]]\nid = "path"\nlabel = "Path"\ndefault = "{slug}"\n'
    )
    settings.chmod(0o600)


# Where it goes


def test_into_an_env_file(shop: Shop) -> None:
    ran = shop.run("keys", "create", NAME, "--to", "env:.env", "--variable", "CI_KEY")
    assert ran.code == exits.DONE
    [key_id] = ran.out.splitlines()
    assert shop.listed()[key_id] == NAME
    secret = stored(variable="CI_KEY")
    assert shop.status_of(secret) == 200
    assert secret not in ran.out + ran.err
    assert "read back" in ran.err
    assert shop.intents == ()
    assert shop.log == [("create", NAME, "created"), ("deliver", NAME, "delivered")]


def test_into_a_new_file_with_an_object_for_programs(shop: Shop) -> None:
    ran = shop.run("keys", "create", NAME, "--to", "file:ci.key", "--json")
    assert ran.code == exits.DONE
    found = ran.json
    assert found.pop("id") in shop.listed()
    secret = Path("ci.key").read_text()
    assert found.pop("created_at").endswith("Z")
    assert found == {"name": NAME, "hint": secret[-4:], "where": "~/ci.key"}
    assert shop.status_of(secret) == 200


def test_to_a_program_with_its_fields(shop: Shop) -> None:
    recipe(shop, 'cat > "$HOME/$1"; echo stored as $1')
    ran = shop.run("keys", "create", NAME, "--to", "own")
    assert ran.code == exits.DONE
    assert "stored as deploy-bot" in ran.err
    assert shop.status_of((shop.home / "deploy-bot").read_text()) == 200
    assert shop.run("keys", "create", "CI", "--to", "own", "--field", "path=x=y").code == 0
    assert shop.status_of((shop.home / "x=y").read_text()) == 200


def test_to_standard_output_alone(shop: Shop) -> None:
    ran = shop.run("keys", "create", NAME, "--reveal")
    assert ran.code == exits.DONE
    [secret] = ran.out.splitlines()
    assert shop.status_of(secret) == 200
    assert secret not in ran.err
    assert shop.intents == ()
    assert shop.log[-1] == ("deliver", NAME, "delivered")
    as_json = shop.run("keys", "create", "CI", "--reveal", "--json")
    assert shop.status_of(as_json.json["key"]) == 200
    assert as_json.json["where"] is None
    assert as_json.json["key"] not in as_json.err
    assert secret not in (shop.state / "actions.jsonl").read_text()


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "--to --reveal is required"),
        (("--to", "env:.env", "--reveal"), "not allowed with"),
        (("--to", "env:.env", "--to", "file:x"), "only one"),
        (("--to", "nowhere"), "there are: env:PATH, file:PATH"),
        (("--to", "env:"), "path"),
        (("--to", "env:.env", "--variable", "9"), "can't be a variable"),
        (("--to", "file:x", "--variable", "X"), "--variable is for"),
        (("--to", "file:x", "--field", "a=b"), "--field is for"),
        (("--to", "file:x", "--force"), "--force is for"),
        (("--to", "own", "--field", "nopath=b"), "there are: path"),
        (("--to", "own", "--field", "novalue"), "is not a field"),
    ],
)
def test_usage(shop: Shop, options: tuple[str, ...], why: str) -> None:
    recipe(shop, "cat >/dev/null")
    shop.url = "http://127.0.0.1:9"
    ran = shop.run("keys", "create", NAME, *options)
    assert (ran.code, ran.out) == (exits.USAGE, "")
    assert why in ran.said


@pytest.mark.parametrize("name", [" ", "x" * 65, "a\nb", "Aa1" * 9])
def test_names_that_no_key_can_have(shop: Shop, name: str) -> None:
    shop.url = "http://127.0.0.1:9"
    ran = shop.run("keys", "create", name, "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.USAGE, "")


def test_a_place_that_can_t_be_used(shop: Shop) -> None:
    shop.url = "http://127.0.0.1:9"
    Path("ci.key").write_text("mine")
    ran = shop.run("keys", "create", NAME, "--to", "file:ci.key")
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "never overwritten" in ran.said
    assert Path("ci.key").read_text() == "mine"


def test_unwise_names_are_allowed_and_told(shop: Shop) -> None:
    assert "A vague name" in shop.run("keys", "create", "test", "--to", "file:a").err
    assert "Another key has this name" in shop.run("keys", "create", "test", "--to", "file:b").err


def test_a_key_that_would_be_replaced_is_named(shop: Shop) -> None:
    assert shop.run("keys", "create", NAME, "--to", "env:.env").code == exits.DONE
    there = stored()
    for options in ((), ("--dry-run",)):
        ran = shop.run("keys", "create", "Nightly export", "--to", "env:.env", *options)
        assert f"“{NAME}” (…{there[-4:]}) stands there already. It would be" in ran.said
        assert there not in ran.said + ran.out
    assert stored() == there
    assert sorted(shop.listed().values()) == sorted(["session", NAME])


def test_what_stands_there_is_replaced_only_by_a_yes(shop: Shop) -> None:
    Path(".env").write_text("PULSAPI_API_KEY=another\n")
    Path(".env").chmod(0o644)
    ran = shop.run("keys", "create", NAME, "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.NOT_CONFIRMED, "")
    assert "can be read by others now (0644)" in ran.said
    assert "Something else stands there already, which is no key of this account" in ran.said
    assert "--yes" in ran.said
    assert list(shop.listed().values()) == ["session"]
    dry = shop.run("keys", "create", NAME, "--to", "env:.env", "--dry-run")
    assert dry.code == exits.DONE
    assert "would need --yes" in dry.said
    assert stored() == "another"
    assert shop.run("keys", "create", NAME, "--to", "env:.env", "--yes").code == exits.DONE
    assert shop.status_of(stored()) == 200


@pytest.mark.parametrize(("typed", "code"), [("y\n", exits.DONE), ("\n", exits.NOT_CONFIRMED)])
def test_at_a_terminal_it_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    Path(".env").write_text("PULSAPI_API_KEY=another\n")
    with at_a_terminal(monkeypatch, typed) as tty:
        ran = shop.run("keys", "create", NAME, "--to", "env:.env")
        shown = tty.shown()
    assert ran.code == code
    assert "Go on all the same? [y/N]" in shown
    assert len(shop.listed()) == (2 if code == exits.DONE else 1)


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    ran = shop.run("keys", "create", NAME, "--to", "env:.env", "--dry-run", "--json")
    assert ran.code == exits.DONE
    assert (ran.json["dry_run"], ran.json["name"]) == (True, NAME)
    assert not Path(".env").exists()
    assert list(shop.listed().values()) == ["session"]
    assert shop.log == []
    assert not (shop.state / "journal.json").exists()


# Standard output that can't be trusted with a key


def test_a_terminal_gets_no_key_unless_forced(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        ran = shop.run("keys", "create", NAME, "--reveal")
        assert ran.code == exits.USAGE
        assert "--force" in ran.err
        assert list(shop.listed().values()) == ["session"]
        assert shop.run("keys", "create", NAME, "--reveal", "--force").code == exits.DONE
        secret = os.read(master, 4096).decode().strip()
    os.close(master)
    assert shop.status_of(secret) == 200


def test_nowhere_is_no_place_for_a_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        ran = shop.run("keys", "create", NAME, "--reveal")
    assert ran.code == exits.USAGE
    assert "leads nowhere" in ran.err
    assert list(shop.listed().values()) == ["session"]


@pytest.mark.parametrize("what", ["closed pipe", "full disk", "full pipe"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_write_that_fails_leaves_no_key(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, what: str, form: tuple[str, ...]
) -> None:
    monkeypatch.setattr(reveal, "PATIENCE_S", 0.05)
    reader, writer = os.pipe()
    if what == "closed pipe":
        os.close(reader)
    elif what == "full disk":
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    else:
        os.set_blocking(writer, False)
        os.write(writer, b"x" * (1 << 20))
        os.set_blocking(writer, True)
    with os.fdopen(writer, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        ran = shop.run("keys", "create", NAME, "--reveal", *form)
    if what != "closed pipe":
        os.close(reader)
    assert ran.code == exits.FAILED
    assert "could not be written to standard output" in ran.said
    assert "revoked at once" in ran.said
    assert list(shop.listed().values()) == ["session"]
    assert shop.intents == ()
    assert [outcome for _, _, outcome in shop.log] == ["created", "failed", "revoked"]


# What fails after the create


def test_a_failed_delivery_revokes_the_key_at_once(shop: Shop) -> None:
    recipe(shop, "cat; exit 3")
    ran = shop.run("keys", "create", NAME, "--to", "own")
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "failed with exit code 3" in ran.said
    assert "was revoked at once" in ran.said
    assert list(shop.listed().values()) == ["session"]
    assert shop.intents == ()
    assert "local_" not in ran.err, "what the program said is told without the key"
    assert shop.run("keys", "list").err == ""


def test_a_revoke_that_is_not_confirmed_names_the_key_now_and_later(
    shop: Shop, server: Running
) -> None:
    recipe(shop, "cat >/dev/null; exit 3")
    # 1 account, 2 list, 3 create, then the revoke and the list.
    cuts = from_on(4, Fault(Place.BEFORE, Way.FIN))
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "create", NAME, "--to", "own")
        cuts.clear()
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        [key_id] = proxy.minted
        line = f"pulsapi-tui keys revoke {key_id}"
        assert line in ran.said
        assert f"“{NAME}” (…{proxy.minted[key_id][0][-4:]}, {key_id})" in ran.said
        assert proxy.minted[key_id][0] not in ran.err
        [intent] = shop.intents
        assert intent.key_id == key_id
        later = shop.run("keys", "list")
        assert line in later.said
        assert len(later.err.splitlines()) == 1
        assert shop.run("keys", "revoke", key_id, "--yes").code == exits.DONE
        assert shop.intents == ()
        assert shop.run("keys", "list").err == ""


def test_an_answer_that_is_lost_names_the_key(shop: Shop, server: Running) -> None:
    with cutting(server, dict.fromkeys(range(3, 3 + ATTEMPTS), LOST)) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "create", NAME, "--reveal")
        [key_id] = proxy.minted
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        assert f"pulsapi-tui keys revoke {key_id}" in ran.said
        assert not Path(".env").exists()
        assert key_id in shop.run("keys", "show", "session").err
        assert shop.log == [("create", NAME, "lost")]


def test_a_create_of_which_nothing_is_known_is_told_until_it_turns_up(
    shop: Shop, server: Running
) -> None:
    cuts = from_on(3, LOST)
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "create", NAME, "--to", "env:.env")
        cuts.clear()
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        assert "It is not known whether" in ran.said
        [key_id] = proxy.minted
        check = shop.run("check", "--idle", "1d")
        assert f"“{NAME}” (…" in check.said
        assert (check.code, "without an owner" in check.out) == (exits.FOUND, True)
        assert key_id in shop.run("keys", "list").err


def test_a_create_that_was_never_made_waits_for_the_list(shop: Shop, server: Running) -> None:
    cuts = dict.fromkeys(range(3, 3 + ATTEMPTS), Fault(Place.BEFORE, Way.FIN))
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "create", NAME, "--to", "env:.env")
        assert ran.code == exits.NOT_KNOWN
        assert "without an answer so far" in shop.run("keys", "list").said


def test_a_journal_that_can_t_be_written_stops_it(shop: Shop, server: Running) -> None:
    shop.state.parent.mkdir(parents=True)
    shop.state.write_text("in the way")
    ran = shop.run("keys", "create", NAME, "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "No key was made" in ran.said
    assert list(shop.listed().values()) == ["session"]


# Signals


def signalled(monkeypatch: pytest.MonkeyPatch, number: signal.Signals, *, times: int) -> None:
    """Send signals when the answer to a create has come, before anybody has looked at it."""
    original = PulsApiClient.create_key

    async def create_key(
        self: PulsApiClient, name: str, request_id: str, attempt: int
    ) -> CreatedKey:
        created = await original(self, name, request_id, attempt)
        for _ in range(times):
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
        return created

    monkeypatch.setattr(PulsApiClient, "create_key", create_key)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_key_is_made_leaves_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    signalled(monkeypatch, number, times=1)
    ran = shop.run("keys", "create", NAME, "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.by_signal(number), "")
    assert "Interrupted before it was delivered" in ran.said
    assert "revoked at once" in ran.said
    assert list(shop.listed().values()) == ["session"]
    assert not Path(".env").exists()
    assert shop.intents == ()


def test_a_second_signal_ends_it_there_and_the_next_command_names_the_key(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        signalled(patch, signal.SIGINT, times=2)
        ran = shop.run("keys", "create", NAME, "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
    assert f"Ended while creating “{NAME}”" in ran.said
    [key_id] = [key_id for key_id, name in shop.listed().items() if name == NAME]
    assert f"pulsapi-tui keys revoke {key_id}" in shop.run("keys", "list").said


def test_a_signal_while_it_is_delivered_waits_for_that(shop: Shop) -> None:
    recipe(shop, f'kill -TERM {os.getpid()}; cat > "$HOME/$1"')
    ran = shop.run("keys", "create", NAME, "--to", "own")
    assert ran.code == exits.by_signal(signal.SIGTERM)
    assert f"Created “{NAME}”" in ran.said
    assert shop.status_of((shop.home / "deploy-bot").read_text()) == 200
    assert shop.intents == ()


def test_the_object_holds_nothing_but_what_the_help_names(shop: Shop) -> None:
    keys = json.loads(shop.run("keys", "create", NAME, "--reveal", "--json").out).keys()
    assert keys == {"id", "name", "hint", "created_at", "where", "key"}
