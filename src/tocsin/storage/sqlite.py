"""SQLite: one writer connection on a thread of its own, readers apart, durable by default.

Writes that wait together share a commit, each in its own savepoint, so that the disk is waited for once for many.
"""

import functools
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from tocsin.errors import Busy, SetupError, Unavailable
from tocsin.storage.database import Params, Transaction, Work
from tocsin.storage.queries import Statement

T = TypeVar("T")

MINIMUM_VERSION = (3, 38, 0)  # the -> and ->> operators, STRICT tables and RETURNING
READERS = 4  # a reader holds no lock in WAL; more threads than this only wait for the interpreter
GROUP_LIMIT = 64  # writes that share a commit at most, so that the first does not wait for an endless queue
STATEMENT_CACHE = 512
STEPS_BETWEEN_LOOKS = 100_000  # virtual machine steps between two looks at the clock: a few milliseconds

# SQLite's primary result codes for "not now": the caller may try again, nothing was changed.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "the database is busy: another process is writing to it",
    sqlite3.SQLITE_LOCKED: "the database is busy",
    sqlite3.SQLITE_FULL: "the disk that holds the database is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_IOERR: "the disk that holds the database fails or is full",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_NOMEM: "the database is out of memory",
    sqlite3.SQLITE_INTERRUPT: "the search took too long and was stopped: narrow it, or sort by create_time",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the database file is not a database",
}
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _translated(error: BaseException) -> BaseException:
    """The one place where SQLite's errors become ours."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = _UNAVAILABLE.get(code & 0xFF) if code is not None else None
    if code is None or reason is None:
        return error
    return Busy(reason) if code & 0xFF in _BUSY else Unavailable(reason)


class SqliteTransaction:
    """Statements on one connection, inside a transaction that somebody else opened and will end."""

    engine = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: Statement, record: Callable[..., T], params: Params) -> list[T]:
        return list(self.each(statement, record, params))

    def each(self, statement: Statement, record: Callable[..., T], params: Params) -> Iterator[T]:
        cursor = self._connection.execute(statement.text(self.engine), params)
        reader = _row_reader(record, tuple(column[0] for column in cursor.description))
        return map(reader, cursor)

    def row(self, statement: Statement, record: Callable[..., T], params: Params) -> T | None:
        found = self.rows(statement, record, params)
        return found[0] if found else None

    def values(self, statement: Statement, params: Params) -> list[Any]:
        return [row[0] for row in self._connection.execute(statement.text(self.engine), params)]

    def run(self, statement: Statement, params: Params) -> int:
        return self._connection.execute(statement.text(self.engine), params).rowcount

    def run_many(self, statement: Statement, params: Iterable[Params]) -> int:
        return self._connection.executemany(statement.text(self.engine), params).rowcount


@functools.lru_cache(maxsize=STATEMENT_CACHE)
def _row_reader(record: Callable[..., T], columns: tuple[str, ...]) -> Callable[[tuple[Any, ...]], T]:
    """Check once that columns and fields agree; booleans, which SQLite keeps as 0 and 1, become bool again."""
    fields = record.__struct_fields__ if isinstance(record, type) and issubclass(record, msgspec.Struct) else None
    if fields is None:
        return lambda row: record(*row)
    if fields != columns:
        raise TypeError(f"{record} has the fields {fields}, the statement gives {columns}")
    hints = get_type_hints(record)
    flags = [index for index, name in enumerate(fields) if hints[name] in (bool, bool | None)]
    if not flags:
        return lambda row: record(*row)

    def read(row: tuple[Any, ...]) -> T:
        cells = list(row)
        for index in flags:
            cells[index] = None if cells[index] is None else bool(cells[index])
        return record(*cells)

    return read


class SqliteDatabase:
    """A SQLite file as a `Database`."""

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_ms: int,
        read_timeout_s: float,
        transaction: Callable[[sqlite3.Connection], Transaction] = SqliteTransaction,
    ) -> None:
        if sqlite3.sqlite_version_info < MINIMUM_VERSION:
            needed = ".".join(map(str, MINIMUM_VERSION))
            raise SetupError(f"this Python has SQLite {sqlite3.sqlite_version}; Tocsin needs {needed} or newer")
        self._path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._read_timeout_s = read_timeout_s
        self._transaction = transaction
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._jobs: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._writer = threading.Thread(target=self._write_jobs, name="sqlite-writer", daemon=True)
        self._closed = False
        self._lock = threading.Lock()
        self._writer.start()

    def read(self, work: Work[T], *, brief: bool = False) -> Future[T]:
        if brief and not self._closed and (done := self._read_here(work)) is not None:
            return done
        with self._lock:
            if self._closed:
                raise Unavailable("the database is closed")
            return self._readers.submit(self._read, work)

    def write(self, work: Work[T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable("the database is closed")
            self._jobs.put((work, future))
        return future

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown(wait=True)
        for connection in self._reader_connections:
            connection.close()

    # Readers.

    def _read_here(self, work: Work[T]) -> Future[T] | None:
        """A brief read in the calling thread; None when it would have to wait. In WAL a reader hardly ever does.

        Saves two changes of thread, which cost more than the look-ups themselves.
        """
        future: Future[T] = Future()
        try:
            future.set_result(self._on_snapshot(self._reader_connection(busy_timeout_ms=0), work))
        except sqlite3.Error as error:
            if isinstance(_translated(error), Busy):
                return None
            future.set_exception(_translated(error))
        except Exception as error:  # noqa: BLE001  # the work's own error belongs to whoever waits for it
            future.set_exception(error)
        return future

    def _read(self, work: Work[T]) -> T:
        try:
            connection = self._reader_connection(busy_timeout_ms=self._busy_timeout_ms)
            with _time_limit(connection, self._read_timeout_s):
                return self._on_snapshot(connection, work)
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _on_snapshot(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        connection.execute("BEGIN")
        try:
            return work(self._transaction(connection))
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _reader_connection(self, *, busy_timeout_ms: int) -> sqlite3.Connection:
        """This thread's own connection."""
        file = _identity(self._path)
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.file != file:
            connection = connect(self._path, busy_timeout_ms=busy_timeout_ms)
            self._reader_connections.append(connection)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection, self._local.file = connection, file
        return connection

    # The writer.

    def _write_jobs(self) -> None:
        connection: sqlite3.Connection | None = None
        opened: tuple[int, int] | None = None
        for group in self._groups():
            try:
                if (file := _identity(self._path)) != opened and connection is not None:
                    connection.close()
                    connection = None
                connection = connection or connect(self._path, busy_timeout_ms=self._busy_timeout_ms)
                opened = file
                self._commit_together(connection, group)
            except BaseException as error:  # noqa: BLE001  # the writer must outlive whatever a job or the disk does
                if connection is not None:
                    connection.close()
                    connection = None
                _fail(group, _translated(error))
        if connection is not None:
            connection.close()

    def _groups(self) -> Iterator[list[tuple[Work[Any], Future[Any]]]]:
        """Jobs as they come, those that wait already together. Ends after the job None."""
        while (job := self._jobs.get()) is not None:
            group = [job]
            while len(group) < GROUP_LIMIT:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._jobs.put(None)
                    break
                group.append(following)
            group = [(work, future) for work, future in group if future.set_running_or_notify_cancel()]
            if group:
                yield group

    def _commit_together(self, connection: sqlite3.Connection, group: list[tuple[Work[Any], Future[Any]]]) -> None:
        transaction = self._transaction(connection)
        done: list[tuple[Future[Any], Any]] = []
        refused: list[tuple[Future[Any], BaseException]] = []
        # One job alone needs no savepoint, for which the engine keeps a copy of every page that is touched.
        shared = len(group) > 1
        connection.execute("BEGIN IMMEDIATE")
        try:
            for work, future in group:
                try:
                    done.append((future, _run(connection, work, transaction, in_savepoint=shared)))
                except Exception as error:  # one job's failure is its own; the others go on
                    if isinstance(_translated(error), Unavailable) or connection.in_transaction != shared:
                        raise  # trouble of the engine, not of the job: nobody's work may be there
                    refused.append((future, _translated(error)))
            if shared or done:
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for future, result in done:
            future.set_result(result)
        for future, reason in refused:
            future.set_exception(reason)


