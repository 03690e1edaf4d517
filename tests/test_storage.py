"""The rules that keep every database open to us: statements and schema; and what the SQLite engine promises.

Source: scaling facts, "The ten rules" and "Schema".
"""

import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support import TestDesk, copy_desk
from tocsin.errors import SetupError, Unavailable
from tocsin.storage import migrate
from tocsin.storage.queries import Statement, parse_queries
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction, administered, connect

SOURCE = Path(str(resources.files("tocsin")))
PACKAGES = sorted(path.parent for path in SOURCE.rglob("queries.sql"))
STATEMENTS = [
    pytest.param(package, statement, id=f"{package.name}.{statement.name}")
    for package in PACKAGES
    for statement in parse_queries((package / "queries.sql").read_text("utf-8"))
]


# The schema, as it is written.


class Table(msgspec.Struct):
    name: str
    kind: str | None
    body: str

    def keys(self, word: str) -> list[tuple[str, list[str]]]:
        """Name and columns of every constraint of a kind."""
        found = re.findall(rf"CONSTRAINT (\w+) {word} \(([^)]*)\)", self.body)
        return [(name, [column.strip() for column in columns.split(",")]) for name, columns in found]


def schema() -> list[Table]:
    text = "\n".join(step.source for step in migrate.migrations())
    return [
        Table(match["name"], re.search(r"-- kind: (\w+)\n\Z", text[: match.start()])[1], match["body"])  # type: ignore[index]
        for match in re.finditer(r"CREATE TABLE (?P<name>\w+) \((?P<body>.*?)\n\);", text, re.DOTALL)
    ]


TABLES = {table.name: table for table in schema()}
TENANT = [name for name, table in TABLES.items() if table.kind == "tenant"]


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("storage"))


@pytest.fixture(scope="module")
def connection(own_desk: TestDesk) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(own_desk.path)) as one:
        yield one


def test_every_table_says_whose_it_is(connection: sqlite3.Connection) -> None:
    stored = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert stored == set(TABLES)
    assert {table.kind for table in TABLES.values()} == {"tenant", "global"}


@pytest.mark.parametrize("name", TABLES)
def test_every_constraint_has_a_name(name: str) -> None:
    body = re.sub(r"CONSTRAINT \w+ (PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK)", "", TABLES[name].body)
    assert not re.search(r"PRIMARY KEY|UNIQUE|REFERENCES \w+ \([^)]*\) [^,\n]|CHECK", body)
    assert len(TABLES[name].keys("PRIMARY KEY")) == 1


@pytest.mark.parametrize("name", TENANT)
def test_every_key_of_a_tenant_table_begins_with_the_workspace(name: str) -> None:
    table = TABLES[name]
    keys = [*table.keys("PRIMARY KEY"), *table.keys("UNIQUE"), *table.keys("FOREIGN KEY")]
    assert keys
    for constraint, columns in keys:
        assert columns[0] == "workspace_id", constraint
    for referenced, columns in re.findall(r"REFERENCES (\w+) \(([^)]*)\)", table.body):
        if referenced in TENANT:
            assert columns.startswith("workspace_id,"), referenced
    for index, columns in re.findall(rf"CREATE (?:UNIQUE )?INDEX (\w+) ON {name} \(([^)]*)\)", _all_source()):
        assert columns.split(",")[0].strip() == "workspace_id", index


def _all_source() -> str:
    return "\n".join(step.source for step in migrate.migrations())


@pytest.mark.parametrize("name", [name for name in TABLES if name not in TENANT])
def test_a_global_table_refers_to_no_tenant_table(name: str) -> None:
    assert not set(re.findall(r"REFERENCES (\w+)", TABLES[name].body)) & set(TENANT)


def test_the_schema_has_no_triggers_and_no_clever_columns() -> None:
    source = _all_source().upper()
    for word in ("TRIGGER", "GENERATED", "SERIAL", "AUTOINCREMENT", "ON DELETE", "DEFAULT", "IDENTITY"):
        assert word not in re.sub(r"--.*", "", source), word


# Statements.


def tables_of(text: str) -> list[tuple[str, str]]:
    """The tenant tables that a statement touches, each with its alias, as often as it is named."""
    found = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)(?:\s+AS\s+(\w+))?", text)
    return [(table, alias) for table, alias in found if table in TENANT]


