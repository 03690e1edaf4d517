"""Data classes, their fields, and the types of their objects: the catalogue, and what a workspace makes for itself.

Source: API reference notes, "Relations, data classes, fields, types", sections 2 to 4; decisions of ours are marked
there.
"""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from conversion_cases import contents, rows
from support import Client, TestDesk, copy_desk, serving
from tocsin.objects.records import INDICATORS

NO_CLASS, WRONG = "SecMaster.20030022", "SecMaster.20011001"
ITEMS = {
    "Alert": "369def57-75c3-4cc4-988c-22263ece4b17",
    "Incident": "369def57-75c3-4cc4-988c-22263ece4b18",
    "Indicator": "369def57-75c3-4cc4-988c-22263ece4b30",
}
ROOTKIT = "b03166f1b63f021663d9889c6274c27e"
BOTH_SPELLINGS = {"code", "message", "error_code", "error_msg"}
NEW = {"enabled": True, "sla": 0}


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("types"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture
def fresh(client: Client, own_desk: TestDesk) -> Iterator[Client]:
    """A client of a workspace that has made no type yet."""
    body = {"region_id": "r", "name": "fresh", "project_name": "p"}
    made_now = client.post(f"/v1/{client.project_id}/workspaces", body).json()
    with Client(client.base, own_desk, workspace_id=made_now["id"]) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def refused_plainly(answer: httpx.Response, code: str, named: str = "", status: int = 400) -> None:
    """Refused in the way of type operations: all four keys."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == BOTH_SPELLINGS
    assert (body["error_code"], body["error_msg"]) == (body["code"], body["message"])
    assert named in body["message"]
    assert answer.headers["x-request-id"]


def refused_with_flag(answer: httpx.Response, code: str, named: str = "") -> None:
    """Refused where the answer to a success has `success` and `data`."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, code), answer.text
    assert body == {"code": code, "message": body["message"], "success": False, "data": None}
    assert named in body["message"]


# Data classes.


def class_id(project_id: str, workspace_id: str, item_id: str) -> str:
    digest = hashlib.md5(f"{project_id}{workspace_id}{item_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest, version=3))


def test_a_data_class_id_is_computed_like_the_published_one() -> None:
    project_id, workspace_id = "15645222e8744afa985c93dab6341da6", "d5baeef8-3e75-4e91-9826-fb208ac58987"
    assert INDICATORS.id_in(project_id, workspace_id) == "97ccf890-7480-31f6-a961-cf8da1f2f040"
    assert class_id(project_id, workspace_id, ITEMS["Indicator"]) == "97ccf890-7480-31f6-a961-cf8da1f2f040"


def test_every_workspace_has_three_data_classes_with_computed_ids(client: Client, own_desk: TestDesk) -> None:
    answer = client.get("dataclasses")
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert set(body) == {"dataclass_details", "total"}
    assert body["total"] == 3
    for one in body["dataclass_details"]:
        assert one["id"] == class_id(client.project_id, client.workspace_id, ITEMS[one["name"]])
        assert (one["project_id"], one["workspace_id"]) == (client.project_id, client.workspace_id)
        assert one["is_built_in"] is True
        assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", one["create_time"])
    assert {one["name"] for one in body["dataclass_details"]} == set(ITEMS)
    alert = client.create_alert()
    ref = client.get(f"alerts/{alert}").json()["data"]["dataclass_ref"]
    assert ref == {"id": class_id(client.project_id, client.workspace_id, ITEMS["Alert"]), "name": "Alert"}
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("other")) as other:
        ids = {one["id"] for one in other.get("dataclasses").json()["dataclass_details"]}
    assert not ids & {one["id"] for one in body["dataclass_details"]}


@pytest.mark.parametrize(
    ("query", "names", "total"),
    [
        ("limit=1", ["Alert"], 3),
        ("limit=1&offset=1", ["Incident"], 3),
        ("offset=3", [], 3),
        ("offset=999999999", [], 3),
        ("name=Alert", ["Alert"], 1),
        ("name=in", ["Incident", "Indicator"], 2),
        ("name=%25", [], 0),
        ("business_code=Incident", ["Incident"], 1),
        ("is_built_in=true", ["Alert", "Incident", "Indicator"], 3),
        ("is_built_in=false", [], 0),
        ("name=", ["Alert", "Incident", "Indicator"], 3),
        ("unknown=1", ["Alert", "Incident", "Indicator"], 3),
    ],
)
def test_data_classes_are_filtered_and_paged(client: Client, query: str, names: list[str], total: int) -> None:
    body = client.get(f"dataclasses?{query}").json()
    assert ([one["name"] for one in body["dataclass_details"]], body["total"]) == (names, total)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "is_built_in=maybe", "limit=1.5", f"name={'x' * 65}"]
)
def test_a_wrong_query_of_data_classes_is_refused(client: Client, query: str) -> None:
    refused(client.get(f"dataclasses?{query}"), "SecMaster.20030001", query.partition("=")[0])


def test_a_data_class_is_shown_as_it_is_listed(client: Client) -> None:
    for listed in client.get("dataclasses").json()["dataclass_details"]:
        answer = client.get(f"dataclasses/{listed['id']}")
        assert (answer.status_code, answer.json()) == (200, listed)


@pytest.mark.parametrize("dataclass_id", [str(uuid.UUID(int=5)), "x", "alerts", "%00", ITEMS["Alert"]])
def test_an_unknown_data_class_is_told_everywhere(client: Client, dataclass_id: str) -> None:
    path = f"dataclasses/{dataclass_id}"
    refused(client.get(path), NO_CLASS)
    refused(client.get(f"{path}/fields"), NO_CLASS)
    refused_plainly(client.get(f"{path}/types"), NO_CLASS)
    refused_plainly(client.post(f"{path}/types", {**NEW, "category": "xx"}), NO_CLASS)
    refused_plainly(client.delete(f"{path}/types", {"is_delete": True, "ids": ["xx"]}), NO_CLASS)
    refused_with_flag(client.post(f"{path}/types/enable", {"enable": True, "ids": ["xx"]}), NO_CLASS)


