"""`doctor` on real terminals, in a real tmux, against the real server."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pulsapi_tui import __version__
from tests.contract.support import spellings
from tests.server.support import finish, read_url, start_serve
from tests.terminal.conftest import Machine
from tests.terminal.fake_pulsapi import SESSION_KEY, Answers, serving
from tests.terminal.processes import PATIENCE_S, child_running, eventually
from tests.terminal.screen import TwoScreens
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_multiplexer import copied, needs_tmux

pytestmark = pytest.mark.thorough

TMUX = shutil.which("tmux")
ASKS_DA1 = b"\x1b[c"
MARKER = re.compile(r"pulsapi-tui doctor [0-9a-f]{6}")

Checks = dict[str, dict[str, str]]


def checks_in(output: bytes) -> Checks:
    """The checks by their names, from JSON with whatever a terminal got before it."""
    report = json.loads(output[output.index(b"{") :])
    assert report["version"] == __version__
    assert report["ok"] is not any(check["status"] == "fail" for check in report["checks"])
    for check in report["checks"]:
        assert check.keys() == {"group", "name", "status", "found", "mend"}
        assert check["mend"] or check["status"] in {"ok", "skip"}, check
    names = [check["name"] for check in report["checks"]]
    assert len(set(names)) == len(names) or names.count("recorded") > 1
    return {check["name"]: check for check in report["checks"]}


def without_terminal(
    machine: Machine, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run where there is no terminal at all, not even as /dev/tty."""
    return subprocess.run(
        [PROGRAM, "doctor", *arguments],
        env=machine.environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture
def pulsapi() -> Iterator[str]:
    """The base URL of a server that answers at once."""
    with serving(Answers(["CI"])) as url:
        yield url


@pytest.fixture
def answer_da1(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Have every terminal answer to what it is asked."""

    def answer(reply: bytes) -> None:
        feed = TwoScreens.feed

        def feed_and_answer(self: TwoScreens, data: bytes) -> bytes:
            return feed(self, data) + (reply if ASKS_DA1 in data else b"")

        monkeypatch.setattr(TwoScreens, "feed", feed_and_answer)

    return answer


def test_on_a_terminal_that_takes_the_clipboard(
    machine: Machine, pulsapi: str, answer_da1: Callable[[bytes], None]
) -> None:
    answer_da1(b"\x1b[?62;52;c")
    terminal = machine.start("doctor", "--json", PULSAPI_BASE_URL=pulsapi)
    assert terminal.status() == 0
    checks = checks_in(terminal.raw)
    assert checks["terminal's answer"]["status"] == "ok"
    assert checks["try"]["status"] == "ok"
    [marker] = copied(terminal)
    assert MARKER.fullmatch(marker)
    assert f"now holds “{marker}”" in checks["try"]["found"]
    assert checks["streams"]["status"] == checks["size"]["status"] == "ok"
    assert checks["core files"]["status"] == "ok"
    assert "^[" not in terminal.text, "the answer was not echoed"


@pytest.mark.parametrize("reply", [b"\x1b[?62;c", b""])
def test_on_a_terminal_that_does_not_say(
    machine: Machine, pulsapi: str, answer_da1: Callable[[bytes], None], reply: bytes
) -> None:
    answer_da1(reply)
    terminal = machine.start("doctor", "--json", PULSAPI_BASE_URL=pulsapi)
    assert terminal.status() == 0
    checks = checks_in(terminal.raw)
    assert checks["terminal's answer"]["status"] == "skip"
    assert ("did not answer" in checks["terminal's answer"]["found"]) is not bool(reply)
    [marker] = copied(terminal)
    assert checks["try"]["status"] == "warn"
    assert checks["try"]["mend"] == f"paste somewhere: you should see {marker}"


def test_the_clipboard_is_left_alone_where_it_is_asked(machine: Machine, pulsapi: str) -> None:
    terminal = machine.start("doctor", "--json", "--no-clipboard", PULSAPI_BASE_URL=pulsapi)
    assert terminal.status() == 0
    assert checks_in(terminal.raw)["try"]["status"] == "skip"
    assert copied(terminal) == set()


@contextmanager
def in_a_shell(machine: Machine, script: str, url: str) -> Iterator[Terminal]:
    """Run a script between two looks at the terminal's modes, which must be the same."""
    looks = f"echo before $(stty -g); {script}; echo ended $?; echo after $(stty -g)"
    terminal = machine.run(["sh", "-c", looks], PULSAPI_BASE_URL=url)
    yield terminal
    assert terminal.status() == 0
    found = re.findall(rb"(before|after) ([0-9a-f:]+)", terminal.raw)
    assert [when for when, _ in found] == [b"before", b"after"]
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)],
)
def test_the_terminals_modes_are_put_back_whatever_happens(
    machine: Machine, pulsapi: str, number: signal.Signals, status: int
) -> None:
    """A signal comes while it waits for an answer that never does."""
    command = f"{shlex.quote(PROGRAM)} doctor"
    with in_a_shell(machine, command, pulsapi) as terminal:
        terminal.wait_for(lambda: ASKS_DA1 in terminal.raw, "it asks")
        os.kill(child_running(terminal.pid, PROGRAM), number)
        terminal.until(f"ended {status}")
    assert b"Traceback" not in terminal.raw


