"""Alerts and incidents changed or deleted several at a time: batch-update and batch-delete.

Source: API reference notes, "Alerts" and "Incidents": request bodies, BatchChangeAlertRequestBody, errors.
"""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import httpx
import pytest

from conversion_cases import check_invariants, contents, rows
from support import Client, TestDesk, copy_desk, serving

UNKNOWN = "SecMaster.20030005"
KEY = {"X-Idempotency-Key": "batch"}


class Kind(NamedTuple):
    """A class whose objects can be changed together, with the codes of its refusals and its audit names."""

    path: str
    change_code: str
    delete_code: str
    change_name: str
    delete_name: str


KINDS = (
    Kind("alerts", "SecMaster.20041808", "SecMaster.20041002", "change_alerts", "delete_alerts"),
    Kind("incidents", "SecMaster.20041507", "SecMaster.20041508", "change_incidents", "delete_incidents"),
)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("batch"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def made(client: Client, kind: Kind, **fields: Any) -> str:
    answer = client.post(kind.path, {"data_object": {"title": "An object", **fields}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def shown(client: Client, kind: Kind, ids: Sequence[str]) -> list[dict[str, Any]]:
    return [client.show(f"{kind.path}/{one}") for one in ids]


def send(client: Client, kind: Kind, ids: Any, fields: dict[str, Any], **kwargs: Any) -> httpx.Response:
    return client.post(f"{kind.path}/batch-update", {"batch_ids": ids, "data_object": fields}, **kwargs)


def changed(client: Client, kind: Kind, ids: Sequence[str], **fields: Any) -> list[dict[str, Any]]:
    """The objects after a change that must succeed in all of them."""
    answer = send(client, kind, list(ids), fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["success_ids"] == list(ids)
    return shown(client, kind, ids)


def audit_of(desk: TestDesk, object_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Operation, request id and changes of every audit row, oldest first."""
    found = rows(desk, "SELECT * FROM audit WHERE object_id = ? ORDER BY time, sequence", [object_id])
    assert {row["user_name"] for row in found} <= {desk.made.user_name}
    return [(row["operation"], row["request_id"], json.loads(row["changes"])) for row in found]


# batch-update.


@each_kind
def test_one_id_is_answered_with_the_whole_object(client: Client, kind: Kind) -> None:
    one = made(client, kind, severity="Low", labels="kept")
    answer = send(client, kind, [one], {"severity": "High"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["code"], body["message"]) == ("00000000", "")
    detail = client.get(f"{kind.path}/{one}").json()["data"]
    assert {key: body["data"][key] for key in detail} == detail
    assert (detail["id"], detail["version"]) == (one, 2)
    assert (detail["data_object"]["severity"], detail["data_object"]["labels"]) == ("High", "kept")


@each_kind
def test_several_ids_are_answered_with_what_changed_and_an_empty_id(client: Client, kind: Kind) -> None:
    ids = [made(client, kind, severity="Low", labels=f"l{n}") for n in range(3)]
    data = send(client, kind, ids, {"severity": "high", "owner": "me", "unknown": [1.0]}).json()["data"]
    assert data["id"] == ""
    assert data["data_object"] == {"severity": "High", "owner": "me", "unknown": [1.0]}
    assert data["dataclass_ref"]["name"].lower() + "s" == kind.path
    assert data["success_ids"] == ids
    for number, one in enumerate(shown(client, kind, ids)):
        assert (one["severity"], one["owner"], one["unknown"]) == ("High", "me", [1.0])
        assert (one["title"], one["labels"]) == ("An object", f"l{number}")


@each_kind
def test_a_bare_string_is_a_list_of_one(client: Client, kind: Kind) -> None:
    one = made(client, kind)
    assert send(client, kind, one, {"labels": "x"}).json()["data"]["id"] == one
    assert client.show(f"{kind.path}/{one}")["labels"] == "x"


@each_kind
def test_unknown_ids_are_told_and_the_others_are_changed(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    ids = [made(client, kind) for _ in range(3)]
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("another")) as other:
        foreign = made(other, kind)
        gone = ids.pop()
        client.delete(kind.path, {"batch_ids": [gone]})
        data = send(client, kind, ["x", ids[1], foreign, gone, ids[0], "x", ""], {"labels": "new"}).json()["data"]
        assert (data["success_ids"], data["error_ids"]) == ([ids[1], ids[0]], ["x", foreign, gone, ""])
        assert "labels" not in other.show(f"{kind.path}/{foreign}")
    assert [one["labels"] for one in shown(client, kind, ids)] == ["new", "new"]


@each_kind
def test_an_alert_and_an_incident_of_one_id_are_two_objects(client: Client, kind: Kind) -> None:
    other = next(one for one in KINDS if one is not kind)
    same = f"same-{kind.path}"
    for one in KINDS:
        made(client, one, id=same)
    changed(client, kind, [same], labels="x")
    assert "labels" not in client.show(f"{other.path}/{same}")


@each_kind
@pytest.mark.parametrize("ids", [["nobody"], ["nobody", "nobody else"], "nobody", [""]])
def test_when_none_is_known_nothing_changes_and_it_is_not_found(client: Client, kind: Kind, ids: Any) -> None:
    refused(send(client, kind, ids, {"labels": "x"}), UNKNOWN)


@each_kind
@pytest.mark.parametrize(
    "ids", [None, [], 5, {}, [5], [None], [["x"]], ["x"] * 1000, ["x" * 101], "x" * 101, True]
)  # fmt: skip
def test_a_change_that_names_nothing_or_too_much_is_refused(client: Client, kind: Kind, ids: Any) -> None:
    refused(send(client, kind, ids, {"labels": "x"}), kind.change_code, "batch_ids")
    refused(client.post(f"{kind.path}/batch-update", {"data_object": {"labels": "x"}}), kind.change_code, "batch_ids")


@each_kind
def test_an_object_is_changed_once_however_often_it_is_named(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    one, other = made(client, kind), made(client, kind)
    data = send(client, kind, [one, other, one, one], {"labels": "x"}).json()["data"]
    assert data["success_ids"] == [one, other]
    assert client.get(f"{kind.path}/{one}").json()["data"]["version"] == 2
    assert len(audit_of(own_desk, one)) == 2


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"title": ""}, "title"),
    ({"title": None}, "title"),
    ({"title": "x" * 256}, "title"),
    ({"severity": "Worst"}, "severity"),
    ({"handle_status": "Done"}, "handle_status"),
    ({"close_reason": "Bored"}, "close_reason"),
    ({"ipdrr_phase": "Panic"}, "ipdrr_phase"),
    ({"confidence": 101}, "confidence"),
    ({"count": "1"}, "count"),
    ({"first_observed_time": "soon"}, "first_observed_time"),
    ({"sla": "2026-02-30T00:00:00.000Z+0800"}, "sla"),
    ({"close_time": "x"}, "close_time"),
    ({"network_list": [{}, {"dest_port": "http"}]}, "network_list[1].dest_port"),
    ({"environment": []}, "environment"),
    ({"description": "a\0b"}, "description"),
    ({"labels": "x" * 1025}, "labels"),
    ({"system_info": {"text": "x" * 300_000}}, "data_object"),
)


@each_kind
@pytest.mark.parametrize(("fields", "named"), WRONG, ids=[f"{named}-{n}" for n, (_, named) in enumerate(WRONG)])
def test_the_same_wrong_body_gets_the_same_message_as_the_change_of_one(
    client: Client, kind: Kind, fields: dict[str, Any], named: str
) -> None:
    ids = [made(client, kind) for _ in range(2)]
    before = shown(client, kind, ids)
    single = client.put(f"{kind.path}/{ids[0]}", {"data_object": fields})
    refused(single, kind.change_code, named)
    for batch in (ids, ids[:1]):
        answer = send(client, kind, batch, fields)
        refused(answer, kind.change_code)
        assert answer.json() == single.json()
    assert shown(client, kind, ids) == before


@each_kind
@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"{", b'{"batch_ids":["$0"]}',
                                 b'{"batch_ids":["$0"],"data_object":null}', b'{"batch_ids":["$0"],"data_object":[]}',
                                 b'{"batch_ids":["$0"],"data_object":"x"}'])  # fmt: skip
def test_a_change_without_an_object_is_refused(client: Client, kind: Kind, raw: bytes) -> None:
    one = made(client, kind)
    refused(client.post(f"{kind.path}/batch-update", raw=raw.replace(b"$0", one.encode())), kind.change_code)


@each_kind
def test_what_one_object_cannot_take_changes_none(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    ids = [made(client, kind), made(client, kind, system_info={"text": "x" * 200_000}), made(client, kind)]
    before = contents(own_desk)
    refused(send(client, kind, ids, {"blob": "y" * 100_000}), kind.change_code, "data_object")
    assert contents(own_desk) == before


@each_kind
def test_absent_members_stay_and_null_clears_them(client: Client, kind: Kind) -> None:
    fields = {"description": "d", "owner": "me", "labels": "a", "environment": {"region_id": "r"}, "unknown": 1}
    ids = [made(client, kind, **fields), made(client, kind, description="other")]
    first, second = changed(client, kind, ids, labels="b")
    assert {key: first[key] for key in fields} == {**fields, "labels": "b"}
    assert (second["description"], second["labels"]) == ("other", "b")
    first, second = changed(client, kind, ids, description=None, owner=None, environment=None, unknown=None)
    assert not (fields.keys() - {"labels"}) & (first.keys() | second.keys())
    first, second = changed(client, kind, ids, description="")
    assert first["description"] == second["description"] == ""


@each_kind
def test_nothing_to_change_is_a_change_of_nothing(client: Client, kind: Kind) -> None:
    ids = [made(client, kind, labels="a"), made(client, kind)]
    before = shown(client, kind, ids)
    after = changed(client, kind, ids)
    assert [{**one, "update_time": ""} for one in after] == [{**one, "update_time": ""} for one in before]


@each_kind
def test_the_id_in_the_object_changes_no_id(client: Client, kind: Kind) -> None:
    ids = [made(client, kind), made(client, kind)]
    assert [one["id"] for one in changed(client, kind, ids, id="stolen", labels="x")] == ids
    refused(client.get(f"{kind.path}/stolen"), UNKNOWN)


@each_kind
def test_closing_sets_the_time_of_those_that_were_open_only(client: Client, kind: Kind) -> None:
    was_open = made(client, kind)
    closed = made(client, kind, handle_status="Closed", close_reason="Resolved", close_comment="before")
    earlier = client.show(f"{kind.path}/{closed}")["close_time"]
    time.sleep(0.005)
    first, second = changed(client, kind, [was_open, closed], handle_status="closed")
    assert first["handle_status"] == second["handle_status"] == "Closed"
    date, _, offset = first["update_time"].partition("Z")
    assert first["close_time"] == f"{date}{offset[:3]}:{offset[3:]}"
    assert first["is_auto_closed"] == "Manual"
    assert (second["close_time"], second["close_reason"], second["close_comment"]) == (earlier, "Resolved", "before")
    time.sleep(0.005)
    again = changed(client, kind, [was_open, closed], handle_status="Closed", close_reason="other")
    assert [one["close_time"] for one in again] == [first["close_time"], earlier]
    assert [one["close_reason"] for one in again] == ["Other", "Other"]


@each_kind
def test_reopening_clears_what_closing_set(client: Client, kind: Kind) -> None:
    ids = [made(client, kind, handle_status="Closed", close_reason="Other", close_comment="c"), made(client, kind)]
    for one in changed(client, kind, ids, handle_status="Block"):
        assert one["handle_status"] == "Block"
        assert not {"close_time", "close_reason", "close_comment", "is_auto_closed"} & one.keys()


@each_kind
def test_times_are_rewritten_as_in_the_change_of_one(client: Client, kind: Kind) -> None:
    sent = {"first_observed_time": "2021-01-30T23:00:00Z+0530", "sla": "2022-11-12T14:14:09.098-03:30"}
    ids = [made(client, kind), made(client, kind)]
    for one in changed(client, kind, ids, **sent):
        assert one["first_observed_time"] == "2021-01-30T23:00:00.000+05:30"
        assert one["sla"] == "2022-11-12T14:14:09.098Z-0330"


@each_kind
def test_what_was_changed_together_is_found_by_it(client: Client, kind: Kind) -> None:
    ids = [made(client, kind) for _ in range(3)]
    changed(client, kind, ids[:2], title=f"Found together in {kind.path}", severity="Fatal")
    conditions = [{"name": "t", "data": ["title", "=", f"Found together in {kind.path}"]},
                  {"name": "s", "data": ["severity", ">=", "Fatal"]}]  # fmt: skip
    found = client.search(kind.path, condition={"conditions": conditions})
    assert sorted(row["id"] for row in found["data"]) == sorted(ids[:2])


@each_kind
def test_999_objects_can_be_named_at_once(client: Client, kind: Kind) -> None:
    ids = [made(client, kind) for _ in range(3)]
    named = [f"n{n}" for n in range(996)] + ids
    data = send(client, kind, named, {"labels": "all"}).json()["data"]
    assert (data["success_ids"], len(data["error_ids"])) == (ids, 996)
    assert {one["labels"] for one in shown(client, kind, ids)} == {"all"}


def test_999_objects_can_be_changed_and_deleted_at_once(client: Client, own_desk: TestDesk) -> None:
    workspace_id = own_desk.add_workspace("many")
    with Client(client.base, own_desk, workspace_id=workspace_id) as inside:
        listed = [{"title": f"n{n}"} for n in range(999)]
        alerts = next(
            one["id"] for one in inside.get("dataclasses").json()["dataclass_details"] if one["name"] == "Alert"
        )
        made_now = inside.post(f"datapanel/{alerts}/data-objects/batch-create", {"data_object_list": listed})
        ids = [one["id"] for one in made_now.json()]
        data = send(inside, KINDS[0], ids, {"handle_status": "Closed", "severity": "High"}).json()["data"]
        assert data["success_ids"] == ids
        closed = [{"name": "c", "data": ["handle_status", "=", "Closed"]}]
        found = inside.search(condition={"conditions": closed}, limit=1000)
        assert found["total"] == 999
        assert len({row["data_object"]["close_time"] for row in found["data"]}) == 1
        audited = rows(
            own_desk,
            "SELECT object_id FROM audit WHERE workspace_id = ? AND operation = 'change_alerts'",
            [workspace_id],
        )
        assert sorted(row["object_id"] for row in audited) == sorted(ids)
        deleted = inside.post("alerts/batch-delete", {"batch_ids": ids}).json()["data"]
        assert (deleted["success_ids"], deleted["error_ids"]) == (ids, [])
        assert inside.search()["total"] == 0


@each_kind
def test_every_changed_object_has_an_audit_row_of_its_own(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    ids = [made(client, kind, severity="Low"), made(client, kind, severity="Medium"), made(client, kind)]
    answer = send(client, kind, [*ids[:2], "nobody"], {"severity": "High", "handle_status": "Closed"})
    for one, before in zip(ids[:2], ("Low", "Medium"), strict=True):
        operation, request_id, changes = audit_of(own_desk, one)[-1]
        assert (operation, request_id) == (kind.change_name, answer.headers["X-request-id"])
        assert changes["severity"] == [before, "High"]
        assert changes["handle_status"] == ["Open", "Closed"]
        assert changes.keys() == {"severity", "handle_status", "close_time"}
    assert len(audit_of(own_desk, ids[2])) == 1
    assert audit_of(own_desk, "nobody") == []


@each_kind
def test_a_repeat_with_its_key_has_the_same_answer_and_no_effect(
    client: Client, own_desk: TestDesk, kind: Kind
) -> None:
    ids = [made(client, kind), made(client, kind)]
    first = send(client, kind, [*ids, "nobody"], {"labels": "x"}, headers=KEY)
    after = contents(own_desk)
    again = send(client, kind, [*ids, "nobody"], {"labels": "x"}, headers=KEY)
    assert (again.status_code, again.content) == (200, first.content)
    assert contents(own_desk) == after
    refused(send(client, kind, ids, {"labels": "y"}, headers=KEY), kind.change_code, "X-Idempotency-Key")
    assert contents(own_desk) == after


@each_kind
def test_a_change_that_found_nothing_leaves_its_key_free(client: Client, kind: Kind) -> None:
    key = {"X-Idempotency-Key": "free"}
    refused(send(client, kind, ["nobody"], {"labels": "x"}, headers=key), UNKNOWN)
    assert send(client, kind, [made(client, kind)], {"labels": "x"}, headers=key).status_code == 200


# batch-delete.


@each_kind
def test_batch_delete_says_which_were_there(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    one, two, kept = (made(client, kind) for _ in range(3))
    answer = client.post(f"{kind.path}/batch-delete", {"batch_ids": ["nobody", two, one, two]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["code"] == "00000000"
    assert answer.json()["data"] == {"error_ids": ["nobody"], "success_ids": [two, one]}
    for gone in (one, two):
        refused(client.get(f"{kind.path}/{gone}"), UNKNOWN)
        operation, request_id, changes = audit_of(own_desk, gone)[-1]
        assert (operation, request_id) == (kind.delete_name, answer.headers["X-request-id"])
        assert changes == {"deleted": [False, True]}
    assert client.show(f"{kind.path}/{kept}")
    again = client.post(f"{kind.path}/batch-delete", {"batch_ids": [one]})
    assert (again.status_code, again.json()["data"]) == (200, {"error_ids": [one], "success_ids": []})


@each_kind
def test_a_bare_string_deletes_one(client: Client, kind: Kind) -> None:
    one = made(client, kind)
    data = client.post(f"{kind.path}/batch-delete", {"batch_ids": one}).json()["data"]
    assert data == {"error_ids": [], "success_ids": [one]}


@each_kind
@pytest.mark.parametrize(
    "body", [{}, {"batch_ids": []}, {"batch_ids": None}, {"batch_ids": 5}, {"batch_ids": [5]},
             {"batch_ids": ["x"] * 1000}, {"batch_ids": ["x" * 101]}, [], None]
)  # fmt: skip
def test_a_delete_that_names_nothing_or_too_much_is_refused(client: Client, kind: Kind, body: Any) -> None:
    refused(client.post(f"{kind.path}/batch-delete", body), kind.delete_code)


@each_kind
def test_a_repeated_delete_with_its_key_has_the_same_answer(client: Client, own_desk: TestDesk, kind: Kind) -> None:
    body, key = {"batch_ids": [made(client, kind), "nobody"]}, {"X-Idempotency-Key": "delete"}
    first = client.post(f"{kind.path}/batch-delete", body, headers=key)
    after = contents(own_desk)
    assert client.post(f"{kind.path}/batch-delete", body, headers=key).content == first.content
    assert contents(own_desk) == after


def incident_of(client: Client, ids: Sequence[str]) -> str:
    """The incident that a conversion of these alerts makes."""
    results = client.order(ids)["results"]
    assert {one["outcome"] for one in results} == {"converted"}
    return str(results[0]["incident_id"])


def test_deleting_incidents_ends_their_conversions(client: Client, own_desk: TestDesk) -> None:
    alerts = [client.create_alert() for _ in range(3)]
    incidents = [incident_of(client, alerts[:2]), incident_of(client, alerts[2:])]
    answer = client.post("incidents/batch-delete", {"batch_ids": incidents})
    assert answer.json()["data"] == {"error_ids": [], "success_ids": incidents}
    for one in alerts:
        alert = client.show(f"alerts/{one}")
        assert (alert["handle_status"], alert["incident_list"]) == ("Closed", [])
    check_invariants(own_desk)
    again = client.order(alerts)
    assert (again["success_ids"], again["error_ids"]) == (alerts, [])
    assert again["results"][0]["incident_id"] not in incidents
    check_invariants(own_desk)


def test_deleting_one_incident_leaves_the_conversions_of_others(client: Client, own_desk: TestDesk) -> None:
    alerts = [client.create_alert() for _ in range(2)]
    incidents = [incident_of(client, [one]) for one in alerts]
    client.post("incidents/batch-delete", {"batch_ids": incidents[:1]})
    again = client.order(alerts)
    assert (again["success_ids"], again["error_ids"]) == (alerts[:1], alerts[1:])
    check_invariants(own_desk)


def test_deleting_converted_alerts_leaves_the_incident_without_them(client: Client, own_desk: TestDesk) -> None:
    alerts = [client.create_alert() for _ in range(3)]
    incident = incident_of(client, alerts)
    client.post("alerts/batch-delete", {"batch_ids": alerts[:2]})
    assert client.show(f"incidents/{incident}")["alert_list"] == alerts[2:]
    again = client.order(alerts)
    assert [one["reason"] for one in again["results"]] == ["not_found", "not_found", "already_converted"]
    check_invariants(own_desk)
