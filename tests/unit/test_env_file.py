"""A key in an env file: every reader reads it, and no other byte has changed."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pulsapi_tui.delivery import env_file, places
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.delivery.env_text import EnvTextError, assign, assigned, assignments, rendered
from pulsapi_tui.domain.delivery import Delivered, Preview
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
from tests.unit.faults import (
    FAULTS,
    NOBODY,
    failing_at,
    fill,
    killed_at_each_step,
    needs_root,
    open_descriptors,
    temporary_names,
    tiny_disk,
)
from tests.unit.support import CANARY

NAME = "PULSAPI_API_KEY"
KEY = Secret(CANARY)
VALUE = CANARY.encode()
OLD = b"# mine\nA=1\nPULSAPI_API_KEY=old # c\nB='2'\n"
NEW = OLD.replace(b"=old", b"=" + VALUE)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory under a home of its own, without git."""
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / "app"
    directory.mkdir()
    return directory


@pytest.fixture
def path(app: Path) -> Path:
    return app / ".env"


def deliver(path: Path | str = "~/app/.env", secret: Secret = KEY, name: str = NAME) -> Delivered:
    return EnvFileSink().deliver(secret, {"path": str(path), "variable": name})


def concerns(path: Path | str = "~/app/.env") -> tuple[str, ...]:
    return EnvFileSink().concerns({"path": str(path), "variable": NAME})


def refused(path: Path | str = "~/app/.env", secret: Secret = KEY) -> str:
    """The sentence; and nothing of the secret is anywhere near it."""
    with pytest.raises(DeliveryError) as caught:
        deliver(path, secret)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    # The lines of the tests themselves have it in their locals.
    shown = shown.partition("pulsapi_tui/delivery")[2]
    assert secret.reveal() not in shown
    assert re.search(r"[.] [A-Z][^.]*[.)]*$", error.user_message), "ends with what to do"
    return error.user_message


# --- readers of our own making, by the readers' documented grammars -----------------------------


def python_dotenv(data: bytes) -> dict[str, str]:
    """As python-dotenv reads: quotes with escapes, ${x} everywhere, comments after white space."""
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    head = re.compile(r"\s*(?:export[^\S\r\n]+)?([^=#\s]+)[^\S\r\n]*(=[^\S\r\n]*)")
    at, read = 0, {}
    while at < len(text):
        match = head.match(text, at)
        rest = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
        if match is None:
            at = max(rest.match(text, at).end(), at + 1)  # type: ignore[union-attr]
            continue
        at = match.end()
        quoted = re.compile(r"'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\"", re.DOTALL).match(
            text, at
        )
        if text[at : at + 1] == "#" and len(match[2]) > 1:
            value = ""
        elif quoted:
            at = quoted.end()
            escapes = r"\\([\\'])" if quoted[1] is not None else r"\\([\\'\"])"
            value = re.sub(escapes, r"\1", quoted[1] if quoted[1] is not None else quoted[2])
        else:
            value = re.sub(r"\s+#.*", "", re.compile(r"[^\r\n]*").match(text, at)[0]).rstrip()  # type: ignore[index]
        read[match[1]] = re.sub(r"\$\{[^}]*\}", "", value)
        at = rest.match(text, at).end()  # type: ignore[union-attr]
    return read


def node_dotenv(data: bytes) -> dict[str, str]:
    """As node's dotenv reads: one regular expression over the text."""
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    line = re.compile(
        r"^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)"
        r"(\s*'(?:\\'|[^'])*'|\s*\"(?:\\\"|[^\"])*\"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$",
        re.MULTILINE | re.ASCII,
    )
    read = {}
    for match in line.finditer(text.removeprefix("\ufeff")):
        value = (match[2] or "").strip()
        read[match[1]] = re.sub(r"^(['\"`])([\s\S]*)\1$", r"\2", value)
        if value.startswith('"'):
            read[match[1]] = read[match[1]].replace("\\n", "\n").replace("\\r", "\r")
    return read


def compose(line: bytes) -> str:
    """As docker compose reads the value of one line: `#` ends what is bare, `$` counts in it."""
    value = line.decode().partition("=")[2].strip()
    for quote in "'\"":
        if value.startswith(quote):
            end = next(
                at for at in range(1, len(value)) if value[at] == quote and value[at - 1] != "\\"
            )
            inner = value[1:end]
            return inner if quote == "'" else re.sub(r"\\(.)|\$\w+", r"\1", inner)
    return re.sub(r"\$\w+|\$\{[^}]*\}", "", value.partition("#")[0]).rstrip()


