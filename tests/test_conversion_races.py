"""Many callers at once: an alert becomes part of one incident, whoever was first, and everybody is told the truth."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from conversion_cases import add_objects, check_invariants, incidents_of, rows
from support import Client, TestDesk, serving

T = TypeVar("T")


@contextmanager
def process(desk: TestDesk) -> Iterator[str]:
    """`tocsin serve` on the desk's file; yields its base URL."""
    environment = {**os.environ, "TOCSIN_LOG_LEVEL": "error", "TOCSIN_BUSY_TIMEOUT_MS": "30000"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.communicate(timeout=120)


@contextmanager
def two_processes(desk: TestDesk) -> Iterator[list[str]]:
    with process(desk) as one, process(desk) as other:
        yield [one, other]


@contextmanager
def one_server(desk: TestDesk) -> Iterator[list[str]]:
    with serving(desk) as base:
        yield [base]


@pytest.fixture(params=[one_server, two_processes], ids=["one server", "two processes"])
def bases(request: pytest.FixtureRequest, desk: TestDesk) -> Iterator[list[str]]:
    with request.param(desk) as found:
        yield found


def together(jobs: Sequence[Callable[[Client], T]], bases: list[str], desk: TestDesk) -> list[T]:
    """Every job with a client of its own, started at the same instant, spread over the servers."""
    gate = threading.Barrier(len(jobs))

    def run(number: int) -> T:
        with Client(bases[number % len(bases)], desk) as client:
            client.get("/healthz")  # the connection stands before the start
            gate.wait()
            return jobs[number](client)

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, range(len(jobs))))


def order(ids: Sequence[str], **body: Any) -> Callable[[Client], dict[str, Any]]:
    return lambda client: client.order(ids, **body)


def check_told_the_truth(desk: TestDesk, answers: Sequence[dict[str, Any]], alert_ids: Sequence[str]) -> None:
    """Each alert in one incident at most, and every answer in agreement with what is stored."""
    stored = incidents_of(desk, alert_ids)
    assert all(len(incidents) <= 1 for incidents in stored.values())
    winners: dict[str, int] = dict.fromkeys(alert_ids, 0)
    for answer in answers:
        for result in answer["results"]:
            if result["outcome"] == "converted":
                winners[result["alert_id"]] += 1
            if result.get("reason") != "not_found":
                assert [result["incident_id"]] == stored[result["alert_id"]]
    assert all(winners[one] == len(stored[one]) for one in alert_ids)
    check_invariants(desk)


def test_fifty_conversions_of_one_alert_make_one_incident(bases: list[str], desk: TestDesk) -> None:
    ids = add_objects(desk, [{}])
    answers = together([order(ids)] * 50, bases, desk)
    won = [answer for answer in answers if answer["success_ids"] == ids]
    lost = [answer for answer in answers if answer["error_ids"] == ids]
    assert (len(won), len(lost)) == (1, 49)
    (incident_id,) = {answer["results"][0]["incident_id"] for answer in answers}
    assert {answer["results"][0]["reason"] for answer in lost} == {"already_converted"}
    assert all(incident_id in answer["results"][0]["message"] for answer in lost)
    assert len(rows(desk, "SELECT id FROM data_objects WHERE dataclass = 'incidents'")) == 1
    check_told_the_truth(desk, answers, ids)


def test_overlapping_batches_never_share_an_alert(bases: list[str], desk: TestDesk) -> None:
    chance = random.Random(7)
    for _ in range(15):
        ids = add_objects(desk, ({} for _ in range(12)))
        batches = [chance.sample(ids, 8), chance.sample(ids, 8)]
        answers = together([order(batch, incident_content={"title": "T"}) for batch in batches], bases, desk)
        for batch, answer in zip(batches, answers, strict=True):
            assert [one["alert_id"] for one in answer["results"]] == batch
            assert len({one["incident_id"] for one in answer["results"] if one["outcome"] == "converted"}) <= 1
        assert {one for answer in answers for one in answer["success_ids"]} == {
            one for batch in batches for one in batch
        }
        check_told_the_truth(desk, answers, ids)


