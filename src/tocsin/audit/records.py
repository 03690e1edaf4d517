"""Who changed what, when and by which request."""

from typing import Any

import msgspec


class AuditRow(msgspec.Struct, frozen=True):
    """One change. `changes` is JSON: for each field that changed, [before, after]; null stands for absent."""

    time: int
    request_id: str
    sequence: int
    user_id: str
    user_name: str
    operation: str
    object_class: str
    object_id: str
    changes: str


class Change(msgspec.Struct, frozen=True):
    """A change to be written down: `fields` maps a field to its value before and after, or is the JSON of that."""

    object_class: str
    object_id: str
    fields: dict[str, tuple[Any, Any]] | msgspec.Raw
