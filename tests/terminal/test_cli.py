"""The command as a process: in pipelines, at a terminal, and killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.server.support import Secret, finish, read_url, start_serve
from tests.terminal.conftest import Machine
from tests.terminal.processes import PATIENCE_S, call, files_with
from tests.terminal.terminal import PROGRAM, Terminal

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


class Server(NamedTuple):
    """`pulsapi-tui serve`."""

    url: str
    owner_key: Secret

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def create(self, name: str) -> tuple[str, Secret]:
        """A key: its id and secret."""
        status, made = call(self.port, "POST", "/v1/api-keys", self.owner_key, {"name": name})
        assert status == 201
        return made["id"], Secret(made["key"])

    def status_of(self, secret: str) -> int:
        """What is answered to a key."""
        return call(self.port, "GET", "/v1/services", secret)[0]

    def ids_of(self, name: str) -> list[str]:
        """The keys of that name."""
        _, listed = call(self.port, "GET", "/v1/api-keys?limit=1000", self.owner_key)
        return [key["id"] for key in listed["data"] if key["name"] == name]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("serve")
    process = start_serve(directory)
    try:
        url = read_url(process)
        yield Server(url, Secret((directory / "owner.key").read_text().strip()))
    finally:
        process.terminate()
        finish(process)


class Shell:
    """A user's shell, whose environment says which account is meant."""

    def __init__(self, machine: Machine, server: Server) -> None:
        self.machine = machine
        self.variables = {
            "PULSAPI_BASE_URL": server.url,
            "PULSAPI_API_KEY": server.owner_key,
            "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}",
        }

    def run(self, script: str, **streams: int) -> subprocess.CompletedProcess[str]:
        """Run a script that fails where anything in it does."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=self.machine.environment(**self.variables),
            cwd=self.machine.home,
            stdin=subprocess.DEVNULL,
            stdout=streams.get("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def at_a_terminal(self, *argv: str, columns: int = 100) -> Terminal:
        """Run the program where a person sits."""
        return self.machine.start(*argv, columns=columns, lines=20, **self.variables)

    def recipe(self, script: str) -> None:
        """A program of the user's own, that keys can go to."""
        program = self.machine.home / "own-store"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        settings = self.machine.home / ".config/pulsapi-tui/config.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[[delivery.recipes]]\nid = "own"\nargv = ["{program}"]\n')
        settings.chmod(0o600)


@pytest.fixture
def shell(machine: Machine, server: Server) -> Shell:
    return Shell(machine, server)


@needs_jq
@pytest.mark.parametrize(
    "into", ["| xargs pulsapi-tui keys revoke --yes", "| pulsapi-tui keys revoke --yes -"]
)
def test_what_is_listed_is_revoked_in_one_pipeline(shell: Shell, server: Server, into: str) -> None:
    made = [server.create(f"sweep {number}") for number in range(3)]
    _, kept = server.create("kept")
    done = shell.run(f"pulsapi-tui keys list --filter sweep --json | jq -r '.data[].id' {into}")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(key_id in done.stdout for key_id, _ in made)
    assert [server.status_of(secret) for _, secret in made] == [401] * 3
    assert server.status_of(kept) == 200


@needs_jq
def test_a_script_creates_uses_rotates_and_revokes_a_key(shell: Shell, server: Server) -> None:
    done = shell.run(
        """
        pulsapi-tui whoami --json | jq -er .may_change
        old=$(pulsapi-tui keys create "Story" --to env:story.env)
        pulsapi-tui keys rotate "$old" --to env:story.env --json | jq -er .new.id > new.id
        code=0; pulsapi-tui keys rotate "$old" --finish || code=$?; [ $code = 10 ]
        pulsapi-tui keys rotate "$old" --finish --yes
        . ./story.env
        PULSAPI_API_KEY=$PULSAPI_API_KEY pulsapi-tui keys show "$(cat new.id)" --json | jq -er .id
        """
    )
    assert done.returncode == 0, done.stderr
    [new_id] = server.ids_of("Story")
    assert (shell.machine.home / "new.id").read_text().strip() == new_id


