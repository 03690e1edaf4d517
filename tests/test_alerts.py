"""Alerts: created, shown, changed and deleted; what is checked, what is rewritten and what stays letter for letter.

Source: API reference notes, "Alerts" and "Time formats"; decisions of ours are marked there.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support import Client, TestDesk, copy_desk, serving
from tocsin.audit.service import list_audit

CREATE, CHANGE, BATCH, UNKNOWN = "SecMaster.20041805", "SecMaster.20041808", "SecMaster.20041002", "SecMaster.20030005"
HEX_36 = "5b0c7c1e-6f1a-4a53-9d0e-2f8d9a7c1b1"
MAX_BYTES = 256 * 1024
PHASES = (
    "Preparation",
    "Prepartion",
    "Detection and Analysis",
    "Detection and analysis",
    "Contain,Eradication& Recovery",
    "Contain，Eradication& Recovery",
    "Containm,Eradication& Recovery",
    "Post-Incident-Activity",
    "post-incident-activity",
)


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("alerts"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    """The administrator's client of one server: alerts of one test do not disturb another."""
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused(answer: Any, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def create(client: Client, **fields: Any) -> Any:
    return client.post("alerts", {"data_object": {"title": "An alert", **fields}})


def change(client: Client, alert_id: str, **fields: Any) -> dict[str, Any]:
    answer = client.put(f"alerts/{alert_id}", {"data_object": fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"]["data_object"])


def made(client: Client, **fields: Any) -> dict[str, Any]:
    """A new alert with these fields as it is shown afterwards."""
    answer = create(client, **fields)
    assert answer.status_code == 200, answer.text
    shown = client.show(f"alerts/{answer.json()['data']['id']}")
    assert answer.json()["data"]["data_object"] == shown
    return shown


# Create.


def test_the_smallest_alert_gets_its_defaults(client: Client, own_desk: TestDesk) -> None:
    answer = client.post("alerts", {"data_object": {"title": "Odd login"}})
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("code", "message")} == {"code": "00000000", "message": ""}
    detail = answer.json()["data"]
    alert = detail["data_object"]
    # Generic clients read the id by this name.
    assert detail.pop("event_id") == detail["id"] == alert["id"]
    assert len(detail["id"]) == 36
    assert (detail["type"], detail["format_version"], detail["version"]) == ("MANUAL", 1, 1)
    assert detail["dataclass_ref"]["name"] == "Alert"
    assert detail["dataclass_ref"]["id"] == alert["dataclass_id"]
    for one in (detail, alert):
        assert (one["project_id"], one["workspace_id"]) == (own_desk.made.project_id, own_desk.made.workspace_id)
        assert one["create_time"] == one["update_time"] == detail["create_time"]
    assert {key: alert[key] for key in ("title", "severity", "handle_status", "verification_state", "count")} == {
        "title": "Odd login", "severity": "Tips", "handle_status": "Open", "verification_state": "Unknown", "count": 1,
    }  # fmt: skip
    assert (alert["alert_list"], alert["incident_list"], alert["indicator_list"]) == ([], [], [])
    for absent in ("sla", "close_time", "close_reason", "close_comment", "is_auto_closed", "simulation", "owner"):
        assert absent not in alert
    assert client.get(f"alerts/{detail['id']}").json()["data"] == detail
    assert client.search(condition=_by_id(detail["id"]))["data"] == [detail]


def _by_id(alert_id: str) -> dict[str, Any]:
    return {"conditions": [{"name": "id", "data": ["id", "=", alert_id]}]}


@pytest.mark.parametrize("own", [f"{HEX_36}0", "x", "Ünï-'\"%", "a" * 36, "0"])
def test_a_client_may_bring_its_own_id(client: Client, own: str) -> None:
    assert create(client, id=own).json()["data"]["id"] == own
    assert client.search(condition=_by_id(own))["total"] == 1


def test_ids_are_compared_exactly(client: Client) -> None:
    assert create(client, id="Case-A").status_code == create(client, id="case-a").status_code == 200
    assert client.show("alerts/Case-A")["id"] == "Case-A"


@pytest.mark.parametrize("absent", [None, ""])
def test_without_an_id_the_server_makes_one(client: Client, absent: str | None) -> None:
    assert len(create(client, id=absent).json()["data"]["id"]) == 36


def test_an_id_that_is_taken_is_refused_and_nothing_changes(client: Client) -> None:
    before = made(client, id="taken", title="first")
    refused(create(client, id="taken", title="second"), CREATE, "id")
    assert client.show("alerts/taken") == before


def test_the_id_of_a_deleted_alert_is_not_given_out_again(client: Client) -> None:
    made(client, id="once")
    assert client.delete("alerts", {"batch_ids": ["once"]}).json()["data"]["success_ids"] == ["once"]
    refused(create(client, id="once"), CREATE, "id")
    refused(client.get("alerts/once"), UNKNOWN)


@pytest.mark.parametrize("title", ["", None, 5, [], "x" * 256, "漢" * 256])
def test_a_wrong_title_is_refused(client: Client, title: Any) -> None:
    refused(create(client, title=title), CREATE, "title")
    alert = made(client)
    refused(client.put(f"alerts/{alert['id']}", {"data_object": {"title": title}}), CHANGE, "title")


def test_a_title_is_needed(client: Client) -> None:
    refused(client.post("alerts", {"data_object": {"severity": "High"}}), CREATE, "title")


@pytest.mark.parametrize("title", ["x", "x" * 255, "漢" * 255, "😀" * 255])
def test_a_title_has_up_to_255_characters(client: Client, title: str) -> None:
    assert made(client, title=title)["title"] == title


TEXT_MAXIMA = {
    "version": 64, "id": 36, "domain_id": 36, "region_id": 36, "labels": 1024, "environment.vendor_type": 64,
    "environment.domain_id": 64, "environment.region_id": 64, "environment.project_id": 64,
    "environment.cross_workspace_id": 64, "data_source.domain_id": 36, "data_source.project_id": 64,
    "data_source.region_id": 64, "data_source.company_name": 16, "data_source.product_name": 24,
    "data_source.product_feature": 24, "data_source.product_module": 1024, "title": 255, "description": 1024,
    "source_url": 1024, "alert_type.category": 1024, "alert_type.alert_type": 1024, "network_list[].protocol": 64,
    "network_list[].src_ip": 64, "network_list[].src_domain": 128, "network_list[].src_geo.city_code": 64,
    "network_list[].src_geo.country_code": 64, "network_list[].dest_ip": 64, "network_list[].dest_domain": 128,
    "network_list[].dest_geo.city_code": 64, "network_list[].dest_geo.country_code": 64, "resource_list[].id": 36,
    "resource_list[].name": 255, "resource_list[].type": 64, "resource_list[].provider": 64,
    "resource_list[].region_id": 36, "resource_list[].domain_id": 36, "resource_list[].project_id": 36,
    "resource_list[].ep_id": 128, "resource_list[].ep_name": 128, "resource_list[].tags": 2048,
    "remediation.recommendation": 128, "remediation.url": 2048, "simulation": 64, "actor": 64, "owner": 64,
    "creator": 64, "close_comment": 1024, "malware.malware_family": 64, "malware.malware_class": 64,
    "process[].process_name": 64, "process[].process_path": 512, "process[].process_cmdline": 128,
    "process[].process_parent_name": 64, "process[].process_parent_path": 512,
    "process[].process_parent_cmdline": 128, "process[].process_child_name": 64, "process[].process_child_path": 512,
    "process[].process_child_cmdline": 128, "user_info[].user_id": 36, "user_info[].user_name": 64,
    "file_info[].file_path": 128, "file_info[].file_content": 1024, "file_info[].file_new_path": 64,
    "file_info[].file_hash": 128, "file_info[].file_md5": 128, "file_info[].file_sha256": 128,
    "file_info[].file_attr": 1024, "origin_id": 128, "verification_state": 64,
}  # fmt: skip


def nested(path: str, value: Any) -> dict[str, Any]:
    """The members in which the value stands at a path such as `network_list[].src_geo.city_code`."""
    for part in reversed(path.split(".")):
        value = {part.removesuffix("[]"): [value] if part.endswith("[]") else value}
    return dict(value)


@pytest.mark.parametrize(("path", "maximum"), TEXT_MAXIMA.items())
def test_a_text_may_be_as_long_as_published_and_no_longer(client: Client, path: str, maximum: int) -> None:
    longest = nested(path, "漢" * maximum)
    shown = made(client, **longest)
    assert {key: shown[key] for key in longest} == longest
    refused(create(client, **nested(path, "x" * (maximum + 1))), CREATE, path.rpartition(".")[2].removesuffix("[]"))
    refused(client.put(f"alerts/{shown['id']}", {"data_object": nested(path, "x" * (maximum + 1))}), CHANGE)
    assert client.show(f"alerts/{shown['id']}") == shown


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("count", [0, 999, 1000], [-1, "1", 1.5, True]),
        ("confidence", [0, 100], [-1, 101, "5"]),
        ("criticality", [0, 100], [-1, 101, []]),
        ("data_source.source_type", [1, 3], [0, 4, "1"]),
        ("ttd", [0, 99999], [-1, "x"]),
        ("ttr", [0, 99999], [-1]),
        ("network_list[].src_port", [0, 65535], [-1, 65536, "65536", "x", "-1", 1.5, True]),
        ("network_list[].src_geo.latitude", [-90, 90, 12.5], [-90.1, 91, "1"]),
        ("network_list[].dest_geo.longitude", [-180, 180], [181, -180.5]),
        ("process[].process_pid", [0, 65535], [-1, "7"]),
        ("process[].process_parent_uid", [0, 655350], [-1]),
        ("environment", [{}], [[], "x", 1]),
        ("alert_type", [{}], [[], "DDoS"]),
        ("network_list", [[], [{}]], [{}, "x", [None], ["x"]]),
        ("resource_list", [[], [{}]], [{}, [1]]),
        ("resource_list[].tags", [{"a": "b"}, "a:b", {}], [[], 1]),
        ("system_info", [{"any": [1, {"thing": None}]}], [[], "x"]),
        ("description", ["", "x"], [1, {}, False]),
        ("labels", ["a,b"], [["a"]]),
        ("simulation", [True, False, "true", ""], [1, [], {}]),
    ],
)
def test_values_are_checked_by_type_and_range(client: Client, path: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        members = nested(path, value)
        shown = made(client, **members)
        assert {key: shown[key] for key in members} == members
    for value in bad:
        refused(create(client, **nested(path, value)), CREATE, path.split(".", maxsplit=1)[0].removesuffix("[]"))


def test_lists_of_an_alert_have_up_to_999_elements(client: Client) -> None:
    for name in ("network_list", "resource_list", "process", "user_info", "file_info"):
        assert len(made(client, **{name: [{}] * 999})[name]) == 999
        refused(create(client, **{name: [{}] * 1000}), CREATE, name)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("severity", ("Tips", "Low", "Medium", "High", "Fatal")),
        ("handle_status", ("Open", "Block", "Closed")),
        ("close_reason", ("False detection", "Resolved", "Repeated", "Other")),
    ],
)
def test_an_enumeration_is_read_in_any_case_and_stored_in_its_listed_form(
    client: Client, path: str, values: tuple[str, ...]
) -> None:
    for value in values:
        for spelling in (value, value.upper(), value.lower(), value.swapcase()):
            alert = made(client, **{path: spelling})
            assert alert[path] == value
            assert change(client, alert["id"], **{path: spelling})[path] == value
    for wrong in ("Worst", f"{values[0]} ", f" {values[0]}"):
        refused(create(client, **{path: wrong}), CREATE, path)


