"""A server that kills itself: `crash_server.py DATABASE POINT` prints its address, then serves until the point.

The point is the number of a statement of a write transaction, counted from 1 with BEGIN and COMMIT: the process is
killed before the engine runs it. `answer` kills it after the commit, before anybody hears of it. `count` kills nothing,
and prints every statement as it comes.
"""

import os
import signal
import socket
import sqlite3
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import uvicorn

from tocsin.app import build_app
from tocsin.settings import Settings
from tocsin.storage.database import Work
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Trap:
    """Counts the statements of the writer's connection."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.count = 0

    def transaction(self, connection: sqlite3.Connection) -> SqliteTransaction:
        """The one place that sees the connection: the writer asks for a transaction before it begins."""
        if not connection.execute("PRAGMA query_only").fetchone()[0]:
            connection.set_trace_callback(self.statement)
        return SqliteTransaction(connection)

    def statement(self, text: str) -> None:
        self.count += 1
        if self.point == "count":
            say(" ".join(text.split())[:60])
        elif self.point == str(self.count):
            die()


class Database(SqliteDatabase):
    """Dies, if asked to, when a write is durable and nobody knows yet."""

    def __init__(self, path: Path, point: str) -> None:
        super().__init__(path, busy_timeout_ms=5000, read_timeout_s=30, transaction=Trap(point).transaction)
        self._dies_after = point == "answer"

    def write(self, work: Work[Any]) -> Future[Any]:
        future = super().write(work)
        if self._dies_after:
            future.add_done_callback(lambda _: die())
        return future


def main(path: str, point: str) -> None:
    settings = Settings(database=f"sqlite:///{path}", log_level="error")
    app = build_app(settings, Database(Path(path), point))
    listener = socket.create_server(("127.0.0.1", 0))
    say(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
