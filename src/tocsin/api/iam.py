"""The part of the vendor's IAM that SDKs, Terraform and curl users call before they call SecMaster.

Source: IAM API reference (tokens, projects, domains, users) and recordings of the clients.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from tocsin.api.auth import header
from tocsin.api.operations import Answer, Call, ErrorStyle, Operation, Run
from tocsin.errors import InvalidRequest, LoginFailed, NotFound, Unauthenticated
from tocsin.identity import service
from tocsin.identity.records import Permission, Project, Role, Token, User
from tocsin.storage.database import Transaction, finished

SUBJECT_TOKEN = "X-Subject-Token"  # noqa: S105  # the name of a header
# Anybody may send one, so it is read in a blink; a real one has some hundred bytes.
TOKEN_BODY_LIMIT = 64 * 1024
_BAD_LOGIN = "The username or password is wrong."


_Text = Annotated[str, msgspec.Meta(max_length=255)]


class DomainRef(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None


class PasswordUser(msgspec.Struct, frozen=True):
    password: _Text
    id: _Text | None = None
    name: _Text | None = None
    domain: DomainRef | None = None


class PasswordIdentity(msgspec.Struct, frozen=True):
    user: PasswordUser


class TokenIdentity(msgspec.Struct, frozen=True):
    id: str


class KeyIdentity(msgspec.Struct, frozen=True):
    key: _Text


class AkSkIdentity(msgspec.Struct, frozen=True):
    access: KeyIdentity
    secret: KeyIdentity


class Identity(msgspec.Struct, frozen=True):
    methods: list[str]
    password: PasswordIdentity | None = None
    token: TokenIdentity | None = None
    hw_ak_sk: AkSkIdentity | None = None


class ProjectScope(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


class TokenScope(msgspec.Struct, frozen=True):
    project: ProjectScope | None = None
    domain: DomainRef | None = None


class Auth(msgspec.Struct, frozen=True):
    identity: Identity
    scope: TokenScope | None = None


class TokenBody(msgspec.Struct, frozen=True):
    auth: Auth


class NameAndId(msgspec.Struct, frozen=True):
    id: str
    name: str


class TokenUser(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    domain: NameAndId
    # Empty: the password does not expire.
    password_expires_at: str = ""


class TokenProject(msgspec.Struct, frozen=True):
    id: str
    name: str
    domain: NameAndId


class TokenDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    expires_at: str
    issued_at: str
    methods: Sequence[str]
    user: TokenUser
    roles: Sequence[NameAndId]
    catalog: list[dict[str, Any]]
    project: TokenProject | None = None
    domain: NameAndId | None = None


class TokenAnswer(msgspec.Struct, frozen=True):
    token: TokenDetail


class Links(msgspec.Struct, frozen=True, kw_only=True):
    self: str
    previous: None = None
    next: None = None


class SelfLink(msgspec.Struct, frozen=True, kw_only=True):
    self: str


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    domain_id: str
    parent_id: str
    enabled: bool
    is_domain: bool
    description: str
    links: SelfLink


class ProjectList(msgspec.Struct, frozen=True, kw_only=True):
    projects: Sequence[ProjectDetail]
    links: Links


class ProjectShown(msgspec.Struct, frozen=True):
    project: ProjectDetail


class DomainDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    enabled: bool
    description: str
    links: SelfLink


class DomainList(msgspec.Struct, frozen=True, kw_only=True):
    domains: Sequence[DomainDetail]
    links: Links


class UserDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    domain_id: str
    enabled: bool
    links: SelfLink


class UserList(msgspec.Struct, frozen=True, kw_only=True):
    users: Sequence[UserDetail]
    links: Links


class ProjectQuery(msgspec.Struct, frozen=True):
    name: str | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    enabled: bool | None = None
    is_domain: bool | None = None
    page: int | None = None
    per_page: int | None = None


class UserQuery(msgspec.Struct, frozen=True):
    name: str | None = None


class _Login(msgspec.Struct, frozen=True):
    """Who logged in, by which methods, and until when (UTC ms) at most."""

    user: User
    methods: list[str]
    expire_ms: int


async def create_token(call: Call[TokenBody]) -> Answer:
    """POST /v3/auth/tokens: check the credentials, then store a token for the scope that is asked for."""
    auth = call.body.auth
    login = await _login(call, auth.identity)

    def issue(tx: Transaction) -> tuple[str, TokenDetail]:
        project_id, domain_id = _wanted_scope(tx, call, login.user, auth.scope)
        token = service.issue_token(
            tx,
            login.user.id,
            project_id=project_id,
            domain_id=domain_id,
            methods=login.methods,
            now_ms=call.now_ms,
            expire_ms=login.expire_ms,
        )
        return token, _token_detail(tx, service.get_token(tx, token, call.now_ms))

    token, detail = await finished(call.services.database.write(issue))
    return Answer(body=TokenAnswer(detail), headers={SUBJECT_TOKEN: token})


async def _login(call: Call[TokenBody], identity: Identity) -> _Login:
    methods = identity.methods
    expire_ms = call.now_ms + call.services.settings.token_lifetime_s * 1000
    if methods == ["password"] and identity.password is not None:
        return _Login(await _login_by_password(call, identity.password.user), methods, expire_ms)
    if methods == ["token"] and identity.token is not None:
        token_id = identity.token.id
        user, token = await finished(call.services.database.read(lambda tx: _user_of_token(tx, call, token_id)))
        # A token changes its scope, not its end: else a stolen one could be renewed for ever.
        return _Login(user, methods, min(expire_ms, token.expire_time))
    if methods == ["hw_ak_sk"] and identity.hw_ak_sk is not None:
        return _Login(await _login_by_key(call, identity.hw_ak_sk), methods, expire_ms)
    raise InvalidRequest(
        "must be one of [password], [token] or [hw_ak_sk], with the object of the same name",
        field="auth.identity.methods",
    )


async def _login_by_password(call: Call[TokenBody], given: PasswordUser) -> User:
    domain = given.domain or DomainRef()
    if not (given.id or given.name):
        raise InvalidRequest("needs an id, or a name with a domain", field="auth.identity.password.user")
    user = await finished(
        call.services.database.read(
            lambda tx: service.find_user(
                tx, user_id=given.id, name=given.name, domain_id=domain.id, domain_name=domain.name
            )
        )
    )
    # One count for a user, however they are named in the request.
    throttled = (user.id if user else given.id or given.name, call.peer)
    await _wait(call, throttled)
    usable = user if user is not None and user.enabled else None
    matches = await call.services.hashing.password_matches(
        usable.password_hash if usable else None, given.password, peer=call.peer
    )
    if usable is None or not matches:
        raise LoginFailed(_BAD_LOGIN)
    call.services.throttle.succeeded(throttled)
    return usable


async def _login_by_key(call: Call[TokenBody], given: AkSkIdentity) -> User:
    throttled = ("access key", given.access.key, call.peer)
    await _wait(call, throttled)

    def check(tx: Transaction) -> User:
        try:
            key = service.get_access_key(tx, given.access.key)
        except Unauthenticated as error:
            raise LoginFailed("The access key or secret key is wrong.") from error
        if not call.services.key_box.matches(key.secret, given.secret.key, access=key.access):
            raise LoginFailed("The access key or secret key is wrong.")
        user = service.find_user(tx, user_id=key.user_id)
        if user is None:
            raise LoginFailed("The access key or secret key is wrong.")
        return user

    user = await finished(call.services.database.read(check))
    call.services.throttle.succeeded(throttled)
    return user


async def _wait(call: Call[TokenBody], key: tuple[str | None, ...]) -> None:
    delay_s = call.services.throttle.begin(key, asyncio.get_running_loop().time())
    if delay_s:
        await asyncio.sleep(delay_s)


def _user_of_token(tx: Transaction, call: Call[TokenBody], token: str) -> tuple[User, Token]:
    try:
        found = service.get_token(tx, token, call.now_ms)
    except Unauthenticated as error:
        raise LoginFailed("The token is unknown or has expired.") from error
    user = service.find_user(tx, user_id=found.user_id)
    if user is None:
        raise LoginFailed("The token is unknown or has expired.")
    return user, found


def _wanted_scope(
    tx: Transaction, call: Call[TokenBody], user: User, scope: TokenScope | None
) -> tuple[str | None, str | None]:
    """Project id and domain id of the token; both None when no scope is asked for."""
    if scope is None:
        return None, None
    if scope.project is not None:
        wanted = scope.project
        if not (wanted.id or wanted.name):
            raise InvalidRequest("needs an id or a name", field="auth.scope.project")
        if wanted.domain is not None and (wanted.domain.id or wanted.domain.name):
            service.scoped_domain(tx, user, domain_id=wanted.domain.id, name=wanted.domain.name)
        names = call.services.settings.identity_region_names
        return service.scoped_project(tx, user, project_id=wanted.id, name=wanted.name, region_names=names).id, None
    if scope.domain is not None:
        return None, service.scoped_domain(tx, user, domain_id=scope.domain.id, name=scope.domain.name).id
    return None, None


def _token_detail(tx: Transaction, token: Token) -> TokenDetail:
    domain = NameAndId(token.domain_id, token.domain_name)
    role = service.find_role(tx, token.user_id, token.project_id) if token.project_id else None
    return TokenDetail(
        expires_at=_iam_time(token.expire_time),
        issued_at=_iam_time(token.issue_time),
        methods=token.methods.split(","),
        user=TokenUser(id=token.user_id, name=token.user_name, domain=domain),
        roles=_roles(role),
        catalog=[],
        project=TokenProject(token.project_id, token.project_name or "", domain) if token.project_id else None,
        domain=domain if token.scope_domain_id else None,
    )


def _roles(role: Role | None) -> list[NameAndId]:
    return [] if role is None else [NameAndId(role.value, role.value)]


def _iam_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def show_token(tx: Transaction, call: Call[None]) -> Answer:
    """GET and HEAD /v3/auth/tokens: check another token, or one's own."""
    subject = header(call.request, SUBJECT_TOKEN.lower().encode())
    if not subject:
        raise InvalidRequest("names the token to check", field=SUBJECT_TOKEN)
    try:
        found = service.get_token(tx, subject, call.now_ms)
    except Unauthenticated as error:
        raise NotFound("The token is unknown or has expired.") from error
    return Answer(body=TokenAnswer(_token_detail(tx, found)), headers={SUBJECT_TOKEN: subject})


