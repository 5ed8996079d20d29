"""The characters that a credential may have."""

from __future__ import annotations

import re

from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.secret import Secret

_HEADER_SAFE = re.compile(r"[\x21-\x7e]+\Z")


def check_credential(secret: Secret) -> Secret:
    """Return the credential if it can stand in a header.

    An HTTP library prints a bad header value in its error, so this comes before any request.

    Raises:
        CredentialError: it has characters that no header can carry.
    """
    if not _HEADER_SAFE.match(secret.reveal()):
        raise CredentialError(
            "The API key holds a space, a line break or another character that can't be sent. "
            "Copy it again, without quotes around it."
        )
    return secret