def test_a_direction_is_in_or_out(client: Client) -> None:
    for value in ("IN", "OUT"):
        assert made(client, network_list=[{"direction": value}])["network_list"][0]["direction"] == value
    assert made(client, network_list=[{"direction": "in"}])["network_list"][0]["direction"] == "IN"
    refused(create(client, network_list=[{}, {"direction": "sideways"}]), CREATE, "direction")


@pytest.mark.parametrize("phase", PHASES)
def test_every_spelling_of_a_phase_is_taken_and_kept(client: Client, phase: str) -> None:
    assert made(client, ipdrr_phase=phase)["ipdrr_phase"] == phase


def test_an_unknown_phase_is_refused(client: Client) -> None:
    refused(create(client, ipdrr_phase="Panic"), CREATE, "ipdrr_phase")


@pytest.mark.parametrize(
    "state", ["Unknown", "True_Positive", "Positive", "False positive", "anything", "true_positive"]
)
def test_a_verification_state_is_kept_as_given(client: Client, state: str) -> None:
    assert made(client, verification_state=state)["verification_state"] == state


# Each input with the same instant's ISO-form and Z-form, in its sender's offset.
TIME_INPUTS = [
    ("2023-02-25T12:00:29.623Z+0800", "2023-02-25T12:00:29.623+08:00", "2023-02-25T12:00:29.623Z+0800"),
    ("2021-01-30T23:00:00Z+0530", "2021-01-30T23:00:00.000+05:30", "2021-01-30T23:00:00.000Z+0530"),
    ("2022-11-12T14:14:09.098-03:30", "2022-11-12T14:14:09.098-03:30", "2022-11-12T14:14:09.098Z-0330"),
    ("2023-02-20T00:00:00.000Z", "2023-02-20T00:00:00.000+00:00", "2023-02-20T00:00:00.000Z+0000"),
    ("2023-02-20T00:00:00", "2023-02-20T00:00:00.000+08:00", "2023-02-20T00:00:00.000Z+0800"),
]


