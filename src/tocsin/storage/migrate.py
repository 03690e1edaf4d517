"""The schema, as numbered forward steps; written once in PostgreSQL's types, spelled for SQLite here.

A step is applied in one transaction together with the row that records it, so that a crash leaves it done or undone.
"""

import re
import sqlite3
from importlib import resources

import msgspec

from tocsin.errors import SetupError

_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")
# SQLite's STRICT tables know these names only; a boolean there is an integer that is 0 or 1.
_SPELLINGS = (
    (re.compile(r"\bBIGINT\b"), "INTEGER"),
    (re.compile(r"\bBYTEA\b"), "BLOB"),
    (re.compile(r"\b(\w+) BOOLEAN\b"), r"\1 INTEGER CHECK (\1 IN (0, 1))"),
    (re.compile(r"^\);$", re.MULTILINE), ") STRICT;"),
)


class Migration(msgspec.Struct, frozen=True):
    version: int
    name: str
    source: str


def migrations() -> list[Migration]:
    """Every step, in order. Raises ValueError when the numbers have a gap."""
    folder = resources.files(__package__).joinpath("migrations")
    found = [
        Migration(int(match["version"]), match["name"], entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if (match := _NAME.match(entry.name))
    ]
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations must be numbered 1, 2, 3, ... without a gap")
    return found


def sqlite_statements(source: str) -> list[str]:
    for pattern, spelling in _SPELLINGS:
        source = pattern.sub(spelling, source)
    source = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in source.split(";\n") if statement.strip()]


def applied_version(connection: sqlite3.Connection) -> int:
    """The newest step that the database has; 0 for an empty one."""
    try:
        row = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return 0
        raise
    return int(row[0] or 0)


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    if applied_version(connection) == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise SetupError("the database belongs to another program: choose another file")


def migrate(connection: sqlite3.Connection, now_ms: int) -> list[Migration]:
    """Apply the missing steps and return them. Safe to run twice, and at once from two processes."""
    _refuse_foreign(connection)
    done = []
    for step in migrations():
        connection.execute("BEGIN IMMEDIATE")
        try:
            if applied_version(connection) < step.version:
                for statement in sqlite_statements(step.source):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO schema_migrations (version, name, apply_time) VALUES (?, ?, ?)",
                    (step.version, step.name, now_ms),
                )
                done.append(step)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return done


def require_current(connection: sqlite3.Connection) -> None:
    """Raise SetupError unless the schema is exactly the one this program was written for."""
    have, need = applied_version(connection), len(migrations())
    if have < need:
        raise SetupError(f"the database has schema version {have}, this Tocsin needs {need}: run `tocsin init`")
    if have > need:
        raise SetupError(f"the database has schema version {have}, newer than this Tocsin knows ({need}): upgrade it")
