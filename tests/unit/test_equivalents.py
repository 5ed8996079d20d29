"""The lines that the screens show mean what they say to the real parser, whatever is in them."""

from __future__ import annotations

import argparse
import os
import shlex

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsapi_tui.cli.parser import parser
from pulsapi_tui.cli.targets import target_of
from pulsapi_tui.domain.delivery import PROFILE_WAY, Field, Target, Way
from pulsapi_tui.domain.equivalents import (
    create_line,
    doctor_line,
    revoke_line,
    rotate_line,
    rotation_line,
    show_line,
)
from pulsapi_tui.domain.rotation import Mode

FEW = settings(max_examples=40, deadline=None)
WORDS = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20
).filter(lambda text: text.strip() == text)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20).filter(
    lambda text: text != "-"
)
"""`-` means standard input."""

WAYS = (
    Way(id="command:pass", title="pass", fields=(Field("path", "Entry", "pulsapi/ci"),)),
    Way(id="command:op", title="op", fields=(Field("title", "Title"), Field("vault", "Vault"))),
)
TARGETS = st.one_of(
    st.builds(
        lambda path, variable: Target(
            way_id="env_file", values={"path": path, "variable": variable}
        ),
        WORDS,
        st.sampled_from(["PULSAPI_API_KEY", "CI_KEY"]),
    ),
    st.builds(lambda path: Target(way_id="file", values={"path": path}), WORDS),
    st.builds(lambda name: Target(way_id=PROFILE_WAY, values={"profile": name}), WORDS),
    st.builds(lambda path: Target(way_id="command:pass", values={"path": path}), WORDS),
    st.builds(
        lambda title, vault: Target(way_id="command:op", values={"title": title, "vault": vault}),
        WORDS,
        st.one_of(st.just(""), WORDS),
    ),
)


def absolute(target: Target) -> Target:
    """As it is written down: a path means the same wherever a program is started."""
    path = target.values.get("path", "")
    if target.way_id.startswith("command:") or not path or path.startswith(("~", "/")):
        return target
    return msgspec.structs.replace(
        target, values={**target.values, "path": f"{os.getcwd()}/{path}"}
    )


def parsed(line: str) -> argparse.Namespace:
    """What the program makes of a line that is given to a shell."""
    program, *argv = shlex.split(line)
    assert program == "pulsapi-tui"
    return parser().parse_args(argv)


@FEW
@given(IDS, WORDS)
def test_show(key_id: str, profile: str) -> None:
    options = parsed(show_line(key_id, profile))
    assert (options.command, options.keys_command) == ("keys", "show")
    assert (options.key, options.profile) == (key_id, profile)
    assert parsed(show_line(key_id)).profile is None


@FEW
@given(st.lists(IDS, min_size=1, max_size=4))
def test_revoke(key_ids: list[str]) -> None:
    options = parsed(revoke_line(key_ids))
    assert (options.keys_command, options.keys) == ("revoke", key_ids)
    assert not options.yes


@FEW
@given(WORDS, TARGETS)
def test_create_with_a_target(name: str, target: Target) -> None:
    options = parsed(create_line(name, target))
    assert (options.keys_command, options.name) == ("create", name)
    assert not options.reveal
    assert target_of(options, WAYS) == absolute(target)


@FEW
@given(IDS, TARGETS, st.sampled_from(["", *Mode]), st.one_of(st.just(""), WORDS))
def test_rotate_with_a_target(key_id: str, target: Target, mode: str, new_name: str) -> None:
    options = parsed(rotate_line(key_id, target, mode=mode, new_name=new_name))
    assert (options.keys_command, options.key) == ("rotate", key_id)
    assert (options.mode or "").replace("-", " ") == mode
    assert (options.name or "") == new_name
    assert target_of(options, WAYS) == absolute(target)


def test_without_a_target_the_key_is_revealed() -> None:
    for line in (create_line("CI", None), rotate_line("key_1", None)):
        options = parsed(line)
        assert options.reveal
        assert options.to is None


@pytest.mark.parametrize("key_id", ["key_1", "-key", "--yes"])
def test_what_is_said_of_a_rotation(key_id: str) -> None:
    assert parsed(rotation_line(key_id, "--finish")).finish
    assert parsed(rotation_line(key_id, "--status", "work")).profile == "work"
    assert parsed(rotation_line(key_id, "")).key == key_id
    options = parsed(rotation_line(key_id, "--abandon=revoke-new"))
    assert (options.abandon, options.key) == ("revoke-new", key_id)


def test_as_a_person_reads_it() -> None:
    env_file = Target(way_id="env_file", values={"path": "~/app/.env", "variable": "CI"})
    assert create_line("CI/CD Pipeline", env_file, "work") == (
        "pulsapi-tui --profile=work keys create '--to=env:~/app/.env' --variable=CI "
        "'CI/CD Pipeline'"
    )
    assert revoke_line(["key_1", "key_2"]) == "pulsapi-tui keys revoke key_1 key_2"


@FEW
@given(WORDS, WORDS, WORDS)
def test_the_way_to_an_account_is_examined_as_it_was_asked_for(
    profile: str, base_url: str, proxy: str
) -> None:
    line = doctor_line(profile, {"--base-url": base_url, "--ca-file": "", "--proxy": proxy})
    arguments = parser().parse_args(shlex.split(line)[1:])
    assert arguments.command == "doctor"
    found = (arguments.profile, arguments.base_url, arguments.ca_file, arguments.proxy)
    assert found == (profile, base_url, None, proxy)
    assert doctor_line() == "pulsapi-tui doctor"