def shell(file: Path, name: str = NAME) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", f'. "$1"; printf %s "${name}"', "sh", str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={},
    )
    assert done.stderr == ""
    return done.stdout


# --- what is kept -------------------------------------------------------------------------------

KEPT = {
    "empty": (b"", b"K=v\n"),
    "only a mark of byte order": (b"\xef\xbb\xbf", b"\xef\xbb\xbfK=v\n"),
    "added at the end": (b"A=1\n", b"A=1\nK=v\n"),
    "without a last newline": (b"A=1", b"A=1\nK=v"),
    "after CRLF": (b"A=1\r\n", b"A=1\r\nK=v\r\n"),
    "after CRLF, without a last newline": (b"A=1\r\nB=2", b"A=1\r\nB=2\r\nK=v"),
    "after a comment": (b"A=1\n# end's", b"A=1\n# end's\nK=v"),
    "replaced": (b"A=1\nK=old\nB=2", b"A=1\nK=v\nB=2"),
    "line ends of both kinds": (b"A=1\r\nK=old\nB=2\r\n", b"A=1\r\nK=v\nB=2\r\n"),
    "CRLF": (b"K=old\r\nB=2\r\n", b"K=v\r\nB=2\r\n"),
    "without a last newline, in place": (b"A=1\nK=old", b"A=1\nK=v"),
    "export": (b"\texport  K=old\n", b"\texport  K=v\n"),
    "spaces around =": (b"  K =  old  \n", b"  K =  v  \n"),
    "an inline comment": (b"K=old  # it's mine\n", b"K=v  # it's mine\n"),
    "a comment after nothing": (b"K= # mine\n", b"K=v # mine\n"),
    "nothing": (b"K=\nB=2\n", b"K=v\nB=2\n"),
    "nothing but a space": (b"K= \n", b"K= v\n"),
    "# inside": (b"K=old#er # c\n", b"K=v # c\n"),
    "# first": (b"K=#old\n", b"K=v\n"),
    "single quotes": (b"K='old' # c\n", b"K='v' # c\n"),
    "double quotes": (b'K="o\\"ld"\n', b'K="v"\n'),
    "empty quotes": (b"K=''\n", b"K='v'\n"),
    "# in quotes": (b"K='a # b' # c\n", b"K='v' # c\n"),
    "several lines": (b"K='a\nK=b\n' # c\nB=2\n", b"K='v' # c\nB=2\n"),
    "pieces": (b"K='a'\"b\"c # c\n", b"K=v # c\n"),
    "backticks": (b"K=`old key` # c\n", b"K=v # c\n"),
    "a command": (b"K=$(pass show pulsapi)\n", b"K=v\n"),
    "a placeholder": (b"K=<your key here>\n", b"K=v\n"),
    "twice": (b"K=a\nB=2\nK='b'\n", b"K=v\nB=2\nK='v'\n"),
    "a comment": (b"# K=old\n  #K=old\n", b"# K=old\n  #K=old\nK=v\n"),
    "inside of another's lines": (b"A='\nK=old\n'\n", b"A='\nK=old\n'\nK=v\n"),
    "inside of another's double quotes": (
        b'A="\nK=old\n\\"\nK=x"\nK=1\n',
        b'A="\nK=old\n\\"\nK=x"\nK=v\n',
    ),
    "names like it": (b"KK=1\nK2=1\nAK=1\nK.x=1\n", b"KK=1\nK2=1\nAK=1\nK.x=1\nK=v\n"),
    "its use": (b"A=${K}\nB=$K\nexport K\n", b"A=${K}\nB=$K\nexport K\nK=v\n"),
    "a mark of byte order": (b"\xef\xbb\xbfK=old\n", b"\xef\xbb\xbfK=v\n"),
    "not UTF-8": (b"A=\xff\xfe\xe9\nK=\xe9\n# \xe9", b"A=\xff\xfe\xe9\nK=v\n# \xe9"),
    "no assignment at all": (b"hello world\n\n \n", b"hello world\n\n \nK=v\n"),
}


@pytest.mark.parametrize("what", KEPT)
def test_every_other_byte_is_kept(what: str) -> None:
    before, after = KEPT[what]
    assert assign(before, "K", b"v") == after
    assert set(assigned(after, "K")) == {b"v"}


