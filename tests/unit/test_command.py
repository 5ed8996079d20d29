"""A key goes to a program's standard input, and only an exit code of 0 is believed."""

from __future__ import annotations

import base64
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsapi_tui import running
from pulsapi_tui.delivery import command
from pulsapi_tui.delivery.command import CommandSink
from pulsapi_tui.delivery.recipes import Recipe
from pulsapi_tui.delivery.scrub import MARK
from pulsapi_tui.delivery.sink import Sink
from pulsapi_tui.domain.delivery import Delivered, Field, Preview
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.running import KEPT_BYTES, Running
from tests.unit.support import CANARY

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
SPELLINGS = {
    CANARY,
    base64.b64encode(CANARY.encode()).decode().rstrip("=")[:-1],
    base64.b64encode(b"u:" + CANARY.encode()).decode().rstrip("=")[3:-1],
    CANARY.encode().hex(),
    CANARY.encode().hex().upper(),
    "".join(f"%{byte:02X}" for byte in CANARY.encode()),
}
HANG_S = 600


class Bench:
    """Tools that are scripts on a PATH of their own, and the sink that runs one of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(directory)}

    def shell(self, script: str) -> None:
        self.tool(f"#!/bin/sh\ncd '{self.directory}'\n{script}\n")

    def python(self, script: str) -> None:
        self.tool(
            f"#!{sys.executable} -I\nimport os, signal, sys, time\n"
            f"os.chdir({str(self.directory)!r})\n{script}\n"
        )

    def tool(self, text: str) -> None:
        path = self.bin / "store"
        path.write_text(text)
        path.chmod(0o755)

    def file(self, name: str) -> str:
        return (self.directory / name).read_text()

    def sink(self, timeout_s: float = 30.0, stdin: str = "raw") -> CommandSink:
        recipe = Recipe(
            id="mine",
            title="My store",
            argv=("store", "put", "{path}"),
            fields=(Field("path", "Path", "pulsapi/{slug}"), Field("title", "Title", "{name}")),
            optional=("title",),
            note="Mine.",
            stdin="raw" if stdin == "raw" else "op_item",
            timeout_s=timeout_s,
        )
        return CommandSink(recipe, self.environment)

    def deliver(self, secret: str = CANARY, timeout_s: float = 30.0) -> Delivered:
        return self.sink(timeout_s).deliver(Secret(secret), {"path": "pulsapi/bot"})

    def failure(self, timeout_s: float = 30.0) -> DeliveryError:
        with pytest.raises(DeliveryError) as raised:
            self.deliver(timeout_s=timeout_s)
        assert_is_clean(raised.value)
        return raised.value


def assert_is_clean(error: DeliveryError) -> None:
    """The secret is not in the error, nor in what is shown of it, nor in its frames."""
    assert error.__cause__ is None
    assert error.__context__ is None
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    # The frames of the product, not those of the test, which has the secret in a constant.
    shown = "".join(line for line in lines if "pulsapi_tui" in line)
    assert "pulsapi_tui" in shown
    for text in (shown, repr(error), str(error), error.user_message, error.output):
        for spelling in SPELLINGS:
            assert spelling not in text


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(autouse=True)
def _end_what_is_left(bench: Bench) -> Iterator[None]:
    """Ends the processes that wrote their id into `pids`, should one be left."""
    yield
    path = bench.directory / "pids"
    for line in path.read_text().split() if path.exists() else ():
        if is_running(int(line)):
            os.kill(int(line), signal.SIGKILL)


def wait_until_ended(pid: int) -> None:
    """Bounded by far more than it takes; a process of another's tells nobody of its end."""
    waiting = threading.Event()
    for _ in range(4000):
        if not is_running(pid):
            return
        waiting.wait(0.005)
    raise AssertionError(f"{pid} still runs")


def test_the_exact_bytes_arrive_and_then_the_end_of_input(bench: Bench) -> None:
    bench.shell('cat > kept; echo "$*" > arguments')
    sink: Sink = bench.sink()
    delivered = sink.deliver(Secret(CANARY), {"path": "pulsapi/deploy bot"})
    assert bench.file("kept") == CANARY
    assert bench.file("arguments") == "put pulsapi/deploy bot\n"
    assert delivered.where == "store (pulsapi/deploy bot)"
    assert delivered.message == (
        "“store put 'pulsapi/deploy bot'” ended with 0. Whether the key is there was not looked up."
    )


