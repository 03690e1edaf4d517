"""How much of the database's own speed a conversion keeps on its way through HTTP.

Each call is made three times, in blocks that take turns: as a signed POST to a real server on one SQLite file; as the
service call without HTTP, in process; and as the very statements and parameters of that call, recorded beforehand, run
straight on a copy of the file by the same driver, committed as durably. The ratio is the rate over HTTP as a part of
the rate of the other; 100 % would mean that signature, parsing, decisions and the answer cost nothing. Times depend on
the machine, ratios hardly.
"""

import argparse
import gc
import json
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tocsin.administration.service import Setup
from tocsin.clock import now_ms
from tocsin.conversion.records import Order, Rules
from tocsin.conversion.service import convert_alerts
from tocsin.identity.records import Caller
from tocsin.identity.signing import sdk_date, sign
from tocsin.ids import new_id
from tocsin.objects.documents import prepare_new
from tocsin.objects.records import ALERTS
from tocsin.objects.service import MADE_BY_CLIENT, NewObject, insert_objects
from tocsin.storage.database import Params, Transaction
from tocsin.storage.queries import Statement
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction, connect
from tocsin.workspaces.records import Scope

# Alerts in a call, and calls in a round: a round of each size takes about as long.
SIZES = {1: 60, 100: 20, 999: 3}
GOALS = {1: None, 100: 75, 999: None}
ROUNDS = 7
INSERT_BATCH = 1000

Recorded = list[tuple[str, Any, bool]]
Key = tuple[int, int, int]  # round, size, position