READ_DIFFERENTLY = {
    "a quote that never closes": (b"A=1\nB='x\nK=old\n", "line 2 opens a quote that never closes"),
    "of the variable": (b'A=1\r\nB=2\r\nK="x\r\n', "line 3 opens a quote that never closes"),
    "after lines of text": (b"A='\n\n'\nB='", "line 4 opens a quote that never closes"),
    "an escaped single quote": (b"A='it\\'s'\nK=1\n", "line 1 has a backslash before a quote"),
    "an escaped backslash": (b'A="x\\\\"\nB="y"\n', "line 1 has a backslash before a quote"),
    "a quote inside": (b"A=it's\nK=1\nB=it's\n", "line 1 opens a quote that does not close"),
    "in a command": (b'echo "\nK=old\n"\n', "line 1 opens a quote that does not close"),
    "a line that goes on": (b"A=x \\\nK=old\n", "line 1 ends with a backslash"),
    "a carriage return": (b"A=1\rK=old\n", "line 1 holds a carriage return"),
    "two in a line": (b"K=old B=2\n", "line 1 does more than to assign K"),
    "a command after it": (b"A=1\nK='old'; export K\n", "line 2 does more than to assign K"),
    "after another": (b"A=1 K=2\n", "line 1 assigns K in an unusual way"),
    "exported after another": (b"export A K=2\n", "line 1 assigns K in an unusual way"),
    "appended to": (b"K+=2\n", "line 1 assigns K in an unusual way"),
    "as in YAML": (b"K: 2\n", "line 1 assigns K in an unusual way"),
    "a quoted name": (b"'K'=2\n", "line 1 assigns K in an unusual way"),
    "NUL": (b"A=\0\n", "the text is not UTF-8"),
    "UTF-16": ("A=1\n".encode("utf-16"), "the text is not UTF-8"),
    "UTF-16 without a NUL": (b"\xfe\xff\x4e\x00"[:2] + b"NN", "the text is not UTF-8"),
}


@pytest.mark.parametrize("what", READ_DIFFERENTLY)
def test_what_is_read_differently_is_refused(path: Path, what: str) -> None:
    before, sentence = READ_DIFFERENTLY[what]
    path.write_bytes(before)
    with pytest.raises(EnvTextError, match=sentence):
        assign(before, "K", b"v")
    with pytest.raises(DeliveryError, match=f"^In ~/app/.env, {sentence}") as caught:
        deliver(path, name="K")
    assert caught.value.__context__ is None
    assert caught.value.user_message.endswith("then deliver again.")
    with pytest.raises(DeliveryError, match=sentence):
        EnvFileSink().concerns({"path": str(path), "variable": "K"})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [".env"]


RENDERED = {
    ("local_A-1.b/c:d@e%f+g,h=", ""): "local_A-1.b/c:d@e%f+g,h=",
    ("abc", "'"): "'abc'",
    ("abc", '"'): '"abc"',
    ("a#b", ""): "'a#b'",
    ("a#b", '"'): '"a#b"',
    ("a$b", '"'): "'a$b'",
    ("a`b", ""): "'a`b'",
    ("a\\b", '"'): "'a\\b'",
    ('a"b', '"'): "'a\"b'",
    ("a'b", ""): '"a\'b"',
    ("a'b", "'"): '"a\'b"',
    ("~a", ""): "'~a'",
    ("a*", ""): "'a*'",
    ("a;b", ""): "'a;b'",
}


@pytest.mark.parametrize(("value", "quote"), RENDERED)
def test_the_quotes_are_kept_where_they_can_be(value: str, quote: str) -> None:
    assert rendered(value.encode(), quote.encode()).decode() == RENDERED[value, quote]


@pytest.mark.parametrize(
    "value",
    ["a'$b", "a'\"b", "a'\\b", "a'`b", "a\\\\b", "a\\", "a${b}", "a b", "a\nb", "é", "\ud800"],
)
def test_what_no_quotes_can_hold_is_refused(path: Path, value: str) -> None:
    path.write_bytes(OLD)
    assert "Deliver it to a file or a command instead." in refused(secret=Secret(value))
    assert path.read_bytes() == OLD


# --- every reader reads it ----------------------------------------------------------------------

printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
tricky = st.text(st.sampled_from("ab'\"$\\`#{}=;~!"), min_size=1, max_size=8)
secrets = printable | tricky

