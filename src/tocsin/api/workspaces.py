"""Workspaces of a project: plain objects without an envelope."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from tocsin.api.operations import Answer, Call, ErrorStyle, Operation, Run
from tocsin.audit.records import Change
from tocsin.audit.service import record_administration
from tocsin.errors import InvalidRequest
from tocsin.identity.records import Permission
from tocsin.ids import new_id
from tocsin.storage.database import Transaction
from tocsin.times import parse_time, z_form_seconds
from tocsin.workspaces import service
from tocsin.workspaces.records import NAME_PATTERN, Scope, Workspace, new_workspace

_BASE = "/v1/{project_id}/workspaces"
_ERROR_CODE = "SecMaster.20011001"


class Tag(msgspec.Struct, frozen=True):
    key: Annotated[str, msgspec.Meta(max_length=64)] = ""
    value: Annotated[str, msgspec.Meta(max_length=64)] = ""


class CreateWorkspaceBody(msgspec.Struct, frozen=True):
    region_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z_-]{1,64}$(?!\n)")]
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    project_name: Annotated[str, msgspec.Meta(max_length=64)]
    description: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    enterprise_project_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z_-]{0,64}$(?!\n)")] | None = None
    enterprise_project_name: (
        Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z_\u4e00-\u9fa5\-.]{0,64}$(?!\n)")] | None
    ) = None
    view_bind_id: Annotated[str, msgspec.Meta(max_length=36)] | None = None
    is_view: bool | None = None
    tags: Annotated[list[Tag], msgspec.Meta(max_length=16)] | None = None


class UpdateWorkspaceBody(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    # Absent and null leave it.
    description: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    view_bind_id: Annotated[str, msgspec.Meta(max_length=36)] | None = None


class DeleteWorkspaceQuery(msgspec.Struct, frozen=True):
    # Either way the workspace is gone at once.
    permanent_delete: bool | None = None


class GuidesQuery(msgspec.Struct, frozen=True):
    version: str | None = None


class Guides(msgspec.Struct, frozen=True):
    """Terraform waits for this to be answered, and reads nothing of it."""

    guides: Sequence[str] = ()


class WorkspaceQuery(msgspec.Struct, frozen=True):
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    region_id: str | None = None
    name: str | None = None
    description: str | None = None
    view_bind_id: str | None = None
    view_bind_name: str | None = None
    create_time_start: str | None = None
    create_time_end: str | None = None
    is_view: bool | None = None
    # Comma-separated.
    ids: str | None = None
    normal_project_id: str | None = None
    enterprise_project_id: str | None = None


class WorkspaceDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    create_time: str
    update_time: str
    name: str
    description: str
    creator_id: str
    creator_name: str
    modifier_id: str
    modifier_name: str
    project_id: str
    project_name: str
    domain_id: str
    domain_name: str
    enterprise_project_id: str
    enterprise_project_name: str
    is_view: bool
    region_id: str
    view_bind_id: str
    view_bind_name: str
    # Views over other workspaces are kept, and take in nothing.
    workspace_agency_list: Sequence[str] = ()


class WorkspaceList(msgspec.Struct, frozen=True):
    count: int
    workspaces: Sequence[WorkspaceDetail]


class WorkspaceShown(msgspec.Struct, frozen=True):
    workspace: WorkspaceDetail


def create_workspace(tx: Transaction, call: Call[CreateWorkspaceBody]) -> WorkspaceDetail:
    scope, body = call.acting, call.body
    workspace = new_workspace(
        workspace_id=new_id(),
        project_id=scope.project_id,
        name=body.name,
        region_id=body.region_id,
        project_name=body.project_name,
        creator=scope.caller,
        now_ms=scope.now_ms,
        description=body.description or "",
        enterprise_project_id=body.enterprise_project_id or "",
        enterprise_project_name=body.enterprise_project_name or "",
        view_bind_id=body.view_bind_id or "",
        is_view=body.is_view or False,
        tags=msgspec.json.encode(body.tags or []).decode(),
    )
    service.create_workspace(tx, workspace)
    _record(tx, scope, workspace.id, {"name": (None, workspace.name)})
    return _detail(workspace, scope, _names(tx, scope, workspace))


def update_workspace(tx: Transaction, call: Call[UpdateWorkspaceBody]) -> WorkspaceDetail:
    scope, body = call.acting, call.body
    before = service.get_workspace(tx, scope.project_id, scope.workspace_id)
    given = {key: value for key in body.__struct_fields__ if (value := getattr(body, key)) is not None}
    after = msgspec.structs.replace(
        before,
        **given,
        modifier_id=scope.caller.user_id,
        modifier_name=scope.caller.user_name,
        update_time=scope.now_ms,
    )
    service.update_workspace(tx, after)
    changed = {key: (getattr(before, key), value) for key, value in given.items() if getattr(before, key) != value}
    _record(tx, scope, after.id, changed)
    return _detail(after, scope, _names(tx, scope, after))


def delete_workspace(tx: Transaction, call: Call[None]) -> Answer:
    scope = call.acting
    service.delete_workspace(tx, scope.project_id, scope.workspace_id, scope.now_ms)
    _record(tx, scope, scope.workspace_id, {"deleted": (False, True)})
    return Answer()


def show_guides(_tx: Transaction, _call: Call[None]) -> Guides:
    return Guides()


def _record(tx: Transaction, scope: Scope, workspace_id: str, fields: dict[str, tuple[Any, Any]]) -> None:
    record_administration(
        tx,
        scope.caller,
        Change("workspaces", workspace_id, fields),
        operation=scope.operation,
        request_id=scope.request_id,
        now_ms=scope.now_ms,
    )


def list_workspaces(tx: Transaction, call: Call[None]) -> WorkspaceList:
    scope, query = call.acting, call.query
    start, end = (_instant(query, name, scope) for name in ("create_time_start", "create_time_end"))
    every = service.list_workspaces(tx, scope.project_id)
    names = {one.id: one.name for one in every}
    found = [
        one
        for one in every
        if _fits(one, query, names)
        and (start is None or one.create_time >= start)
        # Workspaces show whole seconds, so the second that was shown finds them.
        and (end is None or one.create_time // 1000 * 1000 <= end)
    ]
    page = found[query.offset : query.offset + query.limit]
    return WorkspaceList(len(found), [_detail(one, scope, names) for one in page])


def show_workspace(tx: Transaction, call: Call[None]) -> WorkspaceShown:
    scope = call.acting
    found = service.get_workspace(tx, scope.project_id, scope.workspace_id)
    return WorkspaceShown(_detail(found, scope, _names(tx, scope, found)))


def _instant(query: WorkspaceQuery, name: str, scope: Scope) -> int | None:
    text = getattr(query, name)
    if not text:
        return None
    try:
        # A `+` that the client did not encode arrives as a blank.
        return parse_time(text.replace("Z ", "Z+"), scope.offset_min).ms
    except ValueError as error:
        raise InvalidRequest(str(error), field=name) from error


def _names(tx: Transaction, scope: Scope, one: Workspace) -> dict[str, str]:
    """The name of the workspace that this one is bound to, by id; none when it is bound to none that there is."""
    bound = one.view_bind_id
    return {other.id: other.name for other in service.list_workspaces(tx, scope.project_id)} if bound else {}


def _fits(one: Workspace, query: WorkspaceQuery, names: Mapping[str, str]) -> bool:
    ids = None if query.ids is None else {part.strip() for part in query.ids.split(",")}
    return (
        (ids is None or one.id in ids)
        and (query.is_view is None or one.is_view == query.is_view)
        and (query.name is None or query.name.casefold() in one.name.casefold())
        and (query.description is None or query.description.casefold() in one.description.casefold())
        and all(
            wanted is None or wanted == value
            for wanted, value in (
                (query.region_id, one.region_id),
                (query.view_bind_id, one.view_bind_id),
                (query.view_bind_name, names.get(one.view_bind_id, "")),
                (query.normal_project_id, one.project_id),
                (query.enterprise_project_id, one.enterprise_project_id),
            )
        )
    )


def _detail(one: Workspace, scope: Scope, names: Mapping[str, str]) -> WorkspaceDetail:
    return WorkspaceDetail(
        id=one.id,
        create_time=z_form_seconds(one.create_time, scope.offset_min),
        update_time=z_form_seconds(one.update_time, scope.offset_min),
        name=one.name,
        description=one.description,
        creator_id=one.creator_id,
        creator_name=one.creator_name,
        modifier_id=one.modifier_id,
        modifier_name=one.modifier_name,
        project_id=one.project_id,
        project_name=one.project_name,
        domain_id=scope.caller.domain_id,
        domain_name=scope.caller.domain_name,
        enterprise_project_id=one.enterprise_project_id,
        enterprise_project_name=one.enterprise_project_name,
        is_view=one.is_view,
        region_id=one.region_id,
        view_bind_id=one.view_bind_id,
        view_bind_name=names.get(one.view_bind_id, ""),
    )


OPERATIONS = [
    Operation(
        name="create_workspace",
        method="POST",
        path=_BASE,
        summary="Create a workspace",
        handler=create_workspace,
        run=Run.WRITE,
        body=CreateWorkspaceBody,
        answer=WorkspaceDetail,
        permission=Permission.ADMINISTER,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="list_workspaces",
        method="GET",
        path=_BASE,
        summary="List the workspaces of a project",
        handler=list_workspaces,
        run=Run.READ,
        query=WorkspaceQuery,
        answer=WorkspaceList,
        permission=Permission.READ,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="show_workspace",
        method="GET",
        path=f"{_BASE}/{{workspace_id}}",
        summary="Show a workspace",
        handler=show_workspace,
        run=Run.READ,
        answer=WorkspaceShown,
        permission=Permission.READ,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="update_workspace",
        method="PUT",
        path=f"{_BASE}/{{workspace_id}}",
        summary="Change a workspace's name and description",
        handler=update_workspace,
        run=Run.WRITE,
        body=UpdateWorkspaceBody,
        answer=WorkspaceDetail,
        permission=Permission.ADMINISTER,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="delete_workspace",
        method="DELETE",
        path=f"{_BASE}/{{workspace_id}}",
        summary="Delete a workspace with all that is in it",
        handler=delete_workspace,
        run=Run.WRITE,
        query=DeleteWorkspaceQuery,
        answer=None,
        permission=Permission.ADMINISTER,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="show_guides",
        method="GET",
        path=f"{_BASE}/{{workspace_id}}/sa/guides",
        summary="Whether a new workspace is ready (as Terraform asks; not in the SDK)",
        handler=show_guides,
        run=Run.READ,
        query=GuidesQuery,
        answer=Guides,
        permission=Permission.READ,
        error_code=_ERROR_CODE,
        error_style=ErrorStyle.BOTH,
    ),
]