@pytest.mark.parametrize(("sent", "iso", "z"), TIME_INPUTS)
def test_times_come_back_in_their_form_and_their_senders_offset(client: Client, sent: str, iso: str, z: str) -> None:
    names = ("first_observed_time", "last_observed_time", "arrive_time", "close_time", "sla")
    expected = {**dict.fromkeys(names, iso), "sla": z}
    given = dict.fromkeys(names, sent)
    process = [{"process_launche_time": sent, "process_terminate_time": sent, "process_name": "x"}]
    alert = made(client, **given, process=process, handle_status="Closed")
    assert {name: alert[name] for name in names} == expected
    assert alert["process"] == [{"process_launche_time": iso, "process_terminate_time": iso, "process_name": "x"}]
    changed = change(client, made(client)["id"], **given, process=process)
    assert {name: changed[name] for name in names} == expected


@pytest.mark.parametrize(
    "name",
    ["first_observed_time", "last_observed_time", "arrive_time", "close_time", "sla", "process[].process_launche_time"],
)
@pytest.mark.parametrize("bad", ["soon", "2026-02-30T00:00:00.000Z+0800", "2026-01-01T25:00:00Z", 5, "2" * 70])
def test_a_bad_time_is_refused_and_named(client: Client, name: str, bad: Any) -> None:
    refused(create(client, **nested(name, bad)), CREATE, name.rpartition(".")[2])


