"""The program at the far end of a real ssh: where a copy goes, and what a lost line leaves."""

from __future__ import annotations

import grp
import json
import os
import pty
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.server.support import finish, read_url, start_serve
from tests.terminal.conftest import Machine
from tests.terminal.processes import (
    PATIENCE_S,
    call,
    child_running,
    eventually,
    files_with,
    is_running,
    who_mentions,
)
from tests.terminal.terminal import PROGRAM, Terminal
from tests.terminal.test_main_story import create, show
from tests.terminal.test_multiplexer import copied, needs_tmux

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SSH, KEYGEN = shutil.which("ssh"), shutil.which("ssh-keygen")
TMUX = shutil.which("tmux")
TRIES = 5


def hands_out_terminals() -> bool:
    """Whether an sshd of this user can give a terminal to a session: only root may chown one."""
    master, slave = pty.openpty()
    try:
        return os.geteuid() == 0 or os.fstat(slave).st_gid == grp.getgrnam("tty").gr_gid
    finally:
        os.close(master)
        os.close(slave)


pytestmark = [
    pytest.mark.skipif(
        None in {SSHD, SSH, KEYGEN}, reason="sshd is not installed (openssh-server, openssh-client)"
    ),
    pytest.mark.skipif(
        not hands_out_terminals(),
        reason="terminals here don't belong to the group tty: sshd needs root",
    ),
]


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])


