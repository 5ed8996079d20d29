"""`pulsapi-tui profiles` against the real server: tried, kept, saved, and said with its code."""

from __future__ import annotations

import io
import os
import shlex
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from pulsapi_tui.cli import exits
from pulsapi_tui.config.keyring_store import KeyringStore
from tests.contract.cli_support import OpenShop, Ran, Shop, shops
from tests.server.support import Running, running


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
    opened = shops(server, tmp_path, monkeypatch, capfd)
    give(monkeypatch, "")
    return opened


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop()


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put it on standard input, which is no terminal."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def run(shop: Shop, *argv: str, key: str = "", given: str = "") -> Ran:
    """Run `profiles`; no key is in what it says, nor in what it wrote outside the files of keys."""
    give(shop.monkeypatch, given)
    ran = shop.run("profiles", *argv, key=key)
    shop.check_no_secret(ran.out + ran.err)
    if profiles_path(shop).exists():
        shop.check_no_secret(profiles_path(shop).read_text())
    return ran


def profiles_path(shop: Shop) -> Path:
    return shop.home / ".config" / "pulsapi-tui" / "profiles.toml"


def key_file(shop: Shop, name: str) -> Path:
    return profiles_path(shop).parent / "credentials" / name


def saved(shop: Shop) -> Any:
    """What the file holds."""
    return tomllib.loads(profiles_path(shop).read_text())


def add(shop: Shop, name: str = "prod", *options: str) -> Ran:
    """A profile whose key is in a file."""
    ran = run(shop, "add", name, "--key-from", "file", *options, given=shop.session.secret)
    assert ran.code == 0, ran.err
    return ran


# --- add ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["environment", "standard input"])
def test_a_key_is_tried_kept_and_saved(shop: Shop, way: str) -> None:
    secret = shop.session.secret
    by = {"key": secret} if way == "environment" else {"given": f"{secret}\n"}
    options = ("--production", "--colour", "red", "--read-only")
    ran = run(shop, "add", "prod", *options, "--key-from", "file", **by)
    assert (ran.code, ran.out) == (0, "")
    assert "“prod” was saved: " in ran.said
    assert "It is the current profile" in ran.said
    assert f"{shop.account_id}@example.test at {shop.url}. Its key comes from the file" in ran.said
    path = key_file(shop, "prod")
    assert path.read_text() == f"{secret}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert saved(shop) == {
        "current": "prod",
        "profiles": {
            "prod": {
                "base_url": shop.url,
                "production": True,
                "colour": "red",
                "read_only": True,
                "account_id": shop.account_id,
                "credential": {"from": "file", "file": str(path)},
            }
        },
    }


def test_a_command_prints_the_key_and_nothing_is_asked(shop: Shop) -> None:
    path = shop.home / "a key"
    path.write_text(f"{shop.session.secret}\n")
    give(shop.monkeypatch, "not looked at")
    ran = run(shop, "add", "prod", "--key-from", "command", "--", "cat", "--", str(path))
    assert ran.code == 0, ran.err
    assert saved(shop)["profiles"]["prod"]["credential"] == {
        "from": "command",
        "command": ["cat", "--", str(path)],
    }
    assert not key_file(shop, "prod").exists()
    assert shop.run("whoami", key="").code == 0


def test_a_key_of_the_environment_has_to_be_the_one_that_the_command_prints(shop: Shop) -> None:
    other = shop.add_key("other")
    path = shop.home / "key"
    path.write_text(other.secret)
    argv = ("add", "prod", "--key-from", "command", "--", "cat", str(path))
    ran = run(shop, *argv, key=shop.session.secret)
    assert ran.code == exits.NO_CREDENTIAL
    assert "prints another key than the one that was tested" in ran.said
    assert not profiles_path(shop).exists()


def test_nothing_is_kept_where_the_environment_has_it(shop: Shop) -> None:
    ran = run(shop, "add", "prod", "--key-from", "environment", key=shop.session.secret)
    assert ran.code == 0
    assert not key_file(shop, "prod").exists()
    ran = shop.run("whoami", "--profile", "prod", key="")
    assert ran.code == exits.NO_CREDENTIAL
    assert "takes its key from PULSAPI_API_KEY, which is not set" in ran.said
    assert shop.run("whoami", "--profile", "prod").code == 0


