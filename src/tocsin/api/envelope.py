"""The shapes of bodies that several operations share. Source: API reference, response envelope."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from tocsin.api.operations import SUCCESS
from tocsin.objects.rendering import ObjectDetail
from tocsin.paging import Page, Search

_Id = Annotated[str, msgspec.Meta(max_length=100)]
# Terraform sends a bare string where a list of ids is declared.
IdList = Annotated[list[_Id], msgspec.Meta(max_length=999)] | _Id


class DataObjectBody(msgspec.Struct, frozen=True):
    """Body of create and change: the object as text, which is checked and kept member by member."""

    data_object: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class BatchIdsBody(msgspec.Struct, frozen=True):
    """DeleteAlertRequestBody and its like."""

    batch_ids: IdList | None = None


class DetailAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    data: ObjectDetail


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """BatchOperateAlertResult: every id of the request is in exactly one list."""

    error_ids: Sequence[str]
    success_ids: Sequence[str]


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    data: BatchResult


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
    data: Sequence[ObjectDetail]


def search_answer(page: Page[ObjectDetail], search: Search) -> SearchAnswer:
    return SearchAnswer(
        total=page.total,
        size=search.limit,
        page=search.offset // search.limit + 1 if search.limit else 1,
        limit=search.limit,
        offset=search.offset,
        data=page.rows,
    )


def id_list(ids: IdList | None) -> list[str]:
    """A list, whichever way the ids came."""
    if ids is None:
        return []
    return [ids] if isinstance(ids, str) else ids
