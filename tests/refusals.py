"""How each operation refuses: the code of a mistake in a request, the keys of the body, and checks of both.

Source: API reference notes, "Errors".
"""

import functools
import re

import httpx

from support import Client
from tocsin.api.operations import XLSX, ErrorStyle, Operation
from tocsin.api.table import OPERATIONS

SOC = {"code", "message"}
BOTH = {"code", "message", "error_code", "error_msg"}
FLAGGED = {"code", "message", "success", "data"}
GATEWAY = {"error_code", "error_msg", "request_id"}

# The code of every mistake in a request that has none of its own.
OWN_CODES = {
    "create_alert": "SecMaster.20041805",
    "change_alert": "SecMaster.20041808",
    "change_alerts": "SecMaster.20041808",
    "delete_alert": "SecMaster.20041002",
    "delete_alerts": "SecMaster.20041002",
    "list_alerts": "SecMaster.20041002",
    "create_batch_order_alerts": "SecMaster.20041804",
    "create_incident": "SecMaster.20041504",
    "change_incident": "SecMaster.20041507",
    "change_incidents": "SecMaster.20041507",
    "delete_incident": "SecMaster.20041508",
    "delete_incidents": "SecMaster.20041508",
    "list_incidents": "SecMaster.20041002",
    "list_dataclass_types": "SecMaster.20011001",
    "create_dataclass_type": "SecMaster.20011001",
    "delete_dataclass_type": "SecMaster.20011001",
    "enable_dataclass_type": "SecMaster.20011001",
    "create_workspace": "SecMaster.20011001",
    "list_workspaces": "SecMaster.20011001",
    "show_workspace": "SecMaster.20011001",
    "update_workspace": "SecMaster.20011001",
    "delete_workspace": "SecMaster.20011001",
    "show_guides": "SecMaster.20011001",
    **dict.fromkeys(
        [
            "show_alert", "export_alerts", "import_alerts", "download_alert_template",
            "show_incident", "export_incidents", "import_incidents", "download_incident_template",
            "create_indicator", "list_indicators", "show_indicator_detail", "update_indicator", "delete_indicator",
            "export_indicators", "import_indicators", "download_indicator_template",
            "create_dataobject", "list_dataobjects", "show_dataobject", "update_dataobject", "delete_dataobjects",
            "export_dataobjects", "import_dataobjects",
            "batch_create_datapanel_objects", "list_datapanel_objects", "show_datapanel_object",
            "create_dataobject_relation", "delete_dataobject_relation", "list_dataobject_relations",
            "batch_create_dataobject_relations",
            "list_dataclass", "show_data_class_info", "list_dataclass_fields",
            "create_note", "list_notes", "delete_notes",
            "upload_attachment", "show_attachment", "download_attachment",
        ],
        "SecMaster.20030001",
    ),
}  # fmt: skip
# The keys of an error's body, where they are not just `code` and `message`.
STYLES = {
    **dict.fromkeys(
        [
            "create_workspace", "list_workspaces", "show_workspace", "update_workspace", "delete_workspace",
            "show_guides", "list_dataclass_types", "create_dataclass_type", "delete_dataclass_type",
        ],
        BOTH,
    ),
    **dict.fromkeys(
        [
            "enable_dataclass_type", "create_note", "list_notes", "delete_notes",
            "upload_attachment", "show_attachment", "download_attachment", "list_datapanel_objects",
            "show_datapanel_object",
        ],
        FLAGGED,
    ),
}  # fmt: skip
# Answer by themselves only for a class that nobody knows; a known class has operations of its own.
GENERIC = ("create_dataobject", "list_dataobjects", "show_dataobject", "update_dataobject")


def named(operation: Operation) -> str:
    return operation.name


def operation_named(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)


INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|sqlite|SELECT |INSERT |UPDATE |DELETE FROM|WHERE |msgspec|starlette|uvicorn|site-packages|/tocsin/|/tmp/|/usr/|desk\.db"
)


def checked(answer: httpx.Response) -> httpx.Response:
    """Every answer has a request id and tells nothing about the inside."""
    assert answer.headers["x-request-id"]
    assert not INSIDE.search(answer.text), answer.text
    if answer.content and answer.headers["content-type"] != XLSX:
        assert answer.headers["content-type"] == "application/json"
        answer.json()
    assert answer.status_code < 400 or answer.content
    return answer


def gateway(answer: httpx.Response, status: int, code: str) -> None:
    checked(answer)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert set(answer.json()) == GATEWAY
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def refused(answer: httpx.Response, operation: Operation, code: str | None = None, status: int = 400) -> None:
    """In the style of the operation, with its own code unless another is named."""
    checked(answer)
    assert answer.status_code == status, answer.text
    body = answer.json()
    if operation.error_style is ErrorStyle.IAM:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"code", "message", "title"}
        assert body["error"]["code"] == status
        assert body["error"]["message"]
        return
    unknown_class = operation.name in GENERIC and code == "SecMaster.20030022"
    keys = FLAGGED if unknown_class else STYLES.get(operation.name, SOC)
    assert set(body) == keys
    assert body["code"] == (code or OWN_CODES[operation.name])
    assert body["message"]
    if keys is BOTH:
        assert (body["error_code"], body["error_msg"]) == (body["code"], body["message"])
    if keys is FLAGGED:
        assert (body["success"], body["data"]) == (False, None)


@functools.cache
def dataclass_id(client: Client) -> str:
    return str(client.get("dataclasses?name=Alert").json()["dataclass_details"][0]["id"])


def url_of(operation: Operation, client: Client) -> str:
    """A path of which everything but the object's id is known. The generic paths of a known class are answered by
    operations of its own, and those of indicators have the codes of the generic ones."""
    known = {
        "project_id": client.project_id, "workspace_id": client.workspace_id, "dataclass_type": "alerts",
        "related_dataclass_type": "incidents", "dataclass_name": "indicators", "dataclass": dataclass_id(client),
        "dataclass_id": dataclass_id(client),
    }  # fmt: skip
    if operation.name == "delete_workspace":
        body = {"region_id": "r", "name": "doomed", "project_name": "p"}
        known["workspace_id"] = client.post(f"/v1/{client.project_id}/workspaces", body).json()["id"]
    return re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], "nobody"), operation.path)
