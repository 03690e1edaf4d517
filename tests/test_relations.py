"""Relations between data objects: made, dropped, searched from both sides, and what they are to a conversion.

Source: API reference notes, "Relations, data classes, fields, types", section 1; "Deleting marks a row" of the design.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from conversion_cases import check_invariants, contents, rows
from support import Client, TestDesk, copy_desk, serving

NO_CLASS, NO_OBJECT, NONE_NAMED = "SecMaster.20030022", "SecMaster.20030005", "SecMaster.20041033"
WRONG = "SecMaster.20030001"
CLASSES = ("alerts", "incidents", "indicators")
PAIRS = tuple(itertools.product(CLASSES, CLASSES))
each_pair = pytest.mark.parametrize(("main_class", "related_class"), PAIRS)


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("relations"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def made(client: Client, dataclass: str, **fields: Any) -> str:
    """The smallest object of a class."""
    smallest = (
        {"name": "x", "value": "x", "indicator_type": {"id": "x"}} if dataclass == "indicators" else {"title": "x"}
    )
    answer = client.post(dataclass, {"data_object": {**smallest, **fields}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def in_turn(client: Client, **fields: Any) -> str:
    """A new alert of a later millisecond than all before: rows of one instant are ordered by their ids."""
    time.sleep(0.002)
    return client.create_alert(**fields)


def list_of(dataclass: str) -> str:
    """The member of an object that lists related objects of this class."""
    return f"{dataclass.removesuffix('s')}_list"


def done(answer: httpx.Response) -> tuple[list[str], list[str]]:
    """The ids that were done and those that were not, of an answer 200."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["code"], body["message"], body["success"]) == ("00000000", "", True)
    assert body["request_id"] == answer.headers["X-request-id"]
    return body["data"]["success_ids"], body["data"]["error_ids"]


def relate(client: Client, path: str, ids: Any) -> tuple[list[str], list[str]]:
    """`path` is such as `alerts/<id>/incidents`."""
    return done(client.post(path, {"ids": ids}))


def unrelate(client: Client, path: str, ids: Any) -> tuple[list[str], list[str]]:
    return done(client.delete(path, {"ids": ids}))


def relate_all(
    client: Client, classes: tuple[str, str], ids: Sequence[str], others: Sequence[str]
) -> tuple[list[str], list[str]]:
    body = {"dataobject_ids": ids, "related_dataobject_ids": others}
    return done(client.post(f"{classes[0]}/{classes[1]}/batch-create", body))


def related(client: Client, path: str) -> list[str]:
    """The objects that a relation search finds, oldest first."""
    return [row["id"] for row in client.search(path, order="ASC")["data"]]