def test_a_data_class_of_another_workspace_is_unknown(client: Client, fresh: Client) -> None:
    for name in ITEMS:
        refused(client.get(class_path(fresh, name)), NO_CLASS)


def test_a_data_class_counts_its_types(fresh: Client) -> None:
    before = fresh.get(class_path(fresh)).json()["type_num"]
    assert before == types(fresh)["total"]
    make(fresh, category="New parent", sub_category="New child")
    assert fresh.get(class_path(fresh)).json()["type_num"] == before + 2
    assert fresh.get(class_path(fresh, "Incident")).json()["type_num"] == before


# Fields.


def fields(client: Client, query: str = "limit=1000", name: str = "Alert") -> dict[str, dict[str, Any]]:
    answer = client.get(f"{class_path(client, name)}/fields?{query}")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"field_details", "total"}
    return {one["field_key"]: one for one in answer.json()["field_details"]}


SMALLEST = {
    "Alert": {"title": "x"},
    "Incident": {"title": "x"},
    "Indicator": {"name": "x", "value": "x", "indicator_type": {"indicator_type": "x"}},
}
each_class = pytest.mark.parametrize("name", SMALLEST)


@each_class
def test_every_member_of_an_object_is_a_field(client: Client, name: str) -> None:
    answer = client.post(f"{name.lower()}s", {"data_object": {**SMALLEST[name], "handle_status": "Closed"}})
    known = fields(client, name=name)
    assert set(answer.json()["data"]["data_object"]) - {"handle_status"} <= known.keys()
    assert ("handle_status" in known) is (name != "Indicator")


@each_class
def test_a_field_says_where_it_belongs(client: Client, name: str) -> None:
    known = fields(client, name=name)
    dataclass_id = class_path(client, name).partition("/")[2]
    for key, one in known.items():
        assert one["name"] == one["business_code"] == one["field_key"] == key
        assert (one["dataclass_name"], one["business_id"], one["is_built_in"]) == (name, dataclass_id, True)
        assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", one["create_time"])
    assert len({one["id"] for one in known.values()}) == len(known)
    assert fields(client, name=name) == known


def test_fields_of_two_classes_have_different_ids(client: Client) -> None:
    alert, incident = (fields(client, name=name) for name in ("Alert", "Incident"))
    assert not {one["id"] for one in alert.values()} & {one["id"] for one in incident.values()}


@each_class
def test_required_fields_are_those_that_a_create_demands(client: Client, name: str) -> None:
    assert {key for key, one in fields(client, name=name).items() if one["required"]} == set(SMALLEST[name])


@each_class
def test_what_the_server_writes_is_read_only(client: Client, name: str) -> None:
    known = fields(client, name=name)
    read_only = {key for key, one in known.items() if one["read_only"]}
    assert read_only >= {
        "create_time", "update_time", "project_id", "workspace_id", "dataclass_id", "alert_list", "incident_list",
        "indicator_list",
    }  # fmt: skip
    assert not read_only & {"id", "labels", *SMALLEST[name]}
    for key, one in known.items():
        assert one["creatable"] is not one["read_only"]
        assert one["editable"] is (not one["read_only"] and key != "id")


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [
        ("Alert", "title", "String"), ("Alert", "severity", "Enum"), ("Alert", "handle_status", "Enum"),
        ("Alert", "close_reason", "Enum"), ("Alert", "count", "Integer"), ("Alert", "confidence", "Integer"),
        ("Alert", "first_observed_time", "Timestamp"), ("Alert", "sla", "Timestamp"), ("Alert", "create_time", "Timestamp"),
        ("Alert", "environment", "Object"), ("Alert", "alert_type", "Object"), ("Alert", "system_info", "Object"),
        ("Alert", "network_list", "List<Object>"), ("Alert", "process", "List<Object>"),
        ("Alert", "incident_list", "List<String>"), ("Alert", "simulation", "String"),
        ("Incident", "incident_type", "Object"), ("Indicator", "verdict", "Enum"), ("Indicator", "status", "Enum"),
        ("Indicator", "granular_marking", "Integer"), ("Indicator", "defanged", "Boolean"),
        ("Indicator", "revoked", "Boolean"), ("Indicator", "first_report_time", "Timestamp"),
        ("Indicator", "value", "String"),
    ],
)  # fmt: skip
def test_a_field_has_the_vendors_word_for_its_type(client: Client, name: str, key: str, kind: str) -> None:
    assert fields(client, name=name)[key]["field_type"] == kind


@pytest.mark.parametrize(
    ("name", "key", "choices"),
    [
        ("Alert", "severity", ["Tips", "Low", "Medium", "High", "Fatal"]),
        ("Incident", "handle_status", ["Open", "Block", "Closed"]),
        ("Alert", "close_reason", ["False detection", "Resolved", "Repeated", "Other"]),
        ("Indicator", "verdict", ["Black", "White", "Gray"]),
        ("Indicator", "status", ["Open", "Closed", "Revoked"]),
    ],
)
def test_a_field_with_choices_names_them(client: Client, name: str, key: str, choices: list[str]) -> None:
    assert json.loads(fields(client, name=name)[key]["json_schema"]) == {"enum": choices}
    assert json.loads(fields(client, name=name)["labels"]["json_schema"]) == {}


