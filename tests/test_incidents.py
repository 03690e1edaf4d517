"""Incidents: created, shown, searched, changed and deleted by hand; where they are like alerts and where not.

Source: API reference notes, "Incidents". What is checked of the shared fields stands in `test_alerts.py`.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conversion_cases import check_invariants, contents, rows
from support import Client, TestDesk, copy_desk, serving

CREATE, CHANGE, DELETE, UNKNOWN = "SecMaster.20041504", "SecMaster.20041507", "SecMaster.20041508", "SecMaster.20030005"
ITEM = "369def57-75c3-4cc4-988c-22263ece4b18"
Z_FORM = r"[-0-9]{10}T[:0-9]{8}\.\d{3}Z\+0800"


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("incidents"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def create(client: Client, **fields: Any) -> httpx.Response:
    return client.post("incidents", {"data_object": {"title": "An incident", **fields}})


def made(client: Client, **fields: Any) -> dict[str, Any]:
    """A new incident with these fields as it is shown afterwards."""
    answer = create(client, **fields)
    assert answer.status_code == 200, answer.text
    shown = client.show(f"incidents/{answer.json()['data']['id']}")
    assert answer.json()["data"]["data_object"] == shown
    return shown


def change(client: Client, incident_id: str, **fields: Any) -> dict[str, Any]:
    answer = client.put(f"incidents/{incident_id}", {"data_object": fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"]["data_object"])


def by_id(incident_id: str) -> dict[str, Any]:
    return {"conditions": [{"name": "id", "data": ["id", "=", incident_id]}]}


# Create and show.


def test_the_smallest_incident_gets_its_defaults(client: Client, own_desk: TestDesk) -> None:
    answer = create(client, title="Intrusion")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["code"], answer.json()["message"]) == ("00000000", "")
    detail = {key: value for key, value in answer.json()["data"].items() if key != "event_id"}
    incident = detail["data_object"]
    assert detail["id"] == incident["id"]
    assert (detail["type"], detail["format_version"], detail["version"]) == ("MANUAL", 1, 1)
    assert detail["dataclass_ref"] == {"id": incident["dataclass_id"], "name": "Incident"}
    for one in (detail, incident):
        assert (one["project_id"], one["workspace_id"]) == (own_desk.made.project_id, own_desk.made.workspace_id)
        assert one["create_time"] == one["update_time"] == detail["create_time"]
        assert re.fullmatch(Z_FORM, one["create_time"])
    defaults = {
        "title": "Intrusion", "severity": "Tips", "handle_status": "Open", "verification_state": "Unknown", "count": 1,
        "creator": own_desk.made.user_name, "alert_list": [], "incident_list": [], "indicator_list": [],
    }  # fmt: skip
    assert {key: incident[key] for key in defaults} == defaults
    assert not {"sla", "close_time", "close_reason", "is_auto_closed", "simulation", "owner"} & incident.keys()
    assert client.get(f"incidents/{detail['id']}").json()["data"] == detail
    assert client.search("incidents", condition=by_id(detail["id"]))["data"] == [detail]


def test_what_terraform_sends_comes_back_as_it_needs_it(client: Client) -> None:
    """Its acceptance test sends times in the Z-form and reads the ISO-form; `sla` keeps the Z-form."""
    sent = {
        "title": "Intrusion on web-01", "description": "d",
        "incident_type": {"category": "Web Attack", "incident_type": "Black IP"}, "severity": "High",
        "handle_status": "Block", "owner": "alice", "verification_state": "Positive",
        "data_source": {"domain_id": "d", "project_id": "p", "region_id": "r", "product_feature": "hss",
                        "product_name": "hss", "source_type": 1},
        "ipdrr_phase": "Detection and analysis", "simulation": False, "labels": "a,b", "domain_id": "d",
        "close_reason": "Resolved", "close_comment": "c", "environment": {"vendor_type": "HWC", "region_id": "r"},
        "region_id": "r", "first_observed_time": "2026-03-01T08:15:00.000Z+0800",
        "last_observed_time": "2026-03-01T08:16:00.000Z+0800", "sla": "2026-03-04T08:15:00.000Z+0800",
    }  # fmt: skip
    incident = made(client, **sent)
    expected = {
        **sent, "first_observed_time": "2026-03-01T08:15:00.000+08:00",
        "last_observed_time": "2026-03-01T08:16:00.000+08:00",
    }  # fmt: skip
    assert {key: incident[key] for key in sent} == expected
    assert {key: change(client, incident["id"], **sent)[key] for key in sent} == expected


@pytest.mark.parametrize("tags", ["key:value", {"key": "value"}, {}, "x" * 2048])
def test_tags_of_a_resource_are_text_or_an_object(client: Client, tags: Any) -> None:
    assert made(client, resource_list=[{"tags": tags}])["resource_list"] == [{"tags": tags}]


def test_the_environment_may_name_the_workspace_it_crossed_from(client: Client) -> None:
    environment = {"vendor_type": "HWC", "cross_workspace_id": "w"}
    assert made(client, environment=environment)["environment"] == environment


def test_the_type_of_an_alert_says_nothing_about_an_incident(client: Client) -> None:
    """An unknown member is kept; what an incident is searched by is its own type."""
    incident = made(client, alert_type={"category": "a", "alert_type": "b"}, incident_type={"category": "Own category"})
    assert incident["alert_type"] == {"category": "a", "alert_type": "b"}
    own = {"conditions": [{"name": "c", "data": ["incident_type.category", "=", "Own category"]}]}
    assert [row["id"] for row in client.search("incidents", condition=own)["data"]] == [incident["id"]]
    foreign = {"conditions": [{"name": "c", "data": ["alert_type.category", "=", "a"]}]}
    answer = client.post("incidents/search", {"condition": foreign})
    refused(answer, "SecMaster.20030013", "alert_type.category")


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("title", ["", None, 5, "x" * 256]),
        ("severity", ["Worst", 1, ""]),
        ("handle_status", ["Done", 1]),
        ("close_reason", ["Bored"]),
        ("ipdrr_phase", ["Panic"]),
        ("confidence", [101, -1, "5"]),
        ("incident_type", ["DDoS", [], 1]),
        ("sla", ["soon", 5]),
        ("first_observed_time", ["2026-02-30T00:00:00.000Z+0800"]),
        ("description", ["x" * 1025, 1, "a\0b"]),
        ("network_list", [{}, [1], [{"src_port": "http"}], [{}] * 1000]),
        ("id", ["x" * 37, 5]),
    ],
)
def test_a_wrong_member_is_refused_and_named(client: Client, field: str, bad: list[Any]) -> None:
    incident = made(client)
    for value in bad:
        refused(create(client, **{field: value}), CREATE, field)
        refused(client.put(f"incidents/{incident['id']}", {"data_object": {field: value}}), CHANGE, field)
    assert client.show(f"incidents/{incident['id']}") == incident


def test_a_title_is_needed(client: Client) -> None:
    refused(client.post("incidents", {"data_object": {"severity": "High"}}), CREATE, "title")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"{", b'{"data_object":null}', b'{"data_object":[]}'])
def test_a_body_without_an_object_is_refused(client: Client, raw: bytes) -> None:
    refused(client.post("incidents", raw=raw), CREATE)
    refused(client.put(f"incidents/{made(client)['id']}", raw=raw), CHANGE)


def test_a_client_may_bring_an_id_once(client: Client) -> None:
    before = made(client, id="case-1", title="first")
    refused(create(client, id="case-1", title="second"), CREATE, "id")
    assert client.show("incidents/case-1") == before
    assert client.delete("incidents", {"batch_ids": ["case-1"]}).status_code == 200
    refused(create(client, id="case-1"), CREATE, "id")


def test_an_alert_and_an_incident_may_share_an_id(client: Client) -> None:
    made(client, id="shared", title="incident")
    client.create_alert(id="shared", title="alert")
    assert client.show("alerts/shared")["title"] == "alert"
    client.delete("alerts", {"batch_ids": ["shared"]})
    assert client.show("incidents/shared")["title"] == "incident"


def test_incidents_made_by_hand_have_no_daily_limit_and_use_none_up(desk: TestDesk) -> None:
    """The limit is on what conversions make: a script that loops over alerts, not a person who writes a report."""
    with serving(desk, conversion_daily_limit=1) as base, Client(base, desk) as client:
        for _ in range(3):
            made(client)
        alerts = [client.create_alert(), client.create_alert()]
        assert client.order(alerts[:1])["success_ids"] == alerts[:1]
        refused(client.post("alerts/batch-order", {"ids": alerts[1:]}), "SecMaster.20041509")
        made(client)
    check_invariants(desk)


# Search.


def test_incidents_are_searched_as_they_are_shown(client: Client, own_desk: TestDesk) -> None:
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("search")) as inside:
        ids = []
        for number, severity in enumerate(("Low", "High", "Fatal")):
            time.sleep(0.002)
            ids.append(made(inside, title=f"i{number}", severity=severity)["id"])
        inside.create_alert(severity="Fatal")
        found = inside.search("incidents", order="ASC")
        assert (found["total"], found["size"], found["page"], found["success"]) == (3, 10, 1, True)
        assert [row["id"] for row in found["data"]] == ids
        assert [row["data_object"] for row in found["data"]] == [inside.show(f"incidents/{one}") for one in ids]
        high = {"conditions": [{"name": "s", "data": ["severity", ">=", "High"]}]}
        assert [row["id"] for row in inside.search("incidents", condition=high)["data"]] == ids[:0:-1]
        assert inside.search("incidents", limit=1000)["size"] == 1000
        assert inside.search("incidents", limit=2, offset=2, order="ASC")["data"][0]["id"] == ids[2]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"sort_by": "title"}, "SecMaster.20030009"),
        ({"order": "UP"}, "SecMaster.20030010"),
        ({"condition": {"conditions": [{"name": "x", "data": ["nope", "=", "x"]}]}}, "SecMaster.20030013"),
        ({"limit": 1001}, "SecMaster.20041002"),
        ({"offset": -1}, "SecMaster.20041002"),
    ],
)
def test_a_wrong_search_is_refused(client: Client, body: dict[str, Any], code: str) -> None:
    refused(client.post("incidents/search", body), code)


# Change.


def test_a_change_touches_only_what_it_names(client: Client) -> None:
    fields = {
        "title": "before", "description": "kept", "severity": "High", "owner": "me", "unknown": [1.0],
        "incident_type": {"category": "Malware", "incident_type": "Rootkit"}, "network_list": [{"src_ip": "10.0.0.1"}],
    }  # fmt: skip
    incident = made(client, **fields)
    after = change(client, incident["id"], title="after")
    assert after == {**incident, "title": "after", "update_time": after["update_time"]}
    assert client.show(f"incidents/{incident['id']}") == after


def test_null_clears_and_empty_text_is_stored(client: Client) -> None:
    names = ("description", "owner", "labels", "unknown")
    incident = made(client, **dict.fromkeys(names, "x"), incident_type={"category": "c"})
    assert {name: change(client, incident["id"], **{name: ""})[name] for name in names} == dict.fromkeys(names, "")
    cleared = change(client, incident["id"], **dict.fromkeys(names), incident_type=None)
    assert not {*names, "incident_type"} & cleared.keys()


def test_closing_and_reopening(client: Client) -> None:
    incident = made(client)
    closed = change(client, incident["id"], handle_status="closed", close_reason="resolved", close_comment="rebuilt")
    assert {key: closed[key] for key in ("handle_status", "close_reason", "close_comment", "is_auto_closed")} == {
        "handle_status": "Closed", "close_reason": "Resolved", "close_comment": "rebuilt", "is_auto_closed": "Manual",
    }  # fmt: skip
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}\.\d{3}\+08:00", closed["close_time"])
    time.sleep(0.005)
    assert change(client, incident["id"], handle_status="Closed")["close_time"] == closed["close_time"]
    reopened = change(client, incident["id"], handle_status="Open")
    assert not {"close_time", "close_reason", "close_comment", "is_auto_closed"} & reopened.keys()


def test_closing_an_incident_leaves_its_alerts(client: Client) -> None:
    alert = client.create_alert()
    client.order([alert])
    incident = client.show(f"alerts/{alert}")["incident_list"][0]
    before = client.show(f"alerts/{alert}")
    change(client, incident, handle_status="Closed", close_reason="Resolved")
    assert client.show(f"alerts/{alert}") == before


def test_version_rises_and_batch_ids_are_ignored(client: Client) -> None:
    incident, other = made(client), made(client)
    body = {"data_object": {"labels": "x"}, "batch_ids": [other["id"]]}
    answer = client.put(f"incidents/{incident['id']}", body)
    assert (answer.json()["data"]["id"], answer.json()["data"]["version"]) == (incident["id"], 2)
    assert client.show(f"incidents/{other['id']}") == other


@pytest.mark.parametrize("incident_id", ["5b0c7c1e-6f1a-4a53-9d0e-2f8d9a7c1b19", "x", "x" * 200, "%00", "%FF"])
def test_an_unknown_incident_is_not_found(client: Client, incident_id: str) -> None:
    refused(client.get(f"incidents/{incident_id}"), UNKNOWN)
    refused(client.put(f"incidents/{incident_id}", {"data_object": {"title": "x"}}), UNKNOWN)


def test_an_alert_is_no_incident(client: Client) -> None:
    refused(client.get(f"incidents/{client.create_alert()}"), UNKNOWN)


# Delete, and what is written down.


def test_deleting_says_which_were_there(client: Client) -> None:
    one, two = made(client)["id"], made(client)["id"]
    answer = client.delete("incidents", {"batch_ids": ["nobody", two, one, two]})
    assert answer.json()["data"] == {"error_ids": ["nobody"], "success_ids": [two, one]}
    for gone in (one, two):
        refused(client.get(f"incidents/{gone}"), UNKNOWN)
        refused(client.put(f"incidents/{gone}", {"data_object": {"title": "x"}}), UNKNOWN)
        assert client.search("incidents", condition=by_id(gone))["total"] == 0
    again = client.delete("incidents", {"batch_ids": one})
    assert (again.status_code, again.json()["data"]) == (200, {"error_ids": [one], "success_ids": []})


def test_terraform_deletes_with_a_bare_string(client: Client) -> None:
    one = made(client)["id"]
    data = client.delete("incidents", {"batch_ids": one}).json()["data"]
    assert data == {"error_ids": [], "success_ids": [one]}


@pytest.mark.parametrize(
    "body", [{}, {"batch_ids": []}, {"batch_ids": None}, {"batch_ids": [5]}, {"batch_ids": ["x"] * 1000}, [], None]
)
def test_a_delete_that_names_nothing_or_too_much_is_refused(client: Client, body: Any) -> None:
    refused(client.delete("incidents", body), DELETE)


def test_every_change_leaves_who_and_before_and_after(client: Client, own_desk: TestDesk) -> None:
    incident_id = made(client, title="audited", severity="Low")["id"]
    change(client, incident_id, severity="High")
    client.delete("incidents", {"batch_ids": [incident_id]})
    found = rows(own_desk, "SELECT * FROM audit WHERE object_id = ? ORDER BY time, sequence", [incident_id])
    assert {row["operation"] for row in found} == {"create_incident", "change_incident", "delete_incident"}
    assert {(row["object_class"], row["user_name"]) for row in found} == {("incidents", own_desk.made.user_name)}
    changes = {row["operation"]: json.loads(row["changes"]) for row in found}
    assert changes["create_incident"]["title"] == [None, "audited"]
    assert changes["change_incident"] == {"severity": ["Low", "High"]}
    assert changes["delete_incident"] == {"deleted": [False, True]}


def test_a_refused_change_leaves_no_trace(client: Client, own_desk: TestDesk) -> None:
    incident = made(client)
    before = contents(own_desk)
    refused(client.put(f"incidents/{incident['id']}", {"data_object": {"title": "x", "severity": "Worst"}}), CHANGE)
    refused(create(client, severity="Worst"), CREATE)
    assert contents(own_desk) == before
