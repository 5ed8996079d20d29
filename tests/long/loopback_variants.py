"""Requests of which one thing is wrong, by chance; and as many decorations as there may be."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from tests.long.plain_http import request

GOOD = "good"
CONTENT_TYPE = "content type"
"""The one kind that its handler refuses, since only that knows who takes a body."""

FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "127.0.0.1:0{port}",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "127.0.0.2:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "0177.0.0.1:{port}",
    "[::1]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "localhost.:{port}",
    "127.0.0.1:{port}.",
    "user@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.1:{port}, evil.example",
    "http://127.0.0.1:{port}",
    "",
)
REBINDING_HOSTS = (
    "localtest.example:{port}",
    "127.0.0.1.rebind.example:{port}",
    "7f000001.c0a80001.rebind.example:{port}",
    "localhost.evil.example:{port}",
    "evil.localhost:{port}",
    "a.127.0.0.1:{port}",
)
FOREIGN_ORIGINS = (
    "https://evil.example",
    "null",
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://127.0.0.1:{port}",
    "http://localhost.evil.example:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}/",
    "http://evil.example http://127.0.0.1:{port}",
    "file://",
    "chrome-extension://abcdefghijklmnop",
)
FOREIGN_SITES = ("cross-site", "same-site", "", "same-origin, cross-site", "None", "junk")
SIMPLE_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "application/jsonx",
    "application/json, text/plain",
    "",
)
TARGETS = (
    "http://evil.example/v1/account",
    "http://127.0.0.1:{port}/v1/account",
    "https://127.0.0.1:{port}/v1/account",
    "*",
    "127.0.0.1:{port}",
    "v1/account",
    "//v1/account",
    "/v1//account",
    "/v1/./account",
    "/v1/x/../account",
    "/v1/account/",
    "/V1/ACCOUNT",
    "/v1/account;x=1",
    "/v1/account%00",
    "/",
)
DECORATIONS = (
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Host", "127.0.0.1:{port}"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "{port}"),
    ("Forwarded", 'for=127.0.0.1;host="127.0.0.1:{port}"'),
    ("X-Real-IP", "127.0.0.1"),
    ("X-Original-Host", "127.0.0.1:{port}"),
    ("X-Original-URL", "/v1/services"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Referer", "https://evil.example/"),
    ("Cookie", "session=1"),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Private-Network", "true"),
)
_CHARS = "abcz0189.-:@/\\%#?[]~ \t\x00\x7f\xa0\xff"


class Variant(NamedTuple):
    """A request, what is wrong with it, and whether it would create a key."""

    kind: str
    data: bytes
    creates: bool

    def shown(self) -> str:
        """The request without its key."""
        lines = self.data.split(b"\r\n")
        return repr([line for line in lines if not line.lower().startswith(b"authorization:")])


def variants(rng: Random, times: int, port: int, secret: str) -> Iterator[Variant]:
    """So many of them; one of seven is good."""
    for _ in range(times):
        kind = rng.choice((*_WRONG, GOOD))
        draft = _Draft(rng, port, secret)
        if kind != GOOD:
            _WRONG[kind](draft)
        yield Variant(kind, draft.sent(), draft.method == "POST")


class _Draft:
    """A good request, until something of it is changed."""

    def __init__(self, rng: Random, port: int, secret: str) -> None:
        self.rng = rng
        self._port = port
        self._own = rng.choice((f"127.0.0.1:{port}", f"localhost:{port}", f"LocalHost:{port}"))
        self.method = rng.choice(("GET", "POST"))
        self.target = rng.choice(("/v1/account", "/v1/services", "/v1/api-keys"))
        if self.method == "POST":
            self.target = "/v1/api-keys"
        self.hosts = [self._own]
        self.headers = [("Authorization", f"Bearer {secret}")]
        self.content_type = "application/json"
        for name, value in rng.sample(DECORATIONS, rng.randrange(4)):
            self.headers.append((name, self._filled(value)))
        if rng.random() < 0.3:
            self.headers.append(("Sec-Fetch-Site", rng.choice(("same-origin", "none"))))
        self._has_origin = rng.random() < 0.3

    def _filled(self, text: str) -> str:
        return text.format(port=self._port)

    def _one_of(self, texts: tuple[str, ...]) -> str:
        return self._filled(self.rng.choice(texts))

    def foreign_host(self) -> None:
        self.hosts = [self._one_of(FOREIGN_HOSTS)]

    def rebinding_host(self) -> None:
        self.hosts = [self._one_of(REBINDING_HOSTS)]

    def mutated_host(self) -> None:
        own = {f"127.0.0.1:{self._port}", f"localhost:{self._port}"}
        host = self._own
        while host.strip(" \t").lower() in own:
            place = self.rng.randrange(len(host) + 1)
            removed = self.rng.randrange(2)
            added = "".join(self.rng.choices(_CHARS, k=self.rng.randrange(3)))
            host = host[:place] + added + host[place + removed :]
        self.hosts = [host]

    def number_of_hosts(self) -> None:
        self.hosts = self.rng.choice(
            ([], [self._own, "evil.example"], ["evil.example", self._own], [self._own] * 2)
        )

    def foreign_origin(self) -> None:
        self._has_origin = False
        self.headers.append(("Origin", self._one_of(FOREIGN_ORIGINS)))
        if self.rng.random() < 0.2:
            # One that is right beside it does not help.
            self.headers.append(("Origin", f"http://{self._own.lower()}"))

    def foreign_site(self) -> None:
        self.headers.append(("Sec-Fetch-Site", self.rng.choice(FOREIGN_SITES)))

    def simple_request(self) -> None:
        self.method, self.target = "POST", "/v1/api-keys"
        self.content_type = self.rng.choice(SIMPLE_TYPES)

    def other_target(self) -> None:
        self.method, self.target = "GET", self._one_of(TARGETS)

    def sent(self) -> bytes:
        headers = self.headers + [("Host", host) for host in self.hosts]
        if self._has_origin:
            headers.append(("Origin", f"http://{self._own.lower()}"))
        body = None
        if self.method == "POST":
            headers.append(("Content-Type", self.content_type))
            body = b'{"name":"from a page"}'
        self.rng.shuffle(headers)
        cased = [(self.rng.choice((str.lower, str.upper, str))(n), value) for n, value in headers]
        return request(self.method, self.target, cased, body)


_WRONG = {
    "host": _Draft.foreign_host,
    "rebinding name": _Draft.rebinding_host,
    "mutated host": _Draft.mutated_host,
    "number of hosts": _Draft.number_of_hosts,
    "origin": _Draft.foreign_origin,
    "fetch site": _Draft.foreign_site,
    CONTENT_TYPE: _Draft.simple_request,
    "target": _Draft.other_target,
}
