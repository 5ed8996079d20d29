"""Profiles on the screen: connected, opened, marked, read-only; and what a role may not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.domain.delivery import PROFILE_WAY, Target
from pulsapi_tui.domain.errors import AddressError, ConnectError, PulsapiError, UnauthorizedError
from pulsapi_tui.domain.intents import Intent
from pulsapi_tui.domain.models import Account, Plan, Role
from pulsapi_tui.domain.permissions import NOTHING_CHANGES
from pulsapi_tui.domain.ports import Connector, KeyPages, PageSeen
from pulsapi_tui.domain.profiles import Kept, Profile, ProfileList
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.guarded import GuardedService
from pulsapi_tui.ui.screens.profiles import ProfilesScreen
from tests.seeded import NOW, PROFILES, SeededAccounts, SeededService, StandingClock, connector_to
from tests.ui.support import Story, connector_of, story_of

PRODUCTION, STAGING, CLIENT = PROFILES.profiles
KEY = "an-example-that-is-no-key"


class Accounts(SeededAccounts):
    """Accounts whose server says no first, if it is told to."""

    def __init__(self, *problems: PulsapiError, listed: ProfileList = PROFILES) -> None:
        super().__init__(listed)
        self.problems = list(problems)
        self.asked: list[tuple[Profile, Secret]] = []
        self.opened: list[str] = []

    async def ask(self, profile: Profile, credential: Secret) -> Account:
        self.asked.append((profile, credential))
        if self.problems:
            raise self.problems.pop(0)
        return await super().ask(profile, credential)

    def connector(self, profile: Profile) -> Connector:
        self.opened.append(profile.name)
        return connector_to(SeededService(), profile)


class Listing(SeededService):
    """A server that lets everybody read the list, whatever the role or the plan."""

    def __init__(self, *, plan: Plan = "pro", role: Role = "owner") -> None:
        super().__init__(plan=plan, role=role)

    async def list_keys(
        self, before: KeyPages | None = None, page_seen: PageSeen | None = None
    ) -> KeyPages:
        return await super().list_keys(before, page_seen)


async def test_from_the_welcome_to_a_connected_account_by_keys_alone() -> None:
    accounts = Accounts(listed=ProfileList())
    async with story_of(None, accounts=accounts) as story:
        await story.shows("Welcome to PulsAPI's API keys")
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        await story.paste(KEY)
        assert KEY not in story.text
        await story.press("enter")
        await story.shows("It works: dana@northwind.example")
        await story.shows("There is no keyring here")
        await story.type("acme")
        await story.press("enter")
        await story.shows("CI/CD Pipeline")
        await story.shows("Saved as “acme”")
        await story.shows("acme  Pro · owner")
    saved = accounts.profiles.listed.get("acme")
    assert saved is not None
    assert (saved.source.kept, saved.account_id) == (Kept.FILE, "acc_northwind")
    assert accounts.profiles.listed.current == "acme"
    assert accounts.credentials.kept["acme"] == Secret(KEY)


async def test_the_demo_from_the_welcome() -> None:
    async with story_of(None, accounts=Accounts()) as story:
        await story.shows("Try the demo")
        await story.press("tab", "enter")
        await story.shows("CI/CD Pipeline")


async def test_what_was_typed_is_kept_when_the_server_says_no() -> None:
    accounts = Accounts(
        AddressError("Plain http would send the key in the clear."),
        ConnectError("PulsAPI can't be reached."),
        UnauthorizedError("PulsAPI does not accept this key.", status=401, code="unauthorized"),
        listed=ProfileList(),
    )
    async with story_of(None, accounts=accounts) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        await story.paste(KEY)
        await story.press("enter")
        await story.shows("✗ Plain http would send the key in the clear.")
        key = story.app.screen.query_one("#key", Input)
        assert key.placeholder == "kept as typed; paste another to replace it"
        assert story.app.focused is story.app.screen.query_one("#base-url")
        await story.press("enter")
        await story.shows("✗ PulsAPI can't be reached. The base URL is https://api.pulsapi.com:")
        await story.type("http://localhost:1")
        await story.until(
            lambda: story.app.screen.query_one("#base-url", Input).value == "http://localhost:1",
            "what is typed replaces it",
        )
        await story.press("enter")
        await story.shows("✗ PulsAPI does not accept this key.")
        await story.focuses("key")
        await story.press("enter")
        await story.shows("It works")
    assert [key for _, key in accounts.asked] == [Secret(KEY)] * 4
    assert accounts.profiles.listed == ProfileList(), "nothing is saved before it is asked for"


async def test_a_command_instead_of_a_key() -> None:
    accounts = Accounts(listed=ProfileList())
    async with story_of(None, accounts=accounts) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        story.app.screen.query_one("#command").focus()
        await story.type("pass show 'pulsapi/acme prod'")
        await story.press("enter")
        await story.shows("The command that printed it")
        await story.press("enter")
        await story.shows("CI/CD Pipeline")
    [saved] = accounts.profiles.listed.profiles
    assert (saved.source.kept, saved.source.argv) == (
        Kept.COMMAND,
        ("pass", "show", "pulsapi/acme prod"),
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Paste an API key of your account"),
        ("pass 'show", "a quote that is not closed"),
    ],
)
async def test_nothing_is_asked_of_the_server_before_there_is_a_key(typed: str, said: str) -> None:
    accounts = Accounts()
    async with story_of(None, accounts=accounts) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        story.app.screen.query_one("#command", Input).value = typed
        story.app.screen.query_one("#command").focus()
        await story.press("enter")
        await story.shows(said)
    assert not accounts.asked


async def open_profiles(story: Story) -> None:
    """The profiles over the page."""
    await story.shows("● live")
    await story.press("p")
    await story.shows("Key from")


async def _choose(story: Story, name: str) -> None:
    """Put the cursor of the menu on a profile."""
    menu = story.app.screen.query_one("#profiles", OptionList)
    menu.highlighted = [each.name for each in PROFILES.profiles].index(name)
    await story.pilot.pause()


async def test_another_account_takes_nothing_of_the_one_before() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), PRODUCTION), accounts=accounts) as story:
        await story.shows("● live")
        await story.press("space", "j", "p")
        await story.shows("the output of “pass show pulsapi/acme”")
        await _choose(story, "staging")
        await story.shows("api.staging.acme.example")
        await story.press("enter")
        await story.shows("■ staging")
        await story.shows("● live")
        assert "marked" not in story.text
        assert "PRODUCTION" not in story.text
    assert accounts.opened == ["staging"]
    assert accounts.profiles.listed.current == "acme", "what scripts open is not changed by a look"


async def test_another_one_is_the_current_one_only_when_that_is_asked_for() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), PRODUCTION), accounts=accounts) as story:
        await open_profiles(story)
        await _choose(story, "staging")
        await story.press("u")
        await story.shows("“staging” is opened from now on where no other one is asked for")
    assert accounts.profiles.listed.current == "staging"
    assert not accounts.opened


async def test_no_other_account_while_a_key_is_in_hand() -> None:
    async with story_of(connector_to(SeededService(), PRODUCTION)) as story:
        await story.shows("● live")
        await story.press("n")
        await story.type("Deploy bot")
        await story.press("enter")
        await story.shows("Shown this once")
        await story.keys_screen.action_profiles()
        await story.shows("is not stored yet")


async def test_the_mark_is_on_the_page_and_in_what_destroys() -> None:
    async with story_of(connector_to(SeededService(), PRODUCTION)) as story:
        await story.shows("● live")
        await story.shows("▲ PRODUCTION acme")
        await story.put_cursor_on("old-jenkins (to be removed)")
        await story.press("X")
        await story.shows("Revoke API key")
        assert "▲ PRODUCTION acme" in "\n".join(story.labels)
        # Idle for a year, and still its name is asked for.
        await story.shows("To go on, type")
        await story.press("tab", "enter", "escape")
        await story.put_cursor_on("CI/CD Pipeline")
        await story.press("R")
        await story.shows("Rotate API key")
        assert "▲ PRODUCTION acme" in "\n".join(story.labels)


async def test_a_mark_that_is_set_shows_at_once() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await story.shows("● live")
        await story.press("p", "m")
        await story.shows("▲ PRODUCTION staging")
        await story.press("c", "escape")
        await story.until(lambda: len(story.app.screen_stack) == 1, "the dialog is closed")
        await story.shows("▲ PRODUCTION staging")
    changed = accounts.profiles.listed.get("staging")
    assert changed is not None
    assert changed.production


async def test_a_profile_is_removed_after_a_dialog_that_opens_on_cancel() -> None:
    accounts = Accounts()
    accounts.credentials.kept["client"] = Secret(KEY)
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await story.shows("● live")
        await story.press("p", "X")
        await story.shows("It is open: open another one first.")
        await _choose(story, "client")
        await story.press("X")
        await story.shows("stays live at PulsAPI until it is revoked there")
        await story.press("enter")
        await story.shows("Key from")
        assert accounts.profiles.listed == PROFILES
        await story.press("X")
        await story.shows("Remove this profile?")
        await story.press("right", "enter")
        await story.shows("Removed “client”.")
    assert accounts.profiles.listed.get("client") is None
    assert not accounts.credentials.kept


async def test_read_only_holds_as_soon_as_the_profiles_are_closed() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await story.shows("● live")
        await story.press("p", "o")
        await story.shows("it is opened anew when you close this")
        await story.press("escape")
        await story.shows("read-only")
        await story.shows("● live")
        assert accounts.opened == ["staging"]
        await story.press("n")
        assert len(story.app.screen_stack) == 1


async def test_read_only_unbinds_all_that_changes_anything() -> None:
    async with story_of(connector_to(SeededService(), CLIENT)) as story:
        await story.shows("● live")
        await story.shows("read-only")
        shown = {key for key, each in story.keys_screen.active_bindings.items() if each.enabled}
        assert not shown & {"n", "R", "X", "shift+r"}
        await story.press("n", "R", "X")
        assert len(story.app.screen_stack) == 1
        await story.press("ctrl+p")
        await story.type("revoke")
        await story.shows("it is read-only, by its profile or by --read-only")


async def test_read_only_asks_nothing_of_a_key_without_an_owner(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal.json")
    service = SeededService()
    journal.put(
        Intent(
            request_id="lost",
            origin=service.origin,
            account_id="acc_northwind",
            name="CI/CD Pipeline",
            requested_at=NOW,
            known_ids=frozenset(),
        )
    )
    journal.close()
    async with story_of(connector_of(service, journal, profile=CLIENT)) as story:
        await story.shows("! 1 without an owner")
        assert len(story.app.screen_stack) == 1
        await story.press("o")
        await story.shows(NOTHING_CHANGES)
        assert len(story.app.screen_stack) == 1


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (Listing(role="viewer"), "your role is viewer"),
        (Listing(role="member"), "your role is member"),
        (Listing(plan="free"), "this account is on the Free plan"),
    ],
)
async def test_what_may_not_be_done_is_dimmed_and_says_why(
    service: SeededService, reason: str
) -> None:
    async with story_of(connector_of(service)) as story:
        await story.shows("CI/CD Pipeline")
        bound = story.keys_screen.active_bindings
        assert not bound["n"].enabled, "shown, and dimmed"
        await story.press("n")
        await story.shows(reason)
        assert len(story.app.screen_stack) == 1


async def test_a_key_of_another_account_is_refused() -> None:
    profile = Profile(name="acme", account_id="acc_of_somebody_else")
    guarded = GuardedService(SeededService(), profile)
    async with story_of(connector_of(guarded, profile=profile), clock=StandingClock()) as story:
        await story.shows("Another account's key")
        await story.shows("Nothing was read or changed with it")
        assert "CI/CD Pipeline" not in story.text
        await story.press("n", "X")
        assert len(story.app.screen_stack) == 1


async def test_keys_that_come_at_once_are_one_wish_at_a_time() -> None:
    """What comes while a wish is granted is dropped, and never reaches the page."""
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await open_profiles(story)
        for key in "mXcoXm":
            story.app.simulate_key(key)
        await story.pilot.pause(0.2)
        await story.shows("Profiles")
        assert "Revoke API key" not in story.text
        await story.press("escape")
        await story.until(lambda: len(story.app.screen_stack) == 1, "the dialog is closed")


@pytest.mark.parametrize("field", ["command", "ca-file", "base-url"])
async def test_a_key_in_the_wrong_field_is_not_shown(field: str) -> None:
    async with story_of(None, accounts=Accounts()) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        story.app.screen.query_one(f"#{field}").focus()
        await story.paste(KEY)
        await story.shows("it stands in its own field now")
        assert KEY not in story.text
        assert story.app.screen.query_one("#key", Input).value == KEY
        await story.press("enter")
        await story.shows("It works")


async def test_an_address_in_the_field_of_the_key_is_moved() -> None:
    async with story_of(None, accounts=Accounts()) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        await story.paste("https://api.acme.example")
        await story.shows("it stands at Base URL now")
        assert story.app.screen.query_one("#base-url", Input).value == "https://api.acme.example"


async def test_an_address_that_is_typed_goes_on_where_it_was_moved() -> None:
    """All of it in one read, as over a slow line; and key by key."""
    address = "http://127.0.0.1:8787"
    for typed in ((address,), tuple(address)):
        async with story_of(None, accounts=Accounts()) as story:
            await story.press("enter")
            await story.shows("Connect to PulsAPI")
            for keys in typed:
                for character in keys:
                    story.app.simulate_key(character)
                await story.settled()
            fields = {field.id: field.value for field in story.app.screen.query(Input)}
            assert (fields["base-url"], fields["key"]) == (address, "")


async def test_enter_on_a_box_saves_and_space_ticks_it() -> None:
    accounts = Accounts(listed=ProfileList())
    async with story_of(None, accounts=accounts) as story:
        await story.press("enter")
        await story.shows("Connect to PulsAPI")
        await story.paste(KEY)
        await story.press("enter")
        await story.shows("It works")
        await story.press("tab", "space", "enter")
        await story.shows("▲ PRODUCTION pulsapi")
    [saved] = accounts.profiles.listed.profiles
    assert saved.production


async def test_a_key_goes_into_no_other_profile_than_its_own() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await story.shows("● live")
        hand_over = story.keys_screen._actions_of_session()._hand_over  # type: ignore[union-attr]  # noqa: SLF001
        target = Target(way_id=PROFILE_WAY, values={"profile": "acme"})
        agreed = story.app.run_worker(hand_over._agreed(target, ()))  # noqa: SLF001
        await story.shows("can't go into another profile")
        await story.press("enter")
        assert await agreed.wait() is False


async def test_back_from_connect_is_where_it_was_opened() -> None:
    accounts = Accounts()
    async with story_of(connector_to(SeededService(), STAGING), accounts=accounts) as story:
        await open_profiles(story)
        await story.press("n")
        await story.shows("Connect to PulsAPI")
        await story.press("escape")
        await story.until(lambda: isinstance(story.app.screen, ProfilesScreen), "the profiles")
        await story.press("escape")
        await story.until(lambda: story.keys_screen.is_active, "the page")


async def test_an_account_that_is_saved_already_is_named() -> None:
    first = Accounts(listed=ProfileList())
    async with story_of(None, accounts=first) as story:
        await story.press("enter")
        await story.paste(KEY)
        await story.press("enter")
        await story.shows("It works")
        assert "already" not in story.text
        await story.press("enter")
        await story.shows("CI/CD Pipeline")
        await story.press("p", "n")
        await story.shows("Connect to PulsAPI")
        await story.paste(KEY)
        await story.press("enter")
        await story.shows("This account is the profile “pulsapi” already.")
