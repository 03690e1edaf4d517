"""Data classes of a workspace, and the types of alerts and incidents."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from tocsin.api.operations import Call, ErrorStyle, Operation, Run
from tocsin.errors import DataClassNotFound
from tocsin.identity.records import Permission
from tocsin.object_types.records import ObjectType
from tocsin.object_types.service import list_types
from tocsin.objects.records import DATA_CLASSES, DataClass
from tocsin.storage.database import Transaction
from tocsin.times import z_form_seconds
from tocsin.workspaces.service import get_workspace

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc/dataclasses"
_Offset = Annotated[int, msgspec.Meta(ge=0, le=999_999_999)]


class DataClassQuery(msgspec.Struct, frozen=True):
    offset: _Offset = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    name: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    business_code: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    description: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    is_built_in: bool | None = None


class DataClassDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    create_time: str
    update_time: str
    region_id: str
    project_id: str
    workspace_id: str
    domain_id: str
    name: str
    business_code: str
    description: str
    is_built_in: bool
    type_num: int


class DataClassList(msgspec.Struct, frozen=True):
    dataclass_details: Sequence[DataClassDetail]
    total: int


class TypeQuery(msgspec.Struct, frozen=True):
    """The query that Terraform sends; the SDK has no such operation."""

    offset: _Offset = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    enabled: bool | None = None
    order: Literal["ASC", "DESC"] = "ASC"
    sortby: Literal["CREATE_TIME", "CATEGORY"] = "CATEGORY"
    name: str | None = None
    sub_category: str | None = None
    category_code: str | None = None
    is_built_in: bool | None = None
    layout_name: str | None = None
    level: Annotated[int, msgspec.Meta(ge=1, le=2)] | None = None


class TypeDetail(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    dataclass_id: str
    dataclass_business_code: str
    domain_id: str
    project_id: str
    workspace_id: str
    category: str
    category_code: str
    sub_category: str
    sub_category_code: str
    description: str
    enabled: bool
    is_built_in: bool
    level: int
    sla: int
    sub_count: int


class TypeList(msgspec.Struct, frozen=True):
    dataclass_type_details: Sequence[TypeDetail]
    total: int


def list_dataclass(tx: Transaction, call: Call[None]) -> DataClassList:
    scope, query = call.acting, call.query
    workspace = get_workspace(tx, scope.project_id, scope.workspace_id)
    made = z_form_seconds(workspace.create_time, scope.offset_min)
    details = [
        DataClassDetail(
            id=one.id_in(scope.project_id, scope.workspace_id),
            create_time=made,
            update_time=made,
            region_id=workspace.region_id,
            project_id=scope.project_id,
            workspace_id=scope.workspace_id,
            domain_id=scope.caller.domain_id,
            name=one.title,
            business_code=one.title,
            description=f"{one.title} data class",
            is_built_in=True,
            type_num=len(list_types(tx, scope, one.name)),
        )
        for one in DATA_CLASSES
        if query.is_built_in is not False
    ]
    found = [one for one in details if _matches(one, query)]
    return DataClassList(found[query.offset : query.offset + query.limit], len(found))


def _matches(detail: DataClassDetail, query: DataClassQuery) -> bool:
    """Each filter looks for a part of the text, whatever its case."""
    return all(
        wanted is None or wanted.lower() in getattr(detail, name).lower()
        for name in ("name", "business_code", "description")
        if (wanted := getattr(query, name)) or wanted is None
    )


def list_dataclass_types(tx: Transaction, call: Call[None]) -> TypeList:
    scope, query = call.acting, call.query
    dataclass = _data_class_of(call)
    types = list_types(tx, scope, dataclass.name)
    children: dict[str, int] = {}
    for one in types:
        if one.level == 2:
            children[one.category_code] = children.get(one.category_code, 0) + 1
    found = sorted(
        (one for one in types if _fits(one, query)),
        key=lambda one: (
            one.create_time if query.sortby == "CREATE_TIME" else 0,
            one.category,
            one.level,
            one.sub_category or "",
            one.id,
        ),
        reverse=query.order == "DESC",
    )
    rows = [
        TypeDetail(
            id=one.id,
            dataclass_id=call.path["dataclass_id"],
            dataclass_business_code=dataclass.title,
            domain_id=scope.caller.domain_id,
            project_id=scope.project_id,
            workspace_id=scope.workspace_id,
            category=one.category,
            category_code=one.category_code,
            sub_category=one.sub_category or "",
            sub_category_code=one.sub_category_code or "",
            description=one.description,
            enabled=one.enabled,
            is_built_in=one.is_built_in,
            level=one.level,
            sla=one.sla_ms,
            sub_count=children.get(one.category_code, 0) if one.level == 1 else 0,
        )
        for one in found[query.offset : query.offset + query.limit]
    ]
    return TypeList(rows, len(found))


def _data_class_of(call: Call[Any]) -> DataClass:
    scope = call.acting
    for one in DATA_CLASSES:
        if one.id_in(scope.project_id, scope.workspace_id) == call.path["dataclass_id"]:
            return one
    raise DataClassNotFound("Failed to find one dataclass.")


def _fits(one: ObjectType, query: TypeQuery) -> bool:
    return (
        (query.enabled is None or one.enabled == query.enabled)
        and (query.is_built_in is None or one.is_built_in == query.is_built_in)
        and (query.level is None or one.level == query.level)
        and (query.category_code is None or one.category_code == query.category_code)
        and _contains(one.sub_category, query.sub_category)
        and _contains(f"{one.category}\n{one.sub_category or ''}", query.name)
        and query.layout_name is None
    )


def _contains(text: str | None, wanted: str | None) -> bool:
    return wanted is None or wanted.casefold() in (text or "").casefold()


OPERATIONS = [
    Operation(
        name="list_dataclass",
        method="GET",
        path=_BASE,
        summary="List data classes",
        handler=list_dataclass,
        run=Run.READ,
        query=DataClassQuery,
        answer=DataClassList,
        permission=Permission.READ,
        error_code="SecMaster.20030001",
    ),
    Operation(
        name="list_dataclass_types",
        method="GET",
        path=f"{_BASE}/{{dataclass_id}}/types",
        summary="List the types of a data class (as Terraform does; not in the SDK)",
        handler=list_dataclass_types,
        run=Run.READ,
        query=TypeQuery,
        answer=TypeList,
        permission=Permission.READ,
        error_code="SecMaster.20011001",
        error_style=ErrorStyle.BOTH,
    ),
]
