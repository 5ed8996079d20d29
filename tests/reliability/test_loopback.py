"""The short form of `python -m tests.long loopback`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from pulsapi_tui.server.guard import Limits
from tests.long.loopback import Figures, hold_a_crowd, try_variants
from tests.long.loopback_crowd import Crowd
from tests.server.support import add_account, running

SEED = 20261125
Record = Callable[[str, object], None]


def test_nothing_that_a_page_could_send_enters_a_handler(
    tmp_path: Path, record_property: Record
) -> None:
    figures = Figures()
    try_variants(tmp_path, 600, SEED, figures)
    record_property("figure", str(figures))
    assert len(figures.refused) == 8
    assert figures.good


def test_a_crowd_of_half_open_connections_ends_and_locks_nobody_out(
    tmp_path: Path, record_property: Record
) -> None:
    figures = Figures()
    hold_a_crowd(tmp_path, SEED, figures)
    record_property("figure", str(figures))
    assert figures.served == 20


def test_clients_that_read_no_answer_lock_nobody_out(tmp_path: Path) -> None:
    """All connections that there may be wait for such a client."""
    limits = Limits(answer_deadline_s=1000, connections=3)
    with running(tmp_path / "test.sqlite", limits) as server:
        key = server.with_store(lambda store: add_account(store, "owner", keys=1000))[0]
        crowd = Crowd(server, key, limits, Random(SEED))  # noqa: S311 - choices
        try:
            crowd.gather_unread(3)
            with server.client(key.secret) as client:
                assert client.get("/v1/account").status_code == 200
        finally:
            crowd.leave()


def test_the_real_limits() -> None:
    """The checks have limits of their own."""
    assert Limits() == Limits(5.0, 10.0, 10.0, 256)
