"""The key of a profile: from its own source, and from no other; files of it are private."""

from __future__ import annotations

import asyncio
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import CredentialSource, Kept, Profile
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
from tests.unit.traps import TRAPS, as_nobody, is_untouched, owned_by_nobody, set_trap

KEY = Secret(CANARY)
OLD = "an-older-key"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "config" / "credentials"


@pytest.fixture
def credentials(directory: Path) -> StoredCredentials:
    return StoredCredentials(directory, {"PATH": "/usr/bin:/bin"})


def profile_of(credentials: StoredCredentials, kept: Kept = Kept.FILE) -> Profile:
    return Profile(name="prod", source=credentials.source(kept, "prod"))


def refused(act: Callable[[], object]) -> str:
    """The sentence; and nothing of the key is anywhere near it."""
    with pytest.raises(CredentialError) as caught:
        act()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    # The frames of the product, not those of the test, which has the key in a constant.
    shown = "".join(line for line in lines if "pulsapi_tui" in line)
    assert "pulsapi_tui" in shown
    for text in (shown, repr(error), error.user_message):
        assert KEY.is_safe_beside(text)
    assert error.user_message.isprintable()
    return error.user_message


def write(path: Path, text: str | bytes = CANARY) -> Path:
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


# --- a file of ours -----------------------------------------------------------------------------


async def test_a_key_is_kept_in_a_file_and_forgotten(
    credentials: StoredCredentials, directory: Path
) -> None:
    profile = profile_of(credentials)
    assert profile.source == CredentialSource(Kept.FILE, path=str(directory / "prod"))
    await credentials.keep(profile, Secret(OLD))
    await credentials.keep(profile, KEY)
    assert await credentials.read(profile) == KEY
    assert (directory / "prod").read_text() == f"{CANARY}\n"
    await credentials.forget(profile)
    assert os.listdir(directory) == []
    await credentials.forget(profile)
    sentence = refused(lambda: credentials.read_now(profile))
    assert "with the key of “prod” is not there. Give it again: pulsapi-tui profiles se" in sentence


@pytest.mark.parametrize("umask", [0, 0o777])
def test_nobody_else_can_read_it_whatever_the_umask(
    credentials: StoredCredentials, directory: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        credentials.keep_now(profile_of(credentials), KEY)
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "prod").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [CANARY, f"{CANARY}\n", f"{CANARY}\r\n"])
def test_one_line_break_at_the_end_is_no_part_of_it(
    credentials: StoredCredentials, directory: Path, text: str
) -> None:
    write(directory / "prod", text)
    assert credentials.read_now(profile_of(credentials)) == KEY


SPOILT = {
    "": "is empty",
    "\n": "is empty",
    "  \n": "is empty",
    f"{CANARY}\n\n": "has 2 lines, and a key is one",
    f"{CANARY}\nurl: https://example.com\n": "has 2 lines",
    f"{CANARY}\r{CANARY}": "has 2 lines",
    f" {CANARY}": "holds a space, a line break or another character that can't be sent",
    f"{CANARY}\x00": "can't be sent",
    f"{CANARY}é": "can't be sent",
    CANARY * 300: "is larger than it can be",
}


@pytest.mark.parametrize("text", SPOILT)
def test_what_is_no_key_is_refused(
    credentials: StoredCredentials, directory: Path, text: str
) -> None:
    path = write(directory / "prod", text)
    sentence = refused(lambda: credentials.read_now(profile_of(credentials)))
    assert SPOILT[text] in sentence
    assert str(path) in sentence


def test_a_key_that_can_t_be_sent_is_not_kept(
    credentials: StoredCredentials, directory: Path
) -> None:
    profile = profile_of(credentials)
    assert "can't be sent" in refused(lambda: credentials.keep_now(profile, Secret(f"{CANARY}\n")))
    assert not directory.exists()


@pytest.mark.parametrize("kind", TRAPS)
def test_a_trap_in_the_place_of_the_file(
    credentials: StoredCredentials, directory: Path, kind: str
) -> None:
    set_trap(directory / "prod", kind)
    profile = profile_of(credentials)
    assert TRAPS[kind] in refused(lambda: credentials.read_now(profile))
    if kind in {"directory", "below a file"}:
        assert "Choose another store" in refused(lambda: credentials.keep_now(profile, KEY))
    else:
        # The name is given to a new file; what it led to is not written to.
        credentials.keep_now(profile, KEY)
        assert stat.S_IMODE((directory / "prod").lstat().st_mode) == 0o600
        assert stat.S_ISREG((directory / "prod").lstat().st_mode)
    assert is_untouched(directory / "prod")


