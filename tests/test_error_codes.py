"""Which code for which mistake: values over their maximum, sorting and conditions, unknown classes and objects, a
workspace that is gone, a caller without permission; of every operation that can make the mistake.

Source: API reference notes, "Which code for which mistake".
"""

from collections.abc import Iterator
from typing import Any

import pytest

from refusals import OWN_CODES, STYLES, checked, named, operation_named, refused, url_of
from samples import SAMPLES, filled
from support import Client, TestDesk, copy_desk, serving
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS
from tocsin.identity.records import Role
from world import World, made_world

UNKNOWN_ID = "00000000-0000-7000-8000-00000000dead"
MALFORMED_IDS = [UNKNOWN_ID, "x", "%00", "%20", "a'b", "x" * 300, "%ff", "%F0%9F%92%A5"]
IDS_1000 = [f"id-{number}" for number in range(1000)]


@pytest.fixture(scope="module")
def client(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    desk = copy_desk(template, tmp_path_factory.mktemp("codes"))
    with serving(desk) as url, Client(url, desk) as one:
        yield one


@pytest.fixture(scope="module")
def world(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made_world(copy_desk(template, tmp_path_factory.mktemp("gone"))) as made:
        yield made


# Over the maximum: the operation, and a body that is right but for the member that the message must name.

WORKSPACE = {"region_id": "r", "name": "n", "project_name": "p"}
NOTE = {"type": "textMessage", "content": "c"}
TYPE = {"category": "A category", "sub_category": "A child", "enabled": True, "sla": 0}
CHANGES = ("create_alert", "change_alert", "create_incident", "change_incident")
SEARCHES = [one.name for one in OPERATIONS if one.path.endswith("/search")]
OBJECT_SEARCHES = [name for name in SEARCHES if name != "list_notes"]
OVER: list[tuple[str, Any, str]] = [
    *(
        (name, {"data_object": {"title": "x", member: "x" * (maximum + 1)}}, member)
        for name in CHANGES
        for member, maximum in (("title", 255), ("description", 1024), ("labels", 1024), ("close_comment", 1024))
    ),
    *((name, {"data_object": {"title": "x", "confidence": 101}}, "confidence") for name in CHANGES),
    *((name, {"data_object": {"title": "x", "severity": "Awful"}}, "severity") for name in CHANGES),
    *((name, {"data_object": {"title": "x", "handle_status": "Done"}}, "handle_status") for name in CHANGES),
    *((name, {"data_object": {"title": "x", "big": "x" * (256 * 1024)}}, "data_object") for name in CHANGES),
    *((name, {"data_object": {"title": "x"}, "batch_ids": IDS_1000}, "batch_ids")
      for name in ("change_alerts", "change_incidents")),
    *((name, {"batch_ids": IDS_1000}, "batch_ids") for name, sample in SAMPLES.items()
      if "batch_ids" in (sample.body or {}) and name.startswith("delete_")),
    ("create_batch_order_alerts", {"ids": IDS_1000}, "ids"),
    ("create_batch_order_alerts", {"ids": ["x"], "incident_content": {"title": "x" * 256}}, "title"),
    *((name, {"limit": 1001}, "limit") for name in SEARCHES if name not in ("list_indicators", "list_dataobjects")),
    *((name, {"limit": -1}, "limit") for name in SEARCHES),
    *((name, {"offset": -1}, "offset") for name in SEARCHES),
    *((name, {"from_date": "x" * 65}, "from_date") for name in SEARCHES),
    *((name, {"condition": {"conditions": [{"name": "x" * 65, "data": []}]}}, "name") for name in OBJECT_SEARCHES),
    *((name, {"condition": {"conditions": [{"name": "x", "data": ["title", "=", "x" * 101]}]}}, "data")
      for name in OBJECT_SEARCHES),
    ("create_indicator", {"data_object": {"value": "x", "indicator_type": {"indicator_type": "IPv4"}}}, "name"),
    ("create_indicator", {"data_object": {"name": "x" * 65, "value": "x", "indicator_type": {}}}, "name"),
    ("create_indicator", {"data_object": {"name": "x", "value": "x" * 257, "indicator_type": {}}}, "value"),
    ("create_note", {**NOTE, "content": "x" * 1025}, "content"),
    ("create_note", {**NOTE, "type": "x" * 65}, "type"),
    ("create_note", {**NOTE, "war_room_id": "x" * 65}, "war_room_id"),
    ("create_note", {"type": "textMessage"}, "content"),
    ("list_notes", {"war_room_id": "x" * 65}, "war_room_id"),
    ("create_dataclass_type", {**TYPE, "category": "x" * 65}, "category"),
    ("create_dataclass_type", {**TYPE, "description": "x" * 257}, "description"),
    ("create_dataclass_type", {**TYPE, "sla": 15_634_800_001}, "sla"),
    ("create_dataclass_type", {**TYPE, "level": 3}, "level"),
    ("create_dataclass_type", {"category": "A category", "sub_category": "A child", "sla": 0}, "enabled"),
    ("delete_dataclass_type", {"is_delete": True, "ids": []}, "ids"),
    ("delete_dataclass_type", {"is_delete": True, "ids": IDS_1000[:101]}, "ids"),
    ("delete_dataclass_type", {"ids": ["id"]}, "is_delete"),
    ("enable_dataclass_type", {"enable": True, "ids": []}, "ids"),
    ("enable_dataclass_type", {"ids": ["id"]}, "enable"),
    ("create_workspace", {**WORKSPACE, "name": "x" * 65}, "name"),
    ("create_workspace", {**WORKSPACE, "name": "a b"}, "name"),
    ("create_workspace", {**WORKSPACE, "name": ""}, "name"),
    ("create_workspace", {**WORKSPACE, "description": "x" * 513}, "description"),
    ("create_workspace", {**WORKSPACE, "region_id": "a b"}, "region_id"),
    ("create_workspace", {**WORKSPACE, "tags": [{"key": "k"}] * 17}, "tags"),
    ("create_workspace", {"name": "n", "project_name": "p"}, "region_id"),
    ("update_workspace", {"name": "x" * 65}, "name"),
    ("update_workspace", {"name": "n", "description": "x" * 513}, "description"),
    ("update_workspace", {"description": "without a name"}, "name"),
    ("create_dataobject_relation", {"ids": IDS_1000[:101]}, "ids"),
    ("delete_dataobject_relation", {"ids": IDS_1000[:101]}, "ids"),
    ("batch_create_dataobject_relations", {"dataobject_ids": IDS_1000[:101], "related_dataobject_ids": ["x"]},
     "dataobject_ids"),
    ("batch_create_dataobject_relations", {"dataobject_ids": ["x"], "related_dataobject_ids": IDS_1000[:101]},
     "related_dataobject_ids"),
    ("batch_create_datapanel_objects", {"data_object_list": []}, "data_object_list"),
    ("batch_create_datapanel_objects", {"data_object_list": [{"title": "x"}] * 1001}, "data_object_list"),
    ("batch_create_datapanel_objects", {"data_object_list": [{"title": "x"}, {}]}, "data_object_list"),
    *((name, {"title": ["no such field"]}, "title") for name in SAMPLES if name.startswith("export_")),
    *((name, {"data_object_filters_form": {"limit": -1}}, "limit") for name in SAMPLES if name.startswith("export_")),
    ("export_dataobjects", {"action": "exportEverything"}, "action"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "member"), OVER, ids=lambda one: one if isinstance(one, str) else "")
def test_a_value_out_of_its_range_has_the_operations_own_code_and_names_the_member(
    client: Client, name: str, body: Any, member: str
) -> None:
    operation = operation_named(name)
    path = url_of(operation, client)
    if name == "change_alert":
        path = client.url(f"alerts/{client.create_alert()}")
    if name == "change_incident":
        made = client.post("incidents", {"data_object": {"title": "x"}})
        path = client.url(f"incidents/{made.json()['data']['id']}")
    answer = client.send(operation.method, path, body)
    refused(answer, operation)
    assert member in answer.json()["message"]


@pytest.mark.parametrize("name", ["create_dataobject_relation", "delete_dataobject_relation"])
@pytest.mark.parametrize("body", [None, {}, {"ids": []}, {"ids": None}])
def test_a_relation_to_nothing_has_a_code_of_its_own(client: Client, name: str, body: Any) -> None:
    operation = operation_named(name)
    answer = client.send(operation.method, client.url(f"alerts/{client.create_alert()}/incidents"), body)
    refused(answer, operation, "SecMaster.20041033")


@pytest.mark.parametrize("body", [None, {}, {"dataobject_ids": ["x"]}, {"related_dataobject_ids": ["x"]}])
def test_relations_of_nothing_have_a_code_of_their_own(client: Client, body: Any) -> None:
    operation = operation_named("batch_create_dataobject_relations")
    refused(client.post(url_of(operation, client), body), operation, "SecMaster.20041033")


# Sorting and conditions.

CONDITIONS = {
    "unknown field": {"conditions": [{"name": "a", "data": ["no_such_field", "=", "x"]}]},
    "unknown operator": {"conditions": [{"name": "a", "data": ["id", "resembles", "x"]}]},
    "incomplete": {"conditions": [{"name": "a", "data": ["id", "="]}]},
    "no number": {"conditions": [{"name": "a", "data": ["confidence", ">=", "many"]}]},
    "undefined name": {"conditions": [{"name": "a", "data": ["id", "=", "x"]}], "logics": ["a", "and", "b"]},
    "name twice": {"conditions": [{"name": "a", "data": ["id", "=", "x"]}] * 2, "logics": ["a"]},
    "no join": {"conditions": [{"name": "a", "data": ["id", "=", "x"]}], "logics": ["a", "a"]},
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_wrong_sorting_has_codes_of_its_own(client: Client, name: str) -> None:
    operation = operation_named(name)
    path = url_of(operation, client).replace("nobody", client.create_alert())
    refused(client.post(path, {"sort_by": "no_such_field"}), operation, "SecMaster.20030009")
    if name not in ("list_indicators", "list_dataobjects"):  # no such member is published for indicators
        refused(client.post(path, {"order": "SIDEWAYS"}), operation, "SecMaster.20030010")


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS.keys())
@pytest.mark.parametrize("name", [*OBJECT_SEARCHES, *(one for one in SAMPLES if one.startswith("export_"))])
def test_a_wrong_condition_has_a_code_of_its_own(client: Client, name: str, condition: Any) -> None:
    operation = operation_named(name)
    path = url_of(operation, client).replace("nobody", client.create_alert())
    body = {"condition": condition}
    answer = client.post(path, {"data_object_filters_form": body} if name.startswith("export_") else body)
    refused(answer, operation, "SecMaster.20030013")


# What is not there.

# The operation, its path below the workspace, and a body that is right.
CLASSES: list[tuple[str, str, Any]] = [
    ("create_dataobject", "{}", {"data_object": {"title": "x"}}),
    ("list_dataobjects", "{}/search", {}),
    ("show_dataobject", "{}/x", None),
    ("update_dataobject", "{}/x", {"data_object": {"title": "x"}}),
    ("delete_dataobjects", "{}", {"batch_ids": ["x"]}),
    ("export_dataobjects", "{}/export", {}),
    ("create_dataobject_relation", "{}/x/alerts", {"ids": ["x"]}),
    ("create_dataobject_relation", "alerts/x/{}", {"ids": ["x"]}),
    ("delete_dataobject_relation", "{}/x/alerts", {"ids": ["x"]}),
    ("delete_dataobject_relation", "alerts/x/{}", {"ids": ["x"]}),
    ("list_dataobject_relations", "{}/x/alerts/search", {}),
    ("list_dataobject_relations", "alerts/x/{}/search", {}),
    ("batch_create_dataobject_relations", "{}/alerts/batch-create",
     {"dataobject_ids": ["x"], "related_dataobject_ids": ["x"]}),
    ("batch_create_dataobject_relations", "alerts/{}/batch-create",
     {"dataobject_ids": ["x"], "related_dataobject_ids": ["x"]}),
    ("show_data_class_info", "dataclasses/{}", None),
    ("list_dataclass_fields", "dataclasses/{}/fields", None),
    ("list_dataclass_types", "dataclasses/{}/types", None),
    ("create_dataclass_type", "dataclasses/{}/types", TYPE),
    ("delete_dataclass_type", "dataclasses/{}/types", {"is_delete": True, "ids": ["xx"]}),
    ("enable_dataclass_type", "dataclasses/{}/types/enable", {"enable": True, "ids": ["xx"]}),
    ("batch_create_datapanel_objects", "datapanel/{}/data-objects/batch-create", {"data_object_list": [{"title": "x"}]}),
    ("list_datapanel_objects", "datapanel/{}/data-objects/search", {}),
    ("show_datapanel_object", "datapanel/{}/data-objects/x", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "body"), CLASSES, ids=lambda one: one if isinstance(one, str) else "")
@pytest.mark.parametrize("unknown", ["vulnerabilities", "Alerts", "alert", UNKNOWN_ID, "x" * 300, "%00"])
def test_an_unknown_data_class_in_a_path_has_a_code_of_its_own(
    client: Client, name: str, path: str, body: Any, unknown: str
) -> None:
    operation = operation_named(name)
    answer = client.send(operation.method, client.url(path.format(unknown)), body)
    refused(answer, operation, "SecMaster.20030022")


OBJECTS: list[tuple[str, str, Any]] = [
    *((f"show_{one}", f"{one}s/{{}}", None) for one in ("alert", "incident")),
    *((f"change_{one}", f"{one}s/{{}}", {"data_object": {"title": "x"}}) for one in ("alert", "incident")),
    ("show_indicator_detail", "indicators/{}", None),
    ("update_indicator", "indicators/{}", {"data_object": {"name": "x"}}),
    ("create_dataobject_relation", "alerts/{}/incidents", {"ids": ["x"]}),
    ("delete_dataobject_relation", "alerts/{}/incidents", {"ids": ["x"]}),
    ("list_dataobject_relations", "alerts/{}/incidents/search", {}),
    ("show_attachment", "attachment/{}", None),
    ("download_attachment", "attachment/{}/download", None),
]


@pytest.mark.parametrize(("name", "path", "body"), OBJECTS, ids=lambda one: one if isinstance(one, str) else "")
@pytest.mark.parametrize("unknown", MALFORMED_IDS)
def test_an_unknown_or_malformed_id_in_a_path_is_not_found(
    client: Client, name: str, path: str, body: Any, unknown: str
) -> None:
    operation = operation_named(name)
    answer = client.send(operation.method, client.url(path.format(unknown)), body)
    refused(answer, operation, "SecMaster.20030005")


@pytest.mark.parametrize("name", ["change_alerts", "change_incidents"])
def test_a_batch_of_unknown_ids_only_is_not_found(client: Client, name: str) -> None:
    operation = operation_named(name)
    body = {"batch_ids": [UNKNOWN_ID, "x"], "data_object": {"title": "x"}}
    refused(client.post(url_of(operation, client), body), operation, "SecMaster.20030005")


IN_WORKSPACE = [one for one in OPERATIONS if one.in_workspace and one.permission is not None]


@pytest.mark.parametrize("operation", IN_WORKSPACE, ids=named)
def test_a_workspace_that_was_deleted_is_gone_in_the_style_of_the_operation(world: World, operation: Operation) -> None:
    answer = world.send(operation, {**world.own, "workspace": world.deleted}, key="administrator")
    soc = "/soc/" in operation.path
    refused(answer, operation, "SecMaster.20010001" if soc else "SecMaster.20011003", 403 if soc else 400)


@pytest.mark.parametrize("operation", [one for one in IN_WORKSPACE if one.permission], ids=named)
def test_a_refusal_for_want_of_permission_is_in_the_style_of_the_operation(world: World, operation: Operation) -> None:
    if SAMPLES[operation.name].role == "reader":
        assert world.send(operation, world.own, key="reader").status_code == 200
    else:
        answer = world.send(operation, world.own, key="reader")
        refused(answer, operation, "SecMaster.90010015", 403)
        assert answer.json()["message"] == "Unauthorized request"


@pytest.mark.parametrize(
    "operation", [one for one in IN_WORKSPACE if one.name in SAMPLES and SAMPLES[one.name].role != "reader"], ids=named
)
def test_permission_is_looked_at_before_the_request(world: World, operation: Operation) -> None:
    sample = SAMPLES[operation.name]
    answer = world.client("reader").send(operation.method, filled(sample.path, world.own), raw=b"{nonsense")
    refused(checked(answer), operation, "SecMaster.90010015", 403)


def test_the_tables_name_only_operations_that_there_are(client: Client) -> None:
    assert set(OWN_CODES) >= set(STYLES)
    assert {one.name for one in OPERATIONS} >= set(OWN_CODES)
    desk_roles = {role.value for role in Role}
    assert desk_roles == {"reader", "operator", "administrator"}
