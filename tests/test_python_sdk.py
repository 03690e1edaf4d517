"""The vendor's Python SDK, unchanged, works against the server: the newest release of each of its two module names.

Each release lives in a virtual environment of its own under `.cache`, made when it is first needed. Source of what the
SDK's objects hold for which answer: recordings of the same releases.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support import PASSWORD, SHARED, Client, Key, TestDesk
from tocsin.identity.records import Role

CLIENTS = Path(__file__).with_name("clients") / "python"
CACHE = Path(__file__).resolve().parents[1] / ".cache"
# Release -> the module that has the operations: they moved from v2 to v1 after 3.1.180.
PINS = {"3.1.180": "v2", "3.1.219": "v1"}
NOBODYS_TYPE_ID = "909494e3-558e-46b6-a9eb-07a8e18ca62f"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
SAMPLE_CONTENT = {
    "title": "XXX",
    "incident_type": {"id": NOBODYS_TYPE_ID, "category": "DDoS attack", "incident_type": "DNS protocol attacks"},
}
SURICATA = SHARED / "data" / "alerts" / "suricata"


class Sdk(msgspec.Struct, frozen=True):
    python: Path
    module: str
    home: Path

    def run(self, program: str, *arguments: str, given: str = "", **environment: str) -> Any:
        """What a program of `clients/python` prints; nothing of the caller's own SDK settings reaches it."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("HUAWEICLOUD_", "CLOUD_SDK_"))}
        done = subprocess.run(
            [self.python, CLIENTS / program, self.module, *arguments],
            input=given,
            env={**own, "HOME": str(self.home), "NO_PROXY": "*", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def calls(self, steps: list[dict[str, Any]], **environment: str) -> list[dict[str, Any]]:
        return list(self.run("calls.py", given=json.dumps(steps), **environment))


@pytest.fixture(scope="session", params=PINS, ids=lambda pin: f"sdk-{pin}")
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return Sdk(sdk_python(request.param), PINS[request.param], tmp_path_factory.mktemp("home"))


def sdk_python(pin: str) -> Path:
    """The interpreter of the release's environment, which is made unless it is there complete."""
    requirements = CLIENTS / f"requirements-{pin}.txt"
    wanted = f"{sys.version}\n{hashlib.sha256(requirements.read_bytes()).hexdigest()}\n"
    folder, python = CACHE / f"sdk-{pin}", CACHE / f"sdk-{pin}" / "bin" / "python"
    complete = folder / "complete"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"sdk-{pin}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test run may be making the same one
        if not (python.exists() and complete.exists() and complete.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            _install(python, requirements)
            complete.write_text(wanted)
    return python


def _install(python: Path, requirements: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
         "--require-hashes", "-r", requirements],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    reason = (
        f"pip cannot install {requirements.name}. Run the tests once with a network, or name a folder with the wheels "
        f"in PIP_FIND_LINKS. pip said: {' '.join(done.stderr.split())[-400:]}"
    )
    if os.environ.get("CI") or "DO NOT MATCH THE HASHES" in done.stderr:
        pytest.fail(reason)
    pytest.skip(reason)


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
    assert shown["content_type_errors"] == shown["object_type_errors"] == []


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


# Every field that the SDK's Alert declares with a simple type, and some of each kind of part.
ALERT = {
    "version": "1.0",
    "labels": "dns,edge",
    "environment": {"vendor_type": "MyCloud", "domain_id": "d", "region_id": "r", "project_id": "p"},
    "data_source": {"source_type": 3, "company_name": "OISF", "product_name": "Suricata", "product_feature": "IDS"},
    "first_observed_time": "2026-01-02T03:04:05.678Z+0800",
    "last_observed_time": "2026-01-02T03:05:05.678Z+0800",
    "arrive_time": "2026-01-02T03:06:05.678Z+0800",
    "title": "Flood of DNS answers",
    "description": "From many senders to one host",
    "source_url": "http://example.invalid/1",
    "count": 4,
    "confidence": 80,
    "severity": "High",
    "criticality": 50,
    "alert_type": {"category": "DDoS attack", "alert_type": "DNS protocol attacks"},
    "network_list": [
        {
            "direction": "IN",
            "protocol": "UDP",
            "src_ip": "192.0.2.1",
            "src_port": 53,
            "src_geo": {"latitude": 1.5, "longitude": 2.5, "country_code": "NL"},
            "dest_ip": "198.51.100.7",
            "dest_port": "4444",
        }
    ],
    "resource_list": [{"id": "host-1", "name": "web-01", "type": "cloudservers", "provider": "ecs"}],
    "remediation": {"recommendation": "Block", "url": "http://example.invalid/2"},
    "verification_state": "Unknown",
    "handle_status": "Open",
    "ipdrr_phase": "Preparation",
    "simulation": "false",
    "actor": "somebody",
    "creator": "somebody",
    "malware": {"malware_family": "f", "malware_class": "c"},
    "system_info": {"kernel": "6"},
    "process": [{"process_name": "named", "process_pid": 1, "process_launche_time": "2026-01-02T03:04:05.000+08:00"}],
    "user_info": [{"user_id": "u", "user_name": "root"}],
    "file_info": [{"file_path": "/tmp/x", "file_md5": "00"}],
}

# Newer releases read a time here; older ones declare a number and cannot read it.
SLA = {"v1": {"sla": "2026-01-03T03:04:05.678Z+0800"}, "v2": {}}
# Times come back with a colon in their offset, whichever way they were sent.
TIMES = ("first_observed_time", "last_observed_time", "arrive_time")


def test_each_operation_answers_with_what_the_sdks_objects_declare(
    sdk: Sdk, desk: TestDesk, client: Client, admin: dict[str, str]
) -> None:
    here = {"workspace_id": desk.made.workspace_id}
    search = {
        "limit": 10,
        "offset": 0,
        "sort_by": "create_time",
        "order": "DESC",
        "condition": {
            "conditions": [{"name": "c", "data": ["handle_status", "=", "Open"]}],
            "logics": ["c"],
        },
    }
    everything = {"limit": 10, "offset": 0}
    alert = {**ALERT, **SLA[sdk.module]}
    steps: dict[str, dict[str, Any]] = {
        "create_alert": {"body": {"data_object": alert}, "save": {"alert": "data.id"}},
        "list_alerts": {"body": search},
        "show_alert": {"fields": {"alert_id": "$alert"}},
        "change_alert": {
            "fields": {"alert_id": "$alert"},
            "body": {"data_object": {"severity": "Fatal", "owner": "me"}},
        },
        "create_batch_order_alerts": {"body": {"ids": ["$alert"], "incident_content": SAMPLE_CONTENT}},
        "list_incidents": {"body": everything, "save": {"incident": "data.0.id"}},
        "show_incident": {"fields": {"incident_id": "$incident"}},
        "list_dataobject_relations": {
            "fields": {
                "dataclass_type": "incidents",
                "data_object_id": "$incident",
                "related_dataclass_type": "alerts",
            },
            "body": everything,
        },
        "delete_alert": {"body": {"batch_ids": ["$alert", UNKNOWN_ID]}},
        "list_dataclass": {},
        "list_workspaces": {},
        "show_workspace": {},
        "create_workspace": {"body": {"region_id": "cn-north-4", "name": "second", "project_name": "cn-north-4"}},
    }
    listed = {"list_workspaces", "create_workspace"}
    results = sdk.calls(
        [
            {
                "client": admin,
                "operation": name,
                **step,
                "fields": {**({} if name in listed else here), **step.get("fields", {})},
            }
            for name, step in steps.items()
        ]
    )
    shown = dict(zip(steps, results, strict=True))
    for name, result in shown.items():
        assert result["type"] == "".join(word.capitalize() for word in name.split("_")) + "Response", result
        assert result["status_code"] == 200, name
        assert result["content_type_errors"] == [], name
        assert result["object_type_errors"] == [], name
        assert result["missing"] == [], name

    values = {name: result["held"] for name, result in shown.items()}
    created = values["create_alert"]["data"]
    alert_id = created["id"]
    assert created["version"] == 1
    assert created["dataclass_ref"]["name"] == "Alert"
    assert (created["workspace_id"], created["project_id"]) == (desk.made.workspace_id, desk.made.project_id)
    kept = {name: value for name, value in created["data_object"].items() if value is not None}
    assert_holds(kept, {**alert, **{name: str(ALERT[name]).replace("Z+0800", "+08:00") for name in TIMES}})
    page = values["list_alerts"]
    assert (page["total"], page["success"], [row["id"] for row in page["data"]]) == (1, True, [alert_id])
    paging = {"size": 10, "page": 1} if sdk.module == "v1" else {"limit": 10, "offset": 0}
    assert {name: page[name] for name in paging} == paging
    assert page["data"][0]["data_object"]["incident_list"] == []
    assert values["show_alert"]["data"] == created
    changed = values["change_alert"]["data"]
    assert (changed["version"], changed["data_object"]["severity"]) == (2, "Fatal")
    assert changed["data_object"]["owner"] == "me"
    incident = values["list_incidents"]["data"][0]
    assert incident["data_object"]["title"] == "XXX"
    assert incident["data_object"]["severity"] == "Fatal"
    assert incident["dataclass_ref"]["name"] == "Incident"
    assert values["show_incident"]["data"] == incident
    assert [row["id"] for row in values["list_dataobject_relations"]["data"]] == [alert_id]
    assert values["delete_alert"]["data"] == {"success_ids": [alert_id], "error_ids": [UNKNOWN_ID]}
    classes = values["list_dataclass"]
    assert classes["total"] == len(classes["dataclass_details"])
    assert {"Alert", "Incident"} <= {one["business_code"] for one in classes["dataclass_details"]}
    assert [one["id"] for one in values["list_workspaces"]["workspaces"]] == [desk.made.workspace_id]
    assert values["show_workspace"]["workspace"] == values["list_workspaces"]["workspaces"][0]
    assert values["create_workspace"]["name"] == "second"
    assert values["create_workspace"]["project_id"] == desk.made.project_id
    # Not all response classes have a field for the request id.
    assert all(one["x_request_id"] for one in values.values() if "x_request_id" in one)
    assert client.search("alerts")["total"] == 0


def assert_holds(held: Any, wanted: Any) -> None:
    """`held` has every member of `wanted`; models fill what was not given with null."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert_holds(held[name], value)
    elif isinstance(wanted, list):
        assert len(held) == len(wanted)
        for one, value in zip(held, wanted, strict=True):
            assert_holds(one, value)
    else:
        assert held == wanted


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
        assert result["content_type_errors"] == []
        assert result["object_type_errors"] == []
    assert sum(result["rows"] for result in results[:-2]) == suricata_alerts
    assert results[-1]["rows"] == 1
