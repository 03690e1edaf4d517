"""The search language: what a `DataobjectSearch` body may ask of data objects, checked field by field.

Source: API reference, "DataobjectSearch"; operators beyond the documented ones and the meaning of absent values are
ours (docs/reference/search.md).
"""

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec

from tocsin.errors import InvalidCondition, InvalidOrder, InvalidRequest, InvalidSort
from tocsin.objects.records import SEVERITIES, DataClass, listed, severity_rank
from tocsin.paging import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Condition, Kind, Search, SearchField
from tocsin.times import parse_time

_ConditionText = Annotated[str, msgspec.Meta(max_length=100)]


class SearchCondition(msgspec.Struct, frozen=True):
    """A named comparison: `data` is [field, operator, value]."""

    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    data: Annotated[list[_ConditionText], msgspec.Meta(max_length=999)] = []


class ConditionGroup(msgspec.Struct, frozen=True):
    """Comparisons, and their names joined by `and` and `or`."""

    conditions: Annotated[list[SearchCondition], msgspec.Meta(max_length=999)] | None = None
    logics: Annotated[list[_ConditionText], msgspec.Meta(max_length=1999)] | None = None


class PageBody(msgspec.Struct, frozen=True):
    """What every search body can say: which page, in which order, made when."""

    limit: Annotated[int, msgspec.Meta(ge=0, le=MAX_LIMIT)] | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET)] | None = None
    sort_by: str | None = None
    order: str | None = None
    from_date: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    to_date: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class SearchBody(PageBody, frozen=True):
    """Body of every search of data objects."""

    condition: ConditionGroup | None = None


def _column(kind: Kind, column: str, *, required: bool = False) -> SearchField:
    return SearchField(kind=kind, column=column, required=required)


def _member(*path: str, kind: Kind = Kind.TEXT) -> SearchField:
    return SearchField(kind=kind, path=path)


def _element(each: str, name: str, kind: Kind = Kind.TEXT) -> SearchField:
    return SearchField(kind=kind, each=each, path=(name,))


_COMMON_FIELDS: dict[str, SearchField] = {
    "id": _column(Kind.TEXT, "id", required=True),
    "workspace_id": _column(Kind.TEXT, "workspace_id", required=True),
    "create_time": _column(Kind.TIME, "create_time", required=True),
    "update_time": _column(Kind.TIME, "update_time", required=True),
}
_ENVIRONMENT = ("vendor_type", "domain_id", "region_id", "project_id")
_DATA_SOURCE = ("domain_id", "project_id", "region_id", "product_name", "product_feature")
_WORK_FIELDS: dict[str, SearchField] = {
    "handle_status": _column(Kind.TEXT, "handle_status", required=True),
    "title": _column(Kind.TEXT, "title", required=True),
    "severity": _column(Kind.SEVERITY, "severity"),
    "verification_state": _column(Kind.TEXT, "verification_state"),
    "owner": _column(Kind.TEXT, "owner"),
    "close_reason": _column(Kind.TEXT, "close_reason"),
    "close_comment": _column(Kind.TEXT, "close_comment"),
    **{
        name: _column(Kind.TIME, name)
        for name in ("close_time", "first_observed_time", "last_observed_time", "arrive_time", "sla")
    },
    **{name: _member(name, kind=Kind.NUMBER) for name in ("count", "confidence", "criticality", "ttd", "ttr")},
    **{
        name: _member(name)
        for name in (
            "version", "domain_id", "region_id", "labels", "description", "source_url", "ipdrr_phase", "actor",
            "creator", "origin_id",
        )
    },
    "simulation": SearchField(kind=Kind.TEXT, path=("simulation",), spelling=True),
    **{f"environment.{name}": _member("environment", name) for name in (*_ENVIRONMENT, "cross_workspace_id")},
    "data_source.source_type": _member("data_source", "source_type", kind=Kind.NUMBER),
    **{
        f"data_source.{name}": _member("data_source", name)
        for name in (*_DATA_SOURCE, "company_name", "product_module")
    },
    **{
        f"network_list.{name}": _element("network_list", name)
        for name in ("src_ip", "dest_ip", "dest_port", "src_domain", "dest_domain")
    },
    "network_list.src_port": _element("network_list", "src_port", Kind.NUMBER),
    "resource_list.id": _element("resource_list", "id"),
    "resource_list.name": _element("resource_list", "name"),
    "file_info.file_sha256": _element("file_info", "file_sha256"),
    "file_info.file_md5": _element("file_info", "file_md5"),
    "user_info.user_name": _element("user_info", "user_name"),
    "process.process_name": _element("process", "process_name"),
}  # fmt: skip
_INDICATOR_FIELDS: dict[str, SearchField] = {
    "name": _column(Kind.TEXT, "title", required=True),
    "first_report_time": _column(Kind.TIME, "first_observed_time"),
    "last_report_time": _column(Kind.TIME, "last_observed_time"),
    **{name: _member(name) for name in ("value", "verdict", "status", "labels")},
    **{name: _member(name, kind=Kind.NUMBER) for name in ("confidence", "granular_marking")},
    **{name: SearchField(kind=Kind.TEXT, path=(name,), spelling=True) for name in ("defanged", "revoked")},
    "indicator_type.id": _member("indicator_type", "id"),
    **{f"environment.{name}": _member("environment", name) for name in _ENVIRONMENT},
    "data_source.source_type": _member("data_source", "source_type", kind=Kind.NUMBER),
    **{f"data_source.{name}": _member("data_source", name) for name in _DATA_SOURCE},
}