def names_the_workspace(text: str) -> None:
    """Every tenant table of a statement, as often as it stands there, is tied to the workspace."""
    touched = tables_of(text)
    for table, alias in set(touched):
        times = touched.count((table, alias))
        inserted = re.search(rf"INSERT INTO {table}\b[^(]*\(workspace_id\b", text)
        column = rf"\b{alias}\.workspace_id" if alias else r"(?<![\w.])workspace_id"
        tied = re.findall(rf"{column} = (?::workspace_id|\w+\.workspace_id)|\w+\.workspace_id = {column}", text)
        assert len(tied) + bool(inserted) >= times, f"{table} AS {alias} is not tied to the workspace:\n{text}"


def parameters(text: str) -> dict[str, None]:
    return dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_]\w*)", text))


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_every_statement_is_understood(connection: sqlite3.Connection, package: Path, statement: Statement) -> None:
    assert set(statement.texts) <= {"", "sqlite", "postgresql"}
    text = statement.text("sqlite")
    connection.execute(f"EXPLAIN {text}", parameters(text)).fetchall()


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_every_statement_is_called(package: Path, statement: Statement) -> None:
    calls = "\n".join(path.read_text("utf-8") for path in package.glob("*.py"))
    assert re.search(rf"\bSQL\.{statement.name}\b", calls), f"nothing calls {package.name}'s {statement.name}"


def test_every_call_has_its_statement() -> None:
    for package in PACKAGES:
        names = {one.name for one in parse_queries((package / "queries.sql").read_text("utf-8"))}
        for path in package.glob("*.py"):
            assert set(re.findall(r"\bSQL\.([a-z_]\w*)", path.read_text("utf-8"))) <= names, path


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_every_statement_names_the_workspace_of_every_tenant_table(package: Path, statement: Statement) -> None:
    for text in statement.texts.values():
        names_the_workspace(text)


@pytest.mark.parametrize(("package", "statement"), STATEMENTS)
def test_statements_use_nothing_that_some_engine_lacks(package: Path, statement: Statement) -> None:
    for text in statement.texts.values():
        plain = re.sub(r"'[^']*'", "''", text).upper()
        assert not re.search(r"\bWITH\b.*\b(INSERT|UPDATE|DELETE)\b", plain, re.DOTALL), "a data-modifying CTE"
        for word in (r"\bRANDOM\(", r"\bNOW\(", r"CURRENT_TIMESTAMP", r"CLOCK_TIMESTAMP", r"GEN_RANDOM", r"\bMERGE\b",
                     r"DATETIME\(", r"\bREPLACE INTO\b", r"\bPREPARE\b", r"\bLISTEN\b", r"ADVISORY", r"\bTEMP\b"):  # fmt: skip
            assert not re.search(word, plain), word
        assert text.count(";") <= 1
        if "ON CONFLICT" in plain and "DO UPDATE" in plain:
            assert not re.search(r"\b(?!CASE|WHEN|VALUES|AND|OR|IN|CONFLICT)[A-Z_]+\(", plain.partition("DO UPDATE")[2])


