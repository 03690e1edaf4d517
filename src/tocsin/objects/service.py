"""Data objects of a workspace: create, show, search, change, delete. Alerts and incidents share every function."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import InvalidRequest, ObjectNotFound
from tocsin.ids import new_id
from tocsin.objects.documents import (
    Copies,
    Prepared,
    document_text,
    members_of,
    prepare_change,
    prepare_new,
    read_object,
)
from tocsin.objects.records import DataClass, Handling, ObjectRow, data_class_named, handling_of
from tocsin.objects.rendering import ObjectDetail, RelatedLists, RelationRef, render
from tocsin.paging import Page, Search
from tocsin.relations.records import ObjectKey
from tocsin.relations.service import drop_relations, list_marks, list_related_ids
from tocsin.storage.database import Transaction
from tocsin.storage.queries import Statement, load_queries
from tocsin.storage.search import compose_search
from tocsin.times import z_form
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()

MADE_BY_CLIENT = "MANUAL"
MADE_BY_SOURCE = "DATA_SOURCE"

# The members that an audit row of a new object names: enough to recognise it. The rest is in the object itself.
_IDENTIFYING = ("title", "severity")


class NewObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that passed every check, and its id."""

    id: str
    prepared: Prepared


def create_object(tx: Transaction, scope: Scope, dataclass: DataClass, raw: bytes) -> ObjectDetail:
    """Store what a client sent as `data_object`.

    Raises InvalidRequest for a member that is wrong, or an id that exists or once existed here.
    """
    prepared = prepare_new(
        dataclass, raw, creator=scope.caller.user_name, now_ms=scope.now_ms, offset_min=scope.offset_min
    )
    new = NewObject(id=prepared.id or new_id(), prepared=prepared)
    if not insert_objects(tx, scope, dataclass, [new], origin=MADE_BY_CLIENT):
        raise InvalidRequest("an object with this id exists, or was deleted", field="data_object.id")
    record_changes(tx, scope, [creation(dataclass, new)])
    return show_object(tx, scope, dataclass, new.id)


def creation(dataclass: DataClass, new: NewObject) -> Change:
    """The audit row of a new object."""
    document = new.prepared.document
    fields: dict[str, tuple[Any, Any]] = {key: (None, document[key]) for key in _IDENTIFYING if key in document}
    fields["handle_status"] = (None, new.prepared.handling.handle_status)
    return Change(dataclass.name, new.id, fields)


def known_ids(tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str]) -> set[str]:
    """Which of these ids are taken, by deleted objects too."""
    return set(tx.values(SQL.known_ids, _with_ids(scope, dataclass, ids)))


def insert_objects(
    tx: Transaction, scope: Scope, dataclass: DataClass, new: Sequence[NewObject], *, origin: str
) -> int:
    """Store the objects whose ids are free; returns how many."""
    rows = [
        {
            "workspace_id": scope.workspace_id,
            "dataclass": dataclass.name,
            "id": one.id,
            "origin": origin,
            "now": scope.now_ms,
            **_stored(one.prepared),
        }
        for one in new
    ]
    return tx.run_many(SQL.insert_object, rows)


def insert_source_events(
    tx: Transaction, scope: Scope, dataclass: DataClass, source: str, events: Iterable[tuple[str, bytes]]
) -> None:
    """Keep the events that objects were made of, byte for byte; each comes with its object's id."""
    common = {"workspace_id": scope.workspace_id, "dataclass": dataclass.name, "source": source}
    tx.run_many(
        SQL.insert_source_event, [{**common, "object_id": object_id, "event": event} for object_id, event in events]
    )


def find_object(tx: Transaction, scope: Scope, dataclass: DataClass, object_id: str) -> ObjectRow | None:
    return tx.row(
        SQL.find_object,
        ObjectRow,
        {"workspace_id": scope.workspace_id, "dataclass": dataclass.name, "id": object_id},
    )


def get_object(tx: Transaction, scope: Scope, dataclass: DataClass, object_id: str) -> ObjectRow:
    """Raises ObjectNotFound, for a deleted object and another workspace's too."""
    row = find_object(tx, scope, dataclass, object_id)
    if row is None:
        raise ObjectNotFound("Failed to obtain the data object.")
    return row


def lock_objects(tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str]) -> dict[str, ObjectRow]:
    """The objects that exist, by id, held against other writers until the transaction ends."""
    rows = tx.rows(SQL.lock_objects, ObjectRow, _with_ids(scope, dataclass, ids))
    return {row.id: row for row in rows}


def show_object(tx: Transaction, scope: Scope, dataclass: DataClass, object_id: str) -> ObjectDetail:
    """Raises ObjectNotFound."""
    row = get_object(tx, scope, dataclass, object_id)
    return render(row, scope, _related_lists(tx, scope, [row]))


def search_objects(tx: Transaction, scope: Scope, dataclass: DataClass, search: Search) -> Page[ObjectDetail]:
    """One page and the exact total, in three statements whatever the page holds."""
    return _page(tx, scope, search, SQL.search_objects, {"dataclass": dataclass.name})


def search_related(
    tx: Transaction, scope: Scope, main: ObjectKey, related: DataClass, search: Search
) -> Page[ObjectDetail]:
    """Objects of one class that are related to the main object, with what the relation says.

    Raises ObjectNotFound when there is no main object.
    """
    get_object(tx, scope, data_class_named(main.dataclass), main.id)
    params = {"dataclass": related.name, "main_class": main.dataclass, "main_id": main.id}
    page = _page(tx, scope, search, SQL.search_related, params)
    marks = list_marks(tx, scope.workspace_id, main, related.name, [row.id for row in page.rows])
    refs = {
        mark.object_id: RelationRef(mark.evidence, mark.conversion_id, z_form(mark.create_time, scope.offset_min))
        for mark in marks
    }
    rows = [msgspec.structs.replace(row, relation=refs.get(row.id)) for row in page.rows]
    return Page(rows=rows, total=page.total)


