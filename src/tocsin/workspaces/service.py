"""Workspaces of a project."""

import msgspec

from tocsin.errors import WorkspaceNotFound
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Workspace

SQL = load_queries(__package__ or __name__)


def get_workspace(tx: Transaction, project_id: str, workspace_id: str) -> Workspace:
    """Raises WorkspaceNotFound when the project has no such workspace."""
    found = tx.row(SQL.find_workspace, Workspace, {"project_id": project_id, "workspace_id": workspace_id})
    if found is None:
        raise WorkspaceNotFound("workspace not found")
    return found


def require_workspace(tx: Transaction, project_id: str, workspace_id: str) -> None:
    """Raises WorkspaceNotFound when the project has no such workspace."""
    if not tx.values(SQL.has_workspace, {"project_id": project_id, "workspace_id": workspace_id}):
        raise WorkspaceNotFound("Invalid workspace ID.")


def list_workspaces(tx: Transaction, project_id: str) -> list[Workspace]:
    """Every workspace of a project, oldest first. There are few: callers filter and page the list itself."""
    return tx.rows(SQL.list_workspaces, Workspace, {"project_id": project_id})


def create_workspace(tx: Transaction, workspace: Workspace) -> None:
    tx.run(SQL.insert_workspace, msgspec.structs.asdict(workspace))


def update_workspace(tx: Transaction, workspace: Workspace) -> None:
    """Store a new name, description, binding and modifier."""
    tx.run(SQL.update_workspace, msgspec.structs.asdict(workspace))


def delete_workspace(tx: Transaction, project_id: str, workspace_id: str, now_ms: int) -> None:
    """Mark a workspace as deleted; what is in it can no longer be reached. Raises WorkspaceNotFound."""
    params = {"project_id": project_id, "workspace_id": workspace_id, "now": now_ms}
    if not tx.run(SQL.mark_workspace_deleted, params):
        raise WorkspaceNotFound("workspace not found")


def count_workspaces(tx: Transaction) -> int:
    """Of all projects."""
    return int(tx.values(SQL.count_workspaces, {})[0])


def list_every_workspace(tx: Transaction) -> list[Workspace]:
    """Of all projects, oldest first: for the operator's own commands."""
    return tx.rows(SQL.list_every_workspace, Workspace, {})
