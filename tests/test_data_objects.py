"""Objects by the generic paths: the name of a class in the path, or its id in the datapanel operations.

Source: API reference notes, "Generic data objects". For alerts, incidents and indicators the generic paths are the
specific ones, so one answer must serve the clients of both.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conversion_cases import contents, rows
from support import Client, TestDesk, copy_desk, serving

WRONG, UNKNOWN, NO_CLASS = "SecMaster.20030001", "SecMaster.20030005", "SecMaster.20030022"
SMALLEST: dict[str, dict[str, Any]] = {
    "alerts": {"title": "x"},
    "incidents": {"title": "x"},
    "indicators": {"name": "x", "value": "x", "indicator_type": {"indicator_type": "x"}},
}
CREATE_CODES = {"alerts": "SecMaster.20041805", "incidents": "SecMaster.20041504", "indicators": WRONG}
each_class = pytest.mark.parametrize("dataclass", SMALLEST)


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("data_objects"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture
def fresh(client: Client, own_desk: TestDesk) -> Iterator[Client]:
    """A client of a workspace without objects."""
    body = {"region_id": "r", "name": "fresh", "project_name": "p"}
    made_now = client.post(f"/v1/{client.project_id}/workspaces", body).json()
    with Client(client.base, own_desk, workspace_id=made_now["id"]) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, code), answer.text
    assert named in body["message"]


def create(client: Client, dataclass: str, form: dict[str, Any] | None = None, **fields: Any) -> httpx.Response:
    return client.post(dataclass, {**(form or {}), "data_object": {**SMALLEST[dataclass], **fields}})


def panel(client: Client, dataclass: str, rest: str = "") -> str:
    """The datapanel path of a class, which names it by its id."""
    listed = client.get("dataclasses").json()["dataclass_details"]
    dataclass_id = next(one["id"] for one in listed if f"{one['name'].lower()}s" == dataclass)
    return f"datapanel/{dataclass_id}/data-objects{rest}"


def batch(client: Client, dataclass: str, objects: Any, **kwargs: Any) -> httpx.Response:
    return client.post(panel(client, dataclass, "/batch-create"), {"data_object_list": objects}, **kwargs)


# By the name of the class.


@each_class
def test_a_create_is_answered_for_both_clients(client: Client, dataclass: str) -> None:
    answer = create(client, dataclass)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["code"], body["message"], body["success"]) == ("00000000", "", True)
    assert body["data"]["event_id"] == body["data"]["id"] == body["data"]["data_object"]["id"]
    shown = client.get(f"{dataclass}/{body['data']['id']}").json()
    assert shown["success"] is True
    assert shown["data"].items() <= body["data"].items()


@each_class
def test_the_id_of_the_form_goes_before_that_of_the_object(client: Client, dataclass: str) -> None:
    forms = (
        ({"id": f"form-{dataclass}"}, {"id": f"object-{dataclass}"}, f"form-{dataclass}"),
        ({}, {"id": f"alone-{dataclass}"}, f"alone-{dataclass}"),
        ({"id": ""}, {"id": f"empty-{dataclass}"}, f"empty-{dataclass}"),
        ({"id": None}, {"id": f"null-{dataclass}"}, f"null-{dataclass}"),
    )
    for form, fields, expected in forms:
        data = create(client, dataclass, form, **fields).json()["data"]
        assert (data["id"], data["event_id"], data["data_object"]["id"]) == (expected, expected, expected)
    refused(client.get(f"{dataclass}/object-{dataclass}"), UNKNOWN)
    assert len(create(client, dataclass, {"id": ""}).json()["data"]["id"]) == 36


@each_class
def test_an_id_that_is_taken_is_refused_wherever_it_stands(client: Client, dataclass: str) -> None:
    one = create(client, dataclass).json()["data"]["id"]
    refused(create(client, dataclass, {"id": one}), CREATE_CODES[dataclass], "id")
    refused(create(client, dataclass, id=one), CREATE_CODES[dataclass], "id")


@each_class
@pytest.mark.parametrize("bad", ["x" * 37, 5, ["x"], "a\0b"])
def test_a_wrong_id_of_the_form_is_refused(client: Client, dataclass: str, bad: Any) -> None:
    refused(create(client, dataclass, {"id": bad}), CREATE_CODES[dataclass], "id")


@each_class
def test_the_rest_of_the_form_says_nothing_about_the_object(client: Client, dataclass: str) -> None:
    form = {"format_version": 3, "name": "a name", "type": "a type", "trigger_flag": True}
    data = create(client, dataclass, form).json()["data"]
    assert (data["type"], data["format_version"]) == ("MANUAL", 1)
    assert data["data_object"].get("name") == SMALLEST[dataclass].get("name")
    assert not {"type", "trigger_flag", "format_version"} & data["data_object"].keys()


@each_class
def test_a_change_ignores_the_flag_and_the_batch(client: Client, dataclass: str) -> None:
    one, other = (create(client, dataclass).json()["data"]["id"] for _ in range(2))
    body = {"batch_ids": [other], "trigger_flag": True, "data_object": {"labels": "changed"}}
    answer = client.put(f"{dataclass}/{one}", body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert answer.json()["data"]["data_object"]["labels"] == "changed"
    assert "labels" not in client.show(f"{dataclass}/{other}")


@each_class
def test_a_delete_has_its_lists_at_the_top_and_inside(client: Client, dataclass: str) -> None:
    ids = [create(client, dataclass).json()["data"]["id"] for _ in range(2)]
    answer = client.delete(dataclass, {"batch_ids": [*ids, "nobody"]})
    lists = {"error_ids": ["nobody"], "success_ids": ids}
    assert answer.json() == {
        "code": "00000000", "message": "", "success": True, "request_id": answer.headers["X-request-id"],
        "data": lists, **lists,
    }  # fmt: skip


@pytest.mark.parametrize(
    "dataclass", ["assets", "alert", "Alerts", "ALERTS", "vulnerabilities", "'", "%00", "%20alerts"]
)
def test_a_class_that_is_unknown_is_told_by_every_operation(client: Client, dataclass: str) -> None:
    one = {"data_object": {"title": "x"}}
    for answer in (
        client.post(dataclass, one),
        client.post(f"{dataclass}/search", {}),
        client.get(f"{dataclass}/{uuid.uuid4()}"),
        client.put(f"{dataclass}/{uuid.uuid4()}", one),
        client.delete(dataclass, {"batch_ids": ["x"]}),
    ):
        refused(answer, NO_CLASS)


@pytest.mark.parametrize("verb", ["create", "search", "show", "change"])
def test_a_refusal_has_success_and_data_where_the_answer_has_them(client: Client, verb: str) -> None:
    """Source: errors, "Body shapes": generic data objects."""
    one = {"data_object": {"title": "x"}}
    answer = {
        "create": lambda: client.post("assets", one),
        "search": lambda: client.post("assets/search", {}),
        "show": lambda: client.get("assets/x"),
        "change": lambda: client.put("assets/x", one),
    }[verb]()
    body = answer.json()
    assert body == {"code": NO_CLASS, "message": body["message"], "success": False, "data": None}


# By the id of the class.


@each_class
def test_several_objects_are_created_and_answered_as_an_array(fresh: Client, dataclass: str) -> None:
    objects = [{**SMALLEST[dataclass], "labels": f"l{n}"} for n in range(3)]
    objects[1]["id"] = "my own"
    answer = batch(fresh, dataclass, objects)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-request-id"]
    ids = [one["id"] for one in answer.json()]
    assert answer.json() == [{"id": one, "event_id": one} for one in ids]
    assert ids[1] == "my own"
    assert len(set(ids)) == 3
    assert [fresh.show(f"{dataclass}/{one}")["labels"] for one in ids] == ["l0", "l1", "l2"]
    assert fresh.search(dataclass)["total"] == 3


@each_class
def test_an_object_of_a_batch_is_like_one_that_came_alone(fresh: Client, dataclass: str) -> None:
    alone = create(fresh, dataclass).json()["data"]["data_object"]
    (made,) = batch(fresh, dataclass, [SMALLEST[dataclass]]).json()
    together = fresh.show(f"{dataclass}/{made['id']}")
    own = ("id", "create_time", "update_time", "arrive_time", "first_report_time")
    assert {key: value for key, value in together.items() if key not in own} == {
        key: value for key, value in alone.items() if key not in own
    }
    assert together.keys() == alone.keys()


def test_1000_objects_are_created_at_once(fresh: Client, own_desk: TestDesk) -> None:
    answer = batch(fresh, "alerts", [{"title": f"t{n}"} for n in range(1000)])
    assert answer.status_code == 200, answer.text
    ids = [one["id"] for one in answer.json()]
    assert len(set(ids)) == 1000
    found = fresh.search(limit=1000)
    assert (found["total"], {row["id"] for row in found["data"]}) == (1000, set(ids))
    audited = rows(own_desk, "SELECT * FROM audit WHERE request_id = ?", [answer.headers["X-request-id"]])
    assert {row["object_id"] for row in audited} == set(ids)
    assert {row["operation"] for row in audited} == {"batch_create_datapanel_objects"}


@pytest.mark.parametrize("objects", [[], [{"title": "x"}] * 1001, None, {}, "x", {"title": "x"}])
def test_a_batch_of_none_or_over_1000_is_refused(fresh: Client, objects: Any) -> None:
    refused(batch(fresh, "alerts", objects), WRONG, "data_object_list")
    assert fresh.search()["total"] == 0


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"null", b"{", b'[{"title":"x"}]', b'{"data_object":{"title":"x"}}']
)
def test_a_batch_needs_a_list_of_objects(fresh: Client, raw: bytes) -> None:
    refused(fresh.post(panel(fresh, "alerts", "/batch-create"), raw=raw), WRONG)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, "title"), ({"title": ""}, "title"), ({"title": "x", "severity": "Worst"}, "severity"),
        ({"title": "x", "id": "x" * 37}, "id"), ({"title": "x", "sla": "soon"}, "sla"), (5, "data_object_list"),
        (None, "data_object_list"), ("x", "data_object_list"), ([], "data_object_list"),
        ({"title": "x", "system_info": {"t": "x" * 300_000}}, "data_object"),
    ],
    ids=range(10),
)  # fmt: skip
def test_one_wrong_object_is_named_and_none_is_made(fresh: Client, own_desk: TestDesk, wrong: Any, named: str) -> None:
    before = contents(own_desk)
    answer = batch(fresh, "alerts", [{"title": "x"}, {"title": "y"}, wrong, {"title": "z"}])
    refused(answer, WRONG, named)
    assert "data_object_list[2]" in answer.json()["message"]
    assert contents(own_desk) == before


@each_class
def test_an_id_that_is_taken_or_there_twice_makes_none(fresh: Client, own_desk: TestDesk, dataclass: str) -> None:
    taken = create(fresh, dataclass).json()["data"]["id"]
    gone = create(fresh, dataclass).json()["data"]["id"]
    fresh.delete(dataclass, {"batch_ids": [gone]})
    smallest = SMALLEST[dataclass]
    before = contents(own_desk)
    for ids in ((taken,), ("a", taken), ("a", gone), ("a", "b", "a"), ("a", "a")):
        refused(batch(fresh, dataclass, [{**smallest, "id": one} for one in ids]), WRONG, "id")
        assert contents(own_desk) == before


@pytest.mark.parametrize(("ids", "place"), [(["a", "taken"], 1), (["a", "b", "a"], 2)])
def test_the_place_of_an_id_that_cannot_be_had_is_named(fresh: Client, ids: list[str], place: int) -> None:
    fresh.create_alert(id="taken")
    answer = batch(fresh, "alerts", [{"title": "x", "id": one} for one in ids])
    refused(answer, WRONG, f"data_object_list[{place}]")


def test_another_workspaces_ids_are_free(client: Client, fresh: Client) -> None:
    for one in (client, fresh):
        assert batch(one, "alerts", [{"title": "x", "id": "in both"}]).json()[0]["id"] == "in both"


def test_a_repeated_batch_with_its_key_makes_its_objects_once(fresh: Client) -> None:
    key = {"X-Idempotency-Key": "batch"}
    answers = [batch(fresh, "alerts", [{"title": "x"}, {"title": "y"}], headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert fresh.search()["total"] == 2
    refused(batch(fresh, "alerts", [{"title": "x"}], headers=key), WRONG, "X-Idempotency-Key")


@each_class
def test_objects_are_searched_and_shown_as_by_the_name_of_their_class(fresh: Client, dataclass: str) -> None:
    ids = [create(fresh, dataclass, labels=f"l{n}").json()["data"]["id"] for n in range(3)]
    path = panel(fresh, dataclass)
    assert fresh.get(f"{path}/{ids[0]}").json() == fresh.get(f"{dataclass}/{ids[0]}").json()
    wanted = {"condition": {"conditions": [{"name": "l", "data": ["labels", "in", "l0,l2"]}]}, "limit": 1, "offset": 1}
    by_id = fresh.post(f"{path}/search", wanted)
    assert by_id.status_code == 200, by_id.text
    assert by_id.json() == fresh.post(f"{dataclass}/search", wanted).json()
    assert (by_id.json()["total"], by_id.json()["success"]) == (2, True)
    assert fresh.post(f"{path}/search").json()["total"] == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"limit": 1001}, WRONG),
        ({"sort_by": "title"}, "SecMaster.20030009"),
        ({"order": "UP"}, "SecMaster.20030010"),
        ({"condition": {"conditions": [{"name": "x", "data": ["nope", "=", "x"]}]}}, "SecMaster.20030013"),
    ],
)
def test_a_wrong_search_is_refused(client: Client, body: dict[str, Any], code: str) -> None:
    refused(client.post(panel(client, "alerts", "/search"), body), code)


def test_an_object_of_another_class_is_not_found(client: Client) -> None:
    alert = client.create_alert()
    for answer in (
        client.get(panel(client, "incidents", f"/{alert}")),
        client.get(panel(client, "alerts", "/nobody")),
        client.get(panel(client, "alerts", "/%00")),
    ):
        refused(answer, UNKNOWN)


@pytest.mark.parametrize("dataclass_id", [str(uuid.UUID(int=5)), "x", "alerts", "%00"])
def test_an_unknown_id_of_a_class_is_told_by_every_operation(client: Client, dataclass_id: str) -> None:
    path = f"datapanel/{dataclass_id}/data-objects"
    refused(client.post(f"{path}/batch-create", {"data_object_list": [{"title": "x"}]}), NO_CLASS)
    refused(client.post(f"{path}/search", {}), NO_CLASS)
    refused(client.get(f"{path}/{uuid.uuid4()}"), NO_CLASS)


def test_the_class_of_another_workspace_is_unknown(client: Client, fresh: Client) -> None:
    refused(client.post(panel(fresh, "alerts", "/search"), {}), NO_CLASS)
