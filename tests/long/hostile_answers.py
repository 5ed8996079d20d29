"""Answers that break every rule, made of good ones by a seeded generator of random choices."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

from pulsapi_tui.api._http import MAX_BODY_BYTES
from tests.contract.support import (
    CANARY,
    KEY,
    Request,
    Script,
    Wire,
    bytes_of,
    cut,
    head,
    page,
    then_stall,
    trickled,
)
from tests.hostile_text import HOSTILE

MIB = 1024 * 1024


class Good(NamedTuple):
    """What a call should get."""

    status: int
    body: Mapping[str, Any] | None

    @property
    def text(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body).encode()

    @property
    def answer(self) -> bytes:
        """All of it."""
        return bytes_of(self.status, self.text, 'ETag: "one"')


Make = Callable[[Random, Good], Script]


def sent(rng: Random, data: bytes) -> Script:
    """Send it in one piece or a few; mostly the connection ends then, by FIN or RST."""
    pieces = rng.choice((1, 1, 2, 5))
    step = max(1, -(-len(data) // pieces))
    end = rng.choice(("FIN", "FIN", "FIN", "RST", "open"))

    async def script(request: Request, wire: Wire) -> None:
        for at in range(0, len(data), step):
            await wire.send(data[at : at + step])
            await asyncio.sleep(0)
        if end == "RST":
            wire.reset()
        elif end == "FIN":
            wire.close()

    return script


def flood(start: bytes, piece: bytes, times: int) -> Script:
    """Send something very often, as fast as it is taken, and end."""

    async def script(request: Request, wire: Wire) -> None:
        await wire.send(start)
        for _ in range(times):
            await wire.send(piece)
        wire.close()

    return script


# JSON

_RAW = "\x02raw\x02"
_VALUES: tuple[bytes, ...] = (
    *(b"null", b"true", b"0", b"-1", b"1.5", b"1e999", b"NaN", b"-Infinity", b'""', b"[]", b"{}"),
    *(b"9" * 5_000, b"-" + b"9" * 30, b'{"":{}}', b"[[[[[[]]]]]]", b'"\\ud800"', b'"\\udc00x"'),
    *(b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\u0000"', b'"\x00"', b'"0000-00-00T00:00:00Z"'),
    *(b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59-23:59"', b'"2026-11-24T12:00:00"'),
    *(b'"2026-11-24T24:00:60Z"', b'"2026-02-30T00:00:00Z"', b'"."', b'".."', b'"../../etc"'),
    *(b'"owner\\u0000"', b'"' + b"x" * 70_000 + b'"', b'"' + "é\u0301".encode() * 9_000 + b'"'),
    b'"a\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301"',
    b'"\\ud83d\\ude80\\u200d' + b"\\ud83d\\ude80\\u200d" * 40 + b'"',
    json.dumps(CANARY).encode(),
    *(json.dumps(text).encode() for text in HOSTILE),
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each container in there with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, Any]] = []
    for key, each in items:
        found.append((value, key))
        if isinstance(each, dict | list):
            found += _places(each)
    return found


def _problem(rng: Random) -> dict[str, Any]:
    codes = "unauthorized plan_required forbidden_role not_found invalid_name rate_limited"
    return {
        "code": rng.choice(codes.split()),
        "detail": "It is reserved.",
        "upgrade_url": "https://example.test",
    }


def _with_values(rng: Random, body: Any, count: int) -> bytes:
    body = json.loads(json.dumps(body))
    chosen: list[bytes] = []
    for _ in range(count):
        container, key = rng.choice(_places(body))
        container[key] = f"{_RAW}{len(chosen)}{_RAW}"
        chosen.append(rng.choice(_VALUES))
    text = json.dumps(body).encode()
    for number, value in enumerate(chosen):
        text = text.replace(json.dumps(f"{_RAW}{number}{_RAW}").encode(), value)
    return text


def _status_and_body(rng: Random, good: Good) -> tuple[int, Any]:
    """The good ones, or those of a problem."""
    if good.body is None or rng.random() < 0.3:
        return rng.choice((400, 401, 402, 403, 404, 409, 422, 429, 500, 503)), _problem(rng)
    return good.status, good.body


def values(rng: Random, good: Good) -> Script:
    """JSON with wrong values."""
    status, body = _status_and_body(rng, good)
    return sent(rng, bytes_of(status, _with_values(rng, body, rng.choice((1, 1, 2, 4)))))


def texts(rng: Random, good: Good) -> Script:
    """Hostile text in all fields that may hold any text."""
    status, body = _status_and_body(rng, good)
    body = json.loads(json.dumps(body))
    free = {"name", "hint", "email", "display_name", "timezone", "detail", "upgrade_url", "group"}
    for container, key in _places(body):
        if key in free:
            container[key] = "".join(rng.sample([*HOSTILE, CANARY], 4))
        elif key == "capabilities":
            container[key] = [rng.choice(HOSTILE)]
    return sent(rng, bytes_of(status, json.dumps(body).encode()))


def structure(rng: Random, good: Good) -> Script:
    """JSON that is built otherwise."""
    status, body = _status_and_body(rng, good)
    text = json.dumps(body)
    wrecked = (
        f"[{text}]",
        f"{text}{text}",
        f"\ufeff{text}",
        f"/* */{text}",
        text[:-1] + "," + text[1:],
        text.replace('"', "'"),
        text[: rng.randrange(len(text))],
        json.dumps({key: each for key, each in body.items() if rng.random() < 0.7}),
        json.dumps({**body, **{f"x{n}": body for n in range(50)}}),
        "null",
        "",
    )
    encoding = rng.choice(("utf-8", "utf-8", "utf-16", "utf-32", "utf-7"))
    return sent(rng, bytes_of(status, rng.choice(wrecked).encode(encoding)))


def mutated(rng: Random, good: Good) -> Script:
    """Some bytes flipped, dropped, doubled, put in or moved."""
    data = bytearray(good.answer)
    for _ in range(rng.choice((1, 1, 2, 8, 30))):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 1, 2, 10))
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = rng.randbytes(1)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at:at] = rng.choice((b"\r\n", b"\x00", b"\xff", b"\r\n\r\n", b":", b" ", b"-"))
    return sent(rng, bytes(data))


# Headers and framing

_LINES = (
    *("Content-Type: text/html", "Content-Type: \x1b]0;x\x07", "X: \x00", "X: \xff\xfe", ": x"),
    *(" folded", "\tfolded: x", "No colon", "Sp ace: x", "X : x", "X: a\rY: b", "X: a\nY: b"),
    *("Connection: close", "Connection: upgrade", "Upgrade: h2c", "Trailer: X", "Date: never"),
    *("Date: Tue, 99 Nov 99999 99:99:99 +9999", "Retry-After: -1", "Retry-After: 1e9"),
    *("Retry-After: " + "9" * 5000, "Retry-After: Tue, 24 Nov 0001 12:00:00 GMT", "Retry-After: ²"),
    *("Retry-After: 24 Nov 9999 23:59:59 -2359", "ETag: \x1b[2J", "ETag: " + "x" * 9000, "ETag: é"),
    *("Set-Cookie: a=b; Domain=example.com", "Set-Cookie: \x00=\x1b", "Set-Cookie: ;;==;;"),
    *(
        "Set-Cookie: a=b; Expires=Tue, 99 Foo 99999 99:99:99",
        "Set-Cookie: a=b; Max-Age=" + "9" * 99,
    ),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x"),
    *("Transfer-Encoding: chunked, chunked", "Content-Encoding: identity", "Content-Encoding: "),
    *(
        "Content-Encoding: gzip",
        "Content-Encoding: \x1b",
        "Content-Length: 0",
        "Content-Length: -1",
    ),
    *("Location: http://127.0.0.1:1/", "Location: \x1b", "Location: //[", "WWW-Authenticate: x"),
)


def headers(rng: Random, good: Good) -> Script:
    """Lines in the head that do not belong there."""
    status, body = _status_and_body(rng, good)
    status = rng.choice((status, status, 429, 503))
    lines = rng.choices(_LINES, k=rng.choice((1, 1, 2, 5)))
    return sent(rng, bytes_of(status, json.dumps(body).encode(), *lines))


def status_lines(rng: Random, good: Good) -> Script:
    """A status that was not asked for, or no status line at all."""
    code = rng.choice((0, 99, 101, 102, 199, 200, 201, 204, 205, 206, 299, 300, 304, 305, 399))
    codes = (str(code), str(rng.randrange(400, 1000)), "20", "2000", "2x0", "-200", "٢٠٠", "")
    version = rng.choice(
        ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/0.9", "ICY", "", "\0")
    )
    line = f"{version} {rng.choice(codes)} {rng.choice(('OK', '', HOSTILE[0], 'x' * 5000))}"
    body = rng.choice((good.text, b"", json.dumps(_problem(rng)).encode()))
    location = rng.choice(("", "Location: http://127.0.0.1:1/v1/account\r\n"))
    end = f"\r\n{location}Content-Length: {len(body)}\r\n\r\n"
    return sent(rng, line.encode("utf-8", "replace") + end.encode() + body)


def protocols(rng: Random, good: Good) -> Script:
    """Something that is no HTTP/1.1."""
    answer = good.answer
    others = (
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
        answer.replace(b"\r\n", b"\n"),
        answer.replace(b"\r\n", b"\r"),
        b"\r\n" * 50 + answer,
        answer[::-1],
        good.text,
        bytes(1000),
        rng.randbytes(3000),
        head(101, "Upgrade: x", "Connection: upgrade") + rng.randbytes(500),
    )
    return sent(rng, rng.choice(others))


def lengths(rng: Random, good: Good) -> Script:
    """A length that is not the body's."""
    right = len(good.text)
    numbers = (right - 1, right + 1, -1, 10**12, 10**30)
    forms = (f"+{right}", f"{right}, {right}", f"0x{right:x}", f"{right}, 3", "", "\xb2", "1e2")
    more = (f"{right}\r\nContent-Length: 3", f" {right} \t")
    said = rng.choice((*map(str, numbers), *forms, *more))
    return sent(rng, head(good.status, f"Content-Length: {said}") + good.text)


