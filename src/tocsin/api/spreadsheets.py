"""Exports, imports and import templates, of any data class."""

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec

from tocsin.api.operations import SUCCESS, Answer, Call
from tocsin.errors import InvalidRequest
from tocsin.exchange.exporting import (
    NOTED_CUTS,
    PAGE_ROWS,
    Cut,
    ExportPage,
    count_rows,
    export_fields,
    export_page,
    report_rows,
)
from tocsin.exchange.importing import Import, RefusedRow
from tocsin.exchange.importing import store_import as store
from tocsin.objects.fields import FieldSpec, fields_of
from tocsin.objects.records import DataClass
from tocsin.objects.searching import SearchBody, parse_search
from tocsin.paging import Search
from tocsin.spreadsheet import WorkbookWriter
from tocsin.spreadsheet import template as empty_workbook
from tocsin.storage.database import Transaction, Work, finished
from tocsin.workspaces.service import require_workspace

T = TypeVar("T")


class ClassOfPath(Protocol):
    """What these handlers need of a target: the data class that a call is about."""

    def dataclass(self, call: Call[Any]) -> DataClass: ...


class ExportBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which objects, as in a search, and which of their fields. `limit` and `offset` hold only when they are there."""

    data_object_filters_form: SearchBody | None = None
    title: Annotated[list[str], msgspec.Meta(max_length=999)] | None = None
    action: Literal["exportDataObject", "exportTemplate"] | None = None


class ImportedIds(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's list of new ids, and (an addition of ours) how many rows were refused, and why the first ones."""

    ids: Sequence[str]
    refused: Sequence[RefusedRow]
    refused_count: int


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    success: bool = True
    data: ImportedIds


async def template(target: ClassOfPath, call: Call[Any]) -> Answer:
    dataclass = target.dataclass(call)
    columns = [one.key for one in fields_of(dataclass) if not one.read_only]
    return Answer(body=empty_workbook(dataclass.title, columns), headers=_attached(f"{dataclass.name}-template.xlsx"))


async def export(target: ClassOfPath, call: Call[ExportBody]) -> Answer:
    if call.body.action == "exportTemplate":
        return await template(target, call)
    dataclass = target.dataclass(call)
    form = call.body.data_object_filters_form or SearchBody()
    search = msgspec.structs.replace(
        parse_search(dataclass, form, call.acting.offset_min),
        # What is changed while an export runs must not move out of its way, or into it twice.
        sort_by="create_time",
    )
    fields = export_fields(dataclass, call.body.title)
    rows = await _read(call, lambda tx: count_rows(tx, call.acting, dataclass, search, form.limit))
    return Answer(stream=_workbook(call, dataclass, search, fields, rows), headers=_attached(f"{dataclass.name}.xlsx"))


async def _workbook(
    call: Call[Any], dataclass: DataClass, search: Search, fields: Sequence[FieldSpec], wanted: int
) -> AsyncIterator[bytes]:
    async with call.services.exporting.of(call.acting.caller.user_id):
        async for piece in _pieces(call, dataclass, search, fields, wanted):
            yield piece


async def _pieces(
    call: Call[Any], dataclass: DataClass, search: Search, fields: Sequence[FieldSpec], wanted: int
) -> AsyncIterator[bytes]:
    writer = WorkbookWriter(dataclass.title, [one.key for one in fields], report=True)
    yield writer.rows([])
    written = cuts = 0
    noted: list[Cut] = []
    while written < wanted:
        asked = msgspec.structs.replace(search, limit=min(PAGE_ROWS, wanted - written))
        page = await _read(call, functools.partial(_page, call, dataclass, asked, fields))
        yield await asyncio.to_thread(writer.rows, page.rows)
        written += len(page.rows)
        cuts += len(page.cuts)
        noted += page.cuts[: NOTED_CUTS - len(noted)]
        if page.after is None:
            break
        search = msgspec.structs.replace(search, after=page.after, offset=0)
    yield await asyncio.to_thread(writer.finish, report_rows(written, wanted, cuts, noted))


def _page(
    call: Call[Any], dataclass: DataClass, search: Search, fields: Sequence[FieldSpec], tx: Transaction
) -> ExportPage:
    require_workspace(tx, call.acting.project_id, call.acting.workspace_id)
    return export_page(tx, call.acting, dataclass, search, fields)


async def _read(call: Call[Any], work: Work[T]) -> T:
    async with call.services.reading.of(call.acting.caller.user_id):
        return await finished(call.services.database.read(work))


@asynccontextmanager
async def reading(target: ClassOfPath, call: Call[None]) -> AsyncIterator[Import]:
    """The uploaded file, read and checked on another thread; one at a time for a user."""
    if call.form is None:
        raise InvalidRequest("a form with a file is needed", field="the body")
    dataclass = target.dataclass(call)
    plan = Import(upload_bytes=call.form.file.size, timeout_s=call.services.settings.import_timeout_s)
    try:
        async with call.services.importing.of(call.acting.caller.user_id):
            loop = asyncio.get_running_loop()
            read = functools.partial(plan.read, call.form.file.content, call.acting, dataclass)
            await loop.run_in_executor(call.services.import_threads, read)
            yield plan
    finally:
        plan.close()


def store_import(target: ClassOfPath, tx: Transaction, call: Call[None]) -> ImportAnswer:
    strict = call.services.rules.strict_types
    result = store(tx, call.acting, target.dataclass(call), call.prepared, strict_types=strict)
    return ImportAnswer(data=ImportedIds(ids=result.ids, refused=result.refused, refused_count=result.refused_count))


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
