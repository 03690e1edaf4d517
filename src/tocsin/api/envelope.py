"""The shapes of bodies that several operations share. Source: API reference, response envelope."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from tocsin.api.operations import SUCCESS
from tocsin.errors import InvalidRequest
from tocsin.objects.rendering import ObjectDetail
from tocsin.paging import Page, Search

_Id = Annotated[str, msgspec.Meta(max_length=100)]
# Terraform sends a bare string where a list of ids is declared.
IdList = Annotated[list[_Id], msgspec.Meta(max_length=999)] | _Id


# The object as text, which is checked and kept member by member.
ObjectText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class CreateBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a create. `id` is of the generic form, whose other members say nothing about the object."""

    data_object: ObjectText
    id: Annotated[str, msgspec.Meta(max_length=36)] | None = None


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a change. `batch_ids` says which objects a batch is about; on the path of one object it says nothing."""

    data_object: ObjectText
    batch_ids: IdList | None = None


class BatchIdsBody(msgspec.Struct, frozen=True):
    """DeleteAlertRequestBody and its like."""

    batch_ids: IdList | None = None


class DetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    data: ObjectDetail


class BatchDetail(ObjectDetail, frozen=True, kw_only=True, omit_defaults=True):
    """What a batch changed in every object, and (an addition of ours) in which objects, and which do not exist."""

    error_ids: Sequence[str] = ()
    success_ids: Sequence[str]


class BatchDetailAnswer(DetailAnswer, frozen=True, kw_only=True):
    data: BatchDetail


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """BatchOperateAlertResult: every id of the request is in exactly one list."""

    error_ids: Sequence[str]
    success_ids: Sequence[str]


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    request_id: str
    data: BatchResult


class DeleteAnswer(BatchAnswer, frozen=True, kw_only=True):
    """The lists stand twice: generic clients read them at the top."""

    error_ids: Sequence[str]
    success_ids: Sequence[str]


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Paging in both generations: `size` and `page` for newer SDKs, `limit` and `offset` for older ones."""

    code: str = SUCCESS
    message: str = ""
    success: bool = True
    total: int
    size: int
    page: int
    limit: int
    offset: int
    data: Sequence[Any]


class ObjectSearchAnswer(SearchAnswer, frozen=True, kw_only=True):
    data: Sequence[ObjectDetail]


def object_search_answer(page: Page[ObjectDetail], search: Search) -> ObjectSearchAnswer:
    return ObjectSearchAnswer(
        total=page.total,
        size=search.limit,
        page=page_number(search.offset, search.limit),
        limit=search.limit,
        offset=search.offset,
        data=page.rows,
    )


def page_number(offset: int, limit: int) -> int:
    """Counted from 1. A limit of 0 asks for the total only."""
    return offset // limit + 1 if limit else 1


def done_or_not(done_failed: tuple[list[str], list[str]]) -> BatchResult:
    done, failed = done_failed
    return BatchResult(error_ids=failed, success_ids=done)


def id_list(ids: IdList | None) -> list[str]:
    """A list, whichever way the ids came."""
    if ids is None:
        return []
    return [ids] if isinstance(ids, str) else ids


def named_ids(ids: IdList | None) -> list[str]:
    """Raises InvalidRequest when no object is named."""
    found = id_list(ids)
    if not found:
        raise InvalidRequest("name 1 to 999 objects", field="batch_ids")
    return found
