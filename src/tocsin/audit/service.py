"""Audit rows are written in the transaction of the change they tell of, by the service that makes the change."""

from collections.abc import Iterable
from typing import Any

import msgspec

from tocsin.audit.records import AuditRow, Change
from tocsin.identity.records import Caller
from tocsin.ids import new_id
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()


def record_changes(tx: Transaction, scope: Scope, changes: Iterable[Change], *, first_sequence: int = 0) -> None:
    """One row for each change. A call that records twice gives the second time where its numbering starts."""
    common = {
        "workspace_id": scope.workspace_id,
        "time": scope.now_ms,
        "request_id": scope.request_id,
        "user_id": scope.caller.user_id,
        "user_name": scope.caller.user_name,
        "operation": scope.operation,
    }
    rows = []
    fields: dict[str, tuple[Any, Any]] | msgspec.Raw | None = None
    text = ""
    for sequence, change in enumerate(changes, first_sequence):
        # Objects that are changed in the same way share one dictionary, which is then encoded once.
        if change.fields is not fields:
            fields = change.fields
            text = _ENCODER.encode(fields).decode()
        rows.append(
            {
                **common,
                "sequence": sequence,
                "object_class": change.object_class,
                "object_id": change.object_id,
                "changes": text,
            }
        )
    tx.run_many(SQL.insert_audit, rows)


def record_administration(
    tx: Transaction, caller: Caller, change: Change, *, operation: str, request_id: str, now_ms: int
) -> None:
    """A change to users, keys, projects or workspaces, which belong to no workspace."""
    tx.run(
        SQL.insert_admin_audit,
        {
            "id": new_id(),
            "time": now_ms,
            "user_id": caller.user_id,
            "user_name": caller.user_name,
            "request_id": request_id,
            "operation": operation,
            "object_class": change.object_class,
            "object_id": change.object_id,
            "changes": _ENCODER.encode(change.fields).decode(),
        },
    )


def list_audit(
    tx: Transaction, workspace_id: str, *, object_id: str | None = None, since_ms: int = 0, limit: int = 1000
) -> list[AuditRow]:
    """Changes in a workspace, newest first."""
    statement = SQL.list_audit if object_id is None else SQL.list_audit_of_object
    params = {"workspace_id": workspace_id, "object_id": object_id, "since": since_ms, "limit": limit}
    return tx.rows(statement, AuditRow, params)


def list_administration(tx: Transaction, *, since_ms: int = 0, limit: int = 1000) -> list[AuditRow]:
    """Changes to users, keys, projects and workspaces, newest first."""
    return tx.rows(SQL.list_admin_audit, AuditRow, {"since": since_ms, "limit": limit})
