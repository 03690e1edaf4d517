"""Who sends a request, and whether they may do what it asks.

The order is fixed: credentials (401), then project and workspace (403 or 400), then the permission (403). What the
caller cannot see answers exactly like what does not exist.
"""

import re

import structlog

from tocsin.api.operations import Operation, Services
from tocsin.errors import Forbidden, InvalidRequest, Unauthenticated, WorkspaceNotFound
from tocsin.identity import service, signing
from tocsin.identity.records import Caller
from tocsin.identity.signing import SignedRequest
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import Scope
from tocsin.workspaces.service import require_workspace

LOG = structlog.get_logger()

_SECRET_HEADER = re.compile(r"^(x-auth-token|x-subject-token|x-security-token|authorization|cookie):.*$", re.MULTILINE)
# What an SDK sends when its user gave an endpoint but neither region nor project id.
_UNFILLED = "{project_id}"


def header(request: SignedRequest, name: bytes) -> str | None:
    """The first non-empty value of a header, "" when all are empty, None when there is none; `name` in lower case."""
    values = [value.decode("utf-8", "replace").strip() for key, value in request.headers if key.lower() == name]
    return next((value for value in values if value), values[0] if values else None)


def authenticate(tx: Transaction, services: Services, request: SignedRequest, now_ms: int) -> Caller:
    """The caller, by signature or else by token. Raises Unauthenticated."""
    authorization = header(request, b"authorization")
    if authorization and signing.is_signature(authorization):
        return _by_signature(tx, services, request, authorization, now_ms)
    token = header(request, b"x-auth-token")
    if not token:
        raise Unauthenticated("x-auth-token not found")
    found = service.get_token(tx, token, now_ms)
    return Caller(
        user_id=found.user_id,
        user_name=found.user_name,
        domain_id=found.domain_id,
        domain_name=found.domain_name,
        token_project_id=found.project_id,
        by_token=True,
    )


def _by_signature(
    tx: Transaction, services: Services, request: SignedRequest, authorization: str, now_ms: int
) -> Caller:
    signature = signing.parse_authorization(authorization)
    if header(request, b"x-security-token"):
        raise Unauthenticated("temporary access keys (X-Security-Token) are not issued by this server")
    key = service.get_access_key(tx, signature.access)
    signing.check_date(request, now_ms, services.settings.signature_window_s * 1000)
    if not signing.verify(request, signature, services.key_box.open(key.secret, access=key.access)):
        LOG.debug("signature_refused", access=signature.access, canonical_requests=canonical_text(request, signature))
        raise Unauthenticated(
            "verify aksk signature fail: the secret key is another, or the request was changed on its way "
            "(at log level debug the server's log shows what it expected to be signed)"
        )
    return Caller(user_id=key.user_id, user_name=key.user_name, domain_id=key.domain_id, domain_name=key.domain_name)


def canonical_text(request: SignedRequest, signature: signing.Signature) -> list[str]:
    """The canonical requests for the log, without the values of headers that are secrets."""
    return [_SECRET_HEADER.sub(r"\1:***", text) for text in signing.canonical_requests(request, signature)]


def authorise(
    tx: Transaction,
    operation: Operation,
    caller: Caller,
    request: SignedRequest,
    path: dict[str, str],
) -> None:
    """Raises WorkspaceNotFound for a project or workspace that the caller cannot see, Forbidden without permission."""
    if not operation.in_project:
        return
    project_id = path["project_id"]
    if project_id == _UNFILLED:
        raise InvalidRequest(
            "the path holds the literal {project_id}: give the SDK a project id, or a region to look it up by",
            field="project_id",
        )
    if caller.by_token and caller.token_project_id != project_id:
        raise WorkspaceNotFound("Invalid workspace ID.")
    named = header(request, b"x-project-id")
    if named and named != project_id:
        raise WorkspaceNotFound("Invalid workspace ID.")
    role = service.find_role(tx, caller.user_id, project_id)
    if role is None:
        raise WorkspaceNotFound("Invalid workspace ID.")
    if operation.in_workspace:
        require_workspace(tx, project_id, path["workspace_id"])
    if operation.permission is not None and role.permission < operation.permission:
        raise Forbidden("Unauthorized request")


def scope_of(
    operation: Operation, caller: Caller, path: dict[str, str], *, request_id: str, now_ms: int, offset_min: int
) -> Scope:
    return Scope(
        workspace_id=path.get("workspace_id", ""),
        project_id=path.get("project_id", ""),
        caller=caller,
        operation=operation.name,
        request_id=request_id,
        now_ms=now_ms,
        offset_min=offset_min,
    )
