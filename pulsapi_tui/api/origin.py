"""The address that the credential goes to, and the characters that a credential may have."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.secret import Secret

_HEADER_SAFE = re.compile(r"[\x21-\x7e]+\Z")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling alone; nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_base_url(text: str) -> str:
    """Return the base URL in its plain form: scheme, host and port.

    Raises:
        CredentialError: it is no URL, holds more than an address, or would send the credential
            in the clear to another machine.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise CredentialError(
            "The base URL is not valid: give it as https://host[:port]."
        ) from None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise CredentialError("The base URL must be like https://api.pulsapi.com.")
    if parts.username is not None or parts.password is not None:
        raise CredentialError("The base URL must not hold a user name or a password.")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise CredentialError("The base URL must end after the host and port; /v1 is added here.")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise CredentialError("The base URL's host has characters that a host can't have.")
    if parts.scheme == "http" and not is_loopback(host):
        raise CredentialError(
            "Plain http would send the key in the clear: use https, or a server on this machine."
        )
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port is not None else "")


def check_credential(secret: Secret) -> Secret:
    """Return the credential if it can stand in a header.

    httpx prints a bad header value in its error, so this comes before any request.

    Raises:
        CredentialError: it has characters that no header can carry.
    """
    if not _HEADER_SAFE.match(secret.reveal()):
        raise CredentialError(
            "The API key holds a space, a line break or another character that can't be sent. "
            "Copy it again, without quotes around it."
        )
    return secret
