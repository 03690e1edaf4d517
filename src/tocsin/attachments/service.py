"""The records of attachments; the files are `files.py`'s."""

from collections.abc import Sequence

import msgspec

from tocsin.attachments.records import Attachment
from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import ObjectNotFound
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)


def record_attachment(tx: Transaction, scope: Scope, attachment: Attachment) -> None:
    """Make a file that is safely stored known to the workspace."""
    tx.run(SQL.insert_attachment, {"workspace_id": scope.workspace_id, **msgspec.structs.asdict(attachment)})
    fields = {
        "file_name": (None, attachment.file_name),
        "size": (None, attachment.size),
        "sha256": (None, attachment.sha256),
    }
    record_changes(tx, scope, [Change("attachments", attachment.id, fields)])


def known_attachments(tx: Transaction, workspace_id: str, ids: Sequence[str]) -> set[str]:
    """Which of these ids have a record."""
    params = {"workspace_id": workspace_id, "ids": msgspec.json.encode(ids).decode()}
    return set(tx.values(SQL.known_attachments, params))


def get_attachment(tx: Transaction, workspace_id: str, attachment_id: str) -> Attachment:
    """Raises ObjectNotFound, for another workspace's too."""
    found = tx.row(SQL.find_attachment, Attachment, {"workspace_id": workspace_id, "id": attachment_id})
    if found is None:
        raise ObjectNotFound("Failed to obtain the data object.")
    return found
