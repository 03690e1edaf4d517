"""The vendor's Python SDK, unchanged, works against the server: the documentation's sample, every way to sign in, and
what a user sees of an error. Each operation with each field: test_python_sdk_sweep.py.

Source of what the SDK's objects hold for which answer: recordings of the same releases.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from python_sdk import NEWEST, OLDER, PINS, Sdk, installed
from support import PASSWORD, SHARED, Client, Key, TestDesk
from tocsin.identity.records import Role

NOBODYS_TYPE_ID = "909494e3-558e-46b6-a9eb-07a8e18ca62f"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
SAMPLE_CONTENT = {
    "title": "XXX",
    "incident_type": {"id": NOBODYS_TYPE_ID, "category": "DDoS attack", "incident_type": "DNS protocol attacks"},
}
SURICATA = SHARED / "data" / "alerts" / "suricata"


@pytest.fixture(scope="session", params=PINS, ids=lambda pin: f"sdk-{pin}")
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return installed(request.param, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return installed(OLDER, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return installed(NEWEST, tmp_path_factory.mktemp("home"))


@pytest.fixture
def admin(desk: TestDesk, base: str) -> dict[str, str]:
    """The administrator's client as `calls.py` wants it: endpoint and project id given."""
    return as_client(base, desk, Key(access=desk.made.access_key or "", secret=desk.made.secret_key or ""))


def as_client(base: str, desk: TestDesk, key: Key) -> dict[str, str]:
    return {"endpoint": base, "access": key.access, "secret": key.secret, "project_id": desk.made.project_id}


def order(client: dict[str, str], workspace_id: str | None, ids: list[str]) -> dict[str, Any]:
    """The sample's request as a step."""
    return {
        "client": client,
        "operation": "create_batch_order_alerts",
        "fields": {"workspace_id": workspace_id},
        "body": {"ids": ids, "incident_content": SAMPLE_CONTENT},
    }


def assert_converted(shown: dict[str, Any], ids: list[str], errors: list[str] | None = None) -> None:
    assert shown["type"] == "CreateBatchOrderAlertsResponse", shown
    assert shown["status_code"] == 200
    assert shown["held"].pop("x_request_id")
    assert shown["held"] == {
        "code": "00000000",
        "message": "",
        "data": {"success_ids": ids, "error_ids": errors or []},
    }
    assert shown["wrong"] == []


class TestTheDocumentationsSample:
    def test_makes_one_incident_of_alerts(self, sdk: Sdk, desk: TestDesk, client: Client) -> None:
        ids = [client.create_alert(title="First"), client.create_alert(title="Second")]
        shown = self.run(sdk, desk, [client.base, desk.made.project_id, str(desk.made.workspace_id), *ids])
        assert_converted(shown, ids)
        incidents = client.search("incidents")["data"]
        assert [one["data_object"]["title"] for one in incidents] == ["XXX"]
        assert incidents[0]["data_object"]["incident_type"]["category"] == "DDoS attack"
        assert incidents[0]["data_object"]["incident_type"]["incident_type"] == "DNS protocol attacks"
        assert sorted(incidents[0]["data_object"]["alert_list"]) == sorted(ids)
        assert client.show(f"alerts/{ids[0]}")["handle_status"] == "Closed"

    def test_needs_only_environment_variables_and_no_project_id(self, sdk: Sdk, desk: TestDesk, client: Client) -> None:
        ids = [client.create_alert()]
        shown = self.run(
            sdk,
            desk,
            ["", "", str(desk.made.workspace_id), *ids],
            HUAWEICLOUD_SDK_REGION_SECMASTER_CN_NORTH_4=client.base,
            HUAWEICLOUD_SDK_IAM_ENDPOINT=client.base,
        )
        assert_converted(shown, ids)

    def test_catches_the_refusal_of_a_request_without_alerts(self, sdk: Sdk, desk: TestDesk, base: str) -> None:
        shown = self.run(sdk, desk, [base, desk.made.project_id, str(desk.made.workspace_id)])
        assert (shown["type"], shown["status_code"]) == ("ClientRequestException", 400)
        assert shown["error_code"] == "SecMaster.20041804"

    def run(self, sdk: Sdk, desk: TestDesk, arguments: list[str], **environment: str) -> Any:
        keys = {"CLOUD_SDK_AK": desk.made.access_key or "", "CLOUD_SDK_SK": desk.made.secret_key or ""}
        return sdk.run("sample.py", *arguments, **keys, **environment)