def test_many_joins_of_one_incident_lose_no_evidence(bases: list[str], desk: TestDesk) -> None:
    ids = add_objects(desk, ({"file_info": [{"file_path": f"/{n}"}], "labels": f"l{n}", "count": n} for n in range(12)))
    with Client(bases[0], desk) as client:
        incident_id = client.order(ids[:1])["results"][0]["incident_id"]
        answers = together([order([one], incident_id=incident_id) for one in ids[1:]], bases, desk)
        assert all(answer["error_ids"] == [] for answer in answers)
        shown = client.get(f"incidents/{incident_id}").json()["data"]
    incident = shown["data_object"]
    assert shown["version"] == 12
    assert sorted(incident["alert_list"]) == sorted(ids)
    assert {one["file_path"] for one in incident["file_info"]} == {f"/{n}" for n in range(12)}
    assert set(incident["labels"].split(",")) == {f"l{n}" for n in range(12)}
    assert incident["count"] == sum(range(12))
    check_invariants(desk)


def test_conversion_against_closing_leaves_one_truth(bases: list[str], desk: TestDesk) -> None:
    def close(one: str) -> Callable[[Client], dict[str, Any]]:
        def run(client: Client) -> dict[str, Any]:
            change = {"handle_status": "Closed", "close_reason": "Resolved", "close_comment": "by hand"}
            answer = client.put(f"alerts/{one}", {"data_object": change})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        return run

    for _ in range(5):
        ids = add_objects(desk, [{}, {}, {}])
        answers = together([order(ids), *(close(one) for one in ids)], bases, desk)
        assert answers[0]["success_ids"] == ids
        (incident_id,) = {one["incident_id"] for one in answers[0]["results"]}
        with Client(bases[0], desk) as client:
            for one in ids:
                row = client.get(f"alerts/{one}").json()["data"]
                alert = row["data_object"]
                assert row["version"] == 3
                assert alert["incident_list"] == [incident_id]
                # Whoever came second leaves the other's reason in place, or replaces it as asked: never a mixture.
                assert (alert["handle_status"], alert["close_reason"], alert["close_comment"]) == (
                    "Closed", "Resolved", "by hand",
                )  # fmt: skip
        check_told_the_truth(desk, answers[:1], ids)


def test_conversion_against_deleting_leaves_one_truth(bases: list[str], desk: TestDesk) -> None:
    def delete(ids: Sequence[str]) -> Callable[[Client], dict[str, Any]]:
        def run(client: Client) -> dict[str, Any]:
            answer = client.delete("alerts", {"batch_ids": list(ids)})
            assert answer.status_code == 200, answer.text
            return dict(answer.json()["data"])

        return run

    for _ in range(8):
        ids = add_objects(desk, [{}, {}, {}, {}])
        converted, gone = together([order(ids), delete(ids[1:3])], bases, desk)
        assert gone["success_ids"] == ids[1:3]
        outcomes = {one["alert_id"]: one for one in converted["results"]}
        assert {outcomes[one]["outcome"] for one in (ids[0], ids[3])} == {"converted"}
        # Before the deletion or after it, for all of them alike.
        assert len({outcomes[one].get("reason") for one in ids[1:3]}) == 1
        (incident_id,) = {one["incident_id"] for one in converted["results"] if one["outcome"] == "converted"}
        with Client(bases[0], desk) as client:
            assert sorted(client.show(f"incidents/{incident_id}")["alert_list"]) == sorted([ids[0], ids[3]])
            assert client.get(f"alerts/{ids[1]}").json()["code"] == "SecMaster.20030005"
        check_invariants(desk)


def test_the_daily_limit_holds_against_many_at_once(desk: TestDesk) -> None:
    ids = add_objects(desk, ({} for _ in range(20)))
    with serving(desk, conversion_daily_limit=5) as base:
        answers = together(
            [lambda client, one=one: client.post("alerts/batch-order", {"ids": [one]}) for one in ids], [base], desk
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [400] * 15
    assert len(rows(desk, "SELECT id FROM data_objects WHERE dataclass = 'incidents'")) == 5
    check_invariants(desk)
