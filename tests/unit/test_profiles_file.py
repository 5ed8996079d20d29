"""profiles.toml: strict, private, whole, and nothing of two instances is lost."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsapi_tui.config import profiles_file
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.config.profiles_text import parse, rendered
from pulsapi_tui.domain.errors import ProfilesError
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    NAME,
    Colour,
    CredentialSource,
    Kept,
    Network,
    Profile,
    ProfileList,
)
from pulsapi_tui.domain.text import clean
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
from tests.unit.traps import TRAPS, as_nobody, is_untouched, owned_by_nobody, set_trap

PLAIN = Profile(name="plain")
WHOLE = Profile(
    name="prod.eu-1",
    base_url="https://api.example.com:8443",
    production=True,
    colour=Colour.RED,
    read_only=True,
    source=CredentialSource(Kept.COMMAND, ("pass", "show", "pulsapi/the “prod” one")),
    network=Network("/etc/ssl/own.pem", "http://proxy:3128"),
    account_id="acc_1",
)
TEXT = """\
current = "plain"

[profiles.plain]
base_url = "https://api.pulsapi.com"

[profiles."prod.eu-1"]
base_url = "https://api.example.com:8443"
production = true
colour = "red"
read_only = true
account_id = "acc_1"

[profiles."prod.eu-1".credential]
from = "command"
command = [
    "pass",
    "show",
    "pulsapi/the “prod” one",
]

[profiles."prod.eu-1".network]
ca_file = "/etc/ssl/own.pem"
proxy = "http://proxy:3128"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "profiles.toml"


@pytest.fixture
def profiles(path: Path) -> ProfilesFile:
    return ProfilesFile(path)


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def refused(path: Path) -> str:
    """The sentence, which reading and every change give; the file stays as it is."""
    before = path.lstat()
    profiles = ProfilesFile(path)
    with pytest.raises(ProfilesError) as caught:
        profiles.read()
    for change in (
        lambda: profiles.put(PLAIN),
        lambda: profiles.use("plain"),
        lambda: profiles.remove("plain"),
        lambda: profiles.change("plain", lambda each: each),
    ):
        with pytest.raises(ProfilesError):
            change()
    after = path.lstat()
    marks = ("st_ino", "st_mode", "st_size", "st_mtime_ns")
    assert [getattr(before, each) for each in marks] == [getattr(after, each) for each in marks]
    assert caught.value.user_message.isprintable()
    assert "`" not in caught.value.user_message
    assert "$" not in caught.value.user_message.replace('"$(id -u)"', "")
    return caught.value.user_message


# --- what is kept -------------------------------------------------------------------------------


def test_no_file_is_no_profiles(path: Path) -> None:
    assert ProfilesFile(path).read() == ProfileList()
    assert not path.parent.exists(), "reading makes nothing"
    write(path, "")
    assert ProfilesFile(path).read() == ProfileList()


def test_what_is_written(profiles: ProfilesFile, path: Path) -> None:
    profiles.put(PLAIN, make_current=True)
    profiles.put(WHOLE)
    assert path.read_text(encoding="utf-8") == TEXT
    assert profiles.read() == ProfileList((PLAIN, WHOLE), "plain")


def test_the_order_is_that_of_adding(profiles: ProfilesFile) -> None:
    for name in ("c", "a", "b"):
        profiles.put(Profile(name=name))
    profiles.put(Profile(name="a", production=True))
    assert [each.name for each in profiles.read().profiles] == ["c", "a", "b"]
    assert profiles.read().current == ""


def test_changing_one(profiles: ProfilesFile) -> None:
    profiles.put(PLAIN)
    profiles.put(WHOLE, make_current=True)
    changed = profiles.change("plain", lambda each: msgspec.structs.replace(each, read_only=True))
    assert changed == msgspec.structs.replace(PLAIN, read_only=True)
    assert profiles.read() == ProfileList((changed, WHOLE), WHOLE.name)


