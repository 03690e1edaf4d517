"""Who may do what, and that nobody learns of or touches what is not theirs: every operation of the table as every
kind of caller, and with every id of somebody else's.

Source: API reference notes, "Which code for which mistake"; roles per project are ours.
"""

import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from samples import (
    ADMINISTRATOR,
    ANYBODY,
    CALLER,
    EMPTY,
    KEPT,
    LISTED,
    NOTHING,
    OPERATOR,
    READER,
    REFUSED,
    SAMPLES,
    TITLE,
    Sample,
    further,
)
from support import Client, TestDesk, copy_desk, serving
from tocsin.api.operations import XLSX, Operation
from tocsin.api.table import OPERATIONS
from tocsin.identity.records import Permission, Role
from world import World, made_world, sheet_text

PERMISSIONS = {
    ADMINISTRATOR: Permission.ADMINISTER,
    OPERATOR: Permission.WRITE,
    READER: Permission.READ,
    CALLER: Permission.NOTHING,
    ANYBODY: None,
}
RANKS = [ANYBODY, CALLER, READER, OPERATOR, ADMINISTRATOR]
UNKNOWN_PROJECT = "0" * 32
# Its credentials are a link: test_attachment_links.py.
LINKED = "show_attachment_content"
IN_PROJECT = [one for one in OPERATIONS if one.in_project and one.name != LINKED]
IN_WORKSPACE = [one for one in IN_PROJECT if one.in_workspace]
IDENTITY = [one for one in OPERATIONS if one.permission is not None and not one.in_project]


def named(value: Any) -> str | None:
    return value.name if isinstance(value, Operation) else value if isinstance(value, str) else None


def operation_named(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)


