"""The report: aligned text for people, one JSON object for programs."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pulsapi_tui.delivery.scrub import scrub
from pulsapi_tui.doctor.checks import Check, Group, Section, Status
from pulsapi_tui.domain.secret import Secret

NAME_WIDTH = 18
_MIN_TEXT_WIDTH = 30

_GLYPHS = {Status.OK: "✓", Status.WARN: "!", Status.FAIL: "✗", Status.SKIP: "–"}
_ASCII = {Status.OK: "+", Status.WARN: "!", Status.FAIL: "x", Status.SKIP: "-"}
_COLOURS = {Status.OK: "32", Status.WARN: "33", Status.FAIL: "31", Status.SKIP: "2"}


class Look(msgspec.Struct, frozen=True):
    """What the output can show."""

    width: int
    """Columns."""
    has_colours: bool
    has_glyphs: bool
    """Whether its encoding has more than ASCII."""


class _Row(msgspec.Struct):
    group: Group
    name: str
    status: Status
    found: str
    mend: str


class _Report(msgspec.Struct):
    version: str
    checks: list[_Row]
    ok: bool


def has_failed(sections: Iterable[Section]) -> bool:
    """Whether anything is a `fail`."""
    return any(check.status is Status.FAIL for section in sections for check in section.checks)


def without(secret: Secret, section: Section) -> Section:
    """The section, without what looks like a piece of the secret: a server may say it back."""
    checks = tuple(
        Check(check.name, check.status, scrub(check.found, secret), scrub(check.mend, secret))
        for check in section.checks
    )
    return Section(section.group, checks)


def as_json(version: str, sections: Sequence[Section]) -> bytes:
    """`{version, checks: [{group, name, status, found, mend}], ok}`, with a line break."""
    rows = [
        _Row(section.group, check.name, check.status, check.found, check.mend)
        for section in sections
        for check in section.checks
    ]
    report = _Report(version, rows, not has_failed(sections))
    return msgspec.json.format(msgspec.json.encode(report)) + b"\n"


def as_text(section: Section, look: Look) -> str:
    """One group. What mends a thing is on a line of its own, never broken, so it can be copied."""
    lines = [section.group.value]
    for check in section.checks:
        lines += _lines(check, look)
    return "\n".join([*lines, ""])


def _lines(check: Check, look: Look) -> list[str]:
    glyphs, arrow = (_GLYPHS, "→") if look.has_glyphs else (_ASCII, "->")
    mark = f"{glyphs[check.status]} {check.status:<4}"
    indent = " " * (len(mark) + NAME_WIDTH + 6)
    if look.has_colours:
        mark = f"\x1b[{_COLOURS[check.status]}m{mark}\x1b[0m"
    width = max(look.width - len(indent), _MIN_TEXT_WIDTH)
    first, *more = textwrap.wrap(
        check.found, width, break_long_words=False, break_on_hyphens=False
    ) or [""]
    return [
        f"  {mark}  {check.name:<{NAME_WIDTH}}  {first}",
        *(indent + line for line in more),
        *([f"{indent}{arrow} {check.mend}"] if check.mend else []),
    ]


def summary(sections: Sequence[Section]) -> str:
    """The last line."""
    counts = Counter(check.status for section in sections for check in section.checks)
    each = ", ".join(f"{counts[status]} {status}" for status in Status)
    verdict = "Mend what fails first." if counts[Status.FAIL] else "Nothing fails."
    return f"{counts.total()} checks: {each}. {verdict}"
