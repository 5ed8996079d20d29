"""`keys rotate` against the real server: it is the rotation of the screens, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pulsapi_tui.api.client import PulsApiClient
from pulsapi_tui.cli import exits
from pulsapi_tui.config.journal_file import JournalFile
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import ConnectError, DeliveryError
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.profiles import Kept, Profile
from pulsapi_tui.domain.rotation import ORDER, KeyRef, Mode, Rotation, Step, StepDone
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.verdict import Watch
from pulsapi_tui.wiring.accounts import credentials_here, profiles_here
from tests.contract.cli_support import OpenShop, Ran, Shop, at_a_terminal, cutting, from_on, shops
from tests.contract.cutting_proxy import Fault, Place, Way
from tests.server.support import Running, TestKey, running

LOST = Fault(Place.ACTED, Way.FIN)
NOT_SENT = Fault(Place.BEFORE, Way.FIN)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server") / "pulsapi.sqlite") as server:
        yield server


@pytest.fixture
def open_shop(
    server: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> OpenShop:
    return shops(server, tmp_path, monkeypatch, capfd)


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop()


@pytest.fixture
def old(shop: Shop) -> TestKey:
    """A key in an env file."""
    key = shop.add_key("CI", age_d=100, used_d=0.01)
    put(key.secret)
    return key


def put(secret: str) -> None:
    """The env file holds it."""
    Path(".env").write_text(f"PULSAPI_API_KEY={secret}\n")
    Path(".env").chmod(0o600)


def stored() -> str:
    """The key in the env file."""
    return Path(".env").read_text().strip().partition("=")[2]


def journal(shop: Shop) -> JournalFile:
    """The journal, as another program sees it."""
    return JournalFile(shop.state / "journal.json")


def under_way(shop: Shop) -> tuple[Rotation, ...]:
    """The rotations that anybody may go on with."""
    return journal(shop).open_rotations(shop.url, shop.account_id).here


def leave(shop: Shop, rotation: Rotation) -> None:
    """Write a rotation down as a program that has ended since."""
    program = journal(shop)
    program.claim_rotation(rotation)
    program.close()


# From the beginning to the end


def test_overlap_begins_and_finishes(shop: Shop, old: TestKey) -> None:
    begun = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert begun.code == exits.DONE
    [new_id] = begun.out.splitlines()
    new = stored()
    assert shop.status_of(new) == 200
    assert shop.status_of(old.secret) == 200
    assert new not in begun.out + begun.err
    assert f"pulsapi-tui keys rotate --finish {old.id}" in begun.said
    [rotation] = under_way(shop)
    assert rotation.step is Step.WATCH, "the screens go on with it"
    listed = shop.run("keys", "list", "--json")
    assert f"pulsapi-tui keys rotate --status {old.id}" in listed.said
    conditions = {key["id"]: key["condition"] for key in listed.json["data"]}
    assert (conditions[old.id], conditions[new_id]) == ("rotating", "rotating")
    not_yet = shop.run("keys", "rotate", old.id, "--finish")
    assert (not_yet.code, not_yet.out) == (exits.NOT_YET, "")
    assert "the new key is not picked up" in not_yet.said
    assert shop.status_of(old.secret) == 200
    done = shop.run("keys", "rotate", "CI", "--finish", "--yes", "--json")
    assert done.code == exits.DONE
    assert (done.json["step"], done.json["new"]["id"]) == ("over", new_id)
    assert shop.status_of(old.secret) == 401
    assert shop.status_of(new) == 200
    assert under_way(shop) == ()
    assert [action for action, _, _ in shop.log] == [
        f"rotate.{step}" for step in ("create", "deliver", "prove", "revoke", "confirm")
    ]


def test_the_same_command_goes_on_and_begins_no_other_one(shop: Shop, old: TestKey) -> None:
    command = ("keys", "rotate", "CI", "--to", "env:.env")
    first, second = shop.run(*command), shop.run(*command)
    assert (first.code, second.code) == (exits.DONE, exits.DONE)
    assert first.out == second.out
    assert "is under way" in second.said
    assert len(shop.listed()) == 3
    for options, why in (
        (("--mode", "at-once"), f"pulsapi-tui keys rotate --finish {old.id}"),
        (("--name", "CI 2"), "its successor is “CI”"),
    ):
        ran = shop.run(*command, *options)
        assert (ran.code, ran.out) == (exits.USAGE, "")
        assert why in ran.said


@pytest.mark.parametrize("options", [("--reveal",), ("--to", "env:other.env")])
def test_what_was_handed_over_can_t_be_had_again(
    shop: Shop, old: TestKey, options: tuple[str, ...]
) -> None:
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env").code == exits.DONE
    ran = shop.run("keys", "rotate", "CI", *options)
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "can't be had again" in ran.said
    assert ran.said.endswith(f"abandon it: pulsapi-tui keys rotate --abandon=revoke-new {old.id}")
    elsewhere = shop.home / "elsewhere"
    elsewhere.mkdir()
    shop.monkeypatch.chdir(elsewhere)
    assert shop.run("keys", "rotate", "CI").code == exits.DONE
    assert shop.run("keys", "rotate", "CI", "--finish", "--yes").code == exits.DONE
    assert shop.status_of(old.secret) == 401


def test_the_status_is_told_and_each_look_is_kept(shop: Shop, old: TestKey) -> None:
    assert shop.run("keys", "rotate", "CI", "--status").code == exits.NOT_FOUND
    new_id = shop.run("keys", "rotate", "CI", "--to", "env:.env").out.strip()
    before = under_way(shop)[0].watch.new_uses
    shop.status_of(stored())
    for word in ("CI", old.id, new_id):
        ran = shop.run("keys", "rotate", word, "--status", "--json")
        assert (ran.code, ran.err) == (exits.DONE, "")
        assert ran.json["old"]["id"] == old.id
        assert ran.json["verdict"]["kind"] == "not_picked_up"
        assert [each["step"] for each in ran.json["done"]] == ["create", "deliver", "prove"]
    assert under_way(shop)[0].watch.new_uses != before
    table = shop.run("keys", "rotate", "CI", "--status")
    assert "Not safe yet" in table.out
    assert new_id in table.out


def test_an_old_key_that_is_quiet_is_revoked_without_a_question(shop: Shop) -> None:
    old = shop.add_key("CI", age_d=300, used_d=10)
    new = shop.add_key("CI", age_d=9, used_d=0)
    put(new.secret)
    now = datetime.now(UTC)
    last_use = now - timedelta(days=10)
    watched = Watch(
        since=now - timedelta(days=9),
        tried_at=now - timedelta(days=9),
        old_uses=(),
        new_uses=(),
        seen_from=last_use + timedelta(hours=1),
    )
    leave(shop, _rotation(shop, old, Step.WATCH, watched, new))
    assert shop.run("keys", "rotate", old.id, "--finish", "--dry-run").code == exits.DONE
    # Not asked with the key itself: that would be a use of it.
    assert old.id in shop.listed()
    ran = shop.run("keys", "rotate", old.id, "--finish")
    assert ran.code == exits.DONE
    assert "Safe to revoke" in ran.said
    said = [part for line in ran.err.splitlines() for part in line.split(". ")]
    assert len(said) == len(set(said)), "nothing is said twice"
    assert ran.err.splitlines()[-1] == "The rotation is over."
    assert shop.status_of(old.secret) == 401


def _rotation(
    shop: Shop, old: TestKey, step: Step, watch: Watch | None = None, new: TestKey | None = None
) -> Rotation:
    """A rotation as the screens have written it down."""
    now = datetime.now(UTC)
    before = ORDER[Mode.OVERLAP][: ORDER[Mode.OVERLAP].index(step)]
    return Rotation(
        id=f"rotation of {old.id}",
        origin=shop.url,
        account_id=shop.account_id,
        mode=Mode.OVERLAP,
        old=KeyRef(old.id, "CI", old.secret[-4:]),
        new_name="CI",
        target=Target(way_id="env_file", values={"path": ".env", "variable": "PULSAPI_API_KEY"}),
        where="Writes it.",
        started_at=now,
        step=step,
        new=None if new is None else KeyRef(new.id, "CI", new.secret[-4:]),
        stored=new is not None,
        done=tuple(StepDone(each, now, "Done.") for each in before),
        watch=watch or Watch(since=now, tried_at=None, old_uses=(), new_uses=(), seen_from=now),
    )


def test_a_rotation_of_the_screens_goes_on_here(shop: Shop, old: TestKey) -> None:
    leave(shop, _rotation(shop, old, Step.CREATE))
    too_early = shop.run("keys", "rotate", "CI", "--finish", "--yes")
    assert too_early.code == exits.NOT_YET
    assert "its next step is create" in too_early.said
    ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert ran.code == exits.DONE
    assert stored() != old.secret
    [rotation] = under_way(shop)
    assert (rotation.id, rotation.step) == (f"rotation of {old.id}", Step.WATCH)


def test_a_rotation_that_was_to_be_shown_needs_to_be_told_where(shop: Shop, old: TestKey) -> None:
    rotation = msgspec.structs.replace(_rotation(shop, old, Step.CREATE), target=None, where="")
    leave(shop, rotation)
    asked = shop.run("keys", "rotate", "CI")
    assert (asked.code, asked.out) == (exits.USAGE, "")
    put("local_another")
    refused = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert (refused.code, refused.out) == (exits.NOT_CONFIRMED, "")
    assert "which is no key of this account" in refused.said
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env", "--dry-run", "--yes").code == 0
    assert under_way(shop)[0].target is None
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env", "--yes").code == exits.DONE
    assert shop.status_of(stored()) == 200


def test_a_rotation_with_a_target_is_not_revealed(shop: Shop, old: TestKey) -> None:
    leave(shop, _rotation(shop, old, Step.CREATE))
    ran = shop.run("keys", "rotate", "CI", "--reveal")
    assert (ran.code, ran.out) == (exits.USAGE, "")
    assert len(shop.listed()) == 2


@pytest.mark.parametrize(("typed", "code"), [("CI\n", exits.DONE), ("y\n", exits.NOT_CONFIRMED)])
def test_at_a_terminal_it_can_be_finished_early(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env").code == exits.DONE
    with at_a_terminal(monkeypatch, typed) as tty:
        ran = shop.run("keys", "rotate", old.id, "--finish")
        shown = tty.shown()
    assert "Not safe yet" in shown
    assert "To go on, type CI:" in shown
    assert ran.code == code
    assert shop.status_of(old.secret) == (401 if code == exits.DONE else 200)


def test_a_rotation_that_another_program_is_at_is_left_alone(shop: Shop, old: TestKey) -> None:
    window = journal(shop)
    window.claim_rotation(_rotation(shop, old, Step.CREATE))
    try:
        ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        assert (ran.code, ran.out) == (exits.FAILED, "")
        assert "Another window" in ran.said
        assert shop.run("keys", "rotate", "CI", "--status").code == exits.DONE
        assert shop.run("keys", "revoke", "CI", "--yes").code == exits.NOT_ALLOWED
    finally:
        window.close()
    assert len(shop.listed()) == 2


def test_the_successor_on_standard_output(shop: Shop, old: TestKey) -> None:
    ran = shop.run("keys", "rotate", "CI", "--reveal", "--name", "CI 2")
    assert ran.code == exits.DONE
    [secret] = ran.out.splitlines()
    assert shop.status_of(secret) == 200
    assert secret not in ran.err
    [rotation] = under_way(shop)
    assert (rotation.step, rotation.stored, rotation.new_name) == (Step.WATCH, True, "CI 2")
    assert shop.intents == ()
    shop.add_key("other")
    as_json = shop.run("keys", "rotate", "other", "--reveal", "--json")
    assert as_json.code == exits.DONE
    assert shop.status_of(as_json.json["key"]) == 200
    assert as_json.json["key"] not in as_json.err


# After a leak


def test_at_once_needs_a_yes_and_revokes_the_old_key(shop: Shop, old: TestKey) -> None:
    command = ("keys", "rotate", "CI", "--to", "env:.env", "--mode", "at-once")
    refused = shop.run(*command)
    assert (refused.code, refused.out) == (exits.NOT_CONFIRMED, "")
    assert len(shop.listed()) == 2
    assert under_way(shop) == ()
    ran = shop.run(*command, "--yes")
    assert ran.code == exits.DONE
    assert shop.status_of(old.secret) == 401
    assert shop.status_of(stored()) == 200
    assert under_way(shop) == ()


@pytest.mark.parametrize(("typed", "code"), [("CI\n", exits.DONE), ("y\n", exits.NOT_CONFIRMED)])
def test_at_a_terminal_the_name_is_asked_for(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    with at_a_terminal(monkeypatch, typed) as tty:
        ran = shop.run("keys", "rotate", "CI", "--to", "env:.env", "--mode", "revoke-first")
        shown = tty.shown()
    assert "To go on, type CI:" in shown
    assert ran.code == code
    assert shop.status_of(old.secret) == (401 if code == exits.DONE else 200)


def test_the_key_of_this_session_is_not_revoked_by_a_command_that_signs_in_with_it(
    shop: Shop,
) -> None:
    """The next command would be locked out."""
    command = ("keys", "rotate", "session", "--to", "env:own.env")
    for mode in ("revoke-first", "at-once"):
        assert shop.run(*command, "--mode", mode, "--yes").code == exits.NOT_ALLOWED
    assert shop.run(*command).code == exits.DONE
    refused = shop.run("keys", "rotate", "session", "--finish", "--yes")
    assert refused.code == exits.NOT_ALLOWED
    assert "Put the successor there first" in refused.said
    assert shop.status_of(shop.session.secret) == 200
    secret = Path("own.env").read_text().strip().partition("=")[2]
    old = shop.session.id
    assert shop.run("keys", "rotate", old, "--finish", "--yes", key=secret).code == exits.DONE
    assert shop.status_of(shop.session.secret) == 401
    assert shop.run("whoami", key=secret).code == exits.DONE


def test_the_key_of_a_profile_is_rotated_in_place(shop: Shop) -> None:
    credentials = credentials_here()
    profile = Profile(
        name="work",
        base_url=shop.url,
        source=credentials.source(Kept.FILE, "work"),
    )
    asyncio.run(credentials.keep(profile, Secret(str(shop.session.secret))))
    profiles_here().put(profile, make_current=True)
    shop.monkeypatch.delenv("PULSAPI_BASE_URL", raising=False)

    def run(*argv: str) -> Ran:
        return shop.run("--profile", "work", *argv, key="")

    ran = run("keys", "rotate", "session", "--to", "profile:work", "--mode", "at-once", "--yes")
    assert ran.code == exits.DONE, ran.err
    assert "has the old one still" not in ran.said
    assert shop.status_of(shop.session.secret) == 401
    found = run("whoami", "--json")
    assert found.json["account"]["authenticated_key_id"] == ran.out.strip()
    assert found.json["credential_from"].startswith("the file ")


# What is refused, and what changes nothing


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--to", "env:.env", "--finish"),
        ("--to", "nowhere"),
        ("--finish", "--mode", "overlap"),
        ("--status", "--name", "x"),
        ("--abandon", "both"),
        ("--to", "env:.env", "--mode", "soon"),
        ("--to", "env:.env", "--name", " "),
    ],
)
def test_usage(shop: Shop, old: TestKey, options: tuple[str, ...]) -> None:
    ran = shop.run("keys", "rotate", "CI", *options)
    assert (ran.code, ran.out) == (exits.USAGE, "")
    assert len(shop.listed()) == 2
    assert under_way(shop) == ()


def test_another_key_in_the_target_needs_a_yes(shop: Shop, old: TestKey) -> None:
    put("local_another")
    ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.NOT_CONFIRMED, "")
    assert stored() == "local_another"
    assert shop.run("keys", "rotate", "CI", "--to", "env:.env", "--yes").code == exits.DONE


def test_a_dry_run_changes_nothing(shop: Shop, old: TestKey) -> None:
    ran = shop.run(
        "keys", "rotate", "CI", "--to", "env:.env", "--mode", "at-once", "--dry-run", "--json"
    )
    assert ran.code == exits.DONE
    assert (ran.json["dry_run"], ran.json["old"]["id"]) == (True, old.id)
    assert len(shop.listed()) == 2
    assert under_way(shop) == ()
    assert stored() == old.secret


# What fails on the way


def fail_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an env file fail once it is to be written."""

    def deliver(*_: object) -> None:
        raise DeliveryError("The disk is full.")

    monkeypatch.setattr(EnvFileSink, "deliver", deliver)