def test_sql_is_composed_in_one_place_only() -> None:
    verbs = re.compile(r"f(\"|''')[^\"]*\b(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        if path.relative_to(SOURCE).as_posix() != "storage/search.py":
            assert not verbs.search(text), path
            assert ".executescript(" not in text, path
    for path in SOURCE.rglob("*.py"):
        if path.parent.name != "storage":
            assert not re.search(r"\.execute(many)?\(", path.read_text("utf-8")), path


def test_queries_are_read_with_their_engines_and_comments() -> None:
    queries = parse_queries("-- name: a\n-- why\nSELECT 1;\n\n-- name: b [sqlite]\nSELECT 2;\n-- name: b\nSELECT 3;\n")
    assert [one.name for one in queries] == ["a", "b"]
    assert queries.a.text("sqlite") == queries.a.text("postgresql") == "SELECT 1;"
    assert (queries.b.text("sqlite"), queries.b.text("postgresql")) == ("SELECT 2;", "SELECT 3;")
    with pytest.raises(AttributeError, match="no statement named c"):
        _ = queries.c


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "twice"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 1;", "twice"),
        ("-- name: a [sqlite]\nSELECT 1;\n-- name: a [sqlite]\nSELECT 2;", "twice"),
        ("-- name: a [mysql]\nSELECT 1;", "mysql"),
    ],
)
def test_a_statement_that_is_there_twice_or_for_nobody_is_refused(source: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_queries(source)


# Migrations.


def fingerprint(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as one:
        return [
            *one.execute("SELECT name, sql FROM sqlite_schema ORDER BY name"),
            *one.execute("SELECT version, name FROM schema_migrations ORDER BY version"),
        ]


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with administered(path, busy_timeout_ms=5000, create=True) as one:
        assert migrate.applied_version(one) == 0
        assert [step.version for step in migrate.migrate(one, 1)] == [step.version for step in migrate.migrations()]
        before = fingerprint(path)
        assert migrate.migrate(one, 2) == []
        migrate.require_current(one)
    assert fingerprint(path) == before


MIGRATE = """
import sys
from pathlib import Path
from tocsin.storage.migrate import migrate, require_current
from tocsin.storage.sqlite import administered
sys.stdin.readline()
with administered(Path(sys.argv[1]), busy_timeout_ms=20000, create=True) as connection:
    print(len(migrate(connection, 1)))
    require_current(connection)
"""


def test_migrating_from_two_processes_at_once_is_safe(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    time.sleep(0.6)  # both have imported everything and wait for their line
    for one in running:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    answers = [one.communicate(timeout=60) for one in running]
    assert [one.returncode for one in running] == [0, 0], answers
    assert sum(int(out) for out, _ in answers) == len(migrate.migrations())
    assert fingerprint(path)


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [
        *migrate.migrations(),
        migrate.Migration(
            len(migrate.migrations()) + 1, "bad", "CREATE TABLE half (a BIGINT NOT NULL\n);\nNONSENSE;\n"
        ),
    ]
    monkeypatch.setattr(migrate, "migrations", lambda: steps)
    with administered(tmp_path / "new.db", busy_timeout_ms=5000, create=True) as one:
        with pytest.raises(sqlite3.OperationalError):
            migrate.migrate(one, 1)
        assert migrate.applied_version(one) == len(steps) - 1
        assert not one.execute("SELECT * FROM sqlite_schema WHERE name = 'half'").fetchall()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM schema_migrations", "run `tocsin init`"),
        ("DROP TABLE schema_migrations", "run `tocsin init`"),
        ("INSERT INTO schema_migrations VALUES (9999, 'later', 0)", "newer"),
    ],
)
def test_a_database_of_another_version_is_refused(desk: TestDesk, change: str, words: str) -> None:
    with closing(sqlite3.connect(desk.path)) as one:
        one.execute(change)
        one.commit()
    with pytest.raises(SetupError, match=re.escape(words)), desk.database():
        pass


def test_a_missing_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="tocsin init"), administered(tmp_path / "none.db", busy_timeout_ms=0):
        pass
    assert not (tmp_path / "none.db").exists()


# The engine.


@pytest.fixture
def tracing(desk: TestDesk) -> Iterator[tuple[SqliteDatabase, list[str]]]:
    """A database, and the commits and statements of its writer as they happen."""
    seen: list[str] = []

    def transaction(connection: sqlite3.Connection) -> SqliteTransaction:
        connection.set_trace_callback(seen.append)
        return SqliteTransaction(connection)

    with closing(
        SqliteDatabase(desk.path, busy_timeout_ms=5000, read_timeout_s=30, transaction=transaction)
    ) as database:
        yield database, seen


ADD = Statement("add", {"": "INSERT INTO domains (id, name, create_time) VALUES (:id, :id, 0)"})
COUNT = Statement("count", {"": "SELECT count(*) FROM domains WHERE id LIKE 'job%' AND :none IS NULL"})


def adding(name: str, error: Exception | None = None) -> Callable[[Any], str]:
    def work(tx: Any) -> str:
        tx.run(ADD, {"id": name})
        if error is not None:
            raise error
        return name

    return work


def count(database: SqliteDatabase) -> int:
    return int(database.read(lambda tx: tx.values(COUNT, {"none": None})[0]).result())


def test_writes_that_wait_together_share_a_commit_and_fail_alone(
    tracing: tuple[SqliteDatabase, list[str]],
) -> None:
    database, seen = tracing
    gate, entered = threading.Event(), threading.Event()

    def blocking(tx: Any) -> str:
        entered.set()
        assert gate.wait(10)
        return "first"

    first = database.write(blocking)
    assert entered.wait(10)
    good = [database.write(adding(f"job{n}")) for n in range(5)]
    bad = database.write(adding("job-bad", ValueError("mine alone")))
    broken = database.write(adding("job0"))  # a name that is taken by then
    good += [database.write(adding(f"job{n}")) for n in range(5, 10)]
    seen.clear()
    gate.set()
    assert first.result(60) == "first"
    assert [one.result(60) for one in good] == [f"job{n}" for n in range(10)]
    with pytest.raises(ValueError, match="mine alone"):
        bad.result(60)
    with pytest.raises(sqlite3.IntegrityError):
        broken.result(60)
    assert seen.count("COMMIT") == 2  # the first alone, all the others together
    assert count(database) == 10


