"""Users, projects and keys by the names that an operator types, and the audit row of what is done to them."""

from tocsin.administration.records import Act
from tocsin.audit.records import Change
from tocsin.audit.service import record_administration
from tocsin.errors import NotFound, SetupError
from tocsin.identity import service as identity
from tocsin.identity.records import AccessKey, Project, User
from tocsin.storage.database import Transaction


def record(tx: Transaction, act: Act, change: Change) -> None:
    record_administration(tx, act.actor, change, operation=act.operation, request_id=act.request_id, now_ms=act.now_ms)


def get_user(tx: Transaction, name: str, domain_name: str | None = None) -> User:
    """Raises NotFound for an unknown user."""
    found = identity.find_user(tx, name=name, domain_name=domain_name)
    if found is None:
        raise NotFound(f"there is no user {name!r}: `tocsin user list` shows them")
    return found


def get_project(tx: Transaction, name_or_id: str | None) -> Project:
    """The project of this id, else of this name; the only one when none is given. Raises SetupError listing them."""
    projects = identity.list_every_project(tx)
    if name_or_id is None:
        if len(projects) == 1:
            return projects[0]
        raise SetupError(f"say which project with --project NAME_OR_ID; there are:{_listed(projects)}")
    found = [one for one in projects if one.id == name_or_id] or [one for one in projects if one.name == name_or_id]
    if found:
        return found[0]
    raise SetupError(f"there is no project {name_or_id!r}; there are:{_listed(projects)}")


def get_key(tx: Transaction, access: str) -> AccessKey:
    """Raises NotFound for an unknown access key."""
    found = identity.find_key(tx, access)
    if found is None:
        raise NotFound(f"there is no access key {access!r}: `tocsin key list` shows them")
    return found


def _listed(projects: list[Project]) -> str:
    return "".join(f"\n  {one.id}  {one.name}" for one in projects) or "\n  (none: run `tocsin init`)"
