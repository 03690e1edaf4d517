"""Users and their roles. Whatever would leave a project without an administrator needs to be forced."""

from collections.abc import Iterable

from tocsin.administration.lookup import get_project, get_user, record
from tocsin.administration.records import Act, RoleIn, UserEntry, checked_user_name, switched
from tocsin.audit.records import Change
from tocsin.errors import InvalidRequest, NotFound, SetupError
from tocsin.identity import service as identity
from tocsin.identity.records import Domain, Grant, Project, Role, User
from tocsin.ids import new_hex_id
from tocsin.storage.database import Transaction


def create_user(
    tx: Transaction,
    act: Act,
    *,
    name: str,
    domain_name: str | None,
    password_hash: str,
    role: Role | None,
    project: str | None,
) -> UserEntry:
    """A new user of an account, with a role in a project or with none.

    Raises InvalidRequest for a name that is taken or cannot be, SetupError for an unknown project or account.
    """
    domain = _domain(tx, domain_name)
    user = User(
        new_hex_id(), checked_user_name(name, field="NAME"), domain.id, domain.name, password_hash, enabled=True
    )
    if not identity.create_user(tx, user, act.now_ms):
        raise InvalidRequest(
            f"there is a user {name!r} already: choose another name, or set a new password with `tocsin user password`",
            field="NAME",
        )
    record(tx, act, Change("users", user.id, {"name": (None, user.name)}))
    roles = []
    if role is not None:
        where = get_project(tx, project)
        _grant(tx, act, user, where, role)
        roles.append(RoleIn(project_id=where.id, project_name=where.name, role=role.value))
    return UserEntry(
        id=user.id, name=user.name, domain_name=domain.name, enabled=True, create_time=act.now_ms, roles=roles
    )


def list_users(tx: Transaction) -> list[UserEntry]:
    """Every user with their roles, oldest first."""
    roles: dict[str, list[RoleIn]] = {}
    for one in identity.list_grants(tx):
        entry = RoleIn(project_id=one.project_id, project_name=one.project_name, role=one.role)
        roles.setdefault(one.user_id, []).append(entry)
    return [
        UserEntry(
            id=one.id,
            name=one.name,
            domain_name=one.domain_name,
            enabled=one.enabled,
            create_time=one.create_time,
            roles=roles.get(one.id, []),
        )
        for one in identity.list_accounts(tx)
    ]


def enable_user(
    tx: Transaction, act: Act, *, name: str, domain_name: str | None, enabled: bool, force: bool = False
) -> bool:
    """Let a user in again, or shut them out: tokens end, access keys stop. False when it is so already.

    Raises NotFound for an unknown user, SetupError when a project would lose its last administrator.
    """
    user = get_user(tx, name, domain_name)
    if not enabled and user.enabled and not force:
        _refuse_lockout(tx, user, identity.list_grants(tx, user.id))
    if not identity.enable_user(tx, user.id, enabled=enabled):
        return False
    record(tx, act, Change("users", user.id, switched(enabled=enabled)))
    return True


def change_password(tx: Transaction, act: Act, *, name: str, domain_name: str | None, password_hash: str) -> User:
    """Set a user's password and end their tokens. Raises NotFound for an unknown user."""
    user = get_user(tx, name, domain_name)
    identity.set_password(tx, user.id, password_hash)
    record(tx, act, Change("users", user.id, {"password": ("***", "***")}))
    return user


def grant_role(
    tx: Transaction,
    act: Act,
    *,
    name: str,
    domain_name: str | None,
    role: Role,
    project: str | None,
    force: bool = False,
) -> Project:
    """Give a user a role in a project, instead of the one they had. Returns the project.

    Raises NotFound and SetupError for what is unknown, and when the project would lose its last administrator.
    """
    user, where = get_user(tx, name, domain_name), get_project(tx, project)
    if role is not Role.ADMINISTRATOR and not force:
        _refuse_lockout(tx, user, _grants_in(tx, user, where))
    _grant(tx, act, user, where, role)
    return where


def revoke_role(
    tx: Transaction, act: Act, *, name: str, domain_name: str | None, project: str | None, force: bool = False
) -> Project:
    """Take a user's role in a project away. Returns the project; raises as `grant_role` does."""
    user, where = get_user(tx, name, domain_name), get_project(tx, project)
    held = identity.granted_role(tx, user.id, where.id)
    if held is None:
        raise NotFound(f"{user.name} has no role in the project {where.name!r}: there is nothing to revoke")
    if not force:
        _refuse_lockout(tx, user, _grants_in(tx, user, where))
    identity.revoke_role(tx, user.id, where.id)
    record(tx, act, Change("users", user.id, {_role_in(where): (held.value, None)}))
    return where


def _grant(tx: Transaction, act: Act, user: User, project: Project, role: Role) -> None:
    held = identity.granted_role(tx, user.id, project.id)
    if held is role:
        return
    identity.grant_role(tx, user.id, project.id, role)
    record(tx, act, Change("users", user.id, {_role_in(project): (held.value if held else None, role.value)}))


def _role_in(project: Project) -> str:
    """How the audit calls a role: the project's id stays, its name need not."""
    return f"role in {project.name} ({project.id})"


def _grants_in(tx: Transaction, user: User, project: Project) -> list[Grant]:
    return [one for one in identity.list_grants(tx, user.id) if one.project_id == project.id]


def _refuse_lockout(tx: Transaction, user: User, grants: Iterable[Grant]) -> None:
    """Raises SetupError when the user is the last who administers one of these projects and may log in."""
    if not user.enabled:
        return
    for one in grants:
        if one.role == Role.ADMINISTRATOR and not identity.has_other_administrator(tx, one.project_id, user.id):
            raise SetupError(
                f"{user.name} is the last enabled administrator of the project {one.project_name!r}: nobody could "
                "delete objects or make workspaces there any more. Make somebody else administrator first "
                f"(tocsin user grant NAME administrator --project {one.project_id}), or say --force"
            )


def _domain(tx: Transaction, name: str | None) -> Domain:
    domains = identity.list_domains(tx)
    for one in domains:
        if name is None or one.name == name:
            return one
    known = ", ".join(one.name for one in domains) or "none: run `tocsin init`"
    raise SetupError(f"there is no account {name!r}; there are: {known}" if name else f"accounts: {known}")
