"""What every engine offers: work is a function of a transaction, handed over to be run.

Handing the function over, rather than opening a transaction, lets the engine run it again after a conflict, or run
several of them in one commit. So the function must have no effect but through its transaction.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from tocsin.errors import NotYet, SetupError
from tocsin.storage.queries import Statement

T = TypeVar("T")
Params = Mapping[str, Any]


class Transaction(Protocol):
    """Statements that take effect together, or not at all."""

    @property
    def engine(self) -> str:
        """`sqlite` or `postgresql`: which text of a statement is run."""

    def rows(self, statement: Statement, record: Callable[..., T], params: Params) -> list[T]:
        """Every row as a record; the columns of the statement are the fields of the record, by name and in order."""

    def each(self, statement: Statement, record: Callable[..., T], params: Params) -> Iterator[T]:
        """`rows`, one at a time: what is not asked for is not read. Not beyond the end of the transaction."""

    def row(self, statement: Statement, record: Callable[..., T], params: Params) -> T | None:
        """The first row as a record, or None."""

    def values(self, statement: Statement, params: Params) -> list[Any]:
        """The first column of every row."""

    def run(self, statement: Statement, params: Params) -> int:
        """Run a change once; returns how many rows it touched."""

    def run_many(self, statement: Statement, params: Iterable[Params]) -> int:
        """Run a change for each set of parameters, in one call of the driver; returns how many rows all touched."""


Work = Callable[[Transaction], T]


class Database(Protocol):
    """One database, shared by all callers of a process."""

    def read(self, work: Work[T], *, brief: bool = False) -> Future[T]:
        """Run on a consistent snapshot; changes are refused.

        `brief` is for a few look-ups by key: an engine that answers from memory may run them in the calling thread.
        """

    def write(self, work: Work[T]) -> Future[T]:
        """Run and commit. The future is done once the change is durable, or failed once nothing of it is left.

        Fails with Unavailable when the database is busy, full, read-only or gone.
        """

    def close(self) -> None:
        """Finish what was handed over, then let go of all connections."""


async def finished(future: Future[T]) -> T:
    """Wait for handed-over work without blocking the event loop."""
    if future.done():
        return future.result()
    return await asyncio.wrap_future(future)


def database_file(url: str) -> Path:
    """The file of a `sqlite:///` URL. Raises NotYet for PostgreSQL and SetupError for anything else."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        raise NotYet(
            "PostgreSQL is not supported yet: this version keeps its data in SQLite. "
            "Use a URL such as sqlite:////var/lib/tocsin/tocsin.db"
        )
    path = unquote(rest[1:])
    if scheme != "sqlite" or rest[:1] != "/" or not path or path.endswith("/") or path == ":memory:" or "\0" in path:
        # Not quoted whole: a URL may hold a password.
        raise SetupError(f"the database URL ({scheme[:20]}:…) is not understood: write sqlite:///path/to/file.db")
    return Path(path).expanduser()
