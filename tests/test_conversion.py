"""Alerts become an incident: every rule of the operation, over HTTP, case by case."""

import itertools
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from conversion_cases import (
    ABSENT,
    ACCEPTED,
    DISABLED_TYPE,
    ODD,
    REFUSED,
    SLA_MS,
    SLA_TYPE,
    Case,
    Refusal,
    add_objects,
    add_types,
    check_invariants,
    contents,
    delete,
    leaks_nothing,
    rows,
)
from support import Client, TestDesk, copy_desk, serving
from tocsin.clock import now_ms
from tocsin.conversion.records import ConvertedAlert
from tocsin.conversion.service import get_conversion
from tocsin.identity.records import Role
from tocsin.objects.records import ALERTS, INCIDENTS
from tocsin.storage.queries import Statement
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction
from tocsin.times import parse_time


class World:
    """A desk with a server, and what the names of the cases stand for."""

    def __init__(self, desk: TestDesk, client: Client) -> None:
        self.desk = desk
        self.client = client
        self._known: dict[str, str] = {"sla_type": SLA_TYPE, "disabled_type": DISABLED_TYPE, "unknown": "no-such-thing"}
        self._other_workspace: str | None = None

    def prepare(self, alerts: Sequence[Mapping[str, Any]], before: Sequence[tuple[str, str]]) -> "Names":
        names = Names(self, [self.client.create_alert(**alert) for alert in alerts])
        for action, name in before:
            self._do(action, names.id(name))
        return names

    def _do(self, action: str, alert_id: str) -> None:
        client = self.client
        match action:
            case "convert":
                assert client.order([alert_id])["success_ids"] == [alert_id]
            case "close" | "reopen":
                status = "Closed" if action == "close" else "Open"
                answer = client.put(f"alerts/{alert_id}", {"data_object": {"handle_status": status}})
                assert answer.status_code == 200, answer.text
            case "delete":
                delete(self.desk, ALERTS, [alert_id])
            case "drop_incident":
                delete(self.desk, INCIDENTS, client.show(f"alerts/{alert_id}")["incident_list"])
            case _:
                raise ValueError(action)

    def standing(self, name: str) -> str:
        """The id that a name stands for, made when it is first asked for."""
        if name not in self._known:
            self._known[name] = getattr(self, f"_make_{name}")()
        return self._known[name]

    def _workspace(self) -> str:
        self._other_workspace = self._other_workspace or self.desk.add_workspace("elsewhere")
        return self._other_workspace

    def _make_foreign(self) -> str:
        return add_objects(self.desk, [{}], workspace_id=self._workspace())[0]

    def _make_foreign_incident(self) -> str:
        return add_objects(self.desk, [{}], dataclass=INCIDENTS, workspace_id=self._workspace())[0]

    def _make_deleted(self) -> str:
        ids = add_objects(self.desk, [{}])
        delete(self.desk, ALERTS, ids)
        return ids[0]

    def _make_incident(self) -> str:
        return str(self.client.order([self.client.create_alert()])["results"][0]["incident_id"])

    def _make_deleted_incident(self) -> str:
        incident_id = self._make_incident()
        delete(self.desk, INCIDENTS, [incident_id])
        return incident_id


class Names:
    """The ids behind `$0`, `$unknown` and their like."""

    def __init__(self, world: World, alerts: list[str]) -> None:
        self._world = world
        self.alerts = alerts

    def id(self, name: str) -> str:
        if not name.startswith("$"):
            return name
        return self.alerts[int(name[1:])] if name[1:].isdigit() else self._world.standing(name[1:])

    def fill(self, value: Any) -> Any:
        match value:
            case bytes():
                for index, one in enumerate(self.alerts):
                    value = value.replace(b"$%d" % index, one.encode())
                return value.replace(b"$unknown", b"no-such-thing")
            case str():
                return self.id(value)
            case list():
                return [self.fill(one) for one in value]
            case dict():
                return {key: self.fill(one) for key, one in value.items()}
        return value


@contextmanager
def world_of(desk: TestDesk, **settings: Any) -> Iterator[World]:
    add_types(desk)
    with serving(desk, **settings) as base, Client(base, desk) as client:
        yield World(desk, client)


