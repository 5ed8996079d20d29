"""`pulsapi-tui serve`: the local server in the foreground, on data that stay."""

import asyncio
import fcntl
import os
import shlex
import signal
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

from pulsapi_tui.server.auth import digest_of, is_well_formed, mint_key
from pulsapi_tui.server.creates import new_key_id
from pulsapi_tui.server.listen import ListenError, base_url, make_server, open_socket, run_server
from pulsapi_tui.server.rows import AccountRow, KeyRow
from pulsapi_tui.server.store import Store, StoreUnavailableError

KEY_FILE = "owner.key"
DATABASE_FILE = "pulsapi.sqlite"
LOCK_FILE = "lock"

_STOP = "Stop it with ctrl+c."


def serve(host: str, port: int, data_dir: Path) -> int:
    """Serve until SIGINT or SIGTERM; the exit code is 0 then.

    The first start makes an account on the Pro plan and its owner's key, which goes into a file of
    mode 0600 and is never printed. What can't be done is one line on stderr, with exit code 2 where
    `host` or `port` can't be meant and 1 for everything else.
    """
    try:
        with open_socket(host, port) as listener:
            return _serve_on(listener, data_dir)
    except ListenError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        return _fail(f"can't use {data_dir}: {error.strerror or 'it is not usable'}", 1)
    except StoreUnavailableError as error:
        return _fail(f"can't use the database in {data_dir}: {error}", 1)


def _serve_on(listener: socket.socket, data_dir: Path) -> int:
    make_data_directory(data_dir)
    with _open_lock(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _fail(
                f"another server is running on {data_dir}. Choose another folder: --data DIR", 1
            )
        key_file = data_dir / KEY_FILE
        with closing(Store(data_dir / DATABASE_FILE)) as store:
            is_new = _prepare_account(store, key_file)
            url = base_url(listener)
            works = _works(store, key_file)
            greeting = (
                _greeting(url, key_file, is_new) if works else _greeting_without_key(url, key_file)
            )
            asyncio.run(_run(store, listener, greeting))
    return 0


def make_data_directory(data_dir: Path) -> None:
    """Make the directory where there is none, so that a power cut does not take it away again."""
    new = [each for each in (data_dir, *data_dir.parents) if not each.exists()]
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in new:
        # One may be allowed to make something in a directory, and not to open it.
        with suppress(PermissionError):
            _sync_directory(each.parent)


def _open_lock(data_dir: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    return os.fdopen(os.open(data_dir / LOCK_FILE, flags, 0o600), "wb")


async def _run(store: Store, listener: socket.socket, greeting: str) -> None:
    server = make_server(
        store,
        listener,
        on_started=lambda: _print(greeting),
        report=lambda line: _print(line, to_stderr=True),
    )

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await run_server(server, store, listener)


def _prepare_account(store: Store, key_file: Path) -> bool:
    """Make the account and its owner's key where there is none yet; True where it was made.

    The file is on the disk before the account is: a start that was cut in between is made again,
    with another key, and never leaves an account whose key nobody has.
    """
    with store.writing() as transaction:
        if transaction.has_account():
            return False
        minted = mint_key()
        _write_key_file(key_file, minted.secret)
        account = AccountRow(
            id="acc_local",
            email="owner@localhost",
            display_name="Local owner",
            timezone="UTC",
            plan="pro",
            role="owner",
        )
        transaction.add_account(account)
        key = KeyRow(
            id=new_key_id(),
            account_id=account.id,
            digest=minted.digest,
            name="Owner's key",
            hint=minted.hint,
            created_at=store.now_ms(),
        )
        transaction.add_keys([key])
    return True


def _works(store: Store, key_file: Path) -> bool:
    """Whether the key in that file is the account's still: it may have been rotated or revoked."""
    try:
        secret = key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return False
    return is_well_formed(secret) and store.authenticate(digest_of(secret)) is not None


def _write_key_file(path: Path, secret: str) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
    # O_EXCL and O_NOFOLLOW: never into a file or through a link that somebody else put there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _greeting(url: str, key_file: Path, is_new: bool) -> str:
    path = key_file.absolute()
    made = "Made an account and its owner's key, which is in" if is_new else "The owner's key is in"
    return (
        f"PulsAPI (local) listens on {url}\n"
        f"{made} {path}\n\n"
        f"  export PULSAPI_BASE_URL={url}\n"
        f'  export PULSAPI_API_KEY="$(cat {shlex.quote(str(path))})"\n\n'
        "Or start pulsapi-tui and choose Connect: the key is what that file holds, the base URL is "
        f"the address above.\n\n{_STOP}"
    )


def _greeting_without_key(url: str, key_file: Path) -> str:
    return (
        f"PulsAPI (local) listens on {url}\n"
        f"The owner's key that was made at the first start does not work any more, or is not in "
        f"{key_file.absolute()}: it was rotated, revoked or moved.\n\n"
        f"  export PULSAPI_BASE_URL={url}\n\n"
        "Connect with a key that you have. If you have none, start on another folder, which makes "
        f"an account with a key: pulsapi-tui serve --data DIR\n\n{_STOP}"
    )


def _print(text: str, to_stderr: bool = False) -> None:
    # A reader that went away (`serve | head -1`) is no reason to stop serving.
    with suppress(BrokenPipeError):
        stream = sys.stderr if to_stderr else sys.stdout
        stream.write(f"{text}\n")
        stream.flush()


def _fail(message: str, exit_code: int) -> int:
    _print(f"pulsapi-tui serve: {message}", to_stderr=True)
    return exit_code
