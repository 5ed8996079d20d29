"""What is said of a terminal and a multiplexer, by the environment alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulsapi_tui.cli.process import RECORDERS
from pulsapi_tui.delivery.routes import ClipboardPolicy, Route
from pulsapi_tui.delivery.tmux import Tmux
from pulsapi_tui.doctor import program
from pulsapi_tui.doctor.checks import Check, Place, Status
from pulsapi_tui.doctor.clipboard import ask_terminal, clipboard_checks
from pulsapi_tui.doctor.device_attributes import Asked, ask
from pulsapi_tui.doctor.multiplexer import SET_CLIPBOARD_ON, multiplexer_checks
from pulsapi_tui.doctor.program import program_checks
from pulsapi_tui.doctor.terminal import terminal_checks

XTERM = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


async def terminal(**environment: str) -> dict[str, Check]:
    return by_name(await terminal_checks(Place({**XTERM, **environment}, "linux"), RECORDERS))


def multiplexer(**environment: str) -> dict[str, Check]:
    place = Place({**XTERM, "PATH": "", **environment}, "linux")
    return by_name(multiplexer_checks(place, Tmux(place.environment)))


async def clipboard(
    policy: ClipboardPolicy | None = None,
    asked: Asked | None = None,
    *,
    tries: bool = False,
    **environment: str,
) -> dict[str, Check]:
    place = Place({**XTERM, "PATH": "", **environment}, "linux")
    return by_name(
        await clipboard_checks(
            place,
            policy or ClipboardPolicy(),
            Tmux(place.environment),
            asked or Asked(not_asked="Not here."),
            tries=tries,
        )
    )


@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        ({}, "ok", "256 colours."),
        ({"COLORTERM": "truecolor"}, "ok", "Truecolor."),
        ({"COLORTERM": "24bit", "TERM": "xterm"}, "ok", "Truecolor."),
        ({"TERM": "xterm-direct"}, "ok", "Truecolor."),
        ({"TERM": "linux"}, "ok", "16 colours."),
        ({"TERM": "vt100"}, "warn", "None, by TERM."),
        ({"TERM": ""}, "warn", "None, by TERM."),
        ({"NO_COLOR": "1"}, "ok", "256 colours. NO_COLOR is set: greys are shown."),
        ({"NO_COLOR": ""}, "ok", "256 colours."),
    ],
)
async def test_colours(environment: dict[str, str], status: str, said: str) -> None:
    check = (await terminal(**environment))["colours"]
    assert (check.status, check.found) == (status, said)


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, "ok"),
        ({"LANG": "en_US.utf8"}, "ok"),
        ({"LC_ALL": "C"}, "warn"),
        ({"LC_CTYPE": "de_DE.ISO-8859-1"}, "warn"),
        ({"LC_ALL": "C.UTF-8", "LC_CTYPE": "C"}, "ok"),
        ({"LANG": ""}, "warn"),
    ],
)
async def test_the_locale(environment: dict[str, str], status: str) -> None:
    check = (await terminal(**environment))["UTF-8"]
    assert check.status == status
    if status == "warn":
        name, _, value = check.mend.removeprefix("export ").partition("=")
        assert (await terminal(**{**environment, name: value}))["UTF-8"].status == "ok"


@pytest.mark.parametrize("term", ["", "dumb", "unknown"])
async def test_a_terminal_that_nobody_knows(term: str) -> None:
    assert (await terminal(TERM=term))["TERM"].status == "warn"


@pytest.mark.parametrize("name", [*RECORDERS, "TEXTUAL"])
async def test_what_records_is_a_fail(name: str) -> None:
    value = "debug,devtools" if name == "TEXTUAL" else "x"
    checks = await terminal(**{name: value})
    assert (checks[name].status, checks[name].mend) == ("fail", f"unset {name}")
    assert "Textual's settings" not in checks
    assert (await terminal())["Textual's settings"].status == "ok"


async def test_a_recorder_above() -> None:
    check = (await terminal(ASCIINEMA_REC="1"))["recorded"]
    assert (check.status, "asciinema" in check.found) == ("warn", True)


async def test_without_a_terminal_it_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    checks = await terminal()
    assert checks["size"].status == "skip"
    assert checks["streams"].status == "warn"
    assert "stdin and stderr" in checks["streams"].mend
    assert "not a terminal" in ask_terminal(Place({}, "linux")).not_asked


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"])
def test_ssh_is_told_by_its_variable(name: str) -> None:
    assert name in multiplexer(**{name: "x"})["ssh"].found
    assert name not in multiplexer()["ssh"].found


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, "ok"),
        ({"TERM": "tmux-256color"}, "warn"),
        ({"TERM": "screen"}, "warn"),
        ({"TERM": "screen", "STY": "1.x"}, "ok"),
    ],
)
def test_a_tmux_before_ssh_is_hinted_at(environment: dict[str, str], status: str) -> None:
    check = multiplexer(**environment)["inside tmux"]
    assert check.status == status
    assert check.mend == (SET_CLIPBOARD_ON if status == "warn" else "")


def test_a_tmux_that_is_gone(tmp_path: Path) -> None:
    environment = {"TMUX": f"{tmp_path}/none,1,0"}
    assert "PATH" in multiplexer(**environment)["inside tmux"].mend
    tool = tmp_path / "tmux"
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(0o755)
    check = multiplexer(**environment, PATH=str(tmp_path))["inside tmux"]
    assert (check.status, check.mend) == ("warn", "unset TMUX")
    assert multiplexer(PATH=str(tmp_path))["inside tmux"].status == "ok", "after the mending"


async def test_each_route_has_its_reason() -> None:
    checks = await clipboard()
    assert {route.value for route in Route} <= checks.keys()
    assert checks["osc52"].found == "Taken. TERM is xterm-256color."
    assert (checks["tmux"].status, "TMUX is not set" in checks["tmux"].found) == ("skip", True)
    assert checks["try"].status == "skip"
    assert "--no-clipboard" in checks["try"].found


async def test_a_place_without_any_route() -> None:
    for check in (
        (await clipboard(tries=True, TERM="linux"))["try"],
        (await clipboard(ClipboardPolicy(forbid=frozenset(Route)), tries=True))["try"],
    ):
        assert check.status == "warn"
        assert "can't be copied from here" in check.found
        assert check.mend


@pytest.mark.parametrize(
    ("asked", "environment", "status", "said"),
    [
        (Asked(frozenset({62, 52})), {}, "ok", "says that it takes OSC 52"),
        (Asked(frozenset({62})), {}, "skip", "does not say"),
        (Asked(None), {}, "skip", "did not answer within 0.5 s"),
        (Asked(frozenset({64})), {"XTERM_VERSION": "XTerm(379)"}, "warn", "xterm ignores"),
        (Asked(not_asked="Not here."), {}, "skip", "Not here."),
    ],
)
async def test_what_the_terminal_says(
    asked: Asked, environment: dict[str, str], status: str, said: str
) -> None:
    check = (await clipboard(None, asked, tries=False, **environment))["terminal's answer"]
    assert (check.status, said in check.found) == (status, True), check


@pytest.mark.parametrize("path", ["/nowhere/tty", "/dev/null"])
def test_what_is_no_terminal_is_not_asked(path: str) -> None:
    assert ask(path).not_asked


@pytest.mark.parametrize("name", ["TMUX", "STY"])
def test_a_multiplexer_is_not_asked_in_the_terminals_place(name: str) -> None:
    assert "would answer" in ask_terminal(Place({name: "x"}, "linux")).not_asked


def test_the_pinned_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_name(program_checks())["packages"].status is Status.OK
    monkeypatch.setattr(program, "_version", lambda _: "8.2.7")
    check = by_name(program_checks())["packages"]
    assert check.status is Status.WARN
    assert check.mend.endswith("-m pip install textual==8.2.8")
