"""The places where a secret could turn up: how to look there, and how to leave something there.

Each place is a probe, which gives all that is there, and a plant, which puts a text there as a
leak would: a probe that does not find it is worth nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from tests.canary import Canary
from tests.terminal.conftest import Machine
from tests.terminal.deliver_dialog import clear_field, line_with, press_deliver
from tests.terminal.processes import PATIENCE_S, call, child_running, eventually, is_running
from tests.terminal.recording_pulsapi import RecordingPulsapi
from tests.terminal.screen import lines_of
from tests.terminal.terminal import PROGRAM, Terminal

TMUX = shutil.which("tmux")
SPIED = ("tmux", "xclip", "xsel", "wl-copy", "wl-paste")
MAX_FILE_BYTES = 32 << 20
OSC52 = re.compile(rb"\x1b\]52;[a-z]*;[A-Za-z0-9+/=]*(?:\x07|\x1b\\)")

_PROC = Path("/proc")
_LISTENING_IN = ("open", "os.", "subprocess.", "socket.", "shutil.", "tempfile.", "mmap.", "pty.")

_SITECUSTOMIZE = f"""\
import logging, os, sys

def written(variable):
    file = os.open(os.environ[variable], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return lambda text: os.write(file, (text + "\\n").encode("utf-8", "backslashreplace"))

log, audit = written("CANARY_LOG"), written("CANARY_AUDIT")

class Everything(logging.Handler):
    def emit(self, record):
        log(f"{{record.name}} {{record.getMessage()}} {{vars(record)!r}}")

def heard(logger, record, everything=Everything()):
    everything.handle(record)

logging.root.setLevel(logging.DEBUG)
# Also of loggers that pass nothing on; a logger that was switched off stays so.
logging.Logger.callHandlers = heard

def hook(event, arguments):
    if event.startswith({_LISTENING_IN!r}):
        try:
            audit(f"{{event}} {{arguments!r}}")
        except Exception:
            pass

sys.addaudithook(hook)
"""

_SPY = """\
#!/bin/sh
cat /proc/$$/cmdline /proc/$$/environ >> {record}
case "$(cat {fault} 2> /dev/null) $*" in
    "all "* | "load-buffer "*load-buffer*) cat > /dev/null; exit 1 ;;
