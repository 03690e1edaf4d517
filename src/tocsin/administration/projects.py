"""Projects, and the workspaces in them."""

from tocsin.administration.lookup import get_project, record
from tocsin.administration.records import Act, checked_name, switched
from tocsin.audit.records import Change
from tocsin.errors import InvalidRequest
from tocsin.identity import service as identity
from tocsin.identity.records import Project
from tocsin.ids import new_hex_id, new_id
from tocsin.storage.database import Transaction
from tocsin.workspaces import service as workspaces
from tocsin.workspaces.records import Workspace, new_workspace


def create_project(tx: Transaction, act: Act, *, name: str) -> Project:
    """A new project of the first account, in which nobody has a role yet. Raises InvalidRequest for a taken name."""
    domain = identity.list_domains(tx)[0]
    project = Project(new_hex_id(), domain.id, checked_name(name, field="NAME"), "", enabled=True)
    if not identity.create_project(tx, project, act.now_ms):
        raise InvalidRequest(f"there is a project {name!r} already: choose another name", field="NAME")
    record(tx, act, Change("projects", project.id, {"name": (None, project.name)}))
    return project


def enable_project(tx: Transaction, act: Act, *, name_or_id: str, enabled: bool) -> tuple[Project, bool]:
    """The project, and False when it is so already. A disabled one answers as an unknown one does."""
    project = get_project(tx, name_or_id)
    changed = identity.enable_project(tx, project.id, enabled=enabled)
    if changed:
        record(tx, act, Change("projects", project.id, switched(enabled=enabled)))
    return project, changed


def create_workspace(tx: Transaction, act: Act, *, name: str, project: str | None) -> Workspace:
    """Raises SetupError for an unknown project. `name` fits the published pattern."""
    where = get_project(tx, project)
    made = new_workspace(
        workspace_id=new_id(),
        project_id=where.id,
        name=name,
        region_id=where.name,
        project_name=where.name,
        creator=act.actor,
        now_ms=act.now_ms,
    )
    workspaces.create_workspace(tx, made)
    record(tx, act, Change("workspaces", made.id, {"name": (None, made.name)}))
    return made


def delete_workspace(tx: Transaction, act: Act, workspace: Workspace) -> None:
    """Mark a workspace as deleted: nobody sees it any more, until `tocsin prune` removes what it holds."""
    workspaces.delete_workspace(tx, workspace.project_id, workspace.id, act.now_ms)
    record(tx, act, Change("workspaces", workspace.id, {"deleted": (False, True)}))
