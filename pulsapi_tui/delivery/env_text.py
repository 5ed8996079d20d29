"""Find and set a variable in the text of an env file; every other byte stays. Pure.

`sh` and the dotenv readers (python-dotenv, node's dotenv, docker compose) agree on most files.
Where they would disagree on which line belongs to which value, the file is refused: a key would
end up where one of them does not look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEAD = re.compile(
    rb"[ \t]*(?:export[ \t]+)?(?P<name>[^\s=#'\"`\\$;&|()<>+:]+)[ \t]*=(?P<gap>[ \t]*)"
)
_LONE_CR = re.compile(rb"\r(?!\n)")
_BARE = re.compile(rb"[A-Za-z0-9_./:@%+,=-]+")
_WRITABLE = re.compile(rb"[\x21-\x7e]+")
_MORE = re.compile(rb"[;&|]|[ \t][A-Za-z_][A-Za-z0-9_]*=")

_QUOTE = "Put the whole value into quotes, without a backslash before a quote"
_SPLIT = "Write it as a plain assignment on a line of its own"


class EnvTextError(Exception):
    """The text can't be edited; says where and what to do, and holds nothing of the text."""


class Assignment(NamedTuple):
    """The value of one assignment, by its place in the text, quotes included."""

    start: int
    end: int
    quote: bytes
    """Around the whole value, or empty."""


def assigned(data: bytes, variable: str) -> tuple[bytes, ...]:
    """The values of a variable as written, without the quotes around them, in order."""
    return tuple(
        data[each.start + len(each.quote) : each.end - len(each.quote)]
        for each in assignments(data, variable)
    )


def assign(data: bytes, variable: str, value: bytes) -> bytes:
    """The text with each assignment of `variable` set to `value`, or with one added at the end."""
    found = assignments(data, variable)
    if not found:
        return _appended(data, variable.encode() + b"=" + rendered(value, b""))
    parts: list[bytes] = []
    kept_to = 0
    for each in found:
        parts += [data[kept_to : each.start], rendered(value, each.quote)]
        kept_to = each.end
    return b"".join([*parts, data[kept_to:]])


def rendered(value: bytes, quote: bytes) -> bytes:
    """The value as all readers read it, in the quotes that were there where that is possible."""
    if _WRITABLE.fullmatch(value):
        for style in (quote, b"", b"'", b'"'):
            if _is_safe_in(style, value):
                return style + value + style
    raise EnvTextError(
        "this key can't be written so that all programs read it alike. "
        "Deliver it to a file or a command instead."
    )


def _is_safe_in(quote: bytes, value: bytes) -> bool:
    if quote == b"'":
        # python-dotenv reads ${x}, \\ and \' even here.
        return b"'" not in value and b"${" not in value and not re.search(rb"\\(\\|\Z)", value)
    if quote == b'"':
        return not re.search(rb'["\\$`]', value)
    return _BARE.fullmatch(value) is not None


def _appended(data: bytes, line: bytes) -> bytes:
    if data in (b"", _BOM):
        return data + line + b"\n"
    last_newline = data.rfind(b"\n")
    newline = (
        b"\r\n" if last_newline > 0 and data[last_newline - 1 : last_newline] == b"\r" else b"\n"
    )
    if data.endswith(b"\n"):
        return data + line + newline
    return data + newline + line


def assignments(data: bytes, variable: str) -> list[Assignment]:
    """Where a variable is assigned. Raises `EnvTextError` where readers would not agree."""
    if b"\0" in data or data.startswith(_UTF_16):
        raise EnvTextError("the text is not UTF-8. Save it as UTF-8, then deliver again.")
    name = variable.encode()
    elsewhere = re.compile(rb"(?:^|[\s;&|('\"])" + name + rb"['\"]?[ \t]*(?:\+?=|:)")
    found: list[Assignment] = []
    for statement in _statements(data):
        loose = data[statement.loose : statement.comment]
        if statement.name == name:
            if _MORE.search(loose):
                raise _error(statement.line, f"does more than to assign {variable}", _SPLIT)
            found.append(_assignment(data, statement))
        elif elsewhere.search(loose):
            raise _error(statement.line, f"assigns {variable} in an unusual way", _SPLIT)
    return found