esac
exec {real} "$@"
"""


class World:
    """A user's machine with a tmux of default settings, and the program in a window of it."""

    def __init__(self, machine: Machine, folder: Path, stack: ExitStack) -> None:
        self.machine = machine
        self.stack = stack
        self.canary = Canary()
        self.session = Canary()
        self.server = RecordingPulsapi(self.canary)
        self.roots: dict[str, Path] = {"home": machine.home, "tmp": machine.scratch}
        for name in ("config", "state", "cache", "data", "work"):
            self.roots[name] = folder / name
            self.roots[name].mkdir()
        self.outside = folder / "outside"
        """What the test itself puts there may hold a secret."""
        self.outside.mkdir()
        self.record = self.outside / "spies"
        self.log = self.outside / "log"
        self.audit = self.outside / "audit"
        for path in (self.record, self.log, self.audit):
            path.touch()
        self.chosen: list[Path] = []
        """Files that the user chose for the key."""
        self.since = 0
        """So many bytes of the terminal were sent while the key was meant to be seen."""
        self.copied = False
        """Whether the user chose the clipboard of the terminal."""
        self.app = 0
        self.began_at = folder.stat().st_mtime
        self._socket = folder / "tmux"
        self._terminal: Terminal | None = None
        self._write_tools()
        stack.enter_context(self.server.serving())

    @property
    def terminal(self) -> Terminal:
        """The terminal around tmux."""
        assert self._terminal is not None
        return self._terminal

    @property
    def journal(self) -> Path:
        """The program's notes of creates that are not over."""
        return self.roots["state"] / "pulsapi-tui" / "journal.json"

    @property
    def last_targets(self) -> Path:
        """Where the program keeps where a key went last."""
        return self.journal.with_name("last-targets.toml")

    def _write_tools(self) -> None:
        self.tools = self.outside / "tools"
        self.tools.mkdir()
        self._fault = self.outside / "fault"
        for name in SPIED:
            real = shutil.which(name) or f"{self.outside}/no-{name}"
            script = _SPY.format(record=self.record, fault=self._fault, real=real)
            self.write_script(self.tools / name, script)
        site = self.outside / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self.starter = self.outside / "start"
        self.write_script(
            self.starter,
            "#!/bin/sh\nulimit -c unlimited 2> /dev/null\n"
            f'cd {shlex.quote(str(self.roots["work"]))}\n"$@"\necho "ended with $?"\nexec cat\n',
        )

    @staticmethod
    def write_script(path: Path, text: str) -> None:
        """Make a program of a shell script."""
        path.write_text(text)
        path.chmod(0o755)

    def tmux_fails(self, how: str) -> None:
        """Let tmux, as the program finds it, fail: at `all`, at `load-buffer`, or at nothing."""
        self._fault.write_text(how)

    def environment(self, **more: str) -> dict[str, str]:
        """What the program is started with."""
        return self.machine.environment(
            PULSAPI_BASE_URL=self.server.url,
            PULSAPI_API_KEY=self.session.secret,
            PATH=f"{self.tools}:{os.environ.get('PATH', os.defpath)}",
            PYTHONPATH=str(self.outside / "site"),
            PYTHONASYNCIODEBUG="1",
            PYTHONFAULTHANDLER="1",
            PYTHONDONTWRITEBYTECODE="1",
            CANARY_LOG=str(self.log),
            CANARY_AUDIT=str(self.audit),
            **{
                f"XDG_{name.upper()}_HOME": str(self.roots[name])
                for name in ("config", "state", "cache", "data")
            },
            **more,
        )

    def tmux(self, *arguments: str) -> bytes:
        """Command tmux, by its real program."""
        return subprocess.run(
            [str(TMUX), "-S", str(self._socket), *arguments],
            env=self.machine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE_S,
        ).stdout

    def run(self, argv: list[str], **environment: str) -> Terminal:
        """Run something in a terminal; the status line of tmux takes a row."""
        terminal = Terminal(argv, self.environment(**environment), 80, 25)
        self.stack.callback(terminal.close)
        return terminal

    def start(self, *argv: str, **environment: str) -> None:
        """Start the program in a window of tmux, and wait for the list."""
        command = ["-S", str(self._socket), "-f", os.devnull, "new-session", str(self.starter)]
        argv = argv or (PROGRAM,)
        self._terminal = self.run([str(TMUX), *command, *argv], **environment)
        self.stack.callback(self.tmux, "kill-server")
        self.terminal.until("● live")
        pane = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        self.app = child_running(pane, argv[-1])

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.app, number)

    def seen(self) -> str:
        """The terminal's screen in one line."""
        return " ".join(self.terminal.text.split())

    def click(self, text: str) -> None:
        """Click on a text."""
        number, line = line_with(self.terminal, text)
        self.terminal.click(line.index(text), number)

    def deliver(self, way: int = 0, path: str | None = None) -> None:
        """Deliver the open key by a way of the menu, to its default place or to another."""
        self.terminal.press("d")
        self.terminal.until("Where does", "Cancel", "Path ")
        for _ in range(way):
            self.terminal.press("down")
        if way:
            self.terminal.until("Runs:")
        if path is not None:
            clear_field(self.terminal, "Path ")
            self.terminal.press(path)
            self.terminal.until(f" {path} ")
        press_deliver(self.terminal)

    def back_from_delivery(self, report: str) -> None:
        """Close what says that it can't go there, and the menu that comes again."""
        self.escape()
        self.terminal.gone(report)
        self.terminal.until("Where does", "Cancel")
        self.escape()
        self.terminal.gone("Where does")
        self.terminal.until("API key created")

    def escape(self) -> None:
        """Press Escape, for which tmux would wait whether more comes."""
        self.tmux("send-keys", "Escape")

    def until_it_ended(self, status: int) -> None:
        """Wait for the end of the program; the shell's next line says with what."""
        eventually(lambda: not is_running(self.app), "the program ends")
        self.terminal.until(f"ended with {status}")

    def forget_what_was_shown(self) -> None:
        """From here on, the terminal must get nothing of the key."""
        self.since = len(self.terminal.raw)

    def redraw(self) -> None:
        """Let tmux send its whole screen again."""
        before = len(self.terminal.raw)
        self.tmux("refresh-client")
        eventually(lambda: b"ended with" in self.terminal.raw[before:], "tmux draws again")

    def files(self) -> Iterator[Path]:
        """The files in the folders that a user has, but for those that were chosen for the key."""
        for root in self.roots.values():
            yield from _files_in(root, self.chosen)

    # For plants

    def held_by(self, text: str) -> Path:
        """A file outside of all places that holds a text, for a plant."""
        path = self.outside / "planted"
        path.write_text(text)
        return path

    def window(self, script: str) -> None:
        """Run a script in a new window; the text to plant is in `$1`."""
        path = self.outside / "planted"
        line = f"{script.replace('$1', shlex.quote(str(path)))}; touch {path}.shown; exec cat"
        self.tmux("new-window", line)
        shown = path.with_name(f"{path.name}.shown")
        eventually(shown.exists, "the window shows it")
        shown.unlink()