def test_searchable_fields_can_be_searched(client: Client) -> None:
    for name in SMALLEST:
        for key, one in fields(client, name=name).items():
            condition = {"conditions": [{"name": "c", "data": [key, "=", ""]}]}
            answer = client.post(f"{name.lower()}s/search", {"condition": condition})
            if answer.status_code == 200:
                assert one["searchable"], key
            elif one["field_type"] not in {"Object", "List<Object>"}:  # those are searched by their members
                assert not one["searchable"], key


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("name=severity", {"severity"}),
        ("name=SEVER", {"severity"}),
        ("name=_observed_", {"first_observed_time", "last_observed_time"}),
        ("name=%25", set()),
        ("is_built_in=false", set()),
        ("mapping=false", set()),
        ("field_category=any", set()),
        ("offset=999999999", set()),
        ("name=severity&is_built_in=true&mapping=true", {"severity"}),
    ],
)
def test_fields_are_filtered(client: Client, query: str, keys: set[str]) -> None:
    assert set(fields(client, query)) == keys


def test_fields_are_paged(client: Client) -> None:
    everything = list(fields(client))
    assert list(fields(client, "")) == everything[:10]
    read: list[str] = []
    while page := fields(client, f"limit=7&offset={len(read)}"):
        read += page
    assert read == everything
    assert client.get(f"{class_path(client)}/fields?limit=1").json()["total"] == len(everything)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "is_built_in=maybe", "mapping=2", f"name={'x' * 65}"]
)
def test_a_wrong_query_of_fields_is_refused(client: Client, query: str) -> None:
    refused(client.get(f"{class_path(client)}/fields?{query}"), "SecMaster.20030001", query.partition("=")[0])


# Types: listed.


def class_path(client: Client, name: str = "Alert") -> str:
    return f"dataclasses/{class_id(client.project_id, client.workspace_id, ITEMS[name])}"


def types(client: Client, query: str = "limit=1000", name: str = "Alert", **kwargs: Any) -> dict[str, Any]:
    answer = client.get(f"{class_path(client, name)}/types?{query}", **kwargs)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def make(client: Client, name: str = "Alert", /, **body: Any) -> dict[str, Any]:
    """A type that must be made, as it was answered."""
    answer = client.post(f"{class_path(client, name)}/types", {**NEW, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-request-id"]
    return dict(answer.json())


def type_of(client: Client, type_id: str, name: str = "Alert") -> dict[str, Any] | None:
    """A type as it is listed, if it is."""
    found = [one for one in types(client, name=name)["dataclass_type_details"] if one["id"] == type_id]
    assert len(found) <= 1
    return found[0] if found else None


def enable(client: Client, ids: Sequence[str], *, enabled: bool, name: str = "Alert") -> httpx.Response:
    return client.post(f"{class_path(client, name)}/types/enable", {"enable": enabled, "ids": list(ids)})


def delete(client: Client, ids: Sequence[str], *, really: bool = True, name: str = "Alert") -> list[dict[str, Any]]:
    """What is said to use the types."""
    answer = client.delete(f"{class_path(client, name)}/types", {"is_delete": really, "ids": list(ids)})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), list)
    return list(answer.json())


def test_types_of_alerts_and_incidents_are_the_catalogue(client: Client) -> None:
    for name in ("Alert", "Incident"):
        body = types(client, name=name)
        rows = body["dataclass_type_details"]
        assert body["total"] == len(rows) > 60
        assert all(one["dataclass_id"] == class_id(client.project_id, client.workspace_id, ITEMS[name]) for one in rows)
        codes = {(one["category_code"], one["sub_category_code"]): one for one in rows}
        assert codes["Malware", "Rootkit"]["id"] == "b03166f1b63f021663d9889c6274c27e"
        assert codes["DDoS", "ACK Flood"]["id"] == "e8710c1afa40806a2f4f33aeef246f2d"
        assert codes["DDoS", ""]["category"] == "DDoS attack"
        assert codes["DDoS", ""]["id"] == hashlib.md5(b"DDoS").hexdigest()
        for code in ("Malware", "Web Attack", "Brute Force", "DDoS"):
            parent = codes[code, ""]
            assert parent["level"] == 1
            assert parent["sub_count"] == sum(one["level"] == 2 and one["category_code"] == code for one in rows)
            assert codes[code, "Other"]["level"] == 2
        assert all(one["is_built_in"] and one["enabled"] for one in rows if len(one["id"]) == 32)
    assert types(client, name="Indicator")["total"] == 0


def test_terraform_reads_types_page_by_page(client: Client) -> None:
    everything = types(client)["dataclass_type_details"]
    for limit in (1000, 7, 1):
        read: list[dict[str, Any]] = []
        while True:
            page = types(client, f"limit={limit}&offset={len(read)}")["dataclass_type_details"]
            read += page
            if len(page) < limit:
                break
        assert read == everything


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "offset=-1", "level=3", "order=UP", "sortby=NAME", "enabled=maybe", "is_built_in=2"],
)
def test_a_wrong_query_of_types_is_refused(client: Client, query: str) -> None:
    path = f"dataclasses/{class_id(client.project_id, client.workspace_id, ITEMS['Alert'])}/types"
    refused_plainly(client.get(f"{path}?{query}"), "SecMaster.20011001", query.partition("=")[0])


@pytest.mark.parametrize("dataclass_id", [str(uuid.UUID(int=5)), "x", "alerts", "%00"])
def test_types_of_an_unknown_class_are_refused(client: Client, dataclass_id: str) -> None:
    refused_plainly(client.get(f"dataclasses/{dataclass_id}/types"), NO_CLASS)


