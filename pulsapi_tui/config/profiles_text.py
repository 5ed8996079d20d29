"""The text of `profiles.toml`: read strictly, and written with what is not a default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pulsapi_tui.config.strict import refuse_unknown
from pulsapi_tui.domain.errors import ProfilesError
from pulsapi_tui.domain.misfit import misfit
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    NAME,
    NAME_RULE,
    Colour,
    CredentialSource,
    Kept,
    Network,
    Profile,
    ProfileList,
    nearest,
)
from pulsapi_tui.domain.text import clean


class _Credential(msgspec.Struct, frozen=True):
    kept: Kept = msgspec.field(default=Kept.ENVIRONMENT, name="from")
    command: tuple[str, ...] = ()
    file: str = ""


class _Network(msgspec.Struct, frozen=True):
    ca_file: str = ""
    proxy: str = ""


class _Profile(msgspec.Struct, frozen=True):
    base_url: str = DEFAULT_BASE_URL
    production: bool = False
    colour: Colour = Colour.NONE
    read_only: bool = False
    account_id: str = ""
    credential: _Credential = _Credential()
    network: _Network = _Network()


class _Contents(msgspec.Struct, frozen=True):
    current: str = ""
    profiles: dict[str, _Profile] = {}


_TEXT = "a text in quotes"
_YES_OR_NO = "true or false"
_TABLE = "a table"
_HAS_TO_BE = {
    "base_url": "a text, as “https://api.pulsapi.com”",
    "production": _YES_OR_NO,
    "colour": f"one of: {', '.join(filter(None, Colour))}",
    "read_only": _YES_OR_NO,
    "account_id": _TEXT,
    "credential": _TABLE,
    "credential.from": f"one of: {', '.join(Kept)}",
    "credential.command": "an array of texts, as [“pass”, “show”, “pulsapi”]",
    "credential.file": _TEXT,
    "network": _TABLE,
    "network.ca_file": _TEXT,
    "network.proxy": _TEXT,
}


def parse(text: str, path: Path) -> ProfileList:
    """The profiles of a text. Raises `ProfilesError`, which names the place in the file."""
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"{path} is not valid TOML: {clean(str(error))}. Mend that line."
        raise ProfilesError(problem) from None
    refuse_unknown(path, values, _Contents, ProfilesError)
    tables, current = values.get("profiles", {}), values.get("current", "")
    if not isinstance(tables, dict):
        raise _wrong(path, "profiles", _TABLE)
    if not isinstance(current, str):
        raise _wrong(path, "current", _TEXT)
    profiles = tuple(_profile(name, table, path) for name, table in tables.items())
    if current and current not in tables:
        raise ProfilesError(
            f"{path}: current names “{clean(current)}”; {nearest(current, list(tables))} "
            "Mend that line, or take it out."
        )
    return ProfileList(profiles, current)


def _wrong(path: Path, place: str, what: str) -> ProfilesError:
    return ProfilesError(f"{path}: {place} has to be {what}. Mend that line.")


def _profile(name: str, table: Any, path: Path) -> Profile:
    if NAME.fullmatch(name) is None:
        raise ProfilesError(
            f"{path}: “{clean(name)}” can't be a profile's name: {NAME_RULE}. Mend that line."
        )
    place = f"profiles.{name}"
    if not isinstance(table, dict):
        raise _wrong(path, place, _TABLE)
    try:
        read = msgspec.convert(table, _Profile)
    except msgspec.ValidationError as error:
        field = misfit(error).field
        problem = _wrong(path, f"{place}.{field}", _HAS_TO_BE.get(field, "another value"))
        raise problem from None
    if wrong := _mistake(read):
        raise _wrong(path, f"{place}.{wrong[0]}", wrong[1])
    return Profile(
        name=name,
        base_url=read.base_url,
        production=read.production,
        colour=read.colour,
        read_only=read.read_only,
        source=CredentialSource(
            read.credential.kept, read.credential.command, read.credential.file
        ),
        network=Network(read.network.ca_file, read.network.proxy),
        account_id=read.account_id,
    )


def _mistake(read: _Profile) -> tuple[str, str] | None:
    """A field that can't be as it is, and what it has to be."""
    credential = read.credential
    texts = [
        ("base_url", read.base_url),
        ("account_id", read.account_id),
        ("network.proxy", read.network.proxy),
        *(("credential.command", each) for each in credential.command),
    ]
    paths = [("credential.file", credential.file), ("network.ca_file", read.network.ca_file)]
    for field, text in (*texts, *paths):
        if clean(text) != text:
            return field, "free of characters that can't be shown"
    if credential.file and not credential.file.startswith("/"):
        return "credential.file", "a whole path, from / on"
    if read.network.ca_file and not read.network.ca_file.startswith(("/", "~/")):
        return "network.ca_file", "a whole path, from / or ~/ on"
    if bool(credential.command) != (credential.kept is Kept.COMMAND):
        return "credential.command", "there where the key comes from a command, and only there"
    if bool(credential.file) != (credential.kept is Kept.FILE):
        return "credential.file", "there where the key comes from a file, and only there"
    return None


def rendered(listed: ProfileList) -> str:
    """The text of these profiles."""
    import tomli_w

    tables = {each.name: _table(each) for each in listed.profiles}
    current = {"current": listed.current} if listed.current else {}
    return tomli_w.dumps({**current, "profiles": tables})


def _table(profile: Profile) -> dict[str, Any]:
    source, network = profile.source, profile.network
    table = _without_defaults(
        _Profile(
            profile.base_url,
            profile.production,
            profile.colour,
            profile.read_only,
            profile.account_id,
            _Credential(source.kept, source.argv, source.path),
            _Network(network.ca_file, network.proxy),
        )
    )
    # Where a key is sent is said in full, whatever a later version has for a default.
    return {"base_url": profile.base_url, **table}


def _without_defaults(struct: msgspec.Struct) -> dict[str, Any]:
    table: dict[str, Any] = {}
    plain = type(struct)()
    for field, name in zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True):
        value = getattr(struct, field)
        if value != getattr(plain, field):
            is_struct = isinstance(value, msgspec.Struct)
            table[name] = _without_defaults(value) if is_struct else value
    builtins: dict[str, Any] = msgspec.to_builtins(table)
    return builtins
