"""The first account, project, workspace and administrator of a database. Every change leaves an audit row."""

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_administration
from tocsin.identity import secrets
from tocsin.identity import service as identity
from tocsin.identity.records import Caller, Domain, Project, Role, User
from tocsin.ids import new_hex_id, new_id
from tocsin.object_types.service import store_catalogue
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import new_workspace
from tocsin.workspaces.service import create_workspace, list_workspaces

DOMAIN_NAME = "tocsin"
# A region is called so nowhere: the only project of a server answers to every region's name anyway.
PROJECT_NAME = "default"
WORKSPACE_NAME = "soc"
USER_NAME = "admin"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What `set_up` made or found. The secrets are there once, when they are new; None afterwards."""

    created: bool
    project_id: str
    project_name: str
    workspace_id: str | None
    domain_name: str
    user_name: str
    password: str | None
    access_key: str | None
    secret_key: str | None


def find_desk(tx: Transaction) -> Setup | None:
    """The first project of the database with its first workspace and administrator; None for an empty database."""
    project = identity.first_project(tx)
    if project is None:
        return None
    administrator = identity.first_administrator(tx, project.id)
    workspaces = list_workspaces(tx, project.id)
    return Setup(
        created=False,
        project_id=project.id,
        project_name=project.name,
        workspace_id=workspaces[0].id if workspaces else None,
        domain_name=administrator.domain_name if administrator else "",
        user_name=administrator.name if administrator else "",
        password=None,
        access_key=None,
        secret_key=None,
    )


def set_up(
    tx: Transaction,
    key_box: secrets.KeyBox,
    *,
    actor: Caller,
    project_name: str | None,
    project_id: str | None,
    workspace_name: str | None,
    now_ms: int,
) -> Setup:
    """Make an account, a project, a workspace and an administrator with password and access key.

    In a database that has a project already, nothing is made or changed.
    """
    store_catalogue(tx)
    if (found := find_desk(tx)) is not None:
        return found
    domain = Domain(new_hex_id(), DOMAIN_NAME)
    project = Project(project_id or new_hex_id(), domain.id, project_name or PROJECT_NAME, "", enabled=True)
    password = secrets.new_password()
    user = User(new_hex_id(), USER_NAME, domain.id, domain.name, secrets.hash_password(password), enabled=True)
    access_key, secret_key = secrets.new_access_key()
    identity.create_domain(tx, domain, now_ms)
    identity.create_project(tx, project, now_ms)
    identity.create_user(tx, user, now_ms)
    identity.grant_role(tx, user.id, project.id, Role.ADMINISTRATOR)
    identity.create_access_key(tx, user.id, access_key, key_box.seal(secret_key, access=access_key), now_ms)
    workspace = new_workspace(
        workspace_id=new_id(),
        project_id=project.id,
        name=workspace_name or WORKSPACE_NAME,
        region_id=project.name,
        project_name=project.name,
        creator=Caller(user_id=user.id, user_name=user.name, domain_id=domain.id, domain_name=domain.name),
        now_ms=now_ms,
    )
    create_workspace(tx, workspace)
    request_id = new_id()
    for change in (
        Change("projects", project.id, {"name": (None, project.name)}),
        Change("users", user.id, {"name": (None, user.name), "role": (None, Role.ADMINISTRATOR.value)}),
        Change("access_keys", access_key, {"user": (None, user.name)}),
        Change("workspaces", workspace.id, {"name": (None, workspace.name)}),
    ):
        record_administration(tx, actor, change, operation="init", request_id=request_id, now_ms=now_ms)
    return Setup(
        created=True,
        project_id=project.id,
        project_name=project.name,
        workspace_id=workspace.id,
        domain_name=domain.name,
        user_name=user.name,
        password=password,
        access_key=access_key,
        secret_key=secret_key,
    )