@pytest.mark.parametrize("secret", ["x", "a\nb\n", "é€\0\U0001f511", "k" * 70_000])
def test_any_secret_arrives_whole(bench: Bench, secret: str) -> None:
    bench.shell("cat > kept")
    bench.deliver(secret)
    assert (bench.directory / "kept").read_bytes() == secret.encode()


def test_a_document_has_the_secret_and_the_title(bench: Bench) -> None:
    bench.shell("cat > kept")
    title = 'A "title"'
    bench.sink(stdin="op_item").deliver(Secret('k"\\é'), {"path": "p", "title": title})
    assert json.loads(bench.file("kept")) == {
        "title": title,
        "category": "API_CREDENTIAL",
        "fields": [
            {"id": "credential", "type": "CONCEALED", "label": "credential", "value": 'k"\\é'}
        ],
    }


def test_the_way_has_defaults_and_the_recipe_s_words(bench: Bench) -> None:
    way = bench.sink().way("Deploy Bot")
    assert (way.id, way.title, way.note) == ("command:mine", "My store", "Mine.")
    assert way.fields == (
        Field("path", "Path", "pulsapi/deploy-bot"),
        Field("title", "Title", "Deploy Bot"),
    )


def test_the_preview_shows_the_command(bench: Bench) -> None:
    assert bench.sink().preview({"path": "a b"}) == Preview(
        "Runs: store put 'a b'  (the key goes to its standard input)"
    )
    assert bench.sink(stdin="op_item").preview({"path": "a", "title": "t"}) == Preview(
        "Runs: store put a  (the key goes to its standard input, in a JSON document)"
    )


@pytest.mark.parametrize("path", ["", "-x", "a\nb", "\u202eb"])
def test_refused_values_run_nothing(bench: Bench, path: str) -> None:
    bench.shell("touch ran; cat > kept")
    refused = bench.sink().preview({"path": path})
    assert refused.is_error
    for call in (bench.sink().concerns, lambda v: bench.sink().deliver(Secret(CANARY), v)):
        with pytest.raises(DeliveryError) as raised:
            call({"path": path})
        assert raised.value.user_message == refused.text
    assert not (bench.directory / "ran").exists()


def test_a_key_in_a_field_is_refused(bench: Bench) -> None:
    bench.shell("touch ran; cat > kept")
    with pytest.raises(DeliveryError, match="itself is in a field") as raised:
        bench.sink().deliver(Secret("in/a/path"), {"path": "x/in/a/path/y"})
    assert "in/a/path" not in str(raised.value)
    assert not (bench.directory / "ran").exists()


ECHOES = {
    "raw": "printf %s '{raw}'",
    "on both outputs": "echo '{raw}'; echo '{raw}' >&2",
    "base64": "echo {base64}",
    "basic authentication": "echo Authorization: Basic {basic}",
    "hex": "echo {hex}; echo {HEX}",
    "percent": "echo {percent}",
    "coloured, sign by sign": "printf '{coloured}'",
    "folded": "echo {raw} | fold -w 5",
    "in a table": "echo {raw} | fold -w 6 | sed 's/.*/│ & │/'",
    "dumped": "echo {raw} | od -An -tx1",
    "in a title": "printf '\\033]0;{raw}\\007'",
    "split over the outputs": "printf %s local_CanaryCan; printf %s aryCanary0123456789 >&2",
}


@pytest.mark.parametrize("how", ECHOES)
def test_a_failure_shows_what_the_tool_said_but_not_the_key(bench: Bench, how: str) -> None:
    script = ECHOES[how].format(
        raw=CANARY,
        base64=base64.b64encode(CANARY.encode()).decode(),
        basic=base64.b64encode(b"u:" + CANARY.encode()).decode(),
        hex=CANARY.encode().hex(),
        HEX=CANARY.encode().hex().upper(),
        percent="".join(f"%{byte:02X}" for byte in CANARY.encode()),
        coloured="".join(f"\\033[3{at % 8}m{char}" for at, char in enumerate(CANARY)),
    )
    bench.shell(
        f"cat > /dev/null; echo to begin with >&2; {script}; echo no such vault >&2; exit 3"
    )
    error = bench.failure()
    assert error.user_message == "“store put pulsapi/bot” failed with exit code 3."
    assert "to begin with" in error.output
    assert "no such vault" in error.output
    assert MARK in error.output
    bare = "".join(char for char in error.output if char.isalnum() or char in "_")
    assert not any(bare[at : at + 8] in CANARY for at in range(len(bare) - 7))


