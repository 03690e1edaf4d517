"""Relations between objects, data classes, types and workspaces.

Source: API reference notes, "Relations, data classes, fields, types" and "Workspaces".
"""

import hashlib
import re
import sqlite3
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support import Client, TestDesk, copy_desk, serving
from tocsin.identity.records import Caller
from tocsin.objects.records import INDICATORS
from tocsin.relations.records import ObjectKey
from tocsin.relations.service import relate
from tocsin.times import parse_time
from tocsin.workspaces.records import Scope

NO_CLASS, NO_OBJECT, NO_WORKSPACE = "SecMaster.20030022", "SecMaster.20030005", "SecMaster.20011003"
ITEMS = {
    "Alert": "369def57-75c3-4cc4-988c-22263ece4b17",
    "Incident": "369def57-75c3-4cc4-988c-22263ece4b18",
    "Indicator": "369def57-75c3-4cc4-988c-22263ece4b30",
}
BOTH_SPELLINGS = {"code", "message", "error_code", "error_msg"}


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("relations"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def in_turn(client: Client, **fields: Any) -> str:
    """A new alert of a later millisecond than all before: rows of one instant are ordered by their ids."""
    time.sleep(0.002)
    return client.create_alert(**fields)


def link(desk: TestDesk, *pairs: tuple[ObjectKey, ObjectKey]) -> None:
    scope = Scope(
        workspace_id=desk.made.workspace_id or "", project_id=desk.made.project_id, operation="test",
        caller=Caller(user_id="u", user_name="tester", domain_id="d", domain_name="d"), request_id="r",
        now_ms=1_772_000_000_000, offset_min=480,
    )  # fmt: skip
    with desk.database() as database:
        database.write(lambda tx: relate(tx, scope, pairs)).result()


def refused(answer: Any, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def refused_plainly(answer: Any, code: str, named: str = "", status: int = 400) -> None:
    """Refused in the way of workspace and type operations: all four keys."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == BOTH_SPELLINGS
    assert (body["error_code"], body["error_msg"]) == (body["code"], body["message"])
    assert named in body["message"]
    assert answer.headers["x-request-id"]


# Relations.


@pytest.fixture(scope="module")
def converted(client: Client) -> dict[str, Any]:
    """Two alerts that became an incident, the first marked as evidence or not, and one that did not."""
    ids = [in_turn(client, title=f"a{n}") for n in range(3)]
    data = client.order(ids[:2], marked_evidence=True)
    return {"alerts": ids, "incident": data["results"][0]["incident_id"]}


def test_relations_are_found_from_both_sides(client: Client, converted: dict[str, Any]) -> None:
    one, two, alone = converted["alerts"]
    incident = converted["incident"]
    found = client.search(f"incidents/{incident}/alerts", order="ASC")
    assert [row["data_object"]["id"] for row in found["data"]] == [one, two]
    assert (found["total"], found["success"], found["code"]) == (2, True, "00000000")
    for alert in (one, two):
        back = client.search(f"alerts/{alert}/incidents")
        assert [row["id"] for row in back["data"]] == [incident]
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


def test_the_lists_of_rows_name_related_objects(client: Client, converted: dict[str, Any]) -> None:
    one, two, alone = converted["alerts"]
    rows = {row["id"]: row["data_object"] for row in client.search(limit=1000)["data"]}
    assert rows[one]["incident_list"] == rows[two]["incident_list"] == [converted["incident"]]
    assert rows[one]["alert_list"] == rows[one]["indicator_list"] == rows[alone]["incident_list"] == []
    incident = client.search("incidents")["data"][0]["data_object"]
    assert sorted(incident["alert_list"]) == sorted([one, two])
    assert client.show(f"incidents/{converted['incident']}")["alert_list"] == incident["alert_list"]


def test_objects_of_one_class_are_related_both_ways(client: Client, own_desk: TestDesk) -> None:
    ids = [in_turn(client, title=f"s{n}") for n in range(3)]
    link(own_desk, *[(ObjectKey("alerts", ids[0]), ObjectKey("alerts", other)) for other in ids[1:]])
    assert [row["id"] for row in client.search(f"alerts/{ids[0]}/alerts", order="ASC")["data"]] == ids[1:]
    for other in ids[1:]:
        assert [row["id"] for row in client.search(f"alerts/{other}/alerts")["data"]] == [ids[0]]
        assert client.show(f"alerts/{other}")["alert_list"] == [ids[0]]


def test_a_relation_search_takes_conditions_and_pages(client: Client, own_desk: TestDesk) -> None:
    main = client.create_alert()
    ids = [in_turn(client, title=f"p{n}", severity="High" if n % 2 else "Low") for n in range(6)]
    link(own_desk, *[(ObjectKey("alerts", main), ObjectKey("alerts", other)) for other in ids])
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
        ({"limit": 1001}, "SecMaster.20030001"),
    ):
        refused(client.post(f"{path}/search", body), code)


def test_deleting_an_object_drops_its_relations(client: Client, own_desk: TestDesk) -> None:
    one, two = client.create_alert(), client.create_alert()
    link(own_desk, (ObjectKey("alerts", one), ObjectKey("alerts", two)))
    assert client.delete("alerts", {"batch_ids": [two]}).status_code == 200
    assert client.search(f"alerts/{one}/alerts")["total"] == 0
    assert client.show(f"alerts/{one}")["alert_list"] == []
    refused(client.post(f"alerts/{two}/alerts/search", {}), NO_OBJECT)


@pytest.mark.parametrize("path", ["{alert}/assets", "{alert}/alert", "{alert}/ALERTS", "{alert}/%00"])
def test_an_unknown_related_class_is_refused(client: Client, converted: dict[str, Any], path: str) -> None:
    refused(client.post(f"alerts/{path.format(alert=converted['alerts'][0])}/search", {}), NO_CLASS)


@pytest.mark.parametrize("dataclass", ["assets", "alert", "Alerts", "'"])
def test_an_unknown_main_class_is_refused(client: Client, converted: dict[str, Any], dataclass: str) -> None:
    refused(client.post(f"{dataclass}/{converted['alerts'][0]}/alerts/search", {}), NO_CLASS)


def test_an_unknown_main_object_is_not_found(client: Client, converted: dict[str, Any]) -> None:
    alert, incident = converted["alerts"][0], converted["incident"]
    for path in (f"alerts/{uuid.uuid4()}/incidents", f"alerts/{incident}/incidents", f"incidents/{alert}/alerts",
                 "alerts/x/incidents", f"indicators/{alert}/alerts"):  # fmt: skip
        refused(client.post(f"{path}/search", {}), NO_OBJECT)


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


# Types.


def types(client: Client, query: str = "limit=1000", name: str = "Alert") -> dict[str, Any]:
    answer = client.get(f"dataclasses/{class_id(client.project_id, client.workspace_id, ITEMS[name])}/types?{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def custom(client: Client, own_desk: TestDesk) -> dict[str, str]:
    """A type of the workspace's own, disabled, and one of another workspace."""
    ids = {"own": str(uuid.uuid4()), "foreign": str(uuid.uuid4())}
    places = {"own": client.workspace_id, "foreign": own_desk.add_workspace("types")}
    with sqlite3.connect(own_desk.path) as connection:
        for which, type_id in ids.items():
            connection.execute(
                "INSERT INTO object_types VALUES (?, 'alerts', ?, 2, 'My category', 'MyCategory', 'My child', 'MyChild',"
                " 'ours', 0, 60000, 'u', 'tester', 5, 5)",
                (places[which], type_id),
            )
    connection.close()
    return ids


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


def test_types_can_be_asked_for_by_every_parameter(client: Client, custom: dict[str, str]) -> None:
    rows = types(client)["dataclass_type_details"]

    def found(query: str) -> list[dict[str, Any]]:
        body = types(client, f"limit=1000&{query}")
        assert body["total"] == len(body["dataclass_type_details"])
        return list(body["dataclass_type_details"])

    own = [one for one in rows if one["id"] == custom["own"]]
    assert len(own) == 1
    assert {key: own[0][key] for key in ("enabled", "is_built_in", "sla", "level", "description", "sub_category")} == {
        "enabled": False, "is_built_in": False, "sla": 60000, "level": 2, "description": "ours", "sub_category": "My child",
    }  # fmt: skip
    assert found("enabled=false") == found("is_built_in=false") == found("category_code=MyCategory") == own
    assert found("enabled=true") == found("is_built_in=true") == [one for one in rows if one not in own]
    assert {one["level"] for one in found("level=1")} == {1}
    assert len(found("level=1")) + len(found("level=2")) == len(rows)
    assert {one["category_code"] for one in found("category_code=DDoS")} == {"DDoS"}
    assert [one["sub_category_code"] for one in found("sub_category=rootkit")] == ["Rootkit"]
    assert own == found("name=my%20child")
    assert len(found("name=malware")) >= 1
    assert found("layout_name=nothing") == []
    assert found("order=DESC") == rows[::-1]
    assert [one["category"] for one in rows] == sorted(one["category"] for one in rows)


def test_types_sorted_by_create_time_are_in_that_order(client: Client, custom: dict[str, str]) -> None:
    for order, place in (("ASC", -1), ("DESC", 0)):
        rows = types(client, f"limit=1000&sortby=CREATE_TIME&order={order}")["dataclass_type_details"]
        assert rows[place]["id"] == custom["own"]  # made by somebody, after all that came with the server


def test_types_of_another_workspace_are_not_there(client: Client, custom: dict[str, str]) -> None:
    assert custom["foreign"] not in {one["id"] for one in types(client)["dataclass_type_details"]}


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


# Workspaces.

SMALLEST = {"region_id": "region-1", "name": "soc-main", "project_name": "region-1"}


@pytest.fixture
def fresh(desk: TestDesk, client: Client) -> Iterator[Client]:
    """A client of a desk whose workspaces no other test touches."""
    with serving(desk) as url, Client(url, desk) as one:
        yield one


def workspaces(client: Client) -> str:
    return f"/v1/{client.project_id}/workspaces"


def test_a_workspace_is_made_and_shown(client: Client, own_desk: TestDesk) -> None:
    body = {
        **SMALLEST, "description": "prïmary", "enterprise_project_id": "0", "enterprise_project_name": "默认.x-1",
        "view_bind_id": "", "is_view": False, "tags": [{"key": "a", "value": "b"}],
    }  # fmt: skip
    answer = client.post(workspaces(client), body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    for key in body.keys() - {"tags"}:
        assert made[key] == body[key], key
    assert made["project_id"] == client.project_id
    assert made["creator_name"] == made["modifier_name"] == own_desk.made.user_name
    assert made["workspace_agency_list"] == []
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", made["create_time"])
    assert client.get(f"{workspaces(client)}/{made['id']}").json() == {"workspace": made}
    with Client(client.base, own_desk, workspace_id=made["id"]) as inside:
        assert inside.search()["total"] == 0
        assert (
            inside.search(condition={"conditions": [{"name": "i", "data": ["id", "=", inside.create_alert()]}]})[
                "total"
            ]
            == 1
        )


@pytest.mark.parametrize("name", ["a", "x" * 64, "A_b-(1)", "安全中心"])
def test_a_workspace_name_is_letters_digits_and_a_few_marks(client: Client, name: str) -> None:
    assert client.post(workspaces(client), {**SMALLEST, "name": name}).json()["name"] == name


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", ["", "x" * 65, "a b", "a\n", "a.b", "<x>", None, 5, "é", "a\0"]),
        ("region_id", ["", "x" * 65, "a b", "r\n", None]),
        ("project_name", ["x" * 65, None, 1]),
        ("description", ["x" * 513, 1]),
        ("enterprise_project_id", ["x" * 65, "a b", "é"]),
        ("enterprise_project_name", ["x" * 65, "a b"]),
        ("view_bind_id", ["x" * 37]),
        ("is_view", ["true", 1]),
        ("tags", [[{}] * 17, [{"key": "x" * 65}], {}, ["x"]]),
    ],
)
def test_a_wrong_member_of_a_new_workspace_is_refused_and_named(client: Client, field: str, bad: list[Any]) -> None:
    before = client.get(workspaces(client)).json()["count"]
    for value in bad:
        answer = client.post(workspaces(client), {**SMALLEST, field: value})
        refused_plainly(answer, "SecMaster.20011001", field)
    assert client.get(workspaces(client)).json()["count"] == before


@pytest.mark.parametrize("field", SMALLEST)
def test_a_workspace_needs_name_region_and_project_name(client: Client, field: str) -> None:
    body = {key: value for key, value in SMALLEST.items() if key != field}
    refused_plainly(client.post(workspaces(client), body), "SecMaster.20011001", field)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null"])
def test_a_new_workspace_needs_a_json_object(client: Client, raw: bytes) -> None:
    refused_plainly(client.post(workspaces(client), raw=raw), "SecMaster.20011001")


def test_workspaces_are_listed_filtered_and_paged(fresh: Client) -> None:
    first = fresh.get(workspaces(fresh)).json()["workspaces"][0]
    made = []
    for n in range(3):
        time.sleep(0.002)  # workspaces of one instant are ordered by their ids
        body = {
            **SMALLEST, "name": f"Desk-{n}", "region_id": f"r{n}", "description": f"d{n}",
            "enterprise_project_id": f"e{n}", "is_view": n == 1, "view_bind_id": f"v{n}",
        }  # fmt: skip
        made.append(fresh.post(workspaces(fresh), body).json())
    everything = [first, *made]

    def found(query: str = "") -> list[dict[str, Any]]:
        answer = fresh.get(f"{workspaces(fresh)}?{query}")
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"count", "workspaces"}
        return list(answer.json()["workspaces"])

    assert found() == found("offset=0&limit=10") == found("limit=100") == everything
    assert fresh.get(f"{workspaces(fresh)}?limit=1&offset=2").json() == {"count": 4, "workspaces": [made[1]]}
    assert found("offset=4") == []
    for query in ("name=desk-1", "region_id=r1", "description=D1", "enterprise_project_id=e1", "view_bind_id=v1",
                  "is_view=true", f"ids={made[1]['id']}"):  # fmt: skip
        assert found(query) == [made[1]], query
    assert found("is_view=false") == [first, made[0], made[2]]
    assert found(f"ids={made[0]['id']},{made[2]['id']},nothing") == [made[0], made[2]]
    assert found(f"normal_project_id={fresh.project_id}") == everything
    assert found("normal_project_id=x") == found("view_bind_name=x") == found("name=%25") == []
    assert found("name=") == everything


