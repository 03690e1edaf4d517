"""How statements find their rows, on a workspace of 200,000 objects beside one of 20,000: by an index that begins with
the workspace, in a number of statements that does not grow with what is asked for.

The statements are those that the server sends for a request. Work is counted in steps of SQLite's machine, which are
the same on every computer; nothing here looks at a clock.

Source: scaling facts, "The ten rules".
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from samples import SAMPLES
from support import Client, Key, TestDesk, copy_desk, serving
from test_storage import STATEMENTS, names_the_workspace, parameters, tables_of
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS
from tocsin.storage.queries import Statement
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction
from world import World, issue, things

CLASSES = {"alerts": 8, "incidents": 1, "indicators": 1}  # tenths of a workspace
ROWS = 200_000
SMALL_ROWS = ROWS // 10
START_MS = 1_772_000_000_000
APART_MS = 100  # between one object of a class and the next
LINKS = 20_000
NOTES = 5_000
STEPS_AT_ONCE = 100  # how finely work is counted
A_FEW = 5_000  # steps that reading ten objects takes at most; walking through the class takes a hundred times as many

NUMBERS = "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :rows - 1)\n"
ID = "printf('%08x-0000-7000-8000-%012x', ({0}) / 16, {0})"
# Every twenty-fifth is deleted; of fifty, one is open and one is blocked.
FILL_OBJECTS = f"""{NUMBERS}
INSERT INTO data_objects (workspace_id, dataclass, id, origin, version, create_time, update_time, deleted_time,
                          handle_status, title, severity, verification_state, category, sub_category, document)
SELECT :workspace_id, :dataclass, {ID.format("n")}, 'DATA_SOURCE', 1, :start + n * {APART_MS},
       :start + (:rows - n) * {APART_MS}, CASE WHEN n % 25 = 24 THEN :start + :rows * {APART_MS} END,
       CASE n % 50 WHEN 7 THEN 'Open' WHEN 8 THEN 'Block' ELSE 'Closed' END, 'ET SCAN inbound ' || n % 500, n % 5,
       'Unknown', 'Reconnaissance', 'Other', printf(:document, n % 500, n % 250, n % 200, 1024 + n % 60000)
FROM   n
"""
DOCUMENT = json.dumps(
    {
        "title": "ET SCAN inbound %d", "description": "Seen by a sensor. " * 8, "severity": "Low", "count": 1,
        "verification_state": "Unknown", "confidence": 50, "labels": "suricata,scan",
        "alert_type": {"category": "Reconnaissance", "alert_type": "Other"},
        "first_observed_time": "2026-03-02T09:00:00.000+08:00",
        "network_list": [{"direction": "IN", "protocol": "TCP", "src_ip": "198.51.%d.%d", "src_port": 0,
                          "dest_ip": "192.0.2.10", "dest_port": "22"}],
        "data_source": {"source_type": 2, "product_name": "Suricata"},
    }
).replace('"src_port": 0', '"src_port": %d')  # fmt: skip
# Ten alerts for an incident.
FILL_LINKS = f"""{NUMBERS}
INSERT INTO relations (workspace_id, from_class, from_id, to_class, to_id, evidence, creator_id, create_time)
SELECT :workspace_id, 'alerts', {ID.format("n")}, 'incidents', {ID.format("n / 10")}, false, 'u', :start + n
FROM   n
"""
# Two hundred alerts for one incident.
FILL_STAR = f"""{NUMBERS}
INSERT INTO relations (workspace_id, from_class, from_id, to_class, to_id, evidence, creator_id, create_time)
SELECT :workspace_id, 'alerts', {ID.format("n * 50")}, 'incidents', :incident, false, 'u', :start + n
FROM   n
"""
FILL_NOTES = f"""{NUMBERS}
INSERT INTO notes (workspace_id, id, war_room_id, type, note_type, content, creator_id, creator_name, create_time,
                   update_time)
SELECT :workspace_id, {ID.format("n")}, {ID.format("n / 20")}, 'textMessage', 'note', 'A note', 'u', 'u', :start + n,
       :start + n
