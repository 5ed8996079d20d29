"""A file that a key goes to: from what the user typed to an open directory that may be written to.

Nothing is followed, waited for or overwritten that is not plainly a file of the user's own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from pulsapi_tui.delivery.env_text import EnvTextError
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.text import clean
from pulsapi_tui.files import TEMPORARY_NAME, NotSyncedError, open_directory

LOCK_TIMEOUT_S = 10.0
_LOCK_POLL_S = 0.02
# What flock(2) says of a directory where a network file system can't lock one.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EBADF, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})

_KINDS = (
    (stat.S_ISLNK, "a link to another file. Give the path of that file itself."),
    (stat.S_ISDIR, "a directory. Add the file's name to the path."),
    (stat.S_ISFIFO, "a pipe, not a file. Choose another path."),
    (stat.S_ISSOCK, "a socket, not a file. Choose another path."),
)

T = TypeVar("T")


class Refused(Exception):  # noqa: N818  # never seen outside: `attempt` makes an error of it
    """Why a place can't be used, and what to do, as sentences."""


class Place(NamedTuple):
    """A file by its directory and its name."""

    directory: Path
    name: str
    shown: str
    """The full path for people: cleaned, with ~ for home."""


class Contents(NamedTuple):
    """What a file held, and the marks by which a change of it is seen."""

    data: bytes
    mode: int
    group: int
    marks: tuple[int, ...]


def place_of(path: str) -> Place:
    """The place that a path typed by the user means. Raises `DeliveryError`."""
    text = path.strip(" ")
    if not text:
        raise DeliveryError("Give the path of the file.")
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in text):
        raise DeliveryError("A path can't hold control characters. Type it again.")
    if text.endswith("/"):
        raise DeliveryError("That is a directory. Add the file's name to the path.")
    full = os.path.expanduser(text)
    if full.startswith("~"):
        raise DeliveryError(f"There is no home directory for {clean(text)}. Give the full path.")
    absolute = _absolute(full)
    if absolute is None:
        raise DeliveryError("This path can't be used from here. Give the full path.")
    if absolute.name in {"", ".."} or text in {".", "~"} or text.endswith("/."):
        raise DeliveryError("That is a directory. Add the file's name to the path.")
    if TEMPORARY_NAME.fullmatch(absolute.name):
        raise DeliveryError("That name is for temporary files. Choose another one.")
    return Place(absolute.parent, absolute.name, shown(absolute))


def _absolute(path: str) -> Path | None:
    try:
        os.fsencode(path)
        return Path(os.getcwd(), path)
    except (OSError, UnicodeError):
        # The working directory is gone, or a lone surrogate came in.
        return None


def shown(path: Path) -> str:
    """A path for people."""
    home = os.path.expanduser("~").rstrip("/")
    text = str(path)
    if home and (text == home or text.startswith(home + "/")):
        text = "~" + text.removeprefix(home)
    return clean(text)


def attempt(place: Place, work: Callable[[], T]) -> T:
    """Do it, and tell a failure as a `DeliveryError` that has no part in frames with a secret."""
    try:
        return work()
    except NotSyncedError as error:
        problem = (
            f"{place.shown} was written, but the disk did not confirm it ({_reason(error)}). "
            "Check the disk, then deliver again."
        )
    except OSError as error:
        problem = _sentence(place, error)
    except EnvTextError as error:
        problem = f"In {place.shown}, {error}"
    except Refused as error:
        problem = str(error)
    raise DeliveryError(problem)


def _reason(error: OSError) -> str:
    return clean(error.strerror or type(error).__name__)


def _sentence(place: Place, error: OSError) -> str:
    directory = shown(place.directory)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return (
                f"{place.shown} was not written: the disk is full ({_reason(error)}). "
                "Free some space, then deliver again."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"{place.shown} can't be written: you may not do that in {directory} "
                f"({_reason(error)}). Choose another directory, or change its permissions."
            )
        case errno.EROFS:
            return f"{directory} can't be written to ({_reason(error)}). Choose another directory."
    return (
        f"{place.shown} can't be written ({_reason(error)}). "
        "Choose another path, or deliver again later."
    )


@contextmanager
def opened(place: Place) -> Iterator[int]:
    """The place's directory, fit to hold a secret. Raises `Refused` and OSError."""
    directory = shown(place.directory)
    problem = None
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(open_directory(place.directory))
        except FileNotFoundError:
            problem = f"The directory {directory} does not exist. Create it, then deliver again."
        except NotADirectoryError:
            problem = f"{directory} is not a directory. Choose another path."
        else:
            _check_directory(os.fstat(descriptor), directory)
            yield descriptor
    if problem is not None:
        raise Refused(problem)


def _check_directory(status: os.stat_result, directory: str) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        raise Refused(
            f"The directory {directory} belongs to another user. Choose a directory of your own."
        )
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise Refused(
            f"Everybody may change files in the directory {directory}. Take that permission away "
            "(chmod o-w), or choose another directory."
        )


def check_writable(directory: int, place: Place) -> None:
    """Ask, without writing, whether a file can be made here. Raises `Refused`."""
    by_effective_ids = os.access in os.supports_effective_ids
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=by_effective_ids):
        raise Refused(
            f"You may not write in {shown(place.directory)}. Choose another directory, or change "
            "its permissions."
        )


def lock(directory: int, place: Place) -> None:
    """Keep other instances of ours out of the directory until it is closed.

    Where there are no such locks, the check before the renaming is what is left.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(_LOCK_POLL_S)
                continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        else:
            return
        raise Refused(
            f"Another program has locked {shown(place.directory)}. Wait for it to end, then "
            "deliver again."
        )


def read(directory: int, place: Place, max_bytes: int) -> Contents | None:
    """What the file holds; None where there is none. Never waits. Raises `Refused` and OSError."""
    try:
        found = os.stat(place.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _check_file(found, place)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(place.name, flags, dir_fd=directory)
    with os.fdopen(file, "rb", buffering=0) as stream:
        status = os.fstat(file)
        _check_file(status, place)
        data = b""
        while chunk := stream.read(max_bytes + 1 - len(data)):
            data += chunk
    if len(data) > max_bytes:
        raise Refused(f"{place.shown} is larger than {max_bytes >> 10} KiB. Choose another file.")
    return Contents(data, stat.S_IMODE(status.st_mode), status.st_gid, _marks(status))


def _check_file(status: os.stat_result, place: Place) -> None:
    problem = next((text for is_kind, text in _KINDS if is_kind(status.st_mode)), None)
    if problem is None and not stat.S_ISREG(status.st_mode):
        problem = "a device, not a file. Choose another path."
    if problem is not None:
        raise Refused(f"{place.shown} is {problem}")
    if status.st_uid != os.geteuid():
        raise Refused(
            f"{place.shown} belongs to another user. Choose a file of your own, or deliver as "
            "that user."
        )
    if status.st_nlink > 1:
        raise Refused(
            f"{place.shown} has a second name (a hard link), which would keep the old text. "
            "Remove that name, or choose another file."
        )
    if not status.st_mode & stat.S_IWUSR:
        raise Refused(
            f"{place.shown} is read-only. Make it writable (chmod u+w), then deliver again."
        )


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_mode,
    )
