"""A server killed at any instant of a conversion leaves all of it or nothing, and a repeat completes it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from conversion_cases import add_objects, check_invariants, contents, rows
from support import Client, TestDesk, copy_desk, serving

PROGRAM = Path(__file__).with_name("crash_server.py")
KEY = {"X-Idempotency-Key": "crash"}
ALERTS = ({"title": "A", "severity": "High"}, {"title": "B", "handle_status": "Block"})


@contextmanager
def doomed(desk: TestDesk, point: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server that dies at this point; it is gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(desk.path), point],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate(timeout=120)


def convert(client: Client, ids: list[str]) -> httpx.Response:
    return client.post("alerts/batch-order", {"ids": ids, "marked_evidence": True}, headers=KEY)


def with_alerts(desk: TestDesk) -> tuple[TestDesk, list[str]]:
    return desk, add_objects(desk, ALERTS)


def conversion_state(desk: TestDesk) -> dict[str, Any]:
    """What a conversion leaves behind, part by part."""
    count = "SELECT count(*) AS n FROM"
    return {
        "incidents": rows(desk, f"{count} data_objects WHERE dataclass = 'incidents'")[0]["n"],
        "closed": rows(desk, f"{count} data_objects WHERE handle_status = 'Closed' AND close_time > 0")[0]["n"],
        "marked": rows(desk, f"{count} data_objects WHERE incident_id IS NOT NULL")[0]["n"],
        "relations": rows(desk, f"{count} relations")[0]["n"],
        "conversions": rows(desk, f"{count} conversions")[0]["n"],
        "audit": rows(desk, f"{count} audit WHERE operation = 'create_batch_order_alerts'")[0]["n"],
        "answers": rows(desk, f"{count} requests WHERE status = 200 AND answer IS NOT NULL")[0]["n"],
    }


NOTHING = {"incidents": 0, "closed": 0, "marked": 0, "relations": 0, "conversions": 0, "audit": 0, "answers": 0}
ALL = {"incidents": 1, "closed": 2, "marked": 2, "relations": 2, "conversions": 1, "audit": 3, "answers": 1}


@pytest.fixture(scope="module")
def prepared(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> tuple[TestDesk, list[str]]:
    return with_alerts(copy_desk(template, tmp_path_factory.mktemp("crash")))


@pytest.fixture(scope="module")
def statements(prepared: tuple[TestDesk, list[str]], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The statements of a conversion that nobody disturbs."""
    desk = copy_desk(prepared[0], tmp_path_factory.mktemp("count"))
    with doomed(desk, "count") as (base, process):
        with Client(base, desk) as client:
            assert convert(client, prepared[1]).status_code == 200
        process.terminate()
        lines = process.communicate(timeout=120)[0].splitlines()
    assert conversion_state(desk) == ALL
    return lines[: lines.index("COMMIT") + 1]


def check_crash(desk: TestDesk, ids: list[str], point: str, *, expected: Callable[[], dict[str, int]]) -> None:
    before = contents(desk)
    with doomed(desk, point) as (base, process), Client(base, desk) as client:
        with pytest.raises(httpx.TransportError):
            convert(client, ids)
        assert process.wait(timeout=120) == -signal.SIGKILL
    state = conversion_state(desk)
    assert state == expected(), point
    if state == NOTHING:
        assert contents(desk) == before
    check_invariants(desk)
    with serving(desk) as base, Client(base, desk) as client:
        answer = convert(client, ids)
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert data["success_ids"] == ids, point
        (incident_id,) = {one["incident_id"] for one in data["results"]}
        assert sorted(client.show(f"incidents/{incident_id}")["alert_list"]) == sorted(ids)
        for one in ids:
            alert = client.show(f"alerts/{one}")
            assert (alert["handle_status"], alert["incident_list"]) == ("Closed", [incident_id])
        assert convert(client, ids).content == answer.content
        assert client.search("incidents")["total"] == 1
    assert conversion_state(desk) == ALL
    check_invariants(desk)
    assert rows(desk, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_a_server_killed_between_any_two_statements_leaves_nothing_behind(
    prepared: tuple[TestDesk, list[str]], statements: list[str], tmp_path: Path
) -> None:
    verbs = [line.partition(" ")[0] for line in statements]
    assert verbs[0] == "BEGIN"
    assert verbs[-1] == "COMMIT"
    assert verbs.count("INSERT") >= 8  # key, incident, conversion, two relations, three audit rows
    assert verbs.count("UPDATE") >= 3  # two alerts, the stored answer
    for point in range(1, len(statements) + 1):
        (folder := tmp_path / str(point)).mkdir()
        check_crash(copy_desk(prepared[0], folder), prepared[1], str(point), expected=lambda: NOTHING)
        shutil.rmtree(folder)


def test_a_server_killed_after_the_commit_has_done_all_of_it(
    prepared: tuple[TestDesk, list[str]], desk: TestDesk
) -> None:
    desk = copy_again(prepared[0], desk)
    check_crash(desk, prepared[1], "answer", expected=lambda: ALL)


def copy_again(source: TestDesk, desk: TestDesk) -> TestDesk:
    shutil.copy(source.path, desk.path)
    return desk


def test_without_a_key_a_repeat_after_the_commit_names_the_incident(
    prepared: tuple[TestDesk, list[str]], desk: TestDesk
) -> None:
    desk, ids = copy_again(prepared[0], desk), prepared[1]
    with doomed(desk, "answer") as (base, _), Client(base, desk) as client, pytest.raises(httpx.TransportError):
        client.order(ids)
    with serving(desk) as base, Client(base, desk) as client:
        data = client.order(ids)
        assert data["error_ids"] == ids
        (incident_id,) = {one["incident_id"] for one in data["results"]}
        assert sorted(client.show(f"incidents/{incident_id}")["alert_list"]) == sorted(ids)
    check_invariants(desk)


def test_a_server_killed_under_load_leaves_only_whole_conversions(desk: TestDesk) -> None:
    """At no chosen point: many clients, and a kill from outside."""
    ids = add_objects(desk, ({"title": f"A{n}"} for n in range(400)))
    answered: list[list[str]] = []
    with doomed(desk, "never") as (base, process):

        def work(mine: list[str]) -> None:
            with Client(base, desk) as client:
                for start in range(0, len(mine), 4):
                    try:
                        answered.append(client.order(mine[start : start + 4])["success_ids"])
                    except httpx.TransportError:
                        return

        threads = [threading.Thread(target=work, args=(ids[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 12 and any(thread.is_alive() for thread in threads):
            threads[0].join(timeout=0.01)
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert 12 <= len(answered) < 100  # it died in the middle of the work
    check_invariants(desk)
    with serving(desk) as base, Client(base, desk) as client:
        for batch in answered:
            assert client.order(batch)["error_ids"] == batch  # acknowledged, so it is there
    check_invariants(desk)