def test_server_times_are_written_in_the_z_form(client: Client) -> None:
    alert = made(client)
    for name in ("create_time", "update_time"):
        date, _, offset = alert[name].partition("Z")
        assert (len(date), offset) == (23, "+0800")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"src_port": 22, "dest_port": 443}, {"src_port": 22, "dest_port": "443"}),
        ({"src_port": "22", "dest_port": "443"}, {"src_port": 22, "dest_port": "443"}),
        ({"src_port": 0, "dest_port": "0"}, {"src_port": 0, "dest_port": "0"}),
        ({"src_port": None, "dest_port": None}, {"src_port": None, "dest_port": None}),
        ({"dest_port": ""}, {"dest_port": ""}),
    ],
)
def test_a_source_port_is_a_number_and_a_destination_port_is_text(
    client: Client, sent: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert made(client, network_list=[{"x": 1.0, **sent}])["network_list"] == [{"x": 1.0, **expected}]


@pytest.mark.parametrize("port", ["65536", "-1", "http", "1 ", "²", 65536, -1])
def test_a_wrong_destination_port_is_refused(client: Client, port: Any) -> None:
    refused(create(client, network_list=[{"dest_port": port}]), CREATE, "dest_port")


@pytest.mark.parametrize("value", [True, False, "true", "false", "True", "yes"])
def test_simulation_comes_back_in_the_type_it_came_in(client: Client, value: Any) -> None:
    alert = made(client, simulation=value)
    assert alert["simulation"] == value
    assert type(alert["simulation"]) is type(value)
    assert change(client, alert["id"], title="other")["simulation"] is not None


def test_simulation_that_was_not_given_stays_absent(client: Client) -> None:
    alert = made(client)
    assert "simulation" not in alert
    assert "simulation" not in change(client, alert["id"], title="other")


# What is kept letter for letter.

ODD_MEMBERS = (
    '"zz_unknown":1.0,"a_number":1e5,"big":12345678901234567890,"tiny":-0.0,"exact":0.1000,"E":1E+2,'
    '"nested":{"z":1.50,"a":[1.0,{"y":null,"b":1e-7}],"":""},"list":[],"text":"\\u00e9\\/<>\\ud83d\\ude00",'
    '"yes":true,"no":false'
)


def test_unknown_members_come_back_byte_for_byte(client: Client) -> None:
    raw = f'{{"data_object":{{"title":"odd",{ODD_MEMBERS},"last":0}}}}'.encode()
    answer = client.post("alerts", raw=raw)
    assert answer.status_code == 200, answer.text
    alert_id = answer.json()["data"]["id"]
    changed = client.put(f"alerts/{alert_id}", {"data_object": {"owner": "me"}})
    searched = client.post("alerts/search", {"condition": _by_id(alert_id)})
    for one in (answer, client.get(f"alerts/{alert_id}"), changed, searched):
        assert ODD_MEMBERS in one.text
        assert one.text.index('"title":"odd"') < one.text.index('"zz_unknown"') < one.text.index('"last":0')


@pytest.mark.parametrize(
    "member", ["environment", "data_source", "alert_type", "system_info", "malware", "remediation"]
)
def test_unknown_members_of_a_nested_object_come_back_byte_for_byte(client: Client, member: str) -> None:
    text = f'"{member}":{{"zebra":1.0,"apple":{{"big":12345678901234567890}}}}'
    answer = client.post("alerts", raw=f'{{"data_object":{{"title":"odd",{text}}}}}'.encode())
    assert text in client.get(f"alerts/{answer.json()['data']['id']}").text


@pytest.mark.parametrize("member", ["network_list", "process"])
def test_rewriting_one_member_of_an_element_leaves_the_others_as_they_came(client: Client, member: str) -> None:
    odd = '"src_port":"1","process_launche_time":"2023-02-20T00:00:00Z","zebra":1.0,"apple":12345678901234567890'
    answer = client.post("alerts", raw=f'{{"data_object":{{"title":"odd","{member}":[{{{odd}}}]}}}}'.encode())
    assert answer.status_code == 200, answer.text
    assert '"zebra":1.0,"apple":12345678901234567890' in client.get(f"alerts/{answer.json()['data']['id']}").text


HOSTILE = [
    "' OR '1'='1", '"; DROP TABLE data_objects; --', "\\", "%_%", "<script>alert(1)</script>", "{{7*7}}", "${x}",
    "\x01\x1f\x7f", "\u2028\u2029\ufeff\u202e", "é e\u0301", "漢字", "😀👩‍👩‍👧", "\r\n\t", "=1+1", "../../etc/passwd", " lead and trail ",
    "\\u0000", "null", "\U0010ffff",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_unchanged(client: Client, text: str) -> None:
    fields = {
        "title": text, "description": text, "labels": text, "owner": text, "close_comment": text, "creator": text,
        "data_source": {"product_module": text}, "network_list": [{"src_domain": text}], "unknown": {text: [text]},
        f"key {text}": text,
    }  # fmt: skip
    alert = made(client, **fields)
    assert {key: alert[key] for key in fields} == fields
    assert {key: change(client, alert["id"], **fields)[key] for key in fields} == fields


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data_object":{"title":"a\\u0000b"}}',
        b'{"data_object":{"title":"a","description":"\\u0000"}}',
        b'{"data_object":{"title":"a","x":{"y":["\\u0000"]}}}',
        b'{"data_object":{"title":"a","k\\u0000":1}}',
        b'{"data_object":{"title":"a","x":{"k\\u0000":1}}}',
        b'{"data_object":{"title":"a\\ud800b"}}',
        b'{"data_object":{"title":"a","x":["\\udc00\\ud800"]}}',
        b'{"data_object":{"title":"a","\\udfff":1}}',
        b'{"data_object":{"title":"a\xff"}}',
        b'{"data_object":{"title":"a","x":"\xed\xa0\x80"}}',
    ],
)
def test_nul_and_half_characters_are_refused(client: Client, raw: bytes) -> None:
    total = client.search(limit=0)["total"]
    refused(client.post("alerts", raw=raw), CREATE)
    assert client.search(limit=0)["total"] == total


