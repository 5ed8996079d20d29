"""A secret comes out by `reveal` and by nothing else."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pulsapi_tui.domain.models import CreatedKey
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY, make_key

PRINTERS: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "f-string": lambda secret: f"{secret}",
    "f-string repr": lambda secret: f"{secret!r:>40}",
    "format with a spec": lambda secret: format(secret, ">80s"),
    "percent s": lambda secret: "%s" % secret,  # noqa: UP031
    "percent r": lambda secret: "%r" % secret,  # noqa: UP031
    "in a list": lambda secret: str([secret]),
    "in a dict": lambda secret: str({"key": secret}),
    "in a struct": lambda secret: repr(CreatedKey(key=make_key(), secret=secret)),
    "in an error": lambda secret: repr(ValueError(secret)),
    "json default": lambda secret: json.dumps({"key": secret}, default=str),
}


@pytest.mark.parametrize("how", PRINTERS)
def test_printing_shows_no_secret(how: str) -> None:
    printed = PRINTERS[how](Secret(CANARY))
    assert CANARY not in printed
    assert "<Secret>" in printed


def test_reveal_gives_the_text() -> None:
    assert Secret(CANARY).reveal() == CANARY


COPIERS: dict[str, Callable[[Secret], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "pickle of a struct": lambda secret: pickle.dumps(CreatedKey(key=make_key(), secret=secret)),
    "getstate": lambda secret: secret.__getstate__(),
    "hash": hash,
    "as a member of a set": lambda secret: {secret},
    "vars": vars,
    "msgspec": msgspec.json.encode,
    "msgspec in a struct": lambda secret: msgspec.json.encode(
        CreatedKey(key=make_key(), secret=secret)
    ),
    "to builtins": msgspec.to_builtins,
    "json": json.dumps,
}


@pytest.mark.parametrize("how", COPIERS)
def test_no_copy_and_no_serial_form(how: str) -> None:
    with pytest.raises(TypeError) as caught:
        COPIERS[how](Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_a_log_line_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("made %s and %r", Secret(CANARY), Secret(CANARY))
    assert caplog.messages == ["made <Secret> and <Secret>"]


def test_a_traceback_with_locals_shows_no_secret() -> None:
    def fail(secret: Secret) -> None:
        raise RuntimeError("broken")

    try:
        fail(Secret(CANARY))
    except RuntimeError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        printed = "".join(report.format())
    assert "<Secret>" in printed
    # This function's own locals do not hold the text either.
    assert CANARY not in printed


def test_compares_by_content_and_only_with_secrets() -> None:
    other: object = CANARY
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != other


@pytest.mark.parametrize(
    ("candidate", "same"),
    [(CANARY, True), (CANARY[:-1], False), ("", False), ("é", False), ("\ud800", False)],
)
def test_matches(candidate: str, same: bool) -> None:
    assert Secret(CANARY).matches(candidate) is same


def test_a_surrogate_is_compared_too() -> None:
    assert Secret("a\ud800").matches("a\ud800")


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_has_no_room_for_more_attributes() -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(Secret(CANARY), "note", "x")
