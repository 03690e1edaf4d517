"""Attachments: a form in, a record to show, and an address that gives the file to whoever holds it for a while.

The address is the vendor's way of handing out a file: a link with its own, short-lived credentials.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

import msgspec

from tocsin.api.auth import header
from tocsin.api.operations import BYTES, SUCCESS, Answer, Call, ErrorStyle, Operation, Run
from tocsin.attachments.records import Attachment
from tocsin.attachments.service import get_attachment, known_attachments, record_attachment
from tocsin.errors import InvalidRequest, ServiceError, Unauthenticated
from tocsin.identity.records import Permission
from tocsin.ids import new_id
from tocsin.storage.database import Transaction, finished
from tocsin.times import z_form_seconds
from tocsin.workspaces.service import require_workspace

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc/attachment"
_FILE_TYPE = "user_task"
_LINK = "attachment link"


class UploadedFile(msgspec.Struct, frozen=True):
    id: str
    file_name: str
    workspace_id: str


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    request_id: str
    data: UploadedFile


class AttachmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    file_name: str
    file_folder: str = ""
    workspace_id: str
    creator_id: str
    creator_name: str
    create_time: str
    update_time: str
    modifier_id: str
    modifier_name: str
    # Declared as text.
    is_deleted: str = "false"
    storage_type: str = "local"
    # The operator's directory is nobody else's business; `download_attachment` gives an address.
    storage_url: str = ""
    # Ours.
    size: int
    sha256: str


class AttachmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    request_id: str
    data: AttachmentInfo


class DownloadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`data` is the address of the file."""

    code: str = SUCCESS
    message: str = ""
    success: bool = True
    request_id: str
    data: str


class LinkQuery(msgspec.Struct, frozen=True):
    link: str = ""


class Link(msgspec.Struct, frozen=True):
    """What an address allows, sealed into it."""

    workspace_id: str
    attachment_id: str
    # UTC milliseconds.
    expire_time: int


@asynccontextmanager
async def storing(call: Call[None]) -> AsyncIterator[str]:
    """The uploaded file in its place, before its record; gives the id that both have."""
    if call.form is None:
        raise InvalidRequest("a form with a file is needed", field="the body")
    if call.form.fields.get("fileType", _FILE_TYPE) not in ("", _FILE_TYPE):
        raise InvalidRequest(f"must be {_FILE_TYPE}", field="fileType")
    attachment_id = new_id()
    await asyncio.to_thread(call.services.files.store, call.acting.workspace_id, attachment_id, call.form.file.content)
    try:
        yield attachment_id
    finally:
        with suppress(ServiceError):  # nobody can tell now; `tocsin prune` finds what is left
            await _remove_unless_recorded(call, attachment_id)


async def _remove_unless_recorded(call: Call[None], attachment_id: str) -> None:
    """A refused call, and one that repeats an earlier answer, leave no file. The database knows whether this is one."""
    services, workspace_id = call.services, call.acting.workspace_id
    known = await finished(services.database.read(lambda tx: known_attachments(tx, workspace_id, [attachment_id])))
    if not known:
        await asyncio.to_thread(services.files.remove, workspace_id, attachment_id)


def upload_attachment(tx: Transaction, call: Call[None]) -> UploadAnswer:
    scope = call.acting
    if call.form is None:
        raise InvalidRequest("a form with a file is needed", field="the body")
    file = call.form.file
    attachment = Attachment(
        id=call.prepared,
        file_name=file.name,
        file_type=_FILE_TYPE,
        size=file.size,
        sha256=file.sha256,
        creator_id=scope.caller.user_id,
        creator_name=scope.caller.user_name,
        create_time=scope.now_ms,
    )
    record_attachment(tx, scope, attachment)
    return UploadAnswer(
        request_id=call.request_id, data=UploadedFile(attachment.id, attachment.file_name, scope.workspace_id)
    )


def show_attachment(tx: Transaction, call: Call[None]) -> AttachmentAnswer:
    scope = call.acting
    found = get_attachment(tx, scope.workspace_id, call.path["attach_id"])
    made = z_form_seconds(found.create_time, scope.offset_min)
    info = AttachmentInfo(
        id=found.id,
        file_name=found.file_name,
        workspace_id=scope.workspace_id,
        creator_id=found.creator_id,
        creator_name=found.creator_name,
        create_time=made,
        update_time=made,
        modifier_id=found.creator_id,
        modifier_name=found.creator_name,
        size=found.size,
        sha256=found.sha256,
    )
    return AttachmentAnswer(request_id=call.request_id, data=info)