def test_a_refusal_of_nul_names_the_field(client: Client) -> None:
    refused(create(client, description="a\0b"), CREATE, "description")
    refused(create(client, system_info={"deep": {"er": "\ud800"}}), CREATE, "er")


def test_members_that_belong_to_the_server_are_overwritten(client: Client, own_desk: TestDesk) -> None:
    forged = {
        "create_time": "1999-01-01T00:00:00.000Z+0800", "update_time": 5, "workspace_id": "w", "project_id": "p",
        "dataclass_id": "d", "is_auto_closed": "AutoClosed", "alert_list": ["a"], "incident_list": ["i"],
        "indicator_list": {"x": 1},
    }  # fmt: skip
    alert = made(client, **forged)
    after = change(client, alert["id"], **forged)
    for one in (alert, after):
        assert one["create_time"] == alert["create_time"] != forged["create_time"]
        assert (one["workspace_id"], one["project_id"]) == (own_desk.made.workspace_id, own_desk.made.project_id)
        assert one["dataclass_id"] != "d"
        assert "is_auto_closed" not in one
        assert (one["alert_list"], one["incident_list"], one["indicator_list"]) == ([], [], [])
    raw = client.get(f"alerts/{alert['id']}").text.partition('"data_object"')[2]
    for name in (*forged, "id"):
        assert raw.count(f'"{name}":') == (0 if name == "is_auto_closed" else 1), name


