"""The demo's child process: what it says, what its traffic does, and that it never stays behind."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.server.support import DEADLINE_S, Secret, read_line, start_demo, wait_until


class Demo:
    """A running demo and what its first line said."""

    def __init__(self, *options: str) -> None:
        self.process = start_demo(*options)
        ready = read_line(self.process)
        self.url = ready["base_url"]
        self.key = Secret(ready["key"])
        self.directory = Path(ready["directory"])

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=10)

    def end(self) -> None:
        """End it as the application does, so that its directory goes with it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def demo() -> Iterator[Demo]:
    demo = Demo()
    yield demo
    demo.end()


def started(*options: str) -> Iterator[Demo]:
    demo = Demo(*options)
    try:
        yield demo
    finally:
        demo.end()


def is_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    # A process that ended and was not waited for: its parent is gone as well.
    return Path(f"/proc/{process_id}/stat").read_text().split(") ")[1].startswith("Z")


def test_it_serves_when_it_says_so(demo: Demo) -> None:
    assert demo.url.startswith("http://127.0.0.1:")
    assert demo.directory.stat().st_mode & 0o777 == 0o700
    with demo.client() as client:
        page = client.get("/v1/api-keys").raise_for_status().json()
        account = client.get("/v1/account").json()
    assert (account["plan"], account["role"]) == ("pro", "owner")
    assert page["total"] == 12
    assert page["data"][0]["id"] == account["authenticated_key_id"]


@pytest.mark.parametrize(
    ("options", "total", "plan", "role"),
    [
        (("--keys", "40"), 40, "pro", "owner"),
        (("--keys", "1", "--plan", "enterprise", "--role", "admin"), 1, "enterprise", "admin"),
        (("--empty",), 0, "pro", "owner"),
        (("--plan", "free"), None, "free", "owner"),
        (("--role", "viewer"), None, "pro", "viewer"),
    ],
)
def test_its_options(options: tuple[str, ...], total: int | None, plan: str, role: str) -> None:
    for demo in started(*options):
        with demo.client() as client:
            account = client.get("/v1/account").raise_for_status().json()
            page = client.get("/v1/api-keys")
        assert (account["plan"], account["role"]) == (plan, role)
        assert page.json().get("total") == total


def test_its_traffic_moves_last_used_until_the_key_is_revoked(demo: Demo) -> None:
    with demo.client() as client:

        def pipeline() -> dict[str, str]:
            keys = client.get("/v1/api-keys").raise_for_status().json()["data"]
            return next(key for key in keys if key["name"] == "CI/CD Pipeline")

        first = pipeline()
        wait_until(lambda: pipeline()["last_used_at"] > first["last_used_at"])
        client.delete(f"/v1/api-keys/{first['id']}").raise_for_status()
    assert read_line(demo.process) == {
        "event": "traffic",
        "name": "CI/CD Pipeline",
        "status": 401,
    }


def test_it_ends_with_its_stdin(demo: Demo) -> None:
    assert demo.process.stdin is not None
    demo.process.stdin.close()
    assert demo.process.wait(DEADLINE_S) == 0
    assert not demo.directory.exists()
    assert demo.process.stderr is not None
    assert demo.process.stderr.read() == b""


def test_it_ends_with_its_stdin_while_its_loop_stands_still(demo: Demo) -> None:
    """A transaction of another program holds the loop up to a second; the end does not wait."""
    with demo.client() as client:
        client.get("/v1/account")
        database = sqlite3.connect(demo.directory / "demo.sqlite", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        assert demo.process.stdin is not None
        demo.process.stdin.close()
        assert demo.process.wait(DEADLINE_S) == 0
        database.close()
    assert not demo.directory.exists()


def test_it_ends_with_sigterm(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(DEADLINE_S) == 0
    assert not demo.directory.exists()


def test_it_leaves_ctrl_c_and_hang_up_to_its_parent(demo: Demo) -> None:
    with demo.client() as client:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
            demo.process.send_signal(number)
            assert client.get("/v1/account").status_code == 200
    assert demo.process.poll() is None


_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "pulsapi_tui.server.demo"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sys.stdout.write(f"{child.pid}\\n"); sys.stdout.flush()
sys.stdout.write(child.stdout.readline().decode()); sys.stdout.flush()
sys.stdin.readline()
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(_line(parent.stdout))
    directory = Path(_line(parent.stdout).decode().split('"directory":"')[1].split('"')[0])
    assert directory.exists()
    assert not is_gone(child)
    parent.kill()
    parent.communicate()
    wait_until(lambda: is_gone(child) and not directory.exists())


def test_no_key_is_in_its_arguments_or_environment(demo: Demo) -> None:
    for name in ("cmdline", "environ"):
        assert demo.key.encode() not in Path(f"/proc/{demo.process.pid}/{name}").read_bytes()


def test_a_hundred_thousand_keys_are_all_there() -> None:
    """How long that takes is a row of `python -m tests.bench`."""
    for demo in started("--keys", "100000"):
        with demo.client() as client:
            seen: set[str] = set()
            cursor: str | None = None
            while True:
                query = {"limit": "1000"} | ({"cursor": cursor} if cursor else {})
                page = client.get("/v1/api-keys", params=query).raise_for_status().json()
                seen.update(key["id"] for key in page["data"])
                cursor = page["next_cursor"]
                if cursor is None:
                    break
        assert len(seen) == page["total"] == 100_000


@pytest.mark.parametrize("options", [["--keys", "many"], ["--plan", "gold"], ["--unknown"]])
def test_a_bad_option_is_refused(options: list[str]) -> None:
    process = start_demo(*options)
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert b"Traceback" not in stderr


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline()
    assert line
    return line