def answers(port: int) -> bool:
    """Whether an ssh server is there."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as line:
            return line.recv(4) == b"SSH-"
    except OSError:
        return False


class FarSide:
    """A computer that is reached by ssh: the same one, with a home and a scratch folder."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine = machine
        self._folder = folder
        self.home = machine.home
        self.tmux_socket = folder / "tmux"
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        for name in ("host", "user"):
            path = str(folder / name)
            subprocess.run([str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)

    @property
    def pid(self) -> int:
        """The process of the ssh server."""
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Listen on loopback, for one key."""
        if os.geteuid() == 0:
            # The service's start makes it where there is a service.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        if not any(self._listens_on(free_port()) for _ in range(TRIES)):
            raise AssertionError((self._folder / "log").read_text())

    def _listens_on(self, port: int) -> bool:
        """Try a port; somebody else may have taken it by now."""
        self.port = port
        config = self._folder / "sshd_config"
        config.write_text(
            f"Port {port}\n"
            "ListenAddress 127.0.0.1\n"
            f"HostKey {self._folder}/host\n"
            f"AuthorizedKeysFile {self._folder}/user.pub\n"
            "PidFile none\n"
            "UsePAM no\n"
            "StrictModes no\n"
            "PasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n"
            "PermitUserRC no\n"
            "PrintMotd no\n"
            "PrintLastLog no\n"
        )
        with (self._folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._server = server
        eventually(lambda: answers(port) or server.poll() is not None, "sshd answers, or ends")
        kind, key = (self._folder / "host.pub").read_text().split()[:2]
        (self._folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        return server.poll() is None

    def environment(self, **more: str) -> dict[str, str]:
        """What a login there has, beside what ssh says."""
        base = self._machine.environment(**more)
        return {name: value for name, value in base.items() if name != "TERM"}

    def run(
        self, *argv: str, session_key: Path | None = None, term: str = "xterm-256color", **env: str
    ) -> Terminal:
        """Run something there, in a new terminal of this side.

        The session's key is read over there: it is in no argument.
        """
        variables = [f"{name}={value}" for name, value in self.environment(**env).items()]
        by_ssh = [f'{name}="${name}"' for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")]
        script = f"exec {shlex.join(argv)}"
        if session_key is not None:
            key = shlex.quote(str(session_key))
            script = f'PULSAPI_API_KEY="$(cat {key})"; export PULSAPI_API_KEY; {script}'
        remote = " ".join(
            ["exec env -i", *by_ssh, 'TERM="$TERM"', shlex.join([*variables, "/bin/sh", "-c"])]
        )
        ssh = [
            *[str(SSH), "-F", os.devnull, "-tt", "-e", "none", "-p", str(self.port)],
            *["-i", str(self._folder / "user"), "-l", pwd.getpwuid(os.getuid()).pw_name],
            *(f"-o{option}" for option in self._options()),
            "127.0.0.1",
            f"{remote} {shlex.quote(script)}",
        ]
        # The status line of tmux takes a row.
        return self._machine.run(ssh, lines=25, TERM=term)

    def _options(self) -> Sequence[str]:
        return (
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "LogLevel=ERROR",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self._folder}/known",
        )

    def in_tmux(self, *argv: str) -> list[str]:
        """The command that runs something in a new tmux with default settings."""
        return [str(TMUX), "-S", str(self.tmux_socket), "-f", os.devnull, "new-session", *argv]

    def tmux(self, *arguments: str, **environment: str) -> str:
        """Command the tmux there, from a shell that did not come by ssh."""
        return subprocess.run(
            [str(TMUX), "-f", os.devnull, "-S", str(self.tmux_socket), *arguments],
            env=self._machine.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        ).stdout

    def close(self) -> None:
        """End what is there."""
        if TMUX is not None:
            self.tmux("kill-server")
        if self._server is not None:
            self._server.terminate()
            self._server.wait(PATIENCE_S)


@pytest.fixture
def far(machine: Machine, tmp_path: Path) -> Iterator[FarSide]:
    """The far side, with its door open."""
    it = FarSide(machine, tmp_path / "far")
    try:
        it.start()
        yield it
    finally:
        it.close()


def opened(terminal: Terminal) -> Terminal:
    """Wait for the list of the demo."""
    terminal.until("CI/CD Pipeline", "● live")
    return terminal


def paste_back(terminal: Terminal, pasted: str) -> None:
    """Prove a key by what came out of a clipboard."""
    terminal.press("v")
    terminal.until("Paste the key here")
    terminal.paste(pasted)
    terminal.gone("Paste the key here")
    terminal.press("enter")
    terminal.until("Verified")


def test_copy_reaches_the_terminal_before_ssh(far: FarSide) -> None:
    """A display of the far side, as where a screen is plugged in there, is not the user's."""
    terminal = opened(far.run(PROGRAM, "demo", DISPLAY=":987"))
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Sent to your terminal's clipboard.", "Not confirmed.")
    assert "computer" not in terminal.text, "that one's clipboard was not tried"
    secret = show(terminal)
    assert copied(terminal) == {secret}
    assert not who_mentions(secret)
    paste_back(terminal, copied(terminal).pop())


@needs_tmux
def test_copy_in_a_tmux_behind_ssh(far: FarSide) -> None:
    """With tmux as it comes: through both to the terminal, and no buffer keeps it."""
    terminal = opened(far.run(*far.in_tmux(PROGRAM, "demo"), DISPLAY=":987"))
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Sent through tmux to your terminal's clipboard.", "Not confirmed.")
    assert "computer" not in terminal.text, "that one's clipboard was not tried"
    secret = show(terminal)
    assert copied(terminal) == {secret}
    assert far.tmux("list-buffers") == ""
    # The probe can find one.
    far.tmux("set-buffer", "something")
    assert "something" in far.tmux("list-buffers")
    assert not who_mentions(secret)
    paste_back(terminal, copied(terminal).pop())


@needs_tmux
def test_copy_in_a_tmux_that_ssh_came_to_later(far: FarSide) -> None:
    """The pane knows of a display and of no ssh: tmux is asked."""
    far.tmux("new-session", "-d", "-s", "desk", PROGRAM, "demo", DISPLAY=":987")
    attach = [str(TMUX), "-S", str(far.tmux_socket), "attach-session", "-t", "desk"]
    terminal = opened(far.run(*attach))
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Sent through tmux to your terminal's clipboard.", "Not confirmed.")
    assert "computer" not in terminal.text, "that one's clipboard was not tried"
    assert copied(terminal) == {show(terminal)}


@needs_tmux
def test_copy_where_there_is_no_way_back(far: FarSide) -> None:
    """It says so, and the key stays where it was: masked, until it is asked for."""
    terminal = opened(far.run(*far.in_tmux(PROGRAM, "demo"), term="vt100"))
    create(terminal, "Release bot")
    terminal.press("c")
    terminal.until("Could not copy", "tmux has no way to this terminal's clipboard")
    terminal.until("API key created", "•••••")
    assert not copied(terminal)
    assert far.tmux("list-buffers") == ""
    secret = show(terminal)
    assert secret.encode() not in terminal.raw.partition(b"Could not copy")[0]


class Service:
    """A PulsAPI with data that stay, and the program of its owner at the far side."""

    def __init__(self, far: FarSide, data: Path, url: str) -> None:
        self.far = far
        self._url = url
        self._key = data / "owner.key"

    def run(self, argv: Sequence[str] = (PROGRAM,)) -> Terminal:
        """Start the program over a new connection."""
        terminal = self.far.run(*argv, session_key=self._key, PULSAPI_BASE_URL=self._url)
        terminal.until("● live")
        return terminal

    def status(self, secret: str) -> int:
        """What a call with a key is answered."""
        return call(int(self._url.rpartition(":")[2]), "GET", "/v1/services", secret)[0]

    def written_down(self) -> list[str]:
        """The names of the keys that are not over, as the journal has them."""
        journals = list(self.far.home.rglob("journal*.json"))
        return [
            intent["name"]
            for path in journals
            for intent in json.loads(path.read_text())["intents"]
        ]

    def is_asked_and_revoked(self, secret: str) -> None:
        """The next start names the key, and revokes it where that is wished."""
        terminal = self.run()
        terminal.until("A key without an owner", "Release bot", f"…{secret[-4:]}", "Revoke it")
        assert self.status(secret) == 200
        # It takes no answer at first.
        eventually(lambda: self._revokes(terminal), "it takes the answer")
        assert self.status(secret) == 401
        eventually(lambda: not self.written_down(), "the journal is done with it")

    def _revokes(self, terminal: Terminal) -> bool:
        for line, text in enumerate(terminal.lines):
            if "Revoke it" in text:
                terminal.click(text.index("Revoke it"), line)
        return terminal.shows("Revoked “Release bot”")


@pytest.fixture
def service(far: FarSide, tmp_path: Path) -> Iterator[Service]:
    """`pulsapi-tui serve`."""
    data = tmp_path / "data"
    process = start_serve(data)
    try:
        yield Service(far, data, read_url(process))
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)


