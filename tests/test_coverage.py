"""The table of operations against the vendor's SDK: all of the SOC part is answered, and nothing pretends to be more."""

import csv
import re
from pathlib import Path

import pytest
from starlette.routing import Match, Route

from support import Client
from tocsin.api.table import OPERATIONS

ROOT = Path(__file__).parents[1]
with (ROOT / "docs" / "reference" / "sdk-operations.csv").open(encoding="utf-8", newline="") as file:
    KNOWN = list(csv.DictReader(file))
IN_SCOPE = [row for row in KNOWN if row["in_scope"] == "yes"]
ELSEWHERE = [row for row in KNOWN if row["in_scope"] != "yes"]


def test_every_operation_in_scope_is_in_the_table_with_its_method_and_path() -> None:
    ours = {one.name: (one.method, one.path) for one in OPERATIONS if one.vendor}
    assert len(IN_SCOPE) == 60
    for row in IN_SCOPE:
        assert ours[row["operation"]] == (row["method"], row["path"]), row["operation"]


def test_the_page_lists_every_operation_of_the_sdk() -> None:
    page = (ROOT / "docs" / "reference" / "operations.md").read_text("utf-8")
    assert "Tocsin answers 60 of 60 in scope." in page
    for row in KNOWN:
        assert f"| `{row['operation']}` |" in page
        assert f"`{row['path']}`" in page
    assert "not yet" not in page


def test_what_is_out_of_scope_is_answered_like_a_path_that_does_not_exist(client: Client) -> None:
    assert len(ELSEWHERE) == 336
    for row in ELSEWHERE:
        path = row["path"].replace("{project_id}", client.project_id).replace("{workspace_id}", client.workspace_id)
        answer = client.send(row["method"], re.sub(r"\{\w+\}", "0" * 32, path), {})
        assert (answer.status_code, answer.json().get("error_code")) == (404, "APIGW.0101"), row


@pytest.mark.parametrize("row", IN_SCOPE, ids=lambda row: row["operation"])
def test_no_generic_path_stands_before_a_specific_one(row: dict[str, str]) -> None:
    scope = {"type": "http", "method": row["method"], "path": re.sub(r"\{\w+\}", "x", row["path"]), "root_path": ""}
    fitting = [one.name for one in OPERATIONS if Route(one.path, lambda _: None, methods=[one.method]).matches(scope)[0] is Match.FULL]  # fmt: skip
    assert fitting[0] == row["operation"]