def test_an_object_has_at_most_256_kib(client: Client) -> None:
    def sized(size: int) -> bytes:
        frame = b'{"title":"big","blob":"%s"}'
        return frame % (b"x" * (size - len(frame) + 2))

    assert len(sized(MAX_BYTES)) == MAX_BYTES
    answer = client.post("alerts", raw=b'{"data_object":%s}' % sized(MAX_BYTES))
    assert answer.status_code == 200
    refused(client.post("alerts", raw=b'{"data_object":%s}' % sized(MAX_BYTES + 1)), CREATE, "data_object")
    alert_id = answer.json()["data"]["id"]
    refused(client.put(f"alerts/{alert_id}", {"data_object": {"more": "x" * 1000}}), CHANGE, "data_object")
    assert "more" not in client.show(f"alerts/{alert_id}")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"null", b'{"data_object":null}', b'{"data_object":[]}', b'{"data_object":"x"}', b"{",
     b'{"data_object":{"title":"a"}', b'{"data_object":{"title":"a",}}', b'{"data_object":{"title":"a"}}{}'],
)  # fmt: skip
def test_a_body_without_an_object_is_refused(client: Client, raw: bytes) -> None:
    refused(client.post("alerts", raw=raw), CREATE)
    refused(client.put(f"alerts/{made(client)['id']}", raw=raw), CHANGE)


def test_null_members_of_a_new_alert_count_as_absent(client: Client) -> None:
    alert = made(client, severity=None, count=None, owner=None, environment=None, unknown=None, handle_status=None)
    assert (alert["severity"], alert["count"], alert["handle_status"]) == ("Tips", 1, "Open")
    for name in ("owner", "environment", "unknown"):
        assert name not in alert


# Change.


def test_a_change_touches_only_what_it_names(client: Client) -> None:
    fields = {
        "title": "before", "description": "kept", "severity": "High", "owner": "me", "labels": "a,b",
        "environment": {"vendor_type": "HWC", "region_id": "r"}, "network_list": [{"src_ip": "10.0.0.1"}],
        "first_observed_time": "2023-02-25T12:00:29.623+08:00", "unknown": [1],
    }  # fmt: skip
    alert = made(client, **fields)
    after = change(client, alert["id"], title="after")
    assert after == {**alert, "title": "after", "update_time": after["update_time"]}
    assert client.show(f"alerts/{alert['id']}") == after
    assert change(client, alert["id"])["title"] == "after"


def test_null_clears_a_field_and_empty_text_is_stored(client: Client) -> None:
    names = ("description", "owner", "labels", "actor", "close_comment", "source_url", "unknown")
    alert = made(client, **dict.fromkeys(names, "x"))
    emptied = change(client, alert["id"], **dict.fromkeys(names, ""))
    assert {name: emptied[name] for name in names} == dict.fromkeys(names, "")
    cleared = change(client, alert["id"], **dict.fromkeys(names))
    for name in names:
        assert name not in cleared
    assert change(client, alert["id"], description="back")["description"] == "back"


def test_null_clears_times_objects_and_lists(client: Client) -> None:
    fields = {
        "first_observed_time": "2023-02-25T12:00:29.623+08:00", "sla": "2023-02-25T12:00:29.623Z+0800",
        "environment": {"region_id": "r"}, "network_list": [{}], "simulation": True, "confidence": 5,
        "alert_type": {"category": "c"}, "close_time": "2023-02-25T12:00:29.623+08:00", "close_reason": "Other",
    }  # fmt: skip
    alert = made(client, **fields)
    cleared = change(client, alert["id"], **dict.fromkeys(fields))
    for name in fields:
        assert name not in cleared
        assert name in alert