def chunks(rng: Random, good: Good) -> Script:
    """Chunks that are cut wrongly."""
    body = good.text or b"x"
    size = f"{len(body):x}".encode()
    framed = (
        size + b"\r\n" + body + b"\r\n0\r\n\r\n",
        b"-1\r\n" + body,
        b"f" * 30 + b"\r\n" + body,
        b"f" * 15 + b"\r\n" + body,
        b"zz\r\n" + body,
        size + b";" + b"x" * 200_000 + b"\r\n" + body,
        size + b"\r\n" + body + b"0\r\n\r\n",
        size + b"\n" + body + b"\n0\n\n",
        b"1\r\n" + body + b"\r\n0\r\n\r\n",
        size
        + b"\r\n"
        + body
        + b"\r\n0\r\n"
        + b"X: \x1b[2J\r\n" * rng.choice((1, 20_000))
        + b"\r\n",
        b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n",
        b"0\r\n\r\n",
        b"\r\n\r\n",
        size + b"\r\n" + body,
    )
    lines = ["Transfer-Encoding: chunked", *rng.choice(((), ("Content-Length: 5",)))]
    return sent(rng, head(good.status, *lines) + rng.choice(framed))


def cuts(rng: Random, good: Good) -> Script:
    """The end comes too early."""
    return cut(good.answer[: rng.randrange(len(good.answer))], rst=rng.random() < 0.5)


