"""What is run to hand a key to another program: the recipes, and how one is filled in.

Each recipe was checked against its program's own documentation, and where it says so, also run:

- pass: the man page pass(1), `insert`, at <https://git.zx2c4.com/password-store/about/>. Run, 1.7.
- 1Password: "op item create" and "Item JSON template" at
  <https://developer.1password.com/docs/cli/reference/management-commands/item> and
  <https://developer.1password.com/docs/cli/item-template-json>. Not run. The template has to come
  by a pipe, and title and category in it: as options they would replace it.
- Vault: <https://developer.hashicorp.com/vault/docs/commands/kv/put> and .../kv/patch. Not run.
- GitHub: <https://cli.github.com/manual/gh_secret_set>. Run, 2.23, against a stand-in for GitHub.
- kubectl: "kubectl create secret generic" at <https://kubernetes.io/docs/reference/kubectl/>.
  Run, 1.32, as a dry run. `--from-file` splits its value at commas.
- Doppler: <https://docs.doppler.com/docs/setting-secrets>, and `secrets set` in its source at
  <https://github.com/DopplerHQ/cli>. Not run. Without `--silent` it prints the value.
- AWS: "put-secret-value", "create-secret" and "Loading a parameter from a file" at
  <https://docs.aws.amazon.com/cli/latest/>. Run, 1.45, against a stand-in for AWS.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from pulsapi_tui.domain.delivery import Field
from pulsapi_tui.domain.names import slug
from pulsapi_tui.domain.text import clean

TIMEOUT_S = 30.0
ASKS_TIMEOUT_S = 120.0
"""For a program that may ask the user first, in a window of its own."""

VARIABLE = "PULSAPI_API_KEY"

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_OWN_FIELDS = (Field("name", "Key's name", "{name}"), Field("slug", "Short name", "{slug}"))


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A command that takes a key on its standard input, and what it must be told.

    In `argv` and in the fields' defaults, `{id}` stands for a field's value. A default may also
    have `{name}` and `{slug}`, the key's name as it is and as a word; where `argv` has them, they
    are asked for like fields.
    """

    id: str
    title: str
    argv: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    note: str = ""
    optional: tuple[str, ...] = ()
    """Fields that may be empty; each argument that has one then falls away."""
    words: tuple[str, ...] = ()
    """Fields of ASCII letters, digits, `_`, `-` and `.` only: another sign has a meaning there."""
    stdin: Literal["raw", "op_item"] = "raw"
    """The key's exact bytes, or a 1Password item that has it; its title is the field `title`."""
    timeout_s: float = TIMEOUT_S

    @property
    def asked(self) -> tuple[Field, ...]:
        """The fields, and those for the key's name that only `argv` has."""
        used = {name for argument in self.argv for name in _PLACEHOLDER.findall(argument)}
        known = {field.id for field in self.fields}
        own = tuple(field for field in _OWN_FIELDS if field.id in used - known)
        return self.fields + own


def fields_for(recipe: Recipe, key_name: str) -> tuple[Field, ...]:
    """The fields to ask for, with defaults for a key of that name."""
    own = {"name": key_name, "slug": slug(key_name)}
    return tuple(
        Field(field.id, field.label, _filled(field.default, own)) for field in recipe.asked
    )


def mistake(recipe: Recipe) -> str | None:
    """What makes a recipe unusable, as a sentence; for those that a user wrote."""
    known = {field.id for field in recipe.asked}
    used = {name for argument in recipe.argv for name in _PLACEHOLDER.findall(argument)}
    if not recipe.argv or not recipe.argv[0]:
        return "It names no program."
    if _PLACEHOLDER.search(recipe.argv[0]):
        return "Which program is run can't come from a field."
    if any("\0" in argument for argument in recipe.argv):
        return "An argument can't hold a null character."
    if not all(clean(text) == text for text in _texts(recipe)):
        return "It holds characters that can't be shown."
    if unknown := sorted(used - known):
        return f"No field has the name “{unknown[0]}”."
    if missing := sorted({*recipe.optional, *recipe.words} - known):
        return f"No field has the name “{missing[0]}”."
    if recipe.stdin == "op_item" and "title" not in known:
        return "A 1Password item needs a field “title”."
    if not 0 < recipe.timeout_s <= 3600:
        return "The time to wait must be more than 0 s and at most an hour."
    return None


def _texts(recipe: Recipe) -> Iterable[str]:
    """All of a recipe that is drawn."""
    yield from (recipe.title, recipe.note, *recipe.argv)
    for field in recipe.fields:
        yield from (field.label, field.default)


def refusal(recipe: Recipe, values: Mapping[str, str]) -> str | None:
    """What is wrong with the values, as a sentence."""
    for field in recipe.asked:
        value = values.get(field.id, "")
        if not value.strip():
            if field.id in recipe.optional and not value:
                continue
            return f"{field.label}: it can't be empty."
        if clean(value) != value:
            return f"{field.label}: it can't hold control or invisible characters."
        if value.startswith("-") and _begins_an_argument(field.id, recipe.argv):
            return f"{field.label}: with “-” at its beginning it would be read as an option."
        if field.id in recipe.words and not _WORD.fullmatch(value):
            return f"{field.label}: only letters, digits, “_”, “-” and “.”."
    return None