def _page(tx: Transaction, scope: Scope, search: Search, base: Statement, params: dict[str, Any]) -> Page[ObjectDetail]:
    composed = compose_search(base, search, {"workspace_id": scope.workspace_id, **params})
    total = tx.values(composed.total, composed.params)[0]
    rows = tx.rows(composed.page, ObjectRow, composed.params) if search.limit else []
    related = _related_lists(tx, scope, rows)
    return Page(rows=[render(row, scope, related) for row in rows], total=total)


def change_object(tx: Transaction, scope: Scope, dataclass: DataClass, object_id: str, raw: bytes) -> ObjectDetail:
    """Change the members that are given, clear those that are null, leave the rest.

    Raises InvalidRequest for a member that is wrong, ObjectNotFound.
    """
    change = read_object(dataclass, raw)
    row = lock_objects(tx, scope, dataclass, [object_id]).get(object_id)
    if row is None:
        raise ObjectNotFound("Failed to obtain the data object.")
    prepared = prepare_change(
        dataclass, row.document, handling_of(row), change, now_ms=scope.now_ms, offset_min=scope.offset_min
    )
    update_object(tx, scope, row, prepared)
    record_changes(tx, scope, [Change(dataclass.name, row.id, changed_fields(row, prepared))])
    return show_object(tx, scope, dataclass, object_id)


def update_object(tx: Transaction, scope: Scope, row: ObjectRow, prepared: Prepared) -> None:
    """Store the new state of a locked object."""
    tx.run(
        SQL.update_object,
        {
            "workspace_id": scope.workspace_id,
            "dataclass": row.dataclass,
            "id": row.id,
            "now": scope.now_ms,
            **_stored(prepared),
        },
    )


def changed_fields(row: ObjectRow, prepared: Prepared) -> dict[str, tuple[Any, Any]]:
    """What differs between the stored object and its new state, by field, before and after."""
    before: dict[str, Any] = {**members_of(row.document), **_handling_values(handling_of(row))}
    after: dict[str, Any] = {**prepared.document, **_handling_values(prepared.handling)}
    return {
        key: (before.get(key), after.get(key))
        for key in before | after
        if _text(before.get(key)) != _text(after.get(key))
    }


def _text(value: Any) -> bytes:
    return bytes(value) if isinstance(value, msgspec.Raw) else _ENCODER.encode(value)


def mark_converted(
    tx: Transaction, scope: Scope, handling: Mapping[str, Handling], incidents: Mapping[str, str]
) -> None:
    """Give locked alerts, by id, their new handling and the incident they became part of."""
    rows = [
        {
            "workspace_id": scope.workspace_id,
            "id": alert_id,
            "now": scope.now_ms,
            "incident_id": incidents[alert_id],
            "handle_status": new.handle_status,
            "close_time": new.close_time,
            "close_offset": new.close_offset,
            "close_reason": new.close_reason,
            "close_comment": new.close_comment,
        }
        for alert_id, new in handling.items()
    ]
    tx.run_many(SQL.mark_converted, rows)


def delete_objects(
    tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Mark objects as deleted, with their relations; returns the ids done and those that do not exist, in order.

    Deleting an incident ends its conversions: its alerts stay as they are and may be converted again.
    """
    wanted = list(dict.fromkeys(ids))
    rows = lock_objects(tx, scope, dataclass, wanted)
    done = [one for one in wanted if one in rows]
    params = [
        {
            "workspace_id": scope.workspace_id,
            "dataclass": dataclass.name,
            "id": one,
            "incident_id": one,
            "now": scope.now_ms,
        }
        for one in done
    ]
    tx.run_many(SQL.mark_deleted, params)
    drop_relations(tx, scope, dataclass.name, done)
    if dataclass.name == "incidents":
        tx.run_many(SQL.end_conversions, params)
    record_changes(tx, scope, (Change(dataclass.name, one, {"deleted": (False, True)}) for one in done))
    return done, [one for one in wanted if one not in rows]


def _related_lists(tx: Transaction, scope: Scope, rows: Sequence[ObjectRow]) -> RelatedLists:
    if not rows:
        return {}
    lists: dict[str, dict[str, list[str]]] = {}
    for related in list_related_ids(tx, scope.workspace_id, rows[0].dataclass, [row.id for row in rows]):
        field = data_class_named(related.related_class).list_field
        lists.setdefault(related.object_id, {}).setdefault(field, []).append(related.related_id)
    return lists


def _with_ids(scope: Scope, dataclass: DataClass, ids: Sequence[str]) -> dict[str, Any]:
    return {
        "workspace_id": scope.workspace_id,
        "dataclass": dataclass.name,
        "ids": _ENCODER.encode(ids).decode(),
    }


def _stored(prepared: Prepared) -> dict[str, Any]:
    """The columns of an object, but for those that name it and count its changes."""
    return {
        **_columns(prepared.handling),
        **_columns(prepared.copies),
        "document": document_text(prepared.document),
    }


def _columns(record: Handling | Copies) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _handling_values(handling: Handling) -> dict[str, Any]:
    values = _columns(handling)
    values.pop("close_offset")
    return {key: value for key, value in values.items() if value is not None}
