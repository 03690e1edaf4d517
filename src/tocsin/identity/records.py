"""Who a caller is and what they may do."""

import enum

import msgspec


class Permission(enum.IntEnum):
    """What an operation needs, in a project. Each level includes the ones before it."""

    # Valid credentials are enough.
    NOTHING = 0
    READ = 1
    WRITE = 2
    ADMINISTER = 3


class Role(enum.StrEnum):
    """What a user was granted in a project."""

    READER = "reader"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    @property
    def permission(self) -> Permission:
        return _PERMISSIONS[self]


_PERMISSIONS = {
    Role.READER: Permission.READ,
    Role.OPERATOR: Permission.WRITE,
    Role.ADMINISTRATOR: Permission.ADMINISTER,
}


class Domain(msgspec.Struct, frozen=True):
    """An account, which users and projects belong to."""

    id: str
    name: str


class Project(msgspec.Struct, frozen=True):
    id: str
    domain_id: str
    name: str
    description: str
    enabled: bool


class User(msgspec.Struct, frozen=True):
    """A person or program that may log in. `password_hash` is argon2id."""

    id: str
    name: str
    domain_id: str
    domain_name: str
    password_hash: str
    enabled: bool


class Account(msgspec.Struct, frozen=True):
    """A user as the operator's list shows them; `create_time` is UTC milliseconds."""

    id: str
    name: str
    domain_name: str
    enabled: bool
    create_time: int


class Grant(msgspec.Struct, frozen=True):
    """A user's role in a project."""

    user_id: str
    project_id: str
    project_name: str
    role: str


class AccessKey(msgspec.Struct, frozen=True):
    """A key that signs requests. `secret` is encrypted; `enabled` is false too when the user is disabled."""

    access: str
    secret: bytes
    user_id: str
    user_name: str
    domain_id: str
    domain_name: str
    enabled: bool


class SealedKey(msgspec.Struct, frozen=True):
    """An access key and its encrypted secret."""

    access: str
    secret: bytes


class ListedKey(msgspec.Struct, frozen=True):
    """An access key as the operator's list shows it; `readable` is false once its secret is lost with a key file."""

    access: str
    user_name: str
    enabled: bool
    readable: bool
    create_time: int


class Token(msgspec.Struct, frozen=True):
    """What a token stands for: a user, and a project or a domain or neither."""

    user_id: str
    user_name: str
    domain_id: str
    domain_name: str
    project_id: str | None
    project_name: str | None
    # The domain that the token was asked for, when it was asked for one.
    scope_domain_id: str | None
    methods: str
    issue_time: int
    expire_time: int
    enabled: bool


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a request, after their credentials held."""

    user_id: str
    user_name: str
    domain_id: str
    domain_name: str
    # The project that a token is bound to; an access key is bound to none.
    token_project_id: str | None = None
    by_token: bool = False
