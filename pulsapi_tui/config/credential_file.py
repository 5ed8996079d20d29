"""Credentials in files: one of mode 0600 for each profile, in a directory of mode 0700."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Event

from pulsapi_tui.config.key_store import MOST_BYTES, Found, how_to_give_it, key_in
from pulsapi_tui.config.own_file import USED_BY_OTHERS, Demands, read_own, refusal
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import NAME, Profile
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean
from pulsapi_tui.files import NotSyncedError, make_directory, replace_file

_FILE = Demands(CredentialError, USED_BY_OTHERS, "use the key in it", "600", MOST_BYTES)
_DIRECTORY = Demands(CredentialError, USED_BY_OTHERS, "see what lies in it", "700", 0)


class FileStore:
    """The files of one directory. A file elsewhere is the user's own: it is only read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path_for(self, profile_name: str) -> str:
        """Our own file of a profile."""
        return str(self._directory / profile_name)

    def problem(self) -> str:
        """Why no file can be made here."""
        place = self._directory
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        try:
            status = os.stat(place)
        except OSError as error:
            return f"{clean(str(place))} can't be used ({_reason(error)}). Choose another store."
        if place == self._directory:
            problem = refusal(status, place, _DIRECTORY, stat.S_ISDIR)
            if problem is not None:
                return problem
        if os.access(place, os.W_OK | os.X_OK):
            return ""
        return f"Nothing can be written to {clean(str(place))}. Choose another store."

    def read(self, profile: Profile, given_up: Event) -> Secret:
        """The key that a file holds."""
        path = Path(profile.source.path)
        found = self._found(path)
        if found is None:
            raise CredentialError(
                f"The file {clean(str(path))} with the key of “{profile.name}” is not there. "
                f"{how_to_give_it(profile)}"
            )
        if found.key is None:
            raise CredentialError(
                f"The file {clean(str(path))} {found.problem}. It has to hold the key of "
                f"“{profile.name}” alone. {how_to_give_it(profile)}"
            )
        return found.key

    def keep(self, profile: Profile, credential: Secret, given_up: Event) -> None:
        """Write our own file; one of the user's has to hold the key already."""
        shown = clean(profile.source.path)
        if not self._is_ours(profile):
            if self.read(profile, given_up) != credential:
                raise CredentialError(
                    f"The file {shown} holds another key than the one that was tested. It is "
                    "yours, so it was not changed: write the key into it yourself."
                )
            return
        problem = self._write(profile.name, credential)
        if problem:
            raise CredentialError(f"The key can't be kept: {problem}")
        if self.read(profile, given_up) != credential:
            raise CredentialError(
                f"The file {shown} was written, but on reading it back it does not hold the key. "
                "Try again."
            )

    def forget(self, profile: Profile, given_up: Event) -> None:
        """Remove our own file."""
        if not self._is_ours(profile):
            return
        try:
            os.unlink(profile.source.path)
        except FileNotFoundError:
            return
        except OSError as error:
            problem = f"{clean(profile.source.path)} can't be removed ({_reason(error)})"
        else:
            return
        raise CredentialError(f"{problem}. Remove it yourself: it holds a key.")

    def _is_ours(self, profile: Profile) -> bool:
        is_named = NAME.fullmatch(profile.name) is not None
        return is_named and profile.source.path == self.path_for(profile.name)

    def _found(self, path: Path) -> Found | None:
        """In a frame of its own, which ends before anything of it is raised."""
        data = read_own(path, _FILE)
        return None if data is None else key_in(data)

    def _write(self, name: str, credential: Secret) -> str:
        """What went wrong, as sentences; raises nothing, since the text of the key is in here."""
        shown = clean(str(self._directory))
        try:
            make_directory(self._directory)
            directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            return f"{shown} can't be used ({_reason(error)}). Choose another store."
        try:
            problem = refusal(os.fstat(directory), self._directory, _DIRECTORY, stat.S_ISDIR)
            if problem is None:
                data = credential.reveal().encode("utf-8", "surrogatepass") + b"\n"
                replace_file(directory, name, data)
        except NotSyncedError as error:
            return f"it was written to {shown}, but the disk did not confirm it ({_reason(error)})."
        except OSError as error:
            return f"nothing can be written to {shown} ({_reason(error)}). Choose another store."
        finally:
            os.close(directory)
        return problem or ""


def _reason(error: OSError) -> str:
    return clean(error.strerror or type(error).__name__)
