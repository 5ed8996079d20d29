"""The report: one door for text that is not ours, and no way for a secret."""

from __future__ import annotations

import json
import os

import pytest

from pulsapi_tui import cli
from pulsapi_tui.cli.parser import parser
from pulsapi_tui.doctor import examination, report
from pulsapi_tui.doctor.checks import Check, Group, Section, Status, fail, ok, skip, warn
from pulsapi_tui.doctor.examination import Wanted
from pulsapi_tui.doctor.report import Look, as_json, as_text, has_failed, summary, without
from pulsapi_tui.domain.secret import Secret
from tests.contract.support import spellings
from tests.hygiene.test_imports import imported_by
from tests.unit.support import CANARY

PLAIN = Look(width=80, has_colours=False, has_glyphs=True)
SECTION = Section(
    Group.TERMINAL,
    (
        ok("TERM", "TERM is xterm."),
        warn("size", "Small.", "make it larger"),
        fail("TEXTUAL_LOG", "It records. " * 12, "unset TEXTUAL_LOG"),
        skip("colours", "No terminal."),
    ),
)


def test_the_text_is_aligned_and_a_mending_line_stands_alone() -> None:
    lines = as_text(SECTION, PLAIN).splitlines()
    assert lines[0] == "Terminal"
    assert lines[1] == "  ✓ ok    TERM                TERM is xterm."
    assert lines[2] == "  ! warn  size                Small."
    assert lines[3] == "                              → make it larger"
    assert lines[4].startswith("  ✗ fail  TEXTUAL_LOG         It records. It records.")
    assert lines[-2] == "                              → unset TEXTUAL_LOG"
    assert lines[-1] == "  – skip  colours             No terminal."
    assert max(map(len, lines)) <= PLAIN.width
    assert {len(line) - len(line.lstrip()) for line in lines[5:-2]} == {30}


def test_a_mending_line_is_never_broken() -> None:
    mend = "chmod 700 " + "a long path/" * 20
    section = Section(Group.FILES, (warn("directory", "Open.", mend),))
    assert f"→ {mend}" in as_text(section, PLAIN).splitlines()[-1]


def test_colours_are_never_alone() -> None:
    coloured = as_text(SECTION, Look(width=80, has_colours=True, has_glyphs=True))
    assert "\x1b[31m✗ fail\x1b[0m" in coloured
    plain = as_text(SECTION, PLAIN)
    assert "\x1b" not in plain
    for status in Status:
        coloured = coloured.replace(f"\x1b[{report._COLOURS[status]}m", "")  # noqa: SLF001
    assert coloured.replace("\x1b[0m", "") == plain


def test_an_encoding_without_glyphs_gets_ascii() -> None:
    assert as_text(SECTION, Look(width=80, has_colours=False, has_glyphs=False)).isascii()


def test_the_json_has_the_documented_keys() -> None:
    data = as_json("1.2.3", [SECTION])
    found = json.loads(data)
    assert found.keys() == {"version", "checks", "ok"}
    assert found["version"] == "1.2.3"
    assert found["ok"] is False
    assert found["checks"][1] == {
        "group": "Terminal",
        "name": "size",
        "status": "warn",
        "found": "Small.",
        "mend": "make it larger",
    }
    assert data.endswith(b"}\n")


def test_only_a_fail_is_one() -> None:
    assert has_failed([SECTION])
    kept = tuple(check for check in SECTION.checks if check.status is not Status.FAIL)
    assert not has_failed([Section(Group.TERMINAL, kept)])
    assert summary([SECTION]) == ("4 checks: 1 ok, 1 warn, 1 fail, 1 skip. Mend what fails first.")


@pytest.mark.parametrize("make", [warn, fail, skip])
def test_no_control_character_passes(make: object) -> None:
    assert callable(make)
    check: Check = make("name", "a\x1b]52;c;eA==\x07b\u202e", "rm \x9b2J\n")
    text = as_text(Section(Group.FILES, (check, ok("x", "\x1b[c"))), PLAIN)
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "\u202e" not in as_json("1", [Section(Group.FILES, (check,))]).decode()


def test_a_secret_that_came_back_is_taken_out() -> None:
    for spelling in spellings(CANARY):
        checks = (ok("API key", f"For {spelling}."), warn("x", "y", f"echo {spelling}"))
        section = without(Secret(CANARY), Section(Group.SERVER, checks))
        shown = as_text(section, PLAIN) + as_json("1", [section]).decode()
        assert spelling not in shown


@pytest.mark.parametrize(("is_well", "code"), [(True, 0), (False, 1)])
def test_the_key_is_out_of_the_environment_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, is_well: bool, code: int
) -> None:
    seen: list[object] = []

    def examine(wanted: Wanted) -> bool:
        assert wanted.key is not None
        seen.extend([wanted.key.matches(CANARY), "PULSAPI_API_KEY" in os.environ, repr(wanted)])
        return is_well

    monkeypatch.setenv("PULSAPI_API_KEY", CANARY)
    monkeypatch.setattr(cli, "leave_no_core", lambda: seen.append("no core"))
    monkeypatch.setattr(examination, "examine", examine)
    assert cli.main(["doctor", "--no-clipboard"]) == code
    assert seen[:3] == ["no core", True, False]
    assert CANARY not in str(seen[3])


def test_its_help_imports_nothing_heavy() -> None:
    loaded = imported_by(
        "from pulsapi_tui.cli import main\n"
        "try: main(['doctor', '--help'])\n"
        "except SystemExit as end: assert end.code == 0"
    )
    assert loaded == set()


def test_it_comes_without_the_ui_and_without_the_server() -> None:
    loaded = imported_by("import pulsapi_tui.doctor.examination")
    assert not loaded & {"textual", "starlette", "uvicorn", "sqlite3"}


@pytest.mark.parametrize(
    "arguments", [["--base-url", "u", "doctor"], ["doctor", "--base-url", "u"]]
)
def test_the_base_url_may_stand_before_and_after_the_command(arguments: list[str]) -> None:
    assert parser().parse_args(arguments).base_url == "u"
