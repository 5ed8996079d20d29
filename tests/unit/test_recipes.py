"""The recipes, filled in, and run against the real programs where they are installed.

Those that are not here are stood in for by a script: their command lines are held to their
documentation by `COMMANDS`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pulsapi_tui.delivery.command import CommandSink
from pulsapi_tui.delivery.recipes import (
    RECIPES,
    Recipe,
    arguments,
    available,
    fields_for,
    mistake,
    refusal,
)
from pulsapi_tui.domain.delivery import Field
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.secret import Secret
from tests.unit.support import CANARY

BY_ID = {recipe.id: recipe for recipe in RECIPES}


def here(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing here")


def defaults(recipe: Recipe, name: str = "Deploy Bot") -> dict[str, str]:
    return {field.id: field.default for field in fields_for(recipe, name)}


COMMANDS = {
    "pass": "pass insert -m pulsapi/deploy-bot",
    "op": "op item create -",
    "vault-put": "vault kv put -mount=secret pulsapi/deploy-bot PULSAPI_API_KEY=-",
    "vault-patch": "vault kv patch -mount=secret pulsapi/deploy-bot PULSAPI_API_KEY=-",
    "gh": "gh secret set PULSAPI_API_KEY",
    "kubectl": (
        "kubectl create secret generic pulsapi-deploy-bot --from-file=PULSAPI_API_KEY=/dev/stdin"
    ),
    "doppler": "doppler secrets set PULSAPI_API_KEY --silent --no-interactive",
    "aws-put": (
        "aws secretsmanager put-secret-value --secret-id=pulsapi/deploy-bot "
        "--secret-string=file:///dev/stdin"
    ),
    "aws-create": (
        "aws secretsmanager create-secret --name=pulsapi/deploy-bot "
        "--secret-string=file:///dev/stdin"
    ),
}
OPTIONS = {
    "op": {"vault": "--vault=x y"},
    "gh": {"repo": "--repo=x y"},
    "kubectl": {"namespace": "--namespace=x y", "context": "--context=x y"},
    "doppler": {"project": "--project=x y", "config": "--config=x y"},
    "aws-put": {"region": "--region=x y", "profile": "--profile=x y"},
    "aws-create": {"region": "--region=x y", "profile": "--profile=x y"},
}


def test_all_recipes_are_sound_and_known_here() -> None:
    assert set(BY_ID) == set(COMMANDS)
    assert len(BY_ID) == len(RECIPES) == len({recipe.title for recipe in RECIPES})
    for recipe in RECIPES:
        assert mistake(recipe) is None
        assert recipe.note.endswith(".")
        # Each of them reads the key: raw, or where it says so.
        assert (recipe.stdin == "op_item") == (recipe.id == "op")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_defaults_make_a_command_without_the_optional_arguments(name: str) -> None:
    recipe = BY_ID[name]
    values = defaults(recipe)
    assert refusal(recipe, values) is None
    assert " ".join(arguments(recipe, values)) == COMMANDS[name]
    for field in recipe.fields:
        assert ("(optional)" in field.label) == (field.id in recipe.optional)


@pytest.mark.parametrize("name", OPTIONS)
def test_an_optional_value_is_one_argument_with_its_option(name: str) -> None:
    recipe = BY_ID[name]
    assert set(OPTIONS[name]) == set(recipe.optional)
    values = defaults(recipe) | dict.fromkeys(recipe.optional, "x y")
    plain = arguments(recipe, defaults(recipe))
    assert arguments(recipe, values) == (*plain, *OPTIONS[name].values())
    # Whatever they are, they are no option of their own.
    values = defaults(recipe) | dict.fromkeys(recipe.optional, "--help")
    assert refusal(recipe, values) is None
    assert "--help" not in arguments(recipe, values)


BAD = {
    "": "it can't be empty",
    "  ": "it can't be empty",
    "a\nb": "control or invisible",
    "a\0b": "control or invisible",
    "a\x1b[2Jb": "control or invisible",
    "a\u202eb": "control or invisible",
    "a\udcffb": "control or invisible",
}


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", COMMANDS)
def test_bad_values_are_refused_in_every_field(name: str, value: str) -> None:
    recipe = BY_ID[name]
    for field in recipe.fields:
        refused = refusal(recipe, defaults(recipe) | {field.id: value})
        if not value and field.id in recipe.optional:
            assert refused is None
        else:
            assert refused is not None
            assert refused.startswith(f"{field.label}: ")
            assert BAD[value] in refused


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("pass", "path"),
        ("vault-put", "path"),
        ("vault-put", "field"),
        ("vault-patch", "path"),
        ("gh", "variable"),
        ("kubectl", "secret"),
        ("doppler", "variable"),
    ],
)
def test_what_would_be_an_option_is_refused(name: str, field: str) -> None:
    refused = refusal(BY_ID[name], defaults(BY_ID[name]) | {field: "--help"})
    assert refused is not None
    assert "read as an option" in refused


@pytest.mark.parametrize("value", ["a=b", "a,b", "a b", 'a"b', "@a", "ä", "$a", "a/b"])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("vault-put", "field"),
        ("vault-patch", "field"),
        ("gh", "variable"),
        ("kubectl", "entry"),
        ("doppler", "variable"),
    ],
)
def test_names_with_a_sign_that_means_something_are_refused(
    name: str, field: str, value: str
) -> None:
    refused = refusal(BY_ID[name], defaults(BY_ID[name]) | {field: value})
    assert refused is not None
    assert "only letters, digits" in refused


def test_a_missing_value_is_an_empty_one() -> None:
    assert refusal(BY_ID["pass"], {}) == "Entry: it can't be empty."
    assert refusal(BY_ID["pass"], {"path": "p", "other": "\n"}) is None


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    recipe = BY_ID["vault-put"]
    values = defaults(recipe) | {"path": "{mount}/{nothing}"}
    assert "{mount}/{nothing}" in arguments(recipe, values)
    assert fields_for(BY_ID["op"], "{slug}")[0].default == "PulsAPI: {slug}"


CUSTOM = Recipe(
    id="mine",
    title="Mine",
    argv=("store", "--as={name}", "{slug}", "{room}", "{}", "{Not}"),
    fields=(Field("room", "Room", "room of {slug}"),),
)


def test_a_recipe_of_the_user_s_has_the_key_s_name() -> None:
    assert mistake(CUSTOM) is None
    fields = fields_for(CUSTOM, "Deploy Bot")
    assert fields == (
        Field("room", "Room", "room of deploy-bot"),
        Field("name", "Key's name", "Deploy Bot"),
        Field("slug", "Short name", "deploy-bot"),
    )
    values = {field.id: field.default for field in fields}
    assert arguments(CUSTOM, values) == (
        "store",
        "--as=Deploy Bot",
        "deploy-bot",
        "room of deploy-bot",
        "{}",
        "{Not}",
    )
    assert refusal(CUSTOM, values | {"name": "--x"}) is None
    assert "option" in str(refusal(CUSTOM, values | {"slug": "--x"}))


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(id="a", title="A", argv=()), "names no program"),
        (Recipe(id="a", title="A", argv=("",)), "names no program"),
        (Recipe(id="a", title="A", argv=("{slug}",)), "can't come from a field"),
        (Recipe(id="a", title="A", argv=("a", "b\0")), "null character"),
        (Recipe(id="a", title="A", argv=("a", "{room}")), "“room”"),
        (Recipe(id="a", title="A", argv=("a",), optional=("room",)), "“room”"),
        (Recipe(id="a", title="A", argv=("a",), words=("room",)), "“room”"),
        (Recipe(id="a", title="A", argv=("a",), stdin="op_item"), "“title”"),
        (Recipe(id="a", title="A", argv=("a",), timeout_s=0), "time to wait"),
        (Recipe(id="a", title="A", argv=("a",), timeout_s=float("nan")), "time to wait"),
        (Recipe(id="a", title="A", argv=("a",), timeout_s=3601), "time to wait"),
    ],
)
def test_mistakes_in_a_recipe_of_the_user_s(recipe: Recipe, expected: str) -> None:
    assert expected in str(mistake(recipe))


def test_only_what_is_installed_is_available(tmp_path: Path) -> None:
    for name in ("pass", "gh", "op"):
        (tmp_path / name).touch(0o755 if name != "op" else 0o644)
    environment = {"PATH": f"/nowhere:{tmp_path}"}
    assert [recipe.id for recipe in available(RECIPES, environment)] == ["pass", "gh"]
    assert available(RECIPES, {}) == ()
    assert available((), environment) == ()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_recipe_gives_the_key_to_its_program(name: str, tmp_path: Path) -> None:
    recipe = BY_ID[name]
    program = tmp_path / recipe.argv[0]
    program.write_text(
        f"#!/bin/sh\n/bin/cat > '{tmp_path}/kept'; echo \"$*\" > '{tmp_path}/told'\n"
    )
    program.chmod(0o755)
    sink = CommandSink(recipe, {"PATH": str(tmp_path)})
    way = sink.way("Deploy Bot")
    assert way.id == f"command:{name}"
    values = {field.id: field.default for field in way.fields}
    assert not sink.preview(values).is_error
    assert sink.concerns(values) == ()
    sink.deliver(Secret(CANARY), values)
    kept = (tmp_path / "kept").read_text()
    if name == "op":
        [field] = json.loads(kept)["fields"]
        assert field["value"] == CANARY
        assert json.loads(kept)["title"] == "PulsAPI: Deploy Bot"
    else:
        assert kept == CANARY
    assert f"{recipe.argv[0]} {(tmp_path / 'told').read_text().strip()}" == COMMANDS[name]


class PassStore:
    """A real pass with a key of its own."""

    def __init__(self, directory: Path) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "GNUPGHOME": str(directory / "gnupg"),
            "PASSWORD_STORE_DIR": str(directory / "store"),
        }
        (directory / "gnupg").mkdir(0o700)
        self.run(
            *("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "bot@example.com"),
            *("default", "default", "never"),
        )
        self.run("pass", "init", "bot@example.com")
        self.sink = CommandSink(BY_ID["pass"], self.environment)

    def run(self, *argv: str) -> bytes:
        return subprocess.run(
            argv, env=self.environment, capture_output=True, timeout=120, check=True
        ).stdout


@pytest.fixture(scope="module")
def pass_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassStore]:
    for program in ("pass", "gpg"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    store = PassStore(tmp_path_factory.mktemp("p"))
    yield store
    store.run("gpgconf", "--kill", "all")


def test_a_real_pass_keeps_exactly_the_key(pass_store: PassStore) -> None:
    values = {"path": "pulsapi/deploy-bot"}
    assert pass_store.sink.concerns(values) == ()
    delivered = pass_store.sink.deliver(Secret(CANARY), values)
    assert delivered.where == "pass (pulsapi/deploy-bot)"
    assert delivered.message.startswith("“pass insert -m pulsapi/deploy-bot” ended with 0.")
    assert pass_store.run("pass", "show", "pulsapi/deploy-bot") == CANARY.encode()


def test_a_real_pass_replaces_and_that_is_said_before(pass_store: PassStore) -> None:
    values = {"path": "pulsapi/twice/"}
    pass_store.sink.deliver(Secret("the first one"), values)
    assert pass_store.sink.concerns(values) == (
        "pass has an entry pulsapi/twice/: it would be replaced.",
    )
    pass_store.sink.deliver(Secret(CANARY), values)
    assert pass_store.run("pass", "show", "pulsapi/twice") == CANARY.encode()


def test_a_real_pass_that_fails_says_why(pass_store: PassStore, tmp_path: Path) -> None:
    environment = pass_store.environment | {"PASSWORD_STORE_DIR": str(tmp_path / "none")}
    with pytest.raises(DeliveryError) as raised:
        CommandSink(BY_ID["pass"], environment).deliver(Secret(CANARY), {"path": "p"})
    assert raised.value.user_message == "“pass insert -m p” failed with exit code 1."
    assert "pass init" in raised.value.output


def dry_run(recipe: Recipe) -> Recipe:
    return Recipe(
        id=recipe.id,
        title=recipe.title,
        argv=(*recipe.argv, "--dry-run=client", "--output=yaml"),
        fields=recipe.fields,
        optional=recipe.optional,
        words=recipe.words,
    )


@here("kubectl")
def test_a_real_kubectl_makes_a_secret_of_exactly_the_key(tmp_path: Path) -> None:
    # The dry run prints the secret, so it is looked at by a script in between.
    kubectl = shutil.which("kubectl")
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\nexec {kubectl} \"$@\" > '{tmp_path}/made'\n")
    (tmp_path / "kubectl").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    recipe = dry_run(BY_ID["kubectl"])
    values = defaults(recipe) | {"namespace": "prod"}
    CommandSink(recipe, environment).deliver(Secret(CANARY), values)
    made = (tmp_path / "made").read_text()
    assert f"  PULSAPI_API_KEY: {base64.b64encode(CANARY.encode()).decode()}\n" in made
    assert "  name: pulsapi-deploy-bot\n" in made
    assert "  namespace: prod\n" in made


@here("kubectl")
def test_the_key_that_a_real_kubectl_prints_is_not_shown(tmp_path: Path) -> None:
    recipe = dry_run(BY_ID["kubectl"])
    failing = tmp_path / "kubectl"
    failing.write_text(f'#!/bin/sh\n{shutil.which("kubectl")} "$@"; exit 9\n')
    failing.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    with pytest.raises(DeliveryError) as raised:
        CommandSink(recipe, environment).deliver(Secret(CANARY), defaults(recipe))
    assert "PULSAPI_API_KEY: [the key]" in raised.value.output


class Request:
    """What a program sent."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body