def test_a_region_with_an_address_finds_the_project_by_the_regions_name(
    sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]
) -> None:
    ids = [client.create_alert()]
    by_region = {
        "access": admin["access"],
        "secret": admin["secret"],
        "region": "cn-north-4",
        "region_url": client.base,
        "iam_endpoint": client.base,
    }
    (shown,) = sdk.calls([order(by_region, desk.made.workspace_id, ids)])
    assert_converted(shown, ids)


def test_a_token_without_a_signature_is_enough(sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]) -> None:
    desk.add_user("olga", Role.OPERATOR)
    ids = [client.create_alert()]
    nobody = {**admin, "access": "NOBODYSACCESSKEY0000", "secret": "nobody"}
    # The SDK does not sign a request that has an Authorization header, and an empty one is as good as none.
    headers = {"X-Auth-Token": token_of(client, desk, "olga"), "Authorization": ""}
    (shown,) = sdk.calls([{**order(nobody, desk.made.workspace_id, ids), "headers": headers}])
    assert_converted(shown, ids)


def test_a_signature_decides_where_a_token_is_sent_too(
    sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]
) -> None:
    desk.add_user("olga", Role.OPERATOR)
    ids = [client.create_alert()]
    token = token_of(client, desk, "olga")
    wrong = {**admin, "secret": "wrong"}
    refused, taken = sdk.calls(
        [
            {**order(wrong, desk.made.workspace_id, ids), "headers": {"X-Auth-Token": token}},
            {**order(admin, desk.made.workspace_id, ids), "headers": {"X-Auth-Token": "unknown"}},
        ]
    )
    assert (refused["status_code"], refused["error_code"]) == (401, "APIGW.0301")
    assert_converted(taken, ids)


def token_of(client: Client, desk: TestDesk, name: str) -> str:
    user = {"name": name, "password": PASSWORD, "domain": {"name": desk.made.domain_name}}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": desk.made.project_id}},
    }
    answer = client.http.post("/v3/auth/tokens", json={"auth": auth})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["X-Subject-Token"])


def test_alerts_that_cannot_be_converted_are_told_apart(
    sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]
) -> None:
    converted, fresh = client.create_alert(), client.create_alert()
    client.order([converted])
    ids = [UNKNOWN_ID, fresh, converted]
    partial, again = sdk.calls([order(admin, desk.made.workspace_id, ids)] * 2)
    assert_converted(partial, [fresh], [UNKNOWN_ID, converted])
    assert_converted(again, [], ids)


def test_each_refusal_arrives_as_code_and_message(
    sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]
) -> None:
    reader = as_client(client.base, desk, desk.add_user("rita", Role.READER))
    outsider = as_client(client.base, desk, desk.add_user("otto", None))
    ids, workspace_id = [client.create_alert()], desk.made.workspace_id
    words = "Incorrect IAM authentication information"
    show = {
        "client": admin,
        "operation": "show_alert",
        "fields": {"workspace_id": workspace_id, "alert_id": UNKNOWN_ID},
    }
    elsewhere = {"client": admin, "operation": "show_workspace", "fields": {"workspace_id": UNKNOWN_ID}}
    cases: list[tuple[str, dict[str, Any], int, str, str]] = [
        ("no ids", order(admin, workspace_id, []), 400, "SecMaster.20041804", "ids"),
        (
            "wrong secret key",
            order({**admin, "secret": "wrong"}, workspace_id, ids),
            401,
            "APIGW.0301",
            f"{words}: verify aksk signature fail",
        ),
        (
            "unknown access key",
            order({**admin, "access": "NOBODYSACCESSKEY0000"}, workspace_id, ids),
            401,
            "APIGW.0301",
            f"{words}: Get secretKey failed,ak:NOBODYSACCESSKEY0000,err:ak not exist",
        ),
        ("unknown workspace", order(admin, UNKNOWN_ID, ids), 403, "SecMaster.20010001", "workspace"),
        ("somebody else's project", order(outsider, workspace_id, ids), 403, "SecMaster.20010001", "workspace"),
        ("reader", order(reader, workspace_id, ids), 403, "SecMaster.90010015", "Unauthorized request"),
        ("unknown alert", show, 400, "SecMaster.20030005", ""),
        ("unknown workspace itself", elsewhere, 400, "SecMaster.20011003", "workspace"),
        (
            "neither region nor project id",
            order({**admin, "project_id": ""}, workspace_id, ids),
            400,
            "SecMaster.20041804",
            "{project_id}",
        ),
    ]
    results = sdk.calls([step for _, step, *_ in cases])
    request_ids = [result["request_id"] for result in results]
    for (name, _, status, code, message), result in zip(cases, results, strict=True):
        assert result["type"] == "ClientRequestException", name
        assert (result["status_code"], result["error_code"]) == (status, code), name
        assert message in result["error_msg"], name
    assert all(request_ids)
    assert len(set(request_ids)) == len(cases)
    assert client.search("incidents")["total"] == 0


