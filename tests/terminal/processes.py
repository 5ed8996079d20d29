"""What /proc says about the processes that a test started."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_S = 20.0
_LISTENING = "0A"
_PROC = Path("/proc")


def eventually(condition: Callable[[], Any], what: str) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


def _pids() -> Iterator[int]:
    yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent."""
    with suppress(OSError):
        # The name before them may hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    return None


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked about does not."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def children_of(parent: int) -> list[int]:
    """The processes that a process started."""
    return [pid for pid in _pids() if (stat := _stat(pid)) is not None and stat[1] == parent]


def descendants_of(parent: int) -> list[int]:
    """Those, and the ones that they started."""
    found = children_of(parent)
    for child in found:
        found += children_of(child)
    return found


def command_line(pid: int) -> list[str]:
    """The arguments of a process."""
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    return []


def environment(pid: int) -> str:
    """The environment that a process was started with; empty where it may not be read."""
    with suppress(OSError):
        return (_PROC / str(pid) / "environ").read_text(errors="replace")
    return ""


def child_running(parent: int, argument: str) -> int:
    """The child that was started with an argument; waits for it."""

    def found() -> list[int]:
        return [pid for pid in descendants_of(parent) if argument in command_line(pid)]

    eventually(found, f"a child of {parent} with {argument}")
    return found()[0]


def listening_port(pid: int) -> int:
    """The port that a process listens on; waits for it."""
    eventually(lambda: _ports(pid), f"process {pid} listens")
    return _ports(pid)[0]


def _ports(pid: int) -> list[int]:
    sockets = set()
    with suppress(OSError):
        for handle in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                sockets.add(os.readlink(handle))
    ports = []
    with suppress(OSError):
        for line in (_PROC / str(pid) / "net" / "tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and f"socket:[{fields[9]}]" in sockets:
                ports.append(int(fields[1].split(":")[1], 16))
    return ports


def who_mentions(secret: str) -> list[str]:
    """The processes with a text in their arguments or their environment."""
    return [
        f"{pid} {command_line(pid)}"
        for pid in _pids()
        if secret in "\0".join(command_line(pid)) or secret in environment(pid)
    ]


def files_with(secret: str, *folders: Path) -> list[Path]:
    """The files under some folders that hold a text."""
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes()
    ]


def end(pid: int) -> None:
    """Kill a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def call(
    port: int, method: str, path: str, key: str, body: dict[str, str] | None = None
) -> tuple[int, Any]:
    """One HTTP call with a key, as any other program would make it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()
