"""A yes before something that can't be undone: by `--yes`, or typed at the terminal."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import Sequence

from pulsapi_tui.cli import exits
from pulsapi_tui.cli.output import say

MOST_BYTES = 4096
"""Of an answer; a terminal gives no longer line."""


def can_ask() -> bool:
    """Whether there is a person to ask: questions go to stderr, answers come from stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def agree(
    reasons: Sequence[str], *, yes: bool, question: str = "Go on all the same?"
) -> None:
    """Say what speaks against it, and get a yes.

    Raises:
        StoppedError: there is nobody to ask, or the answer was another one.
    """
    for reason in reasons:
        say(f"! {reason}")
    if yes:
        return
    _check_can_ask()
    if (await _answer(f"{question} [y/N] ")).casefold() not in {"y", "yes"}:
        raise _no()


async def agree_by_typing(word: str | None, *, yes: bool, question: str) -> None:
    """Get a yes to what was just said: the word typed, or a `y` where there is none.

    Raises:
        StoppedError: there is nobody to ask, or the answer was another one.
    """
    if word is None or yes:
        await agree((), yes=yes, question=question)
        return
    _check_can_ask()
    if await _answer(f"{question} To go on, type {word}: ") != word:
        raise _no()


def _check_can_ask() -> None:
    if not can_ask():
        raise exits.StoppedError(
            "Nothing was changed: that needs a yes, and there is no terminal to ask on. "
            "If you mean it, add --yes.",
            exits.NOT_CONFIRMED,
        )


def _no() -> exits.StoppedError:
    return exits.StoppedError("Nothing was changed.", exits.NOT_CONFIRMED)


async def _answer(prompt: str) -> str:
    """A line from the terminal. Waits in the loop, so that a signal ends it."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    handle = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    typed = b""
    while not typed.endswith(b"\n") and len(typed) < MOST_BYTES:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(handle, _ready, ready)
        try:
            await ready
        except asyncio.CancelledError:
            say("")
            raise
        finally:
            loop.remove_reader(handle)
        if _is_gone(handle):
            raise exits.StoppedError("The terminal is gone.", exits.by_signal(signal.SIGHUP))
        chunk = os.read(handle, MOST_BYTES)
        if not chunk:
            say("")
            break
        typed += chunk
    return typed.decode(errors="replace").strip()


def _is_gone(handle: int) -> bool:
    """Whether nobody can answer any more; its signal may come a moment later."""
    poll = select.poll()
    poll.register(handle, 0)
    return bool(poll.poll(0))


def _ready(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
