"""Calls every operation that the vendor's Python SDK has, in the order of a day at the desk, and tells what came back.

Arguments: the module of the SDK (v1 or v2), the endpoint, the project id, the workspace id, a folder for files. Keys come
from CLOUD_SDK_AK and CLOUD_SDK_SK. Standard input: a JSON list with the names of the operations to look for in the client.
Prints a JSON object: the operations that the client `has`, and its `calls`, in their order.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkcore.http.http_handler import HttpHandler
from models import judged, made

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
PAGE = {"limit": 100, "offset": 0, "sort_by": "create_time", "order": "ASC"}

# What alerts and incidents declare in common.
OBSERVED = {
    "version": "1.0",
    "domain_id": "fedcba9876543210fedcba9876543210",
    "region_id": "cn-north-4",
    "labels": "dns,edge",
    "data_source": {
        "source_type": 3, "domain_id": "fedcba9876543210fedcba9876543210", "project_id": "0123456789abcdef0123456789abcdef",
        "region_id": "cn-north-4", "company_name": "OISF", "product_name": "Suricata", "product_feature": "IDS",
        "product_module": "eve",
    },
    "first_observed_time": "2026-01-02T03:04:05.678Z+0800",
    "last_observed_time": "2026-01-02T03:05:05.678Z+0800",
    "arrive_time": "2026-01-02T03:06:05.678Z+0800",
    "title": "Flood of DNS answers <é>",
    "description": "From many senders to one host",
    "source_url": "http://sensor.example/alerts/1",
    "count": 4,
    "confidence": 80,
    "severity": "High",
    "criticality": 50,
    "network_list": [{
        "direction": "IN", "protocol": "UDP",
        "src_ip": "192.0.2.1", "src_port": 53, "src_domain": "a.example",
        "src_geo": {"latitude": 52.25, "longitude": 4.5, "city_code": "AMS", "country_code": "NL"},
        "dest_ip": "198.51.100.7", "dest_port": "4444", "dest_domain": "b.example",
        "dest_geo": {"latitude": -1.5, "longitude": -2, "city_code": "BCN", "country_code": "ES"},
    }],
    "remediation": {"recommendation": "Block the senders", "url": "http://runbook.example/dns"},
    "verification_state": "Unknown",
    "handle_status": "Open",
    "ipdrr_phase": "Contain，Eradication& Recovery",
    "simulation": "true",
    "actor": "anna",
    "owner": "boris",
    "creator": "chen",
    "malware": {"malware_family": "Mirai", "malware_class": "Bot"},
    "system_info": {"kernel": "6.1", "cores": 4},
    "process": [{
        "process_name": "named", "process_path": "/usr/sbin/named", "process_pid": 101, "process_uid": 53,
        "process_cmdline": "named -f", "process_parent_name": "init", "process_parent_path": "/sbin/init",
        "process_parent_pid": 1, "process_parent_uid": 0, "process_parent_cmdline": "init",
        "process_child_name": "sh", "process_child_path": "/bin/sh", "process_child_pid": 102,
        "process_child_uid": 53, "process_child_cmdline": "sh -c id",
        "process_launche_time": "2026-01-02T03:04:05.000+08:00",
        "process_terminate_time": "2026-01-02T03:04:06.000+08:00",
    }],
    "user_info": [{"user_id": "u-1", "user_name": "root"}],
    "file_info": [{
        "file_path": "/tmp/x", "file_content": "#!/bin/sh", "file_new_path": "/tmp/y", "file_hash": "0", "file_md5": "1",
        "file_sha256": "2", "file_attr": "hidden",
    }],
    "system_alert_table": {"column": 1},
}  # fmt: skip
ENVIRONMENT = {"vendor_type": "HWC", "domain_id": "d", "region_id": "cn-north-4", "project_id": "p"}
DELIVERED = {**ENVIRONMENT, "cross_workspace_id": "w"}
RESOURCE = {
    "id": "host-1", "name": "web-01", "type": "cloudservers", "provider": "ecs", "region_id": "cn-north-4",
    "domain_id": "d", "project_id": "p", "ep_id": "0", "ep_name": "default",
}  # fmt: skip
CLOSED = {
    "handle_status": "Closed",
    "close_time": "2026-01-02T12:00:00.000Z+0800",
    "close_reason": "Resolved",
    "close_comment": "blocked at the edge",
}
ALERT_TYPE = {"category": "Insider threat", "alert_type": "Data leak"}
INDICATOR = {
    "name": "bad host",
    "value": "198.51.100.7",
    "verdict": "Black",
    "confidence": 90,
    "status": "Open",
    "labels": "edge",
    "granular_marking": "1",
    "defanged": False,
    "first_report_time": "2026-03-01T08:00:00.000Z+0800",
    "last_report_time": "2026-03-02T08:00:00.000Z+0800",
    "indicator_type": {"indicator_type": "ipv4", "id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
    "data_source": {
        "source_type": 1, "domain_id": "d", "project_id": "p", "region_id": "cn-north-4", "product_name": "SecMaster",
        "product_feature": "SecMaster",
    },
    "environment": ENVIRONMENT,
}  # fmt: skip


class Lacking(Exception):
    """The client does not have the operation."""


class Sweep:
    """One client, what it was answered, and the ids that later calls are about."""

    def __init__(self, module: Any, where: list[str], folder: Path) -> None:
        endpoint, self.project_id, self.workspace_id = where
        self.module, self.folder = module, folder
        # Alerts and incidents by the generation of their models: up to 3.1.180 `sla` is a number, which no server sends
        # any more, and tags are text everywhere; from 3.1.185 on tags of an alert are an object.
        newer = module.__name__.endswith("v1")
        sla = {"sla": "2026-01-03T03:04:05.678Z+0800"} if newer else {}
        self.alert = {
            **OBSERVED, **sla, "alert_type": ALERT_TYPE, "environment": ENVIRONMENT if newer else DELIVERED,
            "resource_list": [{**RESOURCE, "tags": {"team": "red"} if newer else "team:red"}],
        }  # fmt: skip
        self.incident = {
            **OBSERVED, **sla, "incident_type": {"category": "Web Attack", "incident_type": "Black IP"},
            "environment": DELIVERED, "resource_list": [{**RESOURCE, "tags": "team:red"}],
        }  # fmt: skip
        self.calls: list[dict[str, Any]] = []
        self.last: Any = None
        keys = BasicCredentials(os.environ["CLOUD_SDK_AK"], os.environ["CLOUD_SDK_SK"], self.project_id)
        handler = HttpHandler().add_response_handler(self.note)
        builder = module.SecMasterClient.new_builder().with_credentials(keys).with_endpoint(endpoint)
        self.client = builder.with_http_handler(handler).build()

    def note(self, response: Any, **_: Any) -> None:
        """The SDK's own hook: what went over the wire last."""
        self.last = response

    def call(self, operation: str, body: Any = None, *, part: bool = False, **fields: Any) -> Any:
        """The JSON of an answer, or the bytes of a file. `part` says that the answer holds only a part of its object."""
        if not hasattr(self.client, operation):
            raise Lacking(operation)
        name = "".join(word.capitalize() for word in operation.split("_"))
        request = getattr(self.module, f"{name}Request")()
        if "workspace_id" in request.openapi_types:
            fields = {"workspace_id": self.workspace_id, **fields}
        for key, value in fields.items():
            if key not in request.openapi_types:
                raise AttributeError(f"{name}Request has no {key}")
            setattr(request, key, value)
        if body is not None:
            request.body = made(self.module, request.openapi_types["body"], body)
        try:
            response = getattr(self.client, operation)(request)
        except ServiceResponseException as error:
            raise SystemExit(f"{operation}: {error}, for {fields} {shown(body)}") from error
        answer = answer_of(response)
        told = {
            "operation": operation,
            "type": type(response).__name__,
            "status": response.status_code,
            "headers": {name.lower(): value for name, value in self.last.headers.items()},
            "request_id": getattr(response, "x_request_id", None),
            "declares_request_id": "x_request_id" in response.openapi_types,
            "part": part,
            "sent": shown(body),
            **judged(self.module, response, answer),
        }
        if isinstance(answer, bytes):
            file = self.folder / f"{len(self.calls)}-{operation}"
            file.write_bytes(answer)
            told["file"] = str(file)
        else:
            told["answer"] = answer
        self.calls.append(told)
        return answer

    def upload(self, name: str, content: bytes) -> FormFile:
        file = self.folder / name
        file.write_bytes(content)
        return FormFile(str(file))

    # The groups. Each ends where the client lacks an operation, so what older clients have stands first.

    def types(self) -> None:
        found = self.call("list_dataclass", offset=0, limit=10, business_code="Alert", is_built_in=True)
        self.alerts_class = found["dataclass_details"][0]["id"]
        at = {"dataclass_id": self.alerts_class}
        self.call("list_dataclass_fields", offset=0, limit=100, name="title", is_built_in=True, **at)
        self.call("list_dataclass_fields", offset=0, limit=100, **at)
        self.call("show_data_class_info", **at)
        made = self.call("create_dataclass_type", {
            "category": "Insider threat", "category_code": "Insider", "sub_category": "Data leak",
            "sub_category_code": "DataLeak", "dataclass_business_code": "Alert", "description": "From the inside",
            "level": 2, "enabled": True, "sla": 86_400_000,
        }, **at)  # fmt: skip
        self.type_id = made["id"]
        for enable in (False, True):
            self.call("enable_dataclass_type", {"enable": enable, "ids": [self.type_id]}, **at)

    def alerts(self) -> None:
        """One alert is open and goes on to an incident, one comes from an archive, closed."""
        self.fresh = self.call("create_alert", {"data_object": self.alert})["data"]["id"]
        archived = {**self.alert, **CLOSED, "title": "Flood of last year"}
        self.archived = self.call("create_alert", {"data_object": archived})["data"]["id"]
        self.call("show_alert", alert_id=self.archived)
        self.call("list_alerts", search("severity", "in", "High,Fatal"))
        change = {"severity": "Fatal", "owner": "dora", "verification_state": "True_Positive", "description": ""}
        self.call("change_alert", {"data_object": change}, alert_id=self.fresh)
        self.call("change_alert", {"data_object": {**self.alert, **CLOSED}}, alert_id=self.archived)
        self.call("change_alerts", {"batch_ids": [self.archived], "data_object": {"labels": "archive"}})
        both = [self.archived, self.fresh, UNKNOWN_ID]
        self.call("change_alerts", {"batch_ids": both, "data_object": {"labels": "dns", "count": 5}}, part=True)

    def incidents(self) -> None:
        order = {
            "ids": [self.fresh, UNKNOWN_ID],
            "incident_content": {
                "title": "Flood against the name servers",
                "incident_type": {"id": UNKNOWN_ID, "category": "DDoS attack", "incident_type": "DNS protocol attacks"},
            },
        }
        self.call("create_batch_order_alerts", order)
        self.call("list_alerts", PAGE)
        closed = {**self.incident, **CLOSED}
        self.case = self.call("create_incident", {"data_object": closed})["data"]["id"]
        self.call("show_incident", incident_id=self.case)
        self.call("list_incidents", PAGE)
        found = self.call("list_incidents", search("title", "contains", "name servers"))
        self.converted = found["data"][0]["id"]
        self.call("show_incident", incident_id=self.converted)
        self.call("change_incident", {"data_object": {"severity": "Fatal"}}, incident_id=self.case)
        self.call("change_incident", {"data_object": {"owner": "dora"}}, incident_id=self.converted)
        self.call("change_incidents", {"batch_ids": [self.case], "data_object": {"labels": "archive"}})
        both = [self.case, self.converted, UNKNOWN_ID]
        self.call("change_incidents", {"batch_ids": both, "data_object": {"labels": "dns"}}, part=True)

    def indicators(self) -> None:
        sent = {**INDICATOR, "workspace_id": self.workspace_id, "project_id": self.project_id}
        self.indicator = self.call("create_indicator", {"data_object": sent})["data"]["id"]
        at = {"indicator_id": self.indicator}
        self.call("show_indicator_detail", **at)
        wanted = {
            "ids": [self.indicator],
            **search("verdict", "=", "Black"),
            "from_date": "2026-01-01T00:00:00.000Z+0800",
        }
        self.call("list_indicators", {key: value for key, value in wanted.items() if key != "order"})
        change = {"verdict": "White", "confidence": 95, "granular_marking": 2, "status": "Revoked", "revoked": True}
        self.call("update_indicator", {"data_object": change}, **at)

    def relations(self) -> None:
        def path(main: str, object_id: str, related: str) -> dict[str, str]:
            return {"dataclass_type": main, "data_object_id": object_id, "related_dataclass_type": related}

        self.call("list_dataobject_relations", PAGE, **path("incidents", self.converted, "alerts"))
        # What the archived alert is related to shows in its row.
        for related, one in (("alerts", self.fresh), ("incidents", self.case), ("indicators", self.indicator)):
            to = path("alerts", self.archived, related)
            self.call("create_dataobject_relation", {"ids": [one, UNKNOWN_ID]}, **to)
        many = {"dataobject_ids": [self.case], "related_dataobject_ids": [self.archived, self.fresh, UNKNOWN_ID]}
        self.call(
            "batch_create_dataobject_relations", many, dataclass_type="incidents", related_dataclass_type="alerts"
        )
        to = path("incidents", self.case, "alerts")
        self.call("delete_dataobject_relation", {"ids": [self.fresh, UNKNOWN_ID]}, **to)
        self.call("list_dataobject_relations", PAGE, **to)

    def notes(self) -> None:
        said = {"type": "textMessage", "note_type": "note", "content": "isolated the host <web-01>"}
        note = self.call("create_note", {**said, "war_room_id": self.converted})["data"]["id"]
        self.call("list_notes", {**PAGE, "war_room_id": self.converted})
        self.call("delete_notes", {"batch_ids": [note, UNKNOWN_ID]})

    def attachments(self) -> None:
        form = {"fileType": "user_task", "uploadFile": self.upload("Bildschirm é.png", PNG)}
        at = {"attach_id": self.call("upload_attachment", form)["data"]["id"]}
        self.call("show_attachment", **at)
        self.call("download_attachment", **at)

    def data_objects(self) -> None:
        """The generic operations, which send what the models of alerts do not declare."""
        extra = {"title": "Told by the sensor", "origin_id": "o-1", "ttd": 5, "ttr": 60, "environment": DELIVERED}
        told = {**self.alert, **CLOSED, **extra}
        form = {"format_version": 1, "name": "probe", "type": "test object", "trigger_flag": False}
        created = self.call("create_dataobject", {**form, "data_object": told}, dataclass_name="alerts")
        at = {"dataclass_name": "alerts", "data_object_id": created["data"]["id"]}
        self.call("show_dataobject", **at)
        change = {"batch_ids": [at["data_object_id"]], "trigger_flag": False, "data_object": {"severity": "Low"}}
        self.call("update_dataobject", change, **at)
        self.call("list_dataobjects", search("origin_id", "=", "o-1"), dataclass_name="alerts")
        # A row of an alert with everything that rows declare.
        relate = {"dataclass_type": "alerts", "related_dataclass_type": "indicators"}
        self.call(
            "create_dataobject_relation", {"ids": [self.indicator]}, data_object_id=at["data_object_id"], **relate
        )
        self.call("list_alerts", PAGE)
        panel = {"dataclass": self.alerts_class}
        rows = self.call("batch_create_datapanel_objects", {**form, "data_object_list": [told, told]}, **panel)
        self.call("list_datapanel_objects", PAGE, **panel)
        self.call("show_datapanel_object", dataobject_id=rows[0]["id"], **panel)
        ids = [at["data_object_id"], *(row["id"] for row in rows), UNKNOWN_ID]
        self.call("delete_dataobjects", {"batch_ids": ids}, dataclass_name="alerts")

    def files(self) -> None:
        """What one workspace exports another imports."""
        titles = {
            "alerts": ["title", "severity", "network_list", "create_time"],
            "incidents": ["title", "incident_type"],
            "indicators": ["name", "value", "indicator_type"],
        }
        for many, title in titles.items():
            one = many[:-1]
            self.call(f"download_{one}_template")
            everything = {"data_object_filters_form": PAGE, "title": title}
            book = self.call(f"export_{many}", everything)
            form = {"uploadFile": self.upload(f"{many}.xlsx", book)}
            self.call(f"import_{many}", form, workspace_id=self.second)
        filters = {
            "data_object_filters_form": search("handle_status", "=", "Closed"),
            "title": ["title", "close_reason"],
        }
        book = self.call("export_dataobjects", {**filters, "action": "exportDataObject"}, dataclass_name="alerts")
        self.call("export_dataobjects", {"action": "exportTemplate"}, dataclass_name="alerts")
        form = {"uploadFile": self.upload("more alerts.xlsx", book)}
        self.call("import_dataobjects", form, dataclass_name="alerts", workspace_id=self.second)

    def deletions(self) -> None:
        self.call("delete_indicator", {"batch_ids": [self.indicator, UNKNOWN_ID]})
        self.call("delete_incident", {"batch_ids": [self.case, UNKNOWN_ID]})
        self.call("delete_alert", {"batch_ids": [self.archived, UNKNOWN_ID]})
        self.call("delete_workspace", workspace_id=self.second, permanent_delete=True)
        self.call("delete_incidents", {"batch_ids": [self.converted, UNKNOWN_ID]})
        at = {"dataclass_id": self.alerts_class}
        # First to see what uses it, which keeps it from going.
        self.call("delete_dataclass_type", {"is_delete": False, "ids": [self.type_id]}, **at)
        self.call("delete_alerts", {"batch_ids": [self.fresh, UNKNOWN_ID]})
        self.call("delete_dataclass_type", {"is_delete": True, "ids": [self.type_id]}, **at)

    def workspaces(self) -> None:
        made = self.call("create_workspace", {
            "region_id": "cn-north-4", "name": "second-desk", "project_name": "cn-north-4",
            "description": "for what comes by file", "enterprise_project_id": "0", "enterprise_project_name": "default",
            "view_bind_id": self.workspace_id, "is_view": False, "tags": [{"key": "team", "value": "red"}],
        })  # fmt: skip
        self.second = made["id"]
        self.call("show_workspace", workspace_id=self.second)
        self.call("update_workspace", {"name": "second", "description": "renamed", "view_bind_id": ""},
                  workspace_id=self.second)  # fmt: skip
        self.call("list_workspaces", offset=0, limit=100, region_id="cn-north-4", name="second", is_view=False,
                  create_time_start="2026-01-01T00:00:00Z+0800", create_time_end="2099-01-01T00:00:00Z+0800",
                  ids=self.second, normal_project_id=self.project_id, enterprise_project_id="0")  # fmt: skip