REFUSED = {
    "no place": (("add", "x"), exits.USAGE, "Say where the key is kept: --key-from keyring,"),
    "no key": (("add", "x", "--key-from", "file"), exits.NO_CREDENTIAL, "No key was given. Set P"),
    "a bad name": (("add", "X", "--key-from", "file"), exits.USAGE, "can't be a profile's name"),
    "no command": (("add", "x", "--key-from", "command"), exits.USAGE, "needs the command, after"),
    "a stray command": (
        ("add", "x", "--key-from", "file", "--", "cat"),
        exits.USAGE,
        "What comes after -- is for --key-from command alone",
    ),
    "a bad address": (
        ("add", "x", "--base-url", "http://example.com", "--key-from", "file"),
        exits.USAGE,
        "Plain http would send the key in the clear",
    ),
    "a proxy that would see it": (
        ("add", "x", "--proxy", "http://127.0.0.1:9", "--key-from", "file"),
        exits.USAGE,
        "the proxy would see the key",
    ),
    "no CA file": (
        ("add", "x", "--ca-file", "nowhere.pem", "--key-from", "file"),
        exits.USAGE,
        "nowhere.pem can't be read",
    ),
    "no such place": (("add", "x", "--key-from", "memory"), exits.USAGE, "invalid choice"),
    "no such profile to use": (("use", "x"), exits.NOT_FOUND, "There is no profile “x”"),
    "no such profile to set": (("set", "x", "--production"), exits.NOT_FOUND, "no profile yet"),
    "no such profile to remove": (("remove", "x", "--yes"), exits.NOT_FOUND, "no profile “x”"),
    "no such profile for a key": (("set-key", "x"), exits.NOT_FOUND, "There is no profile “x”"),
    "a key as an argument": (("set-key", "x", "sk-123"), exits.USAGE, "unrecognized arguments"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_saves_nothing(shop: Shop, what: str) -> None:
    argv, code, sentence = REFUSED[what]
    ran = run(shop, *argv)
    assert ran.code == code
    assert sentence in ran.said
    assert ran.out == ""
    assert not profiles_path(shop).exists()
    assert not key_file(shop, "x").exists()


def test_a_key_that_is_not_accepted_is_not_kept(shop: Shop) -> None:
    ran = run(shop, "add", "prod", "--key-from", "file", given="local_never_was_one")
    assert ran.code == exits.NO_CREDENTIAL
    assert not key_file(shop, "prod").exists()
    assert not profiles_path(shop).exists()
    ran = run(shop, "add", "prod", "--key-from", "file", given=f"{shop.session.secret} x")
    assert "can't be sent" in ran.said


def test_a_saved_key_that_is_not_accepted_any_more_is_named_with_its_profile(shop: Shop) -> None:
    add(shop)
    key_file(shop, "prod").write_text("local_never_was_one")
    ran = shop.run("whoami", key="")
    assert ran.code == exits.NO_CREDENTIAL
    assert f"It comes from the file {key_file(shop, 'prod')}" in ran.said
    assert ran.said.endswith("Give another one: pulsapi-tui profiles set-key prod")
    assert "never_was_one" not in ran.said


def test_a_variable_that_is_not_accepted_is_named_with_what_goes_in_its_place(shop: Shop) -> None:
    ran = shop.run("whoami", key="local_never_was_one")
    assert ran.code == exits.NO_CREDENTIAL
    assert ran.said.endswith(
        "It comes from PULSAPI_API_KEY. Set another one there; there is no profile to use instead."
    )
    add(shop)
    ran = shop.run("whoami", key="local_never_was_one")
    assert ran.said.endswith(
        "Set another one there; or unset PULSAPI_API_KEY, and the profile “prod” is used, whose "
        f"key comes from the file {key_file(shop, 'prod')}."
    )
    assert shop.run("whoami", key="").code == exits.DONE, "as it was said"
    other = "http://127.0.0.1:9"
    run(shop, "set", "prod", "--production")
    text = profiles_path(shop).read_text()
    profiles_path(shop).write_text(text.replace(shop.url, other))
    ran = shop.run("whoami", key="local_never_was_one")
    assert "or unset PULSAPI_API_KEY PULSAPI_BASE_URL, and the profile “prod”" in ran.said


@pytest.mark.parametrize("command", [("add", "other", "--key-from", "file"), ("set-key", "prod")])
def test_a_variable_that_is_tried_and_not_accepted_is_named(
    shop: Shop, command: tuple[str, ...]
) -> None:
    add(shop)
    ran = run(shop, *command, key="local_never_was_one")
    assert ran.code == exits.NO_CREDENTIAL
    assert "It is what PULSAPI_API_KEY holds" in ran.said
    assert "unset it, or set another key there. Nothing was saved." in ran.said
    assert "PULSAPI_API_KEY" not in run(shop, *command, given="local_never_was_one").said


def test_a_server_that_is_not_there(shop: Shop) -> None:
    nobody = "http://127.0.0.1:9"
    argv = ("add", "prod", "--base-url", nobody, "--key-from", "file")
    ran = run(shop, *argv, given=shop.session.secret)
    assert ran.code == exits.UNREACHABLE
    assert f"can't be reached: no connection could be made. The base URL is {nobody}." in ran.said
    assert not profiles_path(shop).exists()


def test_a_name_is_taken_once(shop: Shop) -> None:
    add(shop)
    before = profiles_path(shop).read_bytes()
    ran = run(shop, "add", "prod", "--key-from", "environment", key=shop.session.secret)
    assert ran.code == exits.USAGE
    assert "There is a profile “prod” already" in ran.said
    assert profiles_path(shop).read_bytes() == before


def test_a_file_that_can_t_be_read_is_said_and_left(shop: Shop) -> None:
    add(shop)
    profiles_path(shop).write_text("[profiles.prod]\nprodction = true\n")
    for argv in (("list",), ("use", "prod"), ("add", "x", "--key-from", "file")):
        ran = run(shop, *argv, given=shop.session.secret)
        assert ran.code == exits.FAILED
        assert "did you mean “production”?" in ran.said
    assert "prodction" in profiles_path(shop).read_text()
    assert not key_file(shop, "x").exists()


def test_a_keyring_that_is_not_there_is_no_reason_for_a_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    ran = run(shop, "add", "prod", "--key-from", "keyring", given=shop.session.secret)
    assert ran.code == exits.NO_CREDENTIAL
    assert "No keyring of the system answers here" in ran.said
    assert not profiles_path(shop).exists()
    assert not key_file(shop, "prod").exists()


# --- list, use, path ----------------------------------------------------------------------------


def test_the_list(shop: Shop) -> None:
    ran = run(shop)
    assert (ran.code, ran.out) == (0, "")
    assert "There is no profile yet. Make one: pulsapi-tui profiles add NAME" in ran.said
    assert run(shop, "list", "--json").json == {"current": "", "data": []}
    add(shop, "staging", "--read-only", "--colour", "blue")
    add(shop, "prod", "--production")
    head, first, second = run(shop).out.splitlines()
    assert head.split() == ["Name", "Base", "URL", "Key", "from", "Marks"]
    assert first.split() == [
        "*", "staging", shop.url, "the", "file", str(key_file(shop, "staging")), "blue,",
        "read-only",
    ]  # fmt: skip
    assert second.split() == [
        "prod", shop.url, "the", "file", str(key_file(shop, "prod")), "production",
    ]  # fmt: skip
    listed = run(shop, "list", "--json").json
    assert listed["current"] == "staging", "another one is the current one only when asked for"
    assert listed["data"][0] == {
        "name": "staging",
        "base_url": shop.url,
        "production": False,
        "colour": "blue",
        "read_only": True,
        "account_id": shop.account_id,
        "credential": {"from": "file", "command": [], "file": str(key_file(shop, "staging"))},
        "ca_file": "",
        "proxy": "",
    }


def test_the_current_one_is_what_commands_use(open_shop: OpenShop) -> None:
    first, second = open_shop(), open_shop()
    add(first, "one")
    add(second, "two")
    first.monkeypatch.delenv("PULSAPI_BASE_URL")
    assert f"“one” is the current profile now, at {first.url}" in run(first, "use", "one").said
    for name, shop in (("one", first), ("two", second)):
        run(first, "use", name)
        assert shop.run("whoami", "--json", key="").json["account"]["id"] == shop.account_id
        assert (
            first.run("whoami", "--json", "--profile", "one", key="").json["account"]["id"]
            == first.account_id
        )


def test_the_path(shop: Shop) -> None:
    assert run(shop, "path").out == f"{profiles_path(shop)}\n"


# --- set ----------------------------------------------------------------------------------------


def test_marks_are_set_and_taken_away(shop: Shop) -> None:
    add(shop)
    before = saved(shop)
    ran = run(shop, "set", "prod", "--production", "--read-only", "--colour", "purple")
    assert (ran.code, ran.said) == (0, "“prod” was changed.")
    marks = {"production": True, "read_only": True, "colour": "purple"}
    assert saved(shop)["profiles"]["prod"] == before["profiles"]["prod"] | marks
    run(shop, "set", "prod", "--no-production")
    assert "production" not in saved(shop)["profiles"]["prod"]
    run(shop, "set", "prod", "--no-read-only", "--colour", "none")
    assert saved(shop) == before


def test_the_way_to_the_server_is_set_and_taken_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(shop)
    path = shop.home / "own.pem"
    path.write_text("no certificate")
    ran = run(shop, "set", "prod", "--ca-file", "own.pem")
    assert ran.code == exits.USAGE
    assert "holds no certificate" in ran.said
    assert run(shop, "set", "prod", "--proxy", "http://127.0.0.1:9").code == exits.USAGE
    text = profiles_path(shop).read_text().replace(shop.url, "https://api.example.com")
    profiles_path(shop).write_text(text)
    assert run(shop, "set", "prod", "--proxy", "http://127.0.0.1:3128/").code == 0
    network = saved(shop)["profiles"]["prod"]["network"]
    assert network == {"proxy": "http://127.0.0.1:3128"}
    assert "by proxy" in run(shop).out
    assert run(shop, "set", "prod", "--proxy", "").code == 0
    assert "network" not in saved(shop)["profiles"]["prod"]


def test_a_change_that_is_none_is_wrong_usage(shop: Shop) -> None:
    add(shop)
    before = profiles_path(shop).stat().st_ino
    for options in ((), ("--no-production",), ("--colour", "none")):
        ran = run(shop, "set", "prod", *options)
        assert ran.code == exits.USAGE
        assert "Nothing was changed" in ran.said
    assert profiles_path(shop).stat().st_ino == before


# --- set-key ------------------------------------------------------------------------------------


def test_another_key_of_the_same_account(shop: Shop) -> None:
    other = shop.add_key("other")
    add(shop, "prod", "--production")
    add(shop, "staging")
    before = saved(shop)
    ran = run(shop, "set-key", "prod", given=other.secret)
    assert ran.code == 0, ran.err
    assert "stays live at PulsAPI until you revoke it there" in ran.said
    assert key_file(shop, "prod").read_text() == f"{other.secret}\n"
    assert saved(shop) == before, "and the current profile is the one that it was"
    assert shop.status_of(shop.session.secret) == 200


def test_a_key_of_another_account_is_refused(open_shop: OpenShop) -> None:
    ours, theirs = open_shop(), open_shop()
    add(ours)
    ran = run(ours, "set-key", "prod", given=theirs.session.secret)
    assert ran.code == exits.NOT_ALLOWED
    assert "of another account" in ran.said
    assert key_file(ours, "prod").read_text() == f"{ours.session.secret}\n"


def test_a_variable_of_another_account_is_named_with_what_goes_in_its_place(
    open_shop: OpenShop,
) -> None:
    ours, theirs = open_shop(), open_shop()
    add(ours)
    ran = ours.run("keys", "list", "--profile", "prod", key=theirs.session.secret)
    assert (ran.code, ran.out) == (exits.NOT_ALLOWED, "")
    assert "It comes from PULSAPI_API_KEY." in ran.said
    assert "or unset PULSAPI_API_KEY, and the profile “prod” is used" in ran.said


def test_a_key_moves_to_another_place(shop: Shop) -> None:
    add(shop)
    path = shop.home / "key"
    path.write_text(shop.session.secret)
    ran = run(shop, "set-key", "prod", "--key-from", "command", "--", "cat", str(path))
    assert ran.code == 0, ran.err
    assert saved(shop)["profiles"]["prod"]["credential"]["from"] == "command"
    assert not key_file(shop, "prod").exists(), "no copy is left behind"
    ran = run(shop, "set-key", "prod", "--key-from", "file", given=shop.session.secret)
    assert key_file(shop, "prod").exists()
    assert path.exists(), "what is not ours stays"


# --- remove -------------------------------------------------------------------------------------


def test_removing_needs_a_yes(shop: Shop) -> None:
    add(shop)
    ran = run(shop, "remove", "prod", given="prod\n")
    assert ran.code == exits.NOT_CONFIRMED
    assert "add --yes" in ran.said
    assert key_file(shop, "prod").exists()
    ran = run(shop, "remove", "prod", "--yes")
    assert ran.code == 0
    assert f"the copy of its key in the file {key_file(shop, 'prod')} removed" in ran.said
    assert "The key itself stays live at PulsAPI: if that is the only copy" in ran.said
    assert not key_file(shop, "prod").exists()
    assert saved(shop) == {"profiles": {}}
    assert shop.status_of(shop.session.secret) == 200


def test_the_copy_of_the_key_may_stay(shop: Shop) -> None:
    add(shop)
    ran = run(shop, "remove", "prod", "--yes", "--keep-key")
    assert ran.code == 0
    assert "Its key stays where it is" in ran.said
    assert key_file(shop, "prod").exists()
    assert saved(shop) == {"profiles": {}}


def test_a_file_of_the_user_s_is_not_removed(shop: Shop) -> None:
    add(shop)
    own = shop.home / "own-key"
    key_file(shop, "prod").rename(own)
    text = profiles_path(shop).read_text().replace(str(key_file(shop, "prod")), str(own))
    profiles_path(shop).write_text(text)
    ran = run(shop, "remove", "prod", "--yes")
    assert ran.code == 0
    assert f"Its key stays where it is (the file {own})" in ran.said
    assert own.exists()


def test_a_copy_that_can_t_be_removed_keeps_the_profile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(shop)
    text = profiles_path(shop).read_text()
    at = text.index("[profiles.prod.credential]")
    profiles_path(shop).write_text(text[:at] + '[profiles.prod.credential]\nfrom = "keyring"\n')
    monkeypatch.setattr(KeyringStore, "TIMEOUT_S", 30.0)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    ran = run(shop, "remove", "prod", "--yes")
    assert ran.code == exits.FAILED
    assert "The profile was left as it is; --keep-key forgets it alone" in ran.said
    assert "prod" in saved(shop)["profiles"]
    assert run(shop, "remove", "prod", "--yes", "--keep-key").code == 0


# --- at a terminal ------------------------------------------------------------------------------


def start(shop: Shop, *argv: str) -> pexpect.spawn[str]:
    """The program in a terminal of its own."""
    for name in ("PULSAPI_API_KEY", "DBUS_SESSION_BUS_ADDRESS"):
        shop.monkeypatch.delenv(name, raising=False)
    return pexpect.spawn(
        sys.executable,
        ["-m", "pulsapi_tui", "profiles", *argv],
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 250),
        env={**os.environ, "PULSAPI_BASE_URL": shop.url},
    )


def test_at_a_terminal_it_asks_and_shows_nothing_of_the_key(shop: Shop) -> None:
    terminal = start(shop, "add", "prod")
    terminal.expect("keyring +No keyring of the system answers here")
    terminal.expect(r"Keep it in \[file\]: ")
    terminal.sendline("")
    terminal.expect("API key .it is not shown.: ")
    terminal.sendline(shop.session.secret)
    terminal.expect(r"“prod” was saved")
    shop.check_no_secret(str(terminal.before))
    terminal.expect(pexpect.EOF)
    shop.check_no_secret(str(terminal.before))
    terminal.close()
    assert terminal.exitstatus == 0
    assert saved(shop)["profiles"]["prod"]["credential"]["from"] == "file"

    terminal = start(shop, "remove", "prod")
    terminal.expect("To go on, type prod: ")
    terminal.sendline("yes")
    terminal.expect("Nothing was changed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == exits.NOT_CONFIRMED
    assert key_file(shop, "prod").exists()


def test_a_command_may_ask_at_the_terminal(shop: Shop) -> None:
    script = shop.home / "lookup"
    word = shlex.quote(str(shop.home / "key"))
    (shop.home / "key").write_text(shop.session.secret)
    script.write_text(f"#!/bin/sh\nprintf 'Passphrase: ' >&2\nread -r word\ncat {word}\n")
    script.chmod(0o755)
    terminal = start(shop, "add", "prod", "--key-from", "command", "--", str(script))
    for _ in ("to try it", "to compare"):
        terminal.expect("Passphrase: ")
        terminal.sendline("open")
    terminal.expect("“prod” was saved")
    terminal.expect(pexpect.EOF)


def test_an_interrupt_at_the_prompt_saves_nothing(shop: Shop) -> None:
    terminal = start(shop, "add", "prod", "--key-from", "file")
    terminal.expect("API key .it is not shown.: ")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == exits.INTERRUPTED
    assert "Traceback" not in str(terminal.before)
    assert not profiles_path(shop).exists()