plain_lines = st.sampled_from(
    [
        b"",
        b"# a comment, isn't it",
        b"A=1",
        b"export B='two words' # c",
        b'C="x\ny"',
        b"D='\nPULSAPI_API_KEY=inside\n'",
        b"E= # nothing",
        b"# PULSAPI_API_KEY=commented",
        b"F=caf\xc3\xa9",
        b"G=a#b",
    ]
)
own_lines = st.sampled_from(
    [
        b"PULSAPI_API_KEY=old",
        b"PULSAPI_API_KEY=",
        b"export PULSAPI_API_KEY='old' # c",
        b'PULSAPI_API_KEY="old"',
        b"PULSAPI_API_KEY=''",
        b"  PULSAPI_API_KEY=old   # it's",
        b"PULSAPI_API_KEY='a\nb'",
        b"PULSAPI_API_KEY= # c",
    ]
)


@st.composite
def env_files(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(plain_lines | own_lines, max_size=7))
    return b"\n".join(lines) + draw(st.sampled_from([b"", b"\n"])) * bool(lines)


@given(data=env_files(), secret=secrets)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(data=b"PULSAPI_API_KEY='old'", secret="a\\")
@example(data=b"", secret="${A}")
@example(data=b"", secret="it's#1")
def test_all_readers_read_the_same(data: bytes, secret: str) -> None:
    try:
        after = assign(data, NAME, secret.encode())
    except EnvTextError:
        # Only for what no quotes hold.
        assert re.search(r"'.*[\"\\$`]|[\"\\$`].*'|\\\\|\\$|\$\{", secret)
        return
    assert python_dotenv(after)[NAME] == secret
    assert node_dotenv(after)[NAME] == secret
    for quote in (b"", b"'", b'"'):
        assert compose(b"K=" + rendered(secret.encode(), quote) + b" # it's") == secret
    with tempfile.NamedTemporaryFile() as file:
        file.write(after)
        file.flush()
        assert shell(Path(file.name)) == secret
    before = python_dotenv(data)
    before.pop(NAME, None)
    others = python_dotenv(after)
    others.pop(NAME)
    assert others == before


@given(
    data=st.lists(
        plain_lines
        | own_lines
        | st.binary(max_size=12)
        | st.text(st.sampled_from("A= '\"\\#\t`x;$"), max_size=12).map(str.encode),
        max_size=6,
    ).map(b"\n".join)
    | st.binary(max_size=80),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    secret=printable,
)
@settings(max_examples=500, deadline=None)
def test_all_but_the_value_is_kept(data: bytes, newline: bytes, mark: bytes, secret: str) -> None:
    data = mark + data.replace(b"\n", newline)
    try:
        before = assigned(data, NAME)
        after = assign(data, NAME, secret.encode())
    except EnvTextError:
        assume(False)
        return
    values = assigned(after, NAME)
    assert values == (secret.encode(),) * max(1, len(before))
    assert assign(after, NAME, secret.encode()) == after
    if not before:
        assert after.startswith(data)
        assert len(after) - len(data) <= len(NAME) + len(secret) + 7
        return
    assert _without(data) == _without(after)


def _without(data: bytes) -> list[bytes]:
    """The text in pieces, without the values and their quotes."""
    spans = assignments(data, NAME)
    starts = [0, *(each.end for each in spans)]
    ends = [*(each.start for each in spans), len(data)]
    return [data[start:end] for start, end in zip(starts, ends, strict=True)]


@given(old=st.sampled_from([b"", b"old", b"'old'", b'"old"', b"'a\nb'"]), secret=printable)
@settings(max_examples=100, deadline=None)
def test_around_one_value_nothing_changes(old: bytes, secret: str) -> None:
    before, behind = b"\xff A\r\n\n# x\nexport  PULSAPI_API_KEY=", b" # it's\r\nB='1'\n\xfe"
    try:
        after = assign(before + old + behind, NAME, secret.encode())
    except EnvTextError:
        assume(False)
        return
    assert after.startswith(before)
    assert after.endswith(behind)
    value = after[len(before) : len(after) - len(behind)]
    assert value in {b + secret.encode() + b for b in (b"", b"'", b'"')}


# --- on disk ------------------------------------------------------------------------------------


def test_a_new_file(path: Path) -> None:
    before = os.umask(0)
    try:
        delivered = deliver()
    finally:
        os.umask(before)
    assert delivered == Delivered(
        where="PULSAPI_API_KEY in ~/app/.env",
        message="Written to ~/app/.env as PULSAPI_API_KEY, and read back.",
    )
    assert path.read_bytes() == b"PULSAPI_API_KEY=" + VALUE + b"\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shell(path) == CANARY
    assert os.listdir(path.parent) == [".env"]