class Place(NamedTuple):
    """Where a secret could turn up."""

    probe: Callable[[World], bytes]
    plant: Callable[[World, Canary], None]


def _files_in(root: Path, without: Iterable[Path] = ()) -> list[Path]:
    skipped = set(without)
    found = []
    for folder, _, names in os.walk(root):
        found += [Path(folder, name) for name in names]
    return [path for path in found if path not in skipped]


def _contents(paths: Iterable[Path]) -> bytes:
    parts = []
    for path in paths:
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    parts.append(stream.read(MAX_FILE_BYTES))
    return b"\n".join(parts)


def _of_all_processes(read: Callable[[Path], bytes]) -> bytes:
    parts = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parts.append(read(entry))
    return b"\n".join(parts)


# The terminal


def _sent(world: World) -> bytes:
    data = world.terminal.raw[world.since :]
    return OSC52.sub(b"", data) if world.copied else data


def _plant_on_pane(world: World, canary: Canary) -> None:
    world.held_by(canary.secret)
    world.window("cat $1")
    world.terminal.until(canary.word)


def _titles(world: World) -> bytes:
    return b"\n".join(re.findall(rb"\x1b(?:\][012];|k)[^\x07\x1b]*", world.terminal.raw))


def _plant_title(world: World, canary: Canary) -> None:
    world.tmux("set-option", "-g", "set-titles", "on")
    world.tmux("set-option", "-g", "set-titles-string", canary.word)
    eventually(lambda: canary.found_in(_titles(world)), "the terminal gets the title")


def _screen(which: str) -> Callable[[World], bytes]:
    def probe(world: World) -> bytes:
        return "\n".join(lines_of(getattr(world.terminal.screens, which))).encode()

    return probe


def _plant_on_normal_screen(world: World, canary: Canary) -> None:
    path = world.held_by(canary.secret)
    world.tmux("detach-client", "-E", f"cat {shlex.quote(str(path))}; exec cat")
    eventually(lambda: canary.found_in(_screen("normal")(world)), "it is on the normal screen")


# tmux


def _panes(world: World) -> list[str]:
    return world.tmux("list-panes", "-a", "-F", "#{pane_id}").decode().split()


def _captured(*options: str) -> Callable[[World], bytes]:
    def probe(world: World) -> bytes:
        return b"\n".join(
            world.tmux("capture-pane", "-p", "-J", *options, "-t", pane) for pane in _panes(world)
        )

    return probe


def _plant_in_history(world: World, canary: Canary) -> None:
    world.held_by(canary.secret)
    world.window("cat $1; seq 200")
    eventually(lambda: canary.found_in(_captured("-S", "-", "-E", "-1")(world)), "the history")


def _plant_on_other_screen(world: World, canary: Canary) -> None:
    world.held_by(canary.secret)
    world.window("cat $1; printf '\\033[?1049h'")
    eventually(lambda: canary.found_in(_captured("-a", "-q")(world)), "the other screen")


def _buffers(world: World) -> bytes:
    listed = world.tmux("list-buffers", "-F", "#{buffer_name}")
    names = listed.decode().splitlines()
    return b"\n".join([listed, *(world.tmux("show-buffer", "-b", name) for name in names)])


def _session_environment(world: World) -> bytes:
    return world.tmux("show-environment") + world.tmux("show-environment", "-h")


def _global_environment(world: World) -> bytes:
    return world.tmux("show-environment", "-g") + world.tmux("show-environment", "-gh")


_NAMES = "#{session_name} #{window_name} #{pane_title} #{pane_current_command} #{pane_tty} \
#{pane_start_command} #{pane_current_path} #{pane_path} #{history_file} #{@note}"


# Files


def _root(name: str) -> Place:
    def probe(world: World) -> bytes:
        return _contents(_files_in(world.roots[name], world.chosen))

    def plant(world: World, canary: Canary) -> None:
        folder = world.roots[name] / "a" / "b"
        folder.mkdir(parents=True)
        (folder / ".c").write_text(canary.secret)

    return Place(probe, plant)


def _one_file(path_of: Callable[[World], Path]) -> Place:
    def plant(world: World, canary: Canary) -> None:
        path_of(world).parent.mkdir(parents=True, exist_ok=True)
        path_of(world).write_text(canary.secret)

    return Place(lambda world: _contents([path_of(world)]), plant)


