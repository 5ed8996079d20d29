"""Which routes there are from where the program runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulsapi_tui.delivery import routes
from pulsapi_tui.delivery.routes import Route, choose

OSC = Route.OSC52
TMUX = (Route.TMUX, Route.TMUX_WRAPPED)

TABLE: dict[str, tuple[dict[str, str], str, tuple[Route, ...]]] = {
    "a bare console": ({}, "linux", (OSC,)),
    "X11": ({"DISPLAY": ":0"}, "linux", (OSC, Route.NATIVE)),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", (OSC, Route.NATIVE)),
    "an empty DISPLAY": ({"DISPLAY": ""}, "linux", (OSC,)),
    "macOS": ({}, "darwin", (OSC, Route.NATIVE)),
    "ssh": ({"SSH_CONNECTION": "1 2 3 4"}, "linux", (OSC,)),
    "ssh with X forwarding": ({"SSH_CONNECTION": "1", "DISPLAY": "localhost:10"}, "linux", (OSC,)),
    "ssh by its terminal": ({"SSH_TTY": "/dev/pts/1", "DISPLAY": ":0"}, "linux", (OSC,)),
    "ssh by its client": ({"SSH_CLIENT": "1", "DISPLAY": ":0"}, "linux", (OSC,)),
    "ssh to macOS": ({"SSH_TTY": "/dev/ttys1"}, "darwin", (OSC,)),
    "tmux": ({"TMUX": "/none,1,0"}, "linux", (OSC, *TMUX)),
    "tmux and X11": ({"TMUX": "/none,1,0", "DISPLAY": ":0"}, "linux", (OSC, *TMUX, Route.NATIVE)),
    "tmux over ssh": (
        {"TMUX": "/none,1,0", "DISPLAY": ":0", "SSH_TTY": "x"},
        "linux",
        (OSC, *TMUX),
    ),
    "an empty TMUX": ({"TMUX": ""}, "linux", (OSC,)),
    "screen": ({"STY": "1.pts"}, "linux", (OSC, Route.SCREEN_WRAPPED)),
    "screen and X11": (
        {"STY": "1.pts", "DISPLAY": ":0"},
        "linux",
        (OSC, Route.SCREEN_WRAPPED, Route.NATIVE),
    ),
    "tmux within screen": ({"TMUX": "/none,1,0", "STY": "1.pts"}, "linux", (OSC, *TMUX)),
}


@pytest.mark.parametrize("place", TABLE)
def test_the_routes_follow_the_environment(place: str, tmp_path: Path) -> None:
    environment, platform, expected = TABLE[place]
    # No tmux on this PATH: the environment alone is under test.
    assert choose({"PATH": str(tmp_path), **environment}, platform) == expected


def _tmux(directory: Path, script: str) -> dict[str, str]:
    """An environment whose tmux is a script."""
    tool = directory / "tmux"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return {"PATH": str(directory), "TMUX": "/none,1,0", "DISPLAY": ":0"}


ANSWERS = {
    "set over ssh": ("echo SSH_CONNECTION=1 2 3 4", True),
    "its terminal": ("echo SSH_TTY=/dev/pts/3", True),
    "removed": ("echo -SSH_CONNECTION", False),
    "others": ("echo DISPLAY=:0; echo X_SSH_TTY=1; echo SSH_TTY", False),
    "bytes that are no text": ("printf 'A=\\377\\nSSH_CLIENT=1\\n'", True),
    "a failure": ("echo no server >&2; exit 1", False),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_tmux_is_asked_for_ssh_too(answer: str, tmp_path: Path) -> None:
    script, remote = ANSWERS[answer]
    environment = _tmux(tmp_path, f'[ "$1" = show-environment ] || exit 9; {script}')
    assert (Route.NATIVE in choose(environment, "linux")) is not remote


def test_a_tmux_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ASK_TMUX_TIMEOUT_S", 0.1)
    assert Route.NATIVE in choose(_tmux(tmp_path, "exec /bin/sleep 600"), "linux")


def test_a_tmux_that_can_t_be_started_is_no_answer(tmp_path: Path) -> None:
    environment = _tmux(tmp_path, "")
    (tmp_path / "tmux").write_text("#!/no/such/interpreter\n")
    assert Route.NATIVE in choose(environment, "linux")