def test_a_late_answer_is_not_typed_into_the_shell(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the bound; the terminal's echo shows that it is there before the end."""
    feed = TwoScreens.feed
    monkeypatch.setattr(
        TwoScreens,
        "feed",
        lambda self, data: feed(self, data) + (b"\x1b[?62;52c" if b"core files" in data else b""),
    )

    class AfterTheEcho(Answers):
        def account(self) -> dict[str, Any]:
            terminal.wait_for(lambda: b"?62;52c" in terminal.raw, "the echo")
            return super().account()

    with serving(AfterTheEcho(["CI"])) as url:
        # What is left to read, if anything, is there at once.
        read = "stty -icanon min 0 time 1; echo left $(head -c 99 | wc -c)"
        terminal = machine.run(
            ["sh", "-c", f"{shlex.quote(PROGRAM)} doctor; {read}"],
            PULSAPI_BASE_URL=url,
            columns=200,
        )
        assert terminal.status() == 0
    assert b"left 0" in terminal.raw


def test_a_crash_of_its_own_leaves_no_core(machine: Machine, pulsapi: str) -> None:
    """Whatever the shell's limit is."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("core files are off for good here")
    command = f'ulimit -S -c "$(ulimit -H -c)"; {shlex.quote(PROGRAM)} doctor'
    with in_a_shell(machine, command, pulsapi) as terminal:
        terminal.until("ended 0")
    assert re.search(rb"ok *(?:\x1b\[0m)? *core files", terminal.raw)


def test_in_the_background_the_terminal_is_not_asked(machine: Machine, pulsapi: str) -> None:
    command = f"set -m; {shlex.quote(PROGRAM)} doctor & wait $!"
    with in_a_shell(machine, command, pulsapi) as terminal:
        terminal.until("ended 0")
    assert ASKS_DA1 not in terminal.raw


def test_a_reader_that_goes_away(machine: Machine, pulsapi: str) -> None:
    command = f"{shlex.quote(PROGRAM)} doctor | head -1"
    with in_a_shell(machine, command, pulsapi) as terminal:
        terminal.until("ended 0")
    assert "Traceback" not in terminal.text
    assert "Error" not in terminal.text


@pytest.mark.parametrize(
    ("columns", "lines", "status"), [(39, 24, "fail"), (79, 24, "warn"), (80, 24, "ok")]
)
def test_the_size(machine: Machine, pulsapi: str, columns: int, lines: int, status: str) -> None:
    terminal = machine.start(
        "doctor", "--json", columns=columns, lines=lines, PULSAPI_BASE_URL=pulsapi
    )
    assert terminal.status() == (1 if status == "fail" else 0)
    check = checks_in(terminal.raw)["size"]
    assert check["status"] == status
    assert f"{columns} columns by {lines} lines" in check["found"]


def test_the_text_on_a_terminal(machine: Machine, pulsapi: str) -> None:
    """In colours, but never by colour alone; the last line sums up."""
    terminal = machine.start("doctor", columns=200, lines=120, PULSAPI_BASE_URL=pulsapi)
    assert terminal.status() == 0
    assert b"\x1b[32m\xe2\x9c\x93 ok  \x1b[0m" in terminal.raw
    seen = [line for line in terminal.lines if line]
    groups = ["Program", "Terminal", "Multiplexer", "Clipboard", "Files", "Server"]
    assert [line for line in seen if not line.startswith(" ")][:-1] == groups
    assert re.fullmatch(r"\d+ checks: \d+ ok, \d+ warn, 0 fail, \d+ skip. Nothing fails.", seen[-1])
    plain = machine.start("doctor", lines=120, NO_COLOR="1", PULSAPI_BASE_URL=pulsapi)
    assert plain.status() == 0
    assert not re.search(rb"\x1b\[\d+m", plain.raw)


def test_without_any_terminal(machine: Machine, pulsapi: str) -> None:
    done = without_terminal(machine, "--json", PULSAPI_BASE_URL=pulsapi)
    assert (done.returncode, done.stderr) == (0, b"")
    checks = checks_in(done.stdout)
    for name in ("size", "terminal's answer", "try"):
        assert checks[name]["status"] == "skip"
        assert "terminal" in checks[name]["found"]
    text = without_terminal(machine, PULSAPI_BASE_URL=pulsapi).stdout.decode()
    assert "\x1b" not in text
    assert text.endswith("Nothing fails.\n")
    ascii_only = without_terminal(machine, PULSAPI_BASE_URL=pulsapi, PYTHONIOENCODING="ascii")
    assert (ascii_only.returncode, ascii_only.stderr) == (0, b"")


def test_the_real_server(machine: Machine, tmp_path: Path) -> None:
    process = start_serve(tmp_path / "data")
    url = read_url(process)
    key = (tmp_path / "data" / "owner.key").read_text().strip()
    try:
        accepted = without_terminal(machine, "--json", "--base-url", url, PULSAPI_API_KEY=key)
        refused = without_terminal(
            machine, "--json", PULSAPI_BASE_URL=url, PULSAPI_API_KEY=SESSION_KEY
        )
        none = without_terminal(machine, "--json", PULSAPI_BASE_URL=url)
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)
    checks = checks_in(accepted.stdout)
    assert accepted.returncode == 0
    assert checks["API key"]["found"] == "Accepted: owner@localhost, plan pro, role owner."
    assert checks["clock"]["status"] == "ok"
    checks = checks_in(refused.stdout)
    assert refused.returncode == 1
    told = "PulsAPI does not accept this key. It comes from PULSAPI_API_KEY."
    assert checks["API key"]["found"] == told
    assert checks["reachable"]["status"] == "ok"
    assert none.returncode == 0
    assert checks_in(none.stdout)["API key"]["status"] == "skip"
    gone = without_terminal(machine, "--json", PULSAPI_BASE_URL=url)
    assert gone.returncode == 1
    assert checks_in(gone.stdout)["reachable"]["mend"] == "pulsapi-tui serve"


def test_a_key_is_in_no_output_and_in_no_child(machine: Machine, tmp_path: Path) -> None:
    """Not even where the server says it back, and an environment variable holds it."""
    tools, seen = tmp_path / "tools", tmp_path / "seen"
    tools.mkdir()
    tool = tools / "tmux"
    tool.write_text(f"#!/bin/sh\nexport -p >> {seen}\nexit 1\n")
    tool.chmod(0o755)
    forms = [form.encode() for form in spellings(SESSION_KEY)]
    spelled = " and ".join(spellings(SESSION_KEY))
    with serving(Answers(["CI"], email=spelled)) as url:
        terminal = machine.start(
            "doctor",
            PULSAPI_BASE_URL=url,
            PULSAPI_API_KEY=SESSION_KEY,
            TERM=spelled,
            TMUX="/nowhere,1,0",
            PATH=f"{tools}:/usr/bin:/bin",
        )
        assert terminal.status() == 0, terminal.text
        as_json = without_terminal(
            machine, "--json", PULSAPI_BASE_URL=url, PULSAPI_API_KEY=SESSION_KEY, TERM=spelled
        )
    for output in (terminal.raw, as_json.stdout, as_json.stderr):
        assert not [form for form in forms if form in output.replace(b"\r\n", b"\n")]
    checks = checks_in(as_json.stdout)
    for name in ("TERM", "API key"):
        assert "[the key]" in checks[name]["found"]
    assert "PULSAPI_BASE_URL" in seen.read_text()
    assert "PULSAPI_API_KEY" not in seen.read_text()


def test_hostile_text_stays_text(machine: Machine) -> None:
    hostile = "\x1b]52;c;RVZJTA==\x07\x1b[2J\u202e"
    with serving(Answers(["CI"], email=hostile)) as url:
        done = without_terminal(
            machine,
            PULSAPI_BASE_URL=url,
            PULSAPI_API_KEY=SESSION_KEY,
            TERM=f"xterm{hostile}",
            LANG=f"C.UTF-8{hostile}",
            XDG_STATE_HOME=f"{machine.home}/{hostile.replace('/', '')}",
            PYTHONUTF8="1",
        )
    assert done.returncode == 0
    text = done.stdout.decode()
    assert text.count("\ufffd") > 10
    assert not [char for char in text if not char.isprintable() and char != "\n"]


class Multiplexer:
    """A tmux of the test's own with a terminal attached, and the program in its pane."""

    def __init__(self, machine: Machine, directory: Path, url: str) -> None:
        self._machine = machine
        self._path = str(directory / "tmux")
        self._url = url

    def attach(self, term: str) -> Terminal:
        """Attach one more terminal."""
        before = self("list-clients").count("\n")
        command = f"{TMUX} -S {self._path} -f {os.devnull} new-session -A -s main 'exec cat'"
        terminal = self._machine.run(["sh", "-c", command], TERM=term)
        eventually(lambda: self("list-clients").count("\n") > before, "it is attached")
        return terminal

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(TMUX), "-S", self._path, *arguments],
            env=self._machine.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.stdout

    def inside(self) -> Mapping[str, str]:
        """The environment of the pane."""
        place = self("display-message", "-p", "-t", "main", "#{socket_path},#{pid},0|#{pane_id}")
        socket, _, pane = place.strip().partition("|")
        return {"TMUX": socket, "TMUX_PANE": pane, "TERM": "tmux-256color"}

    def checks(self) -> Checks:
        """What the program says in the pane."""
        done = without_terminal(
            self._machine, "--json", PULSAPI_BASE_URL=self._url, **self.inside()
        )
        assert done.returncode == 0
        return checks_in(done.stdout)

    def type(self, line: str) -> None:
        """Type a line in the pane."""
        environment = self._machine.environment(**self.inside())
        subprocess.run(["sh", "-c", line], env=environment, timeout=PATIENCE_S, check=True)


