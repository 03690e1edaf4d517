"""Users, projects, keys and tokens."""

from collections.abc import Mapping, Sequence

import msgspec

from tocsin.errors import Forbidden, NotFound, Unauthenticated
from tocsin.identity.records import (
    AccessKey,
    Account,
    Domain,
    Grant,
    ListedKey,
    Project,
    Role,
    SealedKey,
    Token,
    User,
)
from tocsin.identity.secrets import KeyBox, new_token, token_hash
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries

SQL = load_queries(__package__ or __name__)


def get_access_key(tx: Transaction, access: str) -> AccessKey:
    """Raises Unauthenticated for a key that is unknown or disabled, in the gateway's words."""
    key = tx.row(SQL.find_access_key, AccessKey, {"access": access})
    if key is None or not key.enabled:
        raise Unauthenticated(f"Get secretKey failed,ak:{access[:64]},err:ak not exist")
    return key


def require_key(tx: Transaction, key_box: KeyBox) -> None:
    """Raises SetupError unless the key file can read the secret keys of this database."""
    for key in tx.rows(SQL.any_access_key, SealedKey, {}):
        key_box.open(key.secret, access=key.access)


def get_token(tx: Transaction, token: str, now_ms: int) -> Token:
    """Raises Unauthenticated for a token that is unknown, expired, or whose user is disabled."""
    found = tx.row(SQL.find_token, Token, {"token_hash": token_hash(token)})
    if found is None or not found.enabled or found.expire_time <= now_ms:
        raise Unauthenticated("decrypt token fail")
    return found


def find_user(
    tx: Transaction,
    *,
    user_id: str | None = None,
    name: str | None = None,
    domain_id: str | None = None,
    domain_name: str | None = None,
) -> User | None:
    """By id, or by name within a domain; a name alone finds its first holder."""
    return tx.row(
        SQL.find_user, User, {"id": user_id, "name": name, "domain_id": domain_id, "domain_name": domain_name}
    )


def list_users(tx: Transaction, domain_id: str, *, name: str | None) -> list[User]:
    return tx.rows(SQL.list_users, User, {"domain_id": domain_id, "name": name})


def list_domains(tx: Transaction) -> list[Domain]:
    return tx.rows(SQL.list_domains, Domain, {})


def list_projects(tx: Transaction, user_id: str) -> list[Project]:
    """The enabled projects in which the user has a role, oldest first."""
    return tx.rows(SQL.list_granted_projects, Project, {"user_id": user_id})


def find_projects_named(tx: Transaction, user_id: str, name: str, region_names: Mapping[str, str]) -> list[Project]:
    """The project that answers to a name, as a list of one or none.

    SDKs ask for the project that is called like the region, and fail unless there is exactly one. So the only project
    of a server answers to every name; of several, the one with this name, or the one that `region_names` maps it to.
    The project is returned under the name that was asked for.
    """
    projects = list_projects(tx, user_id)
    wanted = region_names.get(name, region_names.get("*", name))
    found = [project for project in projects if project.name == name] or [
        project for project in projects if project.name == wanted
    ]
    if not found and tx.values(SQL.count_projects, {}) == [1]:
        found = projects
    return [msgspec.structs.replace(project, name=name) for project in found[:1]]


def find_role(tx: Transaction, user_id: str, project_id: str) -> Role | None:
    """The user's role in a project; None when the project is unknown, disabled or not theirs."""
    roles = tx.values(SQL.find_role, {"user_id": user_id, "project_id": project_id})
    return Role(roles[0]) if roles else None


def scoped_project(
    tx: Transaction, user: User, *, project_id: str | None, name: str | None, region_names: Mapping[str, str]
) -> Project:
    """The project that a token is asked for. Raises Forbidden when there is none, or the user has no role in it."""
    if project_id is not None:
        found = [project for project in list_projects(tx, user.id) if project.id == project_id]
    else:
        found = find_projects_named(tx, user.id, name or "", region_names)
    if not found:
        raise Forbidden("The user has no role in the requested project, or there is no such project.")
    return found[0]


def scoped_domain(tx: Transaction, user: User, *, domain_id: str | None, name: str | None) -> Domain:
    """The user's own domain, if the scope names it. Raises NotFound for an unknown one, Forbidden for another's."""
    for domain in list_domains(tx):
        if domain.id == domain_id or (domain_id is None and domain.name == name):
            if domain.id != user.domain_id:
                raise Forbidden("The user does not belong to the requested domain.")
            return domain
    raise NotFound("The requested domain does not exist.")


def issue_token(
    tx: Transaction,
    user_id: str,
    *,
    project_id: str | None,
    domain_id: str | None,
    methods: Sequence[str],
    now_ms: int,
    expire_ms: int,
) -> str:
    """Store a new token (hashed) and return it. Expired ones are removed on the way."""
    token = new_token()
    tx.run(SQL.delete_expired_tokens, {"now": now_ms})
    tx.run(
        SQL.insert_token,
        {
            "token_hash": token_hash(token),
            "user_id": user_id,
            "project_id": project_id,
            "domain_id": domain_id,
            "methods": ",".join(methods),
            "issue_time": now_ms,
            "expire_time": expire_ms,
        },
    )
    return token


