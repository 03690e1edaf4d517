"""Data classes of a workspace, their fields, and the types of their objects."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from tocsin.api.auth import header
from tocsin.api.operations import SUCCESS, Call, ErrorStyle, Operation, Run
from tocsin.errors import InvalidRequest
from tocsin.identity.records import Permission
from tocsin.ids import derived_id
from tocsin.object_types.records import ObjectType
from tocsin.object_types.service import TypeForm, list_types
from tocsin.objects.custom_types import TypeUser, delete_types, make_type, set_enabled
from tocsin.objects.fields import FieldSpec, fields_of
from tocsin.objects.records import DATA_CLASSES, DataClass, data_class_with_id
from tocsin.storage.database import Transaction
from tocsin.times import z_form_seconds
from tocsin.workspaces.service import get_workspace

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc/dataclasses"
_TYPE_CODE = "SecMaster.20011001"
_CHINESE = "zh-cn"
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
    creator_id: str
    creator_name: str
    modifier_id: str
    modifier_name: str
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


class FieldQuery(msgspec.Struct, frozen=True):
    offset: _Offset = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    name: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    is_built_in: bool | None = None
    field_category: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    mapping: bool | None = None


class FieldDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    dataclass_name: str
    business_id: str
    business_type: str
    business_code: str
    field_key: str
    name: str
    description: str
    field_type: str
    # Only of fields that have a fixed one.
    default_value: str | None = None
    # JSON schema text; only the choices of an enumeration are told.
    json_schema: str
    is_built_in: bool
    case_sensitive: bool
    read_only: bool
    required: bool
    searchable: bool
    visible: bool
    maintainable: bool
    editable: bool
    creatable: bool
    mapping: bool
    create_time: str
    update_time: str


class FieldList(msgspec.Struct, frozen=True):
    field_details: Sequence[FieldDetail]
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


class TypeDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    dataclass_id: str
    dataclass_business_code: str
    domain_id: str
    project_id: str
    workspace_id: str
    region_id: str
    category: str
    category_code: str
    sub_category: str | None
    sub_category_code: str | None
    description: str
    enabled: bool
    is_built_in: bool
    level: int
    sla: int
    sub_count: int
    # Nobody made the built-in types.
    creator_id: str = ""
    creator_name: str = ""
    modifier_id: str = ""
    modifier_name: str = ""
    create_time: str = ""
    update_time: str = ""


class TypeList(msgspec.Struct, frozen=True):
    dataclass_type_details: Sequence[TypeDetail]
    total: int


_Name = Annotated[str, msgspec.Meta(min_length=2, max_length=64)] | None


class CreateTypeBody(msgspec.Struct, frozen=True, kw_only=True):
    """A child type by `category` and `sub_category`, or a type by `name`, `business_code` and `level`."""

    enabled: bool
    # Milliseconds; 0 for none.
    sla: Annotated[int, msgspec.Meta(ge=0, le=15_634_800_000)]
    category: _Name = None
    category_code: _Name = None
    sub_category: _Name = None
    sub_category_code: _Name = None
    name: _Name = None
    business_code: _Name = None
    dataclass_business_code: _Name = None
    description: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    level: Annotated[int, msgspec.Meta(ge=1, le=2)] | None = None


_TypeIds = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=2, max_length=64)]], msgspec.Meta(min_length=1, max_length=100)
]


class DeleteTypesBody(msgspec.Struct, frozen=True):
    # False: only tell what uses the types.
    is_delete: bool
    ids: _TypeIds


class EnableTypesBody(msgspec.Struct, frozen=True):
    enable: bool
    ids: _TypeIds


class TypeUsers(msgspec.Struct, frozen=True, kw_only=True):
    """DeleteRelationResource, for one type that was not deleted."""

    type: str = "DATAOBJECT"
    count: int
    detail_url: str = ""
    data: Sequence[TypeUser]
    # Ours: which type, and why it stays.
    type_id: str
    reason: str


class EnableAnswer(msgspec.Struct, frozen=True):
    code: str = SUCCESS
    message: str = ""
    data: str = ""
    success: bool = True


def list_dataclass(tx: Transaction, call: Call[None]) -> DataClassList:
    query = call.query
    details = _details(tx, call) if query.is_built_in is not False else []
    found = [one for one in details if _matches(one, query)]
    return DataClassList(found[query.offset : query.offset + query.limit], len(found))


def show_data_class_info(tx: Transaction, call: Call[None]) -> DataClassDetail:
    wanted = _data_class_of(call)
    return next(one for one in _details(tx, call) if one.name == wanted.title)


def _details(tx: Transaction, call: Call[None]) -> list[DataClassDetail]:
    scope = call.acting
    workspace = get_workspace(tx, scope.project_id, scope.workspace_id)
    made = z_form_seconds(workspace.create_time, scope.offset_min)
    return [
        DataClassDetail(
            id=one.id_in(scope.project_id, scope.workspace_id),
            create_time=made,
            update_time=made,
            creator_id=workspace.creator_id,
            creator_name=workspace.creator_name,
            modifier_id=workspace.creator_id,
            modifier_name=workspace.creator_name,
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
    ]


def _matches(detail: DataClassDetail, query: DataClassQuery) -> bool:
    """Each filter looks for a part of the text, whatever its case."""
    return all(
        _contains(getattr(detail, name), getattr(query, name)) for name in ("name", "business_code", "description")
    )


def list_dataclass_fields(tx: Transaction, call: Call[None]) -> FieldList:
    scope, query = call.acting, call.query
    dataclass = _data_class_of(call)
    made = z_form_seconds(get_workspace(tx, scope.project_id, scope.workspace_id).create_time, scope.offset_min)
    # Every field is built in, belongs to no category, and takes part in mappings.
    every = query.is_built_in is not False and query.mapping is not False and query.field_category is None
    found = [one for one in fields_of(dataclass) if every and _contains(one.key, query.name)]
    rows = [_field(one, dataclass, call, made) for one in found[query.offset : query.offset + query.limit]]
    return FieldList(rows, len(found))


def _field(one: FieldSpec, dataclass: DataClass, call: Call[None], made: str) -> FieldDetail:
    dataclass_id = call.path["dataclass_id"]
    return FieldDetail(
        id=derived_id(dataclass_id.encode(), one.key.encode()),
        dataclass_name=dataclass.title,
        business_id=dataclass_id,
        business_type="DATACLASS",
        business_code=one.key,
        field_key=one.key,
        name=one.key,
        description=one.key,
        field_type=one.kind,
        default_value=one.default,
        is_built_in=True,
        case_sensitive=True,
        visible=True,
        maintainable=False,
        mapping=True,
        json_schema=msgspec.json.encode({"enum": one.choices} if one.choices else {}).decode(),
        read_only=one.read_only,
        required=one.required,
        searchable=one.searchable,
        editable=not one.read_only and one.key != "id",
        creatable=not one.read_only,
        create_time=made,
        update_time=made,
    )


def list_dataclass_types(tx: Transaction, call: Call[None]) -> TypeList:
    query, dataclass = call.query, _data_class_of(call)
    types = list_types(tx, call.acting, dataclass.name)
    region_id = _region(tx, call)
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
    page = found[query.offset : query.offset + query.limit]
    rows = [_type(call, one, every=types, dataclass=dataclass, region_id=region_id) for one in page]
    return TypeList(rows, len(found))


def _region(tx: Transaction, call: Call[Any]) -> str:
    return get_workspace(tx, call.acting.project_id, call.acting.workspace_id).region_id


def _type(
    call: Call[Any], one: ObjectType, *, every: Sequence[ObjectType], dataclass: DataClass, region_id: str
) -> TypeDetail:
    scope = call.acting
    chinese = (header(call.request, b"x-language") or "").lower() == _CHINESE
    code = one.category_code.casefold()
    return TypeDetail(
        id=one.id,
        dataclass_id=call.path["dataclass_id"],
        dataclass_business_code=dataclass.title,
        domain_id=scope.caller.domain_id,
        project_id=scope.project_id,
        workspace_id=scope.workspace_id,
        region_id=region_id,
        category=(one.category_zh if chinese else None) or one.category,
        category_code=one.category_code,
        sub_category=(one.sub_category_zh if chinese else None) or one.sub_category or "",
        sub_category_code=one.sub_category_code or "",
        description=one.description,
        enabled=one.enabled,
        is_built_in=one.is_built_in,
        level=one.level,
        sla=one.sla_ms,
        sub_count=sum(other.level == 2 and other.category_code.casefold() == code for other in every)
        if one.level == 1
        else 0,
        creator_id=one.creator_id,
        creator_name=one.creator_name,
        modifier_id=one.modifier_id,
        modifier_name=one.modifier_name,
        create_time=z_form_seconds(one.create_time, scope.offset_min) if one.create_time else "",
        update_time=z_form_seconds(one.update_time, scope.offset_min) if one.update_time else "",
    )


def create_dataclass_type(tx: Transaction, call: Call[CreateTypeBody]) -> TypeDetail:
    dataclass = _data_class_of(call)
    made = make_type(tx, call.acting, dataclass, _form(call.body))
    every = list_types(tx, call.acting, dataclass.name)
    return _type(call, made, every=every, dataclass=dataclass, region_id=_region(tx, call))


def _form(body: CreateTypeBody) -> TypeForm:
    """Names and codes as they are stored: a name stands for a code that is missing, and the other way round."""
    category, code = body.category or body.category_code, body.category_code or body.category
    child, child_code = body.sub_category or body.sub_category_code, body.sub_category_code or body.sub_category
    if body.name or body.business_code:
        named = (body.name or body.business_code, body.business_code or body.name)
        if body.level == 2:
            child, child_code = child or named[0], child_code or named[1]
        else:
            category, code = category or named[0], code or named[1]
    if category is None or code is None:
        raise InvalidRequest("the name of the parent type is needed", field="category")
    if child is None and body.level == 2:
        raise InvalidRequest("the name of the child type is needed", field="sub_category")
    return TypeForm(
        category=category,
        category_code=code,
        sub_category=child,
        sub_category_code=child_code,
        description=body.description or "",
        enabled=body.enabled,
        sla_ms=body.sla,
    )


def delete_dataclass_type(tx: Transaction, call: Call[DeleteTypesBody]) -> Sequence[TypeUsers]:
    refusals = delete_types(tx, call.acting, _data_class_of(call), call.body.ids, really=call.body.is_delete)
    return [TypeUsers(count=one.count, data=one.users, type_id=one.type_id, reason=one.reason) for one in refusals]


def enable_dataclass_type(tx: Transaction, call: Call[EnableTypesBody]) -> EnableAnswer:
    set_enabled(tx, call.acting, _data_class_of(call), call.body.ids, enabled=call.body.enable)
    return EnableAnswer()


def _data_class_of(call: Call[Any]) -> DataClass:
    scope = call.acting
    return data_class_with_id(call.path["dataclass_id"], scope.project_id, scope.workspace_id)


def _fits(one: ObjectType, query: TypeQuery) -> bool:
    return (
        (query.enabled is None or one.enabled == query.enabled)
        and (query.is_built_in is None or one.is_built_in == query.is_built_in)
        and (query.level is None or one.level == query.level)
        and (query.category_code is None or one.category_code == query.category_code)
        and _contains(f"{one.sub_category or ''}\n{one.sub_category_zh or ''}", query.sub_category)
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
    ),
    Operation(
        name="show_data_class_info",
        method="GET",
        path=f"{_BASE}/{{dataclass_id}}",
        summary="Show a data class",
        handler=show_data_class_info,
        run=Run.READ,
        answer=DataClassDetail,
        permission=Permission.READ,
    ),
    Operation(
        name="list_dataclass_fields",
        method="GET",
        path=f"{_BASE}/{{dataclass_id}}/fields",
        summary="List the fields of a data class",
        handler=list_dataclass_fields,
        run=Run.READ,
        query=FieldQuery,
        answer=FieldList,
        permission=Permission.READ,
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
        error_code=_TYPE_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="create_dataclass_type",
        method="POST",
        path=f"{_BASE}/{{dataclass_id}}/types",
        summary="Make a type",
        handler=create_dataclass_type,
        run=Run.WRITE,
        body=CreateTypeBody,
        answer=TypeDetail,
        permission=Permission.ADMINISTER,
        error_code=_TYPE_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="delete_dataclass_type",
        method="DELETE",
        path=f"{_BASE}/{{dataclass_id}}/types",
        summary="Delete types that nothing uses, or tell what uses them",
        handler=delete_dataclass_type,
        run=Run.WRITE,
        body=DeleteTypesBody,
        answer=Sequence[TypeUsers],
        permission=Permission.ADMINISTER,
        error_code=_TYPE_CODE,
        error_style=ErrorStyle.BOTH,
    ),
    Operation(
        name="enable_dataclass_type",
        method="POST",
        path=f"{_BASE}/{{dataclass_id}}/types/enable",
        summary="Enable or disable types",
        handler=enable_dataclass_type,
        run=Run.WRITE,
        body=EnableTypesBody,
        answer=EnableAnswer,
        permission=Permission.ADMINISTER,
        error_code=_TYPE_CODE,
        error_style=ErrorStyle.FLAGGED,
    ),
]