@pytest.fixture(scope="module")
def world(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made_world(copy_desk(template, tmp_path_factory.mktemp("tenancy"))) as made:
        yield made


def refused(answer: httpx.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body.get("code") or body.get("error_code")) == (status, code), answer.text


def invisible(operation: Operation) -> tuple[int, str]:
    """How an operation answers for a project or workspace that the caller cannot see."""
    itself = operation.in_workspace and "/soc/" not in operation.path
    return (400, "SecMaster.20011003") if itself else (403, "SecMaster.20010001")


def test_every_operation_has_a_sample() -> None:
    assert {one.name for one in OPERATIONS} == set(SAMPLES)
    for operation in OPERATIONS:
        sample = SAMPLES[operation.name]
        parameters = set(re.findall(r"\{(\w+)\}", operation.path)) - {"project_id", "workspace_id", "iam_project_id"}
        if parameters - {"dataclass_type", "related_dataclass_type", "dataclass_name"} and operation.name != LINKED:
            assert sample.ids, f"{operation.name} has an id in its path"
        assert bool(sample.form) == operation.form, operation.name
        shape = re.sub(r"\{\w+\}", "[^/]+", operation.path)
        assert re.fullmatch(shape, sample.path.partition("?")[0]), operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_asks_for_the_role_it_is_meant_for(operation: Operation) -> None:
    assert operation.permission == PERMISSIONS[SAMPLES[operation.name].role]


def test_nothing_in_a_project_is_open_to_everybody() -> None:
    for operation in IN_PROJECT:
        assert operation.permission is not None, operation.name
        reads = operation.method == "GET" or operation.path.endswith(("/search", "/export"))
        assert reads == (operation.permission is Permission.READ), operation.name
        if operation.method == "DELETE" or operation.path.endswith("/batch-delete"):
            assert operation.permission is Permission.ADMINISTER, operation.name


# Who may do what.


@pytest.mark.parametrize("role", [READER, OPERATOR, ADMINISTRATOR])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_role_may_do_what_it_is_for_and_nothing_more(world: World, operation: Operation, role: str) -> None:
    sample = SAMPLES[operation.name]
    ids = world.fresh(sample.fresh)
    before = world.stored()
    answer = world.send(operation, ids, key=role)
    if RANKS.index(role) >= RANKS.index(sample.role):
        assert answer.status_code in (200, 201), answer.text
        if LISTED in sample.ids.values():
            assert answer.json()["data"]["error_ids"] == []
            assert answer.json()["data"]["success_ids"]
        if operation.permission in (Permission.NOTHING, Permission.READ, None):
            assert world.stored() == before
        else:
            assert world.stored() != before
    else:
        refused(answer, 403, "SecMaster.90010015")
        assert world.stored() == before


@pytest.mark.parametrize("token", ["", "expired", "garbage"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_without_valid_credentials_only_the_open_operations_answer(
    world: World, operation: Operation, token: str
) -> None:
    before = world.stored()
    for ids in (world.own, world.foreign):
        answer = world.send(operation, ids, token=token)
        if operation.permission is None:
            assert answer.status_code in (200, 201), answer.text
        else:
            refused(answer, 401, "APIGW.0301")
    assert world.stored() == before


@pytest.mark.parametrize("operation", IN_PROJECT, ids=named)
def test_a_project_in_which_the_caller_has_no_role_looks_like_none(world: World, operation: Operation) -> None:
    before = world.stored()
    for key, ids in (("stranger", world.own), ("nobody", world.own), ("administrator", world.foreign)):
        answers = []
        for one in (ids, {**ids, "project": UNKNOWN_PROJECT}):
            world.statements.clear()
            answer = world.send(operation, one, key=key)
            refused(answer, *invisible(operation))
            answers.append((answer.json(), list(world.statements)))
        assert answers[0] == answers[1]
    for token, ids in (("stranger", world.own), ("unscoped", world.own), ("administrator", world.foreign)):
        refused(world.send(operation, ids, token=token), *invisible(operation))
    assert world.stored() == before


@pytest.mark.parametrize("operation", IN_WORKSPACE, ids=named)
def test_a_workspace_of_another_project_or_a_deleted_one_looks_like_none(world: World, operation: Operation) -> None:
    before = world.stored()
    for credentials in ({"key": "administrator"}, {"token": "administrator"}, {"key": "reader"}):
        answers = []
        for workspace in (str(uuid.uuid4()), world.foreign["workspace"], world.deleted, "x", "%00", "x" * 200):
            world.statements.clear()
            answer = world.send(operation, {**world.own, "workspace": workspace}, **credentials)
            refused(answer, *invisible(operation))
            answers.append((answer.json(), list(world.statements)))
        assert all(one == answers[0] for one in answers[1:])
    assert world.stored() == before


@pytest.mark.parametrize("operation", IDENTITY, ids=named)
def test_an_identity_operation_tells_nothing_of_other_projects(world: World, operation: Operation) -> None:
    theirs = {**world.foreign, "token": world.tokens["stranger"]}
    stranger, nobody = world.send(operation, theirs, key="stranger"), world.send(operation, theirs, key="nobody")
    assert stranger.status_code == 200
    assert world.own["project"] not in stranger.text
    if operation.name in ("list_projects", "list_auth_projects"):
        assert [one["id"] for one in stranger.json()["projects"]] == [world.foreign["project"]]
        assert nobody.json()["projects"] == []
    if operation.name == "show_project":
        unknown = world.send(operation, {**theirs, "project": UNKNOWN_PROJECT}, key="nobody")
        assert (nobody.status_code, nobody.json()) == (unknown.status_code, unknown.json())
        assert nobody.status_code == 404


# What is whose.


WITH_IDS = [(one.name, SAMPLES[one.name]) for one in OPERATIONS if SAMPLES.get(one.name, Sample("", "")).ids]


def unnamed(text: str, given: str) -> str:
    """An answer without what differs from one request to the next."""
    text = re.sub(r'"request_id":"[^"]*"', "", text.replace(given, "ID"))
    return re.sub(r"\d{4}-\d\d-\d\dT[^\"]+", "TIME", re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text))


def check_unknown(answer: httpx.Response, outcome: str, given: str) -> None:
    """That an id was answered as one that is not known."""
    assert answer.status_code == (400 if outcome == REFUSED else 200), answer.text
    if outcome == LISTED:
        data = answer.json()["data"]
        assert given in data["error_ids"]
        assert data["success_ids"] == []
    elif outcome == EMPTY:
        assert (answer.json()["total"], answer.json()["data"]) == (0, [])
    elif outcome == NOTHING:
        assert answer.json() == []


@pytest.mark.parametrize(("name", "sample"), [*WITH_IDS, *further()], ids=named)
@pytest.mark.parametrize("whose", ["neighbour", "foreign"])
def test_an_id_of_another_tenant_is_answered_like_one_that_never_was(
    world: World, name: str, sample: Sample, whose: str
) -> None:
    theirs: dict[str, str] = getattr(world, whose)
    operation = operation_named(name)
    before, of_others = world.stored(), world.of_others()
    for id_name, outcome in sample.ids.items():
        said, done = [], []
        for given in (theirs[id_name], str(uuid.uuid4())):
            world.statements.clear()
            answer = world.send(operation, {**world.own, id_name: given}, key="administrator", sample=sample)
            check_unknown(answer, outcome, given)
            said.append((answer.status_code, unnamed(answer.text, given)))
            done.append(list(world.statements))
        assert said[0] == said[1]
        assert done[0] == done[1], "the statements tell the two apart"
        assert done[0]
    if KEPT not in sample.ids.values():
        assert world.stored() == before
    assert world.of_others() == of_others


@pytest.mark.parametrize(("name", "sample"), [*WITH_IDS, *further()], ids=named)
def test_the_same_request_with_ids_of_ones_own_is_answered(world: World, name: str, sample: Sample) -> None:
    """Or the test above would prove nothing."""
    ids = world.fresh(sample.fresh)
    answer = world.send(operation_named(name), ids, key="administrator", sample=sample)
    assert answer.status_code == 200, answer.text
    assert EMPTY not in sample.ids.values() or answer.json()["total"] >= 1


AMONG = [(name, id_name) for name, sample in WITH_IDS for id_name, outcome in sample.ids.items() if outcome == LISTED]


@pytest.mark.parametrize(
    ("name", "id_name"), [*AMONG, ("change_alerts", "alert"), ("change_incidents", "incident")], ids=named
)
def test_among_own_ids_those_of_others_change_nothing_of_theirs(world: World, name: str, id_name: str) -> None:
    ids: dict[str, Any] = world.fresh(SAMPLES[name].fresh)
    others = [world.neighbour[id_name], world.foreign[id_name], str(uuid.uuid4())]
    before = world.of_others()
    answer = world.send(operation_named(name), {**ids, id_name: [*others, ids[id_name]]}, key="administrator")
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["error_ids"] == others
    assert data["success_ids"] == [ids["alert" if name == "batch_create_dataobject_relations" else id_name]]
    assert world.of_others() == before


@pytest.mark.parametrize("name", ["delete_dataclass_type", "enable_dataclass_type"])
def test_among_own_types_those_of_others_change_nothing_of_theirs(world: World, name: str) -> None:
    ids: dict[str, Any] = world.fresh(["type"])
    before = world.of_others()
    types = [world.neighbour["type"], world.foreign["type"], ids["type"]]
    answer = world.send(operation_named(name), {**ids, "type": types}, key="administrator")
    if name == "delete_dataclass_type":
        assert (answer.status_code, answer.json()) == (200, [])
    else:
        refused(answer, 400, "SecMaster.20011001")
    assert world.of_others() == before


def test_deleting_a_workspace_leaves_the_others_as_they_are(world: World) -> None:
    ids = world.fresh(["workspace"])
    with Client(world.base, world.desk, key=world.keys["administrator"], workspace_id=ids["workspace"]) as one:
        one.order([one.create_alert(id="mine")])
    before = {name: rows for name, rows in world.stored().items() if name in ("data_objects", "relations", "notes")}
    assert world.send(operation_named("delete_workspace"), ids, key="administrator").status_code == 200
    after = world.stored()
    for name, rows in before.items():
        assert [row for row in rows if ids["workspace"] not in row] == [
            row for row in after[name] if ids["workspace"] not in row
        ]


def test_the_same_id_in_two_workspaces_is_two_alerts(world: World) -> None:
    shown = {}
    for which in ("own", "neighbour"):
        ids: dict[str, str] = getattr(world, which)
        with Client(world.base, world.desk, key=world.keys["administrator"], workspace_id=ids["workspace"]) as one:
            assert one.create_alert(id="shared", title=which) == "shared"
    for which in ("own", "neighbour"):
        ids = getattr(world, which)
        with Client(world.base, world.desk, key=world.keys["administrator"], workspace_id=ids["workspace"]) as one:
            shown[which] = one.show("alerts/shared")["title"]
            found = one.search(condition={"conditions": [{"name": "i", "data": ["id", "=", "shared"]}]})
            assert [row["data_object"]["title"] for row in found["data"]] == [which]
    assert shown == {"own": "own", "neighbour": "neighbour"}


def test_an_object_that_names_another_workspace_stays_in_its_own(world: World) -> None:
    theirs = {"workspace_id": world.neighbour["workspace"], "project_id": world.foreign["project"]}
    before, one = world.of_others(), world.client("administrator")
    alert = one.create_alert(**theirs)
    for answer in (one.get(f"alerts/{alert}"), one.put(f"alerts/{alert}", {"data_object": theirs})):
        data = answer.json()["data"]
        for place in (data, data["data_object"]):
            assert (place["workspace_id"], place["project_id"]) == (world.own["workspace"], world.own["project"])
    assert world.of_others() == before


@pytest.mark.parametrize(
    "operation", [one for one in IN_PROJECT if one.name.startswith(("list_", "export_"))], ids=named
)
def test_lists_and_exports_hold_only_what_belongs_to_the_workspace(world: World, operation: Operation) -> None:
    answer = world.send(operation, world.own, key="administrator")
    assert answer.status_code == 200
    text = sheet_text(answer.content) if operation.media == XLSX else answer.text
    for name in ("alert", "incident", "indicator", "note", "type", "attachment", "dataclass"):
        assert world.neighbour[name] not in text
        assert world.foreign[name] not in text
    assert world.foreign["workspace"] not in text
    assert world.deleted not in text


def test_workspaces_are_listed_by_id_within_the_project_only(world: World) -> None:
    path = f"/v1/{world.own['project']}/workspaces?ids="
    one = world.client("reader")
    for hidden in (world.foreign["workspace"], world.deleted, str(uuid.uuid4())):
        assert one.get(path + hidden).json() == {"count": 0, "workspaces": []}
    assert one.get(path + world.neighbour["workspace"]).json()["count"] == 1


def test_an_idempotency_key_of_another_user_or_workspace_is_another_key(world: World) -> None:
    made = set()
    for key, ids in (("administrator", world.own), ("operator", world.own), ("administrator", world.neighbour)):
        with Client(world.base, world.desk, key=world.keys[key], workspace_id=ids["workspace"]) as one:
            answers = [
                one.post("alerts", {"data_object": TITLE}, headers={"X-Idempotency-Key": "tenancy"}) for _ in range(2)
            ]
        assert answers[0].json() == answers[1].json()
        made.add(answers[0].json()["data"]["id"])
    assert len(made) == 3


def test_a_project_named_in_a_header_must_be_that_of_the_path(world: World) -> None:
    one = world.client("administrator")
    assert one.get("dataclasses", headers={"X-Project-Id": world.own["project"]}).status_code == 200
    refused(one.get("dataclasses", headers={"X-Project-Id": world.foreign["project"]}), 403, "SecMaster.20010001")


def test_a_user_who_is_disabled_or_whose_role_is_gone_is_out_at_once(template: TestDesk, tmp_path: Any) -> None:
    desk = copy_desk(template, tmp_path)
    key = desk.add_user("leaver", Role.ADMINISTRATOR)
    with serving(desk) as base, Client(base, desk, key=key) as one, closing(sqlite3.connect(desk.path)) as connection:
        assert one.search()["total"] == 0
        connection.execute("DELETE FROM grants WHERE user_id = (SELECT id FROM users WHERE name = 'leaver')")
        connection.commit()
        refused(one.post("alerts/search", {}), 403, "SecMaster.20010001")
        connection.execute("UPDATE users SET enabled = 0 WHERE name = 'leaver'")
        connection.commit()
        refused(one.post("alerts/search", {}), 401, "APIGW.0301")