# Operator as sent: the positive operator, and whether it is negated.
_OPERATORS = {
    "=": ("=", False),
    "!=": ("=", True),
    ">": (">", False),
    "<": ("<", False),
    ">=": (">=", False),
    "<=": ("<=", False),
    "in": ("in", False),
    "not in": ("in", True),
    "contains": ("contains", False),
    "not contains": ("contains", True),
}
_SORTS = ("create_time", "update_time")


def search_fields(dataclass: DataClass) -> dict[str, SearchField]:
    """Every field that objects of a class can be searched by."""
    return {
        **_COMMON_FIELDS,
        **(_WORK_FIELDS if dataclass.handled else _INDICATOR_FIELDS),
        f"{dataclass.type_field}.category": _column(Kind.TEXT, "category"),
        f"{dataclass.type_field}.{dataclass.type_field}": _column(Kind.TEXT, "sub_category"),
    }


class IndicatorSearchBody(SearchBody, frozen=True):
    """IndicatorListSearchRequest: larger pages, and the ids wanted."""

    limit: Annotated[int, msgspec.Meta(ge=0, le=999_999)] | None = None
    ids: Annotated[list[_ConditionText], msgspec.Meta(max_length=999)] | None = None
    dataclass_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None


def parse_search(dataclass: DataClass, body: SearchBody, offset_min: int) -> Search:
    """A checked search. Raises InvalidSort, InvalidOrder, InvalidCondition or InvalidRequest, naming the field."""
    return msgspec.structs.replace(
        parse_page(body, offset_min),
        alternatives=_alternatives(dataclass, body.condition, offset_min),
        ids=tuple(body.ids) if isinstance(body, IndicatorSearchBody) and body.ids else None,
    )


def parse_page(body: PageBody, offset_min: int) -> Search:
    """Page, order and window alone. Raises InvalidSort, InvalidOrder or InvalidRequest."""
    sort_by = body.sort_by or "create_time"
    if sort_by not in _SORTS:
        raise InvalidSort(f"must be one of {', '.join(_SORTS)}", field="sort_by")
    order = (body.order or "DESC").upper()
    if order not in ("DESC", "ASC"):
        raise InvalidOrder("must be DESC or ASC", field="order")
    return Search(
        limit=DEFAULT_LIMIT if body.limit is None else body.limit,
        offset=body.offset or 0,
        sort_by=sort_by,
        descending=order == "DESC",
        from_ms=_window_end(body.from_date, "from_date", offset_min),
        to_ms=_window_end(body.to_date, "to_date", offset_min),
    )


