"""Which account is meant, by the stated order, and whose key goes where."""

from __future__ import annotations

import asyncio
import traceback

import msgspec
import pytest

from pulsapi_tui.domain.errors import (
    AddressError,
    CredentialError,
    ProfilesError,
    ReadOnlyError,
)
from pulsapi_tui.domain.ports import Store
from pulsapi_tui.domain.profiles import (
    DEFAULT_BASE_URL,
    CredentialSource,
    Kept,
    Network,
    Profile,
    ProfileList,
)
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.guarded import GuardedService
from pulsapi_tui.wiring.access import Access, Asked, access, access_to, no_account, without_variable
from tests.unit.support import CANARY, ScriptedService

KEY = Secret(CANARY)
STORED = Secret("the-stored-key")
STAGING = Profile(
    name="staging", base_url="https://staging.example.com", source=CredentialSource(Kept.KEYRING)
)
PROD = Profile(
    name="prod",
    base_url="https://api.example.com:8443",
    production=True,
    read_only=True,
    source=CredentialSource(Kept.COMMAND, ("pass", "show", "x")),
    network=Network("/own.pem", "http://proxy:1"),
    account_id="acc_1",
)
LISTED = ProfileList((STAGING, PROD), "staging")


class FakeCredentials:
    """A store that has one key for everybody, and says who asked."""

    def __init__(self) -> None:
        self.read_for: list[str] = []

    async def stores(self) -> tuple[Store, ...]:
        return ()

    def source(self, kept: Kept, profile_name: str, argv: tuple[str, ...] = ()) -> CredentialSource:
        return CredentialSource(kept)

    async def read(self, profile: Profile) -> Secret:
        self.read_for.append(profile.name)
        return STORED

    async def keep(self, profile: Profile, credential: Secret) -> None:
        raise AssertionError

    async def forget(self, profile: Profile) -> None:
        raise AssertionError


def opened(asked: Asked, listed: ProfileList = LISTED) -> Access:
    found = access(asked, listed)
    assert found is not None
    return found


def key_of(found: Access) -> tuple[Secret, list[str]]:
    credentials = FakeCredentials()
    return asyncio.run(found.credential(credentials)), credentials.read_for


# --- the order ----------------------------------------------------------------------------------


def test_the_current_profile_where_nothing_is_asked_for() -> None:
    found = opened(Asked())
    assert found == Access(STAGING, None, "the system's keyring", is_saved=True)
    assert key_of(found) == (STORED, ["staging"])


def test_a_named_profile_goes_before_the_current_one() -> None:
    found = opened(Asked(profile="prod"))
    assert (found.profile, found.credential_from) == (PROD, "the output of “pass show x”")
    assert found.is_saved
    assert key_of(found) == (STORED, ["prod"])


def test_a_key_of_the_environment_goes_before_the_current_profile() -> None:
    """It is made for another server, perhaps; the profile's marks are none of its."""
    found = opened(Asked(key=KEY), ProfileList((STAGING, PROD), "prod"))
    assert not found.is_saved
    assert found.credential_from == "PULSAPI_API_KEY"
    assert found.profile == Profile(
        name="api.pulsapi.com",
        base_url=DEFAULT_BASE_URL,
        source=CredentialSource(Kept.ENVIRONMENT),
    )
    assert key_of(found) == (KEY, [])


def test_a_key_of_the_environment_goes_to_its_own_server() -> None:
    found = opened(Asked(key=KEY, base_url="http://127.0.0.1:8787/"))
    assert (found.profile.name, found.profile.base_url) == (
        "127.0.0.1:8787",
        "http://127.0.0.1:8787",
    )


def test_a_named_profile_with_a_key_of_the_environment() -> None:
    found = opened(Asked(key=KEY, profile="prod"))
    assert (found.profile, found.credential_from) == (PROD, "PULSAPI_API_KEY")
    assert found.is_saved
    assert key_of(found) == (KEY, []), "the profile's own source is not asked"


def test_nothing_at_all() -> None:
    assert access(Asked(), ProfileList()) is None
    assert access(Asked(), ProfileList((STAGING,))) is None, "none is current"
    assert access(Asked(base_url="https://example.com"), ProfileList()) is None
    assert "pulsapi-tui demo" in no_account().user_message


@pytest.mark.parametrize(
    ("options", "environment", "wanted"),
    [
        ({}, {}, ("", "", "PULSAPI_BASE_URL")),
        ({}, {"PULSAPI_PROFILE": "a", "PULSAPI_BASE_URL": "b"}, ("a", "b", "PULSAPI_BASE_URL")),
        (
            {"profile": "c", "base_url": "d"},
            {"PULSAPI_PROFILE": "a", "PULSAPI_BASE_URL": "b"},
            ("c", "d", "--base-url"),
        ),
    ],
)
def test_an_option_goes_before_its_variable(
    options: dict[str, str], environment: dict[str, str], wanted: tuple[str, str, str]
) -> None:
    asked = Asked.of("", {"PULSAPI_API_KEY": "not read here", **environment}, **options)  # type: ignore[arg-type]
    assert (asked.profile, asked.base_url, asked.base_url_from) == wanted
    assert asked.key is None
    assert Asked.of(CANARY, {}).key == KEY


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "listed", "hint"),
    [
        ("prd", LISTED, "There is no profile “prd”; did you mean “prod”?"),
        ("zzz", LISTED, "there are: staging, prod."),
        ("zzz", ProfileList(), "there is no profile yet. Make one: pulsapi-tui profiles add"),
        ("\x1b[2J", LISTED, "There is no profile “\N{REPLACEMENT CHARACTER}[2J”"),
    ],
)
@pytest.mark.parametrize("key", [None, KEY])
def test_a_profile_that_is_not_there(
    name: str, listed: ProfileList, hint: str, key: Secret | None
) -> None:
    """A key of the environment is no way around it."""
    with pytest.raises(ProfilesError) as caught:
        access(Asked(key=key, profile=name), listed)
    assert hint in caught.value.user_message


