"""The short form of `python -m tests.long isolation`, and that nothing can be left out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.long import isolation_cells
from tests.long.isolation import LeakError, check_routes, try_all
from tests.long.isolation_cells import OPENAPI, Matrix

SEED = 20261125


def test_no_account_reaches_another_one(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    figures = try_all(tmp_path, 200, SEED)
    record_property("figure", str(figures))
    assert figures.cells > 2000
    assert figures.answers.keys() == {401, 402, 403, 404}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # A route, a method and a parameter more, and another right.
        ("  /v1/sla:\n", "  /v1/audit:\n    get:\n      operationId: listAudit\n  /v1/sla:\n"),
        ("    delete:\n", "    patch: { operationId: renameKey, responses: {} }\n    delete:\n"),
        (
            "        - name: cursor\n",
            "        - name: account\n          in: query\n        - name: cursor\n",
        ),
        ('        "402": { $ref: "#/components/responses/PlanRequired" }\n', ""),
    ],
    ids=["route", "method", "parameter", "right"],
)
def test_what_has_no_cells_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    document = OPENAPI.read_text()
    assert old in document
    changed = tmp_path / "openapi.yaml"
    changed.write_text(document.replace(old, new))
    monkeypatch.setattr(isolation_cells, "OPENAPI", changed)
    with pytest.raises(LookupError):
        Matrix()


def test_a_route_that_openapi_does_not_know_fails(tmp_path: Path) -> None:
    matrix = Matrix()
    del matrix.paths["/v1/sla"]
    with pytest.raises(LeakError, match="/v1/sla"):
        check_routes(tmp_path, matrix)
