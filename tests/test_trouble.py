"""The database cannot: busy, full, read-only, gone. The answer is an honest 503, nothing is half-written, and the
server goes on as soon as the trouble is over."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import pytest

from conversion_cases import add_objects, check_invariants, contents, leaks_nothing, rows
from support import Client, TestDesk, serving

KEY = {"X-Idempotency-Key": "in trouble"}
WRITES: dict[str, Callable[[Client, str], httpx.Response]] = {
    "create": lambda client, _: client.post("alerts", {"data_object": {"title": "T"}}),
    "update": lambda client, one: client.put(f"alerts/{one}", {"data_object": {"severity": "High"}}),
    "delete": lambda client, one: client.delete("alerts", {"batch_ids": [one]}),
    "convert": lambda client, one: client.post("alerts/batch-order", {"ids": [one]}),
    "convert with a key": lambda client, one: client.post("alerts/batch-order", {"ids": [one]}, headers=KEY),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def check_unavailable(answer: httpx.Response, desk: TestDesk) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "SecMaster.20040000"
    assert set(answer.json()) == {"code", "message"}
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["X-request-id"]
    leaks_nothing(answer.text, desk)


@contextmanager
def locked(desk: TestDesk) -> Iterator[None]:
    """Another program that holds the only write lock."""
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


# Busy.


@each_write
def test_a_locked_database_is_answered_503_and_works_again_when_released(
    write: Callable[[Client, str], httpx.Response], desk: TestDesk
) -> None:
    (alert_id,) = add_objects(desk, [{}])
    with serving(desk, busy_timeout_ms=50) as base, Client(base, desk) as client:
        before = contents(desk)
        with locked(desk):
            for _ in range(2):
                started = time.monotonic()
                check_unavailable(write(client, alert_id), desk)
                assert time.monotonic() - started < 60
            assert client.search()["total"] == 1  # reading goes on
            assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert contents(desk) == before
        assert write(client, alert_id).status_code == 200
    check_invariants(desk)


def test_a_short_lock_is_waited_for(desk: TestDesk) -> None:
    ids = add_objects(desk, [{}])
    with serving(desk, busy_timeout_ms=20_000) as base, Client(base, desk) as client, ThreadPoolExecutor(1) as pool:
        with locked(desk):
            future = pool.submit(client.order, ids)
            time.sleep(0.3)
            assert not future.done()
        assert future.result()["success_ids"] == ids


def test_many_writes_against_a_lock_are_all_refused_and_none_is_lost_later(desk: TestDesk) -> None:
    ids = add_objects(desk, ({} for _ in range(12)))

    def convert(one: str) -> httpx.Response:
        with Client(base, desk) as client:
            return client.post("alerts/batch-order", {"ids": [one]}, headers={"X-Idempotency-Key": one})

    with serving(desk, busy_timeout_ms=50) as base, ThreadPoolExecutor(12) as pool:
        before = contents(desk)
        with locked(desk):
            for answer in pool.map(convert, ids):
                check_unavailable(answer, desk)
        assert contents(desk) == before
        assert [answer.json()["data"]["success_ids"] for answer in pool.map(convert, ids)] == [[one] for one in ids]
    check_invariants(desk)


# Servers that are processes, so that limits and rights of their own can be set.

# Without this right root, too, may only do what the mode of a file says; for anybody else it changes nothing.
_WITHOUT_OVERRIDE = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@contextmanager
def process(desk: TestDesk) -> Iterator[tuple[str, int]]:
    """`tocsin serve`; yields its base URL and process id."""
    server = subprocess.Popen(
        [sys.executable, "-c", _WITHOUT_OVERRIDE, sys.executable, "-m", "tocsin", "serve", "--database", desk.url,
         "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "TOCSIN_LOG_LEVEL": "error"},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1], server.pid
        assert server.poll() is None  # it lived through all of it
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=120)


# Full.


@contextmanager
def full_disk(process_id: int, size: int) -> Iterator[None]:
    """No file of the process can grow beyond this size: a disk with little left."""
    soft, hard = resource.prlimit(process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(process_id, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
@pytest.mark.parametrize(
    ("alerts", "size"), [(3, 100_000), (30, 200_000)], ids=["found at the commit", "found between statements"]
)
def test_a_full_disk_is_answered_503_and_works_again_when_there_is_room(alerts: int, size: int, desk: TestDesk) -> None:
    ids = add_objects(desk, ({"system_info": {"text": "x" * size}} for _ in range(alerts)))
    with process(desk) as (base, process_id), Client(base, desk) as client:
        client.create_alert()
        before = contents(desk)
        with full_disk(process_id, 64 * 1024):
            for _ in range(3):
                check_unavailable(client.post("alerts/batch-order", {"ids": ids}, headers=KEY), desk)
                check_unavailable(client.post("alerts/batch-order", {"ids": ids}), desk)
                big = {"data_object": {"title": "T", "system_info": {"text": "x" * 200_000}}}
                check_unavailable(client.post("alerts", big), desk)
                assert client.search(limit=1)["total"] == alerts + 1  # reading goes on
        assert contents(desk) == before
        answer = client.post("alerts/batch-order", {"ids": ids}, headers=KEY)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["success_ids"] == ids
        assert client.post("alerts/batch-order", {"ids": ids}, headers=KEY).content == answer.content
    check_invariants(desk)
    assert rows(desk, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
def test_calls_that_fit_go_on_beside_one_that_does_not(desk: TestDesk) -> None:
    """Writes that wait together share a commit; one that the disk refuses must not report success for the others."""
    ids = add_objects(desk, ({"system_info": {"text": "x" * 100_000}} for _ in range(10)))
    answers: dict[str, int] = {}
    with process(desk) as (base, process_id):

        def convert(one: str) -> None:
            with Client(base, desk) as client:
                answers[one] = client.post("alerts/batch-order", {"ids": [one]}).status_code

        with Client(base, desk) as client:
            client.create_alert()
        with full_disk(process_id, 400 * 1024):
            threads = [threading.Thread(target=convert, args=(one,)) for one in ids]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert set(answers.values()) <= {200, 503}
        assert 503 in answers.values()
        with Client(base, desk) as client:
            for one, status in answers.items():
                assert bool(client.show(f"alerts/{one}")["incident_list"]) is (status == 200)
            assert client.order([one for one in ids if answers[one] == 503])["error_ids"] == []
    check_invariants(desk)


# Read-only, gone, or no database at all.


def test_a_read_only_file_is_answered_503_and_works_again_when_it_is_not(desk: TestDesk) -> None:
    (alert_id,) = add_objects(desk, [{}])
    with process(desk) as (base, _), Client(base, desk) as client:
        assert client.search()["total"] == 1
        before = contents(desk)
        desk.path.chmod(0o444)
        try:
            for write in WRITES.values():
                check_unavailable(write(client, alert_id), desk)
            assert client.search()["total"] == 1  # reading goes on
        finally:
            desk.path.chmod(0o644)
        assert contents(desk) == before
        for _ in range(5):  # SQLite gives its log file the new mode on the way, so the first one may still be refused
            answer = client.post("alerts/batch-order", {"ids": [alert_id]})
            if answer.status_code == 200:
                break
            check_unavailable(answer, desk)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["success_ids"] == [alert_id]
    check_invariants(desk)


def test_a_file_that_is_gone_is_answered_503_and_works_again_when_it_is_back(desk: TestDesk) -> None:
    (alert_id,) = add_objects(desk, [{}])
    away = desk.path.with_name("away.db")
    with serving(desk) as base, Client(base, desk) as client:
        desk.path.rename(away)
        for write in WRITES.values():
            check_unavailable(write(client, alert_id), desk)
        read = client.get(f"alerts/{alert_id}")  # a reader that has the file open may go on
        assert read.status_code in {200, 503}
        leaks_nothing(read.text, desk)
        assert not desk.path.exists()  # nobody made an empty one
        away.rename(desk.path)
        assert client.order([alert_id])["success_ids"] == [alert_id]
    check_invariants(desk)


@pytest.mark.parametrize("damage", [b"this is no database " * 100, b""], ids=["garbage", "empty"])
def test_a_file_that_is_no_database_is_answered_without_a_word_about_it(damage: bytes, desk: TestDesk) -> None:
    (alert_id,) = add_objects(desk, [{}])
    good = desk.path.read_bytes()
    with serving(desk) as base, Client(base, desk) as client:
        desk.path.write_bytes(damage)
        for write in WRITES.values():
            answer = write(client, alert_id)
            if damage:
                check_unavailable(answer, desk)
            assert answer.status_code in {500, 503}
            assert set(answer.json()) == {"code", "message"}
            leaks_nothing(answer.text, desk)
        for file in desk.path.parent.glob("desk.db-*"):
            file.unlink()
        desk.path.write_bytes(good)
    with serving(desk) as base, Client(base, desk) as client:
        assert client.order([alert_id])["success_ids"] == [alert_id]