def test_nested_objects_and_lists_are_replaced_whole(client: Client) -> None:
    alert = made(
        client,
        environment={"vendor_type": "HWC", "region_id": "r"},
        network_list=[{"src_ip": "10.0.0.1"}, {"src_ip": "10.0.0.2"}],
    )
    after = change(client, alert["id"], environment={"region_id": "s"}, network_list=[{"dest_ip": "10.0.0.3"}])
    assert after["environment"] == {"region_id": "s"}
    assert after["network_list"] == [{"dest_ip": "10.0.0.3"}]


def test_the_id_and_batch_ids_of_a_change_are_ignored(client: Client) -> None:
    alert, other = made(client, title="one"), made(client, title="two")
    body = {"data_object": {"id": other["id"], "title": "changed"}, "batch_ids": [other["id"]]}
    answer = client.put(f"alerts/{alert['id']}", body)
    assert answer.json()["data"]["id"] == answer.json()["data"]["data_object"]["id"] == alert["id"]
    assert client.show(f"alerts/{alert['id']}")["title"] == "changed"
    assert client.show(f"alerts/{other['id']}") == other


def test_version_and_update_time_rise_with_every_change(client: Client) -> None:
    alert = made(client)
    before = client.get(f"alerts/{alert['id']}").json()["data"]
    for version in (2, 3):
        time.sleep(0.005)
        after = client.put(f"alerts/{alert['id']}", {"data_object": {"labels": str(version)}}).json()["data"]
        assert after["version"] == version
        assert after["update_time"] > before["update_time"]
        assert after["update_time"] == after["data_object"]["update_time"]
        assert after["create_time"] == before["create_time"]
        before = after


def test_closing_sets_the_time_and_who(client: Client) -> None:
    alert = made(client)
    closed = change(client, alert["id"], handle_status="closed", close_reason="resolved", close_comment="done")
    assert {key: closed[key] for key in ("handle_status", "close_reason", "close_comment", "is_auto_closed")} == {
        "handle_status": "Closed", "close_reason": "Resolved", "close_comment": "done", "is_auto_closed": "Manual",
    }  # fmt: skip
    date, zulu, rest = closed["update_time"].partition("Z")
    assert (zulu, closed["close_time"]) == ("Z", f"{date}{rest[:3]}:{rest[3:]}")
    time.sleep(0.005)
    again = change(client, alert["id"], handle_status="Closed", labels="x")
    assert again["close_time"] == closed["close_time"]
    assert (again["close_reason"], again["close_comment"]) == ("Resolved", "done")


def test_closing_keeps_a_close_time_that_is_given(client: Client) -> None:
    given = "2023-02-25T12:00:29.623+05:30"
    assert made(client, handle_status="Closed", close_time=given)["close_time"] == given
    assert change(client, made(client)["id"], handle_status="Closed", close_time=given)["close_time"] == given
    assert "close_time" in made(client, handle_status="Closed")


@pytest.mark.parametrize("status", ["Open", "Block"])
def test_reopening_clears_what_closing_set_unless_it_is_given(client: Client, status: str) -> None:
    closing = {"handle_status": "Closed", "close_reason": "Other", "close_comment": "done"}
    reopened = change(client, made(client, **closing)["id"], handle_status=status)
    assert reopened["handle_status"] == status
    for name in ("close_time", "close_reason", "close_comment", "is_auto_closed"):
        assert name not in reopened
    kept = change(client, made(client, **closing)["id"], handle_status=status, close_comment="why")
    assert kept["close_comment"] == "why"
    assert "close_reason" not in kept


@pytest.mark.parametrize("alert_id", [f"{HEX_36}9", "nonsense", "x" * 200, "%E6%BC%A2", "%25", "a%20b", "'", "search"])
def test_an_unknown_or_malformed_id_is_not_found(client: Client, alert_id: str) -> None:
    for answer in (client.get(f"alerts/{alert_id}"), client.put(f"alerts/{alert_id}", {"data_object": {"title": "x"}})):
        refused(answer, UNKNOWN)


@pytest.mark.parametrize("alert_id", ["%00", "a%00b", f"{HEX_36}0%00", "%FF", "%ED%A0%80"])
def test_nul_or_broken_text_in_the_path_is_not_found(client: Client, alert_id: str) -> None:
    refused(client.get(f"alerts/{alert_id}"), UNKNOWN)
    refused(client.put(f"alerts/{alert_id}", {"data_object": {"title": "x"}}), UNKNOWN)