def after_the_end(rng: Random, good: Good) -> Script:
    """More comes after the whole answer."""
    more = (b"x", b"\r\n", b"\0" * 70_000, good.answer, head(100), b"HTTP/1.1", rng.randbytes(100))
    return sent(rng, good.answer + rng.choice(more))


def bytewise(rng: Random, good: Good) -> Script:
    """One byte at a time, to the end."""

    async def script(request: Request, wire: Wire) -> None:
        for at in range(len(good.answer)):
            await wire.send(good.answer[at : at + 1])
            await asyncio.sleep(0)

    return script


def interim(rng: Random, good: Good) -> Script:
    """Many answers that are none yet, and then the answer."""
    piece = head(rng.choice((100, 102, 103, 199)), *rng.choices(("Link: x", "X: \x1b"), k=2))
    return sent(rng, piece * rng.choice((1, 30, 300)) + good.answer)


def compressed(rng: Random, good: Good) -> Script:
    """Compressed, which was not asked for."""
    text = good.text
    packed = rng.choice((gzip.compress(text), zlib.compress(text), text, text + b"\x1f\x8b"))
    names = ("gzip", "deflate", "br", "zstd", "compress", "GZIP", "gzip, gzip", "", "x")
    line = f"{rng.choice(('Content-Encoding', 'Transfer-Encoding'))}: {rng.choice(names)}"
    return sent(rng, bytes_of(good.status, packed, line))


# Without an end: by the deadline alone


def stalls(rng: Random, good: Good) -> Script:
    """Nothing more comes, and the connection stays."""
    return then_stall(good.answer[: rng.randrange(len(good.answer))])


