"""Which routes there are from where the program runs, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulsapi_tui.delivery.routes import (
    Choice,
    ClipboardPolicy,
    Route,
    choose,
    explain,
    why_no_other,
)
from pulsapi_tui.delivery.tmux import Tmux

NATIVE = Route.NATIVE
OSC = Route.OSC52
SCREEN = Route.SCREEN_WRAPPED
SILENT_TMUX = (OSC, Route.TMUX_WRAPPED)

TABLE: dict[str, tuple[dict[str, str], str, tuple[Route, ...]]] = {
    "a terminal": ({}, "linux", (OSC,)),
    "X11": ({"DISPLAY": ":0"}, "linux", (NATIVE, OSC)),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", (NATIVE, OSC)),
    "an empty DISPLAY": ({"DISPLAY": ""}, "linux", (OSC,)),
    "macOS": ({}, "darwin", (NATIVE, OSC)),
    "ssh": ({"SSH_CONNECTION": "1 2 3 4"}, "linux", (OSC,)),
    "ssh with X forwarding": ({"SSH_CONNECTION": "1", "DISPLAY": "localhost:10"}, "linux", (OSC,)),
    "ssh by its terminal": ({"SSH_TTY": "/dev/pts/1", "DISPLAY": ":0"}, "linux", (OSC,)),
    "ssh by its client": ({"SSH_CLIENT": "1", "DISPLAY": ":0"}, "linux", (OSC,)),
    "ssh to macOS": ({"SSH_TTY": "/dev/ttys1"}, "darwin", (OSC,)),
    "a tmux that does not answer": ({"TMUX": "/none,1,0"}, "linux", SILENT_TMUX),
    "the same and X11": ({"TMUX": "/none,1,0", "DISPLAY": ":0"}, "linux", SILENT_TMUX),
    "the same on a console": ({"TMUX": "/none,1,0", "TERM": "linux"}, "linux", SILENT_TMUX),
    "an empty TMUX": ({"TMUX": ""}, "linux", (OSC,)),
    "screen": ({"STY": "1.pts"}, "linux", (SCREEN,)),
    "screen and X11": ({"STY": "1.pts", "DISPLAY": ":0"}, "linux", (SCREEN,)),
    "screen on a console": ({"STY": "1.pts", "TERM": "vt100"}, "linux", (SCREEN,)),
    "tmux and screen": ({"TMUX": "/none,1,0", "STY": "1.pts"}, "linux", SILENT_TMUX),
    "the console and X11": ({"TERM": "linux", "DISPLAY": ":0"}, "linux", (NATIVE,)),
    "a tmux before ssh": ({"TERM": "tmux-256color", "SSH_TTY": "x"}, "linux", (OSC,)),
}


@pytest.mark.parametrize("place", TABLE)
def test_the_routes_follow_the_environment(place: str, tmp_path: Path) -> None:
    environment, platform, expected = TABLE[place]
    # No tmux on this PATH: the environment alone is under test.
    environment = {"PATH": str(tmp_path), "TERM": "xterm-256color", **environment}
    assert choose(environment, platform) == expected


@pytest.mark.parametrize(
    "term",
    [
        "",
        "DUMB",
        "cons25",
        "dumb",
        "emacs",
        "eterm-color",
        "linux",
        "linux-16color",
        "unknown",
        "vt100",
        "vt220",
        "vt52",
    ],
)
def test_a_terminal_without_a_clipboard_leaves_no_route(term: str) -> None:
    environment = {"TERM": term} if term else {}
    choices = explain(environment, "linux")
    assert not any(choice.chosen for choice in choices)
    why = f"TERM is {term}, which has no clipboard" if term else "TERM is not set"
    assert why_no_other(choices, environment) == why
    assert Choice(OSC, False, f"{why}.") in choices


def test_a_term_is_made_safe_to_draw() -> None:
    environment = {"TERM": "dumb-\x1b]0;x\x07"}
    why = why_no_other(explain(environment, "linux"), environment)
    assert why is not None
    assert "\x1b" not in why


def test_every_route_has_a_reason() -> None:
    for environment, platform, _ in TABLE.values():
        choices = explain({"PATH": "", "TERM": "xterm", **environment}, platform)
        assert {choice.route for choice in choices} == set(Route)
        assert all(choice.reason.endswith(".") for choice in choices)
        chosen = [choice.chosen for choice in choices]
        assert chosen == sorted(chosen, reverse=True), "those that are taken come first"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SSH_TTY": "x", "DISPLAY": ":0"}, "SSH_TTY is set"),
        ({}, "Neither WAYLAND_DISPLAY nor DISPLAY"),
        ({"TMUX": "/none,1,0", "DISPLAY": ":0"}, "does not tell whether you came by ssh"),
        ({"STY": "1.pts", "DISPLAY": ":0"}, "can't tell whether you came by ssh"),
        ({"DISPLAY": ":0"}, "has a display (DISPLAY)"),
    ],
)
def test_this_computers_clipboard_says_why(environment: dict[str, str], says: str) -> None:
    choices = {choice.route: choice for choice in explain({"PATH": "", **environment}, "linux")}
    assert says in choices[NATIVE].reason


X11 = {"TERM": "xterm", "DISPLAY": ":0"}


def test_forced_routes_are_taken_in_their_order_whatever_the_environment_says() -> None:
    policy = ClipboardPolicy(force=(SCREEN, OSC, SCREEN))
    assert choose({"TERM": "linux"}, "linux", policy) == (SCREEN, OSC)
    choices = explain(X11, "linux", policy)
    assert [choice.reason for choice in choices[:2]] == ["The settings force it."] * 2
    assert Choice(NATIVE, False, "The settings force other routes.") in choices
    assert why_no_other(choices, X11) is None


def test_forbidden_routes_are_not_taken() -> None:
    policy = ClipboardPolicy(forbid=frozenset({NATIVE, SCREEN}))
    choices = explain(X11, "linux", policy)
    assert [choice.route for choice in choices if choice.chosen] == [OSC]
    assert Choice(NATIVE, False, "The settings forbid it.") in choices
    assert Choice(SCREEN, False, "STY is not set.") in choices
    assert why_no_other(choices, X11) == "every other route is forbidden by the settings"


@pytest.mark.parametrize("force", [(), (OSC,), (SCREEN, OSC)])
def test_what_is_forbidden_is_not_forced(force: tuple[Route, ...]) -> None:
    policy = ClipboardPolicy(force=force, forbid=frozenset(Route))
    choices = explain(X11, "linux", policy)
    assert choose(X11, "linux", policy) == ()
    assert why_no_other(choices, X11) == "every route is forbidden by the settings"


def test_a_policy_can_t_be_changed() -> None:
    with pytest.raises(AttributeError):
        ClipboardPolicy().force = (OSC,)  # type: ignore[misc]


def _tmux(directory: Path, script: str) -> dict[str, str]:
    """An environment whose tmux is a script."""
    tool = directory / "tmux"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return {"PATH": str(directory), "TERM": "tmux", "TMUX": "/none,1,0", "DISPLAY": ":0"}


ANSWERS = {
    "set over ssh": ("echo SSH_CONNECTION=1 2 3 4", False),
    "its terminal": ("echo SSH_TTY=/dev/pts/3", False),
    "removed": ("echo -SSH_CONNECTION", True),
    "others": ("echo DISPLAY=:0; echo X_SSH_TTY=1; echo SSH_TTY", True),
    "nothing": ("", True),
    "bytes that are no text": ("printf 'A=\\377\\nSSH_CLIENT=1\\n'", False),
    "a failure": ("echo no server >&2; exit 1", False),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_tmux_is_asked_for_ssh_too(answer: str, tmp_path: Path) -> None:
    """Only where it says that nobody came by ssh is this computer the one that one sits at."""
    script, is_local = ANSWERS[answer]
    environment = _tmux(tmp_path, f'[ "$1" = show-environment ] || exit 9; {script}')
    assert (NATIVE in choose(environment, "linux")) is is_local


SETTINGS: dict[str, tuple[str, str, tuple[Route, ...]]] = {
    # The last two fields of the pane, what is said of its terminal, and what is left to do.
    "as it comes": ("external|0", "(string) x", (Route.TMUX,)),
    "no clipboard taken": ("off|0", "(string) x", (Route.TMUX,)),
    "kept in a buffer": ("on|0", "(string) x", (Route.TMUX,)),
    "passed through": ("external|1", "(string) x", (Route.TMUX, Route.TMUX_WRAPPED)),
    "passed through, 3.4": ("on|all", "(string) x", (Route.TMUX, Route.TMUX_WRAPPED)),
    "no way": ("external|off", "[missing]", ()),
    "no way, kept": ("on|off", "[missing]", ()),
    "passed through alone": ("external|on", "[missing]", (Route.TMUX_WRAPPED,)),
    "not told": ("external|off", "", (OSC, Route.TMUX)),
    "not told, kept": ("on|off", "", (Route.TMUX,)),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_routes_follow_what_tmux_says(setting: str, tmp_path: Path) -> None:
    options, value, expected = SETTINGS[setting]
    capability = f"echo ' 192: Ms: {value}'" if value else ":"
    environment = _tmux(
        tmp_path,
        f"""case "$1" in
        display-message) echo '/dev/pts/1|$0|3.3a|0|{options}';;
        show-messages) echo 'Terminal 0: xterm for /dev/pts/1, flags=0x20:'; {capability};;
        *) exit 1;;
        esac""",
    )
    choices = explain(environment, "linux")
    assert tuple(choice.route for choice in choices if choice.chosen) == expected
    if not expected:
        says = why_no_other(choices, environment)
        assert says == "tmux has no way to this terminal's clipboard"


def test_where_several_terminals_are_attached_one_is_reached(tmp_path: Path) -> None:
    script = """case "$1" in
        display-message) echo '/dev/pts/1|$0|3.3a|0|external|0';;
        show-messages) printf 'Terminal 0: xterm for /dev/pts/1, flags=0x20:\n 1: Ms: (string)\n';;
        list-clients) printf '$0|1\n$1|2\n$0|3\n';;
        esac"""
    choices = explain(_tmux(tmp_path, script), "linux")
    reason = "2 terminals are attached to tmux; the one that was used last is reached."
    assert Choice(Route.TMUX, True, reason) in choices


def test_a_tmux_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    environment = _tmux(tmp_path, f"echo x >> {calls}; exec /bin/sleep 600")
    choices = explain(environment, "linux", tmux=Tmux(environment, timeout_s=2))
    assert tuple(choice.route for choice in choices if choice.chosen) == SILENT_TMUX
    assert calls.read_text().count("x") == 1, "it is not asked again"


def test_a_tmux_that_can_t_be_started_is_no_answer(tmp_path: Path) -> None:
    environment = _tmux(tmp_path, "")
    (tmp_path / "tmux").write_text("#!/no/such/interpreter\n")
    assert choose(environment, "linux") == SILENT_TMUX
