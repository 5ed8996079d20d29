"""No account reaches another one: route x method x caller x id, from openapi.yaml.

Of every cell is checked: the status; that all refusals of a kind are the same bytes, so that a
foreign id and an unknown one can't be told apart; that the answer has nothing of any other account;
and that the database changed by what was asked for, in the caller's account, or not at all. After
the whole matrix come cells at random, on the same data, that combine hostile things.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from pulsapi_tui.server.app import build_app
from pulsapi_tui.server.store import Store
from tests.long.isolation_cells import (
    ACCOUNTS,
    HOSTILE_BODIES,
    HOSTILE_HEADERS,
    HOSTILE_QUERIES,
    MALFORMED_IDS,
    METHODS,
    NOBODY,
    OTHER_IDS,
    OWN_IDS,
    RULES,
    Cell,
    Matrix,
)
from tests.long.isolation_world import REQUEST_ID, Rows, World, new_world
from tests.long.plain_http import Answer, Connection, request

CELLS_OF_A_WORLD = 1000
"""At random; then new accounts, since what has to be compared grows."""
ONE_ANSWER = {401, 402, 403, 404}
"""Statuses of which there is one answer, byte for byte, whoever asks for whatever."""


class LeakError(AssertionError):
    """An account reached another one, or the matrix does not know the server."""


@dataclass
class Figures:
    """What was asked, and what came of it."""

    cells: int = 0
    at_random: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[int, Answer] = field(default_factory=dict)

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        same = ", ".join(str(status) for status in sorted(ONE_ANSWER & self.answers.keys()))
        return (
            f"{self.cells} cells and {self.at_random} at random ({statuses}): 0 reads and 0 "
            f"writes across accounts; one answer, byte for byte, for each of {same}"
        )


class Prober:
    """Asks cell after cell, and judges the answers."""

    def __init__(self, world: World, matrix: Matrix, figures: Figures) -> None:
        self._world = world
        self._matrix = matrix
        self._figures = figures
        self._connection = Connection(world.server.port)
        self._before = world.rows()

    def ask(self, cell: Cell) -> None:
        """One cell."""
        own = ""
        if "{own}" in cell.key.lower() or cell.key in OWN_IDS:
            own = self._world.add_key(cell.caller, is_revoked=cell.key == "own, revoked").id
            self._before = self._world.rows()
        answer = self._connection.ask(self._request(cell, own), cell.method)
        after = self._world.rows()
        wanted = self._matrix.status_of(cell)
        if answer.status != wanted:
            raise LeakError(f"{cell}: {answer.status} where {wanted} is right")
        self._figures.statuses[answer.status] += 1
        self._judge_answer(cell, answer)
        self._judge_effect(cell, answer, after, own)
        self._before = after

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _request(self, cell: Cell, own: str) -> bytes:
        names = {
            "own": own,
            "OWN": own.upper(),
            "foreign": self._world.foreign,
            "account": self._world.account_id(cell.caller),
            "foreign_account": self._world.account_id("stranger"),
        }
        key = {
            "own": own,
            "own, revoked": own,
            "foreign": self._world.foreign,
            "foreign, revoked": self._world.foreign_revoked,
            "foreign session": self._world.session_id("stranger"),
            "unknown": "key_0123456789abcdef",
        }.get(cell.key) or _filled(cell.key, names)
        if cell.caller == "stranger" and cell.key.startswith("foreign"):
            key = self._world.session_id("owner")
        operation = self._matrix.operation_of(cell)
        query = _filled(cell.query, names) or (RULES[operation.id].query if operation else "")
        headers = [("Host", f"127.0.0.1:{self._world.server.port}")]
        secret = self._world.secret(cell.caller)
        if secret is not None:
            headers.append(("Authorization", f"Bearer {secret!s}"))
        if cell.header is not None:
            headers.append((cell.header[0], _filled(cell.header[1], names)))
        body = None
        if cell.body is not None or cell.method == "POST":
            headers.append(("Content-Type", "application/json"))
            body = _filled(cell.body or '{"name":"x"}', names).encode()
        target = cell.path.replace("{id}", key) + (f"?{query}" if query else "")
        return request(cell.method, target, headers, body)

    def _judge_answer(self, cell: Cell, answer: Answer) -> None:
        if answer.status == 405 and _allowed(answer) != self._matrix.paths[cell.path]:
            raise LeakError(f"{cell}: other methods are allowed than openapi.yaml has")
        if answer.status in ONE_ANSWER and cell.method != "HEAD":
            same = self._figures.answers.setdefault(answer.status, answer)
            if answer != same:
                raise LeakError(f"{cell}: another {answer.status} than before")
            if answer is not same:
                return
        seen = b"\n".join((*answer.head, answer.body))
        own = self._world.account_id(cell.caller) if answer.status < 300 else ""
        for account_id, marks in self._world.marks().items():
            if account_id != own and any(mark in seen for mark in marks):
                raise LeakError(f"{cell}: the answer ({answer.status}) tells of {account_id}")

    def _judge_effect(self, cell: Cell, answer: Answer, after: dict[str, Rows], own: str) -> None:
        before = self._before
        changed = {t: after[t] ^ before[t] for t in after if after[t] != before[t]}
        is_right = True
        if answer.status == 201:
            (row,) = changed.pop("keys")
            is_right = row in after["keys"] and row[1] == self._world.account_id(cell.caller)
        elif answer.status == 204 and cell.key == "own":
            rows = changed.pop("keys")
            is_right = {row[0] for row in rows} == {own} and len(rows) == 2
        if changed or not is_right:
            raise LeakError(f"{cell}: {answer.status}, and it changed {sorted(changed)}")


def _allowed(answer: Answer) -> set[str]:
    lines = (line.split(b": ", 1) for line in answer.head)
    (allow,) = (line[1] for line in lines if line[0].lower() == b"allow")
    return set(allow.decode().split(", "))


def _filled(text: str, names: dict[str, str]) -> str:
    """Fill in by hand: `format` would take a body's braces."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _at_random(rng: Random, matrix: Matrix) -> Cell:
    """A cell of an operation, with several hostile things beside it."""
    operation = rng.choice(list(matrix.operations.values()))
    key = rng.choice((*OWN_IDS, *OTHER_IDS, *MALFORMED_IDS)) if "{id}" in operation.path else ""
    return Cell(
        # Nobody, too often, would leave little to see.
        rng.choice((*ACCOUNTS, *ACCOUNTS, *NOBODY)),
        rng.choice((*[operation.method] * 60, *METHODS)),
        operation.path,
        key,
        rng.choice(("", "", *HOSTILE_QUERIES)),
        rng.choice((None, *HOSTILE_HEADERS)),
        rng.choice((None, *[None] * 8, *HOSTILE_BODIES)),
    )