def test_a_change_that_raises_changes_nothing(profiles: ProfilesFile, path: Path) -> None:
    profiles.put(PLAIN)
    before = path.stat().st_ino

    def fail(_: Profile) -> Profile:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        profiles.change("plain", fail)
    assert path.stat().st_ino == before
    profiles.put(WHOLE)


def test_the_current_one(profiles: ProfilesFile) -> None:
    profiles.put(PLAIN, make_current=True)
    profiles.put(WHOLE)
    profiles.use(WHOLE.name)
    assert profiles.read().current == WHOLE.name
    profiles.remove("plain")
    assert profiles.read() == ProfileList((WHOLE,), WHOLE.name)
    profiles.remove(WHOLE.name)
    assert profiles.read() == ProfileList()


def test_removing_the_current_one_makes_no_other_current(profiles: ProfilesFile) -> None:
    profiles.put(PLAIN, make_current=True)
    profiles.put(WHOLE)
    profiles.remove("plain")
    assert profiles.read() == ProfileList((WHOLE,))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("plian", "did you mean “plain”?"), ("zzz", "there are: plain."), ("\x1b[2J", "there are")],
)
def test_what_is_not_there(profiles: ProfilesFile, path: Path, name: str, hint: str) -> None:
    profiles.put(PLAIN)
    before = path.stat().st_ino
    for act in (profiles.use, profiles.remove, lambda name: profiles.change(name, lambda x: x)):
        with pytest.raises(ProfilesError, match="There is no profile") as caught:
            act(name)
        assert hint in caught.value.user_message
        assert caught.value.user_message.isprintable()
    assert path.stat().st_ino == before


def test_where_there_is_none_at_all(profiles: ProfilesFile) -> None:
    with pytest.raises(ProfilesError, match="there is no profile yet"):
        profiles.use("plain")


_TEXTS = st.text(max_size=12).map(clean)
_SOURCES = st.one_of(
    st.sampled_from([CredentialSource(), CredentialSource(Kept.KEYRING)]),
    st.builds(CredentialSource, st.just(Kept.COMMAND), st.lists(_TEXTS, min_size=1).map(tuple)),
    st.builds(lambda text: CredentialSource(Kept.FILE, path=f"/{text}"), _TEXTS),
)
_PROFILES = st.builds(
    Profile,
    name=st.from_regex(NAME, fullmatch=True),
    base_url=_TEXTS,
    production=st.booleans(),
    colour=st.sampled_from(Colour),
    read_only=st.booleans(),
    source=_SOURCES,
    network=st.builds(Network, _TEXTS.map(lambda text: text and f"/{text}"), _TEXTS),
    account_id=_TEXTS,
)


@settings(max_examples=60)
@given(st.lists(_PROFILES, max_size=4, unique_by=lambda each: each.name), st.data())
def test_all_that_can_be_written_is_read_again(listed: list[Profile], data: st.DataObject) -> None:
    current = data.draw(st.sampled_from(["", *(each.name for each in listed)]))
    whole = ProfileList(tuple(listed), current)
    text = rendered(whole)
    assert parse(text, Path("p")) == whole
    tables = tomllib.loads(text)["profiles"]
    for each in listed:
        assert tables[each.name]["base_url"] == each.base_url
        assert ("production" in tables[each.name]) == each.production


