"""A stored object as it is answered: the wrapper, and the columns laid over the document. Nowhere else.

The document travels as text; it is not decoded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin.objects.records import DATA_CLASSES, ObjectRow, data_class_named
from tocsin.times import iso_form, z_form, z_form_seconds
from tocsin.workspaces.records import Scope

FORMAT_VERSION = 1
_ENCODER = msgspec.json.Encoder()


class DataClassRef(msgspec.Struct, frozen=True):
    id: str
    name: str


class RelationRef(msgspec.Struct, frozen=True):
    """What links a row of a relation search to the main object (an addition of ours)."""

    evidence: bool
    conversion_id: str | None
    create_time: str


class ObjectDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The wrapper of every data object (AlertDetail, IncidentDetail, DataObjectDetail)."""

    id: str
    type: str
    format_version: int
    version: int
    project_id: str
    workspace_id: str
    create_time: str
    update_time: str
    dataclass_ref: DataClassRef
    data_object: msgspec.Raw
    # Of indicators, whose wrapper has it too.
    name: str | None = None
    # In the answer to a create: the id once more, as generic clients read it.
    event_id: str | None = None
    # Only in rows of a relation search.
    relation: RelationRef | None = None


# For each object id: the ids of related objects, by list field.
RelatedLists = Mapping[str, Mapping[str, Sequence[str]]]


def render(row: ObjectRow, scope: Scope, related: RelatedLists) -> ObjectDetail:
    """The wrapper of one object. Server times are written in the server's offset."""
    dataclass = data_class_named(row.dataclass)
    dataclass_id = dataclass.id_in(scope.project_id, scope.workspace_id)
    outer, inner = (z_form, z_form) if dataclass.handled else (z_form_seconds, iso_form)
    return ObjectDetail(
        id=row.id,
        type=row.origin,
        format_version=FORMAT_VERSION,
        version=row.version,
        project_id=scope.project_id,
        workspace_id=scope.workspace_id,
        create_time=outer(row.create_time, scope.offset_min),
        update_time=outer(row.update_time, scope.offset_min),
        dataclass_ref=DataClassRef(dataclass_id, dataclass.title),
        data_object=_joined(
            _ENCODER.encode(
                {
                    "id": row.id,
                    "workspace_id": scope.workspace_id,
                    "project_id": scope.project_id,
                    "dataclass_id": dataclass_id,
                    "create_time": inner(row.create_time, scope.offset_min),
                    "update_time": inner(row.update_time, scope.offset_min),
                    **(_handling(row) if dataclass.handled else {"is_deleted": False}),
                    **_lists(related.get(row.id, {})),
                }
            ),
            row.document,
        ),
        name=None if dataclass.handled else row.title,
    )


def _handling(row: ObjectRow) -> dict[str, Any]:
    members: dict[str, Any] = {"handle_status": row.handle_status}
    for key in ("owner", "close_reason", "close_comment"):
        if (value := getattr(row, key)) is not None:
            members[key] = value
    if row.close_time is not None:
        members["close_time"] = iso_form(row.close_time, row.close_offset or 0)
    if row.handle_status == "Closed":
        members["is_auto_closed"] = "Manual"
    return members


def _lists(related: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {other.list_field: related.get(other.list_field, ()) for other in DATA_CLASSES}


def _joined(overlay: bytes, document: str) -> msgspec.Raw:
    """Two JSON objects without a common key, as one."""
    members = document[1:]
    return msgspec.Raw(overlay[:-1] + (b"," if members != "}" else b"") + members.encode())