def test_types_can_be_asked_for_by_every_parameter(fresh: Client) -> None:
    child = make(
        fresh, category="My category", category_code="MyCategory", sub_category="My child", sub_category_code="MyChild",
        description="ours", enabled=False, sla=60000,
    )  # fmt: skip
    rows = types(fresh)["dataclass_type_details"]

    def found(query: str) -> list[dict[str, Any]]:
        body = types(fresh, f"limit=1000&{query}")
        assert body["total"] == len(body["dataclass_type_details"])
        return list(body["dataclass_type_details"])

    own = [one for one in rows if not one["is_built_in"]]
    assert [one["level"] for one in own] == [1, 2]
    assert own[1] == child
    assert found("enabled=false") == own[1:]
    assert found("is_built_in=false") == found("category_code=MyCategory") == own
    assert found("enabled=true") == [one for one in rows if one != child]
    assert found("is_built_in=true") == [one for one in rows if one not in own]
    assert {one["level"] for one in found("level=1")} == {1}
    assert len(found("level=1")) + len(found("level=2")) == len(rows)
    assert {one["category_code"] for one in found("category_code=DDoS")} == {"DDoS"}
    assert [one["sub_category_code"] for one in found("sub_category=rootkit")] == ["Rootkit"]
    assert own[1:] == found("name=my%20child")
    assert len(found("name=malware")) >= 1
    assert found("layout_name=nothing") == []
    assert found("order=DESC") == rows[::-1]
    assert [one["category"] for one in rows] == sorted(one["category"] for one in rows)


def test_types_sorted_by_create_time_are_in_that_order(fresh: Client) -> None:
    made_now = make(fresh, category="Aaa first by name")["id"]
    for order, place in (("ASC", -1), ("DESC", 0)):
        rows = types(fresh, f"limit=1000&sortby=CREATE_TIME&order={order}")["dataclass_type_details"]
        assert rows[place]["id"] == made_now  # made by somebody, after all that came with the server


@pytest.mark.parametrize(
    ("language", "category", "child"),
    [
        ("zh-cn", "DDoS攻击", "DNS协议攻击"),
        ("ZH-CN", "DDoS攻击", "DNS协议攻击"),
        ("en-us", "DDoS attack", "DNS protocol attacks"),
        ("fr-fr", "DDoS attack", "DNS protocol attacks"),
        ("", "DDoS attack", "DNS protocol attacks"),
        (None, "DDoS attack", "DNS protocol attacks"),
    ],
)
def test_names_are_told_in_the_language_that_was_asked_for(
    client: Client, language: str | None, category: str, child: str
) -> None:
    headers = {} if language is None else {"X-Language": language}
    body = types(client, "limit=1000&category_code=DDoS", headers=headers)
    codes = {one["sub_category_code"]: one for one in body["dataclass_type_details"]}
    assert (codes[""]["category"], codes["Tcp Dns"]["category"], codes["Tcp Dns"]["sub_category"]) == (
        category, category, child,
    )  # fmt: skip
    assert codes["Tcp Dns"]["id"] == hashlib.md5(b"Tcp Dns").hexdigest()
    assert codes["ACK Flood"]["sub_category"] == "ACK Flood"  # known by one name only


def test_types_are_found_by_either_name(client: Client) -> None:
    for query in ("sub_category=DNS%20protocol", "sub_category=DNS%E5%8D%8F%E8%AE%AE"):
        rows = types(client, f"limit=1000&{query}")["dataclass_type_details"]
        assert [one["sub_category_code"] for one in rows] == ["Tcp Dns"]


# Types: made.


def test_a_child_of_a_new_parent_makes_both(fresh: Client, own_desk: TestDesk) -> None:
    child = make(
        fresh, category="Phishing", category_code="Phish", sub_category="By mail", sub_category_code="Mail",
        description="d", sla=60_000,
    )  # fmt: skip
    expected = {
        "category": "Phishing", "category_code": "Phish", "sub_category": "By mail", "sub_category_code": "Mail",
        "description": "d", "enabled": True, "sla": 60_000, "level": 2, "is_built_in": False, "sub_count": 0,
        "dataclass_id": class_path(fresh).partition("/")[2], "dataclass_business_code": "Alert",
        "project_id": fresh.project_id, "workspace_id": fresh.workspace_id,
        "creator_name": own_desk.made.user_name, "modifier_name": own_desk.made.user_name,
    }  # fmt: skip
    assert {key: child[key] for key in expected} == expected
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", child["create_time"])
    assert child["update_time"] == child["create_time"]
    assert str(uuid.UUID(child["id"])) == child["id"]  # dashed, unlike those of built-in types
    assert type_of(fresh, child["id"]) == child
    parent, listed = types(fresh, "is_built_in=false")["dataclass_type_details"]
    assert listed == child
    assert {key: parent[key] for key in ("category", "category_code", "sub_category", "level", "sub_count", "sla")} == {
        "category": "Phishing", "category_code": "Phish", "sub_category": "", "level": 1, "sub_count": 1, "sla": 0,
    }  # fmt: skip
    assert parent["enabled"] is True


def test_a_parent_that_comes_with_its_child_has_no_description_of_the_child(fresh: Client) -> None:
    make(fresh, category="Phishing", sub_category="By mail", description="only of mail")
    parent, _ = types(fresh, "is_built_in=false")["dataclass_type_details"]
    assert parent["description"] == ""


def test_a_child_of_a_built_in_parent_takes_its_names(fresh: Client) -> None:
    before = types(fresh, "category_code=DDoS&level=1")["dataclass_type_details"][0]["sub_count"]
    child = make(fresh, category="my own name for it", category_code="ddos", sub_category="New flood")
    assert (child["category"], child["category_code"]) == ("DDoS attack", "DDoS")
    (parent,) = types(fresh, "category_code=DDoS&level=1")["dataclass_type_details"]
    assert (parent["sub_count"], parent["is_built_in"]) == (before + 1, True)