@pytest.fixture(scope="module")
def shared(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One desk with default settings for all cases: each makes its own alerts."""
    with world_of(copy_desk(template, tmp_path_factory.mktemp("shared"))) as world:
        yield world


@pytest.fixture
def world(desk: TestDesk, request: pytest.FixtureRequest, shared: World) -> Iterator[World]:
    case = request.node.callspec.params.get("case")
    if case is None or not case.settings:
        yield shared
    else:
        with world_of(desk, **case.settings) as own:
            yield own
        check_invariants(desk)


def assert_members(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for key, value in expected.items():
        if value is ABSENT:
            assert key not in found, key
        else:
            assert found.get(key, ABSENT) == value, key
            assert isinstance(found[key], type(value)), key


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.meaning[:60])
def test_a_conversion_does_what_the_documents_say(case: Case, world: World) -> None:
    client = world.client
    names = world.prepare(case.alerts, case.before)
    before = {one: client.get(f"alerts/{one}") for one in names.alerts}
    earlier = {one: _list(answer, "incident_list") for one, answer in before.items()}
    outcomes = [(f"${n}", "") for n in range(len(case.alerts))] if case.outcomes is None else case.outcomes
    wanted = [(names.id(name), reason) for name, reason in outcomes]

    answer = client.post("alerts/batch-order", names.fill(dict(case.body)))

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["data", "code", "message"] or set(body) == {"data", "code", "message"}
    assert (body["code"], body["message"]) == ("00000000", "")
    data = body["data"]
    assert set(data) == {"error_ids", "success_ids", "results"}
    assert data["success_ids"] == [one for one, reason in wanted if not reason]
    assert data["error_ids"] == [one for one, reason in wanted if reason]
    assert [one["alert_id"] for one in data["results"]] == [one for one, _ in wanted]
    made: list[str] = []
    for result, (alert_id, reason) in zip(data["results"], wanted, strict=True):
        if not reason:
            assert set(result) == {"alert_id", "outcome", "incident_id"}
            assert result["outcome"] == "converted"
            made.append(result["incident_id"])
        else:
            assert (result["outcome"], result["reason"]) == ("failed", reason)
            assert result["message"]
            if reason == "already_converted":
                assert [result["incident_id"]] == earlier[alert_id]
            else:
                assert "incident_id" not in result
    assert len(set(made)) == (case.incidents if made else 0)
    for alert_id, incident_id in zip(data["success_ids"], made, strict=True):
        _check_linked(client, alert_id, incident_id, evidence=case.evidence)
        assert earlier[alert_id] == [] or case.settings.get("conversion_allow_again")
        _check_revised(client, alert_id, before[alert_id].json()["data"])
    if made:
        shown = client.get(f"incidents/{made[0]}").json()["data"]
        assert (shown["type"], shown["version"], shown["id"]) == ("MANUAL", 1, made[0])
        assert_members(shown["data_object"], case.incident)
        mine = [one for one, incident in zip(data["success_ids"], made, strict=True) if incident == made[0]]
        assert sorted(shown["data_object"]["alert_list"]) == sorted(mine)
    if names.alerts and case.alert:
        assert_members(client.show(f"alerts/{names.alerts[0]}"), case.alert)


def _list(answer: Any, field: str) -> list[str]:
    return list(answer.json()["data"]["data_object"][field]) if answer.status_code == 200 else []


def _check_linked(client: Client, alert_id: str, incident_id: str, *, evidence: bool) -> None:
    assert incident_id in client.show(f"alerts/{alert_id}")["incident_list"]
    from_alert = client.search(f"alerts/{alert_id}/incidents")["data"]
    from_incident = client.search(f"incidents/{incident_id}/alerts", limit=1000)["data"]
    (one,) = [row for row in from_alert if row["id"] == incident_id]
    (other,) = [row for row in from_incident if row["id"] == alert_id]
    assert one["relation"] == other["relation"]
    assert set(one["relation"]) == {"evidence", "conversion_id", "create_time"}
    assert one["relation"]["evidence"] is evidence
    assert one["relation"]["conversion_id"]
    assert parse_time(one["relation"]["create_time"], 0)


def _check_revised(client: Client, alert_id: str, before: dict[str, Any]) -> None:
    """One revision more, and nothing else but what a conversion changes."""
    after = client.get(f"alerts/{alert_id}").json()["data"]
    assert after["version"] == before["version"] + 1
    assert parse_time(after["update_time"], 0).ms >= parse_time(before["update_time"], 0).ms
    changing = {
        "update_time", "incident_list", "handle_status", "close_time", "close_reason", "close_comment", "is_auto_closed",
    }  # fmt: skip
    old, new = before["data_object"], after["data_object"]
    assert {key: value for key, value in old.items() if key not in changing} == {
        key: value for key, value in new.items() if key not in changing
    }


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.meaning[:60])
def test_a_wrong_conversion_is_refused_and_changes_nothing(case: Refusal, world: World) -> None:
    names = world.prepare(case.alerts, case.before)
    body = names.fill(case.body)
    before = contents(world.desk)
    answer = world.client.post("alerts/batch-order", **({"raw": body} if isinstance(body, bytes) else {"body": body}))
    assert contents(world.desk) == before
    assert answer.status_code == case.status, answer.text[:500]
    assert answer.headers["X-request-id"]
    found = answer.json()
    code, text = ("error_code", "error_msg") if case.status == 413 else ("code", "message")
    assert found[code] == case.code
    assert case.names in found[text]
    assert 0 < len(found[text]) <= 1024
    if case.status != 413:
        assert set(found) == {"code", "message"}
    leaks_nothing(answer.text, world.desk)


@pytest.mark.parametrize(("meaning", "raw"), ODD, ids=[meaning for meaning, _ in ODD])
def test_an_odd_body_that_is_right_is_accepted(meaning: str, raw: bytes, shared: World) -> None:
    names = shared.prepare([{}], [])
    answer = shared.client.post("alerts/batch-order", raw=names.fill(raw))
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["success_ids"] == names.alerts


def test_a_text_comes_back_as_it_was_sent(shared: World) -> None:
    title = "\\u0000 \U0001f680 é e\u0301 \u2028"
    names = shared.prepare([{"title": title}], [])
    incident_id = shared.client.order(names.alerts)["results"][0]["incident_id"]
    assert shared.client.show(f"incidents/{incident_id}")["title"] == title
    assert title in shared.client.show(f"alerts/{names.alerts[0]}")["close_comment"]


def test_nine_hundred_ninety_nine_alerts_become_one_incident(desk: TestDesk) -> None:
    ids = add_objects(desk, ({"title": f"A{n}", "labels": f"l{n}"} for n in range(999)))
    with serving(desk) as base, Client(base, desk) as client:
        data = client.order(ids)
        assert data["success_ids"] == ids
        assert data["error_ids"] == []
        (incident_id,) = {one["incident_id"] for one in data["results"]}
        incident = client.show(f"incidents/{incident_id}")
        assert incident["count"] == 999
        assert sorted(incident["alert_list"]) == sorted(ids)
        assert len(incident["labels"]) <= 1024
        assert client.search("alerts", limit=1, condition=None)["total"] == 999
        again = client.order(ids)
        assert again["error_ids"] == ids
        assert {one["incident_id"] for one in again["results"]} == {incident_id}
    check_invariants(desk)


def test_closing_names_the_incident_and_the_time(shared: World) -> None:
    client = shared.client
    ids = shared.prepare([{}, {}], []).alerts
    data = client.order(ids, incident_content={"title": "Intrusion on web-01"})
    incident_id = data["results"][0]["incident_id"]
    incident = client.show(f"incidents/{incident_id}")
    for one in ids:
        alert = client.show(f"alerts/{one}")
        assert alert["handle_status"] == "Closed"
        assert alert["close_reason"] == "Other"
        assert "Intrusion on web-01" in alert["close_comment"]
        assert incident_id in alert["close_comment"]
        assert len(alert["close_comment"]) <= 1024
        assert parse_time(alert["close_time"], 0).ms == parse_time(incident["create_time"], 0).ms
        assert alert["is_auto_closed"] == "Manual"


def test_an_alert_whose_incident_was_deleted_gets_another(shared: World) -> None:
    client = shared.client
    (alert_id,) = shared.prepare([{}], []).alerts
    first = client.order([alert_id])["results"][0]["incident_id"]
    before = client.show(f"alerts/{alert_id}")
    delete(shared.desk, INCIDENTS, [first])
    after = client.show(f"alerts/{alert_id}")
    assert after["incident_list"] == []
    assert {key: after[key] for key in ("handle_status", "close_time", "close_comment")} == {
        key: before[key] for key in ("handle_status", "close_time", "close_comment")
    }
    second = client.order([alert_id])["results"][0]["incident_id"]
    assert second != first
    assert client.show(f"alerts/{alert_id}")["incident_list"] == [second]
    assert client.get(f"incidents/{first}").json()["code"] == "SecMaster.20030005"
    check_invariants(shared.desk)


# The whole incident.

_FIRST: dict[str, Any] = {
    "title": "Login storm on web-01",
    "description": "seen by hss",
    "severity": "Medium",
    "confidence": 40,
    "criticality": 90,
    "count": 3,
    "labels": "web, ssh,eu",
    "environment": {"vendor_type": "HWC", "domain_id": "d", "unknown": 1.50},
    "data_source": {"source_type": 1, "product_name": "hss", "company_name": "Huawei"},
    "domain_id": "domain-1",
    "region_id": "eu-west",
    "malware": {"malware_family": "XMRig", "malware_class": "miner"},
    "remediation": {"recommendation": "isolate", "url": "https://r.example"},
    "system_info": {"z": {"b": 1, "a": [True, None]}},
    "source_url": "https://one.example/alert",
    "alert_type": {"category": "Brute Force", "alert_type": "SSH Brute Force"},
    "first_observed_time": "2024-03-01T10:00:00.000+08:00",
    "last_observed_time": "2024-03-01T12:00:00Z",
    "verification_state": "True_Positive",
    "ipdrr_phase": "Detection and Analysis",
    "simulation": "true",
    "owner": "ann",
    "creator": "sensor",
    "network_list": [
        {"direction": "IN", "protocol": "TCP", "src_ip": "10.0.0.1", "src_port": "51515", "dest_ip": "10.0.0.9",
         "dest_port": 22, "src_geo": {"latitude": 50.10, "country_code": "DE"}},
        {"src_ip": "10.0.0.2"},
    ],
    "resource_list": [{"id": "r1", "name": "web-01", "tags": {"env": "prod", "tier": "web"}}],
    "process": [{"process_name": "sshd", "process_pid": 4711, "process_launche_time": "2024-03-01 09:00:00"}],
    "user_info": [{"user_id": "0", "user_name": "root"}, {"user_id": "33", "user_name": "www"}],
    "file_info": [{"file_path": "/etc/passwd", "file_md5": "0" * 32}],
    "extra_of_the_sensor": {"kept": "in the alert only"},
}  # fmt: skip
_SECOND: dict[str, Any] = {
    "title": "Another alert",
    "description": "not taken",
    "severity": "High",
    "confidence": 75,
    "criticality": 10,
    "count": 4,
    "labels": "eu,db",
    "environment": {"vendor_type": "AWS"},
    "malware": {"malware_family": "other"},
    "alert_type": {"category": "Malware", "alert_type": "Rootkit"},
    "first_observed_time": "2024-03-01T01:59:59.999Z+0000",
    "last_observed_time": "2024-03-01T08:00:00.001-05:00",
    "verification_state": "True_Positive",
    "ipdrr_phase": "Detection and Analysis",
    "simulation": True,
    "network_list": [{"src_ip": "10.0.0.2"}, {"src_ip": "10.0.0.3", "x": 1}],
    "resource_list": [{"tags": "env:prod,tier:web", "name": "web-01", "id": "r1"}, {"id": "r2"}],
    "process": [{"process_pid": 4711, "process_name": "sshd"}],
    "user_info": [{"user_name": "root", "user_id": "0"}],
    "file_info": [{"file_path": "/tmp/x"}],
}
_THIRD: dict[str, Any] = {
    "title": "A third",
    "severity": "Low",
    "labels": "ssh,third",
    "file_info": [{"file_path": "/z"}],
}
_EXPECTED: dict[str, Any] = {
    "title": "Login storm on web-01",
    "description": "seen by hss",
    "incident_type": {"category": "Brute Force", "incident_type": "SSH Brute Force"},
    "severity": "High",
    "confidence": 75,
    "criticality": 90,
    "handle_status": "Open",
    "verification_state": "True_Positive",
    "ipdrr_phase": "Detection and Analysis",
    "first_observed_time": "2024-03-01T01:59:59.999+00:00",
    "last_observed_time": "2024-03-01T08:00:00.001-05:00",
    "count": 7,
    "labels": "web,ssh,eu,db",
    "environment": {"vendor_type": "HWC", "domain_id": "d", "unknown": 1.50},
    "data_source": {"source_type": 1, "product_name": "hss", "company_name": "Huawei"},
    "domain_id": "domain-1",
    "region_id": "eu-west",
    "malware": {"malware_family": "XMRig", "malware_class": "miner"},
    "remediation": {"recommendation": "isolate", "url": "https://r.example"},
    "system_info": {"z": {"b": 1, "a": [True, None]}},
    "source_url": "https://one.example/alert",
    "simulation": "true",
    "creator": "admin",
    "network_list": [
        {"direction": "IN", "protocol": "TCP", "src_ip": "10.0.0.1", "src_port": 51515, "dest_ip": "10.0.0.9",
         "dest_port": "22", "src_geo": {"latitude": 50.10, "country_code": "DE"}},
        {"src_ip": "10.0.0.2"},
        {"src_ip": "10.0.0.3", "x": 1},
    ],
    "resource_list": [{"id": "r1", "name": "web-01", "tags": "env:prod,tier:web"}, {"id": "r2"}],
    "process": [
        {"process_name": "sshd", "process_pid": 4711, "process_launche_time": "2024-03-01T09:00:00.000+08:00"},
        {"process_pid": 4711, "process_name": "sshd"},
    ],
    "user_info": [{"user_id": "0", "user_name": "root"}, {"user_id": "33", "user_name": "www"}],
    "file_info": [{"file_path": "/etc/passwd", "file_md5": "0" * 32}, {"file_path": "/tmp/x"}],
    "indicator_list": [],
    "incident_list": [],
}  # fmt: skip


def _compare_whole(world: World, ids: list[str], incident_id: str, expected: Mapping[str, Any]) -> None:
    """The whole answer: nothing that is not expected, nothing that is missing."""
    shown = world.client.get(f"incidents/{incident_id}").json()["data"]
    found = shown["data_object"]
    made = found["create_time"]
    instant = parse_time(made, 0)
    assert instant.offset_min == 480
    assert parse_time(found["arrive_time"], 0) == instant
    dataclass_id = INCIDENTS.id_in(world.client.project_id, world.client.workspace_id)
    ours = {
        "id": incident_id,
        "workspace_id": world.client.workspace_id,
        "project_id": world.client.project_id,
        "dataclass_id": dataclass_id,
        "create_time": made,
        "update_time": made,
        "arrive_time": found["arrive_time"],
        "alert_list": sorted(ids),
    }
    assert {**found, "alert_list": sorted(found["alert_list"])} == {**expected, **ours}
    assert {key: value for key, value in shown.items() if key != "data_object"} == {
        "id": incident_id,
        "type": "MANUAL",
        "format_version": 1,
        "version": 1,
        "project_id": world.client.project_id,
        "workspace_id": world.client.workspace_id,
        "create_time": made,
        "update_time": made,
        "dataclass_ref": {"id": dataclass_id, "name": "Incident"},
    }


def test_two_rich_alerts_become_exactly_this_incident(shared: World) -> None:
    ids = shared.prepare([_FIRST, _SECOND], []).alerts
    incident_id = shared.client.order(ids)["results"][0]["incident_id"]
    _compare_whole(shared, ids, incident_id, _EXPECTED)


def test_three_alerts_of_which_one_is_real_become_exactly_this_incident(shared: World) -> None:
    ids = shared.prepare([_FIRST, _SECOND, _THIRD], []).alerts
    answer = shared.client.order(
        ids, incident_content={"title": "Intrusion", "incident_type": {"id": SLA_TYPE, "incident_type": "by MAIL"}}
    )
    incident_id = answer["results"][2]["incident_id"]
    sla = shared.client.show(f"incidents/{incident_id}")["sla"]
    expected = {
        **_EXPECTED,
        "title": "Intrusion",
        "incident_type": {"category": "Phish", "incident_type": "by MAIL"},
        "verification_state": "Unknown",
        "ipdrr_phase": "Preparation",
        "count": 8,
        "labels": "web,ssh,eu,db,third",
        "file_info": [*_EXPECTED["file_info"], {"file_path": "/z"}],
        "sla": sla,
    }
    del expected["simulation"]
    _compare_whole(shared, ids, incident_id, expected)


def test_the_time_to_respond_of_a_type_sets_the_sla(shared: World) -> None:
    ids = shared.prepare([{}], []).alerts
    incident_id = shared.client.order(ids, incident_content={"incident_type": {"incident_type": "Mail"}})["results"][0][
        "incident_id"
    ]
    incident = shared.client.show(f"incidents/{incident_id}")
    assert "Z" in incident["sla"]
    assert parse_time(incident["sla"], 0).ms == parse_time(incident["create_time"], 0).ms + SLA_MS


def test_the_lists_of_many_large_alerts_are_cut_at_999(desk: TestDesk) -> None:
    ids = add_objects(desk, ({"network_list": [{"src_ip": f"{n}-{m}"} for m in range(300)]} for n in range(5)))
    with serving(desk) as base, Client(base, desk) as client:
        found = client.show(f"incidents/{client.order(ids)['results'][0]['incident_id']}")["network_list"]
        assert found == list(itertools.islice(({"src_ip": f"{n}-{m}"} for n in range(5) for m in range(300)), 999))
        assert len(client.show(f"alerts/{ids[4]}")["network_list"]) == 300


# Joining an incident that exists.


def test_alerts_join_the_incident_of_the_legacy_field(shared: World) -> None:
    client = shared.client
    first, second = (shared.prepare([one], []).alerts[0] for one in (_FIRST, _SECOND))
    incident_id = client.order(
        [first], incident_content={"title": "Kept", "incident_type": {"category": "Kept too"}, "description": "stays"}
    )["results"][0]["incident_id"]
    before = client.get(f"incidents/{incident_id}").json()["data"]
    data = client.order(
        ["nobody", second, first],
        incident_id=incident_id,
        incident_content={"title": "Ignored", "incident_type": {"category": "Ignored"}},
        marked_evidence=True,
    )
    assert data["success_ids"] == [second]
    assert [one.get("incident_id") for one in data["results"]] == [None, incident_id, incident_id]
    after = client.get(f"incidents/{incident_id}").json()["data"]
    assert (before["version"], after["version"]) == (1, 2)
    old, new = before["data_object"], after["data_object"]
    expected = {
        **old,
        "severity": "High",
        "first_observed_time": _EXPECTED["first_observed_time"],
        "last_observed_time": _EXPECTED["last_observed_time"],
        "count": 7,
        "labels": _EXPECTED["labels"],
        **{key: _EXPECTED[key] for key in ("network_list", "resource_list", "process", "user_info", "file_info")},
        "alert_list": [*old["alert_list"], second],
        "update_time": new["update_time"],
    }
    assert new == expected
    assert incident_id in client.show(f"alerts/{second}")["close_comment"]
    assert "Kept" in client.show(f"alerts/{second}")["close_comment"]
    marks = {row["id"]: row["relation"]["evidence"] for row in client.search(f"incidents/{incident_id}/alerts")["data"]}
    assert marks == {first: False, second: True}
    check_invariants(shared.desk)


def test_joining_never_lowers_the_severity_nor_narrows_the_times(shared: World) -> None:
    client = shared.client
    wide = {
        "severity": "Fatal",
        "first_observed_time": "2024-01-01T00:00:00Z",
        "last_observed_time": "2024-12-31T00:00:00Z",
    }
    narrow = {
        "severity": "Low",
        "first_observed_time": "2024-05-01T00:00:00Z",
        "last_observed_time": "2024-06-01T00:00:00Z",
    }
    ids = shared.prepare([wide, narrow], []).alerts
    incident_id = client.order(ids[:1])["results"][0]["incident_id"]
    before = client.show(f"incidents/{incident_id}")
    client.order(ids[1:], incident_id=incident_id)
    after = client.show(f"incidents/{incident_id}")
    for key in ("severity", "first_observed_time", "last_observed_time", "title", "handle_status"):
        assert after[key] == before[key]


def test_the_shape_does_not_apply_to_a_join(desk: TestDesk) -> None:
    with world_of(desk, conversion_shape="each", conversion_daily_limit=1) as world:
        ids = world.prepare([{}, {}, {}], []).alerts
        incident_id = world.client.order(ids[:1])["results"][0]["incident_id"]
        data = world.client.order(ids[1:], incident_id=incident_id)
        assert {one["incident_id"] for one in data["results"]} == {incident_id}
        check_invariants(desk)


def test_a_closed_incident_can_be_joined_and_stays_closed(desk: TestDesk) -> None:
    (incident_id,) = add_objects(desk, [{"handle_status": "Closed", "title": "Old"}], dataclass=INCIDENTS)
    with world_of(desk) as world:
        ids = world.prepare([{}], []).alerts
        assert world.client.order(ids, incident_id=incident_id)["success_ids"] == ids
        assert world.client.show(f"incidents/{incident_id}")["handle_status"] == "Closed"


def test_a_join_without_an_accepted_alert_changes_nothing(shared: World) -> None:
    incident_id = shared.standing("incident")
    before = contents(shared.desk)
    assert shared.client.order(["nobody"], incident_id=incident_id)["success_ids"] == []
    assert contents(shared.desk) == before


# Settings that need more than one call.


def test_again_makes_a_second_incident_and_keeps_the_first(desk: TestDesk) -> None:
    with world_of(desk, conversion_allow_again=True) as world:
        (alert_id,) = world.prepare([{}], []).alerts
        first, second = (world.client.order([alert_id])["results"][0]["incident_id"] for _ in range(2))
        assert first != second
        assert sorted(world.client.show(f"alerts/{alert_id}")["incident_list"]) == sorted([first, second])
        with desk.database() as database:
            record = database.read(lambda tx: get_conversion(tx, desk.made.workspace_id or "", second)).result()
        assert json.loads(record.alerts)[0]["earlier_incident_id"] == first
        check_invariants(desk)


def test_deleting_the_newer_of_two_incidents_leaves_the_older_conversion(desk: TestDesk) -> None:
    with serving(desk, conversion_allow_again=True) as base, Client(base, desk) as client:
        alert_id = client.create_alert()
        first, second = (client.order([alert_id])["results"][0]["incident_id"] for _ in range(2))
    delete(desk, INCIDENTS, [second])
    with serving(desk) as base, Client(base, desk) as client:
        assert client.show(f"alerts/{alert_id}")["incident_list"] == [first]
        (result,) = client.order([alert_id])["results"]
        assert (result["outcome"], result.get("reason"), result["incident_id"]) == (
            "failed",
            "already_converted",
            first,
        )
    check_invariants(desk)


def test_deleting_the_older_of_two_incidents_leaves_the_newer_conversion(desk: TestDesk) -> None:
    with serving(desk, conversion_allow_again=True) as base, Client(base, desk) as client:
        alert_id = client.create_alert()
        first, second = (client.order([alert_id])["results"][0]["incident_id"] for _ in range(2))
    delete(desk, INCIDENTS, [first])
    with serving(desk) as base, Client(base, desk) as client:
        (result,) = client.order([alert_id])["results"]
        assert (result["outcome"], result["incident_id"]) == ("failed", second)
    check_invariants(desk)


@pytest.mark.parametrize("turned", [False, True], ids=["as made", "the other way round"])
@pytest.mark.parametrize("together", [True, False], ids=["in one call", "in two calls"])
def test_deleting_every_incident_of_an_alert_ends_its_conversions(desk: TestDesk, together: bool, turned: bool) -> None:
    with serving(desk, conversion_allow_again=True) as base, Client(base, desk) as client:
        alert_id = client.create_alert()
        incidents = [client.order([alert_id])["results"][0]["incident_id"] for _ in range(2)]
    if turned:
        incidents.reverse()
    for part in [incidents] if together else [[one] for one in incidents]:
        delete(desk, INCIDENTS, part)
    with serving(desk) as base, Client(base, desk) as client:
        (result,) = client.order([alert_id])["results"]
        assert result["outcome"] == "converted"
    check_invariants(desk)


def test_an_alert_that_joined_may_be_converted_again_when_the_incident_is_deleted(shared: World) -> None:
    client = shared.client
    ids = shared.prepare([{}, {}], []).alerts
    first = client.order(ids[:1])["results"][0]["incident_id"]
    assert client.order(ids[1:], incident_id=first)["success_ids"] == ids[1:]
    delete(shared.desk, INCIDENTS, [first])
    data = client.order(ids)
    assert data["success_ids"] == ids
    assert data["results"][0]["incident_id"] == data["results"][1]["incident_id"] != first


def test_the_daily_limit_counts_the_incidents_of_the_day(desk: TestDesk) -> None:
    with world_of(desk, conversion_daily_limit=2) as world:
        ids = world.prepare([{}, {}, {}], []).alerts
        for one in ids[:2]:
            world.client.order([one])
        answer = world.client.post("alerts/batch-order", {"ids": ids[2:]})
        assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20041509")


def test_the_daily_limit_begins_anew_at_midnight_of_the_servers_offset(desk: TestDesk) -> None:
    now = parse_time("2026-03-01T23:59:59+08:00", 0).ms
    window = abs(now - now_ms()) // 1000 + 200_000
    ids = add_objects(desk, [{}, {}, {}])
    with (
        serving(desk, clock=lambda: now, conversion_daily_limit=1, signature_window_s=window) as base,
        Client(base, desk) as client,
    ):
        client.order(ids[:1])
        refused = client.post("alerts/batch-order", {"ids": ids[1:2]})
        assert refused.json()["code"] == "SecMaster.20041509"
        now += 1000
        assert client.order(ids[1:2])["success_ids"] == ids[1:2]
        now += 86_399_000
        assert client.post("alerts/batch-order", {"ids": ids[2:]}).json()["code"] == "SecMaster.20041509"
        now += 1000
        assert client.order(ids[2:])["success_ids"] == ids[2:]


def test_the_daily_limit_counts_only_incidents_made_by_conversions(desk: TestDesk) -> None:
    add_objects(desk, [{}, {}], dataclass=INCIDENTS)
    with world_of(desk, conversion_daily_limit=1) as world:
        ids = world.prepare([{}], []).alerts
        answer = world.client.post("alerts/batch-order", {"ids": ids})
        assert answer.status_code == 200, answer.text


# Who may, and what an outsider learns.


@pytest.mark.parametrize(
    ("role", "status"), [(Role.READER, 403), (Role.OPERATOR, 200), (Role.ADMINISTRATOR, 200), (None, 403)]
)
def test_the_role_decides_who_converts(role: Role | None, status: int, desk: TestDesk) -> None:
    key = desk.add_user("someone", role)
    (alert_id,) = add_objects(desk, [{}])
    with serving(desk) as base, Client(base, desk, key=key) as client:
        before = contents(desk)
        answer = client.post("alerts/batch-order", {"ids": [alert_id]})
        assert answer.status_code == status
        if status == 403:
            code = "SecMaster.20010001" if role is None else "SecMaster.90010015"
            assert answer.json()["code"] == code
            assert contents(desk) == before


def test_credentials_then_workspace_then_body(shared: World) -> None:
    nobody = shared.client.http.post(shared.client.url("alerts/batch-order"), content=b"nonsense")
    assert (nobody.status_code, nobody.json()["error_code"]) == (401, "APIGW.0301")
    path = f"/v1/{shared.client.project_id}/workspaces/00000000-0000-0000-0000-000000000000/soc/alerts/batch-order"
    elsewhere = shared.client.post(path, raw=b"nonsense")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "SecMaster.20010001")


class _Recording(SqliteTransaction):
    """Notes the name of every statement of this transaction."""

    names: list[str] = []  # noqa: RUF012  # shared on purpose

    def rows(self, statement: Statement, record: Any, params: Any) -> Any:
        self.names.append(statement.name)
        return super().rows(statement, record, params)

    def values(self, statement: Statement, params: Any) -> Any:
        self.names.append(statement.name)
        return super().values(statement, params)

    def run(self, statement: Statement, params: Any) -> int:
        self.names.append(statement.name)
        return super().run(statement, params)

    def run_many(self, statement: Statement, params: Any) -> int:
        self.names.append(statement.name)
        return super().run_many(statement, params)


def test_another_tenants_alert_is_answered_exactly_like_an_unknown_one(desk: TestDesk) -> None:
    elsewhere = desk.add_workspace("elsewhere")
    (foreign,) = add_objects(desk, [{}], workspace_id=elsewhere)
    (deleted, good) = add_objects(desk, [{}, {}])
    delete(desk, ALERTS, [deleted])
    unknown = "0" * 36
    seen: dict[str, tuple[Any, list[str]]] = {}
    database = SqliteDatabase(desk.path, busy_timeout_ms=5000, read_timeout_s=30, transaction=_Recording)
    with closing(database), serving(desk, database=database) as base, Client(base, desk) as client:
        for one in (unknown, foreign, deleted):
            _Recording.names.clear()
            answer = client.post("alerts/batch-order", {"ids": [one]})
            seen[one] = answer.text.replace(one, "ID"), list(_Recording.names)
        assert client.order([good])["success_ids"] == [good]
    assert seen[foreign] == seen[unknown] == seen[deleted]
    assert "lock_objects" in seen[unknown][1]


# What is written down.


def test_a_conversion_leaves_an_audit_row_for_each_object(desk: TestDesk) -> None:
    with world_of(desk) as world:
        ids = world.prepare([{}, {"handle_status": "Closed", "close_reason": "Resolved"}], []).alerts
        answer = world.client.post("alerts/batch-order", {"ids": [*ids, "nobody"], "incident_content": {"title": "T"}})
        incident_id = answer.json()["data"]["results"][0]["incident_id"]
        found = rows(
            desk, "SELECT * FROM audit WHERE request_id = ? ORDER BY sequence", [answer.headers["X-request-id"]]
        )
        assert [(row["object_class"], row["object_id"]) for row in found] == [
            ("incidents", incident_id),
            *(("alerts", one) for one in ids),
        ]
        (user,) = rows(desk, "SELECT id, name FROM users")
        for row in found:
            assert (row["user_id"], row["user_name"]) == (user["id"], user["name"])
            assert row["operation"] == "create_batch_order_alerts"
            assert row["workspace_id"] == desk.made.workspace_id
        changes = [json.loads(row["changes"]) for row in found]
        assert changes[0]["title"] == [None, "T"]
        assert changes[0]["handle_status"] == [None, "Open"]
        assert changes[1]["incident_id"] == [None, incident_id]
        assert changes[1]["handle_status"] == ["Open", "Closed"]
        assert changes[1]["close_reason"] == [None, "Other"]
        assert changes[1]["close_time"][0] is None
        assert incident_id in changes[1]["close_comment"][1]
        assert changes[2] == {"incident_id": [None, incident_id]}


def test_a_join_leaves_an_audit_row_of_the_incident_before_and_after(desk: TestDesk) -> None:
    with world_of(desk) as world:
        ids = world.prepare([{"severity": "Low"}, {"severity": "High"}], []).alerts
        incident_id = world.client.order(ids[:1])["results"][0]["incident_id"]
        answer = world.client.post("alerts/batch-order", {"ids": ids[1:], "incident_id": incident_id})
        found = rows(
            desk, "SELECT * FROM audit WHERE request_id = ? ORDER BY sequence", [answer.headers["X-request-id"]]
        )
        assert [row["object_id"] for row in found] == [incident_id, ids[1]]
        assert json.loads(found[0]["changes"]) == {"severity": ["Low", "High"], "count": [1, 2]}


def test_the_conversion_record_says_what_each_alert_looked_like_before(desk: TestDesk) -> None:
    with world_of(desk) as world:
        ids = world.prepare([{"owner": "ann"}, {"handle_status": "Block"}], [("close", "$0")]).alerts
        before = [world.client.get(f"alerts/{one}").json()["data"] for one in ids]
        answer = world.client.post("alerts/batch-order", {"ids": ids})
        incident_id = answer.json()["data"]["results"][0]["incident_id"]
        relation = world.client.search(f"alerts/{ids[0]}/incidents")["data"][0]["relation"]
        workspace_id = desk.made.workspace_id or ""
        with desk.database() as database:
            record = database.read(lambda tx: get_conversion(tx, workspace_id, relation["conversion_id"])).result()
            for other in (*ids, incident_id):
                assert database.read(lambda tx, other=other: get_conversion(tx, workspace_id, other)).result() == record
        kept = json.loads(record.alerts)
        assert [one["alert_id"] for one in kept] == ids
        assert set(ConvertedAlert.__struct_fields__) >= set(kept[0])
        for one, old in zip(kept, before, strict=True):
            assert one["incident_id"] == incident_id
            assert one["version"] == old["version"]
            assert one["update_time"] == parse_time(old["update_time"], 0).ms
            assert one["before"].get("handle_status", "Open") == old["data_object"]["handle_status"]
        assert kept[0]["before"]["owner"] == "ann"
        assert kept[0]["before"]["close_time"] == parse_time(before[0]["data_object"]["close_time"], 0).ms
        shown = json.loads(
            subprocess.run(
                [sys.executable, "-m", "tocsin", "conversion", record.id, "--database", desk.url, "--json"],
                check=True, capture_output=True,
            ).stdout
        )  # fmt: skip
        assert shown["id"] == relation["conversion_id"]
        assert shown["request_id"] == answer.headers["X-request-id"]
        assert shown["creator"] == "admin"
        assert shown["shape"] == "one"
        assert shown["incident_ids"] == [incident_id]
        assert shown["alerts"] == kept
        assert parse_time(shown["create_time"], 0).ms == parse_time(relation["create_time"], 0).ms


def test_a_relation_row_says_when_and_by_which_conversion(shared: World) -> None:
    client = shared.client
    ids = shared.prepare([{}, {}], []).alerts
    one = client.order(ids[:1], marked_evidence=True)["results"][0]["incident_id"]
    client.order(ids[1:], incident_id=one)
    found = {row["id"]: row["relation"] for row in client.search(f"incidents/{one}/alerts")["data"]}
    assert found[ids[0]]["conversion_id"] != found[ids[1]]["conversion_id"]
    assert [found[alert]["evidence"] for alert in ids] == [True, False]
    for alert in ids:
        (row,) = client.search(f"alerts/{alert}/incidents")["data"]
        assert row["relation"] == found[alert]
    plain = client.search("alerts", limit=1)["data"][0]
    assert "relation" not in plain


def test_everything_that_was_written_belongs_together(shared: World) -> None:
    check_invariants(shared.desk)
    with closing(sqlite3.connect(shared.desk.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
