"""What commands do to their own process: no core file, a whole last line, errors in one line."""

from __future__ import annotations

import os
import sys

RECORDERS = ("TEXTUAL_LOG", "TEXTUAL_SCREENSHOT", "TEXTUAL_DEBUG")
"""Settings of Textual that write what is typed or shown into a file."""

PR_SET_DUMPABLE = 4
"""`linux/prctl.h`."""


def leave_no_core() -> None:
    """See to it that a crash of this process writes no memory to disk, keys and all."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        # A core that is piped to a handler ignores the limit; what is not dumpable is not piped.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def collect_no_garbage() -> None:
    """Until the app has drawn: what is imported stays, and looking at it again costs a tenth."""
    import gc

    gc.disable()


def let_go_of_lost_terminal() -> None:
    """Flush; where the terminal is gone, Python's own flush at exit would make the code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def unfit_terminal() -> str | None:
    """Why the screens can't be trusted with a secret here, if they can't."""
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return "needs a terminal for its input and its screen: don't redirect stdin or stderr."
    for name in RECORDERS:
        if os.environ.get(name):
            return f"{name} is set: it would write what you type and see into a file. Unset it."
    if "devtools" in os.environ.get("TEXTUAL", "").split(","):
        return "runs under Textual's devtools, which record what you type. Start it without them."
    return None


def fail(message: str, code: int) -> int:
    """Say what went wrong, in one line, and return the exit code."""
    print(f"pulsapi-tui: {message}", file=sys.stderr)  # noqa: T201
    return code