def test_workspaces_are_found_by_the_time_they_were_made(fresh: Client) -> None:
    made = fresh.get(workspaces(fresh)).json()["workspaces"][0]
    later = "2099-01-01T00:00:00Z%2B0800"
    earlier = "2020-01-01T00:00:00Z%2B0800"

    def count(query: str) -> int:
        return int(fresh.get(f"{workspaces(fresh)}?{query}").json()["count"])

    assert parse_time(made["create_time"], 480).ms
    assert count(f"create_time_start={earlier}&create_time_end={later}") == 1
    assert count(f"create_time_start={later}") == count(f"create_time_end={earlier}") == 0
    assert count("create_time_start=2020-01-01T00:00:00Z+0800") == 1  # a plus that the client did not encode
    assert count("create_time_start=2020-01-01T00:00:00.000%2B08:00") == 1


def test_the_second_in_which_a_workspace_was_made_finds_it(fresh: Client) -> None:
    made = fresh.get(workspaces(fresh)).json()["workspaces"][0]["create_time"].replace("+", "%2B")
    assert fresh.get(f"{workspaces(fresh)}?create_time_start={made}&create_time_end={made}").json()["count"] == 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "offset=-1", "is_view=maybe", "create_time_start=soon", "create_time_end=x"],
)
def test_a_wrong_query_of_workspaces_is_refused_and_named(client: Client, query: str) -> None:
    refused_plainly(client.get(f"{workspaces(client)}?{query}"), "SecMaster.20011001", query.partition("=")[0])