def download_attachment(tx: Transaction, call: Call[None]) -> DownloadAnswer:
    scope, settings = call.acting, call.services.settings
    found = get_attachment(tx, scope.workspace_id, call.path["attach_id"])
    link = Link(scope.workspace_id, found.id, call.now_ms + settings.attachment_link_lifetime_s * 1000)
    sealed = call.services.key_box.seal(msgspec.json.encode(link).decode(), access=_LINK)
    path = _BASE.format(project_id=scope.project_id, workspace_id=scope.workspace_id)
    address = f"{_server(call)}{path}/{found.id}/content?link={base64.urlsafe_b64encode(sealed).decode()}"
    return DownloadAnswer(request_id=call.request_id, data=address)


def _server(call: Call[None]) -> str:
    """How the client reaches this server."""
    settings = call.services.settings
    scheme = "https" if settings.tls_cert else "http"
    host = header(call.request, b"host") or f"{settings.host}:{settings.port}"
    return settings.public_url.rstrip("/") or f"{scheme}://{host}"


async def show_attachment_content(call: Call[None]) -> Answer:
    link = _opened(call)
    services = call.services

    def find(tx: Transaction) -> Attachment:
        require_workspace(tx, call.path["project_id"], link.workspace_id)
        return get_attachment(tx, link.workspace_id, link.attachment_id)

    async with services.reading.of(call.peer):
        found = await finished(services.database.read(find))
    pieces = services.files.pieces(link.workspace_id, link.attachment_id)
    # A file that is gone is told before the answer begins.
    first = await asyncio.to_thread(next, pieces, b"")
    return Answer(stream=_streamed(first, pieces), headers=_as_file(found))


async def _streamed(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        yield piece
        piece = await asyncio.to_thread(next, pieces, b"")


def _as_file(found: Attachment) -> dict[str, str]:
    """Saved, never shown: what is in a file, and what its sender calls it, is not to be believed."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.file_name, safe='', errors='replace')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


def _opened(call: Call[Any]) -> Link:
    """Raises Unauthenticated for a link that is not ours, another file's, or too old."""
    box = call.services.key_box
    try:
        sealed = base64.urlsafe_b64decode(call.query.link.encode())
    except (binascii.Error, ValueError):
        sealed = b""
    if not box.reads(sealed, access=_LINK):
        raise Unauthenticated("the download address is not valid: ask for a new one")
    link = msgspec.json.decode(box.open(sealed, access=_LINK), type=Link)
    if (link.workspace_id, link.attachment_id) != (call.path["workspace_id"], call.path["attach_id"]):
        raise Unauthenticated("the download address belongs to another file: ask for a new one")
    if link.expire_time <= call.now_ms:
        raise Unauthenticated("the download address is no longer valid: ask for a new one")
    return link


OPERATIONS = [
    Operation(
        name="upload_attachment",
        method="POST",
        path=f"{_BASE}/upload",
        summary="Upload a file",
        handler=upload_attachment,
        run=Run.WRITE,
        answer=UploadAnswer,
        permission=Permission.WRITE,
        error_style=ErrorStyle.FLAGGED,
        prepare=storing,
        form=True,
        form_fields=("fileType",),
    ),
    Operation(
        name="download_attachment",
        method="GET",
        path=f"{_BASE}/{{attach_id}}/download",
        summary="Ask for the address of a file",
        handler=download_attachment,
        run=Run.READ,
        answer=DownloadAnswer,
        permission=Permission.READ,
        error_style=ErrorStyle.FLAGGED,
    ),
    Operation(
        name="show_attachment_content",
        method="GET",
        path=f"{_BASE}/{{attach_id}}/content",
        summary="Fetch a file by the address that download_attachment gave",
        handler=show_attachment_content,
        run=Run.OWN,
        query=LinkQuery,
        answer=None,
        media=BYTES,
        answer_headers={"Content-Disposition": "The name that it was uploaded under"},
        permission=None,
        vendor=False,
    ),
    Operation(
        name="show_attachment",
        method="GET",
        path=f"{_BASE}/{{attach_id}}",
        summary="Show what is known about a file",
        handler=show_attachment,
        run=Run.READ,
        answer=AttachmentAnswer,
        permission=Permission.READ,
        error_style=ErrorStyle.FLAGGED,
    ),
]