class RecordingTransaction(SqliteTransaction):
    """Notes every statement with its parameters, in the order in which it is run."""

    def __init__(self, connection: sqlite3.Connection, notes: Recorded) -> None:
        super().__init__(connection)
        self._notes = notes

    def rows(self, statement: Statement, record: Callable[..., Any], params: Params) -> list[Any]:
        self._notes.append((statement.text(self.engine), params, False))
        return super().rows(statement, record, params)

    def values(self, statement: Statement, params: Params) -> list[Any]:
        self._notes.append((statement.text(self.engine), params, False))
        return super().values(statement, params)

    def run(self, statement: Statement, params: Params) -> int:
        self._notes.append((statement.text(self.engine), params, False))
        return super().run(statement, params)

    def run_many(self, statement: Statement, params: Iterable[Params]) -> int:
        kept = list(params)
        self._notes.append((statement.text(self.engine), kept, True))
        return super().run_many(statement, kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        results = measure(Path(folder), options.rounds)
    if options.json:
        print(json.dumps(results))
    else:
        show(results)


def measure(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """One result for each size: medians of the rounds, and their spread."""
    desk, calls = prepared(folder, rounds)
    recorded = record(folder, desk, calls)
    for name in ("bare.db", "process.db"):
        shutil.copy(folder / "template.db", folder / name)
    # As the server does: what is there already is not looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    seconds: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
    with (
        serving(folder / "template.db") as server,
        closing(Api(server, desk)) as api,
        closing(connect(folder / "bare.db", busy_timeout_ms=5000)) as bare,
        closing(SqliteDatabase(folder / "process.db", busy_timeout_ms=5000, read_timeout_s=60)) as database,
    ):
        ways: list[tuple[str, Callable[[Key], float]]] = [
            ("http", lambda key: api.convert(calls[key])),
            ("process", lambda key: in_process(database, desk, calls[key])),
            ("bare", lambda key: replay(bare, recorded[key])),
        ]
        for number in range(rounds):
            for size, count in SIZES.items():
                # Blocks in turn, and the first one changes, so that none always finds the warmer machine.
                turn = number % len(ways)
                taken = {
                    name: sum(way((number, size, position)) for position in range(count))
                    for name, way in ways[turn:] + ways[:turn]
                }
                seconds[size].append(taken)
    return [result(size, rounds, seconds[size]) for size in SIZES]


def result(size: int, rounds: int, seconds: list[dict[str, float]]) -> dict[str, Any]:
    of_bare = [one["bare"] / one["http"] * 100 for one in seconds]
    of_process = [one["process"] / one["http"] * 100 for one in seconds]
    milliseconds = {
        f"{name}_ms": round(statistics.median(one[name] for one in seconds) / SIZES[size] * 1000, 2)
        for name in ("http", "process", "bare")
    }
    return {
        "alerts": size,
        "of_bare_percent": round(statistics.median(of_bare), 1),
        "of_bare_lowest": round(min(of_bare), 1),
        "of_bare_highest": round(max(of_bare), 1),
        "of_process_percent": round(statistics.median(of_process), 1),
        "of_process_lowest": round(min(of_process), 1),
        "of_process_highest": round(max(of_process), 1),
        **milliseconds,
        "rounds": rounds,
        "calls_per_round": SIZES[size],
        "goal_of_bare_percent": GOALS[size],
    }


def show(results: list[dict[str, Any]]) -> None:
    print("batch-order over HTTP, signed, on SQLite: its rate, as a part of the rate of")
    print("  bare     its own statements and parameters, recorded, run by the same driver on a copy of the file")
    print("  process  the same service call without HTTP, in one process\n")
    print(f"{'alerts':>6}  {'of bare':>22}  {'of process':>22}  {'HTTP ms':>8}  {'process':>8}  {'bare':>8}  goal")
    for one in results:
        goal = one["goal_of_bare_percent"]
        verdict = "-" if goal is None else f"{goal} % of bare: {'met' if one['of_bare_percent'] >= goal else 'MISSED'}"
        bare = f"{one['of_bare_percent']} % ({one['of_bare_lowest']}-{one['of_bare_highest']})"
        process = f"{one['of_process_percent']} % ({one['of_process_lowest']}-{one['of_process_highest']})"
        print(
            f"{one['alerts']:>6}  {bare:>22}  {process:>22}  {one['http_ms']:>8}  {one['process_ms']:>8}  "
            f"{one['bare_ms']:>8}  {verdict}"
        )
    print(f"\nMedians of {results[0]['rounds']} rounds (lowest-highest), taking turns in one run.")


def in_process(database: SqliteDatabase, desk: Setup, ids: list[str]) -> float:
    """Seconds that the service call takes without HTTP, commit included."""
    order, scope = msgspec.convert(body_of(ids), Order), scope_of(desk)
    started = time.perf_counter()
    database.write(lambda tx: convert_alerts(tx, scope, order, Rules())).result()
    return time.perf_counter() - started


def prepared(folder: Path, rounds: int) -> tuple[Setup, dict[Key, list[str]]]:
    """A database with an alert for every id that will be converted, and the ids of each call."""
    made = tocsin("init", "--database", f"sqlite:///{folder / 'template.db'}", "--json")
    desk = msgspec.json.decode(made, type=Setup)
    calls: dict[Key, list[str]] = {}
    for number in range(rounds):
        for size, count in SIZES.items():
            for position in range(count):
                calls[number, size, position] = [new_id() for _ in range(size)]
    ids = [one for call in calls.values() for one in call]
    with closing(SqliteDatabase(folder / "template.db", busy_timeout_ms=5000, read_timeout_s=60)) as database:
        scope = scope_of(desk)
        for start in range(0, len(ids), INSERT_BATCH):
            new = [sample(one, number, scope) for number, one in enumerate(ids[start : start + INSERT_BATCH], start)]
            database.write(lambda tx, new=new: insert_objects(tx, scope, ALERTS, new, origin=MADE_BY_CLIENT)).result()
    with closing(sqlite3.connect(folder / "template.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(folder / "template.db", folder / "recording.db")
    return desk, calls


def sample(alert_id: str, number: int, scope: Scope) -> NewObject:
    """An alert with a document of about 1.7 KB."""
    data_object = {
        "title": f"Beacon to a known command server, seen by sensor {number % 7}",
        "description": "The host opens a connection every sixty seconds to an address on a block list. " * 5,
        "severity": ("Low", "Medium", "High")[number % 3],
        "alert_type": {"category": "Command and Control", "alert_type": "Beacon"},
        "labels": f"sid:{number % 500},action:allowed,app_proto:tls,in_iface:eno1",
        "first_observed_time": "2026-03-02T08:41:12.418+01:00",
        "last_observed_time": "2026-03-02T08:41:12.418+01:00",
        "count": 1,
        "confidence": 60,
        "environment": {"vendor_type": "On-premises", "region_id": "site-1"},
        "data_source": {"source_type": 2, "company_name": "OISF", "product_name": "Suricata", "product_feature": "IDS"},
        "network_list": [
            {
                "direction": "OUT",
                "protocol": "TCP",
                "src_ip": f"10.20.{number % 200}.{number % 250}",
                "src_port": 1024 + number % 60000,
                "dest_ip": f"203.0.113.{number % 250}",
                "dest_port": "443",
                "dest_domain": "updates.example",
            }
        ],
        "resource_list": [{"name": f"10.20.{number % 200}.{number % 250}", "type": "ip"}],
        "system_info": {"flow_id": str(number * 7919), "note": "x" * 400},
    }
    prepared_one = prepare_new(
        ALERTS,
        msgspec.json.encode(data_object),
        creator="bench",
        now_ms=scope.now_ms,
        offset_min=scope.offset_min,
    )
    return NewObject(id=alert_id, prepared=prepared_one)


def body_of(ids: list[str]) -> dict[str, Any]:
    return {
        "ids": ids,
        "incident_content": {
            "title": "Beacons to one command server",
            "incident_type": {"category": "Malware", "incident_type": "Rootkit"},
        },
    }


def record(folder: Path, desk: Setup, calls: dict[Key, list[str]]) -> dict[Key, Recorded]:
    """The statements of every call, from a run on a copy of its own."""
    recorded: dict[Key, Recorded] = {}
    notes: Recorded = []

    def noting(connection: sqlite3.Connection) -> Transaction:
        return RecordingTransaction(connection, notes)

    path = folder / "recording.db"
    with closing(SqliteDatabase(path, busy_timeout_ms=5000, read_timeout_s=60, transaction=noting)) as database:
        for key, ids in calls.items():
            notes.clear()
            order = msgspec.convert(body_of(ids), Order)
            scope = scope_of(desk)
            outcome = database.write(
                lambda tx, order=order, scope=scope: convert_alerts(tx, scope, order, Rules())
            ).result()
            if not all(result.outcome == "converted" for result in outcome.results):
                raise RuntimeError("an alert of the benchmark was not converted")
            recorded[key] = list(notes)
    return recorded


def replay(connection: sqlite3.Connection, statements: Recorded) -> float:
    """Seconds that the bare statements take, commit included."""
    started = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for text, params, many in statements:
        if many:
            connection.executemany(text, params)
        else:
            connection.execute(text, params).fetchall()
    connection.execute("COMMIT")
    return time.perf_counter() - started


def scope_of(desk: Setup) -> Scope:
    caller = Caller(user_id="bench", user_name="bench", domain_id="", domain_name="")
    return Scope(
        workspace_id=desk.workspace_id or "",
        project_id=desk.project_id,
        caller=caller,
        operation="create_batch_order_alerts",
        request_id=f"{new_id()}-{now_ms()}-benchmark",
        now_ms=now_ms(),
        offset_min=480,
    )


class Api:
    """One client that keeps its connection. A request is signed and put together before the clock starts, and sent at
    once, so that what is measured is the server and not a client library."""

    def __init__(self, server: str, desk: Setup) -> None:
        target = urlsplit(server)
        self._host = target.netloc
        self._path = f"/v1/{desk.project_id}/workspaces/{desk.workspace_id}/soc/alerts/batch-order"
        self._access = desk.access_key or ""
        self._secret = desk.secret_key or ""
        self._socket = socket.create_connection((target.hostname or "", target.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def convert(self, ids: list[str]) -> float:
        """Seconds from sending to the whole answer."""
        request = self._request(ids)
        started = time.perf_counter()
        self._socket.sendall(request)
        head, answer = self._answer()
        seconds = time.perf_counter() - started
        if b" 200 " not in head[:16] or json.loads(answer)["data"]["success_ids"] != ids:
            raise RuntimeError(f"a conversion failed: {head[:16]!r} {answer[:500]!r}")
        return seconds

    def _request(self, ids: list[str]) -> bytes:
        content = json.dumps(body_of(ids)).encode()
        headers = sign(
            method="POST",
            host=self._host,
            path=self._path,
            query="",
            headers={"Content-Type": "application/json"},
            body=content,
            access=self._access,
            secret=self._secret,
            date=sdk_date(now_ms()),
        )
        lines = [f"POST {self._path} HTTP/1.1", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content

    def _answer(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self._received()
        return head, body

    def _received(self) -> bytes:
        block = self._socket.recv(1 << 18)
        if not block:
            raise RuntimeError("the server hung up")
        return block

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving(path: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "serve", "--database", f"sqlite:///{path}", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.stdout.readline().decode().split()[-1] if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


def tocsin(*arguments: str) -> bytes:
    return subprocess.run([sys.executable, "-m", "tocsin", *arguments], check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main()