def list_projects(tx: Transaction, call: Call[None]) -> ProjectList:
    query: ProjectQuery = call.query
    user_id = call.acting.caller.user_id
    if query.name is not None:
        names = call.services.settings.identity_region_names
        found = service.find_projects_named(tx, user_id, query.name, names)
    else:
        found = service.list_projects(tx, user_id)
    kept = [
        project
        for project in found
        if query.domain_id in (None, project.domain_id)
        and query.parent_id in (None, project.domain_id)
        and query.enabled is not False
        and not query.is_domain
    ]
    return ProjectList(projects=[_project_detail(one) for one in kept], links=Links(self="/v3/projects"))


def show_project(tx: Transaction, call: Call[None]) -> ProjectShown:
    for project in service.list_projects(tx, call.acting.caller.user_id):
        if project.id == call.path["iam_project_id"]:
            return ProjectShown(_project_detail(project))
    raise NotFound("The project does not exist.")


def list_auth_projects(tx: Transaction, call: Call[None]) -> ProjectList:
    found = service.list_projects(tx, call.acting.caller.user_id)
    return ProjectList(projects=[_project_detail(one) for one in found], links=Links(self="/v3/auth/projects"))


def list_auth_domains(_tx: Transaction, call: Call[None]) -> DomainList:
    """Exactly one: Terraform refuses more."""
    caller = call.acting.caller
    domain = DomainDetail(
        id=caller.domain_id,
        name=caller.domain_name,
        enabled=True,
        description="",
        links=SelfLink(self=f"/v3/domains/{caller.domain_id}"),
    )
    return DomainList(domains=[domain], links=Links(self="/v3/auth/domains"))


