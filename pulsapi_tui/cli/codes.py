"""The exit codes as numbers and words. Imports nothing: `--help` tells them."""

from __future__ import annotations

DONE = 0
FAILED = 1
USAGE = 2
NO_CREDENTIAL = 3
"""There is no account or no key to sign in with, or PulsAPI does not accept the key."""
NOT_FOUND = 4
"""No such key, or no such profile."""
NOT_ALLOWED = 5
"""The role, the plan or read-only stands against it, or the key is needed here: by this session, or
by a rotation. Nothing was changed."""
UNREACHABLE = 6
"""PulsAPI can't be reached or gave no usable answer; nothing was changed."""
NOT_KNOWN = 7
"""What became of a change is not known, or a live key has no owner: it is named."""
NOT_CONFIRMED = 8
"""It needs a yes: nobody to ask (`--yes`), or the answer was no. Nothing was changed."""
FOUND = 9
"""`check` found something."""
NOT_YET = 10
"""The rotation stays under way: the old key is not known to be quiet."""
INTERRUPTED = 130

MEANINGS: dict[int, str] = {
    DONE: "done",
    FAILED: "failed",
    USAGE: "wrong usage, or a setting that can't be used",
    NO_CREDENTIAL: "no account or key to sign in with, or PulsAPI does not accept it",
    NOT_FOUND: "no such key or profile",
    NOT_ALLOWED: "the role, the plan or read-only stands against it, or the key is needed here",
    UNREACHABLE: "PulsAPI can't be reached, or gave no usable answer",
    NOT_KNOWN: "what became of a change is not known, or a key has no owner: it is named",
    NOT_CONFIRMED: "not confirmed: it needs a yes, by --yes where there is no terminal",
    FOUND: "check found something",
    NOT_YET: "the rotation stays under way: the old key is not known to be quiet",
    INTERRUPTED: "interrupted; 129 and 143: ended by the terminal or a signal",
}
"""For `--help` and the README."""
