"""The tenancy boundary: every data object belongs to one workspace, and every function takes the scope it acts in."""

import msgspec

from tocsin.identity.records import Caller

# The published pattern of a workspace name; the last part refuses the line feed that `$` alone lets through.
NAME_PATTERN = r"^[0-9a-zA-Z_\-()\u4e00-\u9fa5]{1,64}$(?!\n)"


class Workspace(msgspec.Struct, frozen=True):
    """A workspace as it is stored; times are UTC milliseconds, `tags` is JSON text."""

    id: str
    project_id: str
    name: str
    description: str
    region_id: str
    project_name: str
    enterprise_project_id: str
    enterprise_project_name: str
    view_bind_id: str
    is_view: bool
    tags: str
    creator_id: str
    creator_name: str
    modifier_id: str
    modifier_name: str
    create_time: int
    update_time: int


def new_workspace(
    *,
    workspace_id: str,
    project_id: str,
    name: str,
    region_id: str,
    project_name: str,
    creator: Caller,
    now_ms: int,
    description: str = "",
    enterprise_project_id: str = "",
    enterprise_project_name: str = "",
    view_bind_id: str = "",
    is_view: bool = False,
    tags: str = "[]",
) -> Workspace:
    """A workspace that nobody changed yet."""
    return Workspace(
        id=workspace_id,
        project_id=project_id,
        name=name,
        description=description,
        region_id=region_id,
        project_name=project_name,
        enterprise_project_id=enterprise_project_id,
        enterprise_project_name=enterprise_project_name,
        view_bind_id=view_bind_id,
        is_view=is_view,
        tags=tags,
        creator_id=creator.user_id,
        creator_name=creator.user_name,
        modifier_id=creator.user_id,
        modifier_name=creator.user_name,
        create_time=now_ms,
        update_time=now_ms,
    )


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Where, by whom, under which name and when something is done. Services filter by it and audit with it."""

    workspace_id: str
    project_id: str
    caller: Caller
    # The operation's name, as in the vendor's SDK.
    operation: str
    request_id: str
    # UTC milliseconds; one instant for everything that a call writes.
    now_ms: int
    # Offset, in minutes, of the times that the server makes, and of given times without a zone.
    offset_min: int
