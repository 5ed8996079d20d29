"""Completion: each shell for real, and nothing where no shell asks."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from pulsapi_tui.cli.completion import complete
from pulsapi_tui.cli.options_profiles import COLOURS, SOURCES
from pulsapi_tui.cli.parser import parser
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.domain.profiles import Colour, Kept, Profile

PROGRAM = Path(sys.executable).parent / "pulsapi-tui"


def needs(shell: str) -> pytest.MarkDecorator:
    """Marks what can only be tried with it."""
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} here")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user with two profiles, and nothing of whoever runs the tests."""
    profiles = ProfilesFile(tmp_path / ".config" / "pulsapi-tui" / "profiles.toml")
    for name in ("prod-europe", "staging"):
        profiles.put(Profile(name=name))
    (tmp_path / "own.pem").write_text("")
    config = tmp_path / ".config" / "pulsapi-tui" / "config.toml"
    config.write_text('[[delivery.recipes]]\nid = "my-vault"\nargv = ["cat"]\n')
    config.chmod(0o600)
    return {
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }


def script_of(shell: str, environment: dict[str, str]) -> str:
    """What is to be read by the shell."""
    done = subprocess.run(
        [PROGRAM, "completion", shell],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


LINES = {
    "pulsapi-tui prof": {"profiles"},
    "pulsapi-tui profiles s": {"set", "set-key"},
    "pulsapi-tui profiles use ": {"prod-europe", "staging"},
    "pulsapi-tui --profile st": {"staging"},
    "pulsapi-tui keys list --profile p": {"prod-europe"},
    "pulsapi-tui profiles add new --key-from k": {"keyring"},
    "pulsapi-tui completion ": {"bash", "zsh", "fish"},
    "pulsapi-tui profiles add new --prod": {"--production"},
    "pulsapi-tui profiles add new --ca-file ow": {"own.pem"},
    "pulsapi-tui keys show ": set(),
    "pulsapi-tui keys revoke ow": set(),
    "pulsapi-tui serve --port ": set(),
    "pulsapi-tui keys list --filter is:d": {"is:due", "is:duplicate"},
    "pulsapi-tui demo --pace s": {"slow"},
    "pulsapi-tui keys create CI --to en": {"env:"},
    "pulsapi-tui keys create CI --to file:ow": {"file:own.pem"},
    "pulsapi-tui keys rotate CI --to pr": {"profile:prod-europe", "profile:staging"},
    "pulsapi-tui keys create CI --to my": {"my-vault"},
}
"""A line, and what may come next."""

_BASH = """
COMP_LINE=$2; COMP_POINT=${#2}; COMP_TYPE=63; COMP_KEY=9; cd "$HOME"
eval "$1"
read -ra COMP_WORDS <<< "$COMP_LINE"
function=$(complete -p pulsapi-tui | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" pulsapi-tui
printf '%s\\n' "${COMPREPLY[@]}"
"""


@needs("bash")
def test_bash(environment: dict[str, str]) -> None:
    script = script_of("bash", environment)
    for line, wanted in LINES.items():
        done = subprocess.run(
            ["bash", "--norc", "-c", _BASH, "bash", script, line],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        # To bash, a colon ends a word.
        typed = re.search(r"([^ ]*:)?[^ :]*$", line)[1] or ""  # type: ignore[index]
        told = {f"{typed}{each.strip()}" for each in done.stdout.split()}
        assert told == wanted, line


def completed(shell: pexpect.spawn[str]) -> str:
    """The line that stands there now."""
    assert isinstance(shell.match, re.Match)
    return str(shell.match[1]).strip()


@needs("bash")
@pytest.mark.parametrize("line", ["keys show ow", "keys revoke ow", "serve --port ow"])
def test_bash_offers_no_file_by_itself(environment: dict[str, str], line: str) -> None:
    shell = pexpect.spawn(
        "bash", ["--norc"], env=environment, encoding="utf-8", timeout=30, dimensions=(24, 120)
    )
    shell.sendline("cd; bind 'set enable-bracketed-paste off'; PS1='ready> '")
    shell.sendline('eval "$(pulsapi-tui completion bash)"; echo loa""ded')
    shell.expect("loaded")
    shell.send(f"pulsapi-tui {line}\t\x01echo '\x05-end'\r")
    shell.expect(r"\npulsapi-tui ([^\r]*)-end\r")
    assert completed(shell) == line
    # By this way, a file is seen where one is wanted.
    shell.send("pulsapi-tui serve --data ow\t\x01echo '\x05-end'\r")
    shell.expect(r"\npulsapi-tui ([^\r]*)-end\r")
    assert completed(shell) == "serve --data own.pem"
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


@needs("fish")
def test_fish(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "script.fish").write_text(script_of("fish", environment))
    asked = "; ".join(f"echo '# {line}'; complete -C '{line}'" for line in LINES)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"cd $HOME; source script.fish; {asked}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told: dict[str, set[str]] = {}
    for row in done.stdout.splitlines():
        if row.startswith("# "):
            here = told.setdefault(row[2:], set())
        else:
            here.add(row.split("\t")[0])
    # fish offers files by itself where nothing else fits, and completes options on its own.
    for line, wanted in LINES.items():
        assert wanted <= told[line], line
    assert told["pulsapi-tui profiles use "] == {"prod-europe", "staging"}


@needs("zsh")
def test_zsh(environment: dict[str, str]) -> None:
    shell = pexpect.spawn(
        "zsh", ["-f"], env=environment, encoding="utf-8", timeout=30, dimensions=(24, 120)
    )
    shell.sendline("PS1='ready> '; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u")
    shell.sendline('eval "$(pulsapi-tui completion zsh)"; echo loa""ded')
    shell.expect("loaded")
    for line, wanted in (("profiles use st", "staging"), ("--profile pr", "prod-europe")):
        shell.send(f"pulsapi-tui {line}\t")
        shell.expect(re.escape(wanted[2:]))
        shell.sendcontrol("u")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


def test_where_no_shell_asks_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_ARGCOMPLETE", raising=False)
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    complete(argparse.ArgumentParser())


def test_a_file_that_can_t_be_read_is_no_noise_in_the_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".config" / "pulsapi-tui" / "profiles.toml").write_text("not toml")
    asked = {
        **environment,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "told"),
        "COMP_LINE": "pulsapi-tui profiles use ",
        "COMP_POINT": "25",
    }
    done = subprocess.run([PROGRAM], env=asked, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (tmp_path / "told").read_text() == ""


def test_the_words_of_the_options_are_those_of_the_domain() -> None:
    """The options import nothing of it, so that `--help` stays quick."""
    assert tuple(Kept) == SOURCES
    assert set(COLOURS) - {"none"} == set(Colour) - {""}


@pytest.mark.parametrize("command", ["", "list", "add", "use", "set", "set-key", "remove", "path"])
def test_each_command_has_a_help(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["profiles", *filter(None, [command]), "--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: pulsapi-tui profiles")
    assert max(map(len, told.splitlines())) <= 100


def test_what_comes_after_dashes_is_the_command() -> None:
    for argv, wanted in (
        (
            ["add", "x", "--key-from", "command", "--", "pass", "show", "--", "-x"],
            ("pass", "show", "--", "-x"),
        ),
        (["add", "--key-from", "command", "x", "--", "--help"], ("--help",)),
        (["set-key", "x", "--"], ()),
        (["set-key", "x"], ()),
    ):
        arguments = parser().parse_args(["profiles", *argv])
        assert arguments.argv == wanted
        assert arguments.profile_name == "x"