def list_users(tx: Transaction, call: Call[None]) -> UserList:
    users = service.list_users(tx, call.acting.caller.domain_id, name=call.query.name)
    rows = [
        UserDetail(
            id=one.id,
            name=one.name,
            domain_id=one.domain_id,
            enabled=one.enabled,
            links=SelfLink(self=f"/v3/users/{one.id}"),
        )
        for one in users
    ]
    return UserList(users=rows, links=Links(self="/v3/users"))


def _project_detail(project: Project) -> ProjectDetail:
    return ProjectDetail(
        id=project.id,
        name=project.name,
        domain_id=project.domain_id,
        parent_id=project.domain_id,
        enabled=project.enabled,
        is_domain=False,
        description=project.description,
        links=SelfLink(self=f"/v3/projects/{project.id}"),
    )


def _lookup(
    *,
    name: str,
    path: str,
    summary: str,
    handler: Callable[..., Any],
    answer: Any,
    query: Any = None,
    request_headers: Mapping[str, str] | None = None,
    answer_headers: Mapping[str, str] | None = None,
) -> Operation:
    """A GET of the identity API: whoever has valid credentials may look."""
    return Operation(
        name=name,
        method="GET",
        path=path,
        summary=summary,
        handler=handler,
        run=Run.READ,
        answer=answer,
        query=query,
        permission=Permission.NOTHING,
        error_code="IAM.0002",
        error_style=ErrorStyle.IAM,
        vendor=False,
        request_headers=request_headers or {},
        answer_headers=answer_headers or {},
    )


