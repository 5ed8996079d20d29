"""Put a key into a variable of an env file, so that nothing else in the file changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

from pulsapi_tui.delivery import env_text, git
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
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean
from pulsapi_tui.files import create_file, remove_stale, replace_file

MAX_BYTES = 1 << 20
"""A larger file is hardly an env file."""


class EnvFileSink:
    """The `Sink` for env files. `environment` is what git is run in."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)

    def way(self, key_name: str) -> Way:
        """A path and a variable's name."""
        return Way(
            id="env_file",
            title="Env file",
            fields=(
                Field(id="path", label="Path", default=".env"),
                Field(id="variable", label="Variable", default="PULSAPI_API_KEY"),
            ),
        )

    def preview(self, values: Mapping[str, str]) -> Preview:
        """The full path and the variable."""
        try:
            place, variable = _told(values)
        except DeliveryError as error:
            return Preview(error.user_message, is_error=True)
        return Preview(f"Writes {variable} into {place.shown} (0600), and reads it back.")

    def concerns(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Who could read the file, or could no longer."""
        place, variable = _told(values)
        before = attempt(place, partial(_looked_at, place, variable))
        concerns: list[str] = []
        if before is not None and before.mode & 0o077:
            concerns.append(
                f"{place.shown} can be read by others now ({before.mode:04o}) and becomes 0600: "
                "a service that runs as another user could no longer read it."
            )
        concern = git.concern(place.directory, place.name, self._environment)
        if concern is not None:
            concerns.append(concern)
        return tuple(concerns)

    def deliver(self, secret: Secret, values: Mapping[str, str]) -> Delivered:
        """Write the whole file anew, and read it back."""
        place, variable = _told(values)
        before, count = attempt(place, partial(_written, place, variable, secret))
        message = f"Written to {place.shown} as {variable}, and read back."
        if before is not None and before.mode & ~0o600:
            message += f" Its mode was {before.mode:04o} and is 0600 now."
        if count > 1:
            message += f" It was assigned {count} times, and each has the key now."
        return Delivered(where=f"{variable} in {place.shown}", message=message)

    def held(self, values: Mapping[str, str]) -> Secret | None:
        """The variable's value: of several assignments the last one, as a shell has it."""
        place, variable = _told(values)
        before = attempt(place, partial(_looked_at, place, variable))
        found = () if before is None else env_text.assigned(before.data, variable)
        value = found[-1] if found else b""
        return Secret(value.decode("latin-1")) if value else None


def _told(values: Mapping[str, str]) -> tuple[Place, str]:
    place = place_of(values.get("path", ""))
    variable = values.get("variable", "").strip(" ")
    if not env_text.VARIABLE.fullmatch(variable):
        raise DeliveryError(
            f"{clean(variable)} can't be a variable: use letters, digits and _, and no digit first."
            if variable
            else "Give the name of the variable."
        )
    return place, variable


def _looked_at(place: Place, variable: str) -> Contents | None:
    with opened(place) as directory:
        before = read(directory, place, MAX_BYTES)
        if before is not None:
            env_text.assignments(before.data, variable)
        check_writable(directory, place)
        return before


def _written(place: Place, variable: str, secret: Secret) -> tuple[Contents | None, int]:
    """Write and read back; what was there before, and how many assignments there are now."""
    with opened(place) as directory:
        lock(directory, place)
        # One of them may be a second name of this very file.
        remove_stale(directory)
        before = read(directory, place, MAX_BYTES)
        value = secret.reveal().encode("utf-8", "surrogatepass")
        data = env_text.assign(b"" if before is None else before.data, variable, value)
        if len(data) > MAX_BYTES:
            raise Refused(f"{place.shown} has no room for it. Choose another file.")
        _put(directory, place, before, data)
        return before, _read_back(directory, place, variable, secret)


def _put(directory: int, place: Place, before: Contents | None, data: bytes) -> None:
    changed = Refused(
        f"{place.shown} was changed meanwhile, and nothing was written. Deliver again."
    )
    if before is None:
        try:
            create_file(directory, place.name, data)
        except FileExistsError:
            pass
        else:
            return
        raise changed

    def check() -> None:
        if read(directory, place, MAX_BYTES) != before:
            raise changed

    replace_file(directory, place.name, data, group=before.group, check=check)


def _read_back(directory: int, place: Place, variable: str, secret: Secret) -> int:
    problem = "it does not hold the key"
    try:
        after = read(directory, place, MAX_BYTES)
        held = () if after is None else env_text.assigned(after.data, variable)
        if held and all(secret.matches(value.decode("latin-1")) for value in held):
            return len(held)
    except (OSError, Refused, env_text.EnvTextError) as error:
        problem = "it can't be read" if isinstance(error, OSError) else str(error)
    raise Refused(
        f"{place.shown} was written, but on reading it back {problem}. Look at the file, then "
        "deliver again."
    )