def _run(connection: sqlite3.Connection, work: Work[T], transaction: Transaction, *, in_savepoint: bool) -> T:
    """Run one job; when it fails, nothing of it is left."""
    if in_savepoint:
        connection.execute("SAVEPOINT job")
    try:
        return work(transaction)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO job" if in_savepoint else "ROLLBACK")
        raise
    finally:
        if in_savepoint and connection.in_transaction:
            connection.execute("RELEASE job")


def _fail(group: list[tuple[Work[Any], Future[Any]]], error: BaseException) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


def _identity(path: Path) -> tuple[int, int]:
    """Which file a path means now. A connection to a file that was moved or replaced would write into nothing.

    Raises Unavailable when there is none.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise Unavailable("the database file is gone") from error
    return found.st_dev, found.st_ino


@contextmanager
def _time_limit(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Interrupt whatever runs longer. A look at the clock every few milliseconds costs nothing measurable."""
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def connect(path: Path, *, busy_timeout_ms: int) -> sqlite3.Connection:
    """A connection with the settings that every one of ours has. Raises sqlite3.Error, for a missing file too."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",  # never make an empty database where one is gone
        uri=True,
        timeout=busy_timeout_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENT_CACHE,
    )
    try:
        _use_wal(connection, deadline=time.monotonic() + busy_timeout_ms / 1000)
        connection.execute("PRAGMA synchronous = FULL")  # an acknowledged write survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # copies for savepoints and sorting need no file
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, *, deadline: float) -> None:
    """SQLite does not wait when two processes switch a new file over at once; so we do."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or not isinstance(_translated(error), Busy):
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def administered(path: Path, *, busy_timeout_ms: int, create: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection for setting up and checking. Raises SetupError, naming the file, for whatever is wrong with it."""
    if create:
        _create_private(path)
    elif not path.is_file():
        raise SetupError(
            f"there is no database at {path.absolute()}: run `tocsin init` first "
            "(an absolute path is written with four slashes: sqlite:////var/lib/tocsin/tocsin.db)"
        )
    try:
        with closing(connect(path, busy_timeout_ms=busy_timeout_ms)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise SetupError(f"{_translated(error)}: {path.absolute()}") from error


def _create_private(path: Path) -> None:
    """An empty file for its owner only: alerts and password hashes are nobody else's business."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SetupError(f"the database {path.absolute()} cannot be made: {reason}") from error
