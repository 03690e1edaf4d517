"""Data objects as rows of a spreadsheet: a column for each field, one page of rows after the other.

A page continues behind the last row of the one before, so that an export holds no transaction open while its reader
is slow, and a page deep inside costs no more than the first.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.objects.documents import members_of
from tocsin.objects.fields import OBJECT, OBJECTS, STRINGS, FieldSpec, fields_of
from tocsin.objects.records import DataClass, ObjectRow
from tocsin.objects.rendering import render
from tocsin.objects.service import count_objects, page_rows, related_lists
from tocsin.paging import Search
from tocsin.spreadsheet import SHEET_ROWS, Cell, fits
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import Scope

PAGE_ROWS = 1000
PAGE_CHARS = 4 * 1024 * 1024
NOTED_CUTS = 1000
_AS_JSON = (OBJECT, OBJECTS, STRINGS)


class Cut(msgspec.Struct, frozen=True):
    """A text that did not fit into its cell."""

    object_id: str
    field: str
    characters: int


class ExportPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: Sequence[Sequence[Cell]]
    cuts: Sequence[Cut]
    # Where the next page begins; None behind the last row.
    after: tuple[int, str] | None


def export_fields(dataclass: DataClass, title: Sequence[str] | None) -> list[FieldSpec]:
    """The fields that are asked for, in the order asked for; all of them when none is named. Raises InvalidRequest."""
    known = {one.key: one for one in fields_of(dataclass)}
    if unknown := [name for name in title or () if name not in known]:
        raise InvalidRequest(f"there is no field {unknown[0]!r}; known are {', '.join(known)}", field="title")
    return [known[name] for name in dict.fromkeys(title)] if title else list(known.values())


def count_rows(tx: Transaction, scope: Scope, dataclass: DataClass, search: Search, limit: int | None) -> int:
    """How many rows the export will have. Raises InvalidRequest for more than a sheet holds."""
    found = max(count_objects(tx, scope, dataclass, search) - search.offset, 0)
    wanted = found if limit is None else min(found, limit)
    if wanted >= SHEET_ROWS:
        raise InvalidRequest(
            f"{wanted} rows are more than the {SHEET_ROWS - 1} that a sheet holds: narrow the condition or the dates",
            field="data_object_filters_form",
        )
    return wanted


def export_page(
    tx: Transaction, scope: Scope, dataclass: DataClass, search: Search, fields: Sequence[FieldSpec]
) -> ExportPage:
    """The rows of a page, `search.limit` of them at most, as cells."""
    rows, more = _bounded(page_rows(tx, scope, dataclass, search))
    more = more or len(rows) == search.limit
    with_lists = any(field.kind == STRINGS for field in fields)
    related = related_lists(tx, scope, rows) if with_lists else {}
    cuts: list[Cut] = []
    cells = []
    for row in rows:
        members = members_of(bytes(render(row, scope, related).data_object).decode())
        values = [_cell(field, members.get(field.key)) for field in fields]
        cells.append(values)
        cuts += [
            Cut(row.id, field.key, len(value))
            for field, value in zip(fields, values, strict=True)
            if isinstance(value, str) and not fits(value)
        ]
    last = (getattr(rows[-1], search.sort_by), rows[-1].id) if rows and more else None
    return ExportPage(rows=cells, cuts=cuts, after=last)


def _bounded(found: Iterator[ObjectRow]) -> tuple[list[ObjectRow], bool]:
    """The first rows, until they are too much text to be written out at once, and whether there are more."""
    rows: list[ObjectRow] = []
    chars = 0
    for row in found:
        rows.append(row)
        chars += len(row.document)
        if chars > PAGE_CHARS:
            return rows, True
    return rows, False


def _cell(field: FieldSpec, raw: msgspec.Raw | None) -> Cell:
    if raw is None:
        return None
    if field.kind in _AS_JSON:
        text = bytes(raw).decode()
        return None if text == "[]" else text
    value: Any = msgspec.json.decode(raw)
    return value if value is None or isinstance(value, str | int | float) else bytes(raw).decode()


def report_rows(rows: int, found: int, cuts: int, noted: Sequence[Cut]) -> list[list[Cell]]:
    """What the workbook says about itself, on a sheet of its own."""
    lines: list[list[Cell]] = [["rows", rows], ["cells that were cut", cuts]]
    if rows != found:
        lines.append(["rows found at the beginning, of which some were changed or deleted meanwhile", found])
    if noted:
        lines.append(["object", "field", "characters"])
        lines += [[one.object_id, one.field, one.characters] for one in noted]
    if cuts > len(noted):
        lines.append([f"and {cuts - len(noted)} more"])
    return lines
