"""A PulsAPI that answers creates and tries as a test says, and writes down what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.canary import Canary
from tests.terminal.fake_pulsapi import Answers


class Request(NamedTuple):
    """What came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Raw(NamedTuple):
    """An answer, byte by byte; the connection ends after it."""

    data: bytes


Answer = tuple[int, object] | Raw


def cut(status: int, body: bytes, kept: int) -> Raw:
    """An answer that ends in the middle of its body."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
    return Raw(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:kept])


class RecordingPulsapi:
    """The server's side of a story; what is asked for next can be changed at any time."""

    def __init__(self, canary: Canary) -> None:
        self.requests: list[Request] = []
        self.answers = Answers(["Staging"], new_secret=canary.secret)
        self.create: Callable[[str], Answer] = self.created
        self.services: Answer = (200, {"data": [], "next_cursor": None})
        self.url = ""

    def created(self, name: str) -> Answer:
        """A new key, which is listed from now on."""
        self.answers.new_name = name
        answer = self.answers.created()
        self.answers.names = [*self.answers.names, name]
        return 201, answer

    def answer(self, request: Request) -> Answer:
        """What a request is answered."""
        self.requests.append(request)
        if request.method == "POST":
            return self.create(json.loads(request.body)["name"])
        if request.method == "DELETE":
            return 204, None
        if request.path.startswith("/v1/services"):
            return self.services
        if request.path.startswith("/v1/account"):
            return 200, self.answers.account()
        return 200, self.answers.page()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Listen on loopback."""
        handler = type("Handler", (_Handler,), {"pulsapi": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pulsapi: RecordingPulsapi

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.pulsapi.answer(Request(self.command, self.path, headers, body))
        if isinstance(answer, Raw):
            self.wfile.write(answer.data)
            self.close_connection = True
            return
        status, content = answer
        self.send_response(status)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        if status == 204:
            data = b""
        else:
            kind = "json" if status < 400 else "problem+json"
            self.send_header("Content-Type", f"application/{kind}")
            self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the test's own stderr."""


# The names that http.server looks for.
for _method in ("GET", "POST", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._any)  # noqa: SLF001