@pytest.mark.parametrize(
    "profile",
    [
        Profile(name="../x"),
        Profile(name="x", base_url="a\x1bb"),
        Profile(name="x", base_url="\ud800"),
        Profile(name="x", source=CredentialSource(Kept.COMMAND)),
        Profile(name="x", source=CredentialSource(Kept.COMMAND, ("a\nb",))),
        Profile(name="x", source=CredentialSource(Kept.FILE, path="relative")),
        Profile(name="x", network=Network("relative")),
        Profile(name="x", account_id="a" * 1024 * 1024),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    profiles: ProfilesFile, path: Path, profile: Profile
) -> None:
    profiles.put(PLAIN)
    before = path.read_bytes()
    with pytest.raises(ProfilesError):
        profiles.put(profile)
    assert path.read_bytes() == before


# --- what is refused ----------------------------------------------------------------------------

REFUSED = {
    "[profile.x]\n": "there is no setting “profile”; did you mean “profiles”?",
    "[profiles.x]\nprodction = true\n": "[profiles.x] has no setting “prodction”; did you mean “pr",
    "[profiles.x]\nzzz = 1\n": "there are: base_url, production, colour, read_only, account_id,",
    '[profiles.x.credential]\nfrm = "file"\n': "[profiles.x.credential] has no setting “frm”; did",
    '[profiles.x.network]\nca = ""\n': "[profiles.x.network] has no setting “ca”",
    '[profiles."a\\u001b"]\nzzz = 1\n': "[profiles.a\N{REPLACEMENT CHARACTER}] has no setting",
    "[profiles.x]\nproduction = 1\n": "profiles.x.production has to be true or false. Mend",
    '[profiles.x]\nread_only = "no"\n': "profiles.x.read_only has to be true or false",
    "[profiles.x]\nbase_url = 3\n": "profiles.x.base_url has to be a text, as “https://api.",
    '[profiles.x]\nbase_url = "a\\u001bb"\n': "profiles.x.base_url has to be free of characters",
    '[profiles.x]\ncolour = "pink"\n': "has to be one of: red, yellow, green, blue, purple.",
    "[profiles.x]\naccount_id = 1979-05-27\n": "profiles.x.account_id has to be a text in quotes",
    "[profiles.x]\ncredential = 3\n": "profiles.x.credential has to be a table",
    "[profiles.x]\nnetwork = []\n": "profiles.x.network has to be a table",
    "[[profiles.x]]\n": "profiles.x has to be a table",
    "profiles = 3\n": "profiles has to be a table",
    "current = 3\n": "current has to be a text in quotes",
    'current = "plan"\n[profiles.plain]\n': "current names “plan”; did you mean “plain”?",
    'current = "x"\n': "current names “x”; there is no profile yet.",
    "[profiles.X]\n": "“X” can't be a profile's name: 1 to 32 of: a to z",
    '[profiles."../x"]\n': "“../x” can't be a profile's name",
    '[profiles.x.credential]\nfrom = "keys"\n': "one of: command, keyring, file, environment",
    '[profiles.x.credential]\nfrom = "command"\n': "command has to be there where the key",
    '[profiles.x.credential]\nfrom="command"\ncommand="pass x"\n': "an array of texts, as [“pass”,",
    '[profiles.x.credential]\nfrom="command"\ncommand=["a",1]\n': "an array of texts, as [“pass”,",
    '[profiles.x.credential]\nfrom="command"\ncommand=["a\\n"]\n': "free of characters that",
    '[profiles.x.credential]\ncommand=["a"]\n': "there where the key comes from a command, and",
    '[profiles.x.credential]\nfrom = "file"\n': "file has to be there where the key comes from",
    '[profiles.x.credential]\nfrom="file"\nfile="a/b"\n': "has to be a whole path, from / on",
    '[profiles.x.credential]\nfrom="keyring"\nfile="/a"\n': "there where the key comes from a file",
    '[profiles.x.network]\nca_file = "a.pem"\n': "network.ca_file has to be a whole path",
    "[profiles.x\n": "is not valid TOML: Expected ']'",
    "[profiles.x]\n[profiles.x]\n": "is not valid TOML: Cannot declare",
    'x = "\x1b]52;c;eA==\x07"\n': "is not valid TOML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_a_profile_is_refused_with_its_place(path: Path, text: str) -> None:
    sentence = refused(write(path, text))
    assert str(path) in sentence
    assert REFUSED[text] in sentence


def test_what_is_no_text_or_too_large_is_refused(path: Path) -> None:
    assert "is not UTF-8 text. Save it" in refused(write(path, b"# \xff\xfe\n"))
    assert "is larger than it can be" in refused(write(path, b"#" * (1024 * 1024 + 1)))


@pytest.mark.parametrize("kind", TRAPS)
def test_a_trap_is_refused_and_left_alone(path: Path, kind: str) -> None:
    set_trap(path, kind)
    if kind == "below a file":
        with pytest.raises(ProfilesError) as caught:
            ProfilesFile(path).read()
        with pytest.raises(ProfilesError, match="has no directory"):
            ProfilesFile(path).put(PLAIN)
        assert TRAPS[kind] in caught.value.user_message
    else:
        assert TRAPS[kind] in refused(path)
    assert is_untouched(path)


@needs_root
def test_a_file_of_somebody_else_is_refused(path: Path) -> None:
    os.chown(write(path, TEXT), NOBODY, NOBODY)
    assert "belongs to another user. Move it away, or run: sudo chown" in refused(path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    write(path, TEXT).chmod(mode)
    sentence = refused(path)
    assert f"others could change where your keys are sent. Run: chmod go-w {path}" in sentence
    path.chmod(0o644)
    assert ProfilesFile(path).read().current == "plain"


def test_a_directory_that_others_can_write_is_refused(profiles: ProfilesFile, path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.parent.chmod(0o770)
    with pytest.raises(ProfilesError, match=f"Run: chmod go-w {path.parent}"):
        profiles.put(PLAIN)
    assert not path.exists()


@needs_root
def test_a_directory_of_somebody_else_is_refused(profiles: ProfilesFile, path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, NOBODY, NOBODY)
    with pytest.raises(ProfilesError, match="belongs to another user"):
        profiles.put(PLAIN)
    assert os.listdir(path.parent) == []


_IMPORTS = """
import tomli_w, tomllib
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.domain.errors import ProfilesError
from pulsapi_tui.domain.profiles import Profile
"""
_PUT = """
profiles = ProfilesFile(place / "profiles.toml")
try:
    profiles.put(Profile(name="x"))
    print("put", len(profiles.read().profiles))
except ProfilesError as error:
    print(error.user_message)
"""


@needs_root
def test_a_directory_that_is_read_only() -> None:
    with owned_by_nobody() as place:
        assert as_nobody(_IMPORTS, _PUT, place) == "put 1\n"
        before = (place / "profiles.toml").read_bytes()
        place.chmod(0o555)
        assert "can't be written (Permission denied). Nothing was" in as_nobody(
            _IMPORTS, _PUT, place
        )
        assert (place / "profiles.toml").read_bytes() == before
        (place / "profiles.lock").unlink()
        assert "can't be locked (Permission denied)" in as_nobody(_IMPORTS, _PUT, place)
        assert os.listdir(place) == ["profiles.toml"]
        place.chmod(0o755)
        (place / "profiles.toml").chmod(0o200)
        assert "can't be read (Permission denied)" in as_nobody(_IMPORTS, _PUT, place)
        assert (place / "profiles.toml").read_bytes() == before


# --- how it is written --------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0, 0o777])
def test_nobody_else_can_read_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "home" / ".config" / "pulsapi-tui" / "profiles.toml"
    before = os.umask(umask)
    try:
        ProfilesFile(path).put(PLAIN)
    finally:
        os.umask(before)
    for each in (path.parent, path.parent.parent, path.parent.parent.parent):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) in {0o600, 0o600 & ~umask}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "32k") as disk:
        profiles = ProfilesFile(disk / "profiles.toml")
        profiles.put(PLAIN)
        disk.chmod(0o700)
        fill(disk)
        with pytest.raises(ProfilesError, match="No space left on device"):
            profiles.put(WHOLE)
        assert profiles.read() == ProfileList((PLAIN,))
        assert temporary_names(disk) == []


@pytest.mark.parametrize("code", FAULTS)
def test_each_step_may_fail(tmp_path: Path, code: int) -> None:
    descriptors = open_descriptors()
    old, new = ProfileList((PLAIN,)), ProfileList((PLAIN, WHOLE))
    for at in range(1, 100):
        profiles = ProfilesFile(tmp_path / str(at) / "profiles.toml")
        profiles.put(PLAIN)
        failure = None
        with failing_at(at, code) as countdown:
            try:
                profiles.put(WHOLE)
            except ProfilesError as error:
                failure = error
        assert open_descriptors() == descriptors
        assert temporary_names(tmp_path / str(at)) == []
        is_new = failure is None or "was changed, but the disk" in failure.user_message
        assert profiles.read() == (new if is_new else old)
        if not countdown.is_over:
            assert failure is None
            break
        assert (failure is None) == (code == 0)
    assert at > 6


_ACT = """
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.domain.profiles import Profile
def prepare(directory):
    directory.chmod(0o700)
    ProfilesFile(directory / "profiles.toml").put(Profile(name="old"))
def act(directory):
    ProfilesFile(directory / "profiles.toml").put(Profile(name="new"))
"""


@pytest.mark.parametrize("variant", ["unnamed", "named"])
def test_killed_at_each_step(tmp_path: Path, variant: str) -> None:
    places = killed_at_each_step(_ACT, tmp_path, variant)
    assert len(places) > 10
    seen = set()
    for place in places:
        profiles = ProfilesFile(place / "profiles.toml")
        names = tuple(each.name for each in profiles.read().profiles)
        assert names in {("old",), ("old", "new")}
        seen.add(names)
        profiles.put(Profile(name="next"))
        assert tuple(each.name for each in profiles.read().profiles) == (*names, "next")
        assert sorted(os.listdir(place)) == ["profiles.lock", "profiles.toml"]
    assert len(seen) == 2


# --- two instances ------------------------------------------------------------------------------


@pytest.fixture
def quick_place(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where there is such a thing: a disk's own pace proves nothing."""
    if not Path("/dev/shm").is_dir():  # noqa: S108
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


_COUNT = """
import sys
from pathlib import Path
import msgspec
from pulsapi_tui.config.profiles_file import ProfilesFile
from pulsapi_tui.domain.profiles import Profile
profiles = ProfilesFile(Path(sys.argv[1]))
def count(profile):
    return msgspec.structs.replace(profile, account_id=str(int(profile.account_id) + 1))
print("ready", flush=True)
sys.stdin.readline()
for each in range(250):
    profiles.change("shared", count)
    name = f"{sys.argv[2]}-{each % 4}"
    profiles.put(Profile(name=name, account_id=str(each)), make_current=True)
"""


def test_a_thousand_edits_of_two_instances_together(quick_place: Path) -> None:
    path = quick_place / "profiles.toml"
    profiles = ProfilesFile(path)
    profiles.put(Profile(name="shared", account_id="0"))
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _COUNT, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("a", "b")
    ]
    for each in both:
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    for each in both:
        each.communicate(timeout=120)
        assert each.returncode == 0
    listed = profiles.read()
    wanted = {f"{name}-{each % 4}": str(each) for name in "ab" for each in range(246, 250)}
    assert {each.name: each.account_id for each in listed.profiles} == {"shared": "500"} | wanted
    assert listed.current in {"a-1", "b-1"}


def test_a_lock_that_is_held_is_not_waited_for_forever(
    profiles: ProfilesFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles_file, "LOCK_TIMEOUT_S", 0.01)
    profiles.put(PLAIN)
    descriptors = open_descriptors()
    with path.with_suffix(".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ProfilesError, match="is being changed by another instance"):
            profiles.put(WHOLE)
        assert profiles.read() == ProfileList((PLAIN,)), "reading waits for nobody"
    assert open_descriptors() == descriptors
    profiles.put(WHOLE)


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_trap_in_the_place_of_the_lock(profiles: ProfilesFile, path: Path, kind: str) -> None:
    set_trap(path.with_suffix(".lock"), kind)
    with pytest.raises(ProfilesError, match="can't be locked"):
        profiles.put(PLAIN)
    assert is_untouched(path)
    assert not path.exists()


def test_the_address_is_that_of_today_even_if_the_default_changes(
    profiles: ProfilesFile, path: Path
) -> None:
    profiles.put(PLAIN)
    assert tomllib.loads(path.read_text())["profiles"]["plain"] == {"base_url": DEFAULT_BASE_URL}