def trickles(rng: Random, good: Good) -> Script:
    """A little comes, for ever."""
    starts: tuple[tuple[bytes, bytes], ...] = (
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (head(good.status, "Content-Length: 1000000"), b" "),
        (head(good.status), b" "),
        (head(good.status, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        (head(good.status, "Transfer-Encoding: chunked"), b"0"),
        (b"", head(100)),
        (b"", head(103, "Link: x") * 20),
        (b"", b"\r\n"),
        (good.answer[: good.answer.index(b"\r\n") + 2], b"X: y\r\n"),
    )
    return trickled(*rng.choice(starts))


# Too much: each of them for itself, its memory measured


def _nested(rng: Random, good: Good) -> Script:
    depth = rng.choice((100, 1_000, 100_000, MAX_BODY_BYTES // 2 - 100))
    opener, closer = rng.choice(((b"[", b"]"), (b'{"a":', b"0}")))
    depth = min(depth, (MAX_BODY_BYTES - 100) // (len(opener) + len(closer)))
    inner = opener * depth + rng.choice((b"", closer * depth))
    name = next(iter(good.body or {"code": ""})).encode()
    return sent(rng, bytes_of(good.status, rng.choice((inner, b'{"%s":%s}' % (name, inner)))))


def _bomb(rng: Random, good: Good) -> Script:
    packer = zlib.compressobj(9, wbits=rng.choice((31, 15)))
    packed = b"".join(packer.compress(b" " * MIB) for _ in range(rng.choice((16, 64))))
    packed += packer.flush()
    name = rng.choice(("Content-Encoding", "Transfer-Encoding"))
    line = f"{name}: {rng.choice(('gzip', 'deflate'))}"
    return sent(rng, bytes_of(good.status, packed, rng.choice((line, "X: none"))))


def _endless_body(rng: Random, good: Good) -> Script:
    lines = ((f"Content-Length: {10**12}",), (), ("Transfer-Encoding: chunked",))
    chosen = rng.choice(lines)
    piece = rng.choice((b" ", b'"', b"[", b"\xff")) * 65_536
    if "chunked" in "".join(chosen):
        piece = b"10000\r\n" + piece + b"\r\n"
    return flood(head(good.status, *chosen), piece, 64 * 16)


def _full_body(rng: Random, good: Good) -> Script:
    """As much as is let through, of what takes the most memory."""
    room = MAX_BODY_BYTES - 1000
    key = json.dumps(KEY)
    long_text = rng.choice(("\\u00e9", "\\u202e", "\\ud83d\\ude80", "a\\u0301", "x"))
    long_text *= (room - 2000) // len(long_text)
    keys = ",".join([key] * (room // (len(key) + 1)))
    bodies = [json.dumps(page()).replace("[]", f"[{keys}]")]
    if good.body is not None:
        some = json.loads(json.dumps(good.body))
        container, name = rng.choice(_places(some))
        container[name] = _RAW
        text, mark = json.dumps(some), json.dumps(_RAW)
        bodies.append(text.replace(mark, f'"{long_text}"'))
        bodies.append(text.replace(mark, "[" + ",".join(['"ab"'] * (room // 6)) + "]"))
        bodies.append(text.replace(mark, "[" + "0," * (room // 2 - 1000) + "0]"))
        if isinstance(good.body.get("capabilities"), list):
            many = (f'"{number:x}"' for number in range(room // 9))
            bodies.append(json.dumps(good.body).replace("[]", "[" + ",".join(many) + "]"))
    return sent(rng, bytes_of(good.status, rng.choice(bodies).encode()))


def _flooded_head(rng: Random, good: Good) -> Script:
    start = good.answer[: good.answer.index(b"\r\n") + 2]
    pieces = (
        b"X: y\r\n" * 1000,
        b"Set-Cookie: a=b\r\n" * 500,
        b"x" * 65_536,
        b" folded\r\n" * 1000,
    )
    return flood(start, rng.choice(pieces), 500)


def _flooded_frames(rng: Random, good: Good) -> Script:
    start = head(good.status, "Transfer-Encoding: chunked")
    pieces = (b"1\r\n \r\n" * 200, b"1;" + b"x" * 9000 + b"\r\n \r\n")
    if rng.random() < 0.3:
        return flood(b"", head(100, "X: " + "y" * 50) * 100, 20)
    return flood(start, rng.choice(pieces), 20)


KINDS: dict[str, Make] = {
    "values": values,
    "texts": texts,
    "structure": structure,
    "bytes": mutated,
    "headers": headers,
    "status": status_lines,
    "protocol": protocols,
    "lengths": lengths,
    "chunks": chunks,
    "cuts": cuts,
    "after the end": after_the_end,
    "byte by byte": bytewise,
    "interim": interim,
    "compressed": compressed,
    "stalls": stalls,
    "trickles": trickles,
}
"""Small ones: many at once."""

HEAVY: dict[str, Make] = {
    "nesting": _nested,
    "bombs": _bomb,
    "endless bodies": _endless_body,
    "full bodies": _full_body,
    "floods of headers": _flooded_head,
    "floods of frames": _flooded_frames,
}
"""Large ones: one after the other, with their memory measured."""
