"""Notes on objects."""

import html
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from tocsin.api.envelope import BatchAnswer, BatchIdsBody, SearchAnswer, done_or_not, named_ids, page_number
from tocsin.api.operations import SUCCESS, Call, ErrorStyle, Operation, Run
from tocsin.identity.records import Permission
from tocsin.ids import new_id
from tocsin.notes import service
from tocsin.notes.records import Note
from tocsin.objects.searching import PageBody, parse_page
from tocsin.storage.database import Transaction
from tocsin.times import iso_form, z_form
from tocsin.workspaces.records import Scope

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc/notes"
# The words of the reference for notes, beside those of all other searches.
_ORDERS = {"ascending": "ASC", "descending": "DESC"}
_Text64 = Annotated[str, msgspec.Meta(max_length=64)]


class CreateNoteBody(msgspec.Struct, frozen=True, kw_only=True):
    type: _Text64
    content: Annotated[str, msgspec.Meta(max_length=1024)]
    # The id of the object commented on, in spite of its name.
    war_room_id: _Text64 | None = None
    note_type: _Text64 | None = None


class SearchNotesBody(PageBody, frozen=True):
    war_room_id: _Text64 | None = None


class NoteText(msgspec.Struct, frozen=True):
    content: str


class NoteUser(msgspec.Struct, frozen=True):
    id: str
    name: str


class NoteDetail(msgspec.Struct, frozen=True, kw_only=True):
    """NotesDetail: the text stands in `data` as it was sent, and in `content` as HTML with author and time."""

    id: str
    war_room_id: str
    type: str
    note_type: str
    marked_note: bool = True
    is_deleted: bool = False
    data: NoteText
    content: Mapping[str, str]
    user: NoteUser
    project_id: str
    workspace_id: str
    create_time: str
    update_time: str


class NoteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    data: NoteDetail


class NotesAnswer(SearchAnswer, frozen=True, kw_only=True):
    data: Sequence[NoteDetail]


def create_note(tx: Transaction, call: Call[CreateNoteBody]) -> NoteAnswer:
    scope, body = call.acting, call.body
    note = Note(
        id=new_id(),
        war_room_id=body.war_room_id or "",
        type=body.type,
        note_type=body.note_type or "note",
        content=body.content,
        creator_id=scope.caller.user_id,
        creator_name=scope.caller.user_name,
        create_time=scope.now_ms,
        update_time=scope.now_ms,
    )
    service.write_note(tx, scope, note)
    return NoteAnswer(data=_detail(note, scope))


def list_notes(tx: Transaction, call: Call[SearchNotesBody]) -> NotesAnswer:
    scope = call.acting
    order = _ORDERS.get((call.body.order or "").lower(), call.body.order)
    wanted = parse_page(msgspec.structs.replace(call.body, order=order), scope.offset_min)
    page = service.list_notes(tx, scope, call.body.war_room_id or None, wanted)
    return NotesAnswer(
        total=page.total,
        size=wanted.limit,
        page=page_number(wanted.offset, wanted.limit),
        limit=wanted.limit,
        offset=wanted.offset,
        data=[_detail(note, scope) for note in page.rows],
    )


def delete_notes(tx: Transaction, call: Call[BatchIdsBody]) -> BatchAnswer:
    done = service.delete_notes(tx, call.acting, named_ids(call.body.batch_ids))
    return BatchAnswer(request_id=call.request_id, data=done_or_not(done))


def _detail(note: Note, scope: Scope) -> NoteDetail:
    return NoteDetail(
        id=note.id,
        war_room_id=note.war_room_id,
        type=note.type,
        note_type=note.note_type,
        data=NoteText(note.content),
        content={
            "come_from": note.creator_name,
            "occurred_time": iso_form(note.create_time, scope.offset_min),
            "value": html.escape(note.content),
        },
        user=NoteUser(note.creator_id, note.creator_name),
        project_id=scope.project_id,
        workspace_id=scope.workspace_id,
        create_time=z_form(note.create_time, scope.offset_min),
        update_time=z_form(note.update_time, scope.offset_min),
    )


OPERATIONS = [
    Operation(
        name="create_note",
        method="POST",
        path=_BASE,
        summary="Write a note on an object",
        handler=create_note,
        run=Run.WRITE,
        body=CreateNoteBody,
        answer=NoteAnswer,
        permission=Permission.WRITE,
        error_style=ErrorStyle.FLAGGED,
    ),
    Operation(
        name="list_notes",
        method="POST",
        path=f"{_BASE}/search",
        summary="List notes, of one object or of all",
        handler=list_notes,
        run=Run.READ,
        body=SearchNotesBody,
        body_required=False,
        answer=NotesAnswer,
        permission=Permission.READ,
        error_style=ErrorStyle.FLAGGED,
    ),
    Operation(
        name="delete_notes",
        method="DELETE",
        path=_BASE,
        summary="Delete notes",
        handler=delete_notes,
        run=Run.WRITE,
        body=BatchIdsBody,
        answer=BatchAnswer,
        permission=Permission.ADMINISTER,
        error_style=ErrorStyle.FLAGGED,
    ),
]