def test_killed_right_after_the_create_the_next_command_names_the_key(
    shell: Shell, server: Server
) -> None:
    shell.recipe('kill -9 "$PPID"; cat > "$HOME/never"')
    done = shell.run("pulsapi-tui keys create 'Killed once' --to own")
    assert done.returncode in {-9, 128 + 9}, "bash may have become the program itself"
    assert done.stdout == ""
    [key_id] = server.ids_of("Killed once")
    later = shell.run("pulsapi-tui check")
    assert later.returncode == 9
    assert "“Killed once” (…" in later.stderr
    assert f"pulsapi-tui keys revoke {key_id}" in later.stderr
    assert shell.run(f"pulsapi-tui keys revoke {key_id} --yes").returncode == 0
    assert shell.run("pulsapi-tui keys list").stderr == ""


def test_the_session_s_key_goes_to_no_child(shell: Shell, server: Server) -> None:
    shell.recipe('env > "$HOME/environment"; cat > "$HOME/key"')
    done = shell.run("pulsapi-tui keys create 'For a child' --to own")
    assert done.returncode == 0
    assert "PULSAPI_API_KEY" not in (shell.machine.home / "environment").read_text()
    secret = Secret((shell.machine.home / "key").read_text())
    assert server.status_of(secret) == 200
    (shell.machine.home / "key").unlink()
    for text in (secret, server.owner_key):
        assert files_with(text, shell.machine.home, shell.machine.scratch) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [("keys list", 0), ("keys list --json", 0), ("services", 0), ("whoami", 0), ("check", 0)],
)
def test_a_reader_that_went_away_and_a_full_disk(shell: Shell, command: str, code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    gone = shell.run(f"pulsapi-tui {command}", stdout=writer)
    os.close(writer)
    assert gone.returncode == code
    assert "pulsapi-tui: " not in gone.stderr
    if command == "check":
        return
    full = shell.run(f"pulsapi-tui {command} > /dev/full")
    assert full.returncode == 1
    assert "The output can't be written (No space left on device)." in full.stderr


def test_without_streams_it_does_what_it_was_asked_for(shell: Shell, server: Server) -> None:
    key_id, secret = server.create("No streams")
    done = shell.run(f"pulsapi-tui keys revoke {key_id} --yes <&- >&- 2>&-")
    assert done.returncode == 0
    assert server.status_of(secret) == 401
    refused = shell.run("pulsapi-tui keys create 'No reader' --reveal >&-")
    assert refused.returncode == 2
    assert server.ids_of("No reader") == []


def test_at_a_terminal_the_count_is_typed(shell: Shell, server: Server) -> None:
    made = [server.create("Typed") for _ in range(2)]
    terminal = shell.at_a_terminal("keys", "revoke", *(key_id for key_id, _ in made))
    terminal.until("Revoke these 2 keys, for good? To go on, type 2:")
    terminal.press("2", "enter")
    assert terminal.status() == 0
    assert [server.status_of(secret) for _, secret in made] == [401, 401]


@pytest.mark.parametrize(("leave", "code"), [("ctrl+c", 130), ("hang up", 129)])
def test_a_question_that_is_left_changes_nothing(
    shell: Shell, server: Server, leave: str, code: int
) -> None:
    key_id, secret = server.create("Asked for")
    terminal = shell.at_a_terminal("keys", "revoke", key_id)
    terminal.until("for good?")
    if leave == "hang up":
        terminal.hang_up()
    else:
        terminal.press(leave)
    assert terminal.status() == code
    assert "Traceback" not in terminal.text
    assert server.status_of(secret) == 200


def test_a_table_fits_the_terminal_and_keeps_its_ids(shell: Shell, server: Server) -> None:
    key_id, _ = server.create("A name that is much longer than there is room for on a line")
    terminal = shell.at_a_terminal("keys", "list", columns=80)
    terminal.until(key_id)
    assert terminal.status() == 0
    assert any(line.startswith("A name that") and line.endswith(key_id) for line in terminal.lines)


def test_the_screens_and_the_commands_share_their_rotations(shell: Shell, server: Server) -> None:
    server.create("Shared")
    assert shell.run("pulsapi-tui keys rotate Shared --to env:shared.env").returncode == 0
    terminal = shell.at_a_terminal(columns=120)
    terminal.until("Shared", "1 rotation under way")
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("tab", "enter")
    assert terminal.status() == 0
    status = shell.run("pulsapi-tui keys rotate Shared --status --json")
    assert json.loads(status.stdout)["step"] == "watch"
