"""From an empty home to a connected account: by keys alone, and by commands in a script."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.server.support import finish, read_url, start_serve
from tests.terminal.conftest import Machine
from tests.terminal.processes import files_with, who_mentions
from tests.terminal.terminal import PROGRAM


class Served(NamedTuple):
    """A local PulsAPI, as `pulsapi-tui serve` makes it."""

    url: str
    key_file: Path

    @property
    def key(self) -> str:
        """The key of its owner."""
        return self.key_file.read_text().strip()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A local PulsAPI with an account of its own."""
    process = start_serve(tmp_path / "data")
    yield Served(read_url(process), tmp_path / "data" / "owner.key")
    process.terminate()
    finish(process)


def test_from_an_empty_home_by_keys_alone(machine: Machine, served: Served) -> None:
    terminal = machine.start()
    terminal.until("Welcome to PulsAPI's API keys", "Try the demo")
    terminal.press("enter")
    terminal.until("Connect to PulsAPI", "API key")
    terminal.paste(served.key)
    terminal.until("••••••")
    terminal.press("tab", "tab", "ctrl+u", served.url, "enter")
    terminal.until("It works: owner@localhost", "A file that only you can read")
    terminal.press("my-own", "enter")
    terminal.until("my-own", "Owner's key", "● live")
    assert served.key.encode() not in terminal.raw

    config = machine.home / ".config" / "pulsapi-tui"
    saved = tomllib.loads((config / "profiles.toml").read_text())
    assert saved["current"] == "my-own"
    assert saved["profiles"]["my-own"]["base_url"] == served.url
    assert files_with(served.key, machine.home) == [config / "credentials" / "my-own"]
    for path in (config, config / "credentials"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (config / "profiles.toml", config / "credentials" / "my-own"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not who_mentions(served.key)
    terminal.press("q")
    assert terminal.status() == 0

    # The next start opens it at once.
    again = machine.start()
    again.until("my-own", "Owner's key", "● live")


def test_a_key_that_is_refused_is_not_saved(machine: Machine, served: Served) -> None:
    terminal = machine.start(columns=60, lines=16)
    terminal.until("Welcome")
    terminal.press("enter")
    terminal.until("Connect to PulsAPI")
    terminal.paste("local_not-a-key-of-this-server")
    terminal.press("tab", "tab", "ctrl+u", served.url, "enter")
    terminal.until("✗", "kept as typed")
    terminal.press("escape")
    terminal.gone("Connect to PulsAPI")
    assert not (machine.home / ".config" / "pulsapi-tui" / "profiles.toml").exists()


SCRIPT = """
set -eu
pulsapi-tui profiles add mine --base-url "$URL" --key-from file <"$KEY_FILE"
pulsapi-tui profiles list
pulsapi-tui whoami
test "$(pulsapi-tui whoami --json | jq -r .account.plan)" = pro
pulsapi-tui keys create 'CI/CD Pipeline' --to "env:$HOME/ci.env"
grep -q '^PULSAPI_API_KEY=local_' "$HOME/ci.env"
old=$(pulsapi-tui keys list --json | jq -r '.data[] | select(.name == "CI/CD Pipeline") | .id')
pulsapi-tui keys show "$old"
pulsapi-tui keys rotate "$old" --to "env:$HOME/ci.env" --mode at-once --yes
! pulsapi-tui keys show "$old"
pulsapi-tui keys list --json | jq -r '.data[] | select(.name == "CI/CD Pipeline") | .id' |
    xargs pulsapi-tui keys revoke --yes
test "$(pulsapi-tui keys list --json | jq .total)" = 1
pulsapi-tui services
pulsapi-tui check
pulsapi-tui log
pulsapi-tui --profile mine profiles set mine --production
pulsapi-tui profiles remove mine --yes
"""


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_from_an_empty_home_by_commands(machine: Machine, served: Served) -> None:
    done = subprocess.run(
        ["sh", "-c", SCRIPT],
        env={
            **machine.environment(),
            "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}",
            "URL": served.url,
            "KEY_FILE": str(served.key_file),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "local_" not in said
    assert "Traceback" not in said