OPERATIONS = [
    Operation(
        name="create_token",
        method="POST",
        path="/v3/auth/tokens",
        summary="Log in: password, token or access key for a token in X-Subject-Token",
        handler=create_token,
        run=Run.OWN,
        body=TokenBody,
        answer=TokenAnswer,
        permission=None,
        error_code="IAM.0002",
        error_style=ErrorStyle.IAM,
        vendor=False,
        success_status=201,
        body_limit_bytes=TOKEN_BODY_LIMIT,
        answer_headers={SUBJECT_TOKEN: "The token"},
    ),
    _lookup(
        name="show_token",
        path="/v3/auth/tokens",
        summary="Check a token",
        handler=show_token,
        answer=TokenAnswer,
        request_headers={SUBJECT_TOKEN: "The token to check"},
        answer_headers={SUBJECT_TOKEN: "The same token"},
    ),
    _lookup(
        name="list_projects",
        path="/v3/projects",
        summary="Find projects; SDKs ask for the one that is called like their region",
        handler=list_projects,
        answer=ProjectList,
        query=ProjectQuery,
    ),
    _lookup(
        name="show_project",
        path="/v3/projects/{iam_project_id}",
        summary="Show a project",
        handler=show_project,
        answer=ProjectShown,
    ),
    _lookup(
        name="list_auth_projects",
        path="/v3/auth/projects",
        summary="List the projects that the caller may use",
        handler=list_auth_projects,
        answer=ProjectList,
    ),
    _lookup(
        name="list_auth_domains",
        path="/v3/auth/domains",
        summary="Show the caller's account",
        handler=list_auth_domains,
        answer=DomainList,
    ),
    _lookup(
        name="list_users",
        path="/v3/users",
        summary="Find users of the account",
        handler=list_users,
        answer=UserList,
        query=UserQuery,
    ),
]
