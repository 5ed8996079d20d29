"""The options of the commands that ask PulsAPI."""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import timedelta

import pytest

from pulsapi_tui.cli import help_keys
from pulsapi_tui.cli.parser import parser
from pulsapi_tui.domain.equivalents import DEFAULT_VARIABLE
from pulsapi_tui.domain.filters import PREFIX, Token
from pulsapi_tui.domain.health import Condition, Flag
from pulsapi_tui.domain.rotation import Mode, Step
from pulsapi_tui.flows.revoke import RevokeState


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("60d", timedelta(days=60)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert parser().parse_args(["check", "--idle", text]).idle == span


@pytest.mark.parametrize("text", ["", "0d", "60", "d", "-1d", "1.5d", "60 d", "60D", "²d", "9999w"])
def test_what_is_no_duration(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["check", f"--older={text}"])
    assert end.value.code == 2
    assert "is not a duration such as 60d, 12h or 2w" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["keys"],
        ["keys", "revoke"],
        ["keys", "rotate"],
        ["keys", "list", "--sort", "hint"],
        ["keys", "create", "x", "--to"],
        ["keys", "create", "x", "--to", "a", "--variable", "A", "--variable", "B"],
        ["check", "--quiet", "--json"],
        ["whoami", "x"],
        ["keys", "list", "--js"],
    ],
)
def test_wrong_usage_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(argv)
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_account_may_be_named_before_or_after_the_command() -> None:
    for argv in (
        ["--profile", "work", "--read-only", "keys", "list"],
        ["keys", "list", "--profile", "work", "--read-only"],
        ["whoami", "--profile", "work", "--read-only"],
        ["keys", "rotate", "x", "--status", "--profile", "work", "--read-only"],
    ):
        options = parser().parse_args(argv)
        assert (options.profile, options.read_only) == ("work", True)
        assert options.base_url is None


def texts() -> dict[str, str]:
    """The help of each command."""
    found: dict[str, str] = {}

    def visit(of: argparse.ArgumentParser) -> None:
        found[of.prog.removeprefix("pulsapi-tui").strip()] = of.format_help()
        for action in of._subparsers._group_actions if of._subparsers else ():  # noqa: SLF001
            choices = action.choices
            assert isinstance(choices, dict)
            for below in choices.values():
                visit(below)

    visit(parser())
    return found


def test_the_help_names_every_word_that_json_has() -> None:
    by_command = texts()
    in_list = by_command["keys list"]
    for word in (*Condition, *Flag):
        assert word.replace(" ", "_") in in_list
    for token in Token:
        assert PREFIX + token in in_list
    for state in RevokeState:
        assert state.value.replace(" ", "_") in by_command["keys revoke"]
    for word in (*Mode, *Step):
        assert word.replace(" ", "-") in by_command["keys rotate"]
    assert DEFAULT_VARIABLE == help_keys.ENV_VARIABLE


def test_no_help_is_wider_than_a_terminal() -> None:
    for command, text in texts().items():
        if command.startswith(("keys", "check", "services", "whoami")):
            epilog = text.partition("--json writes")[2]
            assert all(len(line) <= 100 for line in epilog.splitlines()), command


def test_the_options_import_nothing_heavy() -> None:
    code = (
        "import sys, pulsapi_tui.cli.options_keys\n"
        "heavy = {'textual', 'rich', 'httpx', 'msgspec', 'asyncio', 'platformdirs'}\n"
        "sys.exit(bool(heavy & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