@pytest.mark.parametrize(
    ("name", "text"), [("SIGKILL", "SIGKILL"), ("SIGTERM", "SIGTERM"), ("SIGSEGV", "SIGSEGV")]
)
def test_the_signal_that_ended_it_is_named(bench: Bench, name: str, text: str) -> None:
    bench.python(f"sys.stdin.read(); os.kill(os.getpid(), signal.{name})")
    assert bench.failure().user_message == f"“store put pulsapi/bot” was ended by signal {text}."


@LINUX_ONLY
def test_a_signal_without_a_name_has_its_number(bench: Bench) -> None:
    bench.python("sys.stdin.read(); os.kill(os.getpid(), signal.SIGRTMIN + 3)")
    assert bench.failure().user_message.endswith(f"by signal {signal.SIGRTMIN + 3}.")


def test_a_tool_that_went_away_is_not_started(bench: Bench) -> None:
    gone = "“store” is not found, or can't be run any more."
    assert bench.failure().user_message == gone
    assert bench.sink().concerns({"path": "p"}) == ("“store” is not found any more.",)
    bench.shell("cat > kept")
    assert bench.sink().concerns({"path": "p"}) == ()
    (bench.bin / "store").chmod(0o644)
    assert bench.failure().user_message == gone


def test_a_tool_that_is_no_program_could_not_be_started(bench: Bench) -> None:
    for text in ("#!/no/such/interpreter\n", "\x7fELF nonsense"):
        bench.tool(text)
        assert bench.failure().user_message.endswith("could not be started.")


class Jump:
    """A clock that is an hour late as soon as a file is there."""

    sleep = staticmethod(time.sleep)

    def __init__(self, file: Path) -> None:
        self.file = file

    def monotonic(self) -> float:
        return time.monotonic() + 3600 * self.file.exists()


HANGING = {
    "reads first": "cat > /dev/null; sleep {s} & echo $$ $! >> pids; touch ready; wait",
    "never reads": "sleep {s} & echo $$ $! >> pids; touch ready; exec sleep {s}",
    "closes all": "exec < /dev/null > /dev/null 2>&1; echo $$ >> pids; touch ready; sleep {s}",
    "ignores signals": "trap '' TERM HUP INT; echo $$ >> pids; touch ready; sleep {s}",
    "floods": "echo $$ >> pids; touch ready; yes",
}