@pytest.fixture
def multiplexer(machine: Machine, tmp_path: Path, pulsapi: str) -> Iterator[Multiplexer]:
    """Nothing is attached yet."""
    it = Multiplexer(machine, tmp_path, pulsapi)
    yield it
    it("kill-server")


@needs_tmux
def test_tmux_with_its_own_settings(multiplexer: Multiplexer) -> None:
    """The copy goes by `load-buffer`, so nothing is complained of."""
    multiplexer.attach("xterm-256color")
    checks = multiplexer.checks()
    for name in (
        "inside tmux",
        "set-clipboard",
        "allow-passthrough",
        "tmux's terminal",
        "recorded",
    ):
        assert checks[name]["status"] == "ok", checks[name]
    assert checks["inside tmux"]["found"] == f"In {multiplexer('-V').strip()}."
    assert checks["set-clipboard"]["found"] == "external."
    assert "xterm-256color has a clipboard" in checks["tmux's terminal"]["found"]
    assert checks["osc52"]["status"] == "skip"
    assert checks["tmux's terminal"]["group"] == "Multiplexer"


@needs_tmux
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("set-clipboard", ["set-option", "-s", "set-clipboard", "off"]),
        ("recorded", ["pipe-pane", "-t", "main", "cat > /dev/null"]),
    ],
)
def test_the_line_that_mends_a_setting(
    multiplexer: Multiplexer, name: str, spoil: list[str]
) -> None:
    multiplexer.attach("xterm-256color")
    assert multiplexer.checks()[name]["status"] == "ok"
    multiplexer(*spoil)
    check = multiplexer.checks()[name]
    assert check["status"] == "warn"
    multiplexer.type(check["mend"])
    assert multiplexer.checks()[name]["status"] == "ok"