def _file_names(world: World) -> bytes:
    parts: list[str] = []
    for root in world.roots.values():
        for folder, folders, names in os.walk(root):
            for name in (*folders, *names):
                path = os.path.join(folder, name)
                parts.append(name)
                with suppress(OSError):
                    parts.append(os.readlink(path))
                with suppress(OSError):
                    for attribute in os.listxattr(path, follow_symlinks=False):
                        value = os.getxattr(path, attribute, follow_symlinks=False)
                        parts += [attribute, os.fsdecode(value)]
    return os.fsencode("\n".join(parts))


def _plant_file_name(world: World, canary: Canary) -> None:
    (world.roots["home"] / canary.word).symlink_to("somewhere")


def _shared_memory(world: World) -> bytes:
    found = []
    for path in _files_in(Path("/dev/shm")):  # noqa: S108  # looked at, not trusted
        with suppress(OSError):
            if path.lstat().st_mtime >= world.began_at:
                found.append(path)
    return _contents(found)


def _plant_in_shared_memory(world: World, canary: Canary) -> None:
    path = Path(f"/dev/shm/planted-{os.getpid()}")  # noqa: S108  # removed again
    world.stack.callback(path.unlink)
    path.write_text(canary.secret)


def _cores(world: World) -> bytes:
    return _contents(path for path in world.files() if path.name.startswith("core"))


def _plant_core(world: World, canary: Canary) -> None:
    """A process with the secret in its memory dies; where the system keeps no core, a file does."""
    dying = "import os, sys; held = sys.stdin.read(); os.abort()"
    shell = ["/bin/sh", "-c", 'ulimit -c unlimited; "$@"', "sh", sys.executable, "-I", "-c", dying]
    work = world.roots["work"]
    subprocess.run(
        shell,
        cwd=work,
        input=canary.secret.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=PATIENCE_S,
    )
    if not _cores(world):
        (work / "core.1").write_text(canary.secret)


def _pictures(world: World) -> bytes:
    return _contents(path for path in world.files() if path.suffix in {".svg", ".png", ".html"})


# Processes


def _plant_process(world: World, *arguments: str, **environment: str) -> None:
    """A process that lives until the test ends."""
    process = world.stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-I", "-c", "print(flush=True); input()", *arguments],
            env=world.machine.environment(**environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    )
    world.stack.callback(process.kill)
    assert process.stdout is not None
    process.stdout.readline()


def _command_lines(world: World) -> bytes:
    return _of_all_processes(lambda entry: (entry / "cmdline").read_bytes())


def _environments(world: World) -> bytes:
    return _of_all_processes(lambda entry: (entry / "environ").read_bytes())


def _thread_names(entry: Path) -> bytes:
    return b"\n".join((task / "comm").read_bytes() for task in (entry / "task").iterdir())


def _plant_thread_name(world: World, canary: Canary) -> None:
    comm = _PROC / "self" / "comm"
    before = comm.read_text()
    world.stack.callback(comm.write_text, before)
    comm.write_text(canary.word[:15])


def _links_of(folder: str) -> Callable[[Path], bytes]:
    def read(entry: Path) -> bytes:
        parts = []
        for handle in (entry / folder).iterdir():
            with suppress(OSError):
                parts.append(os.fsencode(os.readlink(handle)))
        return b"\n".join(parts)

    return read


def _plant_open_file(world: World, canary: Canary) -> None:
    world.stack.enter_context((world.outside / canary.word).open("w"))


def _socket_names(world: World) -> bytes:
    return (_PROC / "net" / "unix").read_bytes()


def _plant_socket(world: World, canary: Canary) -> None:
    it = world.stack.enter_context(socket.socket(socket.AF_UNIX))
    it.bind(f"\0{canary.secret}")


def _run_python(world: World, code: str, canary: Canary) -> None:
    """Run code as the program is run, with the secret on its standard input."""
    subprocess.run(
        [sys.executable, "-c", f"import sys; secret = sys.stdin.read(); {code}"],
        env=world.environment(),
        input=canary.secret.encode(),
        check=True,
        timeout=PATIENCE_S,
    )


def _plant_in_log(world: World, canary: Canary) -> None:
    code = "import logging; it = logging.getLogger('a.b'); it.propagate = False; it.debug(secret)"
    _run_python(world, code, canary)


def _plant_in_audit(world: World, canary: Canary) -> None:
    _run_python(world, "import subprocess; subprocess.run(['/bin/true', secret])", canary)


def _plant_with_spies(world: World, canary: Canary) -> None:
    for name in SPIED[1:]:
        subprocess.run(
            [world.tools / name, "-version", canary.secret],
            env=world.machine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE_S,
        )


# The wire