def test_a_second_child_joins_the_parent_that_was_made(fresh: Client) -> None:
    for child in ("By mail", "By phone"):
        make(fresh, category="Phishing", sub_category=child)
    rows = types(fresh, "is_built_in=false")["dataclass_type_details"]
    assert [(one["level"], one["sub_category"], one["sub_count"]) for one in rows] == [
        (1, "", 2), (2, "By mail", 0), (2, "By phone", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "Nn", "business_code": "Bb", "level": 1}, (1, "Nn", "Bb", "", "")),
        ({"name": "Nn", "business_code": "Bb"}, (1, "Nn", "Bb", "", "")),
        ({"name": "Nn"}, (1, "Nn", "Nn", "", "")),
        ({"business_code": "Bb"}, (1, "Bb", "Bb", "", "")),
        ({"category": "Cc"}, (1, "Cc", "Cc", "", "")),
        ({"category_code": "Cd"}, (1, "Cd", "Cd", "", "")),
        ({"category": "Cc", "category_code": "Cd", "level": 1}, (1, "Cc", "Cd", "", "")),
        ({"category": "Cc", "name": "Nn", "business_code": "Bb", "level": 2}, (2, "Cc", "Cc", "Nn", "Bb")),
        ({"category_code": "Cd", "business_code": "Bb", "level": 2}, (2, "Cd", "Cd", "Bb", "Bb")),
        ({"category": "Cc", "sub_category": "Ss"}, (2, "Cc", "Cc", "Ss", "Ss")),
        ({"category": "Cc", "sub_category_code": "Sd", "level": 2}, (2, "Cc", "Cc", "Sd", "Sd")),
        ({"category": "Cc", "sub_category": "Ss", "dataclass_business_code": "Alert"}, (2, "Cc", "Cc", "Ss", "Ss")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Alert", "Indicator"])
def test_a_type_may_be_named_in_several_ways(
    fresh: Client, name: str, body: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    one = make(fresh, name, **body)
    keys = ("level", "category", "category_code", "sub_category", "sub_category_code")
    assert tuple(one[key] for key in keys) == expected
    assert one["dataclass_business_code"] == name


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "category"),
        ({"sub_category": "Ss"}, "category"),
        ({"name": "Nn", "level": 2}, "category"),
        ({"category": "Cc", "level": 2}, "sub_category"),
        ({"category": "C"}, "category"),
        ({"category": "x" * 65}, "category"),
        ({"category": 5}, "category"),
        ({"category": "Cc", "sub_category": ""}, "sub_category"),
        ({"category": "Cc", "sub_category_code": "x" * 65}, "sub_category_code"),
        ({"category": "Cc", "level": 0}, "level"),
        ({"category": "Cc", "level": 3}, "level"),
        ({"category": "Cc", "sla": -1}, "sla"),
        ({"category": "Cc", "sla": 15_634_800_001}, "sla"),
        ({"category": "Cc", "sla": "1"}, "sla"),
        ({"category": "Cc", "sla": None}, "sla"),
        ({"category": "Cc", "enabled": None}, "enabled"),
        ({"category": "Cc", "enabled": "true"}, "enabled"),
        ({"category": "Cc", "description": "x" * 257}, "description"),
        ({"category": "C\0c"}, "category"),
        ({"name": "N", "level": 1}, "name"),
        ({"business_code": "x" * 65}, "business_code"),
    ],
)
def test_a_wrong_type_is_refused_and_named(client: Client, body: dict[str, Any], named: str) -> None:
    total = types(client)["total"]
    refused_plainly(client.post(f"{class_path(client)}/types", {**NEW, **body}), WRONG, named)
    assert types(client)["total"] == total


@pytest.mark.parametrize("missing", NEW)
def test_a_type_needs_to_say_whether_it_is_enabled_and_its_time(client: Client, missing: str) -> None:
    body = {"category": "Cc", **{key: value for key, value in NEW.items() if key != missing}}
    refused_plainly(client.post(f"{class_path(client)}/types", body), WRONG, missing)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null"])
def test_a_type_needs_a_json_object(client: Client, raw: bytes) -> None:
    refused_plainly(client.post(f"{class_path(client)}/types", raw=raw), WRONG)


@pytest.mark.parametrize(
    ("first", "again", "named"),
    [
        ({"category": "Phishing"}, {"category": "Phishing"}, "category_code"),
        (
            {"category": "Phishing", "category_code": "Phish"},
            {"category": "Other", "category_code": "PHISH"},
            "category_code",
        ),
        ({"category": "Phishing", "sub_category": "Mail"}, {"category": "Phishing"}, "category_code"),
        (
            {"category": "Phishing", "sub_category": "Mail"},
            {"category": "phishing", "sub_category": "MAIL"},
            "sub_category_code",
        ),
        (
            {"category_code": "DDoS", "sub_category": "New"},
            {"category": "DDoS", "sub_category": "new"},
            "sub_category_code",
        ),
        ({"name": "Phishing", "level": 1}, {"category_code": "phishing"}, "category_code"),
    ],
)
def test_a_type_is_made_once(fresh: Client, first: dict[str, Any], again: dict[str, Any], named: str) -> None:
    make(fresh, **first)
    before = types(fresh)
    refused_plainly(fresh.post(f"{class_path(fresh)}/types", {**NEW, **again}), WRONG, named)
    assert types(fresh) == before


def test_other_classes_and_workspaces_make_their_own(client: Client, fresh: Client) -> None:
    body = {"category": "Shared name", "sub_category": "Shared child"}
    made_types = [make(one, name, **body) for one in (client, fresh) for name in ITEMS]
    assert len({one["id"] for one in made_types}) == len(made_types)
    for one, other in ((made_types[0], fresh), (made_types[3], client)):
        assert type_of(other, one["id"]) is None


def test_a_type_leaves_an_audit_row(fresh: Client, own_desk: TestDesk) -> None:
    one = make(fresh, category="Phishing", category_code="Phish", sub_category="By mail", sub_category_code="Mail")[
        "id"
    ]
    for enabled in (False, True):
        time.sleep(0.002)
        assert enable(fresh, [one], enabled=enabled).status_code == 200
    time.sleep(0.002)
    delete(fresh, [one])
    found = rows(own_desk, "SELECT * FROM audit WHERE object_id = ? ORDER BY time", [one])
    assert [(row["operation"], json.loads(row["changes"])) for row in found] == [
        ("create_dataclass_type", {"type": [None, "Phish / Mail"]}),
        ("enable_dataclass_type", {"enabled": [True, False]}),
        ("enable_dataclass_type", {"enabled": [False, True]}),
        ("delete_dataclass_type", {"type": ["Phish / Mail", None]}),
    ]


