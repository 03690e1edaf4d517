"""A desk with two projects, and the same things in three workspaces, for the tests of who may see and do what."""

import io
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx
import msgspec

from samples import FORM_TYPE, INDICATOR, SAMPLES, TITLE, Sample, filled, form
from support import Client, Key, TestDesk, serving
from tocsin.api.operations import Operation
from tocsin.identity import service as identity
from tocsin.identity.records import Role
from tocsin.spreadsheet import read_rows
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction

NOBODY = Key(access="", secret="")
TYPE = {"enabled": True, "sla": 0}


class World(msgspec.Struct):
    desk: TestDesk
    base: str
    # The names of the statements that the server ran, in order.
    statements: list[str]
    # What a caller of the first workspace can name.
    own: dict[str, str]
    # The same things in another workspace of the project, and in another project.
    neighbour: dict[str, str]
    foreign: dict[str, str]
    # A workspace of the project that was deleted.
    deleted: str
    keys: dict[str, Key]
    tokens: dict[str, str]
    clients: dict[str, Client] = {}

    def client(self, key: str = "") -> Client:
        """Of a user, or of nobody in particular."""
        if key not in self.clients:
            self.clients[key] = Client(self.base, self.desk, key=self.keys.get(key, NOBODY))
        return self.clients[key]

    def send(
        self, operation: Operation, ids: dict[str, Any], *, key: str = "", token: str = "", sample: Sample | None = None
    ) -> httpx.Response:
        """The sample of an operation, with these ids, as somebody with a key or a token."""
        sample = sample or SAMPLES[operation.name]
        ids = {"token": self.tokens["administrator"], "new": str(uuid.uuid4()), **ids}
        headers = filled(sample.headers, ids)
        if token:
            headers["X-Auth-Token"] = self.tokens[token]
        path, client = filled(sample.path, ids), self.client(key)
        if path == "/":  # the client takes it for a path below the workspace
            return client.http.get(f"{self.base}/", headers=headers)
        if sample.form:
            headers["Content-Type"] = FORM_TYPE
            return client.send(operation.method, path, raw=form(sample.form), headers=headers)
        return client.send(operation.method, path, filled(sample.body, ids), headers=headers)

    def fresh(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of the first workspace, with new ones for what a request uses up."""
        one = self.client("administrator")
        return {**self.own, **{name: make(one, name, self.own) for name in names}}

    def stored(self) -> dict[str, list[Any]]:
        """Everything that is kept, files too, but for tokens, which logging in makes."""
        with closing(sqlite3.connect(self.desk.path)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            rows = {
                name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
                for name in tables
                if name != "tokens"
            }
        folder = self.desk.path.with_name(f"{self.desk.path.name}.attachments")
        return {**rows, "files": sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))}

    def of_others(self) -> dict[str, list[Any]]:
        """What is kept of every workspace but the first."""
        own = self.own["workspace"]
        return {
            name: [row for row in rows if own not in (row.split("/") if isinstance(row, str) else row)]
            for name, rows in self.stored().items()
            if name != "admin_audit"
        }


def issue(desk: TestDesk, user_name: str, project_id: str | None, *, lifetime_ms: int = 3_600_000) -> str:
    """A token of a user's."""

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


def make(one: Client, name: str, ids: dict[str, str]) -> str:
    """A new thing of a kind, by the name that samples have for its id; returns the id."""
    new = str(uuid.uuid4())
    if name in ("alert", "related_alert"):
        alert = one.create_alert()
        if name == "related_alert":
            answered(one.post(f"incidents/{ids['incident']}/alerts", {"ids": [alert]}))
        return alert
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "incident": ("incidents", {"data_object": TITLE}),
        "indicator": ("indicators", {"data_object": INDICATOR}),
        "note": ("notes", {"war_room_id": ids["incident"], "type": "textMessage", "content": "A note"}),
        "type": (f"dataclasses/{ids['dataclass']}/types", {**TYPE, "category": new, "sub_category": new}),
        "incident_type": (
            f"dataclasses/{ids['incident_dataclass']}/types", {**TYPE, "category": new, "sub_category": new},
        ),
        "workspace": (f"/v1/{one.project_id}/workspaces", {"region_id": "r", "name": "fresh", "project_name": "p"}),
    }  # fmt: skip
    path, body = requests[name]
    made = answered(one.post(path, body))
    return str(made["id"] if "id" in made else made["data"]["id"])


def answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def things(desk: TestDesk, base: str, project_id: str, workspace_id: str, key: Key) -> dict[str, str]:
    """One of everything in a workspace, and the ids to name them by."""
    with Client(base, desk, key=key, project_id=project_id, workspace_id=workspace_id) as one:
        ids = {"project": project_id, "workspace": workspace_id}
        ids["incident"] = one.order([one.create_alert()])["results"][0]["incident_id"]
        for name, title in (
            ("dataclass", "Alert"),
            ("incident_dataclass", "Incident"),
            ("indicator_dataclass", "Indicator"),
        ):
            ids[name] = one.get(f"dataclasses?name={title}").json()["dataclass_details"][0]["id"]
        for name in ("alert", "related_alert", "indicator", "note", "type", "incident_type"):
            ids[name] = make(one, name, ids)
        upload = one.post("attachment/upload", raw=form("file"), headers={"Content-Type": FORM_TYPE})
        ids["attachment"] = answered(upload)["data"]["id"]
        ids["link"] = answered(one.get(f"attachment/{ids['attachment']}/download"))["data"].partition("link=")[2]
        answered(one.post(f"alerts/{ids['alert']}/indicators", {"ids": [ids["indicator"]]}))
        return ids


@contextmanager
def recording(desk: TestDesk) -> Iterator[tuple[SqliteDatabase, list[str]]]:
    """A database that tells which statements ran, by name."""
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
    with closing(database):
        yield database, statements


@contextmanager
def made_world(desk: TestDesk) -> Iterator[World]:
    """On a desk that has nothing in it yet."""
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
    with ExitStack() as stack:
        database, statements = stack.enter_context(recording(desk))
        base = stack.enter_context(serving(desk, database=database))
        workspace = desk.made.workspace_id or ""
        world = World(
            desk=desk, base=base, statements=statements, keys=keys, tokens=tokens, deleted="", clients={},
            own=things(desk, base, project, workspace, keys["administrator"]),
            neighbour=things(desk, base, project, desk.add_workspace("neighbour"), keys["administrator"]),
            foreign=things(desk, base, elsewhere, desk.add_workspace("foreign", elsewhere), keys["stranger"]),
        )  # fmt: skip
        stack.callback(lambda: [one.close() for one in world.clients.values()])
        world.deleted = desk.add_workspace("deleted")
        things(desk, base, project, world.deleted, keys["administrator"])
        gone = world.client("administrator").delete(f"/v1/{project}/workspaces/{world.deleted}")
        assert gone.status_code == 200, gone.text
        yield world


def sheet_text(content: bytes) -> str:
    """All cells of a workbook."""
    return repr(list(read_rows(io.BytesIO(content), max_rows=100_000, max_unpacked_bytes=1 << 30)))