def first_project(tx: Transaction) -> Project | None:
    return tx.row(SQL.first_project, Project, {})


def first_administrator(tx: Transaction, project_id: str) -> User | None:
    return tx.row(SQL.first_administrator, User, {"project_id": project_id})


def create_domain(tx: Transaction, domain: Domain, now_ms: int) -> None:
    tx.run(SQL.insert_domain, {"id": domain.id, "name": domain.name, "now": now_ms})


def create_project(tx: Transaction, project: Project, now_ms: int) -> bool:
    """False, and nothing is made, when the account has a project of this name."""
    made = tx.run(
        SQL.insert_project,
        {
            "id": project.id,
            "domain_id": project.domain_id,
            "name": project.name,
            "description": project.description,
            "now": now_ms,
        },
    )
    return made == 1


def create_user(tx: Transaction, user: User, now_ms: int) -> bool:
    """False, and nothing is made, when the account has a user of this name."""
    made = tx.run(
        SQL.insert_user,
        {
            "id": user.id,
            "domain_id": user.domain_id,
            "name": user.name,
            "password_hash": user.password_hash,
            "now": now_ms,
        },
    )
    return made == 1


def grant_role(tx: Transaction, user_id: str, project_id: str, role: Role) -> None:
    """Replaces the user's earlier role in the project."""
    tx.run(SQL.upsert_grant, {"user_id": user_id, "project_id": project_id, "role": role.value})


def create_access_key(tx: Transaction, user_id: str, access: str, sealed_secret: bytes, now_ms: int) -> None:
    """`sealed_secret` comes from `secrets.KeyBox.seal`."""
    tx.run(SQL.insert_access_key, {"access": access, "user_id": user_id, "secret": sealed_secret, "now": now_ms})


def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Change a password; the user's tokens end with the old one."""
    tx.run(SQL.set_password, {"id": user_id, "password_hash": password_hash})
    tx.run(SQL.delete_tokens_of_user, {"user_id": user_id})


def revoke_role(tx: Transaction, user_id: str, project_id: str) -> bool:
    """False when the user had no role in the project."""
    return tx.run(SQL.delete_grant, {"user_id": user_id, "project_id": project_id}) > 0


def granted_role(tx: Transaction, user_id: str, project_id: str) -> Role | None:
    """The user's role, in a disabled project too."""
    roles = tx.values(SQL.granted_role, {"user_id": user_id, "project_id": project_id})
    return Role(roles[0]) if roles else None


def list_grants(tx: Transaction, user_id: str | None = None) -> list[Grant]:
    """Every role of a user, or of all users; in disabled projects too."""
    return tx.rows(SQL.list_grants, Grant, {"user_id": user_id})


def has_other_administrator(tx: Transaction, project_id: str, user_id: str) -> bool:
    """Whether some other enabled user administers the project."""
    return bool(tx.values(SQL.other_administrators, {"project_id": project_id, "user_id": user_id})[0])


def list_accounts(tx: Transaction) -> list[Account]:
    """Every user of every account, oldest first."""
    return tx.rows(SQL.list_accounts, Account, {})


def enable_user(tx: Transaction, user_id: str, *, enabled: bool) -> bool:
    """False when the user is so already. A disabled user's tokens end; their keys wait."""
    if not enabled:
        tx.run(SQL.delete_tokens_of_user, {"user_id": user_id})
    return tx.run(SQL.enable_user, {"id": user_id, "enabled": enabled}) > 0


def list_every_project(tx: Transaction) -> list[Project]:
    """Disabled ones too, oldest first: for the operator's own commands."""
    return tx.rows(SQL.list_every_project, Project, {})


def enable_project(tx: Transaction, project_id: str, *, enabled: bool) -> bool:
    """False when the project is so already."""
    return tx.run(SQL.enable_project, {"id": project_id, "enabled": enabled}) > 0


def list_access_keys(tx: Transaction, user_id: str | None = None) -> list[ListedKey]:
    """The keys of a user, or of all users, oldest first."""
    return tx.rows(SQL.list_access_keys, ListedKey, {"user_id": user_id})


def find_key(tx: Transaction, access: str) -> AccessKey | None:
    """A key as it is stored: `enabled` is its own here, whether or not its user is disabled."""
    return tx.row(SQL.key_holder, AccessKey, {"access": access})


def enable_key(tx: Transaction, access: str, *, enabled: bool) -> bool:
    """False when the key is so already."""
    return tx.run(SQL.enable_key, {"access": access, "enabled": enabled}) > 0


def list_secrets(tx: Transaction) -> list[SealedKey]:
    """Every encrypted secret that is not known to be lost."""
    return tx.rows(SQL.list_secrets, SealedKey, {})


def forget_secrets(tx: Transaction) -> int:
    """Disable every key and drop its secret, which no key file reads any more; returns how many."""
    return tx.run(SQL.forget_secrets, {"nothing": b""})