@needs_tmux
def test_the_line_that_gives_tmux_the_clipboard_of_its_terminal(multiplexer: Multiplexer) -> None:
    multiplexer.attach("rxvt-unicode-256color")
    check = multiplexer.checks()["tmux's terminal"]
    assert check["status"] == "warn"
    assert "Detach and attach again" in check["found"]
    multiplexer.type(check["mend"])
    multiplexer("detach-client", "-a")
    multiplexer("detach-client")
    eventually(lambda: not multiplexer("list-clients"), "it is detached")
    assert multiplexer.checks()["tmux's terminal"]["status"] == "skip"
    multiplexer.attach("rxvt-unicode-256color")
    assert multiplexer.checks()["tmux's terminal"]["status"] == "ok"


@needs_tmux
@pytest.mark.parametrize(
    ("term", "said"), [("linux", "has no clipboard"), ("tmux-256color", "In the outer tmux:")]
)
def test_a_terminal_around_tmux_that_tmux_can_t_help(
    multiplexer: Multiplexer, term: str, said: str
) -> None:
    multiplexer.attach(term)
    check = multiplexer.checks()["tmux's terminal"]
    assert (check["status"], said in check["found"]) == ("warn", True), check


@needs_tmux
def test_several_terminals_on_one_tmux(multiplexer: Multiplexer) -> None:
    multiplexer.attach("xterm-256color")
    assert "attached" not in multiplexer.checks()
    multiplexer.attach("xterm-256color")
    check = multiplexer.checks()["attached"]
    assert check["found"].startswith("2 terminals")
    multiplexer.type(check["mend"])
    eventually(lambda: multiplexer("list-clients").count("\n") == 1, "one is left")
    assert "attached" not in multiplexer.checks()


