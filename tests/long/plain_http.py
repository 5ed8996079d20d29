"""HTTP byte by byte: what a library would not send, and answers that are compared whole."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import NamedTuple

Headers = Iterable[tuple[str, str]]


class Answer(NamedTuple):
    """An answer: its status, and all of it but the date."""

    status: int
    head: tuple[bytes, ...]
    body: bytes


def request(method: str, target: str, headers: Headers, body: bytes | None = None) -> bytes:
    """A request with exactly these headers, and with the body's length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Connection:
    """A connection to a server on loopback, opened again where the server closed it."""

    def __init__(self, port: int, patience_s: float = 10.0) -> None:
        self._port = port
        self._patience_s = patience_s
        self._socket: socket.socket | None = None

    def ask(self, data: bytes, method: str = "GET") -> Answer:
        """Send a request, read the answer."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._patience_s)
        try:
            self._socket.sendall(data)
            answer = _read(self._socket, has_body=method != "HEAD")
        except OSError:
            self.close()
            raise
        if b"connection: close" in {line.lower() for line in answer.head}:
            self.close()
        return answer

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _read(connection: socket.socket, has_body: bool) -> Answer:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields = {
        name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
    }
    status = int(first.split(b" ")[1])
    length = int(fields.get(b"content-length", b"0")) if has_body and status != 304 else 0
    while len(body) < length:
        body += _some(connection)
    kept = (line for line in lines if not line.lower().startswith(b"date:"))
    return Answer(status, (first, *kept), body)


def _some(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionResetError("closed before the end of an answer")
    return chunk
