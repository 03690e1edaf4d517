"""A valid request of every operation of the table, who may send it, and how it answers ids that nobody here knows.

An operation without a row fails the tests that walk the table.

Source: API reference notes; roles per project are ours ("Roles, per project").
"""

import functools
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import openpyxl

# How an id that is not known is answered: an error; 200 with the id among those not done; 200 with no rows; 200 with
# nothing to report; 200, because the text is kept as it is and looked up nowhere.
REFUSED, LISTED, EMPTY, NOTHING, KEPT = "refused", "listed", "empty", "nothing", "kept"

# Who may send a request: a role in the project, anybody with credentials, or anybody at all.
READER, OPERATOR, ADMINISTRATOR, CALLER, ANYBODY = "reader", "operator", "administrator", "caller", "anybody"


class Sample(msgspec.Struct, frozen=True):
    """A request; ids are named in braces."""

    role: str
    path: str
    body: Any = None
    # The ids in it that belong to a tenant, and how each is answered when it is unknown.
    ids: Mapping[str, str] = {}
    # The ids that a request uses up, so each needs new ones.
    fresh: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    # The class of objects in the spreadsheet of a form, or "file" for a file of any kind.
    form: str = ""


_WORKSPACE = "/v1/{project}/workspaces/{workspace}"
_SOC = f"{_WORKSPACE}/soc"
_TYPES = f"{_SOC}/dataclasses/{{dataclass}}/types"
_RELATED = f"{_SOC}/incidents/{{incident}}/alerts"
TITLE = {"title": "Made by a test"}
INDICATOR = {"name": "Made by a test", "value": "192.0.2.1", "indicator_type": {"indicator_type": "IPv4"}}


def _objects(many: str, one: str, *, show: str, change: str, made: Any) -> dict[str, Sample]:
    """The operations that every class of objects has. `one` is the name of an id, too."""
    base, ids = f"{_SOC}/{many}", {one: REFUSED}
    return {
        f"create_{one}": Sample(OPERATOR, base, {"data_object": made}),
        f"list_{many}": Sample(READER, f"{base}/search", {"limit": 1000}),
        show: Sample(READER, f"{base}/{{{one}}}", ids=ids),
        change: Sample(OPERATOR, f"{base}/{{{one}}}", {"data_object": made}, ids=ids),
        f"delete_{one}": Sample(
            ADMINISTRATOR, base, {"batch_ids": [f"{{{one}}}"]}, ids={one: LISTED}, fresh=(one,)
        ),
        f"export_{many}": Sample(READER, f"{base}/export", {}),
        f"import_{many}": Sample(OPERATOR, f"{base}/import", form=many),
        f"download_{one}_template": Sample(READER, f"{base}/template/download"),
    }  # fmt: skip


def _batches(many: str, one: str) -> dict[str, Sample]:
    ids = [f"{{{one}}}"]
    return {
        f"change_{many}": Sample(
            OPERATOR, f"{_SOC}/{many}/batch-update", {"batch_ids": ids, "data_object": TITLE}, ids={one: REFUSED}
        ),
        f"delete_{many}": Sample(
            ADMINISTRATOR, f"{_SOC}/{many}/batch-delete", {"batch_ids": ids}, ids={one: LISTED}, fresh=(one,)
        ),
    }


