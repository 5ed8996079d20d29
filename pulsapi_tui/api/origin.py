"""The address that the credential goes to, and the proxy on the way."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from pulsapi_tui.domain.errors import AddressError

_LOOPBACK_V6 = ipaddress.IPv6Address("::1")


class _Parts(NamedTuple):
    scheme: str
    host: str
    port: int | None
    has_more: bool
    """A path, a query or a fragment."""

    @property
    def plain(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling alone; nothing is looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    # Of the IPv6 addresses just this one: Python's versions differ in what else they count in.
    return address.is_loopback if address.version == 4 else address == _LOOPBACK_V6


def check_base_url(text: str) -> str:
    """Return the base URL in its plain form: scheme, host and port.

    Raises:
        AddressError: it is no URL, holds more than an address, or would send the credential
            in the clear to another machine.
    """
    parts = _parts(text, "base URL", "https://api.pulsapi.com")
    if parts.has_more:
        raise AddressError("The base URL must end after the host and port; /v1 is added here.")
    if parts.scheme == "http" and not is_loopback(parts.host):
        raise AddressError(
            "Plain http would send the key in the clear: use https, or a server on this machine."
        )
    return parts.plain


def check_proxy(text: str, base_url: str) -> str:
    """Return the proxy to a base URL that was checked, in its plain form; empty for none.

    Raises:
        AddressError: it is no proxy's address, or it would see the credential.
    """
    if not text:
        return ""
    parts = _parts(text, "proxy", "http://proxy.example:3128")
    if parts.has_more or parts.port is None:
        raise AddressError(
            "The proxy must be a scheme, a host and a port, like http://proxy.example:3128."
        )
    if base_url.startswith("http:"):
        raise AddressError(
            "By plain http, the proxy would see the key: leave out the proxy, or use https."
        )
    if "[" in base_url:
        raise AddressError(
            "A proxy can't be asked for an IPv6 address here: give the base URL by a name."
        )
    return parts.plain


def _parts(text: str, what: str, example: str) -> _Parts:
    """Nothing of the text is in the message: there may be a password in it."""
    try:
        url = urlsplit(text.strip())
        port = url.port
    except ValueError:
        url, port = None, None
    if url is None:
        # Raised out here: that error's text is a piece of this one.
        raise AddressError(f"The {what} is not valid: give it as {example}.")
    host = url.hostname or ""
    if url.scheme not in {"http", "https"} or not host:
        raise AddressError(f"The {what} must be like {example}, with https:// or http:// first.")
    if url.username is not None or url.password is not None:
        raise AddressError(f"The {what} must not hold a user name or a password.")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise AddressError(f"The {what}'s host has characters that a host can't have.")
    has_more = url.path not in {"", "/"} or bool(url.query or url.fragment)
    return _Parts(url.scheme, host, port, has_more)
