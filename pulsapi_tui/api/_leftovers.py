"""Whether more came on a connection than the answer to what was asked.

Such bytes would be taken for the answer to the next request on that connection: a key would count
as revoked before the server heard of it. httpx has no word for them, so its inside is looked at:
the buffer of h11, and what its sockets have read ahead. Where that inside is another one than here,
every answer counts as followed by more, and no connection is used twice: slower, and still right.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

_AFTER_THE_ANSWER = attrgetter(
    "_stream._httpcore_stream._stream._connection._h11_state.trailing_data"
)
_DECRYPTED = attrgetter("_ssl_object.pending")
_ENCRYPTED = attrgetter("_read_bio.pending")
_READ_AHEAD = attrgetter("_protocol.read_queue")


def came_with_more(body: Any, network: Any) -> bool:
    """Look at an answer that was read to its end and not closed.

    `body` is the stream of the response; `network` its `network_stream`.
    """
    try:
        bytes_after, _ = _AFTER_THE_ANSWER(body)
        return bool(bytes_after) or _has_unread(attrgetter("_stream")(network))
    except AttributeError:
        return True


def _has_unread(stream: Any) -> bool:
    # TLS by a proxy that is reached by TLS is one within the other.
    while hasattr(stream, "transport_stream"):
        if _DECRYPTED(stream)() or _ENCRYPTED(stream):
            return True
        stream = stream.transport_stream
    return bool(_READ_AHEAD(stream))
