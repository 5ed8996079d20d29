"""The create over a wire that fails: repeated only where that is safe, and never lost silently."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain import errors
from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.flows.create import (
    Created,
    CreateOutcome,
    NotCreated,
    Orphaned,
    Unresolved,
    create_key,
)
from tests.contract.conftest import MakeClient
from tests.contract.deadlines import Deadlines
from tests.contract.support import (
    KEY,
    MINTED,
    NOW,
    FakeClock,
    RawServer,
    Request,
    Script,
    Wire,
    account,
    bytes_of,
    cut,
    listed_key,
    minted,
    page,
    then_stall,
    whole,
)

ANSWER = bytes_of(201, json.dumps(minted()).encode(), "Content-Type: application/json")

ENDLESS = {"no answer": then_stall(b""), "half an answer": then_stall(ANSWER[:-5])}

FAILURES: dict[str, Script] = {
    "cut before the answer": cut(b""),
    "reset before the answer": cut(b"", rst=True),
    "cut in the answer": cut(ANSWER[:-5]),
    "reset in the answer": cut(ANSWER[:-5], rst=True),
    **ENDLESS,
    "500": whole(500),
    "503 with Retry-After": whole(503, None, "Retry-After: 1"),
    "502 from a proxy": whole(502, b"<html>bad gateway</html>"),
    "a redirect": whole(307, b"", "Location: /v1/elsewhere"),
    "no JSON": whole(201, b"<html>"),
    "no secret": whole(201, KEY),
    "a secret that no header carries": whole(201, minted(key=MINTED + "\x1b[2J")),
    "200 in place of 201": whole(200, minted()),
    "204 in place of 201": whole(204),
    "304": whole(304),
    "compressed": whole(201, b"x", "Content-Encoding: gzip"),
}


class Remote:
    """A server with keys: each POST makes one, or one per request id, and answers by a script."""

    def __init__(self, server: RawServer, *scripts: Script, makes: bool = True) -> None:
        self.server = server
        self.scripts = list(scripts)
        self.makes = makes
        self.keys: dict[str, dict[str, object]] = {}
        server.will(self._answer)

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.server.requests if request.method == "POST"]

    async def _answer(self, request: Request, wire: Wire) -> None:
        if request.method == "GET":
            await wire.send(bytes_of(200, json.dumps(page(*self.keys.values())).encode()))
            return
        if self.makes:
            self.keys[request.headers["idempotency-key"]] = KEY
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await script(request, wire)


class Bench:
    """One create, with the journal that it leaves."""

    def __init__(self, server: RawServer, make_client: MakeClient, path: Path) -> None:
        self.server = server
        self.path = path
        self.journal = JournalFile(path)
        self.clock = FakeClock()
        self._make_client = make_client

    async def create(self, *, repeatable: bool) -> CreateOutcome:
        async with asyncio.timeout(20):
            return await create_key(
                "CI",
                account=account(repeatable=repeatable),
                listed=KeyList([], NOW),
                service=self._make_client(),
                journal=self.journal,
                clock=self.clock,
            )

    @property
    def left(self) -> int:
        return len(self.journal.open_intents(self.server.base_url, "acct_1"))


def failing(failure: str, deadlines: Deadlines) -> Script:
    """The script of a failure; one that does not end is given up."""
    script = FAILURES[failure]
    return deadlines.within(script) if failure in ENDLESS else script


@pytest.fixture
def bench(raw_server: RawServer, make_client: MakeClient, tmp_path: Path) -> Bench:
    return Bench(raw_server, make_client, tmp_path / "journal.json")


@pytest.mark.parametrize("failure", FAILURES)
async def test_without_the_capability_a_create_is_sent_exactly_once(
    bench: Bench, raw_server: RawServer, deadlines: Deadlines, failure: str
) -> None:
    remote = Remote(raw_server, failing(failure, deadlines), whole(201, minted()))
    outcome = await bench.create(repeatable=False)
    assert len(remote.posts) == 1
    assert isinstance(outcome, Orphaned)
    assert outcome.orphan == listed_key()
    assert bench.left == 1


@pytest.mark.parametrize("failure", FAILURES)
async def test_with_the_capability_it_is_repeated_as_the_same_request(
    bench: Bench, raw_server: RawServer, deadlines: Deadlines, failure: str
) -> None:
    script = failing(failure, deadlines)
    remote = Remote(raw_server, script, script, whole(201, minted()))
    outcome = await bench.create(repeatable=True)
    assert isinstance(outcome, Created)
    assert outcome.created.secret.reveal() == MINTED
    assert len({request.headers["idempotency-key"] for request in remote.posts}) == 1
    assert [request.headers["idempotency-attempt"] for request in remote.posts] == ["1", "2", "3"]
    assert [json.loads(request.body) for request in remote.posts] == [{"name": "CI"}] * 3
    assert len(remote.keys) == 1
    assert bench.left == 1


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("status", [401, 402, 403, 409, 422, 429])
async def test_a_no_makes_nothing_and_leaves_nothing(
    bench: Bench, raw_server: RawServer, status: int, repeatable: bool
) -> None:
    remote = Remote(raw_server, whole(status), makes=False)
    outcome = await bench.create(repeatable=repeatable)
    assert isinstance(outcome, NotCreated)
    assert len(remote.posts) == 1
    assert bench.left == 0


async def test_without_a_server_nothing_is_sent_and_nothing_is_left(
    make_client: MakeClient, tmp_path: Path
) -> None:
    async with RawServer().listening() as gone:
        base_url = gone.base_url
    journal = JournalFile(tmp_path / "journal.json")
    outcome = await create_key(
        "CI",
        account=account(repeatable=True),
        listed=KeyList([], NOW),
        service=make_client(base_url),
        journal=journal,
        clock=FakeClock(),
    )
    assert isinstance(outcome, NotCreated)
    assert isinstance(outcome.error, errors.ConnectError)
    assert journal.open_intents(base_url, "acct_1") == ()


@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
async def test_an_answer_cut_at_any_byte_names_the_orphan(
    raw_server: RawServer, make_client: MakeClient, tmp_path: Path, rst: bool
) -> None:
    for kept in range(len(ANSWER)):
        bench = Bench(raw_server, make_client, tmp_path / f"{kept}.json")
        remote = Remote(raw_server, cut(ANSWER[:kept], rst=rst))
        outcome = await bench.create(repeatable=False)
        assert isinstance(outcome, Orphaned), kept
        assert outcome.orphan.id == "key_1"
        assert bench.left == 1
        assert len(remote.keys) == 1


async def test_a_lost_answer_whose_list_is_lost_too_is_unresolved(
    bench: Bench, raw_server: RawServer
) -> None:
    raw_server.will(cut(ANSWER[:-1]))
    outcome = await bench.create(repeatable=False)
    assert isinstance(outcome, Unresolved)
    assert [request.method for request in raw_server.requests] == ["POST", "GET", "GET", "GET"]
    assert bench.left == 1


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_request_that_was_lost_on_its_way_is_unresolved(
    bench: Bench, raw_server: RawServer, repeatable: bool
) -> None:
    Remote(raw_server, cut(b""), makes=False)
    assert isinstance(await bench.create(repeatable=repeatable), Unresolved)
    assert bench.left == 1


async def test_the_journal_on_disk_never_holds_the_secret(
    bench: Bench, raw_server: RawServer
) -> None:
    Remote(raw_server, whole(201, minted()))
    assert isinstance(await bench.create(repeatable=False), Created)
    assert bench.left == 1
    assert MINTED.encode() not in bench.path.read_bytes()
