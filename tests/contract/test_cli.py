"""The command line against the real server: what it prints, and each exit code."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pulsapi_tui.cli import exits
from tests.contract.cli_support import OpenShop, Shop, cutting, from_on, shops
from tests.contract.cutting_proxy import Fault, Place, Way
from tests.server.support import Running, running, wait_until


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


# List and show


def test_a_table_for_people_newest_first(shop: Shop) -> None:
    old = shop.add_key("Nightly backup", age_d=400, used_d=100.5)
    new = shop.add_key("Deploy bot", age_d=0.5, used_d=0)
    ran = shop.run("keys", "list")
    assert (ran.code, ran.err) == (0, "")
    head, first, second, third = ran.out.splitlines()
    assert head.split() == ["Name", "Created", "Last", "Used", "Health", "Id"]
    assert first.split()[:2] == ["Deploy", "bot"]
    assert first.endswith(new.id)
    assert "this session" in second
    assert "idle 100 d" in third
    assert third.endswith(old.id)


def test_one_object_for_programs(shop: Shop) -> None:
    key = shop.add_key("test", age_d=200, used_d=None)
    shop.add_key("test", age_d=2)
    ran = shop.run("keys", "list", "--json", "--sort", "created", "--reverse")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["account"] == {
        "id": shop.account_id,
        "email": f"{shop.account_id}@example.test",
        "display_name": shop.account_id,
        "timezone": "UTC",
        "plan": "pro",
        "role": "owner",
        "authenticated_key_id": shop.session.id,
    }
    assert ran.json["shown"] == ran.json["total"] == 3
    first = ran.json["data"][0]
    assert first.pop("created_at").endswith("Z")
    assert first == {
        "id": key.id,
        "name": "test",
        "hint": key.secret[-4:],
        "last_used_at": None,
        "condition": "never_used",
        "flags": ["due", "duplicate", "vague"],
    }
    session = ran.json["data"][2]
    assert session["condition"] == "this_session"
    assert datetime.fromisoformat(session["last_used_at"]).utcoffset() is not None


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ["b", "session", "A", "c"]),
        (("--reverse",), ["c", "A", "session", "b"]),
        (("--sort", "name"), ["A", "b", "c", "session"]),
        (("--sort", "name", "--reverse"), ["session", "c", "b", "A"]),
        (("--sort", "last-used"), ["session", "b", "A", "c"]),
        (("--filter", "SESS"), ["session"]),
        (("--filter", "is:idle"), ["A"]),
        (("--filter", "is:unused is:due"), ["c"]),
    ],
)
def test_sorted_and_filtered(shop: Shop, options: tuple[str, ...], names: list[str]) -> None:
    shop.add_key("c", age_d=300)
    shop.add_key("A", age_d=200, used_d=40)
    shop.add_key("b", age_d=0.1, used_d=0.05)
    ran = shop.run("keys", "list", "--json", *options)
    assert [key["name"] for key in ran.json["data"]] == names
    assert (ran.json["shown"], ran.json["total"]) == (len(names), 4)


def test_nothing_fits(shop: Shop) -> None:
    ran = shop.run("keys", "list", "--filter", "no such key")
    assert (ran.code, ran.out, ran.err) == (0, "", "No key fits the filter.\n")


def test_an_unknown_token_is_told_before_anything_is_asked(shop: Shop) -> None:
    ran = shop.run("keys", "list", "--filter", "is:idel", key="refused")
    assert (ran.code, ran.out) == (exits.USAGE, "")
    assert "did you mean is:idle?" in ran.err


def test_show_one_by_its_id_or_its_name(shop: Shop) -> None:
    key = shop.add_key("test", age_d=200, used_d=0)
    by_id = shop.run("keys", "show", key.id, "--json")
    assert (by_id.code, by_id.err) == (0, "")
    assert by_id.json["condition"] == "in_use"
    assert by_id.json["condition_reason"].startswith("Last request ")
    assert by_id.json["flags"] == ["due", "vague"]
    assert len(by_id.json["flag_reasons"]) == 2
    by_name = shop.run("keys", "show", "test")
    assert by_name.code == 0
    assert key.id in by_name.out
    assert "Due for rotation" in by_name.out


def test_a_name_that_several_have_is_no_key(shop: Shop) -> None:
    first, second = shop.add_key("CI"), shop.add_key("CI")
    ran = shop.run("keys", "show", "CI")
    assert (ran.code, ran.out) == (exits.NOT_FOUND, "")
    assert first.id in ran.err
    assert second.id in ran.err


def test_a_misspelt_name_gets_the_nearest(shop: Shop) -> None:
    shop.add_key("Deploy bot")
    ran = shop.run("keys", "show", "Deploy bto")
    assert ran.code == exits.NOT_FOUND
    assert "Did you mean “Deploy bot”?" in ran.err


def test_what_came_in_is_cleaned(shop: Shop) -> None:
    ran = shop.run("keys", "show", "a\x1b]52;c;eA==\x07")
    assert ran.code == exits.NOT_FOUND
    assert "\x1b" not in ran.err


# Services, whoami, check


def test_services(shop: Shop) -> None:
    ran = shop.run("services")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0].split() == ["Name", "Status", "Group", "Updated"]
    as_json = shop.run("services", "--json").json["data"]
    assert {"id", "name", "status", "group", "updated_at"} == as_json[0].keys()
    assert len(as_json) == len(ran.out.splitlines()) - 1


def test_whoami_says_where_the_key_comes_from(shop: Shop) -> None:
    ran = shop.run("whoami")
    assert (ran.code, ran.err) == (0, "")
    assert shop.account_id in ran.out
    assert "PULSAPI_API_KEY" in ran.out
    assert f"Base URL  {shop.url}" in ran.out
    found = shop.run("whoami", "--json", "--read-only").json
    assert found["account"]["id"] == shop.account_id
    assert found["base_url"] == shop.url
    assert found["credential_from"] == "PULSAPI_API_KEY"
    assert (found["proxy"], found["read_only"], found["may_change"]) == ("", True, False)
    assert found["why_not"]


def test_a_viewer_is_told_that_nothing_can_be_changed(open_shop: OpenShop) -> None:
    found = open_shop(role="viewer").run("whoami", "--json").json
    assert not found["may_change"]
    assert "viewer" in found["why_not"]


def test_check_by_the_limits_of_the_settings(shop: Shop) -> None:
    assert shop.run("check").code == exits.DONE
    shop.add_key("idle", age_d=50, used_d=40)
    shop.add_key("old", age_d=100, used_d=0.1)
    shop.add_key("never", age_d=40)
    shop.add_key("fine", age_d=2, used_d=1)
    ran = shop.run("check", "--json")
    assert ran.code == exits.FOUND
    assert ran.json["total"] == 5
    found = {each["name"]: each["findings"] for each in ran.json["data"]}
    assert found == {"idle": ["idle"], "old": ["older"], "never": ["unused"]}
    rows = [line.split("  ") for line in shop.run("check").out.splitlines()]
    found = {row[0]: [each.strip() for each in row] for row in rows}
    assert "never used" in found["never"]
    settings = shop.home / ".config/pulsapi-tui/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[health]\nidle_after_d = 60\ndue_after_d = 99\n")
    settings.chmod(0o600)
    assert [each["name"] for each in shop.run("check", "--json").json["data"]] == ["old"]


def test_check_for_what_is_asked_and_nothing_else(shop: Shop) -> None:
    shop.add_key("idle", age_d=50, used_d=40)
    shop.add_key("old", age_d=100, used_d=0.1)
    shop.add_key("young", age_d=0.01)
    shop.add_key("never", age_d=2)

    def names(*options: str) -> list[str]:
        return [each["name"] for each in shop.run("check", "--json", *options).json["data"]]

    assert names("--idle", "60d") == []
    assert names("--idle", "2w") == ["idle"]
    assert names("--older", "60d") == ["old"]
    assert names("--unused") == ["never"]
    assert names("--unused", "--older", "36h") == ["never", "idle", "old"]


def test_a_login_message_is_one_line_or_none(shop: Shop) -> None:
    quiet = shop.run("check", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (exits.DONE, "", "")
    shop.add_key("idle", age_d=50, used_d=40)
    shop.add_key("both", age_d=200, used_d=40)
    ran = shop.run("check", "--quiet")
    assert (ran.code, ran.err) == (exits.FOUND, "")
    [line] = ran.out.splitlines()
    assert "2 idle, 1 due for rotation" in line


# Everywhere


def test_messages_go_to_stderr_and_an_error_leaves_stdout_empty(shop: Shop) -> None:
    for argv in (
        ("keys", "list", "--json"),
        ("keys", "show", "x"),
        ("services", "--json"),
        ("check",),
        ("whoami",),
    ):
        ran = shop.run(*argv, key="local_notAKeyOfAnybody")
        assert (ran.code, ran.out) == (exits.NO_CREDENTIAL, ""), argv
        assert ran.err.startswith("pulsapi-tui: ")
        assert "local_notAKeyOfAnybody" not in ran.err


def test_a_key_that_no_header_can_carry_is_not_told(shop: Shop) -> None:
    ran = shop.run("whoami", key="local_with a space")
    assert ran.code == exits.NO_CREDENTIAL
    assert "with a space" not in ran.err


@pytest.mark.parametrize(
    "argv",
    [
        ("keys", "create", "x", "--to", "env:.env"),
        ("keys", "revoke", "x", "--yes"),
        ("keys", "rotate", "x", "--to", "env:.env"),
        ("keys", "rotate", "x", "--finish", "--yes"),
    ],
)
def test_what_is_not_allowed_is_said_before_anything_is_sent(
    open_shop: OpenShop, server: Running, argv: tuple[str, ...]
) -> None:
    with cutting(server, {}) as proxy:
        for shop, reason in (
            (open_shop(role="viewer"), "your role is viewer"),
            (open_shop(plan="free"), "Free plan"),
        ):
            shop.url = proxy.base_url
            ran = shop.run(*argv)
            assert (ran.code, ran.out) == (exits.NOT_ALLOWED, "")
            assert reason in ran.err
        assert {(each.method, each.path) for each in proxy.seen} == {("GET", "/v1/account")}
        shop = open_shop()
        shop.url = proxy.base_url
        before = len(proxy.seen)
        ran = shop.run("--read-only", *argv)
        assert (ran.code, ran.out) == (exits.NOT_ALLOWED, "")
        assert "read-only" in ran.err
        assert len(proxy.seen) == before, "nothing at all was sent"


def test_retries_are_told_to_a_terminal_only(shop: Shop, server: Running) -> None:
    with cutting(server, {1: Fault(Place.BEFORE, Way.FIN)}) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "list")
    assert (ran.code, ran.err) == (0, "")


# The codes


def _interrupted(shop: Shop) -> int:
    with cutting(shop.server, {1: Fault(Place.BEFORE, Way.STALL)}) as proxy:
        shop.url = proxy.base_url

        def interrupt() -> None:
            wait_until(lambda: proxy.requests > 0)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            return shop.run("keys", "list").code
        finally:
            thread.join()


def _not_known(shop: Shop) -> int:
    lost = {number: Fault(Place.ACTED, Way.FIN) for number in (3, 4, 5)}
    with cutting(shop.server, lost) as proxy:
        shop.url = proxy.base_url
        return shop.run("keys", "create", "Deploy bot", "--to", "env:.env").code


def _not_yet(shop: Shop) -> int:
    shop.add_key("CI")
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env").code == exits.DONE
    return shop.run("keys", "rotate", "CI", "--finish").code


def _unreachable(shop: Shop) -> int:
    shop.url = "http://127.0.0.1:9"
    return shop.run("keys", "list").code


def _found(shop: Shop) -> int:
    shop.add_key("idle", age_d=50, used_d=40)
    return shop.run("check").code


def _not_confirmed(shop: Shop) -> int:
    return shop.run("keys", "revoke", shop.add_key("CI").id).code


CASES: dict[int, Callable[[Shop], int]] = {
    exits.DONE: lambda shop: shop.run("keys", "list").code,
    exits.FAILED: lambda shop: shop.run("keys", "create", "CI", "--to", "file:none/x").code,
    exits.USAGE: lambda shop: shop.run("keys", "create", "CI").code,
    exits.NO_CREDENTIAL: lambda shop: shop.run("whoami", key="").code,
    exits.NOT_FOUND: lambda shop: shop.run("keys", "show", "nothing").code,
    exits.NOT_ALLOWED: lambda shop: shop.run("keys", "revoke", "session", "--yes").code,
    exits.UNREACHABLE: _unreachable,
    exits.NOT_KNOWN: _not_known,
    exits.NOT_CONFIRMED: _not_confirmed,
    exits.FOUND: _found,
    exits.NOT_YET: _not_yet,
    exits.INTERRUPTED: _interrupted,
}


@pytest.mark.parametrize("code", exits.MEANINGS)
def test_each_code_is_seen(shop: Shop, code: int) -> None:
    assert CASES[code](shop) == code


def test_the_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    from pulsapi_tui.cli.parser import parser

    text = parser().format_help()
    for code, meaning in exits.MEANINGS.items():
        assert f"  {code:<4} {meaning}" in text


@pytest.mark.parametrize(
    "command",
    [
        "keys create CI --to env:.env",
        "keys list",
        "keys revoke CI --yes",
        "keys rotate CI --to env:.env",
        "services",
        "check",
        "whoami",
    ],
)
def test_a_server_that_is_not_there_is_named_with_the_next_step(shop: Shop, command: str) -> None:
    nobody = "http://127.0.0.1:9"
    shop.url = nobody
    ran = shop.run(*command.split())
    assert (ran.code, ran.out) == (exits.UNREACHABLE, "")
    assert ran.said.startswith("pulsapi-tui: PulsAPI can't be reached: no connection")
    assert ran.said.endswith(f"The base URL is {nobody}. To check it: pulsapi-tui doctor")
    # What was given has to be given again.
    shop.url = "http://127.0.0.1:8"
    nobody = "https://127.0.0.1:9"
    options = ("--base-url", nobody, "--proxy", "http://127.0.0.1:7")
    ran = shop.run(*command.split(), *options)
    assert "The proxy http://127.0.0.1:7 can't be reached" in ran.said
    given = f"--base-url={nobody} --proxy=http://127.0.0.1:7"
    assert ran.said.endswith(f"The base URL is {nobody}. To check it: pulsapi-tui doctor {given}")
    nobody = "http://127.0.0.1:9"
    ran = shop.run(*command.split(), "--base-url", nobody)
    assert ran.said.endswith(f"{nobody}. To check it: pulsapi-tui doctor --base-url={nobody}")


@pytest.mark.parametrize("command", ["create", "rotate"])
def test_a_line_that_is_lost_in_the_middle_is_told_the_same_way(
    shop: Shop, server: Running, command: str
) -> None:
    shop.add_key("CI")
    # Signing in and the list come first.
    with cutting(server, from_on(3, Fault(Place.BEFORE, Way.RST))) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", command, "CI", "--to", "env:.env", "--yes")
    assert ran.code in {exits.UNREACHABLE, exits.NOT_KNOWN}
    assert f"The base URL is {proxy.base_url}. To check it: pulsapi-tui doctor" in ran.said
