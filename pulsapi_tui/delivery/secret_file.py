"""Put a key into a file of its own, which must not be there yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

from pulsapi_tui.delivery import git
from pulsapi_tui.delivery.places import (
    Contents,
    Place,
    Refused,
    attempt,
    check_writable,
    lock,
    opened,
    place_of,
    read,
)
from pulsapi_tui.domain.delivery import Delivered, Field, Preview, Way
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.names import slug
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.files import create_file

MAX_BYTES = 1 << 16


class SecretFileSink:
    """The `Sink` for a file that holds the key and nothing else, not even a newline."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)

    def way(self, key_name: str) -> Way:
        """A path, by default named after the key."""
        default = f"~/{slug(key_name)}.key"
        return Way(
            id="file", title="File", fields=(Field(id="path", label="Path", default=default),)
        )

    def preview(self, values: Mapping[str, str]) -> Preview:
        """The full path."""
        try:
            place = place_of(values.get("path", ""))
        except DeliveryError as error:
            return Preview(error.user_message, is_error=True)
        return Preview(f"Creates {place.shown} (0600) with the key alone, and reads it back.")

    def concerns(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Whether it could be committed."""
        place = place_of(values.get("path", ""))
        attempt(place, partial(_looked_at, place))
        concern = git.concern(place.directory, place.name, self._environment)
        return () if concern is None else (concern,)

    def deliver(self, secret: Secret, values: Mapping[str, str]) -> Delivered:
        """Create the file, and read it back."""
        place = place_of(values.get("path", ""))
        attempt(place, partial(_created, place, secret))
        return Delivered(
            where=place.shown, message=f"Written to {place.shown} (0600), and read back."
        )

    def held(self, values: Mapping[str, str]) -> Secret | None:
        """The file's content."""
        place = place_of(values.get("path", ""))
        found = attempt(place, partial(_content, place))
        text = b"" if found is None else found.data
        return Secret(text.decode("utf-8", "replace")) if text else None


def _taken(place: Place) -> Refused:
    return Refused(f"{place.shown} is there already and is never overwritten. Choose another name.")


def _looked_at(place: Place) -> None:
    with opened(place) as directory:
        try:
            os.stat(place.name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            check_writable(directory, place)
            return
    raise _taken(place)


def _content(place: Place) -> Contents | None:
    with opened(place) as directory:
        return read(directory, place, MAX_BYTES)


def _created(place: Place, secret: Secret) -> None:
    with opened(place) as directory:
        lock(directory, place)
        is_taken = False
        try:
            create_file(directory, place.name, secret.reveal().encode("utf-8", "surrogatepass"))
        except FileExistsError:
            is_taken = True
        if is_taken:
            raise _taken(place)
        _read_back(directory, place, secret)


def _read_back(directory: int, place: Place, secret: Secret) -> None:
    problem = "it does not hold the key"
    try:
        after = read(directory, place, MAX_BYTES)
        if after is not None and secret.matches(after.data.decode("utf-8", "surrogateescape")):
            return
    except (OSError, Refused) as error:
        problem = "it can't be read" if isinstance(error, OSError) else str(error)
    raise Refused(
        f"{place.shown} was written, but on reading it back {problem}. Look at the file and "
        "remove it, then deliver again."
    )
