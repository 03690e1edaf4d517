"""The fields of a data class, as lists of fields, exports and imports show them: made from the typed models."""

import functools
import types
import typing
from typing import Any

import msgspec

from tocsin.objects.documents import fixed_defaults
from tocsin.objects.models import MODELS
from tocsin.objects.records import (
    CLOSE_REASONS,
    DATA_CLASSES,
    INDICATOR_STATUSES,
    SEVERITIES,
    STATUSES,
    VERDICTS,
    DataClass,
)
from tocsin.objects.searching import search_fields

STRING, INTEGER, BOOLEAN, TIMESTAMP, ENUM = "String", "Integer", "Boolean", "Timestamp", "Enum"
OBJECT, OBJECTS, STRINGS = "Object", "List<Object>", "List<String>"

_CHOICES = {
    "severity": SEVERITIES,
    "handle_status": STATUSES,
    "close_reason": CLOSE_REASONS,
    "verdict": VERDICTS,
    "status": INDICATOR_STATUSES,
}
# Written by the server, whatever a client or a spreadsheet says.
_OF_THE_SERVER = {
    "create_time": TIMESTAMP,
    "update_time": TIMESTAMP,
    "project_id": STRING,
    "workspace_id": STRING,
    "dataclass_id": STRING,
    **{one.list_field: STRINGS for one in DATA_CLASSES},
}


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One member of a `data_object`. `kind` is the vendor's word for its type."""

    key: str
    kind: str
    required: bool = False
    read_only: bool = False
    searchable: bool = False
    choices: tuple[str, ...] = ()
    # What a new object has where its client says nothing, as text.
    default: str | None = None


@functools.cache
def fields_of(dataclass: DataClass) -> tuple[FieldSpec, ...]:
    """Every field, what names the object first and what the server writes last."""
    searchable = {name.partition(".")[0] for name in search_fields(dataclass)}
    hints = typing.get_type_hints(MODELS[dataclass.name])
    defaults = {key: str(value).strip() for key, value in fixed_defaults(dataclass).items()}
    first = ("id", dataclass.title_field)
    own = [
        FieldSpec(
            key=key,
            kind=ENUM if key in _CHOICES else TIMESTAMP if key.endswith("_time") or key == "sla" else _kind(hints[key]),
            required=key in dataclass.required,
            searchable=key in searchable,
            choices=_CHOICES.get(key, ()),
            default=defaults.get(key),
        )
        for key in (*first, *(key for key in hints if key not in first))
    ]
    server = {**_OF_THE_SERVER, **({"is_auto_closed": STRING} if dataclass.handled else {"is_deleted": BOOLEAN})}
    return (
        *own,
        *(FieldSpec(key=key, kind=kind, read_only=True, searchable=key in searchable) for key, kind in server.items()),
    )


def _kind(hint: Any) -> str:
    """The widest of the types that a member may have: a number that may come as text is a number."""
    options = [one for one in typing.get_args(hint) if one is not types.NoneType]
    if str in options and bool in options:
        return STRING  # simulation: text, or in Terraform's hands a boolean
    for base, kind in ((bool, BOOLEAN), (int, INTEGER)):
        if base in options:
            return kind
    if any(typing.get_origin(one) is list for one in options):
        return OBJECTS
    return STRING if str in options else OBJECT