def test_a_repeat_with_its_key_makes_one_type(fresh: Client) -> None:
    body, key = {**NEW, "category": "Phishing"}, {"X-Idempotency-Key": "type"}
    answers = [fresh.post(f"{class_path(fresh)}/types", body, headers=key) for _ in range(2)]
    assert answers[0].status_code == 200
    assert answers[0].content == answers[1].content


# Types: enabled and disabled.


def test_types_are_disabled_and_enabled(fresh: Client, own_desk: TestDesk) -> None:
    ids = [make(fresh, category="Phishing", sub_category=child)["id"] for child in ("By mail", "By phone")]
    for enabled in (False, False, True):
        answer = enable(fresh, ids, enabled=enabled)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"code": "00000000", "message": "", "data": answer.json()["data"], "success": True}
        assert isinstance(answer.json()["data"], str)
        for one in ids:
            shown = type_of(fresh, one)
            assert shown is not None
            assert (shown["enabled"], shown["modifier_name"]) == (enabled, own_desk.made.user_name)
    assert types(fresh, "enabled=false")["total"] == 0


def test_a_built_in_type_cannot_be_disabled(fresh: Client, own_desk: TestDesk) -> None:
    own = make(fresh, category="Phishing")["id"]
    before = contents(own_desk)
    for ids in ([ROOTKIT], [own, ROOTKIT]):
        refused_with_flag(enable(fresh, ids, enabled=False), WRONG, "ids")
    assert contents(own_desk) == before
    assert enable(fresh, [ROOTKIT], enabled=True).status_code == 200


def test_an_unknown_type_can_be_neither_enabled_nor_disabled(client: Client, fresh: Client, own_desk: TestDesk) -> None:
    own, foreign = make(fresh, category="Phishing")["id"], make(client, category="Foreign one")["id"]
    of_incidents = make(fresh, "Incident", category="Phishing")["id"]
    before = contents(own_desk)
    for unknown in (foreign, of_incidents, str(uuid.uuid4()), "no such type"):
        for enabled in (True, False):
            refused_with_flag(enable(fresh, [own, unknown], enabled=enabled), WRONG, unknown)
    assert contents(own_desk) == before


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "enable"), ({"enable": True}, "ids"), ({"ids": [ROOTKIT]}, "enable"), ({"enable": True, "ids": []}, "ids"),
        ({"enable": "true", "ids": [ROOTKIT]}, "enable"), ({"enable": True, "ids": ROOTKIT}, "ids"),
        ({"enable": None, "ids": [ROOTKIT]}, "enable"), ({"enable": True, "ids": [5]}, "ids"),
        ({"enable": True, "ids": None}, "ids"),
    ],
)  # fmt: skip
def test_a_wrong_call_to_enable_is_refused_and_named(client: Client, body: dict[str, Any], named: str) -> None:
    refused_with_flag(client.post(f"{class_path(client)}/types/enable", body), WRONG, named)


# Types: deleted.


def test_types_that_nothing_uses_are_deleted(fresh: Client) -> None:
    total = types(fresh)["total"]
    child = make(fresh, category="Phishing", sub_category="By mail")["id"]
    alone = make(fresh, category="Lonely")["id"]
    assert delete(fresh, [child, alone]) == []
    assert type_of(fresh, child) is type_of(fresh, alone) is None
    assert types(fresh)["total"] == total + 1
    again = make(fresh, category="Phishing", sub_category="By mail")
    assert type_of(fresh, again["id"]) == again


def test_without_is_delete_nothing_is_deleted(fresh: Client, own_desk: TestDesk) -> None:
    unused = make(fresh, category="Lonely")["id"]
    used = make(fresh, category="Phishing", sub_category="By mail")["id"]
    alert = fresh.create_alert(alert_type={"category": "Phishing", "alert_type": "By mail"})
    before = contents(own_desk)
    (told,) = delete(fresh, [unused, used], really=False)
    assert (told["type"], told["count"], [one["id"] for one in told["data"]]) == ("DATAOBJECT", 1, [alert])
    assert contents(own_desk) == before


@pytest.mark.parametrize(
    "texts",
    [
        {"category": "Phishing", "alert_type": "By mail"},
        {"category": "Phish", "alert_type": "Mail"},
        {"category": "PHISHING", "alert_type": "mail"},
        {"alert_type": "By mail"},
    ],
)
def test_a_type_in_use_is_reported_and_stays(fresh: Client, texts: dict[str, str]) -> None:
    child = make(
        fresh, category="Phishing", category_code="Phish", sub_category="By mail", sub_category_code="Mail"
    )["id"]  # fmt: skip
    free = make(fresh, category="Lonely")["id"]
    alerts = [fresh.create_alert(title=f"t{n}", alert_type=texts) for n in range(2)]
    (told,) = delete(fresh, [free, child])
    assert (told["type"], told["count"]) == ("DATAOBJECT", 2)
    assert {(one["id"], one["name"]) for one in told["data"]} == {(alerts[0], "t0"), (alerts[1], "t1")}
    assert (told["type_id"], told["reason"]) == (child, "in_use")
    assert isinstance(told["detail_url"], str)
    assert type_of(fresh, child) is not None
    assert type_of(fresh, free) is None
    fresh.delete("alerts", {"batch_ids": alerts})
    assert delete(fresh, [child]) == []
    assert type_of(fresh, child) is None


