"""Notes of a workspace: written, listed, deleted."""

from collections.abc import Sequence

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.notes.records import Note
from tocsin.paging import Page, Search
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.storage.search import compose_search
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()


def write_note(tx: Transaction, scope: Scope, note: Note) -> None:
    tx.run(SQL.insert_note, {"workspace_id": scope.workspace_id, **msgspec.structs.asdict(note)})
    fields = {"war_room_id": (None, note.war_room_id), "content": (None, note.content)}
    record_changes(tx, scope, [Change("notes", note.id, fields)])


def list_notes(tx: Transaction, scope: Scope, war_room_id: str | None, search: Search) -> Page[Note]:
    """The notes on one object, or of the whole workspace; one page, and the exact total."""
    base = SQL.list_notes if war_room_id is None else SQL.list_notes_of_object
    params = {"workspace_id": scope.workspace_id} | ({"war_room_id": war_room_id} if war_room_id is not None else {})
    composed = compose_search(base, search, params)
    total = tx.values(composed.total, composed.params)[0]
    return Page(rows=tx.rows(composed.page, Note, composed.params), total=total)


def delete_notes(tx: Transaction, scope: Scope, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Mark notes as deleted; returns the ids done and those that do not exist, in order."""
    wanted = list(dict.fromkeys(ids))
    params = {"workspace_id": scope.workspace_id, "ids": _ENCODER.encode(wanted).decode()}
    found = set(tx.values(SQL.lock_notes, params))
    tx.run(SQL.mark_notes_deleted, {**params, "now": scope.now_ms})
    done = [one for one in wanted if one in found]
    record_changes(tx, scope, (Change("notes", one, {"deleted": (False, True)}) for one in done))
    return done, [one for one in wanted if one not in found]