@pytest.mark.parametrize("workspace_id", [str(uuid.UUID(int=5)), "x", "%00", "x" * 100])
def test_an_unknown_workspace_is_not_found(client: Client, workspace_id: str) -> None:
    refused_plainly(client.get(f"{workspaces(client)}/{workspace_id}"), NO_WORKSPACE)


def test_a_workspace_of_another_project_is_not_found(client: Client, own_desk: TestDesk) -> None:
    foreign = own_desk.add_workspace("foreign", own_desk.add_project("elsewhere"))
    refused_plainly(client.get(f"{workspaces(client)}/{foreign}"), NO_WORKSPACE)
    assert foreign not in client.get(f"{workspaces(client)}?limit=100").text
    answer = client.get(f"/v1/{own_desk.made.project_id}/workspaces/{foreign}/soc/dataclasses")
    assert (answer.status_code, answer.json()["code"]) == (403, "SecMaster.20010001")


def test_an_unknown_project_is_a_refusal_with_all_four_keys(client: Client) -> None:
    for project_id in ("x", "0" * 32):
        refused_plainly(client.get(f"/v1/{project_id}/workspaces"), "SecMaster.20010001", status=403)
        refused_plainly(client.post(f"/v1/{project_id}/workspaces", SMALLEST), "SecMaster.20010001", status=403)
        refused_plainly(client.get(f"/v1/{project_id}/workspaces/{client.workspace_id}"), NO_WORKSPACE)