_INDICATOR_ROWS = _objects(
    "indicators", "indicator", show="show_indicator_detail", change="update_indicator", made=INDICATOR
)
SAMPLES: dict[str, Sample] = {
    **_objects("alerts", "alert", show="show_alert", change="change_alert", made=TITLE),
    **_batches("alerts", "alert"),
    **_objects("incidents", "incident", show="show_incident", change="change_incident", made=TITLE),
    **_batches("incidents", "incident"),
    **_INDICATOR_ROWS,
    # Generic paths of the known classes are those of the specific operations, which answer them.
    "create_dataobject": _INDICATOR_ROWS["create_indicator"],
    "list_dataobjects": _INDICATOR_ROWS["list_indicators"],
    "show_dataobject": _INDICATOR_ROWS["show_indicator_detail"],
    "update_dataobject": _INDICATOR_ROWS["update_indicator"],
    "delete_dataobjects": _INDICATOR_ROWS["delete_indicator"],
    "export_dataobjects": _INDICATOR_ROWS["export_indicators"],
    "import_dataobjects": _INDICATOR_ROWS["import_indicators"],
    "batch_create_datapanel_objects": Sample(
        OPERATOR,
        f"{_SOC}/datapanel/{{dataclass}}/data-objects/batch-create",
        {"data_object_list": [TITLE]},
        ids={"dataclass": REFUSED},
    ),
    "list_datapanel_objects": Sample(
        READER, f"{_SOC}/datapanel/{{dataclass}}/data-objects/search", {"limit": 1000}, ids={"dataclass": REFUSED}
    ),
    "show_datapanel_object": Sample(
        READER,
        f"{_SOC}/datapanel/{{dataclass}}/data-objects/{{alert}}",
        ids={"dataclass": REFUSED, "alert": REFUSED},
    ),
    "create_batch_order_alerts": Sample(
        OPERATOR,
        f"{_SOC}/alerts/batch-order",
        {"ids": ["{alert}"], "incident_content": TITLE},
        ids={"alert": LISTED},
        fresh=("alert",),
    ),
    "batch_create_dataobject_relations": Sample(
        OPERATOR,
        f"{_SOC}/incidents/alerts/batch-create",
        {"dataobject_ids": ["{incident}"], "related_dataobject_ids": ["{alert}"]},
        ids={"incident": LISTED, "alert": LISTED},
        fresh=("alert",),
    ),
    "create_dataobject_relation": Sample(
        OPERATOR, _RELATED, {"ids": ["{alert}"]}, ids={"incident": REFUSED, "alert": LISTED}, fresh=("alert",)
    ),
    "delete_dataobject_relation": Sample(
        ADMINISTRATOR,
        _RELATED,
        {"ids": ["{related_alert}"]},
        ids={"incident": REFUSED, "related_alert": LISTED},
        fresh=("related_alert",),
    ),
    "list_dataobject_relations": Sample(READER, f"{_RELATED}/search", {"limit": 1000}, ids={"incident": REFUSED}),
    "list_dataclass": Sample(READER, f"{_SOC}/dataclasses"),
    "show_data_class_info": Sample(READER, f"{_SOC}/dataclasses/{{dataclass}}", ids={"dataclass": REFUSED}),
    "list_dataclass_fields": Sample(READER, f"{_SOC}/dataclasses/{{dataclass}}/fields", ids={"dataclass": REFUSED}),
    "list_dataclass_types": Sample(READER, f"{_TYPES}?limit=1000", ids={"dataclass": REFUSED}),
    "create_dataclass_type": Sample(
        ADMINISTRATOR,
        _TYPES,
        {"category": "Made {new}", "sub_category": "By {new}", "enabled": True, "sla": 0},
        ids={"dataclass": REFUSED},
    ),
    "delete_dataclass_type": Sample(
        ADMINISTRATOR,
        _TYPES,
        {"is_delete": True, "ids": ["{type}"]},
        ids={"dataclass": REFUSED, "type": NOTHING},
        fresh=("type",),
    ),
    "enable_dataclass_type": Sample(
        ADMINISTRATOR,
        f"{_TYPES}/enable",
        {"enable": True, "ids": ["{type}"]},
        ids={"dataclass": REFUSED, "type": REFUSED},
    ),
    "create_note": Sample(
        OPERATOR,
        f"{_SOC}/notes",
        {"war_room_id": "{alert}", "type": "textMessage", "note_type": "note", "content": "Made by a test"},
        ids={"alert": KEPT},
    ),
    "list_notes": Sample(READER, f"{_SOC}/notes/search", {"war_room_id": "{incident}"}, ids={"incident": EMPTY}),
    "delete_notes": Sample(
        ADMINISTRATOR, f"{_SOC}/notes", {"batch_ids": ["{note}"]}, ids={"note": LISTED}, fresh=("note",)
    ),
    "upload_attachment": Sample(OPERATOR, f"{_SOC}/attachment/upload", form="file"),
    "show_attachment": Sample(READER, f"{_SOC}/attachment/{{attachment}}", ids={"attachment": REFUSED}),
    "download_attachment": Sample(READER, f"{_SOC}/attachment/{{attachment}}/download", ids={"attachment": REFUSED}),
    # The link is the credential: test_attachment_links.py.
    "show_attachment_content": Sample(ANYBODY, f"{_SOC}/attachment/{{attachment}}/content?link={{link}}"),
    "create_workspace": Sample(
        ADMINISTRATOR, "/v1/{project}/workspaces", {"region_id": "r", "name": "made-by-a-test", "project_name": "p"}
    ),
    "list_workspaces": Sample(READER, "/v1/{project}/workspaces?limit=100"),
    "show_workspace": Sample(READER, _WORKSPACE),
    "update_workspace": Sample(ADMINISTRATOR, _WORKSPACE, {"name": "renamed-by-a-test"}),
    "delete_workspace": Sample(ADMINISTRATOR, _WORKSPACE, fresh=("workspace",)),
    "show_guides": Sample(READER, f"{_WORKSPACE}/sa/guides?version=1"),
    "create_token": Sample(
        ANYBODY, "/v3/auth/tokens", {"auth": {"identity": {"methods": ["token"], "token": {"id": "{token}"}}}}
    ),
    "show_token": Sample(CALLER, "/v3/auth/tokens", headers={"X-Subject-Token": "{token}"}),
    "list_projects": Sample(CALLER, "/v3/projects"),
    "show_project": Sample(CALLER, "/v3/projects/{project}"),
    "list_auth_projects": Sample(CALLER, "/v3/auth/projects"),
    "list_auth_domains": Sample(CALLER, "/v3/auth/domains"),
    "list_users": Sample(CALLER, "/v3/users"),
    "show_health": Sample(ANYBODY, "/healthz"),
    "show_readiness": Sample(ANYBODY, "/readyz"),
    "show_openapi": Sample(ANYBODY, "/openapi.json"),
    "list_versions": Sample(ANYBODY, "/"),
}