@LINUX_ONLY
@pytest.mark.parametrize("how", HANGING)
def test_what_hangs_is_ended_with_all_its_children(
    bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (command, running):
        monkeypatch.setattr(module, "time", Jump(bench.directory / "ready"))
    bench.shell("echo waits for you >&2; " + HANGING[how].format(s=HANG_S))
    error = bench.failure(timeout_s=HANG_S)
    assert error.user_message == (
        "“store put pulsapi/bot” did not end within 600 s and was ended: "
        "it may have stored the key all the same."
    )
    assert "waits for you" in error.output
    for pid in bench.file("pids").split():
        wait_until_ended(int(pid))


NOT_READ = {
    "never reads": "exit 0",
    "closes its input early": "exec < /dev/null; echo done",
    "reads a part": "head -c 5 > /dev/null",
}


@pytest.mark.parametrize("how", NOT_READ)
def test_without_reading_the_key_no_0_is_believed(bench: Bench, how: str) -> None:
    bench.shell(NOT_READ[how])
    assert bench.failure().user_message == (
        "“store put pulsapi/bot” ended with 0, but without reading the key."
    )


@pytest.mark.parametrize("how", NOT_READ)
def test_more_than_a_pipe_holds_blocks_nothing(bench: Bench, how: str) -> None:
    bench.shell(NOT_READ[how])
    with pytest.raises(DeliveryError, match="without reading the key"):
        bench.deliver("k" * 70_000)


def test_an_input_that_is_closed_once_it_is_read_is_fine(bench: Bench) -> None:
    bench.python(f"os.read(0, {len(CANARY)}); os.close(0)")
    assert bench.deliver().where == "store (pulsapi/bot)"


def test_100_mb_of_output_are_drained_and_only_their_end_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.python(
        "sys.stdin.read()\n"
        "for _ in range(1600): os.write(1, b'o' * 32768); os.write(2, b'e' * 32768)\n"
        "os.write(1, b'\\nlast out\\n'); os.write(2, b'\\nlast err\\n'); sys.exit(5)"
    )
    sizes = []
    hear = Running._hear  # noqa: SLF001

    def measured(running: Running, descriptor: int) -> None:
        hear(running, descriptor)
        sizes.append(sum(len(kept) for kept in running._heard.values()))  # noqa: SLF001

    monkeypatch.setattr(Running, "_hear", measured)
    error = bench.failure()
    assert error.user_message.endswith("exit code 5.")
    assert error.output.endswith("last err")
    assert len(error.output) <= command.SHOWN_CHARACTERS
    assert max(sizes) <= 4 * KEPT_BYTES


def test_the_last_lines_are_shown(bench: Bench) -> None:
    bench.shell("cat > /dev/null; seq 1 50; echo; echo '  ' >&2; seq 51 99 >&2; exit 1")
    assert bench.failure().output.splitlines() == [str(number) for number in range(88, 100)]


@LINUX_ONLY
@pytest.mark.parametrize("reads", ["cat > kept", "cat > kept; yes &"])
def test_a_daemon_that_is_left_with_the_pipes_is_not_waited_for(bench: Bench, reads: str) -> None:
    bench.shell(f"{reads}\nsleep {HANG_S} & echo $! >> pids; echo $! > daemon")
    assert bench.deliver().where == "store (pulsapi/bot)"
    assert is_running(int(bench.file("daemon")))


def test_what_the_tool_writes_can_do_nothing_to_the_screen(bench: Bench) -> None:
    bench.python(
        "sys.stdin.read()\n"
        "os.write(2, b'a\\x1b[2Jb\\x1b]52;c;AAAA\\x07c\\xe2\\x80\\xaed\\x9b1m')\n"
        "os.write(2, b'e\\0\\xff\\tf\\r\\ng')\n"
        "sys.exit(1)"
    )
    output = bench.failure().output
    assert output.splitlines()[-1] == "g"
    assert all(char == "\n" or char.isprintable() for char in output)
    assert not {"\x1b", "\u202e", "\x9b", "\x07"} & set(output)


@LINUX_ONLY
def test_the_secret_is_in_no_argument_and_no_environment(bench: Bench) -> None:
    bench.environment |= {"PULSAPI_API_KEY": "session", "GPG_TTY": "/dev/pts/9", "KEPT": "yes"}
    bench.shell(
        "cat > kept; env > seen; tr '\\0' '\\n' < /proc/$$/environ >> seen\n"
        "tr '\\0' ' ' < /proc/$$/cmdline >> seen; tr '\\0' ' ' < /proc/$PPID/cmdline >> seen\n"
    )
    bench.deliver()
    seen = bench.file("seen")
    assert "store put pulsapi/bot" in seen
    assert "KEPT=yes" in seen
    for text in (*SPELLINGS, "PULSAPI_API_KEY", "GPG_TTY", "session"):
        assert text not in seen


def test_the_tool_has_a_session_of_its_own_so_no_terminal_to_paint_on(bench: Bench) -> None:
    bench.python(
        "sys.stdin.read()\n"
        "open('kept', 'w').write(str(os.getsid(0) == os.getpid()))\n"
        "try: os.open('/dev/tty', os.O_RDWR)\n"
        "except OSError: sys.exit(0)\n"
        "sys.exit(1)"
    )
    bench.deliver()
    assert bench.file("kept") == "True"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    processes: list[subprocess.Popen[bytes]] = []

    class Kept(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Kept)
    return processes


def test_neither_pipes_nor_processes_are_left(
    bench: Bench, started: list[subprocess.Popen[bytes]]
) -> None:
    def open_descriptors() -> int:
        gc.collect()
        return len(os.listdir("/dev/fd"))

    before = open_descriptors()
    bench.shell("cat > kept")
    bench.deliver()
    bench.shell("exit 7")
    bench.failure()
    bench.shell(f"sleep {HANG_S}")
    bench.failure(timeout_s=0.2)
    bench.tool("#!/no/such/interpreter\n")
    bench.failure()
    assert open_descriptors() <= before
    assert [process.returncode for process in started] == [0, 7, -signal.SIGKILL]


def test_a_broken_run_leaves_no_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    bench.shell(f"exec sleep {HANG_S}")

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Running, "_feed", fails)
    with pytest.raises(KeyboardInterrupt):
        bench.deliver()
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_a_sink_shows_nothing_of_what_passes_through_it(bench: Bench) -> None:
    bench.shell("cat > kept")
    sink = bench.sink()
    sink.deliver(Secret(CANARY), {"path": "p"})
    assert CANARY not in repr(vars(sink))
    view = command._payload(sink._recipe, Secret(CANARY), {})  # noqa: SLF001
    assert CANARY not in repr(view)
