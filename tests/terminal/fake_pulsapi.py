"""A PulsAPI that answers what a test tells it to, as `openapi.yaml` lays its answers out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SESSION_KEY = "local_of_the_session_0123456789abcdef"
NEW_SECRET = "local_of_the_new_key_0123456789abcdef"


@dataclass
class Answers:
    """The texts in the answers. All of them are the server's own, so any of them may be hostile."""

    names: Sequence[str]
    hint: str = "abcd"
    email: str = "dana@northwind.example"
    display_name: str = "Dana"
    timezone: str = "UTC"
    detail: str = "It is reserved."
    code: str = "reserved"
    new_name: str = "A new key"
    new_secret: str = NEW_SECRET
    creates: list[str] = field(default_factory=list)

    def account(self) -> dict[str, Any]:
        """The account; its session key is none of the listed ones."""
        return {
            "id": "acc_1",
            "email": self.email,
            "display_name": self.display_name,
            "timezone": self.timezone,
            "plan": "pro",
            "role": "owner",
            "authenticated_key_id": "key_session",
            "capabilities": [],
        }

    def key(self, number: int, name: str) -> dict[str, Any]:
        """A key, as many days old as its place in the list, and never used."""
        created = datetime.now(UTC) - timedelta(days=number + 1, hours=1)
        return {
            "id": f"key_{number:04}",
            "name": name,
            "hint": self.hint,
            "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "last_used_at": None,
        }

    def page(self) -> dict[str, Any]:
        """All keys."""
        keys = [self.key(number, name) for number, name in enumerate(self.names)]
        return {"data": keys, "next_cursor": None, "total": len(keys)}

    def created(self) -> dict[str, Any]:
        """A new key; the first try is refused."""
        return self.key(len(self.names), self.new_name) | {"key": self.new_secret}

    def services(self) -> dict[str, Any]:
        """One for each name."""
        data = [
            {
                "id": f"svc_{number}",
                "name": name,
                "status": "operational",
                "group": self.display_name,
                "updated_at": "2026-11-24T12:00:00Z",
            }
            for number, name in enumerate(self.names)
        ]
        return {"data": data, "next_cursor": None}

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """RFC 9457."""
        texts = {"title": self.detail, "detail": self.detail, "upgrade_url": self.detail}
        return {"type": "about:blank", "status": status, "code": code, **texts}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Answers

    def _get(self) -> None:
        bodies = {"/v1/account": self.answers.account, "/v1/services": self.answers.services}
        self._answer(200, bodies.get(self.path, self.answers.page)())

    def _post(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answers.creates.append(self.path)
        if len(self.answers.creates) == 1:
            self._answer(422, self.answers.problem(422, "invalid_name"))
        else:
            self._answer(201, self.answers.created())

    def _delete(self) -> None:
        self._answer(409, self.answers.problem(409, self.answers.code))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        kind = "json" if status < 400 else "problem+json"
        self.send_header("Content-Type", f"application/{kind}")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("ETag", f'"{hash(data)}"')
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the test's own stderr."""


# The names that http.server looks for.
for _method, _handle in (
    ("GET", _Handler._get),  # noqa: SLF001
    ("POST", _Handler._post),  # noqa: SLF001
    ("DELETE", _Handler._delete),  # noqa: SLF001
):
    setattr(_Handler, f"do_{_method}", _handle)


@contextmanager
def serving(answers: Answers) -> Iterator[str]:
    """Serve these answers; gives the base URL."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
