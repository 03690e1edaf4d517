"""Data objects of a workspace: create, show, search, change, delete. Every data class shares every function."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import InvalidRequest, ObjectNotFound
from tocsin.ids import new_id
from tocsin.object_types.service import unusable_types
from tocsin.objects.documents import (
    FIELD,
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
from tocsin.paging import MAX_LIMIT, Page, Search
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
_TAKEN = "an object with this id exists, or was deleted"

# The members that an audit row of a new object names: enough to recognise it. The rest is in the object itself.
_IDENTIFYING = ("title", "severity", "name", "value")
# Characters of the documents on one page: what a thousand objects of usual size have many times over.
MAX_PAGE_CHARS = 256 * 1024 * 1024


class NewObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that passed every check, and its id."""

    id: str
    prepared: Prepared


class Draft(NamedTuple):
    """The text of a `data_object` to be created. An id beside it goes before the one in it."""

    raw: bytes
    id: str | None = None


def create_object(
    tx: Transaction, scope: Scope, dataclass: DataClass, draft: Draft, *, strict_types: bool = False
) -> ObjectDetail:
    """Store what a client sent as `data_object`. Raises what `create_objects` raises, without the place in a list."""
    new = new_object(scope, dataclass, draft)
    _require_usable_types(tx, scope, dataclass, {FIELD: new.prepared}, strict=strict_types)
    _store_new(tx, scope, dataclass, [new])
    detail = show_object(tx, scope, dataclass, new.id)
    return msgspec.structs.replace(detail, event_id=new.id)


def create_objects(
    tx: Transaction, scope: Scope, dataclass: DataClass, drafts: Sequence[Draft], *, field: str, strict_types: bool
) -> list[str]:
    """Store all of them or none; returns their ids, in order.

    Raises InvalidRequest for a member that is wrong, a type that may not be used, or an id that exists or once existed
    here or is there twice; `field` names the list.
    """
    new: dict[str, NewObject] = {}
    for index, draft in enumerate(drafts):
        place = f"{field}[{index}]"
        try:
            new[place] = new_object(scope, dataclass, draft)
        except InvalidRequest as error:
            raise InvalidRequest(str(error), field=place) from error
    _require_usable_types(
        tx, scope, dataclass, {place: one.prepared for place, one in new.items()}, strict=strict_types
    )
    taken = known_ids(tx, scope, dataclass, [one.id for one in new.values()])
    for place, one in new.items():
        if one.id in taken:
            raise InvalidRequest(_TAKEN, field=f"{place}.id")
        taken.add(one.id)
    _store_new(tx, scope, dataclass, list(new.values()))
    return [one.id for one in new.values()]


def new_object(scope: Scope, dataclass: DataClass, draft: Draft) -> NewObject:
    """A draft through every check that needs no database. Raises InvalidRequest."""
    prepared = prepare_new(
        dataclass, draft.raw, creator=scope.caller.user_name, now_ms=scope.now_ms, offset_min=scope.offset_min
    )
    return NewObject(id=draft.id or prepared.id or new_id(), prepared=prepared)


def _store_new(tx: Transaction, scope: Scope, dataclass: DataClass, new: Sequence[NewObject]) -> None:
    """Insert what passed the checks, with its audit rows; all or nothing. Raises InvalidRequest."""
    if insert_objects(tx, scope, dataclass, new, origin=MADE_BY_CLIENT) < len(new):
        raise InvalidRequest(_TAKEN, field=f"{FIELD}.id")
    record_changes(tx, scope, (creation(dataclass, one) for one in new))


def _require_usable_types(
    tx: Transaction, scope: Scope, dataclass: DataClass, objects: Mapping[str, Prepared], *, strict: bool
) -> None:
    """Raise InvalidRequest, with the object's place in the request, for a type that may not be used."""
    texts = {place: pair for place, one in objects.items() if (pair := type_texts(one))}
    reasons = unusable_types(tx, scope, dataclass.name, set(texts.values()), strict=strict)
    for place, pair in texts.items():
        if pair in reasons:
            raise InvalidRequest(reasons[pair], field=f"{place}.{dataclass.type_field}")


def type_texts(prepared: Prepared) -> tuple[str | None, str | None] | None:
    """Category and child type of an object; None if it has neither."""
    copies = prepared.copies
    return (copies.category, copies.sub_category) if copies.category or copies.sub_category else None


def creation(dataclass: DataClass, new: NewObject) -> Change:
    """The audit row of a new object."""
    document = new.prepared.document
    fields: dict[str, tuple[Any, Any]] = {key: (None, document[key]) for key in _IDENTIFYING if key in document}
    if dataclass.handled:
        fields["handle_status"] = (None, new.prepared.handling.handle_status)
    return Change(dataclass.name, new.id, fields)


def known_ids(tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str]) -> set[str]:
    """Which of these ids are taken, by deleted objects too."""
    return set(tx.values(SQL.known_ids, _with_ids(scope, dataclass, ids)))