@needs_tmux
def test_a_try_in_tmux_reaches_the_terminal_around_it(
    multiplexer: Multiplexer, machine: Machine, pulsapi: str, tmp_path: Path
) -> None:
    terminal = multiplexer.attach("xterm-256color")
    report = tmp_path / "report.json"
    command = f"{PROGRAM} doctor --json > {report}; exec cat"
    multiplexer("respawn-pane", "-k", "-t", "main", "-e", f"PULSAPI_BASE_URL={pulsapi}", command)
    eventually(lambda: report.exists() and report.read_bytes().endswith(b"}\n"), "it is done")
    check = checks_in(report.read_bytes())["try"]
    terminal.wait_for(lambda: copied(terminal), "the outer terminal's clipboard")
    [marker] = copied(terminal)
    assert MARKER.fullmatch(marker)
    assert marker in check["mend"]
    assert multiplexer("list-buffers") == ""


@needs_tmux
def test_a_tmux_before_ssh_swallows_until_it_is_mended(
    multiplexer: Multiplexer, pulsapi: str, tmp_path: Path
) -> None:
    """As at the far end of ssh: TERM is tmux's, TMUX is not there."""
    terminal = multiplexer.attach("xterm-256color")

    def run(name: str) -> dict[str, Any]:
        report = tmp_path / name
        command = f"unset TMUX TMUX_PANE; {PROGRAM} doctor --json > {report}; exec cat"
        multiplexer(
            "respawn-pane", "-k", "-t", "main", "-e", f"PULSAPI_BASE_URL={pulsapi}", command
        )
        eventually(lambda: report.exists() and report.read_bytes().endswith(b"}\n"), "it is done")
        return checks_in(report.read_bytes())["inside tmux"]

    check = run("before")
    assert (check["status"], "may swallow" in check["found"]) == ("warn", True)
    multiplexer.type(check["mend"])
    run("after")
    terminal.wait_for(lambda: copied(terminal), "the outer terminal's clipboard")
    assert len(copied(terminal)) == 1, "the first one was swallowed"