def test_a_job_that_was_cancelled_while_it_waited_is_not_run(tracing: tuple[SqliteDatabase, list[str]]) -> None:
    database, _ = tracing
    gate, entered = threading.Event(), threading.Event()

    def blocking(tx: Any) -> None:
        entered.set()
        gate.wait(10)

    database.write(blocking)
    assert entered.wait(10)
    cancelled, kept = database.write(adding("job-cancelled")), database.write(adding("job-kept"))
    assert cancelled.cancel()
    gate.set()
    assert kept.result(60) == "job-kept"
    assert count(database) == 1


def test_the_writer_goes_on_after_a_job_that_broke_everything(tracing: tuple[SqliteDatabase, list[str]]) -> None:
    database, _ = tracing

    def ending_the_transaction(tx: Any) -> None:
        tx.run(Statement("oops", {"": "ROLLBACK"}), {})

    with pytest.raises((sqlite3.Error, Unavailable)):
        database.write(ending_the_transaction).result(60)
    assert database.write(adding("job-after")).result(60) == "job-after"
    assert count(database) == 1


def test_what_was_acknowledged_is_there_for_everybody_else(
    tracing: tuple[SqliteDatabase, list[str]], desk: TestDesk
) -> None:
    database, _ = tracing
    database.write(adding("job-durable")).result(60)
    with closing(sqlite3.connect(desk.path)) as other:
        assert other.execute("SELECT count(*) FROM domains WHERE id = 'job-durable'").fetchone() == (1,)
    with closing(connect(desk.path, busy_timeout_ms=0)) as ours:
        assert ours.execute("PRAGMA synchronous").fetchone() == (2,)
        assert ours.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ours.execute("PRAGMA foreign_keys").fetchone() == (1,)


ENDLESS = Statement(
    "endless", {"": "WITH RECURSIVE c(x) AS (SELECT :one UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"}
)


def test_a_read_that_takes_too_long_is_stopped(desk: TestDesk) -> None:
    with closing(SqliteDatabase(desk.path, busy_timeout_ms=5000, read_timeout_s=0.2)) as database:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="too long"):
            database.read(lambda tx: tx.values(ENDLESS, {"one": 1})).result(60)
        assert time.monotonic() - started < 30
        assert count(database) == 0


def test_a_read_cannot_write(desk: TestDesk) -> None:
    with desk.database() as database:
        with pytest.raises((sqlite3.Error, Unavailable)):
            database.read(adding("job-read")).result(60)
        assert count(database) == 0


def test_a_read_sees_one_state_from_beginning_to_end(desk: TestDesk) -> None:
    with desk.database() as database:

        def reading(tx: Any) -> tuple[int, int]:
            before = tx.values(COUNT, {"none": None})[0]
            database.write(adding("job-between")).result(60)
            return before, tx.values(COUNT, {"none": None})[0]

        assert database.read(reading).result(60) == (0, 0)
        assert count(database) == 1


def test_a_database_that_another_process_writes_to_is_unavailable_not_broken(desk: TestDesk) -> None:
    with (
        closing(SqliteDatabase(desk.path, busy_timeout_ms=50, read_timeout_s=30)) as database,
        closing(sqlite3.connect(desk.path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="busy"):
            database.write(adding("job-busy")).result(60)
        assert count(database) == 0
        other.execute("ROLLBACK")
        assert database.write(adding("job-free")).result(60) == "job-free"


def test_closing_finishes_what_was_handed_over_and_takes_nothing_more(desk: TestDesk) -> None:
    with desk.database() as database:
        handed = [database.write(adding(f"job{n}")) for n in range(200)]
        database.close()
        assert [one.result(0) for one in handed] == [f"job{n}" for n in range(200)]
        with pytest.raises(Unavailable):
            database.write(adding("job-late")).result(60)
        with pytest.raises(Unavailable):
            database.read(lambda tx: tx.values(COUNT, {"none": None})).result(60)