def _window_end(text: str | None, field: str, offset_min: int) -> int | None:
    if not text:
        return None
    try:
        return parse_time(text, offset_min).ms
    except ValueError as error:
        raise InvalidRequest(str(error), field=field) from error


def _alternatives(
    dataclass: DataClass, group: ConditionGroup | None, offset_min: int
) -> tuple[tuple[Condition, ...], ...]:
    if group is None or not group.conditions:
        if group is not None and group.logics:
            raise InvalidCondition("names conditions, but there are none", field="condition.logics")
        return ()
    fields = search_fields(dataclass)
    if not group.logics:
        return (tuple(_checked(one, fields, offset_min) for one in group.conditions),)
    named: dict[str, SearchCondition] = {}
    for condition in group.conditions:
        if condition.name in named:
            raise InvalidCondition(f"the name {condition.name!r} is there twice", field="condition.conditions")
        named[condition.name] = condition
    return tuple(
        tuple(_checked(_named(named, name), fields, offset_min) for name in names)
        for names in _split_logics(group.logics)
    )


def _split_logics(logics: Sequence[str]) -> list[list[str]]:
    """Names joined by `and`, in groups that are joined by `or`: `and` binds tighter, there are no parentheses."""
    groups: list[list[str]] = [[]]
    for position, word in enumerate(logics):
        if position % 2 == 0:
            groups[-1].append(word)
        elif word.lower() == "or":
            groups.append([])
        elif word.lower() != "and":
            raise InvalidCondition("must be condition names with `and` or `or` between them", field="condition.logics")
    if len(logics) % 2 == 0:
        raise InvalidCondition("must begin and end with a condition name", field="condition.logics")
    return groups


def _named(named: dict[str, SearchCondition], name: str) -> SearchCondition:
    try:
        return named[name]
    except KeyError:
        raise InvalidCondition(f"no condition is called {name!r}", field="condition.logics") from None


def _checked(condition: SearchCondition, fields: dict[str, SearchField], offset_min: int) -> Condition:
    place = f"condition.conditions[{condition.name}]"
    if len(condition.data) != 3:
        raise InvalidCondition("data must be [field, operator, value]", field=place)
    name, operator, value = condition.data
    field = fields.get(name)
    if field is None:
        raise InvalidCondition(f"cannot be searched by {name!r}; known are {', '.join(fields)}", field=place)
    known = _OPERATORS.get(" ".join(operator.lower().split()))
    if known is None:
        raise InvalidCondition(f"no operator {operator!r}; known are {', '.join(_OPERATORS)}", field=place)
    positive, negated = known
    if positive == "contains" and field.kind is not Kind.TEXT:
        raise InvalidCondition(f"contains needs a text field, and {name} is none", field=place)
    parts = [part.strip() for part in value.split(",")] if positive == "in" else [value]
    values = tuple(_typed(field.kind, part, f"{place} on {name}", offset_min) for part in parts)
    if positive in ("<", ">", "<=", ">=") and values[0] is None:
        raise InvalidCondition(f"{operator} needs a value", field=place)
    return Condition(field=field, operator=positive, values=values, negated=negated)


def _typed(kind: Kind, text: str, place: str, offset_min: int) -> str | int | float | None:
    if kind is Kind.TEXT:
        return text
    if text == "":
        return None
    try:
        if kind is Kind.TIME:
            return parse_time(text, offset_min).ms
        if kind is Kind.SEVERITY:
            return severity_rank(listed(text, SEVERITIES, place))
        return _number(text)
    except InvalidRequest as error:
        raise InvalidCondition(str(error)) from error
    except ValueError as error:
        raise InvalidCondition(str(error), field=place) from error


def _number(text: str) -> int | float:
    stripped = text.strip()
    if stripped.isascii() and stripped.lstrip("+-").isdigit() and len(stripped) < 19:
        return int(stripped)
    try:
        value = float(stripped) if stripped.isascii() and "_" not in stripped else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value