def answer_of(response: Any) -> Any:
    """The JSON of a response as it came over the wire; bytes if it is none; None if there is nothing."""
    if not response.raw_content:
        return None
    try:
        return response.to_json_object()
    except ValueError:
        return response.raw_content


def search(field: str, operator: str, value: str) -> dict[str, Any]:
    return {**PAGE, "condition": {"conditions": [{"name": "c", "data": [field, operator, value]}], "logics": ["c"]}}


def shown(body: Any) -> Any:
    """What was sent, as far as it is JSON."""
    return None if body is None else json.loads(json.dumps(body, default=lambda _: "a file"))


def main() -> None:
    module = import_module(f"huaweicloudsdksecmaster.{sys.argv[1]}")
    names = json.load(sys.stdin)
    sweep = Sweep(module, sys.argv[2:5], Path(sys.argv[5]))
    for group in (
        sweep.workspaces, sweep.types, sweep.alerts, sweep.incidents, sweep.indicators, sweep.relations, sweep.notes,
        sweep.attachments, sweep.data_objects, sweep.files, sweep.deletions,
    ):  # fmt: skip
        try:
            group()
        except Lacking:
            continue
    json.dump({"has": [name for name in names if hasattr(sweep.client, name)], "calls": sweep.calls}, sys.stdout)


if __name__ == "__main__":
    main()