def insert_objects(
    tx: Transaction, scope: Scope, dataclass: DataClass, new: Sequence[NewObject], *, origin: str
) -> int:
    """Store the objects whose ids are free; returns how many."""
    return insert_rows(tx, [insertion(scope, dataclass, one, origin=origin) for one in new])


def insert_rows(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """`insert_objects`, of what `insertion` gave."""
    return tx.run_many(SQL.insert_object, rows)


def insertion(scope: Scope, dataclass: DataClass, new: NewObject, *, origin: str) -> dict[str, Any]:
    """A new object as the parameters that store it; plain values, which can be laid by."""
    return {
        "workspace_id": scope.workspace_id,
        "dataclass": dataclass.name,
        "id": new.id,
        "origin": origin,
        "now": scope.now_ms,
        **_stored(new.prepared),
    }


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
    return render(row, scope, related_lists(tx, scope, [row]))


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
    if search.limit > MAX_LIMIT and tx.values(composed.weight, composed.params)[0] > MAX_PAGE_CHARS:
        raise InvalidRequest(f"the page would be too large: ask for {MAX_LIMIT} rows at a time", field="limit")
    rows = tx.rows(composed.page, ObjectRow, composed.params) if search.limit else []
    related = related_lists(tx, scope, rows)
    return Page(rows=[render(row, scope, related) for row in rows], total=total)


def count_objects(tx: Transaction, scope: Scope, dataclass: DataClass, search: Search) -> int:
    """How many objects a search finds in all."""
    return int(tx.values(*_composed(scope, dataclass, search, "total"))[0])


def page_rows(tx: Transaction, scope: Scope, dataclass: DataClass, search: Search) -> Iterator[ObjectRow]:
    """The rows of one page, as they are read; with `search.after`, a page deep inside costs what the first costs."""
    statement, params = _composed(scope, dataclass, search, "page")
    return tx.each(statement, ObjectRow, params)


def _composed(scope: Scope, dataclass: DataClass, search: Search, which: str) -> tuple[Statement, dict[str, Any]]:
    params = {"workspace_id": scope.workspace_id, "dataclass": dataclass.name}
    composed = compose_search(SQL.search_objects, search, params)
    return getattr(composed, which), composed.params


def change_object(
    tx: Transaction, scope: Scope, dataclass: DataClass, object_id: str, raw: bytes, *, strict_types: bool = False
) -> ObjectDetail:
    """Change the members that are given, clear those that are null, leave the rest.

    Raises InvalidRequest for a member that is wrong or a type that may not be used, ObjectNotFound.
    """
    change_objects(tx, scope, dataclass, [object_id], raw, strict_types=strict_types)
    return show_object(tx, scope, dataclass, object_id)


def change_objects(
    tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str], raw: bytes, *, strict_types: bool
) -> tuple[list[str], list[str]]:
    """The same change to several objects; returns the ids done and those that do not exist, in order.

    Raises ObjectNotFound when none exists, InvalidRequest; nothing is changed then.
    """
    change = read_object(dataclass, raw)
    wanted = list(dict.fromkeys(ids))
    found = lock_objects(tx, scope, dataclass, wanted)
    if not found:
        raise ObjectNotFound("Failed to obtain the data object.")
    rows = [found[one] for one in wanted if one in found]
    prepared = [
        prepare_change(
            dataclass, row.document, handling_of(row), change, now_ms=scope.now_ms, offset_min=scope.offset_min
        )
        for row in rows
    ]
    if dataclass.type_field in change.members:
        _require_usable_types(tx, scope, dataclass, {FIELD: prepared[0]}, strict=strict_types)
    pairs = list(zip(rows, prepared, strict=True))
    update_objects(tx, scope, pairs)
    record_changes(tx, scope, (Change(dataclass.name, row.id, changed_fields(row, new)) for row, new in pairs))
    return [row.id for row in rows], [one for one in wanted if one not in found]


def update_objects(tx: Transaction, scope: Scope, states: Iterable[tuple[ObjectRow, Prepared]]) -> None:
    """Store the new states of locked objects."""
    rows = [
        {
            "workspace_id": scope.workspace_id,
            "dataclass": row.dataclass,
            "id": row.id,
            "now": scope.now_ms,
            **_stored(prepared),
        }
        for row, prepared in states
    ]
    tx.run_many(SQL.update_object, rows)


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


def end_conversion(tx: Transaction, scope: Scope, pairs: Iterable[tuple[str, str]]) -> None:
    """For pairs of an alert and an incident whose relation was just deleted: the alert may be converted again."""
    rows = [
        {"workspace_id": scope.workspace_id, "id": alert_id, "incident_id": incident_id}
        for alert_id, incident_id in pairs
    ]
    tx.run_many(SQL.end_conversion, rows)


def related_lists(tx: Transaction, scope: Scope, rows: Sequence[ObjectRow]) -> RelatedLists:
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
