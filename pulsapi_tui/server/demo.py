"""The demo's server as a child process: `python -m pulsapi_tui.server.demo`.

To its parent it says one JSON object a line on stdout. The first comes once it accepts connections:
`{"base_url", "key", "directory", "env_file"}`; later ones are `{"event": "traffic", "name",
"status"}`, and `{"event": "reload", "name"}` where an integration's env file had another key. Its
stdin is its life line: at its end (the parent closed it, crashed or was killed) the database is
removed and the process ends at once, whatever the event loop does just then.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, get_args

import msgspec

from pulsapi_tui.server.listen import base_url, make_server, open_socket, run_server
from pulsapi_tui.server.seed import DEFAULT_KEYS, DemoSecrets, seed_demo
from pulsapi_tui.server.store import Store
from pulsapi_tui.server.traffic import RELOADS_EVERY_S, run_traffic, write_env_file
from pulsapi_tui.server.wire import Plan, Role


def main(argv: list[str] | None = None) -> NoReturn:
    """Run until stdin ends or SIGTERM comes; the exit code is 0 then."""
    options = _parse(argv)
    directory = tempfile.mkdtemp(prefix="pulsapi-demo-")
    # The terminal's ctrl+c and hang-up reach the whole group; the parent decides what they mean.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end(directory))
    threading.Thread(target=_end_with_stdin, args=(directory,), daemon=True).start()
    try:
        asyncio.run(_serve(options, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1)


async def _serve(options: argparse.Namespace, directory: str) -> None:
    store = Store(Path(directory) / "demo.sqlite")
    secrets = seed_demo(
        store,
        datetime.now(UTC),
        options.keys,
        options.plan,
        options.role,
        options.empty,
        directory=Path(directory),
    )
    env_file = ""
    for each in secrets.integrations:
        if each.env_file is not None:
            write_env_file(each.env_file, each.name, each.secret)
            env_file = str(each.env_file)
    listener = open_socket("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    traffic: list[asyncio.Task[None]] = []

    def on_started() -> None:
        _say(
            directory,
            base_url=base_url(listener),
            key=secrets.session_key,
            directory=directory,
            env_file=env_file,
        )
        traffic.append(asyncio.create_task(_call(directory, port, secrets, options.reloads_every)))

    await run_server(make_server(store, listener, on_started), store, listener)


async def _call(directory: str, port: int, secrets: DemoSecrets, reloads_every_s: float) -> None:
    def on_status(name: str, status: int) -> None:
        _say(directory, event="traffic", name=name, status=status)

    def on_reload(name: str) -> None:
        _say(directory, event="reload", name=name)

    await run_traffic(port, secrets.integrations, on_status, on_reload, reloads_every_s)


def _say(directory: str, /, **values: str | int) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(values) + b"\n")
        sys.stdout.buffer.flush()
    except OSError:
        _end(directory)


def _end_with_stdin(directory: str) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    _end(directory)


def _end(directory: str) -> NoReturn:
    # Nothing in it is worth a checkpoint: the database is removed under the running server, which
    # may make a file meanwhile, so twice; then the process ends without waiting for anything.
    for _ in range(2):
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pulsapi_tui.server.demo", allow_abbrev=False)
    parser.add_argument("--keys", type=int, default=DEFAULT_KEYS)
    parser.add_argument("--plan", choices=get_args(Plan), default="pro")
    parser.add_argument("--role", choices=get_args(Role), default="owner")
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--reloads-every", type=float, default=RELOADS_EVERY_S)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
