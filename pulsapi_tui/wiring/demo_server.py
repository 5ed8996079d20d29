"""The demo's server: a child process with a throw-away database.

Imports next to nothing: it is started before all else, so that its start hides behind ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

_USERS_KEY = "PULSAPI_API_KEY"


class DemoServer:
    """Starts with the object, and lives as long as the pipe to its standard input.

    The kernel closes that one however this process ends. What the server says, its key first, comes
    by the pipe from its standard output.
    """

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        """`arguments` are those of `pulsapi_tui.server.demo`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pulsapi_tui.server.demo", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # The user's own key is no business of the demo's.
            env={name: value for name, value in os.environ.items() if name != _USERS_KEY},
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def lines(self) -> Iterator[bytes]:
        """What it says, to its end; waits for each line."""
        yield from self._process.stdout or ()

    def stop(self) -> None:
        """End it, if it still runs."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Let go of what it said; nobody may be reading any more."""
        if self._process.stdout is not None:
            self._process.stdout.close()
