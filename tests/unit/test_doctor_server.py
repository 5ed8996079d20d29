"""The server, by a real connection to one that answers as told."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pulsapi_tui.doctor import server
from pulsapi_tui.doctor.checks import Check, Place, Status
from pulsapi_tui.doctor.server import server_checks
from pulsapi_tui.domain.secret import Secret
from tests.contract.support import ACCOUNT, NOW, FakeClock, RawServer, cut, spellings, whole
from tests.unit.support import CANARY

KEY = Secret(CANARY)


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    async with RawServer().listening() as it:
        yield it


async def look(
    base_url: str | None, key: Secret | None = KEY, **environment: str
) -> dict[str, Check]:
    """The checks by their names."""
    place = Place(environment, "linux")
    return {check.name: check for check in await server_checks(place, base_url, key, FakeClock())}


def statuses(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.status.value for name, check in checks.items()}


async def test_a_key_that_is_accepted(raw_server: RawServer) -> None:
    raw_server.will(whole(200, ACCOUNT, f"Date: {format_datetime(NOW, usegmt=True)}"))
    checks = await look(raw_server.base_url)
    assert set(statuses(checks).values()) == {"ok"}
    assert checks["API key"].found == "Accepted: o@example.com, plan pro, role owner."
    assert raw_server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert len(raw_server.requests) == 1
    assert not any(check.mend for check in checks.values())


async def test_without_a_key_none_is_sent(raw_server: RawServer) -> None:
    raw_server.will(whole(401, {"code": "unauthorized"}))
    checks = await look(raw_server.base_url, None)
    assert statuses(checks) == {
        "address": "ok",
        "reachable": "ok",
        "API key": "skip",
        "clock": "skip",
    }
    assert "PULSAPI_API_KEY" in checks["API key"].mend
    assert "authorization" not in raw_server.requests[0].headers


async def test_another_kind_of_server_without_a_key(raw_server: RawServer) -> None:
    raw_server.will(whole(404, b"<html>"))
    assert (await look(raw_server.base_url, None))["reachable"].status is Status.WARN


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
        "address": "ok",
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
    checks = await look(raw_server.base_url, Secret(key))
    assert checks["API key"].status is Status.FAIL
    assert checks["reachable"].status is Status.OK
    assert "authorization" not in raw_server.requests[0].headers
    shown = repr(checks)
    assert not [spelling for spelling in spellings(CANARY) if spelling in shown]


async def test_a_key_that_can_t_be_sent_and_nobody_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        checks = await look(f"http://127.0.0.1:{closed.getsockname()[1]}", Secret(f"{CANARY}\n"))
    assert statuses(checks) == {
        "address": "ok",
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
        assert checks["address"].status is Status.FAIL
        assert source in checks["address"].found
        assert checks["address"].mend == "export PULSAPI_BASE_URL=https://api.pulsapi.com"
        assert {check.status for check in checks.values()} == {Status.FAIL, Status.SKIP}
        assert CANARY not in repr(checks)


async def test_the_option_comes_before_the_environment(raw_server: RawServer) -> None:
    raw_server.will(whole(401))
    checks = await look(raw_server.base_url, None, PULSAPI_BASE_URL="ftp://x")
    assert checks["address"].found == f"{raw_server.base_url} (--base-url)."
    checks = await look(None, None, PULSAPI_BASE_URL=raw_server.base_url)
    assert checks["address"].found == f"{raw_server.base_url} (PULSAPI_BASE_URL)."


def test_the_clock_of_the_tests_stands() -> None:
    assert datetime(2026, 11, 24, 12, 0, tzinfo=UTC) == NOW