FROM   n
"""


def id_of(number: int) -> str:
    return f"{number // 16:08x}-0000-7000-8000-{number:012x}"


def time_of(number: int) -> str:
    """The create_time of an object, as a condition says it."""
    ms = START_MS + number * APART_MS
    with closing(sqlite3.connect(":memory:")) as one:
        text = one.execute("SELECT strftime('%Y-%m-%dT%H:%M:%S', ?, 'unixepoch')", (ms // 1000,)).fetchone()[0]
    return f"{text}.{ms % 1000:03}Z"


STAR = id_of(15_000)
IN_CLASS = ROWS * CLASSES["alerts"] // 10
MIDDLE = IN_CLASS // 2


class Run(msgspec.Struct, frozen=True):
    """A statement as it was run: what SQLite planned, and how much it did."""

    name: str
    text: str
    plan: list[str]
    steps: int


class Crowd(msgspec.Struct):
    """The desk with all these rows, served; what it runs is kept."""

    world: World
    client: Client
    small: Client
    runs: list[Run]

    def of(self, ask: Callable[[], Any]) -> list[Run]:
        """The statements of one request, which must be answered 200."""
        self.runs.clear()
        answer = ask()
        assert answer.status_code == 200, answer.text
        return list(self.runs)

    def search(self, path: str, client: Client | None = None, **body: Any) -> list[Run]:
        return self.of(lambda: (client or self.client).post(f"{path}/search", body))


class Planning(SqliteTransaction):
    """Keeps every statement that is run, with its plan and its work."""

    def __init__(self, connection: sqlite3.Connection, runs: list[Run]) -> None:
        super().__init__(connection)
        self._runs = runs

    def each(self, statement: Statement, record: Any, params: Any) -> Any:
        """The whole of it, so that its work can be told."""
        return self._kept(statement, params, lambda: iter(list(super(Planning, self).each(statement, record, params))))

    def values(self, statement: Statement, params: Any) -> Any:
        return self._kept(statement, params, lambda: super(Planning, self).values(statement, params))

    def run(self, statement: Statement, params: Any) -> Any:
        return self._kept(statement, params, lambda: super(Planning, self).run(statement, params))

    def run_many(self, statement: Statement, params: Iterable[Any]) -> Any:
        rows = list(params)
        first = rows[0] if rows else parameters(statement.text("sqlite"))
        return self._kept(statement, first, lambda: super(Planning, self).run_many(statement, rows))

    def _kept(self, statement: Statement, params: Any, work: Callable[[], Any]) -> Any:
        text = statement.text("sqlite")
        plan = [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {text}", params)]
        looks = [0]

        def look() -> None:
            looks[0] += 1

        self._connection.set_progress_handler(look, STEPS_AT_ONCE)
        try:
            return work()
        finally:
            self._connection.set_progress_handler(None, 0)
            self._runs.append(Run(statement.name, text, plan, looks[0] * STEPS_AT_ONCE))


def fill(path: Path, workspaces: dict[str, int]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as one:
        one.execute("PRAGMA synchronous = OFF")
        one.execute("PRAGMA journal_mode = MEMORY")
        one.execute("BEGIN")
        for workspace_id, rows in workspaces.items():
            common = {"workspace_id": workspace_id, "start": START_MS}
            for dataclass, tenths in CLASSES.items():
                mine = {"dataclass": dataclass, "rows": rows * tenths // 10, "document": DOCUMENT}
                one.execute(FILL_OBJECTS, common | mine)
            one.execute(FILL_LINKS, common | {"rows": LINKS * rows // ROWS})
            one.execute(FILL_NOTES, common | {"rows": NOTES * rows // ROWS})
        one.execute(
            FILL_STAR, {"workspace_id": next(iter(workspaces)), "start": START_MS, "incident": STAR, "rows": 200}
        )
        one.execute("COMMIT")


@pytest.fixture(scope="session")
def crowded(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestDesk, str, str]]:
    """A desk with 200,000 objects in its workspace, and the ids of two more: with 20,000, and with none."""
    desk = copy_desk(template, tmp_path_factory.mktemp("crowd"))
    small, empty = desk.add_workspace("small"), desk.add_workspace("empty")
    fill(desk.path, {desk.made.workspace_id or "": ROWS, small: SMALL_ROWS})
    yield desk, small, empty
    desk.path.unlink()  # it is large


@pytest.fixture(scope="module")
def crowd(crowded: tuple[TestDesk, str, str]) -> Iterator[Crowd]:
    desk, small, empty = crowded
    runs: list[Run] = []

    def transaction(connection: sqlite3.Connection) -> Planning:
        return Planning(connection, runs)

    database = SqliteDatabase(desk.path, busy_timeout_ms=5000, read_timeout_s=30, transaction=transaction)
    key = Key(access=desk.made.access_key or "", secret=desk.made.secret_key or "")
    project = desk.made.project_id
    with ExitStack() as stack:
        stack.enter_context(closing(database))
        base = stack.enter_context(serving(desk, database=database))
        world = World(
            desk=desk, base=base, statements=[], own=things(desk, base, project, empty, key), neighbour={},
            foreign={}, deleted="", keys={"administrator": key},
            tokens={"administrator": issue(desk, desk.made.user_name, project)},
            clients={"administrator": stack.enter_context(Client(base, desk, workspace_id=empty))},
        )  # fmt: skip
        stack.callback(lambda: [one.close() for one in world.clients.values()])
        yield Crowd(
            world=world,
            client=stack.enter_context(Client(base, desk)),
            small=stack.enter_context(Client(base, desk, workspace_id=small)),
            runs=runs,
        )


def by_workspace(runs: Sequence[Run]) -> None:
    """Every row of a tenant is reached by an index that begins with the workspace, and no other workspace is."""
    for run in runs:
        names_the_workspace(run.text)
        reached_by_workspace(run.text, run.plan)


def reached_by_workspace(text: str, plan: Sequence[str]) -> None:
    tenant = {alias or table for table, alias in tables_of(text)}
    for step in plan:
        found = re.match(r"(?:SCAN|SEARCH) (\w+)\b", step)
        if found and found[1] in tenant:
            assert re.match(r"SEARCH \w+ USING (COVERING )?INDEX \w+ \(workspace_id=\?", step), (plan, text)


def named(runs: Sequence[Run], name: str) -> list[Run]:
    return [run for run in runs if run.name == name]


def only(runs: Sequence[Run], name: str) -> Run:
    [run] = named(runs, name)
    return run


def uses(run: Run, index: str, columns: str, *, sorts: bool = False) -> None:
    """The first look is into this index, by these columns; `sorts`: the rows are then put in order."""
    assert run.plan[0] == f"SEARCH o USING INDEX {index} ({columns})", run.plan
    assert any("TEMP B-TREE" in step for step in run.plan) == sorts, run.plan


def condition(*data: str) -> dict[str, Any]:
    return {"conditions": [{"name": "c", "data": list(data)}]}


def machine_code(desk: TestDesk, text: str) -> list[str]:
    """The names of the instructions that SQLite makes of a search."""
    with closing(sqlite3.connect(desk.path)) as one:
        return [row[1] for row in one.execute(f"EXPLAIN {text}", parameters(text))]


KEY = "workspace_id=? AND dataclass=?"
PRIMARY, NEWEST, STATUS = "sqlite_autoindex_data_objects_1", "data_objects_newest", "data_objects_status"


# Every statement there is.


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_every_statement_reaches_rows_of_a_tenant_by_their_workspace(
    crowded: tuple[TestDesk, str, str], package: Path, statement: Statement
) -> None:
    text = statement.text("sqlite")
    with closing(sqlite3.connect(crowded[0].path)) as one:
        plan = [row[3] for row in one.execute(f"EXPLAIN QUERY PLAN {text}", parameters(text))]
    reached_by_workspace(text, plan)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_request_reaches_rows_of_a_tenant_by_their_workspace(crowd: Crowd, operation: Operation) -> None:
    world = crowd.world
    ids = world.fresh(SAMPLES[operation.name].fresh)
    crowd.runs.clear()
    answer = world.send(operation, ids, key="administrator")
    assert answer.status_code < 300, answer.text
    assert crowd.runs or operation.permission is None
    by_workspace(crowd.runs)


def test_the_rows_are_those_of_a_real_desk(crowded: tuple[TestDesk, str, str]) -> None:
    desk, small, _ = crowded
    text = "SELECT count(*), count(deleted_time), avg(length(document)) FROM data_objects WHERE workspace_id = ?"
    with closing(sqlite3.connect(desk.path)) as one:
        for workspace_id, rows in ((desk.made.workspace_id, ROWS), (small, SMALL_ROWS)):
            objects, deleted, size = one.execute(text, (workspace_id,)).fetchone()
            assert objects >= rows
            assert deleted >= rows // 25
            assert 500 < size < 700


# Lists and searches.


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("offset", [0, 10, 3 * IN_CLASS // 4, 10**9])
def test_a_page_by_create_time_is_read_from_an_index_at_any_offset(crowd: Crowd, offset: int, order: str) -> None:
    runs = crowd.search("alerts", limit=10, offset=offset, order=order)
    by_workspace(runs)
    uses(only(runs, "search_page"), NEWEST, KEY)
    assert len(named(runs, "list_related_ids")) == (offset < IN_CLASS)
    # No row of the table is touched to count, or to pass the offset: the index holds all that is asked.
    codes = {run.name: machine_code(crowd.world.desk, run.text) for run in runs if run.name.startswith("search_")}
    assert "Column" not in codes["search_total"]
    assert codes["search_page"].index("IfPos") < codes["search_page"].index("Column")


def test_the_first_page_costs_the_same_however_many_rows_follow(crowd: Crowd) -> None:
    large = only(crowd.search("alerts", limit=10), "search_page")
    small = only(crowd.search("alerts", crowd.small, limit=10), "search_page")
    assert large.steps <= A_FEW
    assert small.steps <= A_FEW


@pytest.mark.parametrize("window", [{}, {"from_date": time_of(100), "to_date": time_of(50_000)}], ids=["all", "window"])
def test_a_page_of_one_status_is_read_from_its_index(crowd: Crowd, window: dict[str, str]) -> None:
    runs = crowd.search("alerts", limit=10, condition=condition("handle_status", "=", "Open"), **window)
    by_workspace(runs)
    columns = f"{KEY} AND handle_status=?{' AND create_time>? AND create_time<?' if window else ''}"
    for name in ("search_page", "search_total"):
        uses(only(runs, name), STATUS, columns)
    assert only(runs, "search_page").steps <= A_FEW


def test_a_time_window_is_read_from_an_index(crowd: Crowd) -> None:
    runs = crowd.search("alerts", from_date=time_of(MIDDLE), to_date=time_of(MIDDLE + 100))
    by_workspace(runs)
    for name in ("search_page", "search_total"):
        uses(only(runs, name), NEWEST, f"{KEY} AND create_time>? AND create_time<?")
        assert only(runs, name).steps <= A_FEW


@pytest.mark.parametrize("operator", [">=", "="])
def test_a_condition_on_create_time_is_read_from_an_index_like_a_window(crowd: Crowd, operator: str) -> None:
    runs = crowd.search("alerts", limit=10, condition=condition("create_time", operator, time_of(IN_CLASS - 100)))
    by_workspace(runs)
    for name in ("search_page", "search_total"):
        assert "create_time" in only(runs, name).plan[0]
        assert only(runs, name).steps <= A_FEW


def test_an_object_is_found_by_its_id(crowd: Crowd) -> None:
    runs = crowd.search("alerts", condition=condition("id", "=", id_of(5)))
    by_workspace(runs)
    for name in ("search_page", "search_total"):
        uses(only(runs, name), PRIMARY, f"{KEY} AND id=?")
        assert only(runs, name).steps <= A_FEW


FEW_IDS = [
    ("alerts", {"condition": condition("id", "in", f"{id_of(5)},{id_of(9)}")}),
    ("indicators", {"ids": [id_of(5), id_of(9)]}),
]


@pytest.mark.parametrize(("path", "body"), FEW_IDS, ids=["in", "ids"])
def test_objects_are_counted_by_their_ids(crowd: Crowd, path: str, body: dict[str, Any]) -> None:
    runs = crowd.search(path, **body)
    by_workspace(runs)
    assert only(runs, "search_total").plan[0].startswith(f"SEARCH o USING INDEX {PRIMARY} ({KEY} AND id=?")
    assert only(runs, "search_total").steps <= A_FEW


@pytest.mark.parametrize(("path", "body"), FEW_IDS, ids=["in", "ids"])
def test_objects_are_read_by_their_ids(crowd: Crowd, path: str, body: dict[str, Any]) -> None:
    assert only(crowd.search(path, **body), "search_page").steps <= A_FEW


@pytest.mark.parametrize(
    "data",
    [
        ["title", "contains", "x"], ["network_list.src_ip", "=", "x"], ["count", ">", "5"], ["severity", "in", "High,"],
        ["update_time", ">=", time_of(5)], ["handle_status", "in", "Open,Block"], ["handle_status", "!=", "Closed"],
        ["alert_type.category", "=", "DDoS"], ["workspace_id", "!=", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("sort_by", ["create_time", "update_time"])
def test_any_search_stays_within_its_workspace_and_class(crowd: Crowd, data: list[str], sort_by: str) -> None:
    group = {
        "conditions": [{"name": "a", "data": data}, {"name": "b", "data": ["title", "=", "y"]}],
        "logics": ["a", "or", "b"],
    }
    for wanted in (condition(*data), group):
        by_workspace(crowd.search("alerts", crowd.small, condition=wanted, sort_by=sort_by))


@pytest.mark.parametrize(
    "body",
    [{}, {"sort_by": "update_time"}, {"condition": condition("title", "contains", "nowhere")}],
    ids=["count", "update_time", "contains"],
)
def test_what_walks_through_a_workspace_costs_by_the_rows_of_that_workspace_alone(
    crowd: Crowd, body: dict[str, Any]
) -> None:
    large = sum(run.steps for run in crowd.search("alerts", **body))
    small = sum(run.steps for run in crowd.search("alerts", crowd.small, **body))
    assert large > 5 * small > 0


def test_a_large_page_of_indicators_is_weighed_by_the_same_index(crowd: Crowd) -> None:
    runs = crowd.search("indicators", limit=2000)
    by_workspace(runs)
    for name in ("search_weight", "search_page"):
        assert any(f"SEARCH o USING INDEX {NEWEST} ({KEY})" in step for step in only(runs, name).plan)
        assert not any("TEMP B-TREE" in step for step in only(runs, name).plan)


# Exports continue behind the last row.


def exported(crowd: Crowd, *, from_behind: bool = False, client: Client | None = None, **form: Any) -> Run:
    """A page of a thousand alerts: the first one, or the last one that continues behind a row."""
    client = client or crowd.client
    if from_behind:
        form["offset"] = client.search("alerts", **form, limit=0)["total"] - 2 * 1000
    else:
        form["limit"] = 1000
    runs = crowd.of(lambda: client.post("alerts/export", {"data_object_filters_form": form}))
    by_workspace(runs)
    pages = named(runs, "search_page")
    assert len(pages) == 1 + from_behind
    return pages[-1]


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("status", [None, "Closed"])
def test_a_page_behind_a_row_costs_what_the_first_costs(crowd: Crowd, order: str, status: str | None) -> None:
    form: dict[str, Any] = {"order": order}
    if status:
        form["condition"] = condition("handle_status", "=", status)
    sign = ">" if order == "ASC" else "<"
    index, columns = (STATUS, f"{KEY} AND handle_status=?") if status else (NEWEST, KEY)
    deep = exported(crowd, **form, from_behind=True)
    uses(deep, index, f"{columns} AND (create_time,id){sign}(?,?)")
    assert deep.steps <= 2 * exported(crowd, **form).steps


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_a_page_behind_a_row_of_a_time_window_costs_what_the_first_costs(crowd: Crowd, order: str) -> None:
    form = {"order": order, "from_date": time_of(0), "to_date": time_of(IN_CLASS)}
    assert exported(crowd, **form, from_behind=True).steps <= 2 * exported(crowd, **form).steps


# Relations, notes.


@pytest.mark.parametrize(
    "path",
    [f"incidents/{id_of(5)}/alerts", f"alerts/{id_of(5)}/incidents", f"incidents/{id_of(2500)}/indicators",
     f"alerts/{id_of(7)}/alerts"],
    ids=["alerts", "incidents", "none", "own class"],
)  # fmt: skip
@pytest.mark.parametrize("body", [{}, {"condition": condition("labels", "contains", "x"), "sort_by": "update_time"}])
def test_related_objects_are_searched_within_the_workspace(crowd: Crowd, path: str, body: dict[str, Any]) -> None:
    by_workspace(crowd.search(path, limit=1000, **body))


@pytest.mark.parametrize("path", [f"incidents/{id_of(5)}/alerts", f"alerts/{id_of(5)}/incidents"])
def test_a_search_of_related_objects_costs_by_how_many_are_related(crowd: Crowd, path: str) -> None:
    assert max(run.steps for run in crowd.search(path, limit=10)) <= A_FEW


@pytest.mark.parametrize(
    ("room", "index", "columns"),
    [(None, "notes_newest", "workspace_id=?"), (id_of(5), "notes_of_object", "workspace_id=? AND war_room_id=?")],
    ids=["of the workspace", "of an object"],
)
def test_notes_are_read_from_an_index(crowd: Crowd, room: str | None, index: str, columns: str) -> None:
    runs = crowd.search("notes", limit=10, **({"war_room_id": room} if room else {}))
    by_workspace(runs)
    uses(only(runs, "search_page"), index, columns)
    assert only(runs, "search_page").steps <= A_FEW
    assert only(runs, "search_total").plan[0].endswith(f"({columns})")


# The number of statements.


def created(crowd: Crowd, path: str, count: int) -> list[str]:
    """New objects; the generic way makes many at once."""
    title = {"alerts": "Alert", "incidents": "Incident"}[path]
    dataclass = crowd.client.get(f"dataclasses?name={title}").json()["dataclass_details"][0]["id"]
    body = {"data_object_list": [{"title": f"Alert {number}"} for number in range(count)]}
    answer = crowd.client.post(f"datapanel/{dataclass}/data-objects/batch-create", body)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()]


def listing(crowd: Crowd, count: int) -> list[Run]:
    return crowd.search("alerts", limit=count)


def searching(crowd: Crowd, count: int) -> list[Run]:
    return crowd.search("alerts", limit=count, condition=condition("title", "contains", "inbound"))


def listing_related(crowd: Crowd, count: int) -> list[Run]:
    return crowd.search(f"incidents/{STAR}/alerts", limit=count)


def listing_notes(crowd: Crowd, count: int) -> list[Run]:
    return crowd.search("notes", limit=count)


def exporting(crowd: Crowd, count: int) -> list[Run]:
    return crowd.of(lambda: crowd.client.post("alerts/export", {"data_object_filters_form": {"limit": count}}))


def creating(crowd: Crowd, count: int) -> list[Run]:
    crowd.runs.clear()
    created(crowd, "alerts", count)
    return list(crowd.runs)


def changing(crowd: Crowd, count: int) -> list[Run]:
    body = {
        "batch_ids": created(crowd, "alerts", count),
        "data_object": {"severity": "High", "alert_type": {"category": "x"}},
    }
    return crowd.of(lambda: crowd.client.post("alerts/batch-update", body))


def deleting(crowd: Crowd, count: int) -> list[Run]:
    body = {"batch_ids": created(crowd, "incidents", count)}
    return crowd.of(lambda: crowd.client.post("incidents/batch-delete", body))


def relating(crowd: Crowd, count: int) -> list[Run]:
    body = {
        "dataobject_ids": created(crowd, "incidents", min(count, 10)),
        "related_dataobject_ids": created(crowd, "alerts", count),
    }
    return crowd.of(lambda: crowd.client.post("incidents/alerts/batch-create", body))


def unrelating(crowd: Crowd, count: int) -> list[Run]:
    incident, alerts = created(crowd, "incidents", 1)[0], created(crowd, "alerts", count)
    crowd.of(lambda: crowd.client.post(f"incidents/{incident}/alerts", {"ids": alerts}))
    return crowd.of(lambda: crowd.client.delete(f"incidents/{incident}/alerts", {"ids": alerts}))


def converting(crowd: Crowd, count: int) -> list[Run]:
    body = {"ids": created(crowd, "alerts", count), "incident_content": {"title": "An incident"}}
    return crowd.of(lambda: crowd.client.post("alerts/batch-order", body))


@pytest.mark.parametrize(
    "act",
    [listing, searching, listing_related, listing_notes, exporting, creating, changing, deleting, relating, unrelating,
     converting],
    ids=lambda act: act.__name__,
)  # fmt: skip
def test_the_number_of_statements_does_not_grow_with_the_objects(
    crowd: Crowd, act: Callable[[Crowd, int], list[Run]]
) -> None:
    one, many = act(crowd, 1), act(crowd, 100)
    by_workspace(many)
    assert [run.name for run in one] == [run.name for run in many]