# Further requests that name ids: of which operation, and what differs from its sample.
FURTHER: list[tuple[str, dict[str, Any]]] = [
    ("list_alerts", {"body": {"condition": {"conditions": [{"name": "i", "data": ["id", "=", "{alert}"]}]}},
                     "ids": {"alert": EMPTY}}),
    ("list_incidents", {"body": {"condition": {"conditions": [{"name": "i", "data": ["id", "=", "{incident}"]}]}},
                        "ids": {"incident": EMPTY}}),
    ("list_indicators", {"body": {"ids": ["{indicator}"]}, "ids": {"indicator": EMPTY}}),
    ("list_indicators", {"body": {"dataclass_id": "{indicator_dataclass}"}, "ids": {"indicator_dataclass": REFUSED}}),
    ("create_batch_order_alerts", {"body": {"ids": ["{alert}"], "incident_id": "{incident}"},
                                   "ids": {"alert": LISTED, "incident": REFUSED}}),
    ("create_batch_order_alerts", {"body": {"ids": ["{alert}"], "incident_content": {"incident_type": {"id": "{incident_type}"}}},
                                   "ids": {"incident_type": REFUSED}}),
    ("delete_dataclass_type", {"body": {"is_delete": False, "ids": ["{type}"]}, "ids": {"type": NOTHING}}),
    ("list_dataobject_relations", {"path": f"{_SOC}/alerts/{{alert}}/indicators/search", "ids": {"alert": REFUSED}}),
    ("create_dataobject_relation", {"path": f"{_SOC}/alerts/{{alert}}/indicators", "body": {"ids": ["{indicator}"]},
                                    "ids": {"alert": REFUSED, "indicator": LISTED}}),
]  # fmt: skip


def further() -> list[tuple[str, Sample]]:
    return [(name, msgspec.structs.replace(SAMPLES[name], **changes)) for name, changes in FURTHER]


def filled(value: Any, ids: Mapping[str, Any]) -> Any:
    """With ids in place of their names. A name that stands for several ids becomes several members of its list."""
    if isinstance(value, str):
        whole = re.fullmatch(r"\{(\w+)\}", value)
        if whole and isinstance(ids[whole[1]], list):
            return ids[whole[1]]
        return re.sub(r"\{(\w+)\}", lambda match: str(ids[match[1]]), value)
    if isinstance(value, Mapping):
        return {key: filled(member, ids) for key, member in value.items()}
    if isinstance(value, list):
        members = [filled(member, ids) for member in value]
        return [one for member in members for one in (member if isinstance(member, list) else [member])]
    return value


# Forms.

BOUNDARY = "tocsin-tests"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
COLUMNS = {"alerts": TITLE, "incidents": TITLE, "indicators": INDICATOR}


def workbook(*rows: Sequence[Any]) -> bytes:
    """A spreadsheet as a client makes one; the first row names the fields."""
    book, target = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(target)
    return target.getvalue()


@functools.cache
def spreadsheet(many: str) -> bytes:
    """A workbook with one object, to import."""
    row = COLUMNS[many]
    values = [value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in row.values()]
    return workbook(list(row), values)


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    file = f'; filename="{file_name}"\r\nContent-Type: application/octet-stream' if file_name is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


@functools.cache
def form(of: str) -> bytes:
    """The body of a form that is right, for an import of a class of objects or for an attachment."""
    if of == "file":
        return part("fileType", b"user_task") + part("uploadFile", b"what was found", "found.txt") + END
    return part("uploadFile", spreadsheet(of), f"{of}.xlsx") + END