def test_an_unknown_key_stops_the_lookup_of_the_project_with_the_gateways_words(sdk: Sdk, base: str) -> None:
    nobody = {
        "access": "NOBODYSACCESSKEY0000",
        "secret": "nobody",
        "region": "cn-north-4",
        "region_url": base,
        "iam_endpoint": base,
    }
    (shown,) = sdk.calls([order(nobody, UNKNOWN_ID, [UNKNOWN_ID])])
    assert "APIGW.0301" in shown["text"]
    assert "ak not exist" in shown["text"]


@pytest.fixture
def suricata_alerts(desk: TestDesk, tmp_path: Path) -> int:
    """Real Suricata events, taken in by the command; how many alerts they are."""
    if not SURICATA.is_dir():
        pytest.skip(f"there are no recorded Suricata events in {SURICATA}")
    files = sorted(SURICATA.glob("*.jsonl"))
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "ingest", "suricata", *files, "--database", desk.url, "--json",
         "--rejects", tmp_path / "rejects.jsonl"],
        check=True, capture_output=True,
    )  # fmt: skip
    return int(json.loads(done.stdout)["new"])


def test_alerts_of_real_suricata_events_are_valid_for_the_sdks_models(
    sdk: Sdk, suricata_alerts: int, client: Client, admin: dict[str, str]
) -> None:
    assert suricata_alerts > 400
    here = {"client": admin, "fields": {"workspace_id": client.workspace_id}, "brief": True}
    pages = [
        {**here, "operation": "list_alerts", "body": {"limit": 200, "offset": offset}}
        for offset in range(0, suricata_alerts, 200)
    ]
    pages[0]["save"] = {"first": "data.0.id", "last": "data.199.id"}
    convert = [
        {**here, "operation": "create_batch_order_alerts", "body": {"ids": ["$first", "$last"]}},
        {**here, "operation": "list_incidents", "body": {"limit": 10, "offset": 0}},
    ]
    results = sdk.calls(pages + convert)
    for result in results:
        assert result["status_code"] == 200, result
        assert result["wrong"] == []
    assert sum(result["rows"] for result in results[:-2]) == suricata_alerts
    assert results[-1]["rows"] == 1


def test_a_simulation_comes_back_in_the_json_type_it_came_in_or_not_at_all(
    sdk: Sdk, client: Client, admin: dict[str, str]
) -> None:
    """The one field that may be of another type than declared: Terraform sends a boolean, and can read nothing else."""
    given = [{"simulation": True}, {"simulation": "true"}, {}]
    shown = sdk.calls([show_of(admin, client, "alert", client.create_alert(**one)) for one in given])
    place = "$.data.data_object.simulation (Alert.simulation)"
    assert [one["wrong"] for one in shown] == [[f"{place} is not str but True"], [], []]
    assert [one["held"]["data"]["data_object"]["simulation"] for one in shown] == ["True", "true", None]


def show_of(admin: dict[str, str], client: Client, kind: str, object_id: str) -> dict[str, Any]:
    fields = {"workspace_id": client.workspace_id, f"{kind}_id": object_id}
    return {"client": admin, "operation": f"show_{kind}", "fields": fields}


TIME = "2026-01-03T03:04:05.678Z+0800"