def test_a_directory_in_the_place_of_the_file_is_not_removed(
    credentials: StoredCredentials, directory: Path
) -> None:
    set_trap(directory / "prod", "directory")
    sentence = refused(lambda: _forget(credentials))
    assert "Remove it yourself: it holds a key." in sentence
    assert (directory / "prod").is_dir()


def _forget(credentials: StoredCredentials) -> None:
    asyncio.run(credentials.forget(profile_of(credentials)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_others_may_use_is_refused(
    credentials: StoredCredentials, directory: Path, mode: int
) -> None:
    path = write(directory / "prod")
    path.chmod(mode)
    sentence = refused(lambda: credentials.read_now(profile_of(credentials)))
    assert sentence == f"{path}: others could use the key in it. Run: chmod 600 {path}"


@needs_root
def test_a_file_of_somebody_else_is_refused(
    credentials: StoredCredentials, directory: Path
) -> None:
    os.chown(write(directory / "prod"), NOBODY, NOBODY)
    sentence = refused(lambda: credentials.read_now(profile_of(credentials)))
    assert "belongs to another user. Move it away, or run: sudo chown" in sentence


def test_a_directory_that_others_may_look_into_gets_no_key(
    credentials: StoredCredentials, directory: Path
) -> None:
    write(directory / "other")
    directory.chmod(0o750)
    sentence = refused(lambda: credentials.keep_now(profile_of(credentials), KEY))
    assert f"Run: chmod 700 {directory}" in sentence
    assert os.listdir(directory) == ["other"]


_IMPORTS = """
import asyncio, concurrent.futures.thread
import pulsapi_tui.config.credential_command, pulsapi_tui.config.keyring_store
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.errors import CredentialError
from pulsapi_tui.domain.profiles import Kept, Profile
from pulsapi_tui.domain.secret import Secret
"""
_KEEP = """
credentials = StoredCredentials(place / "credentials", {})
profile = Profile(name="prod", source=credentials.source(Kept.FILE, "prod"))
try:
    credentials.keep_now(profile, Secret("x"))
    print("kept")
except CredentialError as error:
    print(error.user_message)
print(next(each.problem for each in asyncio.run(credentials.stores()) if each.kept == "file"))
"""


@needs_root
def test_a_directory_that_is_read_only() -> None:
    with owned_by_nobody() as place:
        place.chmod(0o555)
        kept, problem = as_nobody(_IMPORTS, _KEEP, place).splitlines()
        assert "can't be used (Permission denied). Choose another store." in kept
        assert problem == f"Nothing can be written to {place}. Choose another store."
        assert os.listdir(place) == []
        place.chmod(0o755)
        assert as_nobody(_IMPORTS, _KEEP, place).splitlines() == ["kept", ""]
        (place / "credentials").chmod(0o500)
        kept, problem = as_nobody(_IMPORTS, _KEEP, place).splitlines()
        assert "nothing can be written to" in kept
        assert "Nothing can be written to" in problem


def test_a_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "32k") as disk:
        credentials = StoredCredentials(disk / "credentials", {})
        profile = profile_of(credentials)
        credentials.keep_now(profile, Secret(OLD))
        fill(disk)
        sentence = refused(lambda: credentials.keep_now(profile, KEY))
        assert "No space left on device" in sentence
        assert credentials.read_now(profile) == Secret(OLD)
        assert temporary_names(disk / "credentials") == []


@pytest.mark.parametrize("code", FAULTS)
def test_each_step_may_fail(tmp_path: Path, code: int) -> None:
    descriptors = open_descriptors()
    for at in range(1, 100):
        credentials = StoredCredentials(tmp_path / str(at), {})
        profile = profile_of(credentials)
        credentials.keep_now(profile, Secret(OLD))
        failure = None
        with failing_at(at, code) as countdown:
            try:
                credentials.keep_now(profile, KEY)
            except CredentialError as error:
                failure = error
        assert open_descriptors() == descriptors
        assert temporary_names(tmp_path / str(at)) == []
        held = credentials.read_now(profile)
        assert held in (KEY, Secret(OLD))
        if failure is None:
            assert held == KEY
        if not countdown.is_over:
            assert failure is None
            break
        assert (failure is None) == (code == 0)
    assert at > 6


_ACT = """
from pulsapi_tui.config.credentials import StoredCredentials
from pulsapi_tui.domain.profiles import Kept, Profile
from pulsapi_tui.domain.secret import Secret
def keep(directory, key):
    credentials = StoredCredentials(directory / "credentials", {})
    profile = Profile(name="prod", source=credentials.source(Kept.FILE, "prod"))
    credentials.keep_now(profile, Secret(key))
def prepare(directory):
    keep(directory, %r)
def act(directory):
    keep(directory, %r)
"""


@pytest.mark.parametrize("variant", ["unnamed", "named"])
def test_killed_at_each_step(tmp_path: Path, variant: str) -> None:
    places = killed_at_each_step(_ACT % (OLD, CANARY), tmp_path, variant)
    assert len(places) > 10
    seen = []
    for place in places:
        credentials = StoredCredentials(place / "credentials", {})
        profile = profile_of(credentials)
        seen.append(credentials.read_now(profile).reveal())
        assert seen[-1] in {OLD, CANARY}
        credentials.keep_now(profile, KEY)
        assert os.listdir(place / "credentials") == ["prod"]
    assert len(set(seen)) == 2


def test_what_reads_back_differently_was_not_kept(
    credentials: StoredCredentials, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(*arguments: str, **options: int) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        write(directory / "prod", "another")

    monkeypatch.setattr(os, "replace", replace)
    sentence = refused(lambda: credentials.keep_now(profile_of(credentials), KEY))
    assert "on reading it back it does not hold the key" in sentence


# --- a file of the user's -----------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True])
async def test_a_file_of_the_user_s_is_only_read(
    credentials: StoredCredentials, directory: Path, tmp_path: Path, inside: bool
) -> None:
    path = write(directory / "another" if inside else tmp_path / "theirs" / "key")
    profile = Profile(name="prod", source=CredentialSource(Kept.FILE, path=str(path)))
    before = path.stat()
    assert await credentials.read(profile) == KEY
    await credentials.keep(profile, KEY)
    sentence = refused(lambda: credentials.keep_now(profile, Secret("another-key-of-it")))
    assert "holds another key than the one that was tested. It is yours" in sentence
    await credentials.forget(profile)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    path.chmod(0o644)
    assert "chmod 600" in refused(lambda: credentials.read_now(profile))


def test_a_name_that_leads_out_of_the_directory_is_not_ours(
    credentials: StoredCredentials, directory: Path
) -> None:
    write(directory / "other")
    path = write(directory.parent / "evil")
    source = credentials.source(Kept.FILE, "../evil")
    profile = Profile(name="../evil", source=source)
    assert "It is yours" in refused(lambda: credentials.keep_now(profile, Secret("a-new-key-here")))
    assert path.read_text() == CANARY


# --- the environment, and all of them together --------------------------------------------------


async def test_what_the_environment_has_is_the_caller_s(credentials: StoredCredentials) -> None:
    profile = profile_of(credentials, Kept.ENVIRONMENT)
    await credentials.keep(profile, KEY)
    await credentials.forget(profile)
    sentence = refused(lambda: credentials.read_now(profile))
    assert "takes its key from PULSAPI_API_KEY, which is not set. Set it." in sentence


def test_nothing_is_asked_in_the_stead_of_a_source(directory: Path) -> None:
    """A key lies in every other place, and none of them is looked at."""
    write(directory / "prod")
    credentials = StoredCredentials(directory, {"PULSAPI_API_KEY": CANARY, "PATH": "/usr/bin:/bin"})
    by_command = Profile(name="prod", source=CredentialSource(Kept.COMMAND, ("false",)))
    assert "“false” failed" in refused(lambda: credentials.read_now(by_command))
    refused(lambda: credentials.read_now(profile_of(credentials, Kept.ENVIRONMENT)))
    (directory / "prod").unlink()
    refused(lambda: credentials.read_now(profile_of(credentials)))


def test_the_stores_come_safest_first(credentials: StoredCredentials, directory: Path) -> None:
    stores = asyncio.run(credentials.stores())
    assert [each.kept for each in stores] == [
        Kept.COMMAND, Kept.KEYRING, Kept.FILE, Kept.ENVIRONMENT,
    ]  # fmt: skip
    by_kind = {each.kept: each.problem for each in stores}
    assert by_kind[Kept.COMMAND] == by_kind[Kept.FILE] == by_kind[Kept.ENVIRONMENT] == ""
    assert not directory.exists()
    directory.parent.mkdir()
    directory.write_text("in the way")
    by_kind = {each.kept: each.problem for each in asyncio.run(credentials.stores())}
    assert by_kind[Kept.FILE] == f"{directory} is not a directory. Move it away."


@pytest.mark.parametrize("kept", Kept)
def test_a_source_holds_what_its_kind_needs(credentials: StoredCredentials, kept: Kept) -> None:
    source = credentials.source(kept, "prod", ("pass", "show"))
    assert source.kept is kept
    assert bool(source.argv) == (kept is Kept.COMMAND)
    assert bool(source.path) == (kept is Kept.FILE)


def test_nothing_of_a_key_is_in_a_profile(credentials: StoredCredentials) -> None:
    profile = profile_of(credentials)
    credentials.keep_now(profile, KEY)
    for each in (profile, credentials, msgspec.json.encode(profile)):
        assert KEY.is_safe_beside(repr(each))
