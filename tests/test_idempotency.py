"""X-Idempotency-Key: a call takes effect once, and a repeat gets the same answer."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import pytest

from conversion_cases import add_objects, check_invariants, contents, rows
from support import Client, TestDesk, serving
from tocsin.clock import now_ms
from tocsin.identity.records import Role

HEADER = "X-Idempotency-Key"
KEY = {HEADER: "key-1"}


class Operation(NamedTuple):
    """An operation that writes: how it is called, and its code for a wrong request."""

    name: str
    method: str
    path: str
    body: Any
    # Another body, as right as the first.
    other: Any
    code: str

    def send(self, client: Client, alert_id: str, *, key: dict[str, str] = KEY, other: bool = False) -> httpx.Response:
        body = self.other if other else self.body
        return client.send(self.method, self.path.format(alert_id), filled(body, alert_id), headers=key)


def filled(body: Any, alert_id: str) -> Any:
    if isinstance(body, dict):
        return {name: filled(value, alert_id) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, alert_id) for value in body]
    return alert_id if body == "$0" else body


OPERATIONS = (
    Operation(
        "create", "POST", "alerts", {"data_object": {"title": "T"}}, {"data_object": {"title": "U"}}, "SecMaster.20041805"
    ),
    Operation(
        "update", "PUT", "alerts/{}", {"data_object": {"severity": "High"}}, {"data_object": {"severity": "Low"}},
        "SecMaster.20041808",
    ),
    Operation("delete", "DELETE", "alerts", {"batch_ids": ["$0"]}, {"batch_ids": ["$0", "x"]}, "SecMaster.20041002"),
    Operation("convert", "POST", "alerts/batch-order", {"ids": ["$0"]}, {"ids": ["$0", "x"]}, "SecMaster.20041804"),
)  # fmt: skip
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)


@each_operation
def test_a_repeat_has_the_same_answer_and_no_effect(operation: Operation, client: Client, desk: TestDesk) -> None:
    alert_id = client.create_alert()
    first = operation.send(client, alert_id)
    assert first.status_code == 200, first.text
    after = contents(desk)
    for _ in range(3):
        again = operation.send(client, alert_id)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["X-request-id"] != first.headers["X-request-id"]
    assert contents(desk) == after
    assert len(rows(desk, "SELECT * FROM requests")) == 1
    check_invariants(desk)


@each_operation
def test_the_key_with_another_body_is_refused(operation: Operation, client: Client, desk: TestDesk) -> None:
    alert_id = client.create_alert()
    first = operation.send(client, alert_id)
    after = contents(desk)
    other = operation.send(client, alert_id, other=True)
    assert (other.status_code, other.json()["code"]) == (400, operation.code)
    assert HEADER in other.json()["message"]
    assert contents(desk) == after
    assert operation.send(client, alert_id).content == first.content


@each_operation
def test_a_failed_call_stores_nothing(operation: Operation, client: Client, desk: TestDesk) -> None:
    alert_id = client.create_alert()
    before = contents(desk)
    wrong = client.send(operation.method, operation.path.format(alert_id), {"x": 1}, headers=KEY)
    assert (wrong.status_code, wrong.json()["code"]) == (400, operation.code)
    assert contents(desk) == before
    assert operation.send(client, alert_id).status_code == 200


@each_operation
def test_two_twins_in_flight_take_effect_once(operation: Operation, base: str, desk: TestDesk) -> None:
    (alert_id,) = add_objects(desk, [{}])
    before = len(rows(desk, "SELECT * FROM audit"))
    gate = threading.Barrier(8)

    def twin() -> bytes:
        with Client(base, desk) as client:
            gate.wait()
            answer = operation.send(client, alert_id)
            assert answer.status_code == 200, answer.text
            return answer.content

    with ThreadPoolExecutor(8) as pool:
        answers = [future.result() for future in [pool.submit(twin) for _ in range(8)]]
    assert len(set(answers)) == 1
    (stored,) = rows(desk, "SELECT * FROM requests")
    assert stored["answer"] == answers[0]
    written = len(rows(desk, "SELECT * FROM audit")) - before
    assert written == (2 if operation.name == "convert" else 1)
    check_invariants(desk)


def test_twins_of_two_servers_on_one_file_take_effect_once(desk: TestDesk) -> None:
    ids = add_objects(desk, ({} for _ in range(10)))
    with serving(desk) as one, serving(desk) as other, Client(one, desk) as left, Client(other, desk) as right:
        for alert_id in ids:
            gate = threading.Barrier(2)

            def twin(client: Client, alert_id: str = alert_id, gate: threading.Barrier = gate) -> bytes:
                gate.wait()
                answer = client.post("alerts/batch-order", {"ids": [alert_id]}, headers={HEADER: f"for {alert_id}"})
                assert answer.status_code == 200, answer.text
                return answer.content

            with ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(twin, (left, right)))
            assert answers[0] == answers[1]
        assert left.search("incidents")["total"] == len(ids)
    check_invariants(desk)


def test_a_wrong_call_does_not_use_up_the_key(client: Client) -> None:
    alert_id = client.create_alert()
    unknown_type = {"ids": [alert_id], "incident_content": {"incident_type": {"id": "unknown"}}}
    assert client.post("alerts/batch-order", unknown_type, headers=KEY).status_code == 400
    assert client.put("alerts/unknown", {"data_object": {"severity": "Low"}}, headers=KEY).status_code == 400
    answer = client.post("alerts/batch-order", {"ids": [alert_id]}, headers=KEY)
    assert answer.json()["data"]["success_ids"] == [alert_id]


def test_a_partial_failure_is_an_effect_and_is_kept(client: Client) -> None:
    alert_id = client.create_alert()
    body = {"ids": ["nobody", alert_id]}
    first = client.post("alerts/batch-order", body, headers=KEY)
    assert first.json()["data"]["error_ids"] == ["nobody"]
    assert client.post("alerts/batch-order", body, headers=KEY).content == first.content


def test_a_total_failure_is_answered_200_and_is_kept(client: Client) -> None:
    body = {"ids": ["nobody"]}
    first = client.post("alerts/batch-order", body, headers=KEY)
    client.create_alert(id="nobody")
    assert client.post("alerts/batch-order", body, headers=KEY).content == first.content


def test_another_operation_with_the_same_key_is_independent(client: Client, desk: TestDesk) -> None:
    alert_id = client.create_alert()
    for operation in (OPERATIONS[0], OPERATIONS[1], OPERATIONS[3], OPERATIONS[2]):
        answer = operation.send(client, alert_id)
        assert answer.status_code == 200, answer.text
    stored = rows(desk, "SELECT operation FROM requests")
    assert len({row["operation"] for row in stored}) == len(stored) == 4


def test_the_key_on_another_object_of_the_same_operation_is_another_request(client: Client) -> None:
    first, second = client.create_alert(), client.create_alert()
    body = {"data_object": {"severity": "High"}}
    assert client.put(f"alerts/{first}", body, headers=KEY).status_code == 200
    other = client.put(f"alerts/{second}", body, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (400, "SecMaster.20041808")
    assert client.show(f"alerts/{second}")["severity"] == "Tips"


def test_another_user_with_the_same_key_is_independent(
    client: Client, connect: Callable[..., Client], desk: TestDesk
) -> None:
    other = connect(key=desk.add_user("second", Role.OPERATOR))
    body = {"data_object": {"title": "T"}}
    answers = [one.post("alerts", body, headers=KEY) for one in (client, other, client, other)]
    ids = [answer.json()["data"]["id"] for answer in answers]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]
    assert [one.post("alerts/batch-order", {"ids": ids[:1]}, headers=KEY).json()["data"]["success_ids"]
            for one in (client, other)] == [ids[:1], []]  # fmt: skip


def test_another_workspace_with_the_same_key_is_independent(
    client: Client, connect: Callable[..., Client], desk: TestDesk
) -> None:
    other = connect(workspace_id=desk.add_workspace("other"))
    body = {"data_object": {"title": "T"}}
    ids = {one.post("alerts", body, headers=KEY).json()["data"]["id"] for one in (client, other)}
    assert len(ids) == 2
    assert client.search()["total"] == other.search()["total"] == 1


def test_a_user_who_lost_the_right_does_not_get_the_answer(
    client: Client, connect: Callable[..., Client], desk: TestDesk
) -> None:
    outsider = connect(key=desk.add_user("reader", Role.READER))
    alert_id = client.create_alert()
    assert OPERATIONS[3].send(client, alert_id).status_code == 200
    assert OPERATIONS[3].send(outsider, alert_id).status_code == 403


def test_an_answer_is_forgotten_after_its_lifetime(desk: TestDesk) -> None:
    shift = 0
    (alert_id,) = add_objects(desk, [{}])
    body = {"ids": [alert_id]}
    with serving(desk, clock=lambda: now_ms() + shift, idempotency_lifetime_s=60) as base, Client(base, desk) as client:
        first = client.post("alerts/batch-order", body, headers=KEY)
        assert first.json()["data"]["success_ids"] == [alert_id]
        shift = 50_000
        assert client.post("alerts/batch-order", body, headers=KEY).content == first.content
        shift = 61_000
        later = client.post("alerts/batch-order", body, headers=KEY)
        assert later.json()["data"]["error_ids"] == [alert_id]
        assert later.json()["data"]["results"][0]["reason"] == "already_converted"
        shift = 125_000
        assert client.post("alerts", {"data_object": {"title": "T"}}, headers={HEADER: "k2"}).status_code == 200
    assert [row["idempotency_key"] for row in rows(desk, "SELECT * FROM requests")] == ["k2"]


@pytest.mark.parametrize("key", ["a", "k" * 128, "~!@#$%^&*()_+ {}|\"<>?'", "a b", "0"], ids=lambda key: key[:12])
def test_printable_ascii_of_1_to_128_characters_is_a_key(key: str, client: Client, desk: TestDesk) -> None:
    body = {"data_object": {"title": "T"}}
    first, second = (client.post("alerts", body, headers={HEADER: key}) for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.content == second.content
    assert [row["idempotency_key"] for row in rows(desk, "SELECT * FROM requests")] == [key]


@pytest.mark.parametrize(
    "key", [b"", b"k" * 129, b"k" * 5000, "schlüssel".encode(), "ключ".encode(), b"caf\xe9", b"a\tb"],
    ids=["empty", "129", "5000", "utf-8", "cyrillic", "latin-1", "tab"],
)  # fmt: skip
@each_operation
def test_anything_else_is_no_key(key: bytes, operation: Operation, client: Client, desk: TestDesk) -> None:
    """A caller who sends a key relies on it: a key that cannot be kept must not be passed over in silence."""
    alert_id = client.create_alert()
    before = contents(desk)
    method, path = operation.method, operation.path.format(alert_id)
    answer = send_with_raw_header(client, method, path, filled(operation.body, alert_id), key)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == operation.code
    assert HEADER in answer.json()["message"]
    assert contents(desk) == before


def send_with_raw_header(client: Client, method: str, path: str, body: Any, key: bytes) -> httpx.Response:
    """The header goes beside the signature, so that it may hold any bytes."""

    def attach(request: httpx.Request) -> None:
        request.headers = httpx.Headers([*request.headers.raw, (HEADER.encode(), key)])

    client.http.event_hooks["request"] = [attach]
    try:
        return client.send(method, path, body)
    finally:
        client.http.event_hooks["request"] = []


def test_the_header_is_known_in_any_case(client: Client) -> None:
    body = {"data_object": {"title": "T"}}
    answers = [client.post("alerts", body, headers={name: "k"}) for name in (HEADER, HEADER.lower(), HEADER.upper())]
    assert len({answer.content for answer in answers}) == 1


def test_a_deleted_object_is_still_answered_to_the_key_that_made_it(client: Client) -> None:
    body = {"data_object": {"title": "T"}}
    first = client.post("alerts", body, headers=KEY)
    assert client.delete("alerts", {"batch_ids": [first.json()["data"]["id"]]}).status_code == 200
    assert client.post("alerts", body, headers=KEY).content == first.content
    assert client.search()["total"] == 0


def test_without_a_key_every_call_counts(client: Client) -> None:
    body = {"data_object": {"title": "T"}}
    assert len({client.post("alerts", body).json()["data"]["id"] for _ in range(3)}) == 3