Answer = Callable[[Request], object]


class StandIn:
    """A service on this computer that gives scripted answers and keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Answer = lambda _: {}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, dict(self.headers), body)
                stand_in.requests.append(request)
                answer = json.dumps(stand_in.answer(request)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = _handle  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    service = StandIn()
    yield service
    service.close()


@here("aws")
@pytest.mark.parametrize(
    ("name", "action", "key"),
    [("aws-put", "PutSecretValue", "SecretId"), ("aws-create", "CreateSecret", "Name")],
)
def test_a_real_aws_sends_exactly_the_key(
    name: str, action: str, key: str, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda _: {"ARN": "arn:aws:x", "Name": "n", "VersionId": "v"}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": "dummy",
        "AWS_SECRET_ACCESS_KEY": "dummy",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": stand_in.url,
        "NO_PROXY": "127.0.0.1",
    }
    recipe = BY_ID[name]
    values = defaults(recipe) | {"region": "eu-central-1"}
    CommandSink(recipe, environment).deliver(Secret(CANARY), values)
    [request] = stand_in.requests
    assert request.headers["X-Amz-Target"] == f"secretsmanager.{action}"
    sent = json.loads(request.body)
    assert (sent["SecretString"], sent[key]) == (CANARY, "pulsapi/deploy-bot")


@here("gh")
def test_a_real_gh_encrypts_exactly_the_key(stand_in: StandIn, tmp_path: Path) -> None:
    # Any point of the curve does: nothing is decrypted here, the size is what tells.
    public = base64.b64encode(bytes([9]) + bytes(31)).decode()
    stand_in.answer = lambda _: {"key_id": "1", "key": public}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_HOST": "github.localhost",
        "GH_ENTERPRISE_TOKEN": "dummy",
        "GH_TOKEN": "dummy",
        "HTTP_PROXY": stand_in.url,
    }
    recipe = BY_ID["gh"]
    values = defaults(recipe) | {"repo": "github.localhost/o/r"}
    CommandSink(recipe, environment).deliver(Secret(CANARY), values)
    put = stand_in.requests[-1]
    assert (put.method, put.path.rpartition("/repos/")[2]) == (
        "PUT",
        "o/r/actions/secrets/PULSAPI_API_KEY",
    )
    sealed = base64.b64decode(json.loads(put.body)["encrypted_value"])
    # A sealed box: an ephemeral public key of 32 bytes, a tag of 16, and as many as the text has.
    assert len(sealed) - 48 == len(CANARY)
