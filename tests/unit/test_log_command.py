"""`pulsapi-tui log`: a table for people, lines for programs, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pulsapi_tui.config.action_log import ActionLogFile
from pulsapi_tui.domain.actions import Action

SUMMER = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> ActionLogFile:
    return ActionLogFile(tmp_path / "pulsapi-tui" / "actions.jsonl")


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with its state in `tmp_path`."""
    return subprocess.run(
        [sys.executable, "-m", "pulsapi_tui", "log", *arguments],
        env={
            **os.environ,
            "XDG_STATE_HOME": str(tmp_path),
            "TZ": "Europe/Berlin",
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def fill(log: ActionLogFile) -> None:
    """Three actions, in summer and in winter."""
    for number, (name, action, outcome) in enumerate(
        (
            ("Deploy bot", "create", "created"),
            ("鍵 名 🔑", "revoke", "already gone"),
            ("e\u0301tude", "revoke", "not known"),
        )
    ):
        log.append(
            Action(
                at=SUMMER + timedelta(days=100 * number),
                who="o@example.com (acct)",
                profile="demo",
                origin="https://api.pulsapi.com",
                action=action,
                key_id=f"key_{number}" if number else "",
                key_name=name,
                hint="wxyz",
                outcome=outcome,
            )
        )


def test_a_table_with_the_local_time_and_its_zone(log: ActionLogFile, tmp_path: Path) -> None:
    fill(log)
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Time                      Action  Key         Id     Outcome",
        "2026-07-01 14:00:00 CEST  create  Deploy bot  –      created",
        "2026-10-09 14:00:00 CEST  revoke  鍵 名 🔑    key_1  already gone",
        "2027-01-17 13:00:00 CET   revoke  e\u0301tude       key_2  not known",
    ]


def test_lines_for_programs(log: ActionLogFile, tmp_path: Path) -> None:
    fill(log)
    done = run(tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["created", "already gone", "not known"]
    assert lines[0] == {
        "at": "2026-07-01T12:00:00Z",
        "who": "o@example.com (acct)",
        "profile": "demo",
        "origin": "https://api.pulsapi.com",
        "action": "create",
        "key_id": "",
        "key_name": "Deploy bot",
        "hint": "wxyz",
        "outcome": "created",
        "detail": "",
    }


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_only_the_last(log: ActionLogFile, tmp_path: Path, form: tuple[str, ...]) -> None:
    fill(log)
    lines = run(tmp_path, *form, "--limit", "2").stdout.splitlines()
    assert len(lines) == 2 + (form == ())
    assert "already gone" in lines[-2]
    assert "not known" in lines[-1]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_empty_log_says_so_beside_the_output(tmp_path: Path, form: tuple[str, ...]) -> None:
    done = run(tmp_path, *form)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Nothing was done here yet: the log is empty.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_can_t_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "pulsapi-tui" / "actions.jsonl").mkdir(parents=True)
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pulsapi-tui: The log ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "²"])
def test_a_limit_is_a_number_of_lines(tmp_path: Path, limit: str) -> None:
    done = run(tmp_path, f"--limit={limit}")
    assert done.returncode == 2
    assert "is not a number of lines" in done.stderr


def test_an_ascii_terminal_gets_what_it_can_show(log: ActionLogFile, tmp_path: Path) -> None:
    fill(log)
    done = run(tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Deploy bot" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(log: ActionLogFile, tmp_path: Path) -> None:
    fill(log)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pulsapi_tui", "log"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