def arguments(recipe: Recipe, values: Mapping[str, str]) -> tuple[str, ...]:
    """The command to run; for values that are not refused."""
    empty = {name for name in recipe.optional if not values.get(name)}
    return tuple(
        _filled(argument, values)
        for argument in recipe.argv
        if not empty.intersection(_PLACEHOLDER.findall(argument))
    )


def found(program: str, environment: Mapping[str, str]) -> str | None:
    """Where a program is, by the search path of that environment."""
    return shutil.which(program, path=environment.get("PATH", ""))


def available(recipes: Iterable[Recipe], environment: Mapping[str, str]) -> tuple[Recipe, ...]:
    """Those whose program is there."""
    return tuple(recipe for recipe in recipes if found(recipe.argv[0], environment))


def _filled(template: str, values: Mapping[str, str]) -> str:
    # In one pass: a value that looks like a placeholder stays as it is.
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def _begins_an_argument(name: str, argv: tuple[str, ...]) -> bool:
    return any(argument.startswith(f"{{{name}}}") for argument in argv)


_VAULT_FIELDS = (
    Field("mount", "Mount", "secret"),
    Field("path", "Path", "pulsapi/{slug}"),
    Field("field", "Field", VARIABLE),
)
_AWS_OPTIONS = (Field("region", "Region (optional)"), Field("profile", "Profile (optional)"))

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        id="pass",
        title="pass",
        argv=("pass", "insert", "-m", "{path}"),
        fields=(Field("path", "Entry", "pulsapi/{slug}"),),
        note="An entry that is there already is replaced without a question.",
        timeout_s=ASKS_TIMEOUT_S,
    ),
    Recipe(
        id="op",
        title="1Password (op)",
        argv=("op", "item", "create", "-", "--vault={vault}"),
        fields=(Field("title", "Title", "PulsAPI: {name}"), Field("vault", "Vault (optional)")),
        optional=("vault",),
        note="Makes a new item each time, also where one of that title is there.",
        stdin="op_item",
        timeout_s=ASKS_TIMEOUT_S,
    ),
    Recipe(
        id="vault-put",
        title="HashiCorp Vault (vault kv put)",
        argv=("vault", "kv", "put", "-mount={mount}", "{path}", "{field}=-"),
        fields=_VAULT_FIELDS,
        words=("field",),
        note="The newest version of that secret then has this field only; patch keeps the others.",
    ),
    Recipe(
        id="vault-patch",
        title="HashiCorp Vault (vault kv patch)",
        argv=("vault", "kv", "patch", "-mount={mount}", "{path}", "{field}=-"),
        fields=_VAULT_FIELDS,
        words=("field",),
        note="Keeps the other fields; the secret must be there, in KV version 2.",
    ),
    Recipe(
        id="gh",
        title="GitHub secret (gh)",
        argv=("gh", "secret", "set", "{variable}", "--repo={repo}"),
        fields=(
            Field("variable", "Secret", VARIABLE),
            Field("repo", "Repository, owner/name (optional)"),
        ),
        optional=("repo",),
        words=("variable",),
        note=(
            "A secret of that name is replaced. Without a repository it is that of the directory "
            "that this program was started in."
        ),
    ),
    Recipe(
        id="kubectl",
        title="Kubernetes secret (kubectl)",
        argv=(
            "kubectl",
            "create",
            "secret",
            "generic",
            "{secret}",
            "--from-file={entry}=/dev/stdin",
            "--namespace={namespace}",
            "--context={context}",
        ),
        fields=(
            Field("secret", "Secret", "pulsapi-{slug}"),
            Field("entry", "Entry in it", VARIABLE),
            Field("namespace", "Namespace (optional)"),
            Field("context", "Context (optional)"),
        ),
        optional=("namespace", "context"),
        words=("secret", "entry"),
        note="Fails where a secret of that name is there. Without a context it is the current one.",
    ),
    Recipe(
        id="doppler",
        title="Doppler",
        argv=(
            "doppler",
            "secrets",
            "set",
            "{variable}",
            "--silent",
            "--no-interactive",
            "--project={project}",
            "--config={config}",
        ),
        fields=(
            Field("variable", "Secret", VARIABLE),
            Field("project", "Project (optional)"),
            Field("config", "Config (optional)"),
        ),
        optional=("project", "config"),
        words=("variable",),
        note="A secret of that name is replaced.",
    ),
    Recipe(
        id="aws-put",
        title="AWS Secrets Manager (put)",
        argv=(
            "aws",
            "secretsmanager",
            "put-secret-value",
            "--secret-id={secret}",
            "--secret-string=file:///dev/stdin",
            "--region={region}",
            "--profile={profile}",
        ),
        fields=(Field("secret", "Secret, name or ARN", "pulsapi/{slug}"), *_AWS_OPTIONS),
        optional=("region", "profile"),
        note="Becomes the current version of a secret that must be there.",
    ),
    Recipe(
        id="aws-create",
        title="AWS Secrets Manager (create)",
        argv=(
            "aws",
            "secretsmanager",
            "create-secret",
            "--name={secret}",
            "--secret-string=file:///dev/stdin",
            "--region={region}",
            "--profile={profile}",
        ),
        fields=(Field("secret", "Secret", "pulsapi/{slug}"), *_AWS_OPTIONS),
        optional=("region", "profile"),
        note="Fails where a secret of that name is there.",
    ),
)