def test_objects_of_another_class_or_workspace_do_not_use_a_type(client: Client, fresh: Client) -> None:
    texts = {"category": "Phishing", "sub_category": "By mail"}
    one = make(fresh, **texts)["id"]
    client.create_alert(alert_type={"category": "Phishing", "alert_type": "By mail"})
    incident_type = {"category": "Phishing", "incident_type": "By mail"}
    fresh.post("incidents", {"data_object": {"title": "x", "incident_type": incident_type}})
    assert delete(fresh, [one]) == []


def test_a_type_of_many_objects_names_a_hundred(fresh: Client) -> None:
    one = make(fresh, category="Phishing", sub_category="By mail")["id"]
    texts = {"category": "Phishing", "alert_type": "By mail"}
    listed = [{"title": f"t{n}", "alert_type": texts} for n in range(120)]
    fresh.post(
        f"datapanel/{class_path(fresh).partition('/')[2]}/data-objects/batch-create", {"data_object_list": listed}
    )
    (told,) = delete(fresh, [one])
    assert (told["count"], len(told["data"]), len({user["id"] for user in told["data"]})) == (120, 100, 100)


def test_a_parent_with_children_is_reported_and_stays(fresh: Client) -> None:
    children = [make(fresh, category="Phishing", sub_category=child)["id"] for child in ("By mail", "By phone")]
    parent = types(fresh, "is_built_in=false&level=1")["dataclass_type_details"][0]["id"]
    (told,) = delete(fresh, [parent])
    assert (told["type_id"], told["reason"], told["count"]) == (parent, "has_children", 2)
    assert {one["id"] for one in told["data"]} == set(children)
    assert type_of(fresh, parent) is not None
    assert [one["count"] for one in delete(fresh, [children[0], parent])] == [1]
    assert type_of(fresh, children[0]) is None
    assert delete(fresh, [parent, children[1]]) == []
    assert types(fresh, "is_built_in=false")["total"] == 0


def test_a_parent_stays_while_a_child_that_is_named_too_stays(fresh: Client) -> None:
    """A call that names both must not leave a child without its parent."""
    child = make(fresh, category="Phishing", sub_category="By mail")["id"]
    parent = types(fresh, "is_built_in=false&level=1")["dataclass_type_details"][0]["id"]
    fresh.create_alert(alert_type={"alert_type": "By mail"})
    told = delete(fresh, [parent, child])
    assert {one["type_id"] for one in told} == {parent, child}
    assert type_of(fresh, parent) is not None
    assert type_of(fresh, child) is not None


def test_a_parent_in_use_by_objects_of_its_own_stays(fresh: Client) -> None:
    parent = make(fresh, category="Phishing")["id"]
    alert = fresh.create_alert(alert_type={"category": "Phishing", "alert_type": "something unknown"})
    (told,) = delete(fresh, [parent])
    assert (told["reason"], [one["id"] for one in told["data"]]) == ("in_use", [alert])


def test_a_built_in_type_is_reported_and_stays(fresh: Client) -> None:
    own = make(fresh, category="Lonely")["id"]
    (told,) = delete(fresh, [ROOTKIT, own])
    assert (told["type_id"], told["reason"]) == (ROOTKIT, "built_in")
    assert type_of(fresh, ROOTKIT) is not None
    assert type_of(fresh, own) is None


def test_an_unknown_type_has_no_users(client: Client, fresh: Client) -> None:
    foreign = make(client, category="Of another workspace")["id"]
    of_incidents = make(fresh, "Incident", category="Phishing")["id"]
    assert delete(fresh, [foreign, of_incidents, str(uuid.uuid4()), "no such type"]) == []
    assert type_of(client, foreign) is not None
    assert type_of(fresh, of_incidents, "Incident") is not None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "is_delete"), ({"is_delete": True}, "ids"), ({"ids": ["xx"]}, "is_delete"),
        ({"is_delete": True, "ids": []}, "ids"), ({"is_delete": True, "ids": ["x"]}, "ids"),
        ({"is_delete": True, "ids": ["x" * 65]}, "ids"), ({"is_delete": True, "ids": ["xx"] * 101}, "ids"),
        ({"is_delete": "true", "ids": ["xx"]}, "is_delete"), ({"is_delete": None, "ids": ["xx"]}, "is_delete"),
        ({"is_delete": True, "ids": [5]}, "ids"),
    ],
)  # fmt: skip
def test_a_wrong_call_to_delete_is_refused_and_named(client: Client, body: dict[str, Any], named: str) -> None:
    refused_plainly(client.delete(f"{class_path(client)}/types", body), WRONG, named)


# Types in use: disabled ones, and unknown ones where that is not allowed.

TEXTS = {"category": "Phishing", "sub_category": "By mail"}
CODES = {
    "alerts": ("SecMaster.20041805", "SecMaster.20041808", "alert_type", "Alert"),
    "incidents": ("SecMaster.20041504", "SecMaster.20041507", "incident_type", "Incident"),
    "indicators": ("SecMaster.20030001", "SecMaster.20030001", "indicator_type", "Indicator"),
}


def send(client: Client, path: str, method: str = "POST", **fields: Any) -> httpx.Response:
    smallest = SMALLEST[CODES[path.partition("/")[0]][3]] if method == "POST" else {}
    return client.send(method, path, {"data_object": {**smallest, **fields}})