def _headers(world: World) -> bytes:
    """All but the one that a key is for: that of the session, and that of a try."""
    parts = []
    for request in world.server.requests:
        is_try = request.path.startswith("/v1/services")
        key = world.canary if is_try else world.session
        for name, value in request.headers.items():
            if (name, value) != ("authorization", f"Bearer {key.secret}"):
                parts.append(f"{name}: {value}")
    return "\n".join(parts).encode()


def _plant_call(path: str, body: str = "") -> Callable[[World, Canary], None]:
    def plant(world: World, canary: Canary) -> None:
        port = int(world.server.url.rpartition(":")[2])
        content = {"name": body.format(canary.secret)} if body else None
        call(port, "POST" if body else "GET", path.format(canary.word), canary.secret, content)

    return plant


PLACES: dict[str, Place] = {
    "what the terminal was sent": Place(_sent, _plant_on_pane),
    "the terminal's title": Place(_titles, _plant_title),
    "the terminal's alternate screen": Place(_screen("alternate"), _plant_on_pane),
    "the terminal's normal screen": Place(_screen("normal"), _plant_on_normal_screen),
    "tmux: the panes": Place(_captured(), _plant_on_pane),
    "tmux: the history": Place(_captured("-S", "-", "-E", "-1"), _plant_in_history),
    "tmux: the other screens": Place(_captured("-a", "-q"), _plant_on_other_screen),
    "tmux: buffers": Place(
        _buffers, lambda world, canary: void(world.tmux("set-buffer", canary.secret))
    ),
    "tmux: the session's environment": Place(
        _session_environment,
        lambda world, canary: void(world.tmux("set-environment", "PLANTED", canary.secret)),
    ),
    "tmux: the global environment": Place(
        _global_environment,
        lambda world, canary: void(world.tmux("set-environment", "-gh", "PLANTED", canary.secret)),
    ),
    "tmux: messages": Place(
        lambda world: world.tmux("show-messages"),
        lambda world, canary: void(world.tmux("display-message", canary.word)),
    ),
    "tmux: names and titles": Place(
        lambda world: world.tmux("list-panes", "-a", "-F", _NAMES),
        lambda world, canary: void(world.tmux("select-pane", "-T", canary.word)),
    ),
    "tmux: options": Place(
        lambda world: world.tmux("show-options", "-g") + world.tmux("show-options", "-s"),
        lambda world, canary: void(world.tmux("set-option", "-g", "status-left", canary.word)),
    ),
    "home": _root("home"),
    "the folder for temporary files": _root("tmp"),
    "the folder for settings": _root("config"),
    "the folder for state": _root("state"),
    "the folder for caches": _root("cache"),
    "the folder for data": _root("data"),
    "the working directory": _root("work"),
    "the journal": _one_file(lambda world: world.journal),
    "the last targets": _one_file(lambda world: world.last_targets),
    "names of files, links and attributes": Place(_file_names, _plant_file_name),
    "shared memory": Place(_shared_memory, _plant_in_shared_memory),
    "core files": Place(_cores, _plant_core),
    "pictures of the screen": Place(
        _pictures,
        lambda world, canary: void((world.roots["work"] / "x.svg").write_text(canary.secret)),
    ),
    "arguments of processes": Place(
        _command_lines, lambda world, canary: _plant_process(world, canary.secret)
    ),
    "environments of processes": Place(
        _environments, lambda world, canary: _plant_process(world, PLANTED=canary.secret)
    ),
    "names of threads": Place(lambda _: _of_all_processes(_thread_names), _plant_thread_name),
    "open files of processes": Place(
        lambda _: _of_all_processes(_links_of("fd")), _plant_open_file
    ),
    "names of sockets": Place(_socket_names, _plant_socket),
    "arguments and environments of clipboard tools": Place(
        lambda world: world.record.read_bytes(), _plant_with_spies
    ),
    "calls to the system (audit)": Place(lambda world: world.audit.read_bytes(), _plant_in_audit),
    "the log at DEBUG": Place(lambda world: world.log.read_bytes(), _plant_in_log),
    "requests: paths": Place(
        lambda world: "\n".join(each.path for each in world.server.requests).encode(),
        _plant_call("/v1/services?q={}"),
    ),
    "requests: headers": Place(_headers, _plant_call("/v1/services")),
    "requests: bodies": Place(
        lambda world: b"\n".join(each.body for each in world.server.requests),
        _plant_call("/v1/api-keys", "{}"),
    ),
}

GIVEN_THE_SESSIONS_KEY = frozenset(
    {
        "tmux: the session's environment",
        "tmux: the global environment",
        "environments of processes",
    }
)
"""Where the key of the session comes from: the environment that the program was started with."""


def void(_: object) -> None:
    """Drop a result."""
