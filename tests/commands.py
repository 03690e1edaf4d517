"""What the tests of the commands share: the command line in this process, on a desk of their own."""

import json
from contextlib import closing
from typing import Any, NamedTuple

from click.testing import CliRunner

from support import TestDesk
from tocsin.cli.main import main
from tocsin.storage.sqlite import connect


class Done(NamedTuple):
    status: int
    out: str
    log: str


def tocsin(*arguments: str, piped: str = "") -> Done:
    """Run a command. Whatever it raises but its exit status is a failure of the test."""
    result = CliRunner().invoke(main, arguments, input=piped, prog_name="tocsin")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def shown(desk: TestDesk, *arguments: str, piped: str = "") -> Any:
    """What a command that must succeed prints as JSON."""
    done = tocsin(*arguments, "--json", "--database", desk.url, piped=piped)
    assert (done.status, done.log) == (0, ""), done
    return json.loads(done.out)


def printed(desk: TestDesk, *arguments: str, piped: str = "") -> str:
    """What a command that must succeed prints for people."""
    done = tocsin(*arguments, "--database", desk.url, piped=piped)
    assert (done.status, done.log) == (0, ""), done
    return done.out


def refusal(desk: TestDesk, *arguments: str, piped: str = "") -> str:
    """The message of a command that must be refused, and must change nothing."""
    before = content(desk)
    done = tocsin(*arguments, "--database", desk.url, piped=piped)
    assert (done.status, done.out) == (1, ""), done
    assert done.log.startswith("tocsin: ")
    assert content(desk) == before
    return done.log


def query(desk: TestDesk, text: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(connect(desk.path, busy_timeout_ms=5000)) as connection:
        return connection.execute(text, values).fetchall()


def content(desk: TestDesk) -> list[tuple[Any, ...]]:
    """What the administration changes, row by row."""
    tables = ("users", "grants", "access_keys", "projects", "workspaces", "admin_audit", "tokens")
    return [row for table in tables for row in query(desk, f"SELECT '{table}', * FROM {table} ORDER BY 2, 3")]


def last_audit(desk: TestDesk) -> dict[str, Any]:
    """The newest row of the administration's audit, which a test's own change must have left."""
    [row, *_] = shown(desk, "audit", "--administration")
    assert row["user"].startswith("local:")
    return dict(row)