def audit_of(desk: TestDesk, object_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Operation, request id and changes of every audit row since the creation, oldest first."""
    found = rows(desk, "SELECT * FROM audit WHERE object_id = ? ORDER BY time, sequence", [object_id])
    assert {row["user_name"] for row in found} == {desk.made.user_name}
    return [(row["operation"], row["request_id"], json.loads(row["changes"])) for row in found[1:]]


def check_marks(desk: TestDesk) -> None:
    """An alert has an incident exactly while a relation of a conversion to it stands."""
    standing = {
        (row["from_id"], row["to_id"])
        for row in rows(desk, "SELECT * FROM relations WHERE conversion_id IS NOT NULL AND deleted_time IS NULL")
    }
    alerts = rows(desk, "SELECT * FROM data_objects WHERE dataclass = 'alerts' AND deleted_time IS NULL")
    marked = {(row["id"], row["incident_id"]) for row in alerts if row["incident_id"]}
    assert marked <= standing
    assert {alert for alert, _ in marked} == {alert for alert, _ in standing}


# Made and dropped.


@each_pair
def test_objects_of_any_two_classes_are_related_both_ways(client: Client, main_class: str, related_class: str) -> None:
    main = made(client, main_class)
    others = [made(client, related_class) for _ in range(2)]
    path = f"{main_class}/{main}/{related_class}"
    assert relate(client, path, others) == (others, [])
    assert sorted(related(client, path)) == sorted(others)
    for one in others:
        assert related(client, f"{related_class}/{one}/{main_class}") == [main]
        assert client.show(f"{related_class}/{one}")[list_of(main_class)] == [main]
    assert sorted(client.show(f"{main_class}/{main}")[list_of(related_class)]) == sorted(others)
    assert unrelate(client, path, others[:1]) == (others[:1], [])
    assert related(client, path) == others[1:]
    assert client.show(f"{related_class}/{others[0]}")[list_of(main_class)] == []


@each_pair
def test_a_relation_is_dropped_from_the_other_side(client: Client, main_class: str, related_class: str) -> None:
    main, other = made(client, main_class), made(client, related_class)
    relate(client, f"{main_class}/{main}/{related_class}", [other])
    assert unrelate(client, f"{related_class}/{other}/{main_class}", [main]) == ([main], [])
    assert related(client, f"{main_class}/{main}/{related_class}") == []


@each_pair
def test_every_object_of_one_list_is_related_to_every_object_of_another(
    client: Client, main_class: str, related_class: str
) -> None:
    mains = [made(client, main_class) for _ in range(2)]
    others = [made(client, related_class) for _ in range(2)]
    assert relate_all(client, (main_class, related_class), mains, others) == (others, [])
    for one in mains:
        assert sorted(related(client, f"{main_class}/{one}/{related_class}")) == sorted(others)
    for one in others:
        assert sorted(related(client, f"{related_class}/{one}/{main_class}")) == sorted(mains)


def test_rows_of_every_search_list_what_is_related(client: Client, own_desk: TestDesk) -> None:
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("rows")) as inside:
        ids = {one: made(inside, one) for one in CLASSES}
        for one, other in itertools.combinations(CLASSES, 2):
            relate(inside, f"{one}/{ids[one]}/{other}", [ids[other]])
        for one in CLASSES:
            (row,) = inside.search(one)["data"]
            lists = {list_of(other): [] if other == one else [ids[other]] for other in CLASSES}
            assert {key: row["data_object"][key] for key in lists} == lists
            assert row["data_object"] == inside.show(f"{one}/{ids[one]}")


def test_a_repeat_is_a_success_and_changes_nothing(client: Client, own_desk: TestDesk) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    relate(client, f"alerts/{alert}/incidents", [incident])
    before = contents(own_desk)
    time.sleep(0.002)
    assert relate(client, f"alerts/{alert}/incidents", [incident, incident]) == ([incident], [])
    assert relate(client, f"incidents/{incident}/alerts", [alert]) == ([alert], [])
    assert relate_all(client, ("incidents", "alerts"), [incident], [alert]) == ([alert], [])
    assert contents(own_desk) == before


def test_dropping_what_does_not_stand_is_a_success_and_changes_nothing(client: Client, own_desk: TestDesk) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    before = contents(own_desk)
    assert unrelate(client, f"alerts/{alert}/incidents", [incident]) == ([incident], [])
    assert contents(own_desk) == before


def test_a_dropped_relation_can_be_made_again(client: Client) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    path = f"alerts/{alert}/incidents"
    relate(client, path, [incident])
    first = client.search(path)["data"][0]["relation"]
    unrelate(client, path, [incident])
    time.sleep(0.002)
    relate(client, path, [incident])
    second = client.search(path)["data"][0]["relation"]
    assert (second["conversion_id"], second["evidence"]) == (None, False)
    assert second["create_time"] > first["create_time"]


@pytest.mark.parametrize("send", [relate, unrelate])
def test_unknown_related_objects_are_told_and_the_others_done(
    client: Client, own_desk: TestDesk, send: Callable[..., tuple[list[str], list[str]]]
) -> None:
    alert, incident, gone = made(client, "alerts"), made(client, "incidents"), made(client, "incidents")
    client.delete("incidents", {"batch_ids": [gone]})
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("foreign")) as other:
        foreign = made(other, "incidents")
        ids = ["nobody", incident, foreign, gone, alert, incident, "nobody", ""]
        assert send(client, f"alerts/{alert}/incidents", ids) == ([incident], ["nobody", foreign, gone, alert, ""])
        assert other.show(f"incidents/{foreign}")["alert_list"] == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_unknown_main_object_is_not_found(client: Client, own_desk: TestDesk, method: str) -> None:
    incident, gone = made(client, "incidents"), made(client, "alerts")
    client.delete("alerts", {"batch_ids": [gone]})
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("strange")) as other:
        foreign = made(other, "alerts")
    before = contents(own_desk)
    for one in ("nobody", gone, foreign, incident, "%00", "x" * 100):
        refused(client.send(method, f"alerts/{one}/incidents", {"ids": [incident]}), NO_OBJECT)
    assert contents(own_desk) == before


def test_a_batch_tells_every_object_that_is_unknown(client: Client) -> None:
    alerts, incidents = [made(client, "alerts")], [made(client, "incidents") for _ in range(2)]
    outcome = relate_all(client, ("alerts", "incidents"), ["no alert", *alerts], ["no incident", *incidents])
    assert outcome == (incidents, ["no alert", "no incident"])
    assert sorted(related(client, f"alerts/{alerts[0]}/incidents")) == sorted(incidents)
    nobody = relate_all(client, ("alerts", "incidents"), ["no alert"], incidents)
    assert nobody[0] == []
    assert set(nobody[1]) >= {"no alert"}


def test_a_deleted_alert_cannot_be_related(client: Client) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    client.delete("alerts", {"batch_ids": [alert]})
    assert relate(client, f"incidents/{incident}/alerts", [alert]) == ([], [alert])
    refused(client.post(f"alerts/{alert}/incidents", {"ids": [incident]}), NO_OBJECT)
    assert relate_all(client, ("alerts", "incidents"), [alert], [incident])[0] == []
    assert client.show(f"incidents/{incident}")["alert_list"] == []


@pytest.mark.parametrize("dataclass", CLASSES)
def test_an_object_is_not_related_to_itself(client: Client, own_desk: TestDesk, dataclass: str) -> None:
    one, other = made(client, dataclass), made(client, dataclass)
    before = contents(own_desk)
    assert relate(client, f"{dataclass}/{one}/{dataclass}", [one]) == ([], [one])
    assert relate_all(client, (dataclass, dataclass), [one], [one]) == ([], [one])
    assert contents(own_desk) == before
    assert relate(client, f"{dataclass}/{one}/{dataclass}", [one, other]) == ([other], [one])
    assert client.show(f"{dataclass}/{one}")[list_of(dataclass)] == [other]


def test_an_alert_and_an_incident_of_one_id_can_be_related(client: Client) -> None:
    for dataclass in ("alerts", "incidents"):
        made(client, dataclass, id="one id")
    assert relate(client, "alerts/one%20id/incidents", ["one id"]) == (["one id"], [])
    assert client.show("incidents/one%20id")["alert_list"] == ["one id"]
    assert client.show("incidents/one%20id")["incident_list"] == []


def test_a_bare_id_is_a_list_of_one(client: Client) -> None:
    alert, incident, other = made(client, "alerts"), made(client, "incidents"), made(client, "incidents")
    assert relate(client, f"alerts/{alert}/incidents", incident) == ([incident], [])
    body = {"dataobject_ids": alert, "related_dataobject_ids": other}
    assert done(client.post("alerts/incidents/batch-create", body)) == ([other], [])
    assert unrelate(client, f"alerts/{alert}/incidents", incident) == ([incident], [])
    assert related(client, f"alerts/{alert}/incidents") == [other]


@pytest.mark.parametrize("body", [None, {}, {"ids": []}, {"ids": None}])
def test_a_call_that_names_no_object_has_a_code_of_its_own(client: Client, body: Any) -> None:
    alert = made(client, "alerts")
    for method in ("POST", "DELETE"):
        refused(client.send(method, f"alerts/{alert}/incidents", body), NONE_NAMED, "ids")


@pytest.mark.parametrize("body", [None, {}, {"dataobject_ids": ["x"]}, {"related_dataobject_ids": ["x"]},
                                  {"dataobject_ids": [], "related_dataobject_ids": ["x"]},
                                  {"dataobject_ids": ["x"], "related_dataobject_ids": []}])  # fmt: skip
def test_a_batch_that_names_no_object_has_the_same_code(client: Client, body: Any) -> None:
    refused(client.post("alerts/incidents/batch-create", body), NONE_NAMED, "ids")


@pytest.mark.parametrize("ids", [["x"] * 101, 5, [5], [None], {}, ["x" * 65], "x" * 65])
def test_too_many_ids_and_what_is_none_are_refused(client: Client, ids: Any) -> None:
    alert = made(client, "alerts")
    for method in ("POST", "DELETE"):
        refused(client.send(method, f"alerts/{alert}/incidents", {"ids": ids}), WRONG, "ids")
    for body in (
        {"dataobject_ids": ids, "related_dataobject_ids": ["x"]},
        {"dataobject_ids": ["x"], "related_dataobject_ids": ids},
    ):
        refused(client.post("alerts/incidents/batch-create", body), WRONG, "ids")


def test_100_objects_can_be_named_at_once(client: Client) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    ids = [f"n{n}" for n in range(99)] + [incident]
    assert relate(client, f"alerts/{alert}/incidents", ids) == ([incident], ids[:99])


@pytest.mark.parametrize("raw", [b"[]", b"null", b"{", b'"x"'])
def test_a_body_that_is_no_object_is_refused(client: Client, raw: bytes) -> None:
    refused(client.post(f"alerts/{made(client, 'alerts')}/incidents", raw=raw), WRONG)


@pytest.mark.parametrize(
    "path", ["{alert}/assets", "{alert}/alert", "{alert}/ALERTS", "{alert}/%00", "assets/batch-create"]
)  # fmt: skip
def test_an_unknown_related_class_is_refused(client: Client, path: str) -> None:
    target = f"alerts/{path.format(alert=made(client, 'alerts'))}"
    body = {"ids": ["x"], "dataobject_ids": ["x"], "related_dataobject_ids": ["x"]}
    refused(client.post(target, body), NO_CLASS)
    if not target.endswith("batch-create"):
        refused(client.delete(target, body), NO_CLASS)
        refused(client.post(f"{target}/search", {}), NO_CLASS)


def test_a_repeat_with_its_key_has_the_same_answer(client: Client, own_desk: TestDesk) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    path, key = f"alerts/{alert}/incidents", {"X-Idempotency-Key": "relate"}
    first = client.post(path, {"ids": [incident, "x"]}, headers=key)
    unrelate(client, path, [incident])
    before = contents(own_desk)
    assert client.post(path, {"ids": [incident, "x"]}, headers=key).content == first.content
    assert contents(own_desk) == before


def test_a_relation_changes_neither_version_nor_time_of_what_it_links(client: Client) -> None:
    alert, incident = made(client, "alerts"), made(client, "incidents")
    before = {one: client.get(one).json()["data"] for one in (f"alerts/{alert}", f"incidents/{incident}")}
    relate(client, f"alerts/{alert}/incidents", [incident])
    for path, detail in before.items():
        after = client.get(path).json()["data"]
        assert (after["version"], after["update_time"]) == (detail["version"], detail["update_time"])


# What is written down.


@each_pair
def test_both_sides_have_an_audit_row(client: Client, own_desk: TestDesk, main_class: str, related_class: str) -> None:
    main, others = made(client, main_class), [made(client, related_class) for _ in range(2)]
    path = f"{main_class}/{main}/{related_class}"
    answer = client.post(path, {"ids": [*others, "nobody"]})
    ((operation, request_id, changes),) = audit_of(own_desk, main)
    assert (operation, request_id) == ("create_dataobject_relation", answer.headers["X-request-id"])
    assert changes == {list_of(related_class): [None, others]}
    time.sleep(0.002)
    unrelate(client, path, others)
    for one in others:
        added, dropped = audit_of(own_desk, one)
        assert added[2] == {list_of(main_class): [None, [main]]}
        assert (dropped[0], dropped[2]) == ("delete_dataobject_relation", {list_of(main_class): [[main], None]})
    assert audit_of(own_desk, main)[1][2] == {list_of(related_class): [others, None]}
    assert rows(own_desk, "SELECT 1 FROM audit WHERE object_id = 'nobody'") == []


def test_a_batch_within_one_class_names_each_object_once(client: Client, own_desk: TestDesk) -> None:
    ids = [made(client, "alerts") for _ in range(3)]
    assert relate_all(client, ("alerts", "alerts"), ids, ids) == (ids, [])
    for one in ids:
        others = sorted(other for other in ids if other != one)
        assert client.show(f"alerts/{one}")["alert_list"] == others
        ((operation, _, changes),) = audit_of(own_desk, one)
        assert operation == "batch_create_dataobject_relations"
        assert sorted(changes["alert_list"][1]) == others


def test_only_what_is_new_is_written_down(client: Client, own_desk: TestDesk) -> None:
    alert, incidents = made(client, "alerts"), [made(client, "incidents") for _ in range(2)]
    relate(client, f"alerts/{alert}/incidents", incidents[:1])
    time.sleep(0.002)
    relate(client, f"alerts/{alert}/incidents", incidents)
    assert audit_of(own_desk, alert)[1][2] == {"incident_list": [None, incidents[1:]]}
    assert len(audit_of(own_desk, incidents[0])) == 1


# Searched.


@pytest.fixture(scope="module")
def converted(client: Client) -> dict[str, Any]:
    """Two alerts that became an incident, marked as evidence, and one that did not."""
    ids = [in_turn(client, title=f"a{n}") for n in range(3)]
    data = client.order(ids[:2], marked_evidence=True)
    return {"alerts": ids, "incident": data["results"][0]["incident_id"]}


def test_relations_of_a_conversion_are_found_from_both_sides(client: Client, converted: dict[str, Any]) -> None:
    one, two, alone = converted["alerts"]
    incident = converted["incident"]
    found = client.search(f"incidents/{incident}/alerts", order="ASC")
    assert [row["data_object"]["id"] for row in found["data"]] == [one, two]
    assert (found["total"], found["success"], found["code"]) == (2, True, "00000000")
    for alert in (one, two):
        assert related(client, f"alerts/{alert}/incidents") == [incident]
        assert client.show(f"alerts/{alert}")["incident_list"] == [incident]
    assert client.search(f"alerts/{alone}/incidents")["data"] == []
    assert client.search(f"incidents/{incident}/indicators")["total"] == 0
    assert client.search(f"incidents/{incident}/incidents")["total"] == 0


def test_a_row_says_what_links_it(client: Client, converted: dict[str, Any]) -> None:
    for path in (f"incidents/{converted['incident']}/alerts", f"alerts/{converted['alerts'][0]}/incidents"):
        for row in client.search(path)["data"]:
            assert row["relation"]["evidence"] is True
            assert len(row["relation"]["conversion_id"]) == 36
            assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}\.\d{3}Z\+0800", row["relation"]["create_time"])
    assert "relation" not in client.search()["data"][0]


def test_a_relation_search_takes_conditions_and_pages(client: Client) -> None:
    main = client.create_alert()
    ids = [in_turn(client, title=f"p{n}", severity="High" if n % 2 else "Low") for n in range(6)]
    relate(client, f"alerts/{main}/alerts", ids)
    path = f"alerts/{main}/alerts"
    page = client.search(path, limit=2, offset=2, order="ASC")
    assert ([row["id"] for row in page["data"]], page["total"], page["page"]) == (ids[2:4], 6, 2)
    high = {"conditions": [{"name": "s", "data": ["severity", "=", "High"]}], "logics": ["s"]}
    assert [row["id"] for row in client.search(path, condition=high, order="ASC")["data"]] == ids[1::2]
    assert client.search(path, limit=1000, offset=6)["data"] == []
    assert client.post(f"{path}/search").json()["total"] == 6
    for body, code in (
        ({"sort_by": "title"}, "SecMaster.20030009"),
        ({"order": "UP"}, "SecMaster.20030010"),
        ({"condition": {"conditions": [{"name": "s", "data": ["nope", "=", "x"]}]}}, "SecMaster.20030013"),
        ({"limit": 1001}, WRONG),
    ):
        refused(client.post(f"{path}/search", body), code)


@pytest.mark.parametrize("dataclass", ["assets", "alert", "Alerts", "'"])
def test_an_unknown_main_class_is_refused(client: Client, converted: dict[str, Any], dataclass: str) -> None:
    path = f"{dataclass}/{converted['alerts'][0]}/alerts"
    refused(client.post(f"{path}/search", {}), NO_CLASS)
    refused(client.post(path, {"ids": ["x"]}), NO_CLASS)
    refused(client.delete(path, {"ids": ["x"]}), NO_CLASS)


def test_a_search_of_an_unknown_main_object_is_refused(client: Client, converted: dict[str, Any]) -> None:
    alert, incident = converted["alerts"][0], converted["incident"]
    for path in (f"alerts/{incident}/incidents", f"incidents/{alert}/alerts", "alerts/x/incidents",
                 f"indicators/{alert}/alerts"):  # fmt: skip
        refused(client.post(f"{path}/search", {}), NO_OBJECT)


def test_related_indicators_are_searched_by_their_own_fields(client: Client) -> None:
    alert = made(client, "alerts")
    black, white = made(client, "indicators", verdict="Black"), made(client, "indicators", verdict="White")
    relate(client, f"alerts/{alert}/indicators", [black, white])
    wanted = {"conditions": [{"name": "v", "data": ["verdict", "=", "Black"]}]}
    found = client.search(f"alerts/{alert}/indicators", condition=wanted)
    assert [(row["id"], row["name"]) for row in found["data"]] == [(black, "x")]
    refused(client.post(f"indicators/{black}/alerts/search", {"condition": wanted}), "SecMaster.20030013")


@pytest.mark.parametrize("dataclass", CLASSES)
def test_deleting_an_object_drops_its_relations(client: Client, dataclass: str) -> None:
    gone = made(client, dataclass)
    others = {one: made(client, one) for one in CLASSES}
    for one, other in others.items():
        relate(client, f"{one}/{other}/{dataclass}", [gone])
    assert client.delete(dataclass, {"batch_ids": [gone]}).status_code == 200
    for one, other in others.items():
        assert client.search(f"{one}/{other}/{dataclass}")["total"] == 0
        assert client.show(f"{one}/{other}")[list_of(dataclass)] == []
        refused(client.post(f"{dataclass}/{gone}/{one}/search", {}), NO_OBJECT)


# The relation of a conversion.


@pytest.mark.parametrize("side", ["alert", "incident"])
def test_dropping_the_relation_of_a_conversion_ends_it(client: Client, own_desk: TestDesk, side: str) -> None:
    alerts = [client.create_alert() for _ in range(2)]
    incident = client.order(alerts)["results"][0]["incident_id"]
    before = client.show(f"alerts/{alerts[0]}")
    if side == "alert":
        assert unrelate(client, f"alerts/{alerts[0]}/incidents", [incident]) == ([incident], [])
    else:
        assert unrelate(client, f"incidents/{incident}/alerts", alerts[:1]) == (alerts[:1], [])
    assert client.show(f"alerts/{alerts[0]}") == {**before, "incident_list": []}  # it stays as it is, closed too
    assert client.show(f"incidents/{incident}")["alert_list"] == alerts[1:]
    check_invariants(own_desk)
    check_marks(own_desk)
    again = client.order(alerts)
    assert (again["success_ids"], again["error_ids"]) == (alerts[:1], alerts[1:])
    assert again["results"][0]["incident_id"] != incident
    check_invariants(own_desk)
    check_marks(own_desk)


def test_making_the_relation_again_by_hand_is_no_conversion(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        alert = client.create_alert()
        incident = client.order([alert])["results"][0]["incident_id"]
        unrelate(client, f"alerts/{alert}/incidents", [incident])
        relate(client, f"alerts/{alert}/incidents", [incident])
        assert client.search(f"alerts/{alert}/incidents")["data"][0]["relation"]["conversion_id"] is None
        check_marks(desk)
        assert client.order([alert])["success_ids"] == [alert]
    check_marks(desk)


def test_relating_a_converted_alert_again_keeps_the_mark_of_the_conversion(client: Client, own_desk: TestDesk) -> None:
    alert = client.create_alert()
    incident = client.order([alert], marked_evidence=True)["results"][0]["incident_id"]
    before = client.search(f"alerts/{alert}/incidents")["data"][0]["relation"]
    assert relate(client, f"incidents/{incident}/alerts", [alert]) == ([alert], [])
    assert client.search(f"alerts/{alert}/incidents")["data"][0]["relation"] == before
    assert client.order([alert])["error_ids"] == [alert]
    check_invariants(own_desk)
    check_marks(own_desk)


def test_dropping_a_relation_made_by_hand_ends_no_conversion(client: Client, own_desk: TestDesk) -> None:
    alert, other = client.create_alert(), made(client, "incidents")
    incident = client.order([alert])["results"][0]["incident_id"]
    relate(client, f"alerts/{alert}/incidents", [other])
    unrelate(client, f"alerts/{alert}/incidents", [other])
    (result,) = client.order([alert])["results"]
    assert (result["reason"], result["incident_id"]) == ("already_converted", incident)
    check_invariants(own_desk)
    check_marks(own_desk)


def test_with_an_older_conversion_standing_the_alert_falls_back_to_that(desk: TestDesk) -> None:
    with serving(desk, conversion_allow_again=True) as base, Client(base, desk) as client:
        alert = client.create_alert()
        incidents = []
        for _ in range(3):
            time.sleep(0.002)
            incidents.append(client.order([alert])["results"][0]["incident_id"])
        unrelate(client, f"alerts/{alert}/incidents", incidents[1:2])  # not the newest: nothing to fall back from
        check_marks(desk)
    with serving(desk) as base, Client(base, desk) as client:
        assert client.order([alert])["results"][0]["incident_id"] == incidents[2]
        unrelate(client, f"incidents/{incidents[2]}/alerts", [alert])
        check_marks(desk)
        (result,) = client.order([alert])["results"]
        assert (result["reason"], result["incident_id"]) == ("already_converted", incidents[0])
        unrelate(client, f"alerts/{alert}/incidents", [incidents[0]])
        assert client.order([alert])["success_ids"] == [alert]
    check_invariants(desk)
    check_marks(desk)


def test_several_conversions_are_ended_in_one_call(client: Client, own_desk: TestDesk) -> None:
    alerts = [client.create_alert() for _ in range(3)]
    incident = client.order(alerts)["results"][0]["incident_id"]
    assert unrelate(client, f"incidents/{incident}/alerts", ["nobody", *alerts]) == (alerts, ["nobody"])
    check_invariants(own_desk)
    check_marks(own_desk)
    assert client.order(alerts)["success_ids"] == alerts


# Races.


def together(base: str, desk: TestDesk, jobs: Sequence[Callable[[Client], httpx.Response]]) -> list[httpx.Response]:
    """Every job with a client of its own, started at the same instant."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[Client], httpx.Response]) -> httpx.Response:
        with Client(base, desk) as own:
            own.get("/healthz")  # the connection stands before the start
            gate.wait()
            return job(own)

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_clients_that_relate_one_pair_at_once_make_one_relation(client: Client, own_desk: TestDesk) -> None:
    for _ in range(5):
        alert, incident = made(client, "alerts"), made(client, "incidents")
        jobs: list[Callable[[Client], httpx.Response]] = [
            lambda one, a=alert, i=incident: one.post(f"alerts/{a}/incidents", {"ids": [i]}),
            lambda one, a=alert, i=incident: one.post(f"incidents/{i}/alerts", {"ids": [a]}),
        ] * 2
        for answer in together(client.base, own_desk, jobs):
            assert done(answer)[1] == []
        found = rows(own_desk, "SELECT * FROM relations WHERE from_id = ?", [alert])
        assert [(one["to_id"], one["deleted_time"]) for one in found] == [(incident, None)]
        assert len(audit_of(own_desk, alert)) == len(audit_of(own_desk, incident)) == 1


def test_relating_and_dropping_at_once_leaves_both_sides_in_agreement(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        for _ in range(5):
            alert = client.create_alert()
            incident = client.order([alert])["results"][0]["incident_id"]
            jobs: list[Callable[[Client], httpx.Response]] = [
                lambda one, a=alert, i=incident: one.post(f"alerts/{a}/incidents", {"ids": [i]}),
                lambda one, a=alert, i=incident: one.delete(f"incidents/{i}/alerts", {"ids": [a]}),
                lambda one, a=alert: one.post("alerts/batch-order", {"ids": [a]}),
            ]
            for answer in together(base, desk, jobs):
                assert answer.status_code == 200, answer.text
            for one in client.show(f"alerts/{alert}")["incident_list"]:
                assert client.show(f"incidents/{one}")["alert_list"] == [alert]
    check_marks(desk)


def test_deleting_and_relating_at_once_leaves_no_relation_of_the_deleted(client: Client, own_desk: TestDesk) -> None:
    for _ in range(5):
        alert, incident = made(client, "alerts"), made(client, "incidents")
        jobs: list[Callable[[Client], httpx.Response]] = [
            lambda one, a=alert, i=incident: one.post(f"incidents/{i}/alerts", {"ids": [a]}),
            lambda one, a=alert: one.delete("alerts", {"batch_ids": [a]}),
        ]
        for answer in together(client.base, own_desk, jobs):
            assert answer.status_code == 200, answer.text
        assert client.show(f"incidents/{incident}")["alert_list"] == []
