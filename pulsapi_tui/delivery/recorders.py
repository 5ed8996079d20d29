"""Who writes down what this terminal shows, as far as a program can know.

A recorder on another computer that this one is reached from, and GNU screen's log, can't be seen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pulsapi_tui.delivery.tmux import Tmux

BOUND_S = 1.0

PIPE = "tmux writes this pane to a file or a command (pipe-pane)."
ASCIINEMA = "asciinema is recording this terminal."

_PROGRAMS = frozenset(
    {
        "asciinema",
        "script",
        "t-rec",
        "terminalizer",
        "termrec",
        "termtosvg",
        "tlog-rec-session",
        "ttyrec",
        "ttyrecord",
        "vhs",
    }
)
_WRITTEN_IN_A_SCRIPT_LANGUAGE = frozenset({"asciinema", "terminalizer", "termtosvg"})
_INTERPRETERS = ("python", "node")
_MAX_ANCESTORS = 100


class TerminalRecorders:
    """The real `Recorders`."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        platform: str = sys.platform,
        *,
        proc: Path = Path("/proc"),
    ) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._platform = platform
        self._proc = proc

    async def active(self) -> tuple[str, ...]:
        """A sentence for each that is known to be at it right now; takes a second at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BOUND_S):
                return await asyncio.to_thread(self._find)
        return ()

    def _find(self) -> tuple[str, ...]:
        found = []
        clients: tuple[int, ...] = ()
        if self._environment.get("TMUX"):
            tmux = Tmux(self._environment, timeout_s=BOUND_S / 2)
            if tmux.pane_pipe():
                found.append(PIPE)
            clients = tmux.client_pids()
        names: set[str] = set()
        if self._platform == "linux":
            # A pane's ancestors are those of tmux's server: who looks on is above the client.
            names = {name for pid in (os.getpid(), *clients) for name in self._above(pid)}
        told = any(self._environment.get(name) for name in ("ASCIINEMA_REC", "ASCIINEMA_SESSION"))
        # tmux keeps the variable long after the recording: there the ancestors say it.
        is_old = self._platform == "linux" and bool(clients)
        if "asciinema" in names or (told and not is_old):
            names.discard("asciinema")
            found.append(ASCIINEMA)
        found += [
            f"“{name}” above this program writes down what the terminal shows."
            for name in sorted(names)
        ]
        return tuple(found)

    def _above(self, pid: int) -> Iterator[str]:
        """The recorders among the ancestors of a process."""
        for _ in range(_MAX_ANCESTORS):
            try:
                # The name before them may hold spaces and parentheses.
                stat = (self._proc / str(pid) / "stat").read_text(errors="replace")
                pid = int(stat.rpartition(")")[2].split()[1])
                line = (self._proc / str(pid) / "cmdline").read_text(errors="replace")
            except (OSError, ValueError, IndexError):
                return
            yield from _recorder(line.split("\0"))


def _recorder(arguments: list[str]) -> frozenset[str]:
    """The recorder that was started with these arguments, if it is one."""
    program, *others = (os.path.basename(argument) for argument in arguments[:3])
    if program.startswith(_INTERPRETERS):
        # Not `script`: that name is also given to scripts.
        return _WRITTEN_IN_A_SCRIPT_LANGUAGE.intersection(others)
    return _PROGRAMS & {program}