def test_a_client_that_declares_a_number_for_sla_cannot_read_objects_with_a_time_there(
    older: Sdk, client: Client, admin: dict[str, str]
) -> None:
    alert = client.create_alert(sla=TIME)
    incident = client.post("incidents", {"data_object": {"title": "One", "sla": TIME}}).json()["data"]["id"]
    client.post(f"incidents/{incident}/alerts", {"ids": [alert]})
    here: dict[str, Any] = {"workspace_id": client.workspace_id}
    related = {"dataclass_type": "incidents", "data_object_id": incident, "related_dataclass_type": "alerts"}
    cases: list[tuple[str, dict[str, Any], Any, bool]] = [
        ("create_alert", {}, {"data_object": {"title": "Two", "sla": TIME}}, False),
        ("show_alert", {"alert_id": alert}, None, False),
        ("change_alert", {"alert_id": alert}, {"data_object": {"severity": "Low"}}, False),
        ("list_alerts", {}, {"limit": 10}, True),
        ("create_incident", {}, {"data_object": {"title": "Two", "sla": TIME}}, False),
        ("show_incident", {"incident_id": incident}, None, False),
        ("change_incident", {"incident_id": incident}, {"data_object": {"severity": "Low"}}, False),
        ("list_incidents", {}, {"limit": 10}, False),
        ("list_dataobject_relations", related, {"limit": 10}, False),
    ]
    shown = older.calls(
        [
            {"client": admin, "operation": name, "fields": {**here, **fields}, **({"body": body} if body else {})}
            for name, fields, body, _ in cases
        ]
    )
    for (name, _, _, readable), result in zip(cases, shown, strict=True):
        if readable:
            assert [row["data_object"]["sla"] for row in result["held"]["data"]] == [TIME, TIME], name
        else:
            assert result == {"type": "ValueError", "text": f"invalid literal for int() with base 10: '{TIME}'"}, name
    # What failed is the reading: the server did what it was asked.
    assert client.show(f"alerts/{alert}")["severity"] == client.show(f"incidents/{incident}")["severity"] == "Low"


def test_tags_come_back_as_they_were_stored_whatever_a_client_declares(
    older: Sdk, newest: Sdk, client: Client, admin: dict[str, str]
) -> None:
    """The older client declares text for them and makes text of an object; the newest takes what comes."""
    tagged = [client.create_alert(resource_list=[{"id": "a", "tags": tags}]) for tags in ({"team": "red"}, "team:red")]
    steps = [show_of(admin, client, "alert", one) for one in tagged]
    steps.append({**steps[0], "operation": "list_alerts", "fields": {"workspace_id": client.workspace_id}, "body": {}})
    made_text = "{'team': 'red'}"
    cases: list[tuple[Sdk, list[Any]]] = [
        (older, [made_text, "team:red", "team:red", made_text]),
        (newest, [{"team": "red"}, "team:red", "team:red", {"team": "red"}]),
    ]
    for sdk, wanted in cases:
        first, second, rows = sdk.calls(steps)
        objects = [first["held"]["data"], second["held"]["data"], *rows["held"]["data"]]
        assert [one["data_object"]["resource_list"][0]["tags"] for one in objects] == wanted
    assert [client.show(f"alerts/{one}")["resource_list"][0]["tags"] for one in tagged] == [{"team": "red"}, "team:red"]


def test_what_is_not_found_is_told_as_an_exception_with_code_message_and_request_id(
    newest: Sdk, client: Client, admin: dict[str, str]
) -> None:
    incident = client.post("incidents", {"data_object": {"title": "One"}}).json()["data"]["id"]
    related = {"dataclass_type": "incidents", "data_object_id": incident, "related_dataclass_type": "alerts"}
    gone = "Failed to obtain the data object."
    cases: list[tuple[str, dict[str, Any], Any, str, str]] = [
        ("show_alert", {"alert_id": UNKNOWN_ID}, None, "20030005", gone),
        ("show_incident", {"incident_id": UNKNOWN_ID}, None, "20030005", gone),
        ("show_indicator_detail", {"indicator_id": UNKNOWN_ID}, None, "20030005", gone),
        ("show_data_class_info", {"dataclass_id": UNKNOWN_ID}, None, "20030022", "Failed to find one dataclass."),
        ("show_workspace", {"workspace_id": UNKNOWN_ID}, None, "20011003", "workspace"),
        ("create_dataobject_relation", related, {"ids": []}, "20041033", "ids"),
    ]
    here = {"workspace_id": client.workspace_id}
    shown = newest.calls(
        [
            {"client": admin, "operation": name, "fields": {**here, **fields}, **({"body": body} if body else {})}
            for name, fields, body, *_ in cases
        ]
    )
    for (name, _, _, code, message), result in zip(cases, shown, strict=True):
        assert result["type"] == "ClientRequestException", name
        assert (result["status_code"], result["error_code"]) == (400, f"SecMaster.{code}"), name
        assert message in result["error_msg"], (name, result["error_msg"])
    assert all(one["request_id"] for one in shown)
    assert len({one["request_id"] for one in shown}) == len(cases)
