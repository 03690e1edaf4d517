"""Who may do what, and that nobody learns of or touches what is not theirs: every operation of the table as every
kind of caller, and with every id of somebody else's.

Source: API reference notes, "Which code for which mistake"; roles per project are ours.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec
import pytest

from support import Client, Key, TestDesk, copy_desk, serving
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS
from tocsin.identity import service as identity
from tocsin.identity.records import Permission, Role
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction

UNKNOWN_ID = "00000000-0000-7000-8000-00000000dead"


class World(msgspec.Struct):
    """A desk with two projects, and objects in three workspaces."""

    desk: TestDesk
    base: str
    statements: list[str]
    # What a caller of the first workspace can name; `alert` is a fresh one for each request.
    own: dict[str, str]
    # The same things in another workspace of the project, and in another project.
    neighbour: dict[str, str]
    foreign: dict[str, str]
    keys: dict[str, Key]
    tokens: dict[str, str]


class Sample(msgspec.Struct):
    """A valid request of one operation; ids are named in braces."""

    path: str
    body: Any = None
    # Which of the ids in it belong to a tenant.
    ids: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    # Whether an id that is not known is answered 200, in a list.
    listed: bool = False


_SOC = "/v1/{project}/workspaces/{workspace}/soc"
_TITLE = {"title": "Made by a test"}
# A row for each operation: an operation without one fails the tests below.
SAMPLES: dict[str, Sample] = {
    "create_alert": Sample(f"{_SOC}/alerts", {"data_object": _TITLE}),
    "list_alerts": Sample(f"{_SOC}/alerts/search", {"limit": 1000}),
    "delete_alert": Sample(f"{_SOC}/alerts", {"batch_ids": ["{alert}"]}, ids=("alert",), listed=True),
    "show_alert": Sample(f"{_SOC}/alerts/{{alert}}", ids=("alert",)),
    "change_alert": Sample(f"{_SOC}/alerts/{{alert}}", {"data_object": _TITLE}, ids=("alert",)),
    "list_incidents": Sample(f"{_SOC}/incidents/search", {"limit": 1000}),
    "show_incident": Sample(f"{_SOC}/incidents/{{incident}}", ids=("incident",)),
    "create_batch_order_alerts": Sample(
        f"{_SOC}/alerts/batch-order",
        {"ids": ["{alert}"], "incident_content": {"title": "Made by a test"}},
        ids=("alert",),
        listed=True,
    ),
    "list_dataobject_relations": Sample(f"{_SOC}/incidents/{{incident}}/alerts/search", {}, ids=("incident",)),
    "list_dataclass": Sample(f"{_SOC}/dataclasses"),
    "list_dataclass_types": Sample(f"{_SOC}/dataclasses/{{dataclass}}/types", ids=("dataclass",)),
    "create_workspace": Sample(
        "/v1/{project}/workspaces", {"region_id": "r", "name": "made-by-a-test", "project_name": "p"}
    ),
    "list_workspaces": Sample("/v1/{project}/workspaces"),
    "show_workspace": Sample("/v1/{project}/workspaces/{workspace}"),
    "create_token": Sample(
        "/v3/auth/tokens", {"auth": {"identity": {"methods": ["token"], "token": {"id": "{token}"}}}}
    ),
    "show_token": Sample("/v3/auth/tokens", headers={"X-Subject-Token": "{token}"}),
    "list_projects": Sample("/v3/projects"),
    "show_project": Sample("/v3/projects/{project}"),
    "list_auth_projects": Sample("/v3/auth/projects"),
    "list_auth_domains": Sample("/v3/auth/domains"),
    "list_users": Sample("/v3/users"),
    "show_health": Sample("/healthz"),
    "show_readiness": Sample("/readyz"),
    "show_openapi": Sample("/openapi.json"),
    "list_versions": Sample("/"),
}

ROLES = {"administrator": Permission.ADMINISTER, "operator": Permission.WRITE, "reader": Permission.READ}


def named(operation: Operation) -> str:
    return operation.name


IN_PROJECT = [one for one in OPERATIONS if one.in_project]
WITH_CREDENTIALS = [one for one in OPERATIONS if one.permission is not None]


def issue(desk: TestDesk, user_name: str, project_id: str | None, *, lifetime_ms: int = 3_600_000) -> str:
    def work(tx: Any) -> str:
        user = identity.find_user(tx, name=user_name)
        assert user is not None
        now = time.time_ns() // 1_000_000
        return identity.issue_token(
            tx, user.id, project_id=project_id, domain_id=None, methods=["password"], now_ms=now - 1,
            expire_ms=now + lifetime_ms,
        )  # fmt: skip

    with desk.database() as database:
        return database.write(work).result()


def things(desk: TestDesk, base: str, project_id: str, workspace_id: str, key: Key) -> dict[str, str]:
    """An alert and an incident with an alert in a workspace, and the ids to name them by."""
    with Client(base, desk, key=key, project_id=project_id, workspace_id=workspace_id) as one:
        incident = one.order([one.create_alert()])["results"][0]["incident_id"]
        dataclass = one.get("dataclasses?name=Alert").json()["dataclass_details"][0]["id"]
        return {
            "project": project_id, "workspace": workspace_id, "alert": one.create_alert(), "incident": incident,
            "dataclass": dataclass,
        }  # fmt: skip


@pytest.fixture(scope="module")
def world(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    desk = copy_desk(template, tmp_path_factory.mktemp("tenancy"))
    project, elsewhere = desk.made.project_id, desk.add_project("elsewhere")
    keys = {
        "administrator": desk.add_user("administrator", Role.ADMINISTRATOR),
        "operator": desk.add_user("operator", Role.OPERATOR),
        "reader": desk.add_user("reader", Role.READER),
        "stranger": desk.add_user("stranger", Role.ADMINISTRATOR, elsewhere),
        "nobody": desk.add_user("nobody", None),
    }
    tokens = {
        "administrator": issue(desk, "administrator", project),
        "unscoped": issue(desk, "administrator", None),
        "stranger": issue(desk, "stranger", elsewhere),
        "expired": issue(desk, "administrator", project, lifetime_ms=-1),
        "garbage": "MIInonsense",
    }
    statements: list[str] = []

    class Recording(SqliteTransaction):
        def rows(self, statement: Any, record: Any, params: Any) -> Any:
            statements.append(statement.name)
            return super().rows(statement, record, params)

        def values(self, statement: Any, params: Any) -> Any:
            statements.append(statement.name)
            return super().values(statement, params)

        def run(self, statement: Any, params: Any) -> Any:
            statements.append(statement.name)
            return super().run(statement, params)

        def run_many(self, statement: Any, params: Any) -> Any:
            statements.append(statement.name)
            return super().run_many(statement, params)

    database = SqliteDatabase(desk.path, busy_timeout_ms=5000, read_timeout_s=30, transaction=Recording)
    with closing(database), serving(desk, database=database) as base:
        workspace = desk.made.workspace_id or ""
        yield World(
            desk=desk, base=base, statements=statements, keys=keys, tokens=tokens,
            own=things(desk, base, project, workspace, keys["administrator"]),
            neighbour=things(desk, base, project, desk.add_workspace("neighbour"), keys["administrator"]),
            foreign=things(desk, base, elsewhere, desk.add_workspace("foreign", elsewhere), keys["stranger"]),
        )  # fmt: skip


@pytest.fixture(scope="module")
def send(world: World) -> Iterator[Callable[..., httpx.Response]]:
    """Sends the sample of an operation, with these ids, as somebody with a key or a token."""
    clients: dict[str, Client] = {}

    def call(operation: Operation, ids: dict[str, str], *, key: str = "", token: str = "") -> httpx.Response:
        sample = SAMPLES[operation.name]
        if key not in clients:
            clients[key] = Client(world.base, world.desk, key=world.keys.get(key, Key(access="", secret="")))
        ids = {"token": world.tokens["administrator"], **ids}
        headers = {name: _filled(value, ids) for name, value in sample.headers.items()}
        if token:
            headers["X-Auth-Token"] = world.tokens[token]
        path = _filled(sample.path, ids)
        if path == "/":  # the client takes it for a path below the workspace
            return clients[key].http.get(f"{world.base}/", headers=headers)
        return clients[key].send(operation.method, path, _filled(sample.body, ids), headers=headers)

    yield call
    for one in clients.values():
        one.close()


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], value)
    if isinstance(value, dict):
        return {key: _filled(member, ids) for key, member in value.items()}
    return [_filled(member, ids) for member in value] if isinstance(value, list) else value


def rows_of(desk: TestDesk) -> dict[str, list[Any]]:
    """Everything that is stored, but for tokens, which logging in makes."""
    with closing(sqlite3.connect(desk.path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables if name != "tokens"
        }


def fresh(world: World, send: Callable[..., httpx.Response]) -> dict[str, str]:
    """The ids of the first workspace with a new alert, for a request that uses it up."""
    create = next(one for one in OPERATIONS if one.name == "create_alert")
    return {**world.own, "alert": send(create, world.own, key="administrator").json()["data"]["id"]}


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
        parameters = set(re.findall(r"\{(\w+)\}", operation.path)) - {"project_id", "workspace_id", "iam_project_id"}
        if parameters - {"dataclass_type", "related_dataclass_type"}:
            assert SAMPLES[operation.name].ids, f"{operation.name} has an id in its path"


def test_nothing_in_a_project_is_open_to_everybody() -> None:
    for operation in IN_PROJECT:
        assert operation.permission is not None, operation.name
        assert operation.method == "GET" or operation.path.endswith("/search") or operation.permission > Permission.READ
        if operation.method == "DELETE":
            assert operation.permission is Permission.ADMINISTER, operation.name


# Who may do what.


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_role_may_do_what_it_is_for_and_nothing_more(
    world: World, send: Callable[..., httpx.Response], operation: Operation, role: str
) -> None:
    ids = fresh(world, send)
    before = rows_of(world.desk)
    answer = send(operation, ids, key=role)
    if not operation.in_project or operation.permission is None or ROLES[role] >= operation.permission:
        assert answer.status_code in (200, 201), answer.text
        for name in SAMPLES[operation.name].ids:
            if SAMPLES[operation.name].listed:
                assert answer.json()["data"]["success_ids"] == [ids[name]]
    else:
        refused(answer, 403, "SecMaster.90010015")
        assert rows_of(world.desk) == before


@pytest.mark.parametrize("token", ["", "expired", "garbage"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_without_valid_credentials_only_the_open_operations_answer(
    world: World, send: Callable[..., httpx.Response], operation: Operation, token: str
) -> None:
    before = rows_of(world.desk)
    for ids in (world.own, world.foreign):
        answer = send(operation, ids, token=token)
        if operation.permission is None:
            assert answer.status_code in (200, 201), answer.text
        else:
            refused(answer, 401, "APIGW.0301")
    assert rows_of(world.desk) == before


@pytest.mark.parametrize("operation", IN_PROJECT, ids=named)
def test_a_project_in_which_the_caller_has_no_role_looks_like_none(
    world: World, send: Callable[..., httpx.Response], operation: Operation
) -> None:
    before = rows_of(world.desk)
    for key, ids in (("stranger", world.own), ("nobody", world.own), ("administrator", world.foreign)):
        unknown = {**ids, "project": "0" * 32}
        answers = [send(operation, ids, key=key), send(operation, unknown, key=key)]
        for answer in answers:
            refused(answer, *invisible(operation))
        assert answers[0].json() == answers[1].json()
    for token, ids in (("stranger", world.own), ("unscoped", world.own), ("administrator", world.foreign)):
        refused(send(operation, ids, token=token), *invisible(operation))
    assert rows_of(world.desk) == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.in_workspace], ids=named)
def test_a_workspace_of_another_project_looks_like_none(
    world: World, send: Callable[..., httpx.Response], operation: Operation
) -> None:
    before = rows_of(world.desk)
    foreign = {**world.own, "workspace": world.foreign["workspace"]}
    malformed = ["x", UNKNOWN_ID, "%00", "x" * 200]
    for credentials in ({"key": "administrator"}, {"token": "administrator"}, {"key": "reader"}):
        answer = send(operation, foreign, **credentials)
        refused(answer, *invisible(operation))
        for workspace in malformed:
            assert send(operation, {**world.own, "workspace": workspace}, **credentials).json() == answer.json()
    assert rows_of(world.desk) == before


@pytest.mark.parametrize("operation", [one for one in WITH_CREDENTIALS if not one.in_project], ids=named)
def test_an_identity_operation_tells_nothing_of_other_projects(
    world: World, send: Callable[..., httpx.Response], operation: Operation
) -> None:
    stranger = send(operation, {**world.foreign, "token": world.tokens["stranger"]}, key="stranger")
    nobody = send(operation, {**world.foreign, "token": world.tokens["stranger"]}, key="nobody")
    assert stranger.status_code == 200
    assert world.own["project"] not in stranger.text
    if operation.name in ("list_projects", "list_auth_projects"):
        assert [one["id"] for one in stranger.json()["projects"]] == [world.foreign["project"]]
        assert nobody.json()["projects"] == []
    if operation.name == "show_project":
        unknown = send(operation, {**world.foreign, "project": "0" * 32}, key="nobody")
        assert (nobody.status_code, nobody.json()) == (unknown.status_code, unknown.json())
        assert nobody.status_code == 404


# What is whose.


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if SAMPLES.get(one.name, Sample("")).ids], ids=named)
@pytest.mark.parametrize("whose", ["neighbour", "foreign"])
def test_an_id_of_another_tenant_is_answered_like_one_that_never_was(
    world: World, send: Callable[..., httpx.Response], operation: Operation, whose: str
) -> None:
    theirs: dict[str, str] = getattr(world, whose)
    before = rows_of(world.desk)
    for name in SAMPLES[operation.name].ids:
        said, done = [], []
        for given in (theirs[name], UNKNOWN_ID):
            world.statements.clear()
            answer = send(operation, {**world.own, name: given}, key="administrator")
            assert answer.status_code == (200 if SAMPLES[operation.name].listed else 400), answer.text
            said.append((answer.status_code, answer.text.replace(given, "ID")))
            done.append(list(world.statements))
            if SAMPLES[operation.name].listed:
                assert answer.json()["data"]["error_ids"] == [given]
        assert said[0] == said[1]
        assert done[0] == done[1], "the statements tell the two apart"
    assert rows_of(world.desk) == before


@pytest.mark.parametrize("name", ["create_batch_order_alerts", "delete_alert"])
def test_among_own_ids_those_of_others_change_nothing_of_theirs(
    world: World, send: Callable[..., httpx.Response], name: str
) -> None:
    operation = next(one for one in OPERATIONS if one.name == name)
    own = fresh(world, send)["alert"]
    others = [world.neighbour["alert"], world.foreign["alert"], UNKNOWN_ID]
    member = "ids" if name == "create_batch_order_alerts" else "batch_ids"

    def theirs() -> list[Any]:
        return [row for row in rows_of(world.desk)["data_objects"] if row[0] != world.own["workspace"]]

    before = theirs()
    with Client(world.base, world.desk, key=world.keys["administrator"]) as one:
        path = _filled(SAMPLES[name].path, world.own)
        answer = one.send(operation.method, path, {member: [*others, own]})
    assert answer.status_code == 200
    assert answer.json()["data"]["success_ids"] == [own]
    assert answer.json()["data"]["error_ids"] == others
    assert theirs() == before


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


def test_lists_hold_only_what_belongs_to_the_workspace(world: World, send: Callable[..., httpx.Response]) -> None:
    for operation in OPERATIONS:
        if operation.name.startswith("list_") and operation.in_project:
            text = send(operation, world.own, key="administrator").text
            for name in ("alert", "incident", "dataclass"):
                assert world.neighbour[name] not in text, operation.name
                assert world.foreign[name] not in text, operation.name
            assert world.foreign["workspace"] not in text, operation.name


def test_an_idempotency_key_of_another_user_or_workspace_is_another_key(world: World) -> None:
    made = set()
    for key, ids in (("administrator", world.own), ("operator", world.own), ("administrator", world.neighbour)):
        with Client(world.base, world.desk, key=world.keys[key], workspace_id=ids["workspace"]) as one:
            answers = [
                one.post("alerts", {"data_object": _TITLE}, headers={"X-Idempotency-Key": "tenancy"}) for _ in range(2)
            ]
        assert answers[0].json() == answers[1].json()
        made.add(answers[0].json()["data"]["id"])
    assert len(made) == 3


def test_a_project_named_in_a_header_must_be_that_of_the_path(world: World) -> None:
    with Client(world.base, world.desk, key=world.keys["administrator"]) as one:
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