def check_routes(folder: Path, matrix: Matrix) -> None:
    """The application has the paths and methods of openapi.yaml, and no others."""
    store = Store(folder / "routes.sqlite")
    try:
        paths = {getattr(route, "path", "?") for route in build_app(store).routes}
    finally:
        store.close()
    if paths != matrix.paths.keys():
        raise LeakError(f"not in both of them: {paths ^ matrix.paths.keys()}")


def check_foreign_parameters(world: World) -> None:
    """Another account's cursor, ETag and Idempotency-Key open nothing of it and change nothing."""
    connection = Connection(world.server.port)

    def ask(caller: str, method: str, query: str = "", *headers: tuple[str, str]) -> Answer:
        own = [("Host", f"127.0.0.1:{world.server.port}"), *headers]
        own.append(("Authorization", f"Bearer {world.secret(caller)!s}"))
        body = b'{"name":"twin"}' if method == "POST" else None
        if body:
            own.append(("Content-Type", "application/json"))
        return connection.ask(request(method, f"/v1/api-keys{query}", own, body))

    first = [("Idempotency-Key", REQUEST_ID)]
    foreign = ask("stranger", "POST", "", *first)
    mine = ask("owner", "POST", "", *first, ("Idempotency-Attempt", "2"))
    if {foreign.status, mine.status} != {201} or _id_in(mine) == _id_in(foreign):
        raise LeakError("an Idempotency-Key is shared by two accounts")
    page = ask("stranger", "GET", "?limit=1")
    cursor = json.loads(page.body)["next_cursor"]
    listed = ask("owner", "GET", f"?cursor={cursor}")
    (etag,) = (line.split(b": ")[1] for line in page.head if line.lower().startswith(b"etag"))
    conditional = ask("owner", "GET", "?limit=1", ("If-None-Match", etag.decode()))
    marks = world.marks()[world.account_id("stranger")]
    for answer in (listed, conditional):
        if answer.status != 200 or any(mark in answer.body for mark in marks):
            raise LeakError("another account's cursor or ETag tells something")
    connection.close()


def _id_in(answer: Answer) -> str:
    return str(json.loads(answer.body)["id"])


def try_all(folder: Path, times: int, seed: int) -> Figures:
    """The whole matrix once, and so many cells at random."""
    rng = Random(seed)  # noqa: S311 - choices
    matrix = Matrix()
    figures = Figures()
    check_routes(folder, matrix)
    with new_world(folder / "matrix.sqlite") as world:
        prober = Prober(world, matrix, figures)
        for cell in matrix.cells():
            prober.ask(cell)
            figures.cells += 1
        prober.close()
        check_foreign_parameters(world)
    for first in range(0, times, CELLS_OF_A_WORLD):
        with new_world(folder / f"random{first}.sqlite") as world:
            prober = Prober(world, matrix, figures)
            for _ in range(min(CELLS_OF_A_WORLD, times - first)):
                prober.ask(_at_random(rng, matrix))
                figures.at_random += 1
            prober.close()
    return figures


def figure(folder: Path, times: int, seed: int) -> str:
    """Run it; the figure as a sentence. Raises AssertionError where something was reached."""
    began = time.monotonic()
    figures = try_all(folder, times, seed)
    return f"{figures} (seed {seed}, {time.monotonic() - began:.0f} s)"