def test_a_failed_delivery_leaves_the_old_key_and_nothing_else(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_delivery(monkeypatch)
    ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "The disk is full." in ran.said
    assert "The old key “CI” " in ran.said
    assert "works on" in ran.said
    assert sorted(shop.listed().values()) == ["CI", "session"]
    assert shop.status_of(old.secret) == 200
    assert under_way(shop) == ()
    assert shop.intents == ()


def test_after_revoke_first_a_failed_delivery_can_be_done_again(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("keys", "rotate", "CI", "--mode", "revoke-first", "--yes", "--to")
    with monkeypatch.context() as patch:
        fail_delivery(patch)
        ran = shop.run(*command, "env:.env")
    assert (ran.code, ran.out) == (exits.FAILED, "")
    assert "Give the command again" in ran.said
    assert list(shop.listed().values()) == ["session"]
    assert len(under_way(shop)) == 1
    again = shop.run(*command, "env:.env")
    assert again.code == exits.DONE
    assert shop.status_of(stored()) == 200
    assert under_way(shop) == ()


def test_a_successor_that_can_t_be_taken_back_is_named(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch, server: Running
) -> None:
    cuts = from_on(4, NOT_SENT)
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        with monkeypatch.context() as patch:
            fail_delivery(patch)
            ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        cuts.clear()
        [new_id] = proxy.minted
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        assert new_id in ran.said
        line = f"pulsapi-tui keys rotate --abandon=revoke-new {old.id}"
        assert line in ran.said
        assert shop.run("keys", "rotate", "--abandon=revoke-new", old.id, "--yes").code == 0
        assert new_id not in shop.listed()
        assert shop.intents == ()


def test_a_lost_answer_is_mended_by_the_same_command(
    shop: Shop, old: TestKey, server: Running
) -> None:
    with cutting(server, dict.fromkeys((3, 4, 5), LOST)) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        [new_id] = proxy.minted
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        assert "its secret is not in hand" in ran.said
        again = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        assert (again.code, again.out.strip()) == (exits.DONE, new_id)
    assert shop.status_of(stored()) == 200
    assert len(shop.listed()) == 3


@pytest.mark.parametrize("how", ["yes", "asked"])
def test_where_the_server_can_t_repeat_a_create_a_yes_replaces_what_was_lost(
    shop: Shop, old: TestKey, server: Running, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(Account, "may_repeat_create", False)
    with cutting(server, {3: LOST}) as proxy:
        shop.url = proxy.base_url
        command = ("keys", "rotate", "CI", "--to", "env:.env")
        assert shop.run(*command).code == exits.NOT_KNOWN
        [lost_id] = proxy.minted
        again = shop.run(*command)
        assert (again.code, again.out) == (exits.NOT_KNOWN, "")
        assert "--yes" in again.said
        assert f"--abandon=keep-both {old.id}" in again.said
        with at_a_terminal(monkeypatch, "n\n") as tty:
            assert shop.run(*command).code == exits.NOT_KNOWN
            assert "create another one? [y/N]" in tty.shown()
        assert lost_id in shop.listed()
        if how == "yes":
            ran = shop.run(*command, "--yes")
        else:
            with at_a_terminal(monkeypatch, "y\n") as tty:
                ran = shop.run(*command)
                tty.shown()
        assert ran.code == exits.DONE
        assert lost_id not in shop.listed()
        assert shop.status_of(stored()) == 200


def test_a_create_that_made_nothing_leaves_no_rotation(
    shop: Shop, old: TestKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def create_key(*_: object) -> None:
        raise ConnectError("No connection.")

    monkeypatch.setattr(PulsApiClient, "create_key", create_key)
    ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
    assert (ran.code, ran.out) == (exits.UNREACHABLE, "")
    assert f"No connection. The base URL is {shop.url}. To check it: pulsapi-tui doctor" in ran.said
    assert under_way(shop) == ()
    assert shop.intents == ()


def test_a_proof_that_fails_leaves_it_under_way(shop: Shop, old: TestKey, server: Running) -> None:
    cuts = from_on(4, NOT_SENT)
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        cuts.clear()
        assert (ran.code, ran.out) == (exits.FAILED, "")
        assert "stays under way" in ran.said
        assert shop.status_of(stored()) == 200
        again = shop.run("keys", "rotate", "CI", "--to", "env:.env")
        assert again.code == exits.DONE
        assert len(shop.listed()) == 3


def test_after_a_leak_going_on_needs_a_yes_again(shop: Shop, old: TestKey, server: Running) -> None:
    command = ("keys", "rotate", "CI", "--to", "env:.env", "--mode", "at-once")
    cuts = from_on(4, NOT_SENT)
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        assert shop.run(*command, "--yes").code == exits.FAILED
        cuts.clear()
        assert shop.run(*command).code == exits.NOT_CONFIRMED
        assert shop.status_of(old.secret) == 200
        assert shop.run(*command, "--yes").code == exits.DONE
    assert shop.status_of(old.secret) == 401


def test_a_revoke_of_which_nothing_is_known(shop: Shop, old: TestKey, server: Running) -> None:
    # After account, list, create and the proof: the revoke, and every list.
    cuts = from_on(5, LOST)
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        ran = shop.run("keys", "rotate", "CI", "--to", "env:.env", "--mode", "at-once", "--yes")
        cuts.clear()
        assert (ran.code, ran.out) == (exits.NOT_KNOWN, "")
        assert "was not revoked" in ran.said
        assert shop.run("keys", "rotate", "CI", "--finish").code == exits.DONE
        assert shop.status_of(old.secret) == 401
        assert under_way(shop) == ()


# Abandon


def test_an_old_key_that_its_successor_replaced_is_named(shop: Shop, old: TestKey) -> None:
    begun = shop.run("keys", "rotate", "CI", "--to", "env:.env", "--yes")
    refused = shop.run("keys", "create", "Other", "--to", "env:.env")
    assert f"“CI” (…{stored()[-4:]}) stands there already" in refused.said
    secrets = (old.secret, stored())
    ran = shop.run("keys", "rotate", old.id, "--abandon", "revoke-new", "--yes")
    assert ran.code == exits.DONE
    assert "The old key stood there: nobody may have it any more." in ran.said
    assert shop.status_of(stored()) == 401
    checked = shop.run("check")
    assert checked.code == exits.FOUND
    assert f"not known to be stored anywhere: “CI” (…{old.secret[-4:]}, {old.id})" in checked.err
    kept = [path.read_text() for path in shop.state.rglob("*") if path.is_file()]
    assert any(old.id in text for text in kept), "it is looked for where something is"
    for secret in secrets:
        for each in (begun, refused, ran, checked):
            assert secret not in each.out + each.err
        assert not any(secret in text for text in kept)
    assert shop.run("keys", "revoke", old.id, "--yes").code == exits.DONE
    assert shop.intents == ()


def test_a_successor_that_nobody_saw_is_found_and_can_be_abandoned(
    shop: Shop, old: TestKey, server: Running
) -> None:
    # 1 account, 2 list, 3 create.
    cuts = from_on(3, Fault(Place.ACTED, Way.FIN))
    with cutting(server, cuts) as proxy:
        shop.url = proxy.base_url
        assert shop.run("keys", "rotate", "CI", "--to", "env:.env").code == exits.NOT_KNOWN
        new_id = next(iter(proxy.minted))
        cuts.clear()
        checked = shop.run("check")
        assert checked.code == exits.FOUND
        assert new_id in checked.out
        ran = shop.run("keys", "rotate", old.id, "--abandon", "revoke-new", "--yes")
        assert ran.code == exits.DONE
        assert "Nobody is known to have the successor's secret" in ran.said
        assert shop.listed().keys() & {old.id, new_id} == {old.id}
    assert stored() == old.secret


def test_abandon(shop: Shop, old: TestKey) -> None:
    begin = ("keys", "rotate", "CI", "--to", "env:.env", "--yes")
    first = shop.run(*begin).out.strip()
    asked = shop.run("keys", "rotate", "CI", "--abandon", "revoke-new")
    assert asked.code == exits.NOT_CONFIRMED
    assert shop.run("keys", "rotate", "CI", "--abandon", "revoke-new", "--dry-run").code == 0
    assert first in shop.listed()
    assert shop.run("keys", "rotate", "CI", "--abandon", "revoke-new", "--yes").code == 0
    assert first not in shop.listed()
    assert under_way(shop) == ()
    second = shop.run(*begin).out.strip()
    kept = shop.run("keys", "rotate", "CI", "--abandon", "keep-both", "--json")
    assert (kept.code, kept.json["new"]["id"]) == (exits.DONE, second)
    assert {old.id, second} <= shop.listed().keys()
    assert under_way(shop) == ()
    assert shop.run("keys", "rotate", old.id, "--abandon", "keep-both").code == exits.NOT_FOUND