@pytest.mark.parametrize("asked", [Asked(), Asked(profile="prod"), Asked(key=KEY, profile="prod")])
def test_a_key_goes_to_the_server_of_its_profile_only(asked: Asked) -> None:
    listed = ProfileList((STAGING, PROD), "prod")
    elsewhere = asked._replace(base_url="https://evil.example.com")
    with pytest.raises(AddressError, match="PULSAPI_BASE_URL names another server than the pro"):
        access(elsewhere, listed)
    with pytest.raises(AddressError, match="--base-url names another server"):
        access(elsewhere._replace(base_url_from="--base-url"), listed)
    assert opened(asked._replace(base_url="https://api.example.com:8443/"), listed).profile == PROD


@pytest.mark.parametrize("base_url", ["http://example.com", "ftp://x", "https://u:p@example.com"])
def test_an_address_that_can_t_be_used(base_url: str) -> None:
    with pytest.raises(AddressError):
        access(Asked(key=KEY, base_url=base_url), LISTED)
    with pytest.raises(AddressError):
        access(Asked(base_url=base_url), LISTED)


def test_a_key_that_can_t_be_sent_is_refused_and_not_shown() -> None:
    with pytest.raises(CredentialError, match="can't be sent") as caught:
        access(Asked.of(f"{CANARY}\n", {}), LISTED)
    assert caught.value.user_message.endswith(" It comes from PULSAPI_API_KEY.")
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    shown = "".join(line for line in lines if "pulsapi_tui" in line)
    assert "pulsapi_tui" in shown
    assert KEY.is_safe_beside(shown)
    assert KEY.is_safe_beside(repr(Asked.of(CANARY, {})))


# --- options on top -----------------------------------------------------------------------------


def test_options_change_this_session_alone() -> None:
    asked = Asked(network=Network(ca_file="/mine.pem"), read_only=True)
    found = opened(asked).profile
    assert (found.read_only, found.network) == (True, Network("/mine.pem", ""))
    found = opened(asked._replace(profile="prod")).profile
    assert found.network == Network("/mine.pem", "http://proxy:1")
    assert opened(Asked(profile="prod")).profile.read_only, "no option makes it writable"
    found = opened(asked._replace(key=KEY)).profile
    assert (found.read_only, found.network.ca_file) == (True, "/mine.pem")


def test_a_saved_profile_opens_by_its_own_source() -> None:
    assert access_to(PROD) == Access(PROD, None, "the output of “pass show x”", is_saved=True)


async def test_a_read_only_profile_sends_no_change_whoever_asks(service: ScriptedService) -> None:
    guarded = GuardedService(service, Profile(name="here", read_only=True))
    with pytest.raises(ReadOnlyError):
        await guarded.create_key("CI", "r1", 1)
    with pytest.raises(ReadOnlyError):
        await guarded.revoke_key("k1")
    assert service.sent == []
    assert service.revoked == []


FILED = msgspec.structs.replace(STAGING, name="filed", source=CredentialSource(Kept.FILE))
UNKEPT = msgspec.structs.replace(STAGING, name="unkept", source=CredentialSource(Kept.ENVIRONMENT))
THREE = ProfileList((FILED, PROD, UNKEPT), "filed")


@pytest.mark.parametrize(
    ("asked", "listed", "expected"),
    [
        (Asked(KEY), THREE, (FILED, "PULSAPI_API_KEY")),
        (Asked(KEY, profile="prod"), THREE, (PROD, "PULSAPI_API_KEY")),
        (Asked(KEY, base_url=FILED.base_url), THREE, (FILED, "PULSAPI_API_KEY")),
        (
            Asked(KEY, base_url="https://elsewhere.example.com"),
            THREE,
            (FILED, "PULSAPI_API_KEY PULSAPI_BASE_URL"),
        ),
        # An option is not unset.
        (Asked(KEY, "", "https://elsewhere.example.com", "--base-url"), THREE, None),
        (Asked(KEY, profile="unkept"), THREE, None),
        (Asked(KEY, profile="nobody"), THREE, None),
        (Asked(KEY), ProfileList(), None),
    ],
)
def test_what_goes_in_the_place_of_the_variable(
    asked: Asked, listed: ProfileList, expected: tuple[Profile, str] | None
) -> None:
    instead = without_variable(asked, listed)
    found = None if instead is None else (instead.profile, " ".join(instead.variables))
    assert found == expected