# Audit.


def audit_of(desk: TestDesk, alert_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    with desk.database() as database:
        rows = database.read(
            lambda tx: list_audit(tx, desk.made.workspace_id or "", object_id=alert_id, limit=100)
        ).result()
    assert all(row.object_class == "alerts" and row.user_name == desk.made.user_name for row in rows)
    assert all(row.request_id and row.time for row in rows)
    return [(row.operation, row.request_id, json.loads(row.changes)) for row in reversed(rows)]


def test_every_change_leaves_who_when_and_before_and_after(client: Client, own_desk: TestDesk) -> None:
    answer = create(client, title="audited", severity="Low", labels="a")
    alert_id = answer.json()["data"]["id"]
    time.sleep(0.005)
    closed = client.put(f"alerts/{alert_id}", {"data_object": {"severity": "High", "handle_status": "Closed"}})
    time.sleep(0.005)
    cleared = client.put(f"alerts/{alert_id}", {"data_object": {"labels": None, "title": "audited"}})
    time.sleep(0.005)
    gone = client.delete("alerts", {"batch_ids": [alert_id]})
    rows = audit_of(own_desk, alert_id)
    assert [name for name, _, _ in rows] == ["create_alert", "change_alert", "change_alert", "delete_alert"]
    assert [request for _, request, _ in rows] == [
        one.headers["x-request-id"] for one in (answer, closed, cleared, gone)
    ]
    assert rows[0][2]["title"] == [None, "audited"]
    assert rows[0][2]["handle_status"] == [None, "Open"]
    changes = rows[1][2]
    assert changes["severity"] == ["Low", "High"]
    assert changes["handle_status"] == ["Open", "Closed"]
    assert changes["close_time"][0] is None
    assert set(changes) == {"severity", "handle_status", "close_time"}
    assert rows[2][2] == {"labels": ["a", None]}


def test_a_refused_change_leaves_no_trace(client: Client, own_desk: TestDesk) -> None:
    alert = made(client)
    refused(
        client.put(f"alerts/{alert['id']}", {"data_object": {"title": "x", "severity": "Worst"}}), CHANGE, "severity"
    )
    assert client.show(f"alerts/{alert['id']}") == alert
    assert len(audit_of(own_desk, alert["id"])) == 1


# Delete.


def test_deleting_says_which_were_there(client: Client) -> None:
    one, two = made(client)["id"], made(client)["id"]
    answer = client.delete("alerts", {"batch_ids": ["nobody", two, one, "nobody either", two]})
    assert answer.status_code == 200
    lists = {"error_ids": ["nobody", "nobody either"], "success_ids": [two, one]}
    assert answer.json() == {
        "code": "00000000", "message": "", "success": True, "request_id": answer.headers["X-request-id"],
        "data": lists, **lists,
    }  # fmt: skip
    for gone in (one, two):
        refused(client.get(f"alerts/{gone}"), UNKNOWN)
        refused(client.put(f"alerts/{gone}", {"data_object": {"title": "x"}}), UNKNOWN)
        assert client.search(condition=_by_id(gone))["total"] == 0
    again = client.delete("alerts", {"batch_ids": [one]})
    assert (again.status_code, again.json()["data"]) == (200, {"error_ids": [one], "success_ids": []})


def test_terraform_deletes_with_a_bare_string(client: Client) -> None:
    one = made(client)["id"]
    answer = client.delete("alerts", {"batch_ids": one})
    assert answer.json()["data"] == {"error_ids": [], "success_ids": [one]}


@pytest.mark.parametrize(
    "body", [{}, {"batch_ids": []}, {"batch_ids": None}, {"batch_ids": 5}, {"batch_ids": [5]},
             {"batch_ids": [None]}, {"batch_ids": ["x"] * 1000}, {"batch_ids": ["x" * 101]}, []]
)  # fmt: skip
def test_a_delete_that_names_nothing_or_too_much_is_refused(client: Client, body: Any) -> None:
    refused(client.delete("alerts", body), BATCH)


def test_a_delete_without_a_body_is_refused(client: Client) -> None:
    refused(client.delete("alerts"), BATCH)


def test_999_alerts_can_be_deleted_at_once(client: Client) -> None:
    one = made(client)["id"]
    data = client.delete("alerts", {"batch_ids": [f"n{n}" for n in range(998)] + [one]}).json()["data"]
    assert (len(data["error_ids"]), data["success_ids"]) == (998, [one])