Cut = Callable[[Terminal], None]
CUTS: dict[str, Cut] = {
    "the window is closed": Terminal.hang_up,
    "ssh is killed": lambda terminal: terminal.signal(signal.SIGKILL),
}


@pytest.mark.parametrize("how", CUTS)
def test_a_line_that_is_cut_while_a_key_is_shown(service: Service, how: str) -> None:
    """The program ends with the line, and the next start knows of the key."""
    terminal = service.run()
    create(terminal, "Release bot")
    secret = show(terminal)
    app = child_running(service.far.pid, PROGRAM)
    CUTS[how](terminal)
    eventually(lambda: not is_running(app), "the program ends")
    assert service.written_down() == ["Release bot"]
    assert not files_with(secret, service.far.home)
    service.is_asked_and_revoked(secret)


@needs_tmux
def test_a_line_to_tmux_that_is_cut_while_a_key_is_shown(service: Service) -> None:
    """The key is there when one comes back; where tmux ends too, the next start knows of it."""
    far = service.far
    terminal = service.run(far.in_tmux(PROGRAM))
    create(terminal, "Release bot")
    secret = show(terminal)
    app = int(far.tmux("display-message", "-p", "#{pane_pid}"))
    terminal.signal(signal.SIGKILL)
    eventually(lambda: far.tmux("list-clients") == "", "tmux is alone")
    assert is_running(app)
    assert service.written_down() == ["Release bot"]

    back = far.run(str(TMUX), "-S", str(far.tmux_socket), "attach-session")
    back.until("API key created", "Release bot")
    back.press("c")
    back.until("Sent through tmux", "Not confirmed")
    back.wait_for(lambda: copied(back) == {secret}, "the outer terminal's clipboard")

    far.tmux("kill-server")
    eventually(lambda: not is_running(app), "the program ends")
    assert service.written_down() == ["Release bot"]
    assert not files_with(secret, far.home)
    service.is_asked_and_revoked(secret)
