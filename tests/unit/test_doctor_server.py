"""The account and the server, by a real connection to one that answers as told."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.config.paths import credentials_directory, profiles_path
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.doctor import server
from pulsapi_tui.doctor.account import account_meant
from pulsapi_tui.doctor.checks import Check, Place, Status
from pulsapi_tui.doctor.server import server_checks
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Network, Profile
from pulsapi_tui.wiring.access import Asked
from tests.contract.support import ACCOUNT, NOW, FakeClock, RawServer, cut, spellings, whole
from tests.unit.support import CANARY

OF_THE_PROFILE = "local_KeyOfTheProfileItself0123456789abcdef"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no profile."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    async with RawServer().listening() as it:
        yield it


async def look(
    base_url: str | None,
    key: str = CANARY,
    *,
    profile: str | None = None,
    network: Network | None = None,
    read_only: bool = False,
    **environment: str,
) -> dict[str, Check]:
    """The checks by their names."""
    place = Place(environment, "linux")
    asked = Asked.of(
        key, environment, profile=profile, base_url=base_url, network=network, read_only=read_only
    )
    credentials = StoredCredentials(credentials_directory(), os.environ)
    meant = await account_meant(place, asked, ProfilesFile(profiles_path()), credentials)
    return {check.name: check for check in await server_checks(place, meant, FakeClock())}


def saved(base_url: str, *argv: str, network: Network | None = None, **fields: object) -> Profile:
    """A current profile, the key of which a command prints."""
    source = CredentialSource(Kept.COMMAND, argv or ("printf", "%s", OF_THE_PROFILE))
    profile = Profile(name="prod", base_url=base_url, source=source, network=network or Network())
    for name, value in fields.items():
        profile = msgspec.structs.replace(profile, **{name: value})
    ProfilesFile(profiles_path()).put(profile, make_current=True)
    return profile


def statuses(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.status.value for name, check in checks.items()}


async def test_a_key_that_is_accepted(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT, f"Date: {format_datetime(NOW, usegmt=True)}"))
    checks = await look(raw_server.base_url)
    assert set(statuses(checks).values()) == {"ok"}
    assert checks["API key"].found == "Accepted: o@example.com, plan pro, role owner."
    assert "that of PULSAPI_API_KEY" in checks["profile"].found
    assert raw_server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert len(raw_server.requests) == 1
    assert not any(check.mend for check in checks.values())


async def test_without_a_key_none_is_sent(raw_server: RawServer) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    checks = await look(raw_server.base_url, "")
    assert statuses(checks) == {
        "profile": "skip",
        "base URL": "ok",
        "reachable": "ok",
        "API key": "skip",
        "clock": "skip",
    }
    assert "PULSAPI_API_KEY" in checks["API key"].mend
    assert "authorization" not in raw_server.requests[0].headers


async def test_another_kind_of_server_without_a_key(raw_server: RawServer) -> None:
    raw_server.will(whole(404, b"<html>"))
    assert (await look(raw_server.base_url, ""))["reachable"].status is Status.WARN


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"code": "unauthorized"}, "does not accept this key"),
        (401, b"<html>", "does not accept this key"),
        (200, b"<html>", "not what PulsAPI documents"),
        (204, None, "means nothing here"),
        (404, b"", "no PulsAPI at this address"),
        (418, b"", "refused the request"),
        (429, b"", "too many requests"),
        (500, b"", "a problem of its own"),
    ],
)
async def test_an_answer_is_reachable_whatever_it_says(
    raw_server: RawServer, status: int, body: object, said: str
) -> None:
    raw_server.will(whole(status, body))
    checks = await look(raw_server.base_url)
    assert checks["reachable"].status is Status.OK
    assert checks["API key"].status is Status.FAIL
    assert said in checks["API key"].found
    assert checks["API key"].mend
    assert len(raw_server.requests) == 1, "asked once"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"plan": "free"}, "Pro feature"), ({"role": "member"}, "owner or an admin")],
)
async def test_an_account_that_can_t_have_keys(
    raw_server: RawServer, change: dict[str, object], said: str
) -> None:
    raw_server.will(whole(200, {**ACCOUNT, **change}))
    check = (await look(raw_server.base_url))["API key"]
    assert (check.status, said in check.found) == (Status.WARN, True)


@pytest.mark.parametrize(
    ("behind", "status", "said"),
    [
        (timedelta(seconds=59), Status.OK, "Within 60 s"),
        (timedelta(seconds=-59), Status.OK, "Within 60 s"),
        (timedelta(minutes=2, seconds=3), Status.WARN, "0:02:03 (h:mm:ss) behind"),
        (timedelta(hours=-5), Status.WARN, "5:00:00 (h:mm:ss) ahead of"),
    ],
)
async def test_the_clock(
    raw_server: RawServer, behind: timedelta, status: Status, said: str
) -> None:
    date = format_datetime(NOW + behind, usegmt=True)
    raw_server.will(whole(200, ACCOUNT, f"Date: {date}"))
    check = (await look(raw_server.base_url))["clock"]
    assert (check.status, said in check.found) == (status, True), check
    assert check.mend == ("timedatectl set-ntp true" if status is Status.WARN else "")


@pytest.mark.parametrize("date", ["yesterday", "", "99 Foo 2026 99:99:99 GMT"])
async def test_a_date_that_is_none(raw_server: RawServer, date: str) -> None:
    raw_server.will(whole(200, ACCOUNT, f"Date: {date}"))
    assert (await look(raw_server.base_url))["clock"].status is Status.SKIP


async def test_nobody_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        checks = await look(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert statuses(checks) == {
        "profile": "ok",
        "base URL": "ok",
        "reachable": "fail",
        "API key": "skip",
        "clock": "skip",
    }
    assert checks["reachable"].mend == "pulsapi-tui serve"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (whole(302, None, "Location: https://elsewhere.example/"), "redirect"),
        (whole(200, b"x", "Content-Encoding: gzip"), "compressed"),
        (cut(b"HTTP/1.1 200 OK\r\nContent-Le"), "cut"),
    ],
)
async def test_no_answer_that_may_be_read(raw_server: RawServer, script: object, said: str) -> None:
    raw_server.scripts = [script]  # type: ignore[list-item]
    check = (await look(raw_server.base_url))["reachable"]
    assert (check.status, said in check.found) == (Status.FAIL, True), check


async def test_a_server_that_never_answers(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stall(request: object, wire: object) -> None:
        await wire.stall()  # type: ignore[attr-defined]

    raw_server.will(stall)
    assert server.DEADLINE_S == 5
    monkeypatch.setattr(server, "DEADLINE_S", 0.05)
    check = (await look(raw_server.base_url))["reachable"]
    assert (check.status, "did not answer" in check.found) == (Status.FAIL, True)


@pytest.mark.parametrize("key", [f"{CANARY}\n", f"{CANARY} {CANARY}", f"{CANARY}é"])
async def test_a_key_that_can_t_be_sent_is_not(raw_server: RawServer, key: str) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    checks = await look(raw_server.base_url, key)
    assert checks["API key"].status is Status.FAIL
    assert checks["reachable"].status is Status.OK
    assert "authorization" not in raw_server.requests[0].headers
    shown = repr(checks)
    assert not [spelling for spelling in spellings(CANARY) if spelling in shown]


async def test_a_key_that_can_t_be_sent_and_nobody_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        checks = await look(f"http://127.0.0.1:{closed.getsockname()[1]}", f"{CANARY}\n")
    assert statuses(checks) == {
        "profile": "ok",
        "base URL": "ok",
        "reachable": "fail",
        "API key": "fail",
        "clock": "skip",
    }


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://192.0.2.7", CANARY, f"https://u:{CANARY}@x.example"]
)
async def test_an_address_that_is_none(url: str) -> None:
    by_option, by_environment = await look(url), await look(None, PULSAPI_BASE_URL=url)
    for checks, source in ((by_option, "--base-url"), (by_environment, "PULSAPI_BASE_URL")):
        assert checks["base URL"].status is Status.FAIL
        assert source in checks["base URL"].found
        assert checks["base URL"].mend == "export PULSAPI_BASE_URL=https://api.pulsapi.com"
        assert {check.status for check in checks.values()} == {Status.FAIL, Status.SKIP}
        assert CANARY not in repr(checks)


async def test_the_option_comes_before_the_environment(raw_server: RawServer) -> None:
    raw_server.will(whole(401))
    checks = await look(raw_server.base_url, "", PULSAPI_BASE_URL="ftp://x")
    assert checks["base URL"].found == f"{raw_server.base_url} (--base-url)."
    checks = await look(None, "", PULSAPI_BASE_URL=raw_server.base_url)
    assert checks["base URL"].found == f"{raw_server.base_url} (PULSAPI_BASE_URL)."


async def test_the_account_is_the_one_of_the_profile(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT))
    profile = saved(raw_server.base_url, production=True, read_only=True)
    checks = await look(None, "")
    assert checks["profile"].found == (
        "“prod”, the current one, production, read-only. The key comes from "
        f"{profile.source.words}."
    )
    assert checks["base URL"].found == f"{raw_server.base_url} (the profile's)."
    assert checks["API key"].status is Status.OK
    assert raw_server.requests[0].headers["authorization"] == f"Bearer {OF_THE_PROFILE}"


async def test_the_variable_goes_before_the_source_of_a_profile(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT))
    saved(raw_server.base_url)
    for by in ({"profile": "prod"}, {"PULSAPI_PROFILE": "prod"}):
        checks = await look(None, **by)  # type: ignore[arg-type]
        assert (
            "“prod”, as asked for. The key comes from PULSAPI_API_KEY." in checks["profile"].found
        )
    sent = {request.headers["authorization"] for request in raw_server.requests}
    assert sent == {f"Bearer {CANARY}"}


@pytest.mark.parametrize("argv", [["false"], ["/nonexistent/pass", "show"], ["printf", "a b"]])
async def test_a_source_that_fails_is_not_replaced(raw_server: RawServer, argv: list[str]) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    saved(raw_server.base_url, *argv)
    checks = await look(None, "")
    assert checks["API key"].status is Status.FAIL
    assert checks["API key"].mend.endswith("> /dev/null")
    assert checks["reachable"].status is Status.OK
    assert [request.headers.get("authorization") for request in raw_server.requests] == [None]


@pytest.mark.parametrize(
    ("kept", "mend"),
    [
        (Kept.FILE, "pulsapi-tui profiles set-key prod"),
        (Kept.ENVIRONMENT, "read -rs PULSAPI_API_KEY"),
    ],
)
async def test_a_place_that_holds_no_key(raw_server: RawServer, kept: Kept, mend: str) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    source = StoredCredentials(credentials_directory(), os.environ).source(kept, "prod")
    saved(raw_server.base_url, source=source)
    checks = await look(None, "")
    assert checks["API key"].status is Status.FAIL
    assert checks["API key"].mend.startswith(mend)
    assert "authorization" not in raw_server.requests[0].headers


async def test_a_key_of_the_environment_that_is_refused_is_named(raw_server: RawServer) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    check = (await look(raw_server.base_url))["API key"]
    assert "It comes from PULSAPI_API_KEY." in check.found
    assert check.mend.startswith("read -rs PULSAPI_API_KEY")
    saved(raw_server.base_url)
    raw_server.will(whole(401, {"code": "unauthorized"}))
    check = (await look(None, PULSAPI_BASE_URL=raw_server.base_url))["API key"]
    assert "Without that, the profile “prod” has a key of its own:" in check.found
    assert check.mend == "unset PULSAPI_API_KEY"


async def test_a_profile_s_address_that_can_t_be_used() -> None:
    saved("http://pulsapi.test")
    check = (await look(None, ""))["base URL"]
    assert (check.status, "in the clear" in check.found) == (Status.FAIL, True)
    assert check.found.endswith("(the profile's)")
    assert check.mend == f"${{EDITOR:-vi}} {profiles_path()}"


async def test_a_key_of_another_account_than_the_profile_s(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT))
    saved(raw_server.base_url, account_id="acct_2")
    check = (await look(None, ""))["API key"]
    assert (check.status, "another account (o@example.com)" in check.found) == (Status.FAIL, True)
    assert check.mend == "pulsapi-tui profiles set-key prod"


@pytest.mark.parametrize(
    ("asked", "said", "mend"),
    [
        ({"profile": "prd"}, "did you mean “prod”?", "pulsapi-tui profiles list"),
        ({"PULSAPI_PROFILE": "prd"}, "did you mean “prod”?", "pulsapi-tui profiles list"),
        ({"PULSAPI_BASE_URL": "https://x.test"}, "another server", "unset PULSAPI_BASE_URL"),
    ],
)
async def test_a_profile_that_can_t_be_used(
    raw_server: RawServer, asked: dict[str, str], said: str, mend: str
) -> None:
    saved(raw_server.base_url)
    checks = await look(None, "", **asked)  # type: ignore[arg-type]
    assert (checks["profile"].status, checks["profile"].mend) == (Status.FAIL, mend)
    assert said in checks["profile"].found
    others = [check.status for name, check in checks.items() if name != "profile"]
    assert set(others) == {Status.SKIP}
    assert raw_server.connections == 0


async def test_profiles_that_can_t_be_read(home: Path) -> None:
    profiles_path().parent.mkdir(parents=True)
    profiles_path().write_text("nonsense")
    check = (await look(None, ""))["profile"]
    assert (check.status, check.mend) == (Status.FAIL, f"${{EDITOR:-vi}} {profiles_path()}")


@pytest.mark.parametrize(
    ("network", "name", "said"),
    [
        (Network(ca_file="/nonexistent/ca.pem"), "CA file", "no such file"),
        (Network(proxy="http://u:p@proxy.test:1"), "proxy", "must not hold a user name"),
        (Network(proxy="socks5://proxy.test:1"), "proxy", "must be like"),
    ],
)
@pytest.mark.parametrize("by_option", [True, False])
async def test_a_way_that_can_t_be_gone(
    network: Network, name: str, said: str, *, by_option: bool
) -> None:
    if by_option:
        checks = await look("https://127.0.0.1:9", network=network)
    else:
        saved("https://127.0.0.1:9", network=network)
        checks = await look(None, "")
    assert checks[name].status is Status.FAIL
    assert said in checks[name].found
    option = "--ca-file" if name == "CA file" else "--proxy"
    set_it = f"pulsapi-tui profiles set prod {option} ''"
    assert checks[name].mend == (f"leave out {option}" if by_option else set_it)
    assert checks["reachable"].status is Status.SKIP


async def test_a_proxy_is_shown_and_none_comes_from_the_environment() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        used = await look("https://pulsapi.test", network=Network(proxy=proxy))
        assert used["proxy"].found == f"{proxy} is used."
        assert f"The proxy {proxy} can't be reached" in used["reachable"].found
        assert used["reachable"].mend == f"curl -v --proxy {proxy} https://pulsapi.test/v1/account"
        unused = await look("https://127.0.0.1:9", HTTPS_PROXY=f"http://u:{CANARY}@127.0.0.1:1")
        assert unused["proxy"].found.startswith("None. HTTPS_PROXY is not used")
        assert CANARY not in repr(unused)


async def test_who_is_trusted_is_shown(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca_file)
    checks = await look(
        "https://127.0.0.1:9", network=Network(ca_file=str(ca_file)), SSL_CERT_FILE="/x"
    )
    assert checks["CA file"].found == f"{ca_file} is trusted besides the system's store."
    assert checks["certificates"].found.startswith("SSL_CERT_FILE says whom to trust")


def test_the_clock_of_the_tests_stands() -> None:
    assert datetime(2026, 11, 24, 12, 0, tzinfo=UTC) == NOW
