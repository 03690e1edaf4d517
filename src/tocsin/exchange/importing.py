"""Data objects from the rows of a spreadsheet: each row is checked like a client's own object, and refused by itself.

A file is read and checked before the transaction, onto a temporary file; storing it is then one transaction of few,
large statements.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import InvalidRequest, Unavailable
from tocsin.object_types.service import unusable_types
from tocsin.objects.fields import BOOLEAN, INTEGER, OBJECT, OBJECTS, FieldSpec, fields_of
from tocsin.objects.records import DataClass
from tocsin.objects.service import (
    MADE_BY_CLIENT,
    Draft,
    creation,
    insert_rows,
    insertion,
    known_ids,
    new_object,
    type_texts,
)
from tocsin.spreadsheet import SHEET_ROWS, Cell, is_cut, read_rows
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import Scope

FIELD = "uploadFile"
MAX_UNPACKED_BYTES = 1024**3  # a million rows of eight cells have 600 MB
# What may be laid by of a file: shared texts must not grow into more than files of that size really hold.
_LAID_BY_BYTES, _LAID_BY_FACTOR = 64 * 1024 * 1024, 30
_ROW_BYTES = 1024  # of each row these are free: what an object with a title alone takes, however small its file
_CHUNK_ROWS = 1000
_NOTED_REFUSALS = 1000
_IN_MEMORY_BYTES = 4 * 1024 * 1024
_ENCODER = msgspec.msgpack.Encoder()


class RefusedRow(msgspec.Struct, frozen=True):
    """A row of the sheet, by the number that the spreadsheet shows, and why it was not imported."""

    row: int
    message: str


class ImportResult(msgspec.Struct, frozen=True):
    """The ids that were made, in the order of the rows; the first rows that were refused, and how many were in all."""

    ids: Sequence[str]
    refused: Sequence[RefusedRow]
    refused_count: int


class _Ready(msgspec.Struct, frozen=True):
    """A row that passed every check that needs no database."""

    row: int
    types: tuple[str | None, str | None] | None
    insertion: dict[str, Any]
    # JSON of the audit row.
    audit: bytes


_DECODER = msgspec.msgpack.Decoder(_Ready)


class Import:
    """The rows of a file of `upload_bytes`, checked and laid by. `close` it; that stops a reading on another thread."""

    def __init__(self, *, upload_bytes: int, timeout_s: float) -> None:
        self.refused: list[RefusedRow] = []
        self.refused_count = 0
        self.types: set[tuple[str | None, str | None]] = set()
        self.count = 0
        self._ids: set[str] = set()
        self._room = _LAID_BY_BYTES + _LAID_BY_FACTOR * upload_bytes
        self._timeout_s = timeout_s
        self._deadline = 0.0
        self._closed = False
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `close`

    def close(self) -> None:
        self._closed = True
        self._file.close()

    def read(self, content: BinaryIO, scope: Scope, dataclass: DataClass) -> None:
        """Take in a workbook.

        Raises InvalidRequest for a file that is none, has a column that nobody knows, or takes too long to read;
        Unavailable when there is no room to lay its rows by.
        """
        self._deadline = time.monotonic() + self._timeout_s
        fields = {one.key: one for one in fields_of(dataclass)}
        limits = {"max_rows": SHEET_ROWS, "max_unpacked_bytes": MAX_UNPACKED_BYTES}
        for number, cells in read_rows(content, **limits, between=self._go_on):
            _refuse_unknown(cells, fields)
            try:
                ready = self._checked(number, cells, fields, scope, dataclass)
            except InvalidRequest as error:
                self._refuse(number, str(error).removeprefix("data_object."))
            else:
                self._lay_by(ready)
        if not self.count and not self.refused:
            raise InvalidRequest("has no rows below the one with the names of the fields", field=FIELD)

    def _go_on(self) -> None:
        if self._closed or time.monotonic() > self._deadline:
            raise InvalidRequest(f"takes more than {self._timeout_s:g} seconds to read: split it", field=FIELD)

    def _refuse(self, number: int, message: str) -> None:
        self.refused_count += 1
        if len(self.refused) < _NOTED_REFUSALS:
            self.refused.append(RefusedRow(number, message))

    def chunks(self) -> Iterator[list[_Ready]]:
        """The rows that passed, some at a time. Can be asked for again. Raises Unavailable for a full disk."""
        try:
            self._file.seek(0)
        except OSError as error:  # what was still to be written had no room
            raise Unavailable(f"the rows cannot be laid by: {error.strerror}") from error
        chunk: list[_Ready] = []
        while head := self._file.read(4):
            chunk.append(_DECODER.decode(self._file.read(int.from_bytes(head, "big"))))
            if len(chunk) == _CHUNK_ROWS:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _checked(
        self,
        number: int,
        cells: Mapping[str, Cell],
        fields: Mapping[str, FieldSpec],
        scope: Scope,
        dataclass: DataClass,
    ) -> _Ready:
        members = {key: _member(fields[key], value) for key, value in cells.items() if not fields[key].read_only}
        new = new_object(scope, dataclass, Draft(msgspec.json.encode(members)))
        if new.id in self._ids:
            raise InvalidRequest("is there twice in this file", field="id")
        if "id" in members:
            self._ids.add(new.id)
        types = type_texts(new.prepared)
        if types is not None:
            self.types.add(types)
        return _Ready(
            number,
            types,
            insertion(scope, dataclass, new, origin=MADE_BY_CLIENT),
            msgspec.json.encode(creation(dataclass, new).fields),
        )

    def _lay_by(self, ready: _Ready) -> None:
        text = _ENCODER.encode(ready)
        self._room -= max(len(text) - _ROW_BYTES, 0)
        if self._room < 0:
            raise InvalidRequest("the texts of the file are too long in all: split it", field=FIELD)
        try:
            self._file.write(len(text).to_bytes(4, "big") + text)
        except OSError as error:
            raise Unavailable(f"the rows cannot be laid by: {error.strerror}") from error
        self.count += 1


def store_import(
    tx: Transaction, scope: Scope, dataclass: DataClass, plan: Import, *, strict_types: bool
) -> ImportResult:
    """Store the rows that passed, but for those whose type or id the database refuses; all in this transaction."""
    unusable = unusable_types(tx, scope, dataclass.name, plan.types, strict=strict_types)
    ids: list[str] = []
    refused: list[RefusedRow] = []
    for chunk in plan.chunks():
        known = known_ids(tx, scope, dataclass, [one.insertion["id"] for one in chunk])
        accepted = []
        for one in chunk:
            if one.types in unusable:
                refused.append(RefusedRow(one.row, f"{dataclass.type_field}: {unusable[one.types]}"))
            elif one.insertion["id"] in known:
                refused.append(RefusedRow(one.row, "id: an object with this id exists, or was deleted"))
            else:
                accepted.append(one)
        insert_rows(tx, [one.insertion for one in accepted])
        changes = (Change(dataclass.name, one.insertion["id"], msgspec.Raw(one.audit)) for one in accepted)
        record_changes(tx, scope, changes, first_sequence=len(ids))
        ids += [one.insertion["id"] for one in accepted]
    noted = sorted([*plan.refused, *refused], key=lambda one: one.row)[:_NOTED_REFUSALS]
    return ImportResult(ids=ids, refused=noted, refused_count=plan.refused_count + len(refused))


def _refuse_unknown(cells: Mapping[str, Cell], fields: Mapping[str, FieldSpec]) -> None:
    for name in cells:
        if name not in fields:
            raise InvalidRequest(f"has a column {name!r} that is no field; known are {', '.join(fields)}", field=FIELD)


def _member(field: FieldSpec, value: Cell) -> Any:
    """A cell as the member of a `data_object`. Raises InvalidRequest naming the field."""
    if isinstance(value, str) and is_cut(value):
        raise InvalidRequest("was cut by an export, because it did not fit into its cell", field=field.key)
    if field.kind in (OBJECT, OBJECTS):
        return _json(field, value)
    if field.kind == BOOLEAN:
        return _boolean(field, value)
    if field.kind == INTEGER:
        return _integer(field, value)
    if isinstance(value, bool):
        # The one text that Terraform sends, and needs back, as a boolean.
        return value if field.key == "simulation" else str(value).lower()
    return value if value is None or isinstance(value, str) else str(value)


def _json(field: FieldSpec, value: Cell) -> msgspec.Raw:
    text = str(value).encode()
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest("must be JSON text", field=field.key) from error
    return msgspec.Raw(text)


def _boolean(field: FieldSpec, value: Cell) -> bool:
    texts = {"true": True, "false": False, "1": True, "0": False}
    known = texts.get(str(value).strip().lower())
    if known is None:
        raise InvalidRequest("must be true or false", field=field.key)
    return known


def _integer(field: FieldSpec, value: Cell) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
            raise InvalidRequest("must be a whole number", field=field.key)
        return int(text)
    return value