class _Statement(NamedTuple):
    """An assignment, or a line that is none."""

    line: int
    name: bytes
    """Empty where it is no assignment."""
    equals: int
    """After the `=`."""
    value: int
    loose: int
    """Where what is in no quotes begins: the value's start, or after its closing quote."""
    comment: int
    """Where a comment begins, or the end of the line."""


def _assignment(data: bytes, statement: _Statement) -> Assignment:
    end = statement.value + len(data[statement.value : statement.comment].rstrip(b" \t"))
    if end <= statement.value:
        # An inline comment must keep the space before it.
        has_comment = data[statement.comment : statement.comment + 1] == b"#"
        at = statement.equals if has_comment else statement.value
        return Assignment(at, at, b"")
    is_quoted = end == statement.loose
    return Assignment(
        statement.value, end, data[statement.value : statement.value + 1] if is_quoted else b""
    )


def _statements(data: bytes) -> Iterator[_Statement]:
    at = len(_BOM) if data.startswith(_BOM) else 0
    line = 1
    while at < len(data):
        head = _HEAD.match(data, at)
        value = head.end() if head else at
        loose = value
        if head and data[value : value + 1] in (b"'", b'"'):
            loose = _closing_quote(data, value, line) + 1
        end = _line_end(data, loose)
        if _LONE_CR.search(data, at, end):
            raise _error(line, "holds a carriage return that ends no line", "Take it out")
        is_word_start = head is None or (loose == value and bool(head["gap"]))
        comment = _comment(data, loose, end, line, is_word_start)
        if head:
            yield _Statement(line, head["name"], head.start("gap"), value, loose, comment)
        else:
            yield _Statement(line, b"", value, value, loose, comment)
        newline = data.find(b"\n", end)
        line += data.count(b"\n", at, end) + 1
        at = len(data) if newline < 0 else newline + 1


def _line_end(data: bytes, at: int) -> int:
    """Before the line feed, and before the carriage return that belongs to it."""
    newline = data.find(b"\n", at)
    if newline < 0:
        return len(data)
    return newline - 1 if newline > at and data[newline - 1 : newline] == b"\r" else newline


def _closing_quote(data: bytes, start: int, line: int) -> int:
    """Where a quoted value ends, if all readers agree: they differ on backslashes."""
    quote = data[start : start + 1]
    first = data.find(quote, start + 1)
    unescaped = first
    while unescaped >= 0 and data[unescaped - 1 : unescaped] == b"\\":
        unescaped = data.find(quote, unescaped + 1)
    pairs = re.compile(rb"\\.|" + quote, re.DOTALL).finditer(data, start + 1)
    after_pairs = next((each.start() for each in pairs if each[0] == quote), -1)
    ends = {unescaped, after_pairs} | ({first} if quote == b"'" else set())
    if ends == {-1}:
        raise _error(line, "opens a quote that never closes", "Close it")
    if len(ends) > 1:
        raise _error(line, "has a backslash before a quote, which is read differently", _QUOTE)
    return ends.pop()


def _comment(data: bytes, at: int, end: int, line: int, is_word_start: bool) -> int:
    """Where the line's comment begins, or its end. Refuses what `sh` would read on from."""
    quote = b""
    while at < end:
        char = data[at : at + 1]
        if char == b"\\" and quote != b"'":
            at += 1
        elif quote:
            quote = b"" if char == quote else quote
        elif char in b"'\"`":
            quote = char
        elif char == b"#" and is_word_start:
            return at
        is_word_start = char in b" \t" and not quote
        at += 1
    if quote or at > end:
        what = "opens a quote that does not close on it" if quote else "ends with a backslash"
        raise _error(line, f"{what}: some programs would read on into the next line", _QUOTE)
    return end


def _error(line: int, what: str, advice: str) -> EnvTextError:
    return EnvTextError(f"line {line} {what}. {advice}, then deliver again.")
