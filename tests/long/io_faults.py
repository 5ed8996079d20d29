"""Disks that fail, signals, full disks, several instances and clocks that jump.

Old or new, never torn; never acknowledged and lost; a sentence, and no traceback.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.long import io_clock, io_database, io_instances, io_signals, io_walk
from tests.long.reveal_kills import kill_often, served
from tests.server.support import add_account, running
from tests.unit.faults import fill, tiny_disk

WHOLE = 100
"""With so many times, every fault of every scenario happens; with less, that share in percent."""


def files(folder: Path, times: int, seed: int) -> str:
    """Each access to each of the program's files fails."""
    walked = io_walk.walk(folder, times / WHOLE, seed)
    assert not walked.wrong, "\n".join(walked.wrong)
    return str(walked)


def database(folder: Path, times: int, seed: int) -> str:
    """Each access of the server's database to its disk fails."""
    found = io_database.walk(folder, times / WHOLE, seed)
    assert not found.wrong, "\n".join(found.wrong)
    return str(found)


def commands(folder: Path, times: int, seed: int) -> str:
    """Commands get signals."""
    figures = io_signals.send_signals(folder, times, seed)
    assert not figures.wrong, "\n".join(figures.wrong)
    return str(figures)


def screens(folder: Path, times: int, seed: int) -> str:
    """The screens get the one signal that `reveal-kills` leaves out."""
    figures = kill_often(folder, [signal.SIGINT] * (times // 25), seed)
    assert not figures.unnamed, str(figures)
    return str(figures)


def instances(folder: Path, times: int, seed: int) -> str:
    """Several instances at the same files, killed."""
    return str(io_instances.run_together(folder, 10 * times, seed))


def clock(folder: Path, times: int, seed: int) -> str:
    """The clock jumps."""
    figures = io_clock.jump(folder, times, seed)
    assert not figures.wrong, "\n".join(figures.wrong)
    return str(figures)


def full_disk(folder: Path) -> str:
    """No room, for a command and for a server; then there is room again."""
    try:
        _command_without_room(folder)
        _server_without_room(folder)
    except pytest.skip.Exception as reason:
        return f"full disks: {reason}"
    return "full disks: a command made no key, a server went on once there was room"


def _command_without_room(folder: Path) -> None:
    with served(folder / "server") as account, tiny_disk(folder / "disk", "512k") as disk:
        user = io_signals.User(account, disk)
        fill(disk)
        done = user.run(0, 0, user.words_of("create", "full"))
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert user.live("full") == 0


def _server_without_room(folder: Path) -> None:
    with tiny_disk(folder / "small", "256k") as disk, running(disk / "db.sqlite") as server:
        keys = server.with_store(lambda store: add_account(store, "owner", keys=3))
        with server.client(keys[0].secret) as client:
            # A first use is written at once, so it needs room.
            client.get("/v1/account").raise_for_status()
            fill(disk)
            made = (client.post("/v1/api-keys", json={"name": "k"}) for _ in range(20))
            statuses = [answer.status_code for answer in made]
            assert set(statuses) <= {201, 503}
            assert statuses[-1] == 503
            total = client.get("/v1/api-keys").json()["total"]
            assert total == len(keys) + statuses.count(201)
            (disk / "fill").unlink()
            assert client.delete(f"/v1/api-keys/{keys[1].id}").status_code == 204
            assert client.post("/v1/api-keys", json={"name": "k"}).status_code == 201


def figure(folder: Path, times: int, seed: int) -> str:
    """All of it; a line for each part."""
    parts = (files, database, commands, screens, instances, clock)
    lines = []
    for part in parts:
        place = folder / part.__name__
        place.mkdir()
        began = time.monotonic()
        found = part(place, times, seed)
        lines.append(f"{found} ({time.monotonic() - began:.0f} s)")
    (folder / "full").mkdir()
    return "\n".join([*lines, full_disk(folder / "full"), f"seed {seed}"])