@pytest.mark.parametrize("path", CODES)
def test_a_disabled_type_is_refused_by_create_and_change(fresh: Client, own_desk: TestDesk, path: str) -> None:
    create_code, change_code, field, name = CODES[path]
    one = make(fresh, name, **TEXTS)["id"]
    typed = {field: {"category": "phishing", field: "BY MAIL"}}
    before = send(fresh, path, **typed)
    assert before.status_code == 200, before.text
    had = before.json()["data"]["id"]
    other = send(fresh, path).json()["data"]["id"]
    assert enable(fresh, [one], enabled=False, name=name).status_code == 200
    stored = contents(own_desk)
    for texts in (typed[field], {field: "By mail"}):
        refused(send(fresh, path, **{field: texts}), create_code, "disabled")
        refused(send(fresh, f"{path}/{other}", "PUT", **{field: texts}), change_code, "disabled")
        if path != "indicators":
            batch = {"batch_ids": [other, had], "data_object": {field: texts}}
            refused(fresh.post(f"{path}/batch-update", batch), change_code, "disabled")
    assert contents(own_desk) == stored
    kept = send(fresh, f"{path}/{had}", "PUT", labels="changed otherwise")
    assert kept.status_code == 200, kept.text
    assert kept.json()["data"]["data_object"][field] == typed[field]
    assert enable(fresh, [one], enabled=True, name=name).status_code == 200
    assert send(fresh, path, **typed).status_code == 200


def test_a_disabled_type_is_refused_by_a_conversion(fresh: Client) -> None:
    one = make(fresh, "Incident", **TEXTS)["id"]
    enable(fresh, [one], enabled=False, name="Incident")
    alert = fresh.create_alert()
    for asked in ({"id": one}, {"category": "Phishing", "incident_type": "By mail"}, {"incident_type": "by mail"}):
        body = {"ids": [alert], "incident_content": {"incident_type": asked}}
        refused(fresh.post("alerts/batch-order", body), "SecMaster.20041804", "disabled")
    enable(fresh, [one], enabled=True, name="Incident")
    assert fresh.order([alert], incident_content={"incident_type": {"id": one}})["success_ids"] == [alert]


def test_a_batch_with_a_disabled_type_is_refused_and_its_place_named(fresh: Client, own_desk: TestDesk) -> None:
    one = make(fresh, **TEXTS)["id"]
    enable(fresh, [one], enabled=False)
    path = f"datapanel/{class_path(fresh).partition('/')[2]}/data-objects/batch-create"
    typed = {"title": "x", "alert_type": {"category": "Phishing", "alert_type": "By mail"}}
    before = contents(own_desk)
    answer = fresh.post(path, {"data_object_list": [{"title": "x"}, typed, {"title": "y"}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20030001"), answer.text
    assert "data_object_list[1]" in answer.json()["message"]
    assert "disabled" in answer.json()["message"]
    assert contents(own_desk) == before


def test_a_disabled_type_of_another_class_is_no_hindrance(fresh: Client) -> None:
    one = make(fresh, "Incident", **TEXTS)["id"]
    enable(fresh, [one], enabled=False, name="Incident")
    answer = send(fresh, "alerts", alert_type={"category": "Phishing", "alert_type": "By mail"})
    assert answer.status_code == 200, answer.text


def test_an_enabled_type_goes_before_a_disabled_one_of_the_same_texts(fresh: Client) -> None:
    """A custom type that repeats a built-in one, and is disabled, takes nothing away."""
    one = make(fresh, category_code="DDoS", sub_category="ACK Flood")["id"]
    enable(fresh, [one], enabled=False)
    answer = send(fresh, "alerts", alert_type={"category": "DDoS", "alert_type": "ACK Flood"})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def strict(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    desk = copy_desk(template, tmp_path_factory.mktemp("strict"))
    with serving(desk, types_strict=True) as url, Client(url, desk) as one:
        yield one


@pytest.mark.parametrize("path", ["alerts", "incidents"])
@pytest.mark.parametrize(
    ("category", "child"),
    [
        ("Unheard of", None),
        (None, "Unheard of"),
        ("DDoS", "Rootkit"),
        ("Unheard of", "Rootkit"),
        ("DDoS", "Unheard of"),
    ],
)
def test_with_types_strict_unknown_texts_are_refused(
    strict: Client, path: str, category: str | None, child: str | None
) -> None:
    create_code, change_code, field, _ = CODES[path]
    texts = {"category": category, field: child}
    refused(send(strict, path, **{field: texts}), create_code, field)
    one = send(strict, path).json()["data"]["id"]
    refused(send(strict, f"{path}/{one}", "PUT", **{field: texts}), change_code, field)


@pytest.mark.parametrize("path", ["alerts", "incidents"])
@pytest.mark.parametrize(
    ("category", "child"),
    [("DDoS", "ACK Flood"), ("ddos attack", "ack flood"), ("DDoS攻击", "DNS协议攻击"), (None, "Rootkit"), ("Malware", None),
     ("Malware", ""), ("", "")],
)  # fmt: skip
def test_with_types_strict_the_catalogue_is_known_by_every_name(
    strict: Client, path: str, category: str | None, child: str | None
) -> None:
    field = CODES[path][2]
    texts = {key: value for key, value in (("category", category), (field, child)) if value is not None}
    answer = send(strict, path, **{field: texts})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["data_object"][field] == texts
    change = send(strict, f"{path}/{answer.json()['data']['id']}", "PUT", **{field: texts})
    assert change.status_code == 200, change.text


def test_with_types_strict_a_type_of_ones_own_is_known(strict: Client) -> None:
    make(strict, **TEXTS)
    texts = {"category": "Phishing", "alert_type": "By mail"}
    assert send(strict, "alerts", alert_type=texts).status_code == 200
    refused(send(strict, "incidents", incident_type={"category": "Phishing"}), CODES["incidents"][0], "incident_type")


def test_with_types_strict_indicators_have_any_type(strict: Client) -> None:
    """There is no catalogue of theirs to be strict about."""
    assert send(strict, "indicators", indicator_type={"indicator_type": "Unheard of"}).status_code == 200


def test_without_types_strict_any_text_is_a_type(client: Client) -> None:
    texts = {"category": "Unheard of", "alert_type": "Never seen"}
    assert send(client, "alerts", alert_type=texts).json()["data"]["data_object"]["alert_type"] == texts
