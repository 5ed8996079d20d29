"""Headers as they are sent, and as they are read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As they are sent; all of them are ASCII."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By their lower-case names; one that came several times is one with commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
