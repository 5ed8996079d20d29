"""`--reveal`: a key goes to standard output, this once."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from pulsapi_tui.cli import exits
from pulsapi_tui.domain.delivery import Delivered, Preview, Target, Way
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret

STDOUT = Target(way_id="stdout", values={})

PATIENCE_S = 30.0
"""For a reader that does not read."""


def check_stdout(*, force: bool) -> None:
    """Refuse a standard output that a key should not go to; nothing was sent then.

    What a terminal shows stays in its history, and in the logs of what surrounds it.

    Raises:
        StoppedError: it is a terminal, and not forced; or it leads nowhere.
    """
    if sys.stdout.isatty():
        if force:
            return
        raise exits.StoppedError(
            "Standard output is a terminal, whose history would keep the key. Send it to a file or "
            "a program, deliver it by --to, or add --force.",
            exits.USAGE,
        )
    status = os.fstat(sys.stdout.fileno())
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev:
        raise exits.StoppedError(
            "Standard output leads nowhere: nobody would have the key.", exits.USAGE
        )


class StandardOutput:
    """A `Delivery` to standard output: the key on a line of its own, or in a JSON object."""

    def __init__(self, fields: Mapping[str, Any] | None = None) -> None:
        """`fields` are those of the object; without them, the key is written alone."""
        self._fields = fields

    async def ways(self, key_name: str) -> tuple[Way, ...]:
        """None: it is not to be chosen."""
        return ()

    def preview(self, target: Target) -> Preview:
        """For the journal."""
        return Preview("Writes it to standard output.")

    async def concerns(self, target: Target) -> tuple[str, ...]:
        """None."""
        return ()

    async def held(self, target: Target) -> Secret | None:
        """What was written can't be read again."""
        return None

    async def deliver(self, secret: Secret, target: Target) -> Delivered:
        """Write it; known is only that somebody took it. Raises `DeliveryError`."""
        problem = await asyncio.to_thread(_written, secret, self._fields)
        if problem is not None:
            # Raised where nothing that holds the key is at hand.
            raise DeliveryError(f"The key could not be written to standard output: {problem}.")
        return Delivered(
            where="standard output", message="Written to standard output; whoever read it has it."
        )


def _written(secret: Secret, fields: Mapping[str, Any] | None) -> str | None:
    """Write it, past Python's buffer: an error has to show now. What went wrong, if it did."""
    text = secret.reveal()
    data = text.encode() if fields is None else msgspec.json.encode({**fields, "key": text})
    try:
        sys.stdout.flush()
        return _write_all(sys.stdout.fileno(), memoryview(data + b"\n"))
    except OSError as error:
        return error.strerror or type(error).__name__


def _write_all(handle: int, left: memoryview) -> str | None:
    poll = select.poll()
    poll.register(handle, select.POLLOUT)
    while left:
        # A pipe that is full would be waited for, and no signal would end that.
        if not poll.poll(PATIENCE_S * 1000):
            return f"nobody read it within {PATIENCE_S:.0f} s"
        left = left[os.write(handle, left) :]
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fsync(handle)
    return None
