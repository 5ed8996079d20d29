"""The cells of the isolation matrix: who asks for what, of whom, and what must come of it.

Routes, methods and parameters come from openapi.yaml. What they mean is written down here by hand,
a second time, so that a slip in one of the two is seen; and what is only in one of them fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

import pulsapi_tui
from pulsapi_tui.server.wire import Plan, Role

OPENAPI = Path(pulsapi_tui.__file__).with_name("openapi.yaml")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
_IN_OPENAPI = {method.lower() for method in METHODS}


class Rule(NamedTuple):
    """Who may do an operation, and the status of its success."""

    success: int
    needs_paid_plan: bool = False
    manages_keys: bool = False
    query: str = ""


RULES = {
    "getAccount": Rule(200),
    "listKeys": Rule(200, needs_paid_plan=True, manages_keys=True, query="limit=1000"),
    "createKey": Rule(201, needs_paid_plan=True, manages_keys=True),
    "revokeKey": Rule(204, needs_paid_plan=True, manages_keys=True),
    "listServices": Rule(200),
    "listSla": Rule(200, needs_paid_plan=True, query="window=7d"),
}
PARAMETERS = {"limit", "cursor", "If-None-Match", "Idempotency-Key", "Idempotency-Attempt", "id"}
PARAMETERS |= {"window"}

NOBODY = ("no key", "junk", "wrong checksum", "unknown key", "revoked key", "replaced key")
"""Callers that are nobody: all of them get one answer."""
ACCOUNTS: dict[str, tuple[Plan, Role]] = {
    "owner": ("pro", "owner"),
    "admin": ("pro", "admin"),
    "member": ("pro", "member"),
    "viewer": ("pro", "viewer"),
    "enterprise owner": ("enterprise", "owner"),
    "enterprise admin": ("enterprise", "admin"),
    "free owner": ("free", "owner"),
    "free viewer": ("free", "viewer"),
    "stranger": ("pro", "owner"),
}
"""Callers with an account each: plan and role. The others ask for the stranger's keys."""
OWN_IDS = ("own", "own, revoked")
OTHER_IDS = ("foreign", "foreign, revoked", "foreign session", "unknown")
MALFORMED_IDS = (
    "",
    ".",
    "%2e%2e",
    "a/b",
    "{own}/",
    "{own}%2F",
    "{own}%20",
    "{own}%00",
    "%20{own}",
    "{OWN}",
    "{own};a=b",
    "{own},{foreign}",
    "{account}",
    "*",
    "%25",
    "key_%25",
    "1",
    "%27%20OR%20%271%27=%271",
    "%F0%9F%94%91",
    "%FF",
    "x" * 2000,
)
HOSTILE_QUERIES = ("account_id={foreign_account}", "userId=1", "limit=1&limit=2", "role=owner")
HOSTILE_HEADERS = (
    ("X-Account-Id", "{foreign_account}"),
    ("X-User-Id", "{foreign_account}"),
    ("X-Forwarded-User", "{foreign_account}"),
    ("X-Role", "owner"),
    ("X-Plan", "enterprise"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Original-URL", "/v1/api-keys/{foreign}"),
    ("Cookie", "session={foreign_account}"),
)
HOSTILE_BODIES = (
    '{"name":"x","account_id":"{foreign_account}"}',
    '{"name":"x","accountId":"{foreign_account}"}',
    '{"name":"x","userId":"{foreign_account}"}',
    '{"name":"x","plan":"enterprise"}',
    '{"name":"x","role":"owner"}',
    '{"name":"x","id":"{foreign}"}',
    '{"name":"x","key":"local_chosen"}',
    '{"name":"x","hint":"0000"}',
    '{"name":"x","revoked":false}',
    '{"name":"x","revoked_at":null}',
    '{"name":"x","listed":false}',
    '{"name":"x","created_at":"2001-01-01T00:00:00Z"}',
    '{"name":"x","__proto__":{"role":"owner"}}',
    '{"name":{"$ne":""}}',
    '{"name":["x"]}',
    '[{"name":"x"}]',
)


class Operation(NamedTuple):
    """What openapi.yaml says can be done."""

    id: str
    path: str
    method: str
    needs_paid_plan: bool
    manages_keys: bool


class Cell(NamedTuple):
    """A request: who, how, what, whose; and at most one hostile thing beside it."""

    caller: str
    method: str
    path: str
    key: str = ""
    """What stands for the `{id}` of a path that has one."""
    query: str = ""
    header: tuple[str, str] | None = None
    body: str | None = None

    def __str__(self) -> str:
        hostile = self.query or self.header or self.body or "nothing hostile"
        return f"{self.caller}: {self.method} {self.path} of {self.key[:40]!r}, {hostile}"


class Matrix:
    """All cells, and what must come of each."""

    def __init__(self) -> None:
        self.operations = read_operations()
        self.paths: dict[str, set[str]] = {}
        for operation in self.operations.values():
            self.paths.setdefault(operation.path, set()).add(operation.method)

    def cells(self) -> Iterator[Cell]:
        """Each of them once."""
        for path in self.paths:
            for caller in (*NOBODY, *ACCOUNTS):
                for method in METHODS:
                    yield from self._cells_of(caller, method, path)

    def _cells_of(self, caller: str, method: str, path: str) -> Iterator[Cell]:
        is_known = (path, method) in self.operations
        keys: tuple[str, ...] = ("",)
        if "{id}" in path:
            keys = (*OWN_IDS, *OTHER_IDS, *MALFORMED_IDS) if is_known else ("own", "foreign")
        for key in keys:
            yield Cell(caller, method, path, key)
        if is_known:
            for query in HOSTILE_QUERIES:
                yield Cell(caller, method, path, keys[0], query=query)
            for header in HOSTILE_HEADERS:
                yield Cell(caller, method, path, keys[0], header=header)
            for body in HOSTILE_BODIES if method == "POST" else HOSTILE_BODIES[:2]:
                yield Cell(caller, method, path, keys[0], body=body)

    def operation_of(self, cell: Cell) -> Operation | None:
        """The operation that a cell asks for, if there is such a one."""
        return self.operations.get((cell.path, cell.method))

    def status_of(self, cell: Cell) -> int:
        """What must be answered."""
        if "{id}" in cell.path and _leaves_the_path(cell.key):
            return 404
        operation = self.operation_of(cell)
        if operation is None:
            return 405
        rule = RULES[operation.id]
        if cell.caller in NOBODY:
            return 401
        plan, role = ACCOUNTS[cell.caller]
        if rule.needs_paid_plan and plan == "free":
            return 402
        if rule.manages_keys and role not in ("owner", "admin"):
            return 403
        if cell.query or (operation.id == "createKey" and cell.body):
            return 400
        is_asked_for_another = "{id}" in cell.path and cell.key not in OWN_IDS
        return 404 if is_asked_for_another else rule.success


def _leaves_the_path(key: str) -> bool:
    """Whether this id makes a path that no route has."""
    return not key or "/" in key or key.endswith("%2F")


def read_operations() -> dict[tuple[str, str], Operation]:
    """The operations by path and method; raises LookupError for what has no cells here."""
    document = yaml.safe_load(OPENAPI.read_text())
    operations = {}
    for path, methods in document["paths"].items():
        for method in methods.keys() & _IN_OPENAPI:
            what = methods[method]
            operation = Operation(
                what["operationId"],
                path,
                method.upper(),
                "402" in what["responses"],
                "403" in what["responses"],
            )
            rule = RULES.get(operation.id)
            if rule is None:
                raise LookupError(f"{operation.id} ({path}, {method}) has no cells")
            if (rule.needs_paid_plan, rule.manages_keys) != operation[3:]:
                raise LookupError(f"{operation.id}: openapi.yaml lets in others than the matrix")
            strange = {each["name"] for each in what.get("parameters", ())} - PARAMETERS
            if strange:
                raise LookupError(f"{operation.id}: {strange} have no cells")
            operations[(path, operation.method)] = operation
    return operations