def test_a_private_file_is_edited(path: Path) -> None:
    path.write_bytes(OLD)
    path.chmod(0o600)
    assert concerns() == ()
    assert deliver().message == "Written to ~/app/.env as PULSAPI_API_KEY, and read back."
    assert path.read_bytes() == NEW
    assert shell(path) == CANARY
    assert os.listdir(path.parent) == [".env"]


def test_a_file_that_others_could_read(path: Path) -> None:
    path.write_bytes(OLD)
    path.chmod(0o644)
    assert concerns() == (
        "~/app/.env can be read by others now (0644) and becomes 0600: a service that runs as "
        "another user could no longer read it.",
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert deliver().message.endswith("read back. Its mode was 0644 and is 0600 now.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_assignment_is_replaced(path: Path) -> None:
    path.write_bytes(b"PULSAPI_API_KEY=a\nPULSAPI_API_KEY=b\n")
    path.chmod(0o600)
    assert deliver().message.endswith(" It was assigned 2 times, and each has the key now.")
    assert path.read_bytes() == (b"PULSAPI_API_KEY=" + VALUE + b"\n") * 2


def test_concerns_change_nothing(path: Path) -> None:
    assert concerns() == ()
    assert os.listdir(path.parent) == []
    path.write_bytes(OLD)
    before = path.stat()
    concerns()
    after = path.stat()
    assert (after.st_ino, after.st_mode, after.st_size) == (
        before.st_ino,
        before.st_mode,
        before.st_size,
    )
    # It is read, so all but the time of that stays.
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    assert path.read_bytes() == OLD


@needs_root
def test_the_group_is_kept(path: Path) -> None:
    path.write_bytes(OLD)
    os.chown(path, -1, NOBODY)
    deliver()
    assert path.stat().st_gid == NOBODY


def test_a_relative_path_and_a_linked_directory(
    path: Path, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(app)
    assert deliver(".env").where == "PULSAPI_API_KEY in ~/app/.env"
    (app.parent / "link").symlink_to("app")
    assert deliver("~/link/.env").where == "PULSAPI_API_KEY in ~/link/.env"
    assert deliver("../app/.env").where.endswith("/app/../app/.env")
    assert path.exists()


def test_the_preview_touches_nothing(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(app)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    sink = EnvFileSink()
    way = sink.way("CI")
    values = {field.id: field.default for field in way.fields}
    assert (way.id, way.title, values) == (
        "env_file",
        "Env file",
        {"path": ".env", "variable": NAME},
    )
    text = "Writes PULSAPI_API_KEY into ~/app/.env (0600), and reads it back."
    assert sink.preview(values) == Preview(text)
    assert sink.preview({**values, "path": "/nowhere/at/all/x"}).text.split()[3] == (
        "/nowhere/at/all/x"
    )


WRONG = {
    "nothing": ("", NAME, "Give the path"),
    "spaces": ("  ", NAME, "Give the path"),
    "a control character": ("a\x1b[31m", NAME, "control characters"),
    "a newline": (".env\n", NAME, "control characters"),
    "NUL": ("a\0b", NAME, "control characters"),
    "C1": ("a\x9b", NAME, "control characters"),
    "a directory": ("app/", NAME, "That is a directory"),
    "home": ("~", NAME, "That is a directory"),
    "here": (".", NAME, "That is a directory"),
    "above": ("a/..", NAME, "That is a directory"),
    "the root": ("/", NAME, "That is a directory"),
    "nobody's home": ("~no-such-user-here/.env", NAME, "There is no home directory"),
    "a lone surrogate": ("a\ud800", NAME, "can't be used"),
    "a name of ours": (".pulsapi-tui-0123456789abcdef", NAME, "temporary files"),
    "no variable": (".env", "", "Give the name of the variable"),
    "a digit first": (".env", "1A", "1A can't be a variable"),
    "a dash": (".env", "A-B", "A-B can't be a variable"),
    "an equals sign": (".env", "A=1", "can't be a variable"),
    "a letter that is no ASCII": (".env", "SCHLÜSSEL", "can't be a variable"),
    "a newline in it": (".env", "A\nB", "A\ufffdB can't be a variable"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_target_is_said_at_once(app: Path, what: str) -> None:
    path, variable, sentence = WRONG[what]
    values = {"path": path, "variable": variable}
    preview = EnvFileSink().preview(values)
    assert preview.is_error
    assert sentence in preview.text
    assert "\x1b" not in preview.text
    with pytest.raises(DeliveryError, match=re.escape(preview.text)):
        EnvFileSink().concerns(values)
    with pytest.raises(DeliveryError, match=re.escape(preview.text)):
        EnvFileSink().deliver(KEY, values)


def test_hostile_text_is_cleaned(app: Path) -> None:
    name = "a\u202etxt\u200b"
    assert EnvFileSink().preview({"path": name, "variable": NAME}).text.count("\ufffd") == 2
    (app / name).mkdir()
    assert "a\ufffdtxt\ufffd is a directory." in refused(app / name)


def test_a_working_directory_that_is_gone(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(os, "getcwd", gone)
    assert "Give the full path." in refused(".env")


@pytest.mark.parametrize("kind", ["link", "dangling", "directory", "pipe", "socket", "device"])
def test_what_is_no_file_is_refused_at_once(app: Path, path: Path, kind: str) -> None:
    (app / "other").write_bytes(OLD)
    match kind:
        case "link":
            path.symlink_to("other")
        case "dangling":
            path.symlink_to("nowhere")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                here = os.getcwd()
                os.chdir(app)
                listener.bind(".env")
                os.chdir(here)
        case "device":
            try:
                os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
            except PermissionError:
                pytest.skip("only root makes devices")
    before = path.lstat()
    sentence = refused()
    expected = {"link": "a link to another file", "dangling": "a link", "pipe": "a pipe"}
    assert f"~/app/.env is {expected.get(kind, 'a ' + kind)}" in sentence
    with pytest.raises(DeliveryError, match=re.escape(sentence)):
        concerns()
    assert path.lstat().st_ino == before.st_ino
    assert (app / "other").read_bytes() == OLD
    assert sorted(os.listdir(app)) == [".env", "other"]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_takes_the_place_after_the_look_is_refused_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path.write_bytes(OLD)
    (path.parent / "other").write_bytes(OLD)
    real = os.stat

    def look_then_swap(name: str, **options: int) -> os.stat_result:
        seen = real(name, **options)  # type: ignore[arg-type]
        if name == ".env":
            path.unlink()
            if kind == "link":
                path.symlink_to("other")
            else:
                os.mkfifo(path)
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", look_then_swap)
        sentence = refused()
    assert ("Too many levels" if kind == "link" else "is a pipe") in sentence
    assert (path.parent / "other").read_bytes() == OLD
    assert sorted(os.listdir(path.parent)) == [".env", "other"]


def _unchanged(path: Path, sentence: str) -> None:
    before = path.stat()
    assert sentence in refused()
    with pytest.raises(DeliveryError, match=sentence):
        concerns()
    assert path.read_bytes() == OLD
    assert path.stat().st_ino == before.st_ino
    assert temporary_names(path.parent) == []


def test_a_second_name_is_refused(path: Path, app: Path) -> None:
    path.write_bytes(OLD)
    os.link(path, app / "second")
    _unchanged(path, "has a second name")


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o466])
def test_a_read_only_file_is_refused(path: Path, mode: int) -> None:
    path.write_bytes(OLD)
    path.chmod(mode)
    _unchanged(path, "is read-only")
    path.chmod(0o600)


@needs_root
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    path.write_bytes(OLD)
    os.chown(path, NOBODY, NOBODY)
    _unchanged(path, "belongs to another user")


@needs_root
def test_a_directory_of_another_user_is_refused(path: Path, app: Path) -> None:
    path.write_bytes(OLD)
    os.chown(app, NOBODY, NOBODY)
    _unchanged(path, "The directory ~/app belongs to another user")


def test_a_directory_that_all_may_change_is_refused(path: Path, app: Path) -> None:
    path.write_bytes(OLD)
    app.chmod(0o777)
    _unchanged(path, "Everybody may change files in the directory ~/app")
    app.chmod(0o1777)
    deliver()
    assert path.read_bytes() == NEW


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("~/nowhere/.env", "The directory ~/nowhere does not exist"),
        ("~/app/file/.env", "~/app/file is not a directory"),
        ("~/app/pipe/.env", "~/app/pipe is not a directory"),
        ("~/app/loop/.env", "Too many levels of symbolic links"),
        ("~/app/" + "x" * 300, "File name too long"),
    ],
)
def test_a_directory_that_is_none(app: Path, path: str, sentence: str) -> None:
    (app / "file").write_bytes(b"")
    os.mkfifo(app / "pipe")
    (app / "loop").symlink_to("loop")
    assert sentence in refused(path)
    with pytest.raises(DeliveryError, match=sentence):
        concerns(path)
    assert sorted(os.listdir(app)) == ["file", "loop", "pipe"]


def test_a_huge_file_is_refused(path: Path) -> None:
    path.write_bytes(b"#" * (env_file.MAX_BYTES + 1))
    assert "is larger than 1024 KiB" in refused()
    path.write_bytes(b"#" * env_file.MAX_BYTES)
    assert "has no room for it" in refused()
    assert path.stat().st_size == env_file.MAX_BYTES


AS_NOBODY = """
import os, sys
from pulsapi_tui.delivery import env_file, git, places
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
sink = env_file.EnvFileSink()
values = {"path": sys.argv[1], "variable": "PULSAPI_API_KEY"}
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for ask in (lambda: sink.deliver(Secret("x"), values), lambda: sink.concerns(values)):
    try:
        print(ask())
    except DeliveryError as error:
        print(error.user_message)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that another user can reach too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _as_nobody(path: Path) -> list[str]:
    """What that user is told of a delivery, and of its concerns."""
    child = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()


def test_a_directory_that_one_may_not_write_in(public: Path) -> None:
    if os.geteuid() != 0:
        public.chmod(0o555)
    delivering, asking = _as_nobody(public / ".env")
    public.chmod(0o755)
    assert f"you may not do that in {public} (Permission denied). Choose" in delivering
    assert f"You may not write in {public}." in asking
    assert os.listdir(public) == []


@needs_root
def test_a_directory_of_one_s_own_that_is_read_only(public: Path) -> None:
    own = public / "own"
    own.mkdir()
    (own / ".env").write_bytes(OLD)
    for each in (own, own / ".env"):
        os.chown(each, NOBODY, NOBODY)
    own.chmod(0o555)
    delivering, asking = _as_nobody(own / ".env")
    assert "Permission denied" in delivering
    assert "You may not write in" in asking
    assert (own / ".env").read_bytes() == OLD
    own.chmod(0o755)
    assert "read back" in _as_nobody(own / ".env")[0]
    (own / ".env").chmod(0o200)
    assert "Permission denied" in _as_nobody(own / ".env")[0]


def test_a_full_disk(app: Path) -> None:
    with tiny_disk(app / "disk", "16k") as disk:
        path = disk / ".env"
        path.write_bytes(OLD)
        fill(disk)
        sentence = refused(path)
        assert "~/app/disk/.env was not written: the disk is full" in sentence
        assert path.read_bytes() == OLD
        assert sorted(os.listdir(disk)) == [".env", "fill"]
        (disk / "fill").unlink()
        deliver(path)
        assert path.read_bytes() == NEW


def test_a_read_only_disk(app: Path) -> None:
    with tiny_disk(app / "disk", "16k") as disk:
        (disk / ".env").write_bytes(OLD)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert "Read-only file system" in refused(disk / ".env")
        with pytest.raises(DeliveryError, match="You may not write in ~/app/disk"):
            concerns(disk / ".env")
        assert (disk / ".env").read_bytes() == OLD


# --- whatever fails, whoever else is at it ------------------------------------------------------


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("exists", [True, False])
def test_each_step_may_fail(app: Path, code: int, exists: bool) -> None:
    descriptors = open_descriptors()
    for at in range(1, 100):
        directory = app / str(at)
        directory.mkdir()
        path = directory / ".env"
        if exists:
            path.write_bytes(OLD)
        whole = NEW if exists else b"PULSAPI_API_KEY=" + VALUE + b"\n"
        failure = None
        with failing_at(at, code) as countdown:
            try:
                deliver(path)
            except DeliveryError as error:
                failure = error
        sentence = None if failure is None else failure.user_message
        if failure is not None:
            assert failure.__context__ is None
            assert CANARY not in repr(failure)
        held = path.read_bytes() if path.exists() else b""
        assert temporary_names(directory) == []
        assert open_descriptors() == descriptors
        if sentence is None or " was written, but " in sentence:
            assert held == whole
        else:
            assert held == (OLD if exists else b"")
        if not countdown.is_over:
            assert sentence is None
            break
        assert (sentence is None) == (code == 0)
    assert at > 7


DELIVER = """
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.secret import Secret
def act(directory):
    values = {"path": str(directory / ".env"), "variable": "PULSAPI_API_KEY"}
    EnvFileSink().deliver(Secret(%r), values)
def prepare(directory):
    if %r:
        (directory / ".env").write_bytes(%r)
"""


@pytest.mark.parametrize("variant", ["unnamed", "named"])
@pytest.mark.parametrize("exists", [True, False])
def test_killed_at_each_step(app: Path, variant: str, exists: bool) -> None:
    directories = killed_at_each_step(DELIVER % (CANARY, exists, OLD), app, variant)
    assert len(directories) > 10
    for directory in directories:
        path = directory / ".env"
        held = path.read_bytes() if path.exists() else b""
        if exists:
            assert held in (OLD, NEW)
        else:
            assert held in (b"", b"PULSAPI_API_KEY=" + VALUE + b"\n")
        assert set(os.listdir(directory)) - {".env"} == set(temporary_names(directory))
        if path.exists() and path.stat().st_nlink > 1:
            # Killed between the making of the name and the removal of the other one.
            assert variant == "named"
        deliver(path)
        assert CANARY.encode() in path.read_bytes()
        assert os.listdir(directory) == [".env"]


CHANGES = {
    "in place": lambda path: path.write_bytes(OLD.replace(b"A=1", b"A=2")),
    "replaced": lambda path: (
        path.with_name("n").write_bytes(OLD),
        path.with_name("n").replace(path),
    ),
    "removed": lambda path: path.unlink(),
    "a link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "read-only": lambda path: path.chmod(0o400),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_meanwhile_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    path.write_bytes(OLD)
    before = path.stat()
    real = os.link
    after: list[tuple[int, bytes]] = []

    def link(*arguments: str, **options: int) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        CHANGES[what](path)  # type: ignore[no-untyped-call]
        if what == "in place":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        if path.exists():
            after.append((path.stat().st_ino, path.read_bytes()))

    monkeypatch.setattr(os, "link", link)
    sentence = refused()
    if what in ("in place", "replaced", "removed"):
        assert sentence.startswith("~/app/.env was changed meanwhile, and nothing was written.")
    if after:
        assert after == [(path.stat().st_ino, path.read_bytes())]
    assert CANARY.encode() not in b"".join(
        each.read_bytes() for each in path.parent.iterdir() if each.is_file()
    )
    assert temporary_names(path.parent) == []


def test_a_file_that_comes_up_meanwhile_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        path.write_bytes(OLD)

    monkeypatch.setattr(os, "fsync", fsync)
    assert "was changed meanwhile" in refused()
    assert path.read_bytes() == OLD


def _after_the_rename(monkeypatch: pytest.MonkeyPatch, path: Path, text: bytes | None) -> None:
    real = os.replace

    def replace(*arguments: str, **options: int) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        path.unlink()
        if text is not None:
            path.write_bytes(text)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        b"",
        None,
        NEW + b"PULSAPI_API_KEY=other\n",
        NEW.replace(VALUE, VALUE[:-1]),
        NEW.replace(VALUE, b'"' + VALUE + b'"x'),
        b"A='",
    ],
)
def test_what_reads_back_differently_is_no_success(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes | None
) -> None:
    path.write_bytes(OLD)
    _after_the_rename(monkeypatch, path, text)
    assert "was written, but on reading it back" in refused()


def test_two_processes_lose_nothing(app: Path) -> None:
    code = (
        "import os, sys\n"
        "from pulsapi_tui.delivery.env_file import EnvFileSink\n"
        "from pulsapi_tui.domain.secret import Secret\n"
        "os.fsync = lambda file: None  # the order of writes is under test, not the disk\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for number in range(50):\n"
        "    values = {'path': sys.argv[1], 'variable': f'{sys.argv[2]}_{number}'}\n"
        "    EnvFileSink().deliver(Secret(f'{sys.argv[2]}{number}'), values)\n"
    )
    path = app / ".env"
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code, str(path), who],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for who in "AB"
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [writer.wait(120) for writer in writers] == [0, 0]
    assert sorted(path.read_text().splitlines()) == sorted(
        f"{who}_{number}={who}{number}" for who in "AB" for number in range(50)
    )
    assert os.listdir(app) == [".env"]


def test_a_directory_that_stays_locked_is_said(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOCK_TIMEOUT_S", 0.0)
    holder = os.open(app, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert "Another program has locked ~/app." in refused()
        assert os.listdir(app) == []
    finally:
        os.close(holder)
    deliver()


@pytest.mark.parametrize(("code", "works"), [(errno.ENOLCK, True), (errno.EIO, False)])
def test_where_directories_have_no_locks(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, works: bool
) -> None:
    def flock(file: int, _: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    if works:
        deliver()
        assert shell(path) == CANARY
    else:
        assert "Input/output error" in refused()
        assert not path.exists()
